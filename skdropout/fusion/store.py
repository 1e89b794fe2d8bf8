"""A folder in which entries are kept, by key: one SQLite database.

SQLite's transactions hold when a process is killed at any moment, and when several
processes use one folder; and it is part of Python.
"""

import hashlib
import sqlite3
import threading
import time
from collections.abc import Iterable
from pathlib import Path

_FILE = "fits.sqlite3"
_WAIT_SECONDS = 30.0
_SCHEMA = """
CREATE TABLE IF NOT EXISTS entries (
    key BLOB PRIMARY KEY,
    versions TEXT NOT NULL,
    digest BLOB NOT NULL,
    used REAL NOT NULL,
    value BLOB NOT NULL
)
"""


class Damaged(Exception):
    """An entry is not as it was written."""


class OtherVersions(Exception):
    """An entry was made by other versions, which it names."""


class Store:
    """Entries of bytes. For several threads.

    Parameters
    ----------
    folder : Path
        Made if need be.
    max_bytes : float
        Size of all entries, of which those go first that were used last.
    versions : str
        Of all that entries depend on besides their keys.

    Raises
    ------
    OSError, sqlite3.Error
        Of this and of each method, if the folder cannot be used.
    """

    def __init__(self, folder: Path, max_bytes: float, versions: str):
        folder.mkdir(parents=True, exist_ok=True)
        self.path = folder / _FILE
        self._max_bytes = max_bytes
        self._versions = versions
        self._lock = threading.Lock()
        self._connection = sqlite3.connect(
            self.path,
            timeout=_WAIT_SECONDS,
            isolation_level=None,  # transactions are begun where they are needed
            check_same_thread=False,
        )
        with self._lock:
            # Of a process that is killed nothing is lost, and few writes are waited for.
            self._connection.execute("PRAGMA journal_mode=WAL")
            self._connection.execute("PRAGMA synchronous=NORMAL")
            self._connection.execute(_SCHEMA)

    def get(self, key: bytes) -> bytes | None:
        """The entry of a key, if there is one.

        Raises
        ------
        Damaged, OtherVersions
        """
        with self._lock:
            found = self._connection.execute(
                "SELECT versions, digest, CAST(value AS BLOB) FROM entries WHERE key = ?",
                (key,),
            ).fetchone()
            if found is None:
                return None
            versions, digest, value = found
            if versions != self._versions:
                raise OtherVersions(versions)
            if _digest(key, value) != digest:
                self._connection.execute("DELETE FROM entries WHERE key = ?", (key,))
                raise Damaged
            self._connection.execute(
                "UPDATE entries SET used = ? WHERE key = ?", (time.time(), key)
            )
        return value

    def put(self, entries: Iterable[tuple[bytes, bytes]]) -> None:
        """Keep some entries, all or none of them, in the place of those of their keys."""
        now = time.time()
        rows = ((k, self._versions, _digest(k, v), now, v) for k, v in entries)
        with self._lock, self._connection as connection:
            connection.execute("BEGIN IMMEDIATE")
            connection.executemany(
                "INSERT OR REPLACE INTO entries VALUES (?, ?, ?, ?, ?)", rows
            )
            self._evict()

    def _evict(self) -> None:
        sizes = self._connection.execute(
            "SELECT key, length(value) FROM entries ORDER BY used DESC"
        )
        total, unwanted = 0, []
        for key, size in sizes.fetchall():
            total += size
            if total > self._max_bytes:
                unwanted.append((key,))
        self._connection.executemany("DELETE FROM entries WHERE key = ?", unwanted)

    def close(self) -> None:
        with self._lock:
            self._connection.close()


def _digest(key: bytes, value: bytes) -> bytes:
    return hashlib.blake2b(key + value, digest_size=16).digest()

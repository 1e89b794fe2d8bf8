"""Finished fits, and checkpoints of others, that outlive the process."""

import sqlite3
import threading
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from .._output import warn
from .._version import __version__
from ..training.task import Checkpoint, Outcome, Task
from .fit_bytes import from_bytes, to_bytes
from .fit_key import fit_key
from .store import Damaged, OtherVersions, Store

# Seconds from one checkpoint of a stack to the next: at least, at most, and in between a
# multiple of what the last has taken.
_LEAST_SECONDS, _MOST_SECONDS = 5.0, 60.0
_SECONDS_FACTOR = 50.0


class FitCache:
    """Fits that are not to be trained again. For several threads.

    Whatever goes wrong with the folder, fits are trained, and one warning says so.

    Parameters
    ----------
    folder : Path
    max_bytes : float
        Size of all that is kept.
    """

    def __init__(self, folder: Path, max_bytes: float):
        self._folder = folder
        self._lock = threading.Lock()
        self._warned: set[str] = set()
        self._store: Store | None = None
        try:
            self._store = Store(folder, max_bytes, _versions())
        except (OSError, sqlite3.Error) as error:
            self._give_up(error)

    def find(self, task: Task) -> tuple[bytes | None, Outcome | Checkpoint | None]:
        """The key of a task, if it has one, and what has been kept of it."""
        if self._store is None:
            return None, None
        key = fit_key(task)
        if key is None:
            return None, None
        try:
            data = self._store.get(key)
            return key, None if data is None else from_bytes(data)
        except OtherVersions as error:
            self._warn(
                "versions",
                f"{self._folder} holds fits that were made with {error}. They are "
                "trained anew.",
            )
        except (OSError, sqlite3.Error) as error:
            self._give_up(error)
        except Exception as error:  # of bytes that are not what was written
            what = "" if isinstance(error, Damaged) else f" ({error!r})"
            self._warn(
                "damaged",
                f"An entry of {self._folder} is damaged{what}. The fit is trained anew.",
            )
        return key, None

    def keep(self, results: Iterable[tuple[bytes, Outcome | Checkpoint]]) -> None:
        """Keep results by the keys of their tasks, in place of what there was."""
        store = self._store
        if store is None:
            return
        try:
            store.put((key, to_bytes(result)) for key, result in results)
        except (OSError, sqlite3.Error) as error:
            self._give_up(error)

    def record(self, keys: dict[int, bytes]) -> "CacheRecord":
        """A record of the tasks with these keys, by the tasks' ids."""
        return CacheRecord(self, keys)

    def close(self) -> None:
        store, self._store = self._store, None
        if store is not None:
            store.close()

    def _give_up(self, error: Exception) -> None:
        self._store = None
        self._warn(
            "unusable",
            f"The cache in {self._folder} cannot be used: {error}. Fits are trained, but "
            "not kept.",
        )

    def _warn(self, kind: str, message: str) -> None:
        with self._lock:
            is_new = kind not in self._warned
            self._warned.add(kind)
        if is_new:
            warn(message)


class CacheRecord:
    """Keeps what a stack has trained while it goes on; the ``Record`` of a trainer.

    Parameters
    ----------
    cache : FitCache
    keys : dict of int to bytes
        Keys of the tasks that have one, by the tasks' ids.
    """

    def __init__(self, cache: FitCache, keys: dict[int, bytes]):
        self._cache = cache
        self._keys = keys
        self._asked_at = time.monotonic()
        self._due_at = self._asked_at + _LEAST_SECONDS

    @property
    def is_due(self) -> bool:
        self._asked_at = time.monotonic()
        return self._asked_at >= self._due_at

    def keep(self, tasks: Sequence[Task], results: Sequence[Any]) -> None:
        kept = [
            (self._keys[id(task)], result)
            for task, result in zip(tasks, results, strict=True)
            if id(task) in self._keys and _is_kept(result)
        ]
        if kept:
            self._cache.keep(kept)
        now = time.monotonic()
        pause = max(_LEAST_SECONDS, _SECONDS_FACTOR * (now - self._asked_at))
        self._due_at = now + min(pause, _MOST_SECONDS)


def _is_kept(result: Any) -> bool:
    """Whether a result is one, and not that of an interrupt."""
    if isinstance(result, Outcome):
        return result.stop_reason != "interrupted"
    return isinstance(result, Checkpoint)


def _versions() -> str:
    """Of what weights depend on besides the data."""
    from .._backend import keras, tf  # late, as it brings TensorFlow along

    return (
        f"skdropout {__version__}, keras {keras.__version__}, numpy {np.__version__}, "
        f"tensorflow {tf.__version__}"
    )

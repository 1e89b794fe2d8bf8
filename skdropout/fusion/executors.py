"""Executors, whose workers train the stacks instead of this process."""

import concurrent.futures
import hashlib
import threading
import time
import weakref
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Protocol

import numpy as np
from joblib import cpu_count
from scipy import sparse

from .._output import warn
from ..training.frames import Frame
from ..training.task import Rows, Task
from .remote import (
    Lacking,
    Package,
    RowKeys,
    WrongWorkerError,
    check_worker,
    train_package,
    versions,
    without_rows,
)

# How often a stack is sent before it is trained here.
_N_ATTEMPTS = 3
_POLL_SECONDS = 0.1
_COUNT_SECONDS = 1.0


class Wire(Protocol):
    """How stacks come to the workers of an executor."""

    def n_at_a_time(self) -> int:
        """Stacks that can be in training at a time."""

    def check(self, expected: dict[str, str]) -> None:
        """Raise WrongWorkerError if a worker has not these versions, by name."""

    def send(
        self, package: Package, arrays: dict[bytes, Any]
    ) -> "concurrent.futures.Future":
        """Have a stack trained, which needs these arrays."""

    def forget(self, keys: Sequence[bytes]) -> None:
        """Send these arrays anew, of which a worker has been lost or has let go."""


class Workers:
    """The workers of an executor. For several threads.

    Parameters
    ----------
    wire : Wire

    Attributes
    ----------
    n_at_a_time : int
        Stacks that can be in training at a time.
    on_change : callable or None
        Called when that has become another number.

    Raises
    ------
    RuntimeError
        If the executor has been shut down; WrongWorkerError if a worker lacks skdropout
        or has other versions.
    """

    def __init__(self, wire: Wire):
        self._wire = wire
        self.on_change: Callable[[], None] | None = None
        self._versions = versions()
        with _refusals_explained():
            wire.check(self._versions)
        self._keys = _ArrayKeys()
        self._lock = threading.Lock()
        self._has_warned = False
        self.n_at_a_time = max(1, wire.n_at_a_time())
        self._counted_at = time.monotonic()

    def train(
        self,
        tasks: Sequence[Task],
        before_poll: Callable[[], None],
        frame: Frame,
        size: int,
        limit: float | None,
    ) -> list[Any] | None:
        """Have a stack trained.

        Parameters
        ----------
        tasks, frame, size
            Those of ``train_or_halve``.
        before_poll : callable
            Called every now and then; raises to give up waiting.
        limit : float or None
            Seconds after which what is not finished is ended.

        Returns
        -------
        list or None
            For each task its outcome or error; None if the stack is to be trained here,
            as a callback is to see it, or as it can't be sent.
        """
        if any(task.hook is not None or task.settings.verbose for task in tasks):
            return None
        arrays: dict[bytes, Any] = {}
        rows = [
            (
                self._take(task.rows, arrays),
                None if task.validation is None else self._take(task.validation, arrays),
            )
            for task in tasks
        ]
        why: BaseException | None = None
        n_failed = n_lacking = 0
        while n_failed < _N_ATTEMPTS and n_lacking < 10 * self.n_at_a_time + 10:
            package = Package(
                [without_rows(task) for task in tasks],
                rows,
                frame,
                size,
                limit,
                self._versions,
            )
            with _refusals_explained():
                future = self._wire.send(package, arrays)
            try:
                self._wait(future, before_poll)
            except BaseException:
                future.cancel()
                raise
            try:
                results = future.result()
            except WrongWorkerError:
                raise
            except Exception as error:  # of the worker or of the way there
                why = error
                n_failed += 1
                self._wire.forget(list(arrays))
                continue
            if not isinstance(results, Lacking):
                return results
            n_lacking += 1
            self._wire.forget(results.keys)
        self._warn_once(why)
        return None

    def _take(self, rows: Rows, arrays: dict[bytes, Any]) -> RowKeys:
        """Keys of rows, whose arrays are put with the others."""
        X, y = self._keys.of(rows.X), self._keys.of(rows.y)
        arrays |= {X: rows.X, y: rows.y}
        if rows.weight is None:
            return X, y, None
        weight = self._keys.of(rows.weight)
        arrays[weight] = rows.weight
        return X, y, weight

    def _wait(self, future, before_poll: Callable[[], None]) -> None:
        while not concurrent.futures.wait([future], _POLL_SECONDS).done:
            before_poll()
            self._count()

    def _count(self) -> None:
        """Take note of workers that have come or gone."""
        with self._lock:
            now = time.monotonic()
            if now - self._counted_at < _COUNT_SECONDS:
                return
            self._counted_at = now
        try:
            n = max(1, self._wire.n_at_a_time())
        except Exception:  # the way there is lost, of which the stacks will tell
            return
        if n != self.n_at_a_time:
            self.n_at_a_time = n
            if self.on_change is not None:
                self.on_change()

    def _warn_once(self, why: BaseException | None) -> None:
        with self._lock:
            has_warned, self._has_warned = self._has_warned, True
        if not has_warned:
            warn(
                f"A stack of networks could not be trained by the executor ({why!r}). It "
                "is trained in this process.",
            )


@contextmanager
def _refusals_explained() -> Iterator[None]:
    """With what is allowed, where an executor takes nothing in."""
    try:
        yield
    except WrongWorkerError:
        raise
    except RuntimeError as error:
        raise RuntimeError(
            f"The executor takes no stacks ({error}). It must stay open as long as the "
            "context, and its workers alive."
        ) from error


class _ArrayKeys:
    """Keys of arrays by what they hold, each computed once."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._known: dict[int, tuple[weakref.ref, bytes]] = {}

    def of(self, values: Any) -> bytes:
        with self._lock:
            known = self._known.get(id(values))
        if known is not None and known[0]() is values:
            return known[1]
        key = _fingerprint(values)
        with self._lock:
            self._known = {i: k for i, k in self._known.items() if k[0]() is not None}
            self._known[id(values)] = weakref.ref(values), key
        return key


def _fingerprint(values: Any) -> bytes:
    digest = hashlib.blake2b(digest_size=16)
    parts = [values]
    if sparse.issparse(values):
        digest.update(repr(values.shape).encode())
        parts = [values.data, values.indices, values.indptr]
    for part in parts:
        digest.update(f"{part.dtype}{part.shape}".encode())
        digest.update(np.ascontiguousarray(part).data)
    return digest.digest()


class PlainWire:
    """Any ``concurrent.futures.Executor``.

    Nobody says which of its workers takes what. So arrays are sent once, and again where
    a worker finds that it lacks them.
    """

    def __init__(self, executor: concurrent.futures.Executor):
        self._executor = executor
        self._lock = threading.Lock()
        self._sent: set[bytes] = set()

    def n_at_a_time(self) -> int:
        # Those of the standard library, of loky and of mpi4py have it; there is no other
        # way to learn it.
        return getattr(self._executor, "_max_workers", None) or cpu_count()

    def check(self, expected: dict[str, str]) -> None:
        try:
            self._executor.submit(check_worker, expected).result()
        except WrongWorkerError:
            raise
        except ImportError as error:
            raise WrongWorkerError(
                f"A worker of {self._executor!r} lacks a package: {error}. Its workers "
                f"must have {_listed(expected)}."
            ) from error

    def send(self, package: Package, arrays: dict[bytes, Any]):
        with self._lock:
            new = arrays.keys() - self._sent
            self._sent |= new
        values = [array if key in new else None for key, array in arrays.items()]
        return self._executor.submit(train_package, package, list(arrays), *values)

    def forget(self, keys: Sequence[bytes]) -> None:
        with self._lock:
            self._sent -= set(keys)


def _listed(names: dict[str, str]) -> str:
    return ", ".join(f"{name} {version}" for name, version in names.items())

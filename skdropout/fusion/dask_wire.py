"""The workers of a dask cluster, by the executor of its client."""

import sys
import threading
import weakref
from collections import Counter
from collections.abc import Sequence
from functools import partial
from typing import Any

from .remote import Package, WrongWorkerError, check_worker, train_package


def is_of_dask(executor: Any) -> bool:
    """Whether an executor is that of a client of ``distributed``."""
    module = sys.modules.get("distributed.cfexecutor")  # else there is no such client
    return module is not None and isinstance(executor, module.ClientExecutor)


class DaskWire:
    """Arrays are scattered: each is sent to one worker, and workers get them from each
    other, so that all but stacks goes round the scheduler.

    Parameters
    ----------
    executor : distributed.cfexecutor.ClientExecutor
    """

    def __init__(self, executor: Any):
        self._executor = executor
        self._client = executor._client  # nothing public leads to it
        # By whoever has made it, for these workers or for those with a resource.
        self._is_placed = bool(executor._kwargs)
        self._lock = threading.Lock()
        self._scattered: dict[bytes, tuple[weakref.ref, Any]] = {}
        self._n_stacks: Counter[str] = Counter()  # by the address of a worker

    def n_at_a_time(self) -> int:
        return sum(self._client.nthreads().values())

    def check(self, expected: dict[str, str]) -> None:
        found = self._client.run(check_worker, expected, on_error="return")
        for address, error in found.items():
            is_lost = isinstance(error, OSError)  # and others take its stacks
            if isinstance(error, BaseException) and not is_lost:
                names = ", ".join(f"{name} {v}" for name, v in expected.items())
                raise WrongWorkerError(
                    f"The worker at {address} cannot train: {error} It must have {names}."
                ) from error

    def send(self, package: Package, arrays: dict[bytes, Any]):
        with self._lock:
            # What no task has any more is not worth the workers' memory.
            scattered = {k: v for k, v in self._scattered.items() if v[0]() is not None}
            for key, array in arrays.items():
                if key not in scattered:
                    scattered[key] = weakref.ref(array), self._scatter(array)
            self._scattered = scattered
            futures = [scattered[key][1] for key in arrays]
            where = self._least_busy()
            self._n_stacks[where] += 1
        # Left to itself, dask prefers workers that have the arrays to idle ones.
        place = {"workers": [where], "allow_other_workers": True}
        future = self._executor.submit(
            train_package,
            package,
            list(arrays),
            *futures,
            pure=False,
            **({} if self._is_placed or not where else place),
        )
        future.add_done_callback(partial(self._note_end, where))
        return future

    def _least_busy(self) -> str:
        """Address of the worker with the fewest stacks a thread; empty for none."""
        threads = self._client.nthreads()
        return min(
            sorted(threads), key=lambda w: self._n_stacks[w] / threads[w], default=""
        )

    def _note_end(self, where: str, future: Any) -> None:
        with self._lock:
            self._n_stacks[where] -= 1

    def _scatter(self, array: Any):
        try:
            return self._client.scatter(array, hash=False, direct=True)
        except OSError:  # only the scheduler can be reached from here
            return self._client.scatter(array, hash=False, direct=False)

    def forget(self, keys: Sequence[bytes]) -> None:
        with self._lock:
            for key in keys:
                self._scattered.pop(key, None)

"""What a worker of an executor does: it trains a stack that it is sent."""

import os
import pickle
import platform
import time
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from .._version import __version__
from ..training.frames import Frame
from ..training.task import Rows, Task, call
from .time_limit import TimeLimit

# Arrays that a worker keeps for further stacks, at most.
_KEPT_BYTES = 2**31
_kept: OrderedDict[bytes, Any] = OrderedDict()

_NO_ROWS: Any = None
# Of X, y and the weights.
RowKeys = tuple[bytes, bytes, bytes | None]


class WrongWorkerError(RuntimeError):
    """A worker cannot train what this process would."""


class Lacking(NamedTuple):
    """What a worker returns instead of results: keys of arrays that it has not got."""

    keys: list[bytes]


class Package(NamedTuple):
    """A stack without its rows.

    Attributes
    ----------
    tasks : list of Task
    rows : list of tuple
        For each task the keys of its rows, and of its validation rows or None.
    frame : Frame
    size : int
    limit : float or None
        Seconds until what is not finished is ended.
    versions : dict
        Of this process, by the names of packages.
    """

    tasks: list[Task]
    rows: list[tuple[RowKeys, RowKeys | None]]
    frame: Frame
    size: int
    limit: float | None
    versions: dict[str, str]


def versions() -> dict[str, str]:
    """Of what a worker must have the same as this process, by name."""
    from .._backend import keras, tf  # late, as it brings TensorFlow along

    return {
        "skdropout": __version__,
        "keras": keras.__version__,
        "tensorflow": tf.__version__,
    }


def without_rows(task: Task) -> Task:
    """A copy of a task that is small."""
    return replace(task, rows=_NO_ROWS, validation=None, within=call)


def train_package(
    package: Package, keys: Sequence[bytes], *arrays: Any
) -> list[Any] | Lacking:
    """Train a stack.

    Parameters
    ----------
    package : Package
    keys : sequence of bytes
        Of all arrays that it needs.
    *arrays : array or None
        In the order of their keys; None for those that this worker should have kept.

    Returns
    -------
    list or Lacking
        Results as those of `train`, in which errors are such as can be sent.

    Raises
    ------
    WrongWorkerError
        If the worker has other versions, or has been forked.
    """
    from .halving import train_or_halve  # late, as it brings TensorFlow along

    check_worker(package.versions)
    start = time.monotonic()
    found = _with_kept(keys, arrays)
    if isinstance(found, Lacking):
        return found
    rows: dict[RowKeys, Rows] = {}

    def rows_of(keys: RowKeys | None) -> Rows | None:
        if keys is None:
            return None
        X, y, weight = keys
        parts = Rows(found[X], found[y], None if weight is None else found[weight])
        return rows.setdefault(keys, parts)

    for task, (of_training, of_validation) in zip(
        package.tasks, package.rows, strict=True
    ):
        task.rows = rows_of(of_training) or _NO_ROWS
        task.validation = rows_of(of_validation)
    check = _nothing if package.limit is None else TimeLimit(package.limit, start).check
    results = train_or_halve(package.tasks, check, package.frame, package.size)
    return [_sendable(result) for result in results]


def check_worker(expected: dict[str, str]) -> None:
    """Raise WrongWorkerError unless this process has these versions."""
    from .. import _backend

    me = f"The worker {platform.node()}, process {os.getpid()},"
    if os.getpid() != _backend.LOADED_IN:
        raise WrongWorkerError(
            f"{me} has been forked from a process with TensorFlow, which does not work "
            "there. Use an executor whose workers are spawned, such as "
            "ProcessPoolExecutor(mp_context=multiprocessing.get_context('spawn'))."
        )
    found = versions()
    others = [name for name in expected if found.get(name) != expected[name]]
    if others:
        theirs, ours = (
            ", ".join(f"{name} {of.get(name)}" for name in others)
            for of in (found, expected)
        )
        raise WrongWorkerError(f"{me} has {theirs}; it must have {ours}.")


def _nothing() -> None:
    pass


def _with_kept(
    keys: Sequence[bytes], arrays: Sequence[Any]
) -> dict[bytes, Any] | Lacking:
    """All arrays by their keys; those that have been sent are kept, the last used."""
    for key, values in zip(keys, arrays, strict=True):
        if values is not None:
            _kept[key] = values
    lacking = [key for key in keys if key not in _kept]
    if lacking:
        return Lacking(lacking)
    found = {key: _kept[key] for key in keys}
    for key in keys:
        _kept.move_to_end(key)
    n_bytes = sum(map(_n_bytes, _kept.values()))
    while n_bytes > _KEPT_BYTES and len(_kept) > len(found):
        n_bytes -= _n_bytes(_kept.popitem(last=False)[1])
    return found


def _n_bytes(values: Any) -> int:
    """Size of an array, or of the values of a sparse one."""
    return values.nbytes if hasattr(values, "nbytes") else values.data.nbytes


def _sendable(result: Any) -> Any:
    """A result, or an error in its place that can be sent."""
    if not isinstance(result, BaseException):
        return result
    try:
        if type(pickle.loads(pickle.dumps(result))) is type(result):
            return result
    except Exception:
        pass
    return RuntimeError(f"{type(result).__name__}: {result}")

"""What a context is asked for: its options, checked, and the gathering that they make."""

import os
import time
from concurrent.futures import Executor
from numbers import Integral, Real
from pathlib import Path
from typing import Any

from .dask_wire import DaskWire, is_of_dask
from .executors import PlainWire, Wire
from .gathering import Gathering
from .stack_trainer import StackTrainer
from .time_limit import TimeLimit


def make_gathering(
    *,
    max_networks: int = 512,
    max_memory: float | None = None,
    cache: str | os.PathLike | None = None,
    max_cache_size: float = 2**30,
    time_limit: float | None = None,
    executor: Executor | None = None,
) -> Gathering:
    """The gathering of a context with the options of :func:`fused_training`, but for
    those on who joins and what is shown.

    Raises
    ------
    TypeError, ValueError
        If one of them is not what it may be.
    """
    _check_positive("max_networks", max_networks, Integral, "an integer")
    if max_memory is None:
        max_memory = _memory_bytes() / 4
    _check_positive("max_memory", max_memory, Real, "a number of bytes")
    _check_positive("max_cache_size", max_cache_size, Real, "a number of bytes")
    limit = None
    if time_limit is not None:
        _check_positive("time_limit", time_limit, Real, "a number of seconds")
        limit = TimeLimit(time_limit, time.monotonic())
    return Gathering(
        max_networks,
        max_memory,
        StackTrainer(
            None if cache is None else _cache(cache, max_cache_size),
            limit,
            None if executor is None else _wire(executor),
        ),
    )


def _wire(executor: Any) -> Wire:
    if not isinstance(executor, Executor):
        raise TypeError(
            "executor must be a concurrent.futures.Executor, such as that of "
            f"client.get_executor(); got {executor!r}."
        )
    return DaskWire(executor) if is_of_dask(executor) else PlainWire(executor)


def _cache(cache: Any, max_bytes: float):
    from .fit_cache import FitCache  # late, as some builds of Python lack SQLite

    if not isinstance(cache, (str, os.PathLike)):
        raise TypeError(f"cache must be the path of a folder; got {cache!r}.")
    path = Path(cache)
    if path.exists() and not path.is_dir():
        raise ValueError(
            f"cache={str(cache)!r} is not a folder; it must be one, or not be there yet."
        )
    return FitCache(path, max_bytes)


def _check_positive(name: str, value: Any, kind: Any, what: str) -> None:
    if not isinstance(value, kind) or isinstance(value, bool):
        raise TypeError(f"{name} must be {what}; got {value!r}.")
    if not value > 0:  # nor NaN
        raise ValueError(f"{name}={value!r} must be positive.")


def _memory_bytes() -> float:
    """The machine's memory; 8 GiB where the system does not tell."""
    try:
        return float(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
    except (AttributeError, ValueError, OSError):
        return 8.0 * 2**30

"""Compiled programs, kept for the next fit of the same shape."""

import threading
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager

from .stack import Program, ProgramKey

# Enough for a sweep over layer sizes; what is beyond is compiled again when needed.
_MAX_IDLE = 64

_lock = threading.Lock()
_idle: OrderedDict[ProgramKey, list[Program]] = OrderedDict()


@contextmanager
def borrow(key: ProgramKey) -> Iterator[Program]:
    """A program for `key`, for this thread alone until the context ends."""
    with _lock:
        programs = _idle.get(key)
        program = programs.pop() if programs else None
    if program is None:
        program = Program(key)
    try:
        yield program
    finally:
        with _lock:
            _idle.setdefault(key, []).append(program)
            _idle.move_to_end(key)
            while sum(map(len, _idle.values())) > _MAX_IDLE:
                oldest = next(iter(_idle))
                _idle[oldest].pop()
                if not _idle[oldest]:
                    del _idle[oldest]

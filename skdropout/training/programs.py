"""Compiled programs, kept for the next fit of the same shape."""

import threading
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager

from .stack import Program, ProgramKey

_lock = threading.Lock()
# Never thrown away: TensorFlow keeps what it has compiled until the process ends, so
# compiling again would only keep it twice.
_idle: defaultdict[ProgramKey, list[Program]] = defaultdict(list)


@contextmanager
def borrow(key: ProgramKey) -> Iterator[Program]:
    """A program for `key`, for this thread alone until the context ends."""
    with _lock:
        program = _idle[key].pop() if _idle[key] else None
    if program is None:
        program = Program(key)
    try:
        yield program
    finally:
        with _lock:
            _idle[key].append(program)

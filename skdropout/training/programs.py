"""Compiled programs, kept for the next fit of the same shape."""

import threading
from collections import defaultdict

from .stack import Program, ProgramKey

_lock = threading.Lock()
_locks: defaultdict[ProgramKey, threading.Lock] = defaultdict(threading.Lock)
# Never thrown away: TensorFlow keeps what it has compiled until the process ends, so
# compiling again would only keep it twice.
_programs: dict[ProgramKey, Program] = {}


def program_for(key: ProgramKey) -> Program:
    """The program for `key`; different ones may be made at the same time."""
    with _lock:
        lock = _locks[key]
    with lock:
        if key not in _programs:
            _programs[key] = Program(key)
        return _programs[key]

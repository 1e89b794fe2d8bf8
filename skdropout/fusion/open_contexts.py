"""The contexts that are open in this process, for the threads that they have not made."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple


class _Context(NamedTuple):
    gathering: Any  # which knows this module
    opener: int  # identifier of the thread
    takes_guests: bool


_open: list[_Context] = []


@contextmanager
def opened(gathering, takes_guests: bool) -> Iterator[None]:
    """While a context is open, whose gathering other threads may join."""
    context = _Context(gathering, threading.get_ident(), takes_guests)
    _open.append(context)
    try:
        yield
    finally:
        _open.remove(context)


def host():
    """The gathering that this thread may join as a guest, of the context that has been
    opened last; None if there is none.

    The thread that has opened the context would wait for nobody. Neither does the main
    thread, which an interrupt may end at any line.
    """
    me = threading.get_ident()
    if me == threading.main_thread().ident:
        return None
    context = next((c for c in reversed(_open) if c.takes_guests), None)
    return None if context is None or context.opener == me else context.gathering


def opened_here():
    """The gathering of the context that this thread has opened last, and not closed."""
    me = threading.get_ident()
    return next((c.gathering for c in reversed(_open) if c.opener == me), None)

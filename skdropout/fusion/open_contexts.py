"""The contexts that are open in this process, for the threads that they have not made."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Generic, NamedTuple, TypeVar

_T = TypeVar("_T")


class _Context(NamedTuple, Generic[_T]):
    gathering: _T
    opener: int  # identifier of the thread


_open: list[_Context] = []


@contextmanager
def open_to_guests(gathering) -> Iterator[None]:
    """While other threads that come to a fit may join the fits of a gathering."""
    context = _Context(gathering, threading.get_ident())
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
    if not _open or me == threading.main_thread().ident:
        return None
    context = _open[-1]
    return None if context.opener == me else context.gathering

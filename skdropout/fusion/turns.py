"""What a process has but one of, as each participant has left it.

The filters of warnings, what shows or records warnings, `sys.stdout` and `sys.stderr` are
changed for a while by context managers. A participant that waits within one is to find
them again when it goes on, and nobody else meanwhile.
"""

import contextvars
import sys
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from .._output import note_call


class _Values(NamedTuple):
    filters: Any
    showwarning: Any
    record: Any
    stdout: Any
    stderr: Any


class Origin(NamedTuple):
    """Where a call is made.

    Attributes
    ----------
    values : tuple or None
        What its participants find; None where they have no turns.
    outside : tuple
        What is to be found while no participant runs.
    context : contextvars.Context
        On which they begin.
    """

    values: _Values | None
    outside: _Values
    context: contextvars.Context

    def without_turns(self) -> "Origin":
        """For participants whose caller does not wait for them, and may change the values
        itself at any time: they are left as they are."""
        return self._replace(values=None)


# To be held for a change; not by the main thread, which can be interrupted.
_lock = threading.Lock()
# Those that run. The values of the process are those of the last.
_running: list["Turn"] = []
_written: _Values | None = None
_of_thread = threading.local()


class Turn:
    """The turns of one participant.

    Parameters
    ----------
    origin : Origin
    is_unwanted : callable
        Whether nobody waits for the participant any more.
    """

    def __init__(self, origin: Origin, is_unwanted: Callable[[], bool]):
        self.is_unwanted = is_unwanted
        self.outside = origin.outside
        self._values = origin.values
        self._context = origin.context.copy()

    def run(self, function: Callable[..., Any], *args: Any) -> Any:
        """Call a function as, and with what, the participant has left."""
        before = _current()
        _of_thread.turn = self
        self._begin()
        try:
            return self._context.run(function, *args)
        finally:
            _of_thread.turn = before
            self._end()

    @contextmanager
    def away(self, left: _Values | None = None) -> Iterator[None]:
        """While the participant waits; what it has left, unless what there is."""
        context = self._context
        self._context = contextvars.copy_context()  # the other is in use
        was_running = self._end()
        if was_running and left is not None:
            self._values = left
        try:
            yield
        finally:
            # A generator of results may outlive the task that has asked for them.
            if was_running and _current() is self:
                self._begin()
            self._context = context

    def _begin(self) -> None:
        if self._values is None:
            return
        with _lock:
            now = _read()
            if _running:
                _running[-1]._values = now
            elif self.is_unwanted():
                self.outside = now  # the caller goes on, and may have changed it
            _running.append(self)
            _write(self._values)

    def _end(self) -> bool:
        """Returns whether it had begun."""
        with _lock:
            if self not in _running:  # the participant consumes a generator of results
                return False
            now = _read()
            if _running[-1] is self:
                self._values = now
                _running.pop()
                _write(_running[-1]._values if _running else self.outside)
                return True
            # Of two at a time, nobody knows who has changed what.
            if _written is None or not _is_same(now, _written):
                self._values = now
            _running.remove(self)
            return True


def origin() -> Origin:
    """Where this thread is."""
    turn, others = _current(), _running[:]
    now = _read()
    others = others or _running[:]
    if turn in others:
        outside = turn.outside
    elif others:  # those of another thread's call
        now = outside = others[0].outside
    else:
        outside = now
    context = contextvars.copy_context()
    context.run(note_call)
    return Origin(now, outside, context)


@contextmanager
def away(call: Origin | None = None) -> Iterator[None]:
    """While the participant that this thread runs waits, for a call that it has made if
    that is given, whose participants may have been running for a while."""
    with _of_thread.turn.away(None if call is None else call.values):
        yield


def stderr_outside() -> Any:
    """What `sys.stderr` is where no participant has changed it."""
    turn = _current()
    return sys.stderr if turn is None else turn.outside.stderr


def let_end(seconds: float) -> None:
    """Wait, but not for long, for participants that run though nobody wants them, so that
    they have put back what they have changed before the caller goes on."""
    me, until = _current(), time.monotonic() + seconds
    while time.monotonic() < until:
        if not any(turn.is_unwanted() for turn in _running[:] if turn is not me):
            return
        time.sleep(0.001)


def _current() -> Turn | None:
    return getattr(_of_thread, "turn", None)


def _read() -> _Values:
    return _Values(
        warnings.filters,
        warnings.showwarning,
        getattr(warnings, "_showwarnmsg_impl", None),
        sys.stdout,
        sys.stderr,
    )


def _write(values: _Values | None) -> None:
    global _written
    assert values is not None
    _written = values
    if _is_same(values, _read()):
        return
    sys.stdout, sys.stderr = values.stdout, values.stderr
    warnings.showwarning = values.showwarning
    if values.record is not None:
        warnings._showwarnmsg_impl = values.record  # type: ignore[attr-defined]
    if warnings.filters is not values.filters:
        warnings.filters = values.filters
        with warnings.catch_warnings():
            pass  # tells that the filters are others


def _is_same(first: _Values, second: _Values) -> bool:
    return all(a is b for a, b in zip(first, second, strict=True))

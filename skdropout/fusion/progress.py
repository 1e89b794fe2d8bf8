"""Who wants to see how far a gathering is, and the thread that shows it."""

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from .._progress_bar import Bar, Reading, make_bar
from .turns import stderr_outside

# Between two readings; each takes a millisecond or two to draw.
_SECONDS = 0.25


class Progress:
    """Shows a bar from when the first comes who wants one until the last has gone.

    Parameters
    ----------
    read : callable
        Returns a `Reading`; called with that of the beginning, or None for this one.
    is_wanted : callable
        Whether a call is open that is to be shown.
    """

    def __init__(
        self,
        read: Callable[[Reading | None], Reading],
        is_wanted: Callable[[], bool],
    ):
        self._read = read
        self._is_wanted = is_wanted
        self._n_holding = 0
        self._lock = threading.Lock()
        self._shown: _Shown | None = None

    @contextmanager
    def shown(self) -> Iterator[None]:
        """While somebody wants it, whatever calls there are."""
        self._n_holding += 1
        self.begin()
        try:
            yield
        finally:
            self._n_holding -= 1
            self.settle()

    def begin(self) -> None:
        """Show it from now on, as there is something to see."""
        with self._lock:
            if self._shown is None:
                self._shown = _Shown(self._read, stderr_outside())
                with contextlib.suppress(RuntimeError):  # no thread to be had
                    name = "skdropout-progress"
                    threading.Thread(target=self._go_on, name=name, daemon=True).start()

    def settle(self) -> None:
        """Show the end, if nobody wants to see more."""
        with self._lock:
            if self._shown is None or self._n_holding or self._is_wanted():
                return
            self._shown.end()  # whoever comes second waits for it, too
            self._shown = None

    def _go_on(self) -> None:
        shown = self._shown
        while shown is not None and not shown.has_ended.wait(_SECONDS):
            shown.show()
            self.settle()


class _Shown:
    """A bar that is there."""

    def __init__(self, read: Callable[[Reading | None], Reading], stream):
        self.has_ended = threading.Event()
        self._read = read
        self._first = read(None)
        self._began = time.monotonic()
        self._stream = stream
        self._bar: Bar | None = None
        self._lock = threading.Lock()

    def show(self) -> None:
        with self._lock:
            if not self.has_ended.is_set():
                self._show(is_last=False)

    def end(self) -> None:
        with self._lock:
            if not self.has_ended.is_set():
                self.has_ended.set()
                self._show(is_last=True)

    def _show(self, *, is_last: bool) -> None:
        reading = self._read(self._first)
        if not reading.n_known:
            return
        reading = reading._replace(seconds=time.monotonic() - self._began)
        with contextlib.suppress(Exception):
            self._bar = self._bar or make_bar(self._stream)
            if is_last:
                self._bar.end(reading)
            else:
                self._bar.show(reading)

"""The watch for stalls: nobody is waited for who cannot go on."""

import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from typing import Any, NamedTuple

# How often to look whether the threads that run do anything, what share of the time
# counts as that, and for how long they may do nothing before the others go on without
# them. The longer time is for systems that do not tell a thread's processor time.
_LOOK_SECONDS = 0.25
_BUSY_SHARE = 0.02
_STALL_SECONDS = 1.0
_UNSEEN_STALL_SECONDS = 30.0


class Sight(NamedTuple):
    """What the watch sees when it looks.

    Attributes
    ----------
    n_changes : int
        Changes that there have been.
    is_training : bool
        Whether any stack is in training.
    threads : list of int
        Identifiers of the threads that could come to a fit.
    """

    n_changes: int
    is_training: bool
    threads: list[int]


class StallWatch:
    """Sees when threads are blocked, as by a lock of a participant that waits.

    Parameters
    ----------
    lock : context manager
        Held while it looks and while the others go on.
    look : callable
        Returns a `Sight`, or None when there is nothing left to watch.
    go_on : callable
        Has the others go on without those that are blocked.
    """

    def __init__(
        self,
        lock: AbstractContextManager[Any],
        look: Callable[[], Sight | None],
        go_on: Callable[[], None],
    ):
        self._lock = lock
        self._look = look
        self._go_on = go_on
        self._thread: threading.Thread | None = None

    def begin(self) -> None:
        """Watch until there is nothing left to see; called with the lock held."""
        if self._thread is None:
            self._thread = threading.Thread(
                target=self._watch, name="skdropout-watch", daemon=True
            )
            self._thread.start()

    def _watch(self) -> None:
        n_changes, processor, since = -1, 0.0, time.monotonic()
        while True:
            time.sleep(_LOOK_SECONDS)
            with self._lock:
                sight = self._look()
                if sight is None:
                    self._thread = None
                    return
                now, before = time.monotonic(), processor
                processor, patience = _processor_seconds(sight.threads)
                is_busy = processor - before > _BUSY_SHARE * _LOOK_SECONDS
                if is_busy or sight.is_training or sight.n_changes != n_changes:
                    n_changes, since = sight.n_changes, now
                elif now - since > patience:
                    self._go_on()


def _processor_seconds(threads: list[int]) -> tuple[float, float]:
    """Time used by some threads, and the patience with them."""
    if not hasattr(time, "pthread_getcpuclockid"):
        return 0.0, _UNSEEN_STALL_SECONDS
    alive = {thread.ident for thread in threading.enumerate()}
    seconds = 0.0
    for thread in (t for t in threads if t in alive):
        with suppress(OSError):  # it may have ended since
            seconds += time.clock_gettime(time.pthread_getcpuclockid(thread))
    return seconds, _STALL_SECONDS

"""The thread that makes changes for the main thread, and looks after all others."""

import queue
import threading
import time
from collections.abc import Callable


class Keeper:
    """Makes changes that are posted, one after the other, in a thread of its own.

    The main thread can be interrupted at any line. So it changes nothing that others
    use, holds no lock, and only posts, which is done or not.

    Parameters
    ----------
    make : callable
        Makes a change.
    look : callable
        Called every now and then; returns whether anything is left to look after.
    pace : callable
        Returns the seconds from one look to the next, which may be others after a change.
    """

    def __init__(
        self,
        make: Callable[[Callable[[], None]], None],
        look: Callable[[], bool],
        pace: Callable[[], float],
    ):
        self._make = make
        self._look = look
        self._pace = pace
        self._posted: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._is_kept = threading.Lock()  # by the one thread that does

    def post(self, change: Callable[[], None]) -> None:
        """Have a change made soon."""
        self._posted.put(change)
        self.begin()

    def begin(self) -> None:
        """Look after what there is, until nothing is left.

        Raises
        ------
        RuntimeError
            If no thread can be had.
        """
        if not self._is_kept.locked():
            threading.Thread(
                target=self._keep, name="skdropout-watch", daemon=True
            ).start()

    def _keep(self) -> None:
        # Again where something has come since it was found that nothing is left.
        is_left = True
        while is_left and self._is_kept.acquire(blocking=False):
            try:
                self._keep_on()
            finally:
                self._is_kept.release()
            is_left = not self._posted.empty() or self._look()

    def _keep_on(self) -> None:
        looked_at = time.monotonic()
        while True:
            seconds = max(0.0, looked_at + self._pace() - time.monotonic())
            try:
                change = self._posted.get(timeout=seconds)
            except queue.Empty:
                if not self._look():
                    return
                looked_at = time.monotonic()
            else:
                self._make(change)
                del change  # and what it holds, while there is nothing to do

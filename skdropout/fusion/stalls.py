"""The watch for stalls: nobody is waited for who cannot go on."""

import threading
import time
from contextlib import suppress
from typing import NamedTuple

# What share of the time a thread has to be busy to count as doing anything, and for how
# long those that run may do nothing before the others go on without them. The longer time
# is for systems that do not tell a thread's processor time.
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
    """Sees when threads are blocked, as by a lock of a participant that waits."""

    def __init__(self) -> None:
        self._n_changes = -1
        self._processor = 0.0
        self._seen_at = self._since = time.monotonic()

    def sees_stall(self, sight: Sight) -> bool:
        """Whether the others are to go on without the threads that run."""
        now = time.monotonic()
        processor, patience = _processor_seconds(sight.threads)
        busy = (processor - self._processor) / max(now - self._seen_at, 1e-3)
        self._processor, self._seen_at = processor, now
        if busy > _BUSY_SHARE or sight.is_training or sight.n_changes != self._n_changes:
            self._n_changes, self._since = sight.n_changes, now
        return now - self._since > patience


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

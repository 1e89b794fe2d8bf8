"""The watch for stalls: nobody is waited for who cannot go on."""

import time
from typing import Literal, NamedTuple

from .processor_time import of_threads

# What share of the time a thread has to be busy to count as doing anything, and for how
# long those that run may do nothing before the others go on without them. The longer time
# is for systems that do not tell a thread's processor time.
_BUSY_SHARE = 0.02
_STALL_SECONDS = 1.0
_UNSEEN_STALL_SECONDS = 30.0
# If the watch has not come to look for longer than this, the process was stopped, or the
# machine was, and so were those that run.
_LONGEST_LOOK_SECONDS = 0.5

# Those that do something may poll a lock, though. For how long they are waited for while
# nothing changes: at first, at least, and as a multiple of the time that others needed.
_PATIENCE_SECONDS = 10.0
_LEAST_PATIENCE_SECONDS = 1.0
_PATIENCE_FACTOR = 4.0
# Whoever uses that share of the time rather computes, and is waited for so much longer.
_COMPUTING_SHARE = 0.1
_COMPUTING_FACTOR = 3.0


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
    patience : float
        Seconds for which they are waited for though nothing changes.
    """

    n_changes: int
    is_training: bool
    threads: list[int]
    patience: float


class Patience:
    """How long participants are waited for that do something while nothing changes.

    Some multiple of the longest time that any has needed to come to its fit, so that long
    preparations make no stack smaller.
    """

    def __init__(self) -> None:
        self._least = _PATIENCE_SECONDS
        self._longest = 0.0

    @property
    def seconds(self) -> float:
        return max(self._least, _PATIENCE_FACTOR * self._longest)

    def note_preparation(self, seconds: float) -> None:
        """Of processor time, so that it does not count for how long one was blocked."""
        self._longest = max(self._longest, seconds)

    def note_end(self) -> None:
        """Tasks that wait for each other once will do so again."""
        self._least = max(_LEAST_PATIENCE_SECONDS, self._least / 2)


class StallWatch:
    """Sees when threads are blocked, as by a lock of a participant that waits."""

    def __init__(self) -> None:
        self._n_changes = -1
        self._processor = self._processor_at_change = 0.0
        self._seen_at = self._changed_at = self._busy_at = time.monotonic()

    def sees_stall(self, sight: Sight) -> Literal["blocked", "busy"] | None:
        """Why the others are to go on without the threads that run; None if not."""
        now = time.monotonic()
        processor, patience = _processor_seconds(sight.threads)
        since_seen = now - self._seen_at
        busy = (processor - self._processor) / max(since_seen, 1e-3)
        stopped = max(0.0, since_seen - _LONGEST_LOOK_SECONDS)
        self._changed_at += stopped
        self._busy_at += stopped
        self._processor, self._seen_at = processor, now
        if sight.is_training or sight.n_changes != self._n_changes:
            self._n_changes, self._changed_at, self._busy_at = sight.n_changes, now, now
            self._processor_at_change = processor
        elif busy > _BUSY_SHARE:
            self._busy_at = now
        if now - self._busy_at > patience:
            return "blocked"
        seconds, used = now - self._changed_at, processor - self._processor_at_change
        is_computing = used > _COMPUTING_SHARE * seconds
        patience = sight.patience * (_COMPUTING_FACTOR if is_computing else 1.0)
        return "busy" if seconds > patience else None


def _processor_seconds(threads: list[int]) -> tuple[float, float]:
    """Time used by some threads, and the patience with them."""
    seconds = of_threads(threads)
    if seconds is None:
        return 0.0, _UNSEEN_STALL_SECONDS
    return sum(seconds.values()), _STALL_SECONDS

"""Threads that the context has not made, and that come to it to fit."""

import math
import time
from collections.abc import Iterable

from .callers import Caller
from .participants import Call, Participant
from .processor_time import of_threads

# For how long others wait for guests of whom there is no news: none has come for the
# first time, and those that have gone on use no processor. Of the time between two looks,
# no more counts than this, as those that come late look at a machine that is busy.
_QUIET_SECONDS = 0.05
_LONGEST_LOOK_SECONDS = 0.02
# For how long they wait for one that has gone on and does use it.
_LONGEST_SECONDS = 2.0
# Used between two looks, so much is more than a thread needs to see that nothing has
# happened.
_WORKING_SECONDS = 1e-4


class Guests:
    """The guests of a gathering. Not for several threads at a time.

    Nobody says how many there are, nor whether one that has gone on comes back. So those
    that wait do so for as long as there is news.

    Attributes
    ----------
    call : Call
        One that nobody has made. The guests are its participants; those of them that run
        are those that have gone on and are expected back.
    """

    def __init__(self) -> None:
        self.call = Call(math.inf, math.inf, Caller())
        self.call.is_dispatching = False
        self._known: set[Participant] = set()
        self._gone_on_at: dict[Participant, float] = {}
        self._quiet_seconds = 0.0
        self._looked_at = -math.inf
        self._is_new_there = False
        self._processor: dict[int, float] = {}

    def __bool__(self) -> bool:
        """Whether any is expected, or waits."""
        return bool(self._known)

    @property
    def may_come(self) -> bool:
        """Whether there may be some that nobody has seen yet."""
        return self._is_new_there

    def note_stop(self, guest: Participant) -> None:
        """One waits, for a fit or for a call of its own."""
        if guest not in self._known:
            # Threads that do the same tend to be made at the same time.
            self._known.add(guest)
            self.call.n_unfinished += 1
            self._is_new_there = True
        self.call.note_stop(guest)
        self._quiet_seconds = 0.0

    def note_going_on(self, guest: Participant) -> None:
        """One does not wait any more, for a call of its own."""
        self.call.running.add(guest)

    def look(self) -> bool:
        """Expect those no longer of whom there is no news, nor new ones; returns whether
        any were expected until now."""
        now, running = time.monotonic(), self.call.running
        self._quiet_seconds += min(now - self._looked_at, _LONGEST_LOOK_SECONDS)
        self._looked_at = now
        if running != self._gone_on_at.keys():
            self._gone_on_at = {g: self._gone_on_at.get(g, now) for g in running}
            self._quiet_seconds = 0.0
        before = self._processor
        self._processor = of_threads(guest.thread for guest in running) or {}
        if any(
            seconds - before.get(thread, seconds) > _WORKING_SECONDS
            for thread, seconds in self._processor.items()
        ):
            self._quiet_seconds = 0.0
        is_quiet = self._quiet_seconds > _QUIET_SECONDS
        gone = [
            guest
            for guest, since in self._gone_on_at.items()
            if is_quiet or now - since > _LONGEST_SECONDS
        ]
        self._forget(gone)
        was_new_there, self._is_new_there = (
            self._is_new_there,
            self._is_new_there and not is_quiet,
        )
        return bool(gone) or was_new_there != self._is_new_there

    def _forget(self, guests: Iterable[Participant]) -> None:
        for guest in guests:
            self.call.note_stop(guest)
            self._known.discard(guest)
            self.call.n_unfinished -= 1

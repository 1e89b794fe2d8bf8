"""What runs, what waits and what is trained, and what comes next."""

from collections import deque
from collections.abc import Callable
from functools import partial
from typing import Literal

from .cores import Cores
from .guests import Guests
from .participants import Call, Cancelled, Participant, lack_of_threads
from .stalls import Patience, Sight
from .waiting import Fit, WaitingFits


class Agenda:
    """The calls, their participants and the fits that wait. Not for several threads at a
    time.

    Parameters
    ----------
    count_cores : callable
        Returns the number of cores to train on, of this machine or of others.
    max_networks : int
        Fits that wait at a time, and networks of a stack, at most.
    max_memory : float
        Bytes that the rows of the waiting fits may take, and the stacks in training.
    ample_bytes : float
        Of these, bytes that may be held in any case; of more, only what the cores need.
    run : callable
        Called in the thread of each participant that begins.

    Attributes
    ----------
    cores : Cores
    guests : Guests
    calls : list of Call
        Those that have been made, and that of the guests while there are any.
    held_bytes : int
        Size of the rows of the fits that wait or are trained.
    dropped : deque of (Participant, exception)
        Those that will not begin; whoever waits for them is to be told.
    """

    def __init__(
        self,
        count_cores: Callable[[], int],
        max_networks: int,
        max_memory: float,
        ample_bytes: float,
        run: Callable[[Participant], None],
    ):
        self.cores = Cores(count_cores)
        self.guests = Guests()
        self.calls: list[Call] = []
        self.held_bytes = 0
        self.dropped: deque[tuple[Participant, BaseException]] = deque()
        self._waiting = WaitingFits(count_cores, max_networks, max_memory)
        self._max_networks = max_networks
        self._max_memory = max_memory
        self._ample_bytes = ample_bytes
        self._run = run
        self._n_changes = 0
        self._patience = Patience()
        # What kept the last participant from beginning, if anything did.
        self._shortage: Exception | None = None
        # The calls whose participants the present thread could run, whether it has ended
        # what it did, and the one that it is to run.
        self._spare_for: list[Call] = []
        self._is_free = False
        self._heir: Participant | None = None

    # Changes; after each of them `advance` is to follow

    def take_in(self, participant: Participant) -> None:
        """Let a participant begin in its turn."""
        call = participant.call
        if call.is_cancelled:
            self.dropped.append((participant, Cancelled()))
            return
        if call not in self.calls:
            self.calls.append(call)
        call.unstarted.append(participant)
        call.n_unfinished += 1

    def add(self, fit: Fit, seconds: float) -> None:
        """Let the participant of a fit wait for it, to which it came in that time."""
        participant = fit.participant
        if not participant.is_excused:
            self._patience.note_preparation(seconds)
        participant.is_excused = False
        self.held_bytes += fit.n_bytes
        self.note_stop(participant)
        n_to_come = sum(len(call.unstarted) for call in self.calls)
        self.cores.add(self._waiting.add(fit, n_to_come))

    def note_stop(self, participant: Participant) -> None:
        """Take note that a participant does not run, for now or any more."""
        if participant.call is not self.guests.call:
            participant.call.note_stop(participant)
            return
        self.guests.note_stop(participant)
        if self.guests.call not in self.calls:
            self.calls.append(self.guests.call)

    def deliver(self, fits: list[Fit], results: list) -> None:
        """Let the participants of fits go on, with their results."""
        for fit, result in zip(fits, results, strict=True):
            fit.result = result
            self.held_bytes -= fit.n_bytes
            fit.participant.call.resuming.append(fit.participant)

    def drop_cancelled(self) -> None:
        """Drop what nobody wants and what has not begun to be trained."""
        for call in self.calls:
            if call.is_cancelled:
                self._drop_unstarted(call, Cancelled)
        fits = self._waiting.take_cancelled()
        self.deliver(fits, [Cancelled() for _ in fits])

    def _drop_unstarted(
        self, call: Call, make_error: Callable[[], BaseException]
    ) -> None:
        self.dropped.extend((participant, make_error()) for participant in call.unstarted)
        call.n_unfinished -= len(call.unstarted)
        call.unstarted.clear()

    def heed_callers(self) -> bool:
        """Wait for no caller that hands nothing in, and drop what nobody wants; returns
        whether there was any such."""
        idle = [c for c in self.calls if c.is_dispatching and not c.caller.is_at_work]
        left = [c for c in self.calls if c.caller.has_left and not c.is_cancelled]
        for call in idle:
            call.is_dispatching = False
        for call in left:
            call.cancel()
        if left:
            self.drop_cancelled()
        return bool(idle or left)

    def go_on(self, why: Literal["blocked", "busy"]) -> None:
        """Have the others go on without the participants that run."""
        is_any_resuming = any(call.resuming for call in self.calls)
        if self._waiting or is_any_resuming:
            if why == "busy":
                self._patience.note_end()
            for call in self.calls:
                call.given_up |= call.running
            if not is_any_resuming:
                self.cores.add(self._waiting.take_all())
        elif self._shortage is None:
            for call in self.calls:
                if why == "blocked" or call.limit < call.n_jobs:
                    call.limit += 1
        elif not any(call.running for call in self.calls):
            for call in self.calls:
                self._drop_unstarted(call, partial(lack_of_threads, self._shortage))

    # What follows

    def end(self, participant: Participant) -> None:
        """Take note that a participant has ended."""
        self.note_stop(participant)
        participant.call.n_unfinished -= 1
        self.expect_guest_of(participant.call)

    def expect_guest_of(self, call: Call) -> None:
        """Take note that the guest who has made a call goes on soon, once that is over:
        joblib looks for results every now and then."""
        if call.guest is not None and call.is_over:
            self.guests.note_going_on(call.guest)

    def advance_to_heir(self, call: Call | None = None) -> Participant | None:
        """Advance; returns a participant that the present thread is to run: the next, as
        that thread has ended, or where a call is given, one of that for which no other
        thread can be had."""
        self._spare_for = self.calls if call is None else [call]
        self._is_free = call is None
        self.advance()
        self._spare_for, self._is_free = [], False
        heir, self._heir = self._heir, None
        return heir

    def retry(self) -> None:
        """Let participants begin that no thread could be had for."""
        if self._shortage is not None:
            for call in self.calls:
                self._let_run(call)

    def advance(self) -> None:
        """Start what can start after a change."""
        self._n_changes += 1
        self.calls = [call for call in self.calls if not call.is_over]
        self._start_stacks()
        # Where threads are few, calls of participants first, which have theirs already.
        for call in self.calls if self._shortage is None else self.calls[::-1]:
            self._let_run(call)
        # Participants that would join the others are held back while no core is free, and
        # while a program is traced.
        is_anything_to_come = (
            self.cores.is_busy
            or self.cores.is_tracing
            or self.guests.may_come
            or any(call.is_dispatching or call.n_awaited for call in self._wanted)
        )
        if self._waiting and not is_anything_to_come:
            self.cores.add(self._waiting.take_all())
            self._start_stacks()

    def _start_stacks(self) -> None:
        while (stack := self.cores.start_next()) is not None:
            stack.fits[0].stack = stack
            stack.fits[0].participant.wake()

    def _let_run(self, call: Call) -> None:
        while call.resuming and call.n_awaited < call.limit:
            participant = call.resuming.popleft()
            # What it held may have been waited for.
            for other in self.calls:
                for one in other.given_up:
                    one.is_excused = True
            participant.wake()
            call.running.add(participant)
        while call.unstarted and len(call.running) < call.limit and self._has_room():
            participant = call.unstarted.popleft()
            if not self._begin(participant):
                call.unstarted.appendleft(participant)
                break
            call.running.add(participant)

    def _begin(self, participant: Participant) -> bool:
        """Whether there is a thread for it. If not, those that wait are trained without
        it, as they are when there is no room for more."""
        self._shortage = None
        if self._is_free and self._heir is None:
            self._heir = participant
            return True
        try:
            participant.start(self._run)
        except (RuntimeError, MemoryError) as error:
            if participant.call not in self._spare_for or self._heir is not None:
                self._shortage = error
                return False
            self._heir = participant
        return True

    def _has_room(self) -> bool:
        """Whether more participants may begin. While no core is free, they are not needed
        yet and would hold their rows for longer; while a program is traced, they would
        slow that down, which is Python, too."""
        if self.cores.is_tracing:
            return False
        most = self._max_memory
        if self.cores.is_busy:
            most = min(most, self._ample_bytes)
        return len(self._waiting) < self._max_networks and self.held_bytes < most

    @property
    def _wanted(self) -> list[Call]:
        """The calls that may still come to a fit."""
        return [call for call in self.calls if not call.is_cancelled]

    @property
    def is_any_guest_awaited(self) -> bool:
        """Whether fits wait that would be trained at once but for guests."""
        return bool(self.guests and self._waiting) and not self.cores.is_busy

    def sight(self) -> Sight:
        """What the watch for stalls needs to know."""
        threads = [p.thread for call in self._wanted for p in call.running]
        threads += [call.caller.thread for call in self._wanted if call.is_dispatching]
        seconds = self._patience.seconds
        return Sight(self._n_changes, self.cores.is_training, threads, seconds)

"""Fits of many threads that wait for each other and are trained together.

When no participant is left that could still come to a fit, those that wait are trained
as stacks, each by the thread of its first fit, as many at a time as there are cores.
"""

import itertools
import logging
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from functools import partial
from typing import Any

from .._progress_bar import Reading
from ..training.task import Outcome, Task
from .agenda import Agenda
from .callers import Caller
from .census import Census
from .keeper import Keeper
from .open_contexts import host, opened_here
from .participants import Call, Cancelled, Participant, lack_of_threads
from .progress import Progress
from .search_tasks import search_task
from .stack_trainer import StackTrainer, train_alone
from .stalls import StallWatch
from .turns import Turn, away, origin
from .waiting import Fit, PlannedStack

# Rows that may be held in any case; of more, only what the cores need.
_AMPLE_BYTES = 2**28
# How often the keeper looks, and how often while fits wait for guests.
_LOOK_SECONDS = 0.25
_GUEST_LOOK_SECONDS = 0.01

_of_thread = threading.local()
_logger = logging.getLogger("skdropout")


class Gathering:
    """What has come together in one context: calls, fits that wait, and stacks.

    Parameters
    ----------
    max_networks : int
        Fits that wait at a time, and networks of a stack, at most.
    max_memory : float
        Bytes that the rows of the waiting fits may take, and the stacks in training.
    trainer : StackTrainer

    Attributes
    ----------
    progress : Progress
        Shows how far all that is.
    """

    def __init__(
        self,
        max_networks: int,
        max_memory: float,
        trainer: StackTrainer,
    ):
        self.max_networks = max_networks
        self.progress = Progress(self._read, self._is_shown)
        self.trainer = trainer
        trainer.tell_of_change(self._advance)
        self._lock = threading.RLock()
        self._agenda = Agenda(
            trainer.count_stacks, max_networks, max_memory, _AMPLE_BYTES, self._run
        )
        # The stack that each participant's thread trains at present.
        self._led: dict[Participant, PlannedStack] = {}
        self._census = Census()
        self._watch = StallWatch()
        self._watched_at = 0.0
        self._keeper = Keeper(self._make, self._look, self._pace)
        self._guest_of_thread = threading.local()

    def _advance(self) -> None:
        with self._change():
            pass

    @contextmanager
    def _change(self) -> Iterator[None]:
        """Hold the lock for a change, and do what follows from it.

        Not in the main thread, which an interrupt may keep from letting go of the lock.
        """
        with self._lock:
            yield
            self._agenda.advance()

    def _request(self, change: Callable[[], None]) -> None:
        """Have a change made, from any thread."""
        if threading.get_ident() == threading.main_thread().ident:
            try:
                self._keeper.post(change)
            except RuntimeError as error:
                raise lack_of_threads(error) from error
            return
        with self._change():
            change()
        with suppress(RuntimeError):  # no thread to be had; it goes without
            self._keeper.begin()

    # For the backend

    def open(
        self, limit: int, n_jobs: int, caller: Caller, is_shown: bool = False
    ) -> Call:
        """Begin a call, of which at most `limit` participants run at a time, and `n_jobs`
        where those that run may wait for others; `is_shown` if its progress is."""
        me = _current_participant()
        call = Call(limit, n_jobs, caller, None if me is None else me.call)
        call.is_shown = is_shown
        return call

    def submit(
        self,
        call: Call,
        function: Callable[[], Any],
        callback: Callable[[Future], Any] | None = None,
    ) -> Future:
        """Run a function as a participant of a call."""
        participant = Participant(call, function)
        if (task := search_task(function)) is not None:
            best = self._census.note_search(call, task, self._agenda.calls[:])
            participant.future.add_done_callback(partial(best.note, task))
        if callback is not None:
            participant.future.add_done_callback(callback)
        self._request(partial(self._agenda.take_in, participant))
        return participant.future

    def close(self, call: Call) -> None:
        """The caller will submit no more, but for what follows on results."""
        if call.is_dispatching:
            with suppress(RuntimeError):  # no thread to be had, for any of its tasks
                self._request(partial(setattr, call, "is_dispatching", False))

    @contextmanager
    def retrieval(self, call: Call) -> Iterator[None]:
        """While the caller waits for results."""
        self.close(call)
        me = _current_participant()
        try:
            if me is not None:
                me.has_come = True  # what it has come to is this call's
                with away(call.origin), self._retrieval(me, call):
                    yield
            elif host() is self:
                with self._retrieval_of_guest(call):
                    yield
            else:
                yield
        finally:
            if call.is_shown:
                call.is_shown = False
                self.progress.settle()

    @contextmanager
    def _retrieval(self, me: Participant, call: Call) -> Iterator[None]:
        if me in self._led:  # the call is that of a callback
            with self._pause(self._led[me]):
                yield
            return
        with self._lock:
            me.call.note_stop(me)
            heir = self._agenda.advance_to_heir(call)
        try:
            if heir is not None:
                # This thread, which would only wait, is the one that can be had.
                self._run(heir, call)
                _of_thread.participant = me
            yield
        finally:
            with self._change():
                me.call.resuming.append(me)
            me.wait()

    @contextmanager
    def _retrieval_of_guest(self, call: Call) -> Iterator[None]:
        guest = self._guest()
        with self._change():
            self._agenda.note_stop(guest)
            call.guest = guest
            self._agenda.expect_guest_of(call)
        try:
            yield
        finally:
            with self._change():
                self._agenda.guests.note_going_on(guest)

    @contextmanager
    def _pause(self, stack: PlannedStack) -> Iterator[None]:
        """While a callback of a stack in training waits for a call of its own, that may
        have the stack's core and memory."""
        n_bytes = sum(fit.n_bytes for fit in stack.fits)
        with self._change():
            self._agenda.cores.pause(stack)
            self._agenda.held_bytes -= n_bytes
        try:
            yield
        finally:
            with self._change():
                self._agenda.cores.resume(stack)
                self._agenda.held_bytes += n_bytes

    def cancel(self, call: Call) -> None:
        """Drop what waits or has not begun, and train no further."""
        call.cancel()
        with suppress(RuntimeError):  # as above
            self._keeper.post(self._agenda.drop_cancelled)

    # In the threads of the participants

    def _run(self, participant: Participant, call: Call | None = None) -> None:
        """Run a participant, and others after it where no other threads can be had; only
        those of a call, if it is given."""
        following: Participant | None = participant
        while following is not None:
            participant = following
            _of_thread.gathering, _of_thread.participant = self, participant
            participant.run()
            # Whoever waits for the result may have submitted more from this thread; only
            # now is it certain that nothing else comes.
            with self._lock:
                self._agenda.end(participant)
                following = self._agenda.advance_to_heir(call)

    def train(self, participant: Participant, task: Task) -> Outcome:
        """Wait until a task has been trained; returns its outcome or raises its error."""
        if participant in self._led:
            # A fit within a callback of a stack in training does not wait for others.
            return self.trainer.train_at_once(task)
        participant.has_come = True
        with self._census.asked():
            return self._train(participant, task)

    def _train(self, participant: Participant, task: Task) -> Outcome:
        key, outcome = self.trainer.find(task)
        if outcome is not None:
            return outcome
        self.trainer.check_time()
        if task.hook is not None or task.settings.verbose:
            task.within = participant.turn.run
        with away():
            fit = Fit(participant, task, key)
            with self._change():
                if participant.call.is_cancelled:
                    raise Cancelled
                self._agenda.add(fit, participant.lap())
            if self._agenda.guests:
                with suppress(RuntimeError):  # no thread to be had; it looks later
                    self._keeper.post(_nothing)
            return self._outcome(fit)

    def train_as_guest(self, task: Task) -> Outcome:
        """The same in a thread that is none of a participant."""
        with self._census.asked():
            return self._train_as_guest(task)

    def train_at_once(self, task: Task) -> Outcome:
        """The same for the thread that has opened the context, which waits for nobody."""
        with self._census.asked():
            return self.trainer.train_at_once(task)

    def _train_as_guest(self, task: Task) -> Outcome:
        key, outcome = self.trainer.find(task)
        if outcome is not None:
            return outcome
        self.trainer.check_time()
        guest = self._guest()
        if task.hook is not None or task.settings.verbose:
            guest.turn = Turn(origin().without_turns(), lambda: False)
            task.within = guest.turn.run
        fit = Fit(guest, task, key)
        try:
            self._keeper.post(partial(self._agenda.add, fit, guest.lap()))
        except RuntimeError:  # no thread to be had that would look after it
            return self.trainer.train_at_once(task)
        _of_thread.gathering, _of_thread.participant = self, guest
        try:
            return self._outcome(fit)
        finally:
            _of_thread.gathering = _of_thread.participant = None

    def _guest(self) -> Participant:
        """The guest that this thread is."""
        guest = getattr(self._guest_of_thread, "guest", None)
        if guest is None:
            guest = Participant(self._agenda.guests.call, _nothing)
            guest.thread = threading.get_ident()
            guest.lap()
            self._guest_of_thread.guest = guest
        return guest

    def _outcome(self, fit: Fit) -> Outcome:
        """Wait until a fit that has been added has been trained."""
        participant = fit.participant
        participant.wait()
        # Taken out, so that no cycle keeps the rows for the garbage collector.
        stack, fit.stack = fit.stack, None
        if stack is not None:
            self._lead(stack)
            del stack
            participant.wait()
        if participant.call.is_cancelled:
            raise Cancelled
        participant.lap()
        assert fit.result is not None
        if isinstance(fit.result, BaseException):
            raise fit.result
        return fit.result

    def _lead(self, stack: PlannedStack) -> None:
        """Train a stack, in the thread of its first fit."""
        fits = stack.fits
        leader = fits[0].participant
        calls = itertools.count()

        def check_wanted():
            if all(fit.participant.call.is_cancelled for fit in fits):
                raise Cancelled

        def note_call():
            n_before = next(calls)
            if n_before < 2:
                with self._change():
                    if n_before:
                        self._agenda.cores.note_compiled(stack.program)
                    else:
                        self._agenda.cores.note_traced(stack.program)

        start = time.perf_counter()
        results: list
        self._led[leader] = stack
        try:
            results = self.trainer.train(stack, check_wanted, note_call)
        except BaseException as error:
            # Nobody may be left waiting, whatever it was.
            results = [error] * len(fits)
        del self._led[leader]
        seconds = time.perf_counter() - start
        with self._change():
            self._agenda.cores.end(stack)
            self._agenda.deliver(fits, results)
        _logger.debug("Trained %d networks as one in %.1f s.", len(fits), seconds)

    # For the progress, without the lock, which an interrupt could leave closed

    def _is_shown(self) -> bool:
        return any(call.is_shown for call in self._agenda.calls)

    def _read(self, first: Reading | None) -> Reading:
        stacks = [[f.task for f in stack.fits] for stack in list(self._led.values())]
        return self._census.read(self._agenda.calls[:], stacks, first)

    # In the thread of the keeper

    def _make(self, change: Callable[[], None]) -> None:
        with self._change():
            change()
        self._tell_dropped()

    def _pace(self) -> float:
        with self._lock:
            is_often = self._agenda.is_any_guest_awaited
        return _GUEST_LOOK_SECONDS if is_often else _LOOK_SECONDS

    def _look(self) -> bool:
        """See to what nobody tells of; returns whether anything is left to see to."""
        agenda = self._agenda
        with self._lock:
            if agenda.guests.look():
                agenda.advance()
            now = time.monotonic()
            if now - self._watched_at < _LOOK_SECONDS:
                return bool(agenda.calls)
            self._watched_at = now
            if agenda.heed_callers():
                agenda.advance()
            agenda.retry()
            why = self._watch.sees_stall(agenda.sight()) if agenda.calls else None
            if why is not None:
                agenda.go_on(why)
                agenda.advance()
            is_left = bool(agenda.calls)
        self._tell_dropped()
        return is_left

    def _tell_dropped(self) -> None:
        """Without the lock: whoever waits for these results has locks of his own."""
        dropped = self._agenda.dropped
        while dropped:
            participant, error = dropped.popleft()
            participant.future.set_exception(error)


def _nothing() -> None:
    """A change of nothing, after which the keeper sees how often it is to look."""


def _current_participant() -> Participant | None:
    """The participant that this thread runs, if there is one."""
    return getattr(_of_thread, "participant", None)


def train_together(task: Task) -> Outcome:
    """Train a task, together with others if this is the thread of a participant, or one
    that comes as a guest.

    Raises
    ------
    Exception
        What ended the training of this task; OutOfTime if that was a limit of time.
    Cancelled
        If the result is not wanted any more.
    """
    participant = _current_participant()
    if participant is not None:
        gathering: Gathering = _of_thread.gathering
        return gathering.train(participant, task)
    if (gathering := host()) is not None:
        return gathering.train_as_guest(task)
    if (gathering := opened_here()) is not None:
        return gathering.train_at_once(task)
    return train_alone(task)


def check_time() -> None:
    """Raise OutOfTime if this thread is that of a participant, or of a guest, and nothing
    more is to be trained."""
    is_participant = _current_participant() is not None
    gathering = _of_thread.gathering if is_participant else host()
    if gathering is not None:
        gathering.trainer.check_time()

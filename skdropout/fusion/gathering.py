"""Fits of many threads that wait for each other and are trained together.

When no participant is left that could still come to a fit, those that wait are trained
as stacks, each by the thread of its first fit, as many at a time as there are cores.
"""

import itertools
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from typing import Any

from joblib import cpu_count

from ..training.task import Outcome, Task
from .cores import Cores
from .participants import Call, Cancelled, Participant
from .stalls import Sight, StallWatch
from .waiting import Fit, PlannedStack, WaitingFits

# Rows that may be held in any case; of more, only what the cores need.
_AMPLE_BYTES = 2**28

_of_thread = threading.local()


class Gathering:
    """What has come together in one context: calls, fits that wait, and stacks.

    Parameters
    ----------
    max_networks : int
        Fits that wait at a time, and networks of a stack, at most.
    max_memory : float
        Bytes that the rows of the waiting fits may take, and the stacks in training.
    report : callable or None
        Told of each stack that has been trained.
    """

    def __init__(
        self,
        max_networks: int,
        max_memory: float,
        report: Callable[[str], None] | None = None,
    ):
        self.max_networks = max_networks
        self._max_memory = max_memory
        self._report = report
        n_cores = cpu_count()
        self._lock = threading.RLock()
        self._calls: list[Call] = []
        self._waiting = WaitingFits(n_cores, max_networks, max_memory)
        self._cores = Cores(n_cores)
        self._held_bytes = 0
        # The stack that each participant's thread trains at present.
        self._led: dict[Participant, PlannedStack] = {}
        self._n_trained = 0
        self._n_changes = 0
        self._watch = StallWatch(self._lock, self._look, self._go_on)

    @contextmanager
    def _change(self) -> Iterator[None]:
        """Hold the lock for a change, and do what follows from it."""
        with self._lock:
            yield
            self._advance()

    # For the backend

    def open(self, limit: int) -> Call:
        """Begin a call, of which at most `limit` participants run at a time."""
        me = _current_participant()
        call = Call(limit, None if me is None else me.call)
        with self._change():
            self._calls.append(call)
            self._watch.begin()
        return call

    def submit(
        self,
        call: Call,
        function: Callable[[], Any],
        callback: Callable[[Future], Any] | None = None,
    ) -> Future:
        """Run a function as a participant of a call."""
        participant = Participant(call, function)
        if callback is not None:
            participant.future.add_done_callback(callback)
        with self._change():
            call.unstarted.append(participant)
            call.n_unfinished += 1
        return participant.future

    def close(self, call: Call) -> None:
        """The caller will submit no more, but for what follows on results."""
        with self._change():
            call.is_dispatching = False

    @contextmanager
    def retrieval(self, call: Call) -> Iterator[None]:
        """While the caller waits for results."""
        self.close(call)
        me = _current_participant()
        if me is None:
            yield
            return
        if me in self._led:  # the call is that of a callback
            with self._pause(self._led[me]):
                yield
            return
        with self._change():
            me.call.running.discard(me)
        try:
            yield
        finally:
            with self._change():
                me.call.resuming.append(me)
            me.wait()

    @contextmanager
    def _pause(self, stack: PlannedStack) -> Iterator[None]:
        """While a callback of a stack in training waits for a call of its own, that may
        have the stack's core and memory."""
        n_bytes = sum(fit.n_bytes for fit in stack.fits)
        with self._change():
            self._cores.pause(stack)
            self._held_bytes -= n_bytes
        try:
            yield
        finally:
            with self._change():
                self._cores.resume(stack)
                self._held_bytes += n_bytes

    def cancel(self, call: Call) -> None:
        """Drop what waits or has not begun, and train no further."""
        call.cancel()
        with self._change():
            dropped: list[Participant] = []
            for other in self._calls:
                if other.is_cancelled:
                    dropped += other.unstarted
                    other.n_unfinished -= len(other.unstarted)
                    other.unstarted.clear()
            fits = self._waiting.take_cancelled()
            self._deliver(fits, [Cancelled() for _ in fits])
        # Without the lock: whoever waits for these results has locks of his own.
        for participant in dropped:
            participant.future.set_exception(Cancelled())

    # In the threads of the participants

    def _run(self, participant: Participant) -> None:
        _of_thread.gathering, _of_thread.participant = self, participant
        participant.run()
        # Whoever waits for the result may have submitted more from this thread; only now
        # is it certain that nothing else comes.
        with self._change():
            participant.call.running.discard(participant)
            participant.call.n_unfinished -= 1

    def train(self, participant: Participant, task: Task) -> Outcome:
        """Wait until a task has been trained; returns its outcome or raises its error."""
        if participant in self._led:
            # A fit within a callback of a stack in training does not wait for others.
            return _train_alone(task)
        fit = Fit(participant, task)
        with self._change():
            if participant.call.is_cancelled:
                raise Cancelled
            self._held_bytes += fit.n_bytes
            participant.call.running.discard(participant)
            n_to_come = sum(len(call.unstarted) for call in self._calls)
            self._cores.add(self._waiting.add(fit, n_to_come))
        participant.wait()
        # Taken out, so that no cycle keeps the rows for the garbage collector.
        stack, fit.stack = fit.stack, None
        if stack is not None:
            self._lead(stack)
            del stack
            participant.wait()
        assert fit.result is not None
        if isinstance(fit.result, BaseException):
            raise fit.result
        return fit.result

    def _lead(self, stack: PlannedStack) -> None:
        """Train a stack, in the thread of its first fit."""
        from .halving import train_or_halve  # late, as it brings TensorFlow along

        fits = stack.fits
        leader = fits[0].participant
        calls = itertools.count()

        def before_call():
            if all(fit.participant.call.is_cancelled for fit in fits):
                raise Cancelled
            n_before = next(calls)
            if n_before < 2:
                with self._change():
                    if n_before:
                        self._cores.note_compiled(stack.program)
                    else:
                        self._cores.note_traced(stack.program)

        start = time.perf_counter()
        results: list
        self._led[leader] = stack
        try:
            tasks = [fit.task for fit in fits]
            results = train_or_halve(tasks, before_call, stack.size)
        except BaseException as error:
            # Nobody may be left waiting, whatever it was.
            results = [error] * len(fits)
        del self._led[leader]
        seconds = time.perf_counter() - start
        with self._change():
            self._cores.end(stack)
            self._n_trained += len(fits)
            self._deliver(fits, results)
            n_trained = self._n_trained
        if self._report is not None:
            self._report(
                f"skdropout: trained {len(fits)} networks as one in {seconds:.1f} s, "
                f"{n_trained} so far"
            )

    # What follows from a change; all with the lock held

    def _advance(self) -> None:
        self._n_changes += 1
        self._calls = [call for call in self._calls if not call.is_over]
        self._start_stacks()
        for call in self._calls:
            self._let_run(call)
        # Participants that would join the others are held back while no core is free, and
        # while a program is traced.
        is_anything_to_come = (
            self._cores.is_busy
            or self._cores.is_tracing
            or any(call.is_dispatching or call.running for call in self._calls)
        )
        if self._waiting and not is_anything_to_come:
            self._cores.add(self._waiting.take_all())
            self._start_stacks()

    def _start_stacks(self) -> None:
        while (stack := self._cores.start_next()) is not None:
            stack.fits[0].stack = stack
            stack.fits[0].participant.wake()

    def _let_run(self, call: Call) -> None:
        while len(call.running) < call.limit:
            if call.resuming:
                participant = call.resuming.popleft()
                participant.wake()
            elif call.unstarted and self._has_room():
                participant = call.unstarted.popleft()
                participant.start(self._run)
            else:
                break
            call.running.add(participant)

    def _has_room(self) -> bool:
        """Whether more participants may begin. While no core is free, they are not needed
        yet and would hold their rows for longer; while a program is traced, they would
        slow that down, which is Python, too."""
        if self._cores.is_tracing:
            return False
        most = self._max_memory
        if self._cores.is_busy:
            most = min(most, _AMPLE_BYTES)
        return len(self._waiting) < self.max_networks and self._held_bytes < most

    def _deliver(self, fits: list[Fit], results: list) -> None:
        for fit, result in zip(fits, results, strict=True):
            fit.result = result
            self._held_bytes -= fit.n_bytes
            fit.participant.call.resuming.append(fit.participant)

    # For the watch

    def _look(self) -> Sight | None:
        if not self._calls:
            return None
        threads = [p.thread for call in self._calls for p in call.running]
        threads += [call.caller for call in self._calls if call.is_dispatching]
        return Sight(self._n_changes, self._cores.is_training, threads)

    def _go_on(self) -> None:
        if self._waiting:
            self._cores.add(self._waiting.take_all())
        else:
            for call in self._calls:
                call.limit += 1
        self._advance()


def _current_participant() -> Participant | None:
    """The participant that this thread runs, if there is one."""
    return getattr(_of_thread, "participant", None)


def train_together(task: Task) -> Outcome:
    """Train a task, together with others if this is the thread of a participant.

    Raises
    ------
    Exception
        What ended the training of this task.
    Cancelled
        If the result is not wanted any more.
    """
    participant = _current_participant()
    if participant is None:
        return _train_alone(task)
    gathering: Gathering = _of_thread.gathering
    return gathering.train(participant, task)


def _train_alone(task: Task) -> Outcome:
    from ..training.trainer import train  # late, as it brings TensorFlow along

    (result,) = train([task])
    if isinstance(result, BaseException):
        raise result
    return result

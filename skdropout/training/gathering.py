"""Fits that wait for each other and are trained together.

When no task is left that could still come to a fit, those that wait are trained as
stacks, each by the thread of its first task, as many at a time as there are cores.
"""

import itertools
import math
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, NamedTuple

from joblib import cpu_count

from .grouping import (
    WORTH_A_STACK,
    SharedRows,
    cut,
    good_width,
    group_key,
    is_even,
    is_worth_padding,
    network_bytes,
    program_key,
    rows_bytes,
)
from .participants import Call, Participant, TaskCancelled

if TYPE_CHECKING:
    from .task import Outcome, Task

# How often to look whether the threads that run do anything, what share of the time
# counts as that, and for how long they may do nothing before the others go on without
# them. The longer time is for systems that do not tell a thread's processor time.
_LOOK_SECONDS = 0.25
_BUSY_SHARE = 0.02
_STALL_SECONDS = 1.0
_UNSEEN_STALL_SECONDS = 30.0
# Rows that may be held in any case; of more, only what the cores need.
_AMPLE_BYTES = 2**28

# Keys of the programs that stacks have used in this process. That they are there is a
# guess, as they depend on the size of the stack, too.
_compiled: set[Hashable] = set()


class _Fit:
    """A task of the trainer that waits, and in the end its result."""

    def __init__(self, participant: Participant, task: "Task", n_bytes: int):
        self.participant = participant
        self.task = task
        self.n_bytes = n_bytes
        self.leads: Stack | None = None  # the stack that its thread is to train
        self.result: Outcome | BaseException | None = None


class Stack(NamedTuple):
    """Fits to be trained together, the key of their program, and the size of the largest
    stack of their group."""

    program: Hashable
    fits: list[_Fit]
    size: int


class Gathering:
    """Fits of many threads, and the stacks that are made of them.

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
        self._n_cores = cpu_count()
        self._lock = threading.RLock()
        self._calls: list[Call] = []
        self._waiting: dict[Hashable, list[_Fit]] = {}
        self._held_bytes = 0
        self._shared_rows = SharedRows()
        self._ready: deque[Stack] = deque()
        self._training: Counter[Hashable] = Counter()
        # Keys of programs that are being compiled, and of these those still traced.
        self._beginning: set[Hashable] = set()
        self._tracing: set[Hashable] = set()
        self._n_trained = 0
        self._sizes: dict[Hashable, int] = {}
        self._n_changes = 0
        self._watch: threading.Thread | None = None

    @contextmanager
    def change(self) -> Iterator[None]:
        """Hold the lock for a change, and do what follows from it."""
        with self._lock:
            yield
            self._advance()

    def open(self, call: Call) -> None:
        with self.change():
            self._calls.append(call)
            if self._watch is None:
                self._watch = threading.Thread(
                    target=self._watch_for_stalls, name="skdropout-watch", daemon=True
                )
                self._watch.start()

    def train(self, participant: Participant, task: "Task") -> "Outcome":
        """Wait until `task` has been trained; returns its outcome or raises its error."""
        fit = _Fit(participant, task, rows_bytes(task))
        with self.change():
            if participant.call.is_cancelled:
                raise TaskCancelled
            task.rows = self._shared_rows.share(task.rows)
            if task.validation is not None:
                task.validation = self._shared_rows.share(task.validation)
            group = group_key(task)
            self._waiting.setdefault(group, []).append(fit)
            self._held_bytes += fit.n_bytes
            participant.call.running.discard(participant)
            self._form_full_stack(group)
        participant.wait()
        # Taken out, so that no cycle keeps the rows for the garbage collector.
        stack, fit.leads = fit.leads, None
        if stack is not None:
            self._lead(stack)
            del stack
            participant.wait()
        assert fit.result is not None
        if isinstance(fit.result, BaseException):
            raise fit.result
        return fit.result

    @contextmanager
    def pause(self, stack: Stack) -> Iterator[None]:
        """While a callback of a stack in training waits for tasks of its own, these may
        have the stack's core and memory."""
        n_bytes = sum(fit.n_bytes for fit in stack.fits)
        with self.change():
            self._training -= Counter([stack.program])
            self._tracing.discard(stack.program)
            self._held_bytes -= n_bytes
        try:
            yield
        finally:
            with self.change():
                self._training[stack.program] += 1
                self._held_bytes += n_bytes

    def drop_cancelled(self) -> None:
        """End what waits in calls that have been cancelled."""
        with self.change():
            dropped: list[Participant] = []
            for call in self._calls:
                if call.is_cancelled:
                    dropped += call.unstarted
                    call.n_unfinished -= len(call.unstarted)
                    call.unstarted.clear()
            cancelled = []
            for group, fits in list(self._waiting.items()):
                cancelled += [f for f in fits if f.participant.call.is_cancelled]
                kept = [f for f in fits if not f.participant.call.is_cancelled]
                self._set_waiting(group, kept)
            self._deliver(cancelled, [TaskCancelled() for _ in cancelled])
        # Without the lock: whoever waits for these results has locks of his own.
        for participant in dropped:
            participant.future.set_exception(TaskCancelled())

    # What follows from a change; all with the lock held

    def _advance(self) -> None:
        self._n_changes += 1
        self._calls = [call for call in self._calls if not call.is_over]
        self._start_stacks()
        for call in self._calls:
            self._let_run(call)
        # Tasks that would join the others are held back while no core is free, and while
        # a program is traced.
        is_anything_to_come = (
            self._is_busy
            or self._tracing
            or any(call.is_dispatching or call.running for call in self._calls)
        )
        if self._waiting and not is_anything_to_come:
            self._form_stacks()
            self._start_stacks()

    def _start_stacks(self) -> None:
        while (stack := next(filter(self._has_core, self._ready), None)) is not None:
            self._ready.remove(stack)
            self._training[stack.program] += 1
            if stack.program not in _compiled and stack.program not in self._beginning:
                self._beginning.add(stack.program)
                self._tracing.add(stack.program)
            stack.fits[0].leads = stack
            stack.fits[0].participant.wake()

    def _has_core(self, stack: Stack) -> bool:
        """Whether a stack can begin. Those that wait for the same program to be compiled
        leave a core for one of another program, which compiles meanwhile."""
        if stack.program in self._beginning:
            n_busy = self._training[stack.program]
        else:
            n_busy = sum(
                1 if program in self._beginning else n
                for program, n in self._training.items()
            )
        return n_busy < self._n_cores and self._training.total() <= self._n_cores

    def _let_run(self, call: Call) -> None:
        while len(call.running) < call.limit:
            if call.resuming:
                participant = call.resuming.popleft()
                participant.wake()
            elif call.unstarted and self._has_room():
                participant = call.unstarted.popleft()
                participant.start()
            else:
                break
            call.running.add(participant)

    @property
    def _is_busy(self) -> bool:
        """Whether no core is free for another stack."""
        return bool(self._ready) or self._training.total() >= self._n_cores

    def _has_room(self) -> bool:
        """Whether more tasks may begin. While no core is free, they are not needed yet
        and would hold their rows for longer; while a program is traced, they would slow
        that down, which is Python, too."""
        if self._tracing:
            return False
        n_waiting = sum(map(len, self._waiting.values()))
        most = min(self._max_memory, _AMPLE_BYTES) if self._is_busy else self._max_memory
        return n_waiting < self.max_networks and self._held_bytes < most

    def _most(self, task: "Task") -> int:
        """Networks of a stack at most."""
        most = self._max_memory / self._n_cores // network_bytes(task)
        return int(max(1, min(self.max_networks, most)))

    def _form_full_stack(self, group: Hashable) -> None:
        """Do not wait for the others once there are enough for one core, and as many are
        to come for the next."""
        fits = self._waiting[group]
        width = min(good_width(fits[0].task), self._most(fits[0].task))
        n_to_come = sum(len(call.unstarted) for call in self._calls)
        if min(len(fits), n_to_come) >= width and is_even([fit.task for fit in fits]):
            self._ready += self._cut(self._waiting.pop(group), width)

    def _form_stacks(self) -> None:
        """Make stacks of all fits that wait: enough of them for all cores."""
        formed = []
        for group, fits in self._waiting.items():
            tasks, before = [fit.task for fit in fits], self._sizes.get(group, 0)
            size = self._suitable_size(tasks)
            # As before, so that the program serves again.
            if size <= before and is_worth_padding(tasks[0], before - len(fits)):
                size = before
            formed.append(self._cut(fits, size))
        # In turn, so that the programs of different groups compile at the same time.
        for stacks in itertools.zip_longest(*formed):
            self._ready.extend(stack for stack in stacks if stack is not None)
        self._waiting.clear()
        self._shared_rows = SharedRows()

    def _cut(self, fits: list[_Fit], size: int) -> list[Stack]:
        """Stacks of about `size`; if none is so large, they share a program with those
        that were."""
        tasks = [fit.task for fit in fits]
        pieces = cut(tasks, size, self._most(tasks[0]))
        largest = max(map(len, pieces))
        if not is_worth_padding(tasks[0], size - largest):
            size = largest
        self._sizes[group_key(tasks[0])] = size = max(size, largest)
        program = program_key(tasks[0])
        return [Stack(program, [fits[i] for i in piece], size) for piece in pieces]

    def _suitable_size(self, tasks: list["Task"]) -> int:
        """Size of the stacks to make of a group: at least one for each core, if that is
        worth it."""
        n_worthwhile = math.ceil(sum(task.work for task in tasks) / WORTH_A_STACK)
        width = min(good_width(tasks[0]), self._most(tasks[0]))
        n_needed = math.ceil(len(tasks) / width)
        return math.ceil(len(tasks) / max(n_needed, min(self._n_cores, n_worthwhile)))

    def _set_waiting(self, group: Hashable, fits: list[_Fit]) -> None:
        if fits:
            self._waiting[group] = fits
        else:
            self._waiting.pop(group, None)

    def _deliver(self, fits: list[_Fit], results: list) -> None:
        for fit, result in zip(fits, results, strict=True):
            fit.result = result
            self._held_bytes -= fit.n_bytes
            fit.participant.call.resuming.append(fit.participant)

    # Training

    def _lead(self, stack: Stack) -> None:
        """Train a stack, in the thread of its first fit."""
        from .robust import train_robustly  # late, as it brings TensorFlow along

        fits = stack.fits
        leader = fits[0].participant
        calls = itertools.count()

        def before_call():
            if all(fit.participant.call.is_cancelled for fit in fits):
                raise TaskCancelled
            n_before = next(calls)
            if n_before < 2:  # the program has been traced, and then compiled
                with self.change():
                    self._tracing.discard(stack.program)
                    if n_before:
                        self._note_compiled(stack.program)

        start = time.perf_counter()
        results: list
        leader.trains = stack
        try:
            tasks = [fit.task for fit in fits]
            results = train_robustly(tasks, before_call, stack.size)
        except BaseException as error:
            # Nobody may be left waiting, whatever it was.
            results = [error] * len(fits)
        leader.trains = None
        seconds = time.perf_counter() - start
        with self.change():
            self._note_compiled(stack.program)
            self._training -= Counter([stack.program])
            self._n_trained += len(fits)
            self._deliver(fits, results)
            n_trained = self._n_trained
        if self._report is not None:
            self._report(
                f"skdropout: trained {len(fits)} networks as one in {seconds:.1f} s, "
                f"{n_trained} so far"
            )

    def _note_compiled(self, program: Hashable) -> None:
        self._beginning.discard(program)
        self._tracing.discard(program)
        _compiled.add(program)

    # Stalls

    def _watch_for_stalls(self) -> None:
        """Go on without threads that are blocked, as by a lock of one that waits."""
        n_changes, processor, since = -1, 0.0, time.monotonic()
        while True:
            time.sleep(_LOOK_SECONDS)
            with self._lock:
                if not self._calls:
                    self._watch = None
                    return
                now, before = time.monotonic(), processor
                processor, patience = self._processor_seconds()
                is_busy = processor - before > _BUSY_SHARE * _LOOK_SECONDS
                if is_busy or self._training or self._n_changes != n_changes:
                    n_changes, since = self._n_changes, now
                elif now - since > patience:
                    if self._waiting:
                        self._form_stacks()
                    else:
                        for call in self._calls:
                            call.limit += 1
                    self._advance()

    def _processor_seconds(self) -> tuple[float, float]:
        """Time used by threads that could come to a fit, and the patience with them."""
        threads = [p.thread for call in self._calls for p in call.running]
        threads += [call.caller for call in self._calls if call.is_dispatching]
        if not hasattr(time, "pthread_getcpuclockid"):
            return 0.0, _UNSEEN_STALL_SECONDS
        alive = {thread.ident for thread in threading.enumerate()}
        seconds = 0.0
        for thread in (t for t in threads if t in alive):
            with suppress(OSError):  # it may have ended since
                seconds += time.clock_gettime(time.pthread_getcpuclockid(thread))
        return seconds, _STALL_SECONDS

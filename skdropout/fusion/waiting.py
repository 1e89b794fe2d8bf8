"""Fits that wait, by group, and the stacks that are made of them."""

import itertools
import math
from collections.abc import Callable, Hashable
from typing import NamedTuple

from ..training.frames import Frame, frame_of, program_kind
from ..training.task import WORTH_COMPILING, Outcome, Task
from .grouping import (
    WORTH_A_STACK,
    cut,
    family_key,
    good_width,
    group_key,
    is_even,
    is_worth_padding,
    network_bytes,
    rows_bytes,
)
from .participants import Participant
from .planning import share_programs
from .sharing import SharedRows


class Fit:
    """A task that a participant waits for.

    Attributes
    ----------
    participant : Participant
    task : Task
    key : bytes or None
        That of the cache.
    n_bytes : int
        Size of its rows.
    stack : PlannedStack or None
        The stack that the participant's thread is to train.
    result : Outcome, exception or None
    """

    def __init__(self, participant: Participant, task: Task, key: bytes | None = None):
        self.participant = participant
        self.task = task
        self.key = key
        self.n_bytes = rows_bytes(task)
        self.stack: PlannedStack | None = None
        self.result: Outcome | BaseException | None = None


class PlannedStack(NamedTuple):
    """Fits that are to be trained as one stack.

    Attributes
    ----------
    program : hashable
        A `ProgramKind`.
    fits : list of Fit
    size : int
        That of the largest stack of the group, whose program it is to share.
    frame : Frame
        Of that program.
    """

    program: Hashable
    fits: list[Fit]
    size: int
    frame: Frame


class WaitingFits:
    """The fits that wait. Not for several threads at a time.

    Parameters
    ----------
    count_cores : callable
        Returns how many cores are to be kept busy.
    max_networks : int
        Networks of a stack, at most.
    max_memory : float
        Bytes that all stacks in training may take.
    """

    def __init__(
        self, count_cores: Callable[[], int], max_networks: int, max_memory: float
    ):
        self._count_cores = count_cores
        self._max_networks = max_networks
        self._max_memory = max_memory
        self._groups: dict[Hashable, list[Fit]] = {}
        self._shared_rows = SharedRows()
        # Of the largest stack that there has been of each program.
        self._sizes: dict[Hashable, int] = {}

    def __len__(self) -> int:
        return sum(map(len, self._groups.values()))

    def add(self, fit: Fit, n_to_come: int) -> list[PlannedStack]:
        """Take in a fit; returns the stacks that need not wait for others.

        There are such once the group has enough fits for one core, and as many
        participants are still to come for the next.
        """
        task = fit.task
        task.rows = self._shared_rows.share(task.rows)
        if task.validation is not None:
            task.validation = self._shared_rows.share(task.validation)
        group = group_key(task)
        fits = self._groups.setdefault(group, [])
        fits.append(fit)
        frame = frame_of([task])
        width = min(good_width(task, frame), self._most(task, frame))
        # With others it might share a program, unless it is worth one of its own.
        is_worthwhile = len(fits) * task.work >= WORTH_COMPILING
        if is_worthwhile and min(len(fits), n_to_come) >= width:
            tasks = [fit.task for fit in fits]
            if is_even(tasks):
                return self._cut(self._groups.pop(group), width, frame_of(tasks))
        return []

    def take_all(self) -> list[PlannedStack]:
        """Stacks of all fits: enough of them for all cores."""
        families: dict[Hashable, list[list[Fit]]] = {}
        for fits in self._groups.values():
            families.setdefault(family_key(fits[0].task), []).append(fits)
        formed = []
        for groups in families.values():
            tasks_of_groups = [[fit.task for fit in fits] for fits in groups]
            for together in share_programs(tasks_of_groups):
                fits = [fit for i in together for fit in groups[i]]
                formed.append(self._formed(fits))
        self._groups.clear()
        self._shared_rows = SharedRows()
        # In turn, so that the programs of different groups compile at the same time.
        in_turn = itertools.chain(*itertools.zip_longest(*formed))
        return [stack for stack in in_turn if stack is not None]

    def _formed(self, fits: list[Fit]) -> list[PlannedStack]:
        """Stacks of fits that share a program."""
        tasks = [fit.task for fit in fits]
        frame = frame_of(tasks)
        size = self._suitable_size(tasks, frame)
        # As before, so that the program serves again.
        before = self._sizes.get(program_kind(tasks[0], frame), 0)
        if size <= before and is_worth_padding(tasks[0], before - len(fits)):
            size = before
        return self._cut(fits, size, frame)

    def take_cancelled(self) -> list[Fit]:
        """The fits that nobody wants any more."""
        cancelled = []
        for group, fits in list(self._groups.items()):
            cancelled += [f for f in fits if f.participant.call.is_cancelled]
            self._groups[group] = [f for f in fits if not f.participant.call.is_cancelled]
            if not self._groups[group]:
                del self._groups[group]
        return cancelled

    def _most(self, task: Task, frame: Frame) -> int:
        """Networks of a stack at most."""
        most = self._max_memory / self._count_cores() // network_bytes(task, frame)
        return int(max(1, min(self._max_networks, most)))

    def _cut(self, fits: list[Fit], size: int, frame: Frame) -> list[PlannedStack]:
        """Stacks of about `size`; if none is so large, they share a program with those
        that were."""
        tasks = [fit.task for fit in fits]
        pieces = cut(tasks, size, self._most(tasks[0], frame))
        largest = max(map(len, pieces))
        if not is_worth_padding(tasks[0], size - largest):
            size = largest
        program = program_kind(tasks[0], frame)
        self._sizes[program] = size = max(size, largest)
        return [
            PlannedStack(program, [fits[i] for i in piece], size, frame)
            for piece in pieces
        ]

    def _suitable_size(self, tasks: list[Task], frame: Frame) -> int:
        """Size of the stacks to make of a group: at least one for each core, if that is
        worth it."""
        n_worthwhile = math.ceil(sum(map(frame.work, tasks)) / WORTH_A_STACK)
        width = min(good_width(tasks[0], frame), self._most(tasks[0], frame))
        n_needed = math.ceil(len(tasks) / width)
        n_stacks = max(n_needed, min(self._count_cores(), n_worthwhile))
        return math.ceil(len(tasks) / n_stacks)

"""How many fits there are, and how far they have come.

Read without the gathering's lock, which an interrupt of the main thread could leave
closed.
"""

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from .._progress_bar import Reading
from ..training.task import Task
from .participants import Call
from .search_tasks import BestScore, SearchTask


class Census:
    """Counts the fits of a gathering, and knows the best score of its search."""

    def __init__(self) -> None:
        self._n_asked = self._n_ended = 0
        self._lock = threading.Lock()
        self._best: BestScore | None = None

    @contextmanager
    def asked(self) -> Iterator[None]:
        """While somebody waits for the outcome of a task."""
        with self._lock:
            self._n_asked += 1
        try:
            yield
        finally:
            with self._lock:
                self._n_ended += 1

    def note_search(
        self, call: Call, task: SearchTask, calls: Sequence[Call]
    ) -> BestScore:
        """Take note of a task of a search; returns what is to be told of its scores.

        Parameters
        ----------
        call : Call
            That of the search.
        task : SearchTask
        calls : sequence of Call
            All that are open.
        """
        if call.best is None:
            call.best = BestScore()
            # Of several at a time, as within a cross-validation, none is the best.
            is_alone = all(other.best is None for other in calls)
            self._best = call.best if is_alone else None
        call.note_search(task)
        return call.best

    def read(
        self,
        calls: Sequence[Call],
        stacks: Sequence[Sequence[Task]],
        first: Reading | None,
    ) -> Reading:
        """How far things are.

        Parameters
        ----------
        calls : sequence of Call
            Those that are open.
        stacks : sequence of sequence of Task
            Those in training.
        first : Reading or None
            That of the beginning; None for this to be it.
        """
        if first is None:
            self._best = None
        n_before = 0 if first is None else first.n_done
        n_done = self._n_ended - n_before
        n_known = self._n_asked - n_before + sum(call.n_to_come for call in calls)
        in_training, slowest = 0.0, (0, 0)
        for tasks in stacks:
            done = [len(task.progress.loss_curve) for task in tasks]
            most = [task.settings.max_iter for task in tasks]
            in_training += sum(n / m for n, m in zip(done, most, strict=True))
            if not slowest[1] or max(done) < slowest[0]:
                slowest = max(done), max(most)
        return Reading(
            n_done,
            n_known,
            (n_done + in_training) / n_known if n_known else 0.0,
            *slowest,
            None if self._best is None else self._best.value,
            0.0,
        )

"""How stacks are trained: here or by workers, with a cache, while there is time."""

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from joblib import cpu_count

from ..training.task import Checkpoint, Outcome, Record, Task
from .executors import Wire, Workers
from .time_limit import TimeLimit
from .waiting import PlannedStack

if TYPE_CHECKING:
    from .fit_cache import FitCache

# For how long workers whose time is over are waited for, as they send what is finished.
_GRACE_SECONDS = 5.0


class StackTrainer:
    """Trains the stacks of a gathering, each in the thread that asks for it.

    Parameters
    ----------
    cache : FitCache, optional
        Keeps fits, and knows those that need not be trained.
    time_limit : TimeLimit, optional
    wire : Wire, optional
        Leads to others that train.
    """

    def __init__(
        self,
        cache: "FitCache | None" = None,
        time_limit: TimeLimit | None = None,
        wire: Wire | None = None,
    ):
        self._cache = cache
        self._time_limit = time_limit
        self._workers = None if wire is None else Workers(wire)
        self._n_cores = cpu_count()

    def count_stacks(self) -> int:
        """How many can be in training at a time."""
        return self._n_cores if self._workers is None else self._workers.n_at_a_time

    def tell_of_change(self, tell: Callable[[], None]) -> None:
        """Have a function called when that has become another number."""
        if self._workers is not None:
            self._workers.on_change = tell

    def find(self, task: Task) -> tuple[bytes | None, Outcome | None]:
        """Key and outcome of a task in the cache; of one that has been begun there, the
        task goes on from where it is."""
        if self._cache is None:
            return None, None
        key, found = self._cache.find(task)
        if isinstance(found, Checkpoint):
            task.go_on_from(found)
            found = None
        return key, found

    def check_time(self) -> None:
        """Raise OutOfTime if nothing more is to be trained."""
        if self._time_limit is not None:
            self._time_limit.check()

    def train(
        self,
        stack: PlannedStack,
        check_wanted: Callable[[], None],
        note_call: Callable[[], None],
    ) -> list[Outcome | BaseException]:
        """Results of the fits of a stack.

        Parameters
        ----------
        stack : PlannedStack
        check_wanted : callable
            Raises if it is not wanted any more.
        note_call : callable
            Told of each call of the program, or of each look at a worker.
        """
        from .halving import train_or_halve  # late, as it brings TensorFlow along

        record = self._record((fit.task, fit.key) for fit in stack.fits)
        tasks = [fit.task for fit in stack.fits]
        results = self._by_workers(stack, tasks, check_wanted, note_call)
        if results is not None:
            if record is not None:
                record.keep(tasks, results)
            return results

        def before_call() -> None:
            check_wanted()
            self.check_time()
            note_call()

        return train_or_halve(tasks, before_call, stack.frame, stack.size, record)

    def _by_workers(
        self,
        stack: PlannedStack,
        tasks: list[Task],
        check_wanted: Callable[[], None],
        note_call: Callable[[], None],
    ) -> list | None:
        """Results by the workers, if there are any that can train these."""
        if self._workers is None:
            return None
        limit = self._time_limit
        seconds = None if limit is None else limit.seconds_left

        def before_look() -> None:
            check_wanted()
            if limit is not None and limit.seconds_left < -_GRACE_SECONDS:
                limit.check()
            note_call()

        return self._workers.train(tasks, before_look, stack.frame, stack.size, seconds)

    def train_at_once(self, task: Task) -> Outcome:
        """The outcome of a task that waits for nobody, without a limit of time."""
        key, outcome = self.find(task)
        return outcome or train_alone(task, self._record([(task, key)]))

    def _record(self, tasks: Iterable[tuple[Task, bytes | None]]) -> Record | None:
        if self._cache is None:
            return None
        keys = {id(task): key for task, key in tasks if key is not None}
        return self._cache.record(keys)

    def let_go(self) -> None:
        """Let go of the cache; what is trained from now on is not kept."""
        if self._cache is not None:
            self._cache.close()


def train_alone(task: Task, record: Record | None = None) -> Outcome:
    """The outcome of a task by itself, or the error that ended it."""
    from ..training.trainer import train  # late, as it brings TensorFlow along

    (result,) = train([task], record=record)
    if isinstance(result, BaseException):
        raise result
    return result

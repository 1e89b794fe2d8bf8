"""Which stacks are in training, and which is next: at most one for each core."""

from collections import Counter, deque
from collections.abc import Callable, Hashable, Iterable

from .waiting import PlannedStack

# Keys of the programs that stacks have used in this process. That they are there is a
# guess, as they depend on the size of the stack, too.
_compiled: set[Hashable] = set()


class Cores:
    """The cores, and the stacks that are ready for them. Not for several threads at a
    time.

    Parameters
    ----------
    count : callable
        Returns how many there are.
    """

    def __init__(self, count: Callable[[], int]):
        self._count = count
        self._ready: deque[PlannedStack] = deque()
        self._training: Counter[Hashable] = Counter()
        # Keys of programs that are being compiled, and of these those still traced.
        self._beginning: set[Hashable] = set()
        self._tracing: set[Hashable] = set()

    @property
    def is_busy(self) -> bool:
        """Whether no core is free for another stack."""
        return bool(self._ready) or self._training.total() >= self._count()

    @property
    def is_training(self) -> bool:
        """Whether any stack is in training."""
        return bool(self._training)

    @property
    def is_tracing(self) -> bool:
        """Whether a program is traced, which is Python and so stops other threads."""
        return bool(self._tracing)

    def add(self, stacks: Iterable[PlannedStack]) -> None:
        """Put stacks at the end of the queue."""
        self._ready.extend(stacks)

    def start_next(self) -> PlannedStack | None:
        """The next stack that has a core, which is taken; None if there is none."""
        stack = next(filter(self._has_core, self._ready), None)
        if stack is None:
            return None
        self._ready.remove(stack)
        self._training[stack.program] += 1
        if stack.program not in _compiled and stack.program not in self._beginning:
            self._beginning.add(stack.program)
            self._tracing.add(stack.program)
        return stack

    def _has_core(self, stack: PlannedStack) -> bool:
        """Whether a stack can begin. Those that wait for the same program to be compiled
        leave a core for one of another program, which compiles meanwhile."""
        if stack.program in self._beginning:
            n_busy = self._training[stack.program]
        else:
            n_busy = sum(
                1 if program in self._beginning else n
                for program, n in self._training.items()
            )
        n_cores = self._count()
        return n_busy < n_cores and self._training.total() <= n_cores

    def note_traced(self, program: Hashable) -> None:
        self._tracing.discard(program)

    def note_compiled(self, program: Hashable) -> None:
        self._beginning.discard(program)
        self._tracing.discard(program)
        _compiled.add(program)

    def pause(self, stack: PlannedStack) -> None:
        """Give the core of a stack in training to others for a while."""
        self._training -= Counter([stack.program])
        self._tracing.discard(stack.program)

    def resume(self, stack: PlannedStack) -> None:
        """Take the core back, even where it is in use."""
        self._training[stack.program] += 1

    def end(self, stack: PlannedStack) -> None:
        """Free the core of a stack that has been trained."""
        self.note_compiled(stack.program)
        self._training -= Counter([stack.program])

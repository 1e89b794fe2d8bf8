"""Tasks that run as threads, a few at a time.

One that comes to a fit waits, and another may run in its place.
"""

import threading
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .gathering import Gathering, Stack
    from .task import Outcome, Task

_current = threading.local()


def current_participant() -> "Participant | None":
    """The task that this thread runs, if it is one that gathers."""
    return getattr(_current, "participant", None)


class TaskCancelled(BaseException):
    """Ends a task whose result nobody wants; no handler of errors should keep it."""


class Participant:
    """A task in a thread of its own.

    Attributes
    ----------
    trains : Stack or None
        The stack that the thread trains at present.
    """

    def __init__(self, call: "Call", function: Callable[[], Any]):
        self.call = call
        self.future: Future = Future()
        self.thread = 0
        self.trains: Stack | None = None
        self._function = function
        self._is_called = threading.Event()

    def start(self) -> None:
        threading.Thread(target=self._run, name="skdropout-task").start()

    def _run(self) -> None:
        _current.participant = self
        self.thread = threading.get_ident()
        # The estimator and its rows are not to be kept by joblib's cycles of references.
        function = self._function
        del self._function
        try:
            result = function()
        except BaseException as error:
            self.future.set_exception(error)
        else:
            self.future.set_result(result)
        # Whoever waits for the result may have submitted more from this thread; only now
        # is it certain that nothing else comes.
        self.call.end(self)

    def train(self, task: "Task") -> "Outcome":
        """Train a task together with others.

        Raises
        ------
        Exception
            What ended the training of this task.
        TaskCancelled
        """
        return self.call.gathering.train(self, task)

    def wait(self) -> None:
        """Sleep until called."""
        self._is_called.wait()
        self._is_called.clear()

    def wake(self) -> None:
        self._is_called.set()


class Call:
    """A set of tasks, of which at most `limit` run at a time.

    A task that waits, for its training or for tasks of its own, does not count.

    Parameters
    ----------
    gathering : Gathering
    limit : int
    """

    def __init__(self, gathering: "Gathering", limit: int):
        self.gathering = gathering
        self.limit = limit
        self.caller = threading.get_ident()
        self.is_dispatching = True
        self.running: set[Participant] = set()
        self.resuming: deque[Participant] = deque()
        self.unstarted: deque[Participant] = deque()
        self.n_unfinished = 0
        parent = current_participant()
        self._parent = None if parent is None else parent.call
        self._is_cancelled = False
        gathering.open(self)

    @property
    def is_cancelled(self) -> bool:
        parent = self._parent
        return self._is_cancelled or (parent is not None and parent.is_cancelled)

    @property
    def is_over(self) -> bool:
        return not self.is_dispatching and not self.n_unfinished

    def submit(
        self,
        function: Callable[[], Any],
        callback: Callable[[Future], Any] | None = None,
    ) -> Future:
        """Run a function in a thread of its own, in its turn."""
        participant = Participant(self, function)
        if callback is not None:
            participant.future.add_done_callback(callback)
        with self.gathering.change():
            self.unstarted.append(participant)
            self.n_unfinished += 1
        return participant.future

    def end(self, participant: Participant) -> None:
        with self.gathering.change():
            self.running.discard(participant)
            self.n_unfinished -= 1

    def close(self) -> None:
        """The caller will submit no more, but for what follows on results."""
        with self.gathering.change():
            self.is_dispatching = False

    @contextmanager
    def retrieval(self) -> Iterator[None]:
        """While the caller waits for results."""
        self.close()
        me = current_participant()
        if me is None:
            yield
            return
        if me.trains is not None:  # the tasks are those of a callback
            with self.gathering.pause(me.trains):
                yield
            return
        with self.gathering.change():
            me.call.running.discard(me)
        try:
            yield
        finally:
            with self.gathering.change():
                me.call.resuming.append(me)
            me.wait()

    def cancel(self) -> None:
        """Drop the tasks that wait or have not begun, and train no further."""
        self._is_cancelled = True
        self.gathering.drop_cancelled()

"""Participants: joblib's tasks, each in a thread of its own, a few running at a time."""

import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

from ..network.inference import sharing_cores
from .callers import Caller
from .search_tasks import BestScore, SearchTask
from .turns import Turn, origin


class Cancelled(BaseException):
    """Ends a participant whose result nobody wants; no handler of errors keeps it."""


def lack_of_threads(cause: BaseException) -> RuntimeError:
    """The error where not even one thread can be had."""
    return RuntimeError(
        f"No thread can be had for a task, not even one ({cause}). Within fused_training "
        "each task that has begun is a thread; the number of threads is limited, for a "
        "user by `ulimit -u` and in a container by `pids.max`."
    )


class Participant:
    """A function that runs in a thread of its own, in its turn.

    One that comes to a fit waits, and another may run in its place.

    Attributes
    ----------
    call : Call
        The call that it belongs to.
    future : Future
        Of what the function returns or raises.
    thread : int
        Identifier of its thread, 0 before it has begun.
    has_come : bool
        Whether it has come to a fit, or made a call of its own.
    is_excused : bool
        Whether it may have been held up by one that waited, so that the time that it
        needs tells nothing.
    turn : Turn
        What it has left of the process.
    """

    def __init__(self, call: "Call", function: Callable[[], Any]):
        self.call = call
        self.future: Future = Future()
        self.thread = 0
        self.turn = Turn(call.origin, lambda: call.is_cancelled)
        self.has_come = False
        self.is_excused = False
        self._lap_began = 0.0
        self._function = function
        self._is_woken = threading.Event()

    def start(self, run: Callable[["Participant"], None]) -> None:
        """Have `run` called in the new thread, which is to call the method `run`."""
        name = "skdropout-participant"
        threading.Thread(target=run, args=(self,), name=name, daemon=False).start()

    def run(self) -> None:
        """Call the function and hand over what comes of it."""
        self.thread = threading.get_ident()
        self.lap()
        # The estimator and its rows are not to be kept by joblib's cycles of references.
        function = self._function
        del self._function
        try:
            with sharing_cores():
                result = self.turn.run(function)
        except BaseException as error:
            self.future.set_exception(error)
        else:
            self.future.set_result(result)

    def lap(self) -> float:
        """Seconds of processor time that its thread has used since this was called."""
        began, self._lap_began = self._lap_began, time.thread_time()
        return self._lap_began - began

    def wait(self) -> None:
        """Sleep until woken."""
        self._is_woken.wait()
        self._is_woken.clear()

    def wake(self) -> None:
        self._is_woken.set()


class Call:
    """One call of joblib: participants, of which at most `limit` run at a time.

    One that waits, for its training or for a call of its own, does not count.

    Parameters
    ----------
    limit : int or inf
    n_jobs : int or inf
        How many may run at a time if need be.
    caller : Caller
    parent : Call, optional
        The call of the participant that makes this one.

    Attributes
    ----------
    is_dispatching : bool
        Whether the caller may still hand in participants.
    running : set of Participant
    given_up : set of Participant
        Those of them that the others do not wait for.
    resuming, unstarted : deque of Participant
        Those that are to go on, and those that have not begun.
    n_unfinished : int
    origin : Origin
        Where it is made.
    guest : Participant or None
        The guest that waits for its results, if it is one that has made it.
    is_shown : bool
        Whether somebody wants to see how far it is.
    best : BestScore or None
        Of a search.
    """

    def __init__(
        self, limit: float, n_jobs: float, caller: Caller, parent: "Call | None" = None
    ):
        self.limit = limit
        self.n_jobs = n_jobs
        self.caller = caller
        self.is_dispatching = True
        self.running: set[Participant] = set()
        self.given_up: set[Participant] = set()
        self.resuming: deque[Participant] = deque()
        self.unstarted: deque[Participant] = deque()
        self.n_unfinished = 0
        self.origin = origin()
        self.guest: Participant | None = None
        self.is_shown = False
        self.best: BestScore | None = None
        self._n_announced = self._n_handed_in = 0
        self._parent = parent
        self._is_cancelled = False

    @property
    def n_awaited(self) -> int:
        """Participants that run and may come to a fit soon."""
        return len(self.running) - len(self.given_up)

    @property
    def n_to_come(self) -> int:
        """Participants that have not come to a fit yet, as far as is known."""
        n_running = sum(not participant.has_come for participant in list(self.running))
        n_outside = max(0, self._n_announced - self._n_handed_in)
        return len(self.unstarted) + n_running + n_outside

    def note_search(self, task: SearchTask) -> None:
        """Take note of a task of a search that is handed in."""
        self._n_announced = task.n_candidates * task.n_splits
        self._n_handed_in += 1

    def note_stop(self, participant: Participant) -> None:
        """Take note that a participant does not run, for now or any more."""
        self.running.discard(participant)
        self.given_up.discard(participant)

    def cancel(self) -> None:
        """Nobody wants its results any more, nor those of calls within it."""
        self._is_cancelled = True

    @property
    def is_cancelled(self) -> bool:
        parent = self._parent
        return self._is_cancelled or (parent is not None and parent.is_cancelled)

    @property
    def is_over(self) -> bool:
        return not self.is_dispatching and not self.n_unfinished

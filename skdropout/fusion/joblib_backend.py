"""The backend for joblib, whose tasks run as participants of a gathering."""

import weakref
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import AbstractContextManager, nullcontext
from copy import copy
from typing import Any

from joblib import cpu_count, register_parallel_backend
from joblib.parallel import FallbackToBackend, ParallelBackendBase

from .behind import may_come_to_a_fit
from .callers import Caller
from .gathering import Gathering
from .open_contexts import host
from .options import make_gathering
from .outside import backend_outside
from .participants import Call
from .search_tasks import search_task
from .turns import let_end

#: Name under which joblib knows the backend.
BACKEND_NAME = "skdropout"

_MOST_UNDER_WAY = 10_000
# How long an error or an interrupt waits for tasks that run.
_END_SECONDS = 0.5


class FusionBackend(ParallelBackendBase):
    """Runs joblib's tasks as threads whose fits are trained together.

    Parameters
    ----------
    gathering : Gathering, optional
        The one to join, instead of one of its own.
    progress : bool, default=False
        Whether the progress of each call is shown, not only of those that are verbose.
    **options
        Those of ``make_gathering``.
    """

    supports_retrieve_callback = True
    supports_sharedmem = True
    uses_threads = True

    def __init__(
        self,
        nesting_level: int | None = None,
        inner_max_num_threads: int | None = None,
        *,
        gathering: Gathering | None = None,
        progress: bool = False,
        **options,
    ):
        super().__init__(nesting_level, inner_max_num_threads)
        if gathering is None:
            gathering = make_gathering(**options)
        self.gathering = gathering
        self._limit = self._n_jobs = 1
        self._shows_all = progress
        self._verbose = 0
        self._owner: Callable[[], Any] | None = None
        self._call: Call | None = None

    def effective_n_jobs(self, n_jobs: int | None) -> int:
        """Tasks that may be under way at a time.

        Where fits of ours may be among them, far more than those that run; joblib hands
        in a multiple of that ahead, and computes none above a million. Otherwise what
        the machine has, by which some divide their work.
        """
        if n_jobs == 0:
            raise ValueError("n_jobs == 0 in Parallel has no meaning")
        is_asked_by_call = self._owner is not None
        if not is_asked_by_call and not may_come_to_a_fit(is_call=False):
            return backend_outside(self.nesting_level or 0).effective_n_jobs(n_jobs)
        return self._n_under_way

    @property
    def _n_under_way(self) -> int:
        return int(min(max(2, self.gathering.max_networks), _MOST_UNDER_WAY))

    def configure(self, n_jobs=1, parallel=None, prefer=None, require=None, **_) -> int:
        """Note how many participants may run at a time; joblib's `n_jobs`."""
        if n_jobs == 0:
            raise ValueError("n_jobs == 0 in Parallel has no meaning")
        if parallel is not None and (
            self._owner is None or self._owner() is not parallel
        ):
            if not may_come_to_a_fit(is_call=True):
                level = self.nesting_level or 0
                raise FallbackToBackend(backend_outside(level, prefer, require))
            # A context has one backend, which does not learn whose call an error ends.
            # So each `Parallel` gets one of its own, of the same gathering.
            own = copy(self)
            own._owner, own._call = weakref.ref(parallel), None
            raise FallbackToBackend(own)
        if n_jobs is None:
            n_jobs = 1
        elif n_jobs < 0:
            n_jobs = cpu_count() + 1 + n_jobs
        if parallel is not None and parallel.verbose:
            # A bar takes the place of joblib's lines until the call has ended.
            self._verbose, parallel.verbose = parallel.verbose, 0
        self._n_jobs = max(n_jobs, 1)
        self._limit = min(self._n_jobs, cpu_count())
        return self._n_under_way

    def start_call(self) -> None:
        """Called by joblib before the first submission.

        The call begins with it, from where on joblib tells of errors.
        """
        self._call = None

    def submit(
        self, func: Callable[[], Any], callback: Callable[[Future], Any] | None = None
    ) -> Future:
        """Run one of joblib's tasks as a participant."""
        if self._call is None:
            parallel = None if self._owner is None else self._owner()
            output = getattr(parallel, "_call_ref", None)
            task = search_task(func)
            is_shown = self._shows_all or bool(self._verbose)
            is_shown = is_shown or (task is not None and task.is_verbose)
            self._call = call = self.gathering.open(
                self._limit, self._n_jobs, Caller(output), is_shown
            )
            if getattr(parallel, "return_generator", False):
                call.origin = call.origin.without_turns()
            if is_shown:
                self.gathering.progress.begin()
        return self.gathering.submit(self._call, func, callback)

    # The name of `submit` before joblib 1.5.
    apply_async = submit

    def retrieve_result_callback(self, out: Future) -> Any:
        """What a participant has returned, or its error."""
        return out.result()

    def retrieval_context(self) -> AbstractContextManager[None]:
        """While the caller waits for its participants, it is not waited for."""
        if self._call is None:  # no tasks
            return nullcontext()
        return self.gathering.retrieval(self._call)

    def stop_call(self) -> None:
        """Called by joblib after the last submission."""
        if self._call is not None:
            self.gathering.close(self._call)

    def terminate(self) -> None:
        """Called by joblib at the end."""
        parallel = None if self._owner is None else self._owner()
        if parallel is not None and self._verbose:
            parallel.verbose = self._verbose

    def abort_everything(self, ensure_ready: bool = True) -> None:
        """Called by joblib after an error or an interrupt."""
        if self._call is not None:
            self.gathering.cancel(self._call)
            let_end(_END_SECONDS)

    def get_nested_backend(self):
        """Backend of parallel code within a participant: its fits join the others."""
        level = (self.nesting_level or 0) + 1
        return FusionBackend(level, gathering=self.gathering), None


def backend_of_guest(nesting_level: int | None = None, **params) -> FusionBackend | None:
    """The backend of a thread that joins a context as a guest, if it does."""
    gathering = host()
    if gathering is None:
        return None
    return FusionBackend(nesting_level, gathering=gathering, **params)


register_parallel_backend(BACKEND_NAME, FusionBackend)

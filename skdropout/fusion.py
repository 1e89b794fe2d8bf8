"""Training the fits of a search together: a backend for joblib."""

import gc
import os
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import AbstractContextManager, contextmanager
from numbers import Integral, Real
from typing import Any

from joblib import cpu_count, parallel_config, register_parallel_backend
from joblib.parallel import ParallelBackendBase

from .training.gathering import Gathering
from .training.participants import Call

#: Name under which joblib knows the backend.
BACKEND_NAME = "skdropout"


@contextmanager
def fused_training(
    *,
    max_networks: int = 512,
    max_memory: float | None = None,
    progress: bool = False,
) -> Iterator[None]:
    """Train the networks of a search together, as few large ones.

    Within this context everything that scikit-learn runs through joblib
    (:class:`~sklearn.model_selection.GridSearchCV`,
    :func:`~sklearn.model_selection.cross_validate`,
    :class:`~sklearn.ensemble.BaggingClassifier`, ...) runs as threads. A fit of
    :class:`DropoutMLPClassifier` or :class:`DropoutMLPRegressor` waits there until no
    thread is left that could still come to one; then all that have the same layers, kind
    of optimizer, loss and number of steps per epoch are trained as one stack of networks,
    each with its own dropout rates, learning rate, penalty, seed, rows, validation set
    and stopping rule. The results are those of training one after the other, up to the
    rounding of single precision.

    Everything else runs as ever, `n_jobs` of its tasks at a time (one where it is None).
    What a stack cannot hold trains by itself: optimizers that are not element-wise, such
    as Muon or LAMB or any with `clipnorm`, and callbacks that want to see each batch.

    Parameters
    ----------
    max_networks : int, default=512
        The most networks that wait, with their rows, and that are trained as one.
    max_memory : float, optional
        Bytes that the rows of the waiting fits, and the networks in training, may each
        take, about. By default a quarter of the machine's memory.
    progress : bool, default=False
        Whether to print a line to the standard error stream after each stack.

    Raises
    ------
    ValueError
        If `max_networks` or `max_memory` is not positive.
    TypeError
        If one of them is not a number.

    Notes
    -----
    TensorFlow is loaded where the context begins. Within it, objects that were there
    before are not garbage-collected (:func:`gc.freeze`), unless some have been frozen
    already. ``joblib.parallel_config(backend="skdropout")``, with the same parameters, is
    the same but for these two.

    Fusing does not help where one network alone keeps all cores busy.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.model_selection import GridSearchCV
    >>> from skdropout import DropoutMLPClassifier, fused_training
    >>> X, y = load_iris(return_X_y=True)
    >>> mlp = DropoutMLPClassifier(max_iter=100, random_state=0)
    >>> search = GridSearchCV(mlp, {"dropout_rate": [0.0, 0.2, 0.5]})
    >>> with fused_training():
    ...     bool(search.fit(X, y).best_score_ > 0.8)
    True
    """
    with parallel_config(
        backend=BACKEND_NAME,
        max_networks=max_networks,
        max_memory=max_memory,
        progress=progress,
    ):
        # So that TensorFlow's objects, the most of all, are set aside, too.
        from . import _backend  # noqa: F401

        with _set_aside():
            yield


@contextmanager
def _set_aside() -> Iterator[None]:
    """Leave the objects that there are out of Python's garbage collection.

    TensorFlow alone has some 400,000. To go through them takes longer than to train many
    a stack, and tracing a program or the fits of a search make Python do so.
    """
    if gc.get_freeze_count():  # by somebody else, who is to undo it
        yield
        return
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


class FusionBackend(ParallelBackendBase):
    """Runs joblib's tasks as threads whose fits are trained together.

    Parameters
    ----------
    max_networks, max_memory, progress
        Those of :func:`fused_training`.
    """

    supports_retrieve_callback = True
    supports_sharedmem = True
    uses_threads = True

    def __init__(
        self,
        nesting_level: int | None = None,
        inner_max_num_threads: int | None = None,
        *,
        max_networks: int = 512,
        max_memory: float | None = None,
        progress: bool = False,
        gathering: Gathering | None = None,
    ):
        super().__init__(nesting_level, inner_max_num_threads)
        if gathering is None:
            _check_positive("max_networks", max_networks, Integral, "an integer")
            if max_memory is None:
                max_memory = _memory_bytes() / 4
            _check_positive("max_memory", max_memory, Real, "a number of bytes")
            report = _print_to_stderr if progress else None
            gathering = Gathering(max_networks, max_memory, report)
        self._gathering = gathering
        self._limit = 1
        self._call: Call | None = None

    def effective_n_jobs(self, n_jobs: int | None) -> int:
        """Tasks that may be under way at a time: far more than those that run."""
        if n_jobs == 0:
            raise ValueError("n_jobs == 0 in Parallel has no meaning")
        return max(2, self._gathering.max_networks)

    def configure(self, n_jobs=1, parallel=None, prefer=None, require=None, **_) -> int:
        """Note how many tasks may run at a time; joblib's `n_jobs`."""
        effective = self.effective_n_jobs(n_jobs)
        if n_jobs is None:
            n_jobs = 1
        elif n_jobs < 0:
            n_jobs = cpu_count() + 1 + n_jobs
        self._limit = min(max(n_jobs, 1), cpu_count())
        self.parallel = parallel
        return effective

    def start_call(self) -> None:
        """Called by joblib before the first task."""
        self._call = Call(self._gathering, self._limit)

    def submit(
        self, func: Callable[[], Any], callback: Callable[[Future], Any] | None = None
    ) -> Future:
        """Run a task in its turn."""
        assert self._call is not None
        return self._call.submit(func, callback)

    # The name of `submit` before joblib 1.5.
    apply_async = submit

    def retrieve_result_callback(self, out: Future) -> Any:
        """Result of a task, or its error."""
        return out.result()

    def retrieval_context(self) -> AbstractContextManager[None]:
        """While the caller waits for its tasks, it is not waited for."""
        assert self._call is not None
        return self._call.retrieval()

    def stop_call(self) -> None:
        """Called by joblib after the last task."""
        if self._call is not None:
            self._call.close()

    def abort_everything(self, ensure_ready: bool = True) -> None:
        """Called by joblib after an error or an interrupt."""
        if self._call is not None:
            self._call.cancel()

    def get_nested_backend(self):
        """Backend of parallel code within a task: its fits join those of the others."""
        level = (self.nesting_level or 0) + 1
        return FusionBackend(level, gathering=self._gathering), None


def _check_positive(name: str, value: Any, kind: Any, what: str) -> None:
    if not isinstance(value, kind) or isinstance(value, bool):
        raise TypeError(f"{name} must be {what}; got {value!r}.")
    if not value > 0:  # nor NaN
        raise ValueError(f"{name}={value!r} must be positive.")


def _memory_bytes() -> float:
    """The machine's memory; 8 GiB where the system does not tell."""
    try:
        return float(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
    except (AttributeError, ValueError, OSError):
        return 8.0 * 2**30


def _print_to_stderr(line: str) -> None:
    sys.stderr.write(line + "\n")  # at once, as other threads write too


register_parallel_backend(BACKEND_NAME, FusionBackend)

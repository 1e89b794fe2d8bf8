"""The context in which fits are trained together."""

import gc
import os
from collections.abc import Iterator
from concurrent.futures import Executor
from contextlib import ExitStack, contextmanager

from joblib import parallel_config

from .joblib_backend import FusionBackend, backend_of_guest
from .open_contexts import opened
from .options import make_gathering
from .outside import default_backend


@contextmanager
def fused_training(
    *,
    max_networks: int = 512,
    max_memory: float | None = None,
    progress: bool = False,
    other_threads: bool = True,
    cache: str | os.PathLike | None = None,
    max_cache_size: float = 2**30,
    time_limit: float | None = None,
    executor: Executor | None = None,
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
    as Muon or LAMB or any with `use_ema`, and callbacks that want to see each batch.

    Parameters
    ----------
    max_networks : int, default=512
        The most networks that wait, with their rows, and that are trained as one.
    max_memory : float, optional
        Bytes that the rows of the waiting fits, and the networks in training, may each
        take, about. By default a quarter of the machine's memory.
    progress : bool, default=False
        Whether to show a bar, for as long as the context is open: networks trained of
        those known of, epochs, the best score of a search so far, the time left. In a
        terminal, a notebook, or as lines of a log, on the standard error stream. A search
        or another call that is `verbose` shows it for itself, in place of joblib's lines.
    other_threads : bool, default=True
        Whether threads of which joblib knows nothing join: those of a
        :class:`~concurrent.futures.ThreadPoolExecutor`, of Optuna's or dask's. A fit in
        one of them, and what it runs through joblib, waits for others like any task, for
        as long as there is news of other such threads: not more than 50 ms pass without
        one that comes or computes, and 2 s in all. The thread that has opened the context
        waits for nobody with a fit of its own; neither does the main thread.
    cache : path, optional
        A folder that keeps each fit as soon as its stack has ended, and every 5 to 60
        seconds how far the others are, at the end of an epoch. So a search that is
        started again, after it has been killed or changed, trains only what is missing. A
        fit is found again by all that its result depends on: hyperparameters, rows,
        weights, validation rows, seed, and the versions of skdropout, Keras, NumPy and
        TensorFlow. Not kept are fits with callbacks, with a scorer or a schedule of the
        user's own, and those that Keras's own `fit` trains. Several processes may use one
        folder, on a local disk. Whatever is wrong with it, fits are trained; a warning
        says so.
    max_cache_size : float, default=2**30
        Bytes that the cache may take, about. What has not been used for long goes first.
    time_limit : float, optional
        Seconds after which nothing more is trained. What is finished counts; other fits
        raise a :class:`TimeoutError`, which a search puts down as its `error_score`. What
        the thread that has opened the context fits itself, such as the refit of a search,
        is not ended. With a `cache`, the same search goes on from there next time.
    executor : concurrent.futures.Executor, optional
        Whose workers train the stacks; splits, preprocessing and scores stay in this
        process. Best that of dask's `distributed`, ``client.get_executor()``, to whose
        workers rows are sent once. There are as many stacks as workers, or as threads of
        dask's workers. The stacks of a worker that dies are trained again, in the end in
        this process. The workers need the same versions of skdropout, Keras and
        TensorFlow. Fits with callbacks, or that are `verbose`, are trained here.

    Raises
    ------
    ValueError
        If `max_networks`, `max_memory`, `max_cache_size` or `time_limit` is not positive,
        or `cache` is a file.
    TypeError
        If one of them is not a number, `cache` not a path or `executor` no executor.
    RuntimeError
        If the `executor` has been shut down, or a worker lacks skdropout or has other
        versions.

    Notes
    -----
    TensorFlow is loaded where the context begins. Within it, objects that were there
    before are not garbage-collected (:func:`gc.freeze`), unless some have been frozen
    already. ``joblib.parallel_config(backend="skdropout")``, with the same parameters, is
    the same but for these two and `other_threads`.

    The `mean_fit_time` of a search is how long its fits have waited, for the training of
    others as well: only the time of the search as a whole says something.

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
    gathering = make_gathering(
        max_networks=max_networks,
        max_memory=max_memory,
        cache=cache,
        max_cache_size=max_cache_size,
        time_limit=time_limit,
        executor=executor,
    )
    with ExitStack() as stack:
        stack.callback(gathering.trainer.let_go)
        stack.enter_context(parallel_config(backend=FusionBackend(gathering=gathering)))
        # So that TensorFlow's objects, the most of all, are set aside, too.
        from .. import _backend  # noqa: F401

        stack.enter_context(_set_aside())
        stack.enter_context(opened(gathering, takes_guests=other_threads))
        if progress:
            stack.enter_context(gathering.progress.shown())
        if other_threads:
            stack.enter_context(default_backend(backend_of_guest))
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
    try:
        gc.freeze()
        yield
    finally:
        gc.unfreeze()

"""The context in which fits are trained together."""

import gc
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from joblib import parallel_config

from .joblib_backend import FusionBackend, backend_of_guest
from .open_contexts import open_to_guests
from .outside import default_backend


@contextmanager
def fused_training(
    *,
    max_networks: int = 512,
    max_memory: float | None = None,
    progress: bool = False,
    other_threads: bool = True,
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
        Whether to print a line to the standard error stream after each stack.
    other_threads : bool, default=True
        Whether threads of which joblib knows nothing join: those of a
        :class:`~concurrent.futures.ThreadPoolExecutor`, of Optuna's or dask's. A fit in
        one of them, and what it runs through joblib, waits for others like any task, for
        as long as there is news of other such threads: not more than 50 ms pass without
        one that comes or computes, and 2 s in all. The thread that has opened the context
        waits for nobody with a fit of its own; neither does the main thread.

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
    backend = FusionBackend(
        max_networks=max_networks, max_memory=max_memory, progress=progress
    )
    with ExitStack() as stack:
        stack.enter_context(parallel_config(backend=backend))
        # So that TensorFlow's objects, the most of all, are set aside, too.
        from .. import _backend  # noqa: F401

        stack.enter_context(_set_aside())
        if other_threads:
            stack.enter_context(open_to_guests(backend.gathering))
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

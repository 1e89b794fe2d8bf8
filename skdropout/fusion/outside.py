"""What joblib does where no context is open: its default backend, and another for it."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from joblib import parallel, register_parallel_backend
from joblib.parallel import ParallelBackendBase, ThreadingBackend

# That of threads which have chosen none, while a context is open.
_NAME = "skdropout-default"

_lock = threading.Lock()  # contexts of several threads may overlap
_n_open = 0
_default = parallel.DEFAULT_BACKEND


@contextmanager
def default_backend(make: Callable[..., ParallelBackendBase | None]) -> Iterator[None]:
    """Have joblib use other backends in threads that have chosen none.

    Parameters
    ----------
    make : callable
        Makes one; None where the thread is to have joblib's own default.
    """
    global _n_open, _default

    def made(**params) -> ParallelBackendBase:
        backend = make(**params)
        return _own_default(**params) if backend is None else backend

    with _lock:
        if _n_open == 0:
            _default = parallel.DEFAULT_BACKEND
            register_parallel_backend(_NAME, made, make_default=True)
        _n_open += 1
    try:
        yield
    finally:
        with _lock:
            _n_open -= 1
            if _n_open == 0 and parallel.DEFAULT_BACKEND == _NAME:
                factory = parallel.BACKENDS[_default]
                register_parallel_backend(_default, factory, make_default=True)


def backend_outside(level: int, prefer=None, require=None) -> ParallelBackendBase:
    """The backend that a call of joblib would have had.

    Parameters
    ----------
    level : int
        How deep the call is within others.
    prefer, require : str, optional
        What the call asks for.
    """
    if level > 0:
        return ThreadingBackend(nesting_level=level - 1).get_nested_backend()[0]
    if prefer == "threads" or require == "sharedmem":
        return ThreadingBackend(nesting_level=0)
    return _own_default(nesting_level=0)


def _own_default(**params) -> ParallelBackendBase:
    name = parallel.DEFAULT_BACKEND
    return parallel.BACKENDS[_default if name == _NAME else name](**params)

"""TensorFlow's and Keras's settings, of which networks are to know nothing.

They belong to the user, and are what they were once a fit is over.
"""

import contextlib
import logging
import threading
from collections.abc import Iterator

from ._backend import keras, op_callbacks, tf

_PRECISION = "float32"


@contextlib.contextmanager
def out_of_scopes() -> Iterator[None]:
    """Run eagerly and without a distribution strategy, whatever is in scope.

    A graph of its own has no strategy, and TensorFlow can run eagerly within it, even
    where eager execution has been disabled.
    """
    if tf.executing_eagerly() and not tf.distribute.has_strategy():
        yield
        return
    with tf.Graph().as_default(), tf.__internal__.eager_context.eager_mode():
        yield


@contextlib.contextmanager
def without_op_callbacks() -> Iterator[None]:
    """Trace without what ``tf.debugging`` adds to each operation: XLA cannot compile it,
    and programs are kept for longer than the debugging lasts."""
    callbacks = op_callbacks()
    found = callbacks[:]
    callbacks.clear()
    try:
        yield
    finally:
        callbacks[:0] = found


class _FloatX:
    """Keras's default type, of the whole process: whoever comes first sets it, whoever
    leaves last puts it back."""

    def __init__(self):
        self._lock = threading.Lock()
        self._n_within = 0
        self._found = _PRECISION

    def __enter__(self):
        with self._lock:
            if not self._n_within:
                self._found = keras.config.floatx()
                keras.config.set_floatx(_PRECISION)
            self._n_within += 1

    def __exit__(self, *_):
        with self._lock:
            self._n_within -= 1
            # Another value is one that the user has set meanwhile.
            if not self._n_within and keras.config.floatx() == _PRECISION:
                keras.config.set_floatx(self._found)


_floatx = _FloatX()


@contextlib.contextmanager
def single_precision() -> Iterator[None]:
    """Have Keras make what it makes in float32."""
    policy = keras.config.dtype_policy()  # of this thread
    with _floatx:
        if policy.name == _PRECISION:
            yield
            return
        keras.config.set_dtype_policy(_PRECISION)
        try:
            yield
        finally:
            keras.config.set_dtype_policy(policy)


@contextlib.contextmanager
def without_retracing_warnings() -> Iterator[None]:
    """Drop what TensorFlow says where each network has functions of its own to trace.

    What it says in other threads is left as it is.
    """
    thread, logger = threading.get_ident(), tf.get_logger()

    def is_wanted(record: logging.LogRecord) -> bool:
        is_ours = record.thread == thread
        return not (is_ours and "triggered tf.function retracing" in record.getMessage())

    logger.addFilter(is_wanted)
    try:
        yield
    finally:
        logger.removeFilter(is_wanted)

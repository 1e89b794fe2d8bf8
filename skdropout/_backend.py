"""TensorFlow, Keras and scikeras, imported quietly; the only way in for our code."""

import contextlib
import multiprocessing
import os
import random
import sys
import warnings

from ._quiet import quiet_import, without_chatter

# A process that is forked from this one cannot use TensorFlow.
LOADED_IN = os.getpid()


def _let_introduce_itself(tensorflow):
    """Have TensorFlow say what it says but once: of devices, and of XLA."""
    if os.environ.get("SKDROPOUT_XLA", "1") == "0":
        tensorflow.config.list_logical_devices()
        return
    with tensorflow.device("CPU"):
        tensorflow.function(abs, jit_compile=True)(tensorflow.constant(1.0))


def _limit_worker_threads(tensorflow):
    """Keep a loky worker to its share of the cores, as joblib asks of BLAS."""
    process_type = type(multiprocessing.current_process())
    share = os.environ.get("OMP_NUM_THREADS", "")
    if "loky" in process_type.__module__ and share.isdigit():
        tensorflow.config.threading.set_intra_op_parallelism_threads(int(share))


def _check_keras_backend(name):
    if name != "tensorflow":
        raise ImportError(
            f"skdropout trains with Keras on TensorFlow, but Keras is set to {name!r}: "
            "set the environment variable KERAS_BACKEND to 'tensorflow' before Keras is "
            "imported."
        )


@contextlib.contextmanager
def _without_traces():
    """Leave Python's random state, the environment and the filters of warnings as they
    are: packages that are imported draw from the one and add to the others."""
    state, environment = random.getstate(), dict(os.environ)
    try:
        with warnings.catch_warnings():
            yield
    finally:
        random.setstate(state)
        for name in os.environ.keys() - environment.keys():
            del os.environ[name]
        for name, value in environment.items():
            if os.environ.get(name) != value:
                os.environ[name] = value


def _load():
    _check_keras_backend(os.environ.get("KERAS_BACKEND", "tensorflow"))
    if "tensorflow" in sys.modules:
        import tensorflow

        if "TF_CPP_MIN_LOG_LEVEL" not in os.environ:
            with without_chatter():
                _let_introduce_itself(tensorflow)
    else:
        with quiet_import():
            import tensorflow

        _limit_worker_threads(tensorflow)
    import keras
    import scikeras.wrappers

    _check_keras_backend(keras.backend.backend())
    return tensorflow, keras, scikeras.wrappers


with _without_traces():
    tf, keras, scikeras_wrappers = _load()


def op_callbacks() -> list:
    """What is called for each of TensorFlow's operations in this thread, as
    ``tf.debugging`` asks for it; empty where this version keeps it elsewhere."""
    from tensorflow.python.eager import context

    return getattr(context.context(), "op_callbacks", [])


def resolve_device(device: str) -> str:
    """TensorFlow's name of a device given as ``"auto"``, ``"cpu"`` or ``"gpu[:i]"``.

    Raises
    ------
    ValueError
        If there is no such device; the message lists those that there are.
    """
    n_gpus = len(tf.config.list_physical_devices("GPU"))
    name = device.lower()  # TensorFlow writes "GPU:0"
    if name == "auto":
        return "/GPU:0" if n_gpus else "/CPU:0"
    available = ["cpu", *(f"gpu:{i}" for i in range(n_gpus))]
    name = {"gpu": "gpu:0", "cpu:0": "cpu"}.get(name, name)
    if name not in available:
        theirs = " TensorFlow calls CUDA's devices 'gpu'." if "cuda" in name else ""
        raise ValueError(
            f"device={device!r} is not there. Available: 'auto', "
            + ", ".join(map(repr, available))
            + "."
            + theirs
        )
    return f"/{name.upper()}" if ":" in name else "/CPU:0"

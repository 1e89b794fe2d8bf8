"""TensorFlow, Keras and scikeras, imported quietly; the only way in for our code."""

import contextlib
import multiprocessing
import os
import random
import re
import sys
import tempfile
import warnings

# A process that is forked from this one cannot use TensorFlow.
LOADED_IN = os.getpid()
# TensorFlow writes these to the file descriptor itself before any log level applies.
_CHATTER = re.compile(
    rb"^(WARNING: All log messages before absl::InitializeLog\(\)"
    rb"|[IWE]\d{4} |\d{4}-\d\d-\d\d .*: [IWE] (tensorflow|external)"
    rb"|To enable the following instructions)"
)


def _import_tensorflow():
    import tensorflow

    return tensorflow


def _import_quietly():
    """Import TensorFlow with its C++ log level at 3, and drop what it still prints.

    The log level is read while TensorFlow loads, so the environment is as before
    afterwards. Everything that other code writes to stderr meanwhile is passed on.
    """
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    try:
        with _without_chatter():
            return _import_tensorflow()
    finally:
        del os.environ["TF_CPP_MIN_LOG_LEVEL"]


@contextlib.contextmanager
def _without_chatter():
    """Drop TensorFlow's lines from stderr, where there is one and a file to hold it."""
    with contextlib.ExitStack() as stack:
        captured = None
        with contextlib.suppress(OSError):
            stderr_copy = os.dup(2)
            stack.callback(os.close, stderr_copy)
            captured = stack.enter_context(_scratch_file())
        if captured is None:
            yield
            return
        with contextlib.suppress(Exception):  # None, or any object at all
            sys.stderr.flush()
        try:
            os.dup2(captured.fileno(), 2)
            yield
        finally:
            os.dup2(stderr_copy, 2)
            captured.seek(0)
            kept = [line for line in captured if not _CHATTER.match(line)]
            with contextlib.suppress(OSError), open(2, "wb", closefd=False) as stderr:
                stderr.writelines(kept)


def _scratch_file():
    """A file of bytes without a name; in memory where the system has such."""
    try:
        return open(os.memfd_create("stderr"), "w+b")
    except (AttributeError, OSError):  # another system, or not allowed
        return tempfile.TemporaryFile()


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
    if "tensorflow" in sys.modules or "TF_CPP_MIN_LOG_LEVEL" in os.environ:
        tensorflow = _import_tensorflow()
    else:
        tensorflow = _import_quietly()
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

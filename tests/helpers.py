"""What several test modules need."""

import logging
import os
import subprocess
import sys
import textwrap

import keras
import numpy as np


class BatchHook(keras.callbacks.Callback):
    """Its hook at every step sends training through Keras's own fit."""

    def on_train_batch_end(self, batch, logs=None):
        pass


def fixed_initializer(shape, dtype=None):
    """The same values at every call for the same shape."""
    rng = np.random.default_rng(shape[0] * 1000 + shape[1])
    return rng.normal(scale=0.2, size=shape).astype(dtype or "float32")


def run_python(code, *arguments, env=None, check=True, text=True, timeout=300):
    """Run code in a fresh process; returns it with its output."""
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code), *map(str, arguments)],
        env={**os.environ, **(env or {})},
        capture_output=True,
        text=text,
        check=check,
        timeout=timeout,
    )


def assert_same_network(first, second, rtol=0.0, atol=0.0):
    """Compare the fitted weights of two estimators; bit for bit by default."""
    for name in ("coefs_", "intercepts_"):
        for a, b in zip(getattr(first, name), getattr(second, name), strict=True):
            np.testing.assert_allclose(a, b, rtol=rtol, atol=atol)


class Stacks(logging.Handler):
    """Sees the sizes of the stacks that are trained in this process."""

    def __init__(self):
        super().__init__(logging.DEBUG)
        self._sizes = []

    def emit(self, record):
        self._sizes.append(record.args[0])

    def clear(self):
        self._sizes.clear()

    def take(self):
        """Those since this was called before."""
        taken, self._sizes = self._sizes, []
        return taken


def trained_sizes(stacks):
    """Numbers of networks trained as one since this was asked before."""
    return stacks.take()

"""What several test modules need."""

import os
import re
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


def trained_sizes(capfd):
    """Numbers of networks trained as one, from what `progress` prints."""
    found = re.findall(r"skdropout: trained (\d+) networks", capfd.readouterr().err)
    return [int(size) for size in found]

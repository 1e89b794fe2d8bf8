"""Prediction with NumPy alone, from the fitted weights."""

import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import pairwise

import numpy as np
from scipy import sparse

from .activations import ACTIVATIONS
from .architecture import BATCH_NORM_EPSILON, Architecture, Layer

# Values of the widest layer done at a time, so that they need little memory. The threads
# of a product wait for each other at its end, and for long beside a process that keeps a
# core busy: so the products are few and large.
_LAYER_VALUES = 2**22
# Up to this many multiplications OpenBLAS stays on one thread. Its threads go on spinning
# for a while after a product and take the cores from the fits that a thread shares them
# with, so there little work is done in products that small.
_SINGLE_THREADED = 2**18
_LITTLE_WORK = 2**24
_MIN_BLOCK_ROWS = 8


class _Thread(threading.local):
    shares_cores = False


_thread = _Thread()


@contextmanager
def sharing_cores() -> Iterator[None]:
    """Whatever the thread predicts, it leaves the other cores to those that train."""
    before, _thread.shares_cores = _thread.shares_cores, True
    try:
        yield
    finally:
        _thread.shares_cores = before


def apply_layers(
    architecture: Architecture,
    layers: Iterable[Layer],
    weights: Iterable[np.ndarray],
    X,
    out_activation: str | None = None,
):
    """Outputs of some of the layers, with their weights; dropout layers do nothing.

    `X` is not written to, unless an activation comes first.
    """
    remaining = iter(weights)
    values = X
    for layer in layers:
        if layer.kind == "dense":
            values = values @ next(remaining)
            if architecture.use_bias:
                values += next(remaining)
        elif layer.kind == "batch_norm":
            gamma, beta, mean, variance = (next(remaining) for _ in range(4))
            if sparse.issparse(values):
                values = values.toarray()
            scale = gamma / np.sqrt(variance + gamma.dtype.type(BATCH_NORM_EPSILON))
            # First the mean, as the product of large ones would lose their last digits.
            values = values - mean
            values *= scale
            values += beta
        elif layer.kind == "activation":
            values = ACTIVATIONS[architecture.activation](values)
        elif layer.kind == "out_activation":
            name = out_activation or architecture.out_activation
            values = ACTIVATIONS[name](values)
    return values


def _block_rows(architecture: Architecture, n_samples: int) -> int:
    units = architecture.layer_units
    if _thread.shares_cores:
        sizes = [a * b for a, b in pairwise(units)]
        block_rows = _SINGLE_THREADED // max(sizes)
        if n_samples * sum(sizes) <= _LITTLE_WORK and block_rows >= _MIN_BLOCK_ROWS:
            return block_rows
    return max(1, _LAYER_VALUES // max(units[1:]))


def forward(
    architecture: Architecture,
    weights: list[np.ndarray],
    X,
    out_activation: str | None = None,
) -> np.ndarray:
    """Outputs of a network, dropout off, batch norm with its moving statistics.

    Parameters
    ----------
    architecture : Architecture
    weights : list of ndarray
        In the order of ``architecture.weight_specs``.
    X : {ndarray, CSR} of shape (n_samples, n_features)
        Of float32 or float64.
    out_activation : str, optional
        Instead of the architecture's own.

    Returns
    -------
    ndarray of shape (n_samples, n_outputs)
        In the wider of the types of `X` and the weights.
    """
    layers = architecture.layers
    n_samples = X.shape[0]
    block_rows = _block_rows(architecture, n_samples)
    if n_samples <= block_rows:
        values = apply_layers(architecture, layers, weights, X, out_activation)
    else:
        # Cast once, not once a block, where the arithmetic is wider than the weights.
        common = np.result_type(X.dtype, weights[0].dtype)
        weights = [w.astype(common, copy=False) for w in weights]
        values = np.empty((n_samples, architecture.layer_units[-1]), common)
        for start in range(0, n_samples, block_rows):
            block = slice(start, start + block_rows)
            values[block] = apply_layers(
                architecture, layers, weights, X[block], out_activation
            )
    return values

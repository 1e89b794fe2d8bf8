"""Prediction with NumPy alone, from the fitted weights."""

import numpy as np
from scipy import sparse

from ._activations import ACTIVATIONS
from ._architecture import BATCH_NORM_EPSILON, Architecture

# Rows done at a time, so that the hidden activations stay in the processor's cache.
_BLOCK_ROWS = 1024


def _forward_block(architecture: Architecture, weights, X, out_activation: str):
    """Outputs for some rows; `X` is not written to."""
    remaining = iter(weights)
    if sparse.issparse(X) and architecture.input_batch_norm:
        X = X.toarray()
    values = X
    for layer in architecture.layers:
        if layer.kind == "dense":
            values = values @ next(remaining)
            if architecture.use_bias:
                values += next(remaining)
        elif layer.kind == "batch_norm":
            gamma, beta, mean, variance = (next(remaining) for _ in range(4))
            scale = gamma / np.sqrt(variance + gamma.dtype.type(BATCH_NORM_EPSILON))
            values = values * scale
            values += beta - mean * scale
        elif layer.kind == "activation":
            values = ACTIVATIONS[architecture.activation](values)
        elif layer.kind == "out_activation":
            values = ACTIVATIONS[out_activation](values)
    return values


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
    out_activation : str, optional
        Instead of the architecture's own.

    Returns
    -------
    ndarray of shape (n_samples, n_outputs)
        In the wider of the types of `X` and the weights.
    """
    if X.dtype.kind != "f":
        X = X.astype(weights[0].dtype)
    out_activation = out_activation or architecture.out_activation
    n_samples = X.shape[0]
    if n_samples <= _BLOCK_ROWS:
        values = _forward_block(architecture, weights, X, out_activation)
    else:
        # Cast once, not once a block, where the arithmetic is wider than the weights.
        common = np.result_type(X.dtype, weights[0].dtype)
        weights = [w.astype(common, copy=False) for w in weights]
        values = np.empty((n_samples, architecture.layer_units[-1]), common)
        for start in range(0, n_samples, _BLOCK_ROWS):
            block = slice(start, start + _BLOCK_ROWS)
            values[block] = _forward_block(
                architecture, weights, X[block], out_activation
            )
    return values

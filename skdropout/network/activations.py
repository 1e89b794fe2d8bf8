"""Keras's activations in NumPy, for prediction without Keras.

Each function may overwrite its argument, a float array of shape (n_samples, n_units),
and returns the result. Formulas and constants are those of ``keras.activations``.
"""

from collections.abc import Callable

import numpy as np
from scipy.special import erf, expit, log_softmax

SELU_ALPHA = 1.6732632423543772
SELU_SCALE = 1.0507009873554805


def _relu(x):
    return np.maximum(x, 0, out=x)


def _elu(x, alpha=1.0):
    return np.where(x > 0, x, alpha * np.expm1(np.minimum(x, 0)))


def _softplus(x):
    return np.logaddexp(x, x.dtype.type(0))


def _sigmoid(x):
    return expit(x, out=x)


def _hard_sigmoid(x):
    return np.clip(x / 6 + 0.5, 0, 1)


def _softmax(x):
    x -= x.max(axis=1, keepdims=True)
    np.exp(x, out=x)
    x /= x.sum(axis=1, keepdims=True)
    return x


def _sparsemax(x):
    """As Keras has it: the threshold of Martins and Astudillo 2016 (algorithm 1) uses the
    last sum of the support, Keras's the sum of these sums."""
    ordered = -np.sort(-x, axis=1)
    sums = np.cumsum(ordered, axis=1)
    support = ordered - (sums - 1) / np.arange(1, x.shape[1] + 1, dtype=x.dtype) > 0
    total = np.where(support, sums, 0).sum(axis=1, keepdims=True)
    tau = (total - 1) / support.sum(axis=1, keepdims=True).astype(x.dtype)
    return np.maximum(x - tau, 0)


#: Keras name -> NumPy function.
ACTIVATIONS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "celu": _elu,
    "elu": _elu,
    "exponential": lambda x: np.exp(x, out=x),
    "gelu": lambda x: 0.5 * x * (1 + erf(x * x.dtype.type(0.5**0.5))),
    "hard_shrink": lambda x: np.where(np.abs(x) > 0.5, x, 0),
    "hard_sigmoid": _hard_sigmoid,
    "hard_silu": lambda x: x * _hard_sigmoid(x),
    "hard_swish": lambda x: x * _hard_sigmoid(x),
    "hard_tanh": lambda x: np.clip(x, -1, 1, out=x),
    "leaky_relu": lambda x: np.maximum(x, x.dtype.type(0.2) * x),
    "linear": lambda x: x,
    "log_sigmoid": lambda x: -_softplus(-x),
    "log_softmax": lambda x: log_softmax(x, axis=1),
    "mish": lambda x: x * np.tanh(_softplus(x)),
    "relu": _relu,
    "relu6": lambda x: np.clip(x, 0, 6, out=x),
    "selu": lambda x: x.dtype.type(SELU_SCALE) * _elu(x, x.dtype.type(SELU_ALPHA)),
    "sigmoid": _sigmoid,
    "silu": lambda x: x * expit(x),
    "soft_shrink": lambda x: np.sign(x) * np.maximum(np.abs(x) - 0.5, 0),
    "softmax": _softmax,
    "softplus": _softplus,
    "softsign": lambda x: x / (1 + np.abs(x)),
    "sparse_plus": lambda x: np.where(
        x <= -1, 0, np.where(x < 1, 0.25 * (x + 1) ** 2, x)
    ),
    "sparse_sigmoid": lambda x: np.clip(0.5 * (x + 1), 0, 1),
    "sparsemax": _sparsemax,
    "squareplus": lambda x: 0.5 * (x + np.sqrt(x * x + 4)),
    "swish": lambda x: x * expit(x),
    "tanh": lambda x: np.tanh(x, out=x),
    "tanh_shrink": lambda x: x - np.tanh(x),
}

"""Checks of parameters and data beyond those of scikit-learn's, and their one form."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from scipy import sparse
from sklearn.utils.validation import _check_sample_weight

from ._names import resolve_activation, resolve_batch_norm, unknown_name

_LEARNING_RATES = ("constant", "invscaling", "adaptive")


def checked_params(params: Mapping[str, Any]) -> dict[str, Any]:
    """An estimator's parameters, each in one form.

    Parameters
    ----------
    params : mapping
        From the names of ``HYPERPARAMETERS``.

    Returns
    -------
    dict
        The same, with ``hidden_layer_sizes`` a tuple of int, ``activation`` a name of
        Keras's, ``batch_norm`` a place or None, ``dropout_rate`` an array of shape
        (n_hidden_layers,), and ``callbacks`` a list.

    Raises
    ------
    ValueError
        If a value is not allowed; it names the parameter, the value, and what is.
    """
    sizes = _hidden_layer_sizes(params["hidden_layer_sizes"])
    rate = params["learning_rate"]
    if isinstance(rate, str) and rate not in _LEARNING_RATES:
        raise unknown_name("learning_rate", rate, _LEARNING_RATES)
    callbacks = params["callbacks"]
    if callbacks is None:
        callbacks = []
    elif not isinstance(callbacks, (list, tuple)):
        callbacks = [callbacks]
    return {
        **params,
        "hidden_layer_sizes": sizes,
        "activation": resolve_activation(params["activation"]),
        "batch_norm": resolve_batch_norm(params["batch_norm"]),
        "dropout_rate": _dropout_rates(params["dropout_rate"], len(sizes)),
        "callbacks": list(callbacks),
    }


def _hidden_layer_sizes(value: Any) -> tuple[int, ...]:
    sizes = tuple(value) if hasattr(value, "__iter__") else (value,)
    if not all(isinstance(size, (int, np.integer)) and size > 0 for size in sizes):
        raise ValueError(
            f"hidden_layer_sizes={value!r}: every size must be an integer of at least 1."
        )
    return tuple(int(size) for size in sizes)


def _dropout_rates(value: Any, n_hidden_layers: int) -> np.ndarray:
    rates = np.asarray(value)
    if rates.ndim and rates.shape != (n_hidden_layers,):
        raise ValueError(
            f"dropout_rate={value!r} has {rates.size} entries for {n_hidden_layers} "
            "hidden layers; give a number, or one entry per layer."
        )
    if rates.dtype.kind not in "fiu" or not ((rates >= 0) & (rates < 1)).all():
        raise ValueError(f"dropout_rate={value!r}: every rate must lie in [0, 1).")
    return np.broadcast_to(rates.astype(np.float64), n_hidden_layers)


def as_float32(values, name: str):
    """An array or CSR matrix in single precision, in which networks are trained.

    Raises
    ------
    ValueError
        If a value is too large.
    """
    if values.dtype == np.float32:
        converted = values
    else:
        with np.errstate(over="ignore"):
            converted = values.astype(np.float32)
        data = converted.data if sparse.issparse(converted) else converted
        if not np.isfinite(data).all():
            raise ValueError(
                f"{name} contains a value too large for float32, in which the "
                "network is trained; scale it first."
            )
    return sparse.csr_array(converted) if sparse.issparse(converted) else converted


def checked_sample_weight(sample_weight, X) -> np.ndarray:
    """Weights of the rows of `X`, of shape (n_samples,), float64.

    Raises
    ------
    ValueError
        If a weight is negative or not finite, or all are zero.
    """
    weight = _check_sample_weight(
        sample_weight, X, dtype=np.float64, ensure_non_negative=True
    )
    if not weight.any():
        raise ValueError(
            "sample_weight is zero for every row; at least one row must count."
        )
    return weight

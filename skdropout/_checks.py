"""Checks of parameters and data beyond those of scikit-learn's, and their one form."""

import operator
from collections.abc import Mapping
from typing import Any

import numpy as np
from scipy import sparse
from sklearn.utils.validation import _check_sample_weight

from ._hyperparameters import HYPERPARAMETERS, plain
from ._names import (
    resolve_activation,
    resolve_batch_norm,
    resolve_learning_rate,
    resolve_scoring,
)
from ._output import warn


def checked_params(params: Mapping[str, Any]) -> dict[str, Any]:
    """An estimator's parameters, each in one form.

    Parameters
    ----------
    params : mapping
        From the names of ``HYPERPARAMETERS``.

    Returns
    -------
    dict
        The same, numbers and strings in Python's own types, with
        ``hidden_layer_sizes`` a tuple of int, ``activation`` a name of
        Keras's, ``batch_norm`` a place or None, ``dropout_rate`` an array of shape
        (n_hidden_layers,), ``scoring`` a scorer, ``"loss"`` or None, and ``callbacks`` a
        list.

    Raises
    ------
    ValueError
        If a value is not allowed; it names the parameter, the value, and what is.
    """
    sizes = _hidden_layer_sizes(params["hidden_layer_sizes"])
    rates = _dropout_rates(params["dropout_rate"], len(sizes))
    params = {
        **params,
        **{r.name: plain(r, params[r.name]) for r in HYPERPARAMETERS if r.name in params},
    }
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
        "dropout_rate": rates,
        "learning_rate": resolve_learning_rate(params["learning_rate"]),
        "scoring": resolve_scoring(params["scoring"]),
        "callbacks": list(callbacks),
    }


def _hidden_layer_sizes(value: Any) -> tuple[int, ...]:
    is_list = hasattr(value, "__iter__") and getattr(value, "ndim", 1) != 0
    try:
        units = tuple(map(_units, value if is_list else (value,)))
    except TypeError:
        units = (0,)
    if not all(1 <= size < 2**31 for size in units):
        raise ValueError(
            f"hidden_layer_sizes={value!r}: every size must be an integer of at least 1 "
            "and less than 2**31."
        )
    return units


def _units(size: Any) -> int:
    """An int of what is one, arrays without dimensions among it; True is none."""
    return 0 if isinstance(size, bool) else operator.index(size)


def _dropout_rates(value: Any, n_hidden_layers: int) -> np.ndarray:
    try:
        rates = np.asarray(value)
    except ValueError as error:  # lists of several lengths
        raise ValueError(
            f"dropout_rate={value!r}: give a number, or one for each hidden layer."
        ) from error
    if rates.ndim and rates.shape != (n_hidden_layers,):
        raise ValueError(
            f"dropout_rate={value!r} has {rates.size} entries for {n_hidden_layers} "
            "hidden layers; give a number, or one entry per layer."
        )
    if rates.dtype.kind not in "bfiu" or not _are_fractions(rates.astype(np.float32)):
        raise ValueError(f"dropout_rate={value!r}: every rate must lie in [0, 1).")
    return np.broadcast_to(rates.astype(np.float64), n_hidden_layers)


def _are_fractions(values: np.ndarray) -> bool:
    return bool(((values >= 0) & (values < 1)).all())


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
        If a weight is no number, negative or not finite, if all are zero, or there is
        not one for each row.
    """
    try:
        weight = _check_sample_weight(
            sample_weight, X, dtype=np.float64, ensure_non_negative=True
        )
    except (TypeError, ValueError) as error:
        if "sample_weight" in str(error):
            raise
        raise ValueError(f"sample_weight: {error}") from error
    if not weight.any():
        raise ValueError(
            "sample_weight is zero for every row; at least one row must count."
        )
    return weight


def warn_of_other_scale(X, X_val) -> None:
    """Warn of validation rows that have not been scaled as the training rows have been.

    Of some feature their mean lies beyond all training rows, by more than half of the
    range of these. Rows of a later time, of other groups or with rare categories are
    not that far away.
    """
    low, high = (_dense_row(extreme(axis=0)) for extreme in (X.min, X.max))
    mean, margin = _dense_row(X_val.mean(axis=0, dtype=np.float64)), (high - low) / 2
    is_beyond = (mean < low - margin) | (mean > high + margin)
    names = np.flatnonzero(is_beyond & (margin > 0))
    if len(names):
        i = names[0]
        warn(
            f"X_val is not on the scale of X: of {len(names)} of {X.shape[1]} features "
            "its mean is far from all rows of X, such as feature "
            f"{i}, with a mean of {mean[i]:.3g} where X has values from {low[i]:.3g} to "
            f"{high[i]:.3g}. If X has been scaled, X_val must be by the same scaler. A "
            'Pipeline does so with transform_input=["X_val"] and metadata routing.',
            topic="X_val",
        )


def _dense_row(values) -> np.ndarray:
    """In double precision, in which no mean or range is too large."""
    values = values.toarray() if sparse.issparse(values) else values
    return np.ravel(values).astype(np.float64)

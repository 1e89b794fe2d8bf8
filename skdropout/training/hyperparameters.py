"""The hyperparameters in which networks of a stack differ, as inputs of a program."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from .._backend import tf
from .._hyperparameters import PROGRAM_INPUTS
from ..network.architecture import DROPOUT_LEVELS

_DROPOUT = ("input_dropout_rate", "dropout_rate")
_OTHERS = tuple(row for row in PROGRAM_INPUTS if row.name not in _DROPOUT)


def in_use(values: Sequence[Mapping[str, Any]]) -> frozenset[str]:
    """Names of those that can be left out, but are not off in every network of a stack.

    Parameters
    ----------
    values : sequence of mapping
        For each network, from the names of `PROGRAM_INPUTS`.
    """
    return frozenset(
        row.name
        for row in PROGRAM_INPUTS
        if row.off is not None and any(v[row.name] != row.off for v in values)
    )


def hyperparameter_specs(
    n_networks: int, n_hidden_layers: int
) -> dict[str, tf.TensorSpec]:
    """Types of what `stacked_hyperparameters` returns."""
    shapes = {"network": (n_networks,), "layer": (n_hidden_layers, n_networks, 1, 1)}
    of_dropout = (n_hidden_layers + 1, n_networks, 1, 1)
    return {
        **{row.name: tf.TensorSpec(shapes[row.shape], tf.float32) for row in _OTHERS},
        "keep_scale": tf.TensorSpec(of_dropout, tf.float32),
        "drop_threshold": tf.TensorSpec(of_dropout, tf.int32),
    }


def stacked_hyperparameters(values: Sequence[Mapping[str, Any]]) -> dict[str, tf.Tensor]:
    """Tensors of the values that each network of a stack has.

    Parameters
    ----------
    values : sequence of mapping
        For each network, from the names of `PROGRAM_INPUTS`.

    Returns
    -------
    dict
        By name, tensors of shape (n_networks,), or (n_hidden_layers, n_networks, 1, 1)
        for what has a value by layer. The dropout rates, with those of the inputs first,
        become ``"keep_scale"``, what the units that are not dropped are multiplied by,
        and ``"drop_threshold"``, below which the noise drops a unit.
    """
    tensors = {}
    for row in _OTHERS:
        stack = np.array([of_network[row.name] for of_network in values], np.float32)
        if row.shape == "layer":
            stack = stack.T[:, :, None, None]
        tensors[row.name] = tf.constant(stack)
    rates = np.array([np.hstack([v[name] for name in _DROPOUT]) for v in values])
    rates = rates.astype(np.float32).T[:, :, None, None]
    thresholds = np.round(rates * np.float32(DROPOUT_LEVELS))
    return {
        **tensors,
        "keep_scale": tf.constant(1 / (1 - rates)),
        "drop_threshold": tf.constant(thresholds.astype(np.int32)),
    }

"""The forward pass of a stack of networks."""

from collections.abc import Callable, Mapping
from typing import Any

from .._backend import tf
from ..network.architecture import Architecture, Layer
from .operations import add_to_rows, batch_norm, for_networks, normalise


def logits_in_training(
    architecture: Architecture,
    weights: list,
    values,
    dropout: Callable[[Any, Layer], Any],
    shares,
    activated: Callable[[Any, Layer], Any],
) -> tuple[Any, list]:
    """Logits with dropout, and the statistics of the batch.

    Parameters
    ----------
    architecture : Architecture
    weights : list of tensors
        Kernels (n_networks, fan_in, fan_out) and vectors (n_networks, 1, units).
    values : tensor of shape (n_networks, n_rows, n_features)
    dropout : callable
        Drops some of a dropout layer's values.
    shares : tensor of shape (n_networks, 2, n_rows)
        Of the rows in the statistics, as `weighted_sum` takes them.
    activated : callable
        Activates the values of a hidden layer.

    Returns
    -------
    logits : tensor of shape (n_networks, n_rows, n_outputs)
    statistics : list of tensors of shape (n_networks, 1, units)
        Mean and variance at each batch normalisation.
    """
    statistics: list = []

    def normalised(values, gamma, beta, *_):
        values, of_batch = batch_norm(values, shares, gamma, beta)
        statistics.extend(of_batch)
        return values

    logits = _logits(architecture, weights, values, normalised, dropout, activated)
    return logits, statistics


def logits_in_prediction(
    architecture: Architecture,
    weights: list,
    values,
    activated: Callable[[Any, Layer], Any],
):
    """Logits without dropout, normalised by the moving statistics.

    Parameters are those of `logits_in_training`; `values` may have a first axis of one.
    """

    def normalised(values, gamma, beta, mean, variance):
        return normalise(values, mean, variance, gamma, beta)

    return _logits(
        architecture, weights, values, normalised, lambda values, _: values, activated
    )


def _logits(architecture, weights, values, normalised, dropout, activated):
    remaining = iter(weights)
    for layer in architecture.layers:
        if layer.kind == "dense":
            kernel = next(remaining)
            values = tf.matmul(for_networks(values, kernel.shape[0]), kernel)
            if architecture.use_bias:
                values = add_to_rows(values, next(remaining))
        elif layer.kind == "batch_norm":
            values = normalised(values, *(next(remaining) for _ in range(4)))
        elif layer.kind == "activation":
            values = activated(values, layer)
        elif layer.kind == "dropout":
            values = dropout(values, layer)
    return values


def dropped(values, layer: Layer, noise_of: Mapping[int, Any], hyperparameters):
    """Inverted dropout (Srivastava et al. 2014) at a rate for each network.

    Parameters
    ----------
    values : tensor of shape (n_networks, n_rows, units)
    layer : Layer
    noise_of : mapping
        Noise (n_noises, n_rows, units) by the numbers of the layers that drop anything.
    hyperparameters : dict of tensors
        With ``"keep_scale"`` and ``"drop_threshold"``.
    """
    if layer.number not in noise_of:
        return values
    scales, thresholds = (
        tf.unstack(hyperparameters[name])[layer.number]
        for name in ("keep_scale", "drop_threshold")
    )
    drawn = tf.cast(noise_of[layer.number], tf.int32)
    if 1 < drawn.shape[0] < values.shape[0]:
        drawn = tf.tile(drawn, [values.shape[0] // drawn.shape[0], 1, 1])
    return values * tf.where(drawn >= thresholds, scales, 0.0)

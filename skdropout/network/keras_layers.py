"""The network as stock Keras layers."""

from collections.abc import Callable

import numpy as np

from .._backend import keras
from .._surroundings import single_precision
from .architecture import BATCH_NORM_EPSILON, BATCH_NORM_MOMENTUM, Architecture
from .seeds import KERAS_DROPOUT, derived_seed


def stock_layers(
    architecture: Architecture,
    dropout_rates: np.ndarray,
    seed: int,
    epoch: int = 0,
    name_of: Callable[[str], str | None] = lambda kind: None,
) -> list:
    """Keras layers of an architecture, still without weights.

    Parameters
    ----------
    architecture : Architecture
    dropout_rates : ndarray of shape (n_hidden_layers + 1,)
        Of the inputs and of each hidden layer; layers of rate zero are left out.
    seed, epoch : int
        What the dropout layers' own seeds are derived from.
    name_of : callable
        Maps the kind of each next layer to its name; by default Keras makes one that
        depends on how many it has made.
    """
    layers = [keras.layers.Input((architecture.layer_units[0],))]
    for layer in architecture.layers:
        if layer.kind == "dense":
            # Weights are set later; zeros cost nothing and draw no random number.
            new = keras.layers.Dense(
                layer.units,
                use_bias=architecture.use_bias,
                kernel_initializer="zeros",
                name=name_of("dense"),
            )
        elif layer.kind == "batch_norm":
            new = keras.layers.BatchNormalization(
                momentum=BATCH_NORM_MOMENTUM,
                epsilon=BATCH_NORM_EPSILON,
                name=name_of("batch_normalization"),
            )
        elif layer.kind == "activation":
            new = keras.layers.Activation(architecture.activation)
        elif layer.kind == "out_activation":
            new = keras.layers.Activation(architecture.out_activation)
        elif dropout_rates[layer.number] > 0:
            new = keras.layers.Dropout(
                float(dropout_rates[layer.number]),
                seed=derived_seed(seed, KERAS_DROPOUT, layer.number, epoch),
            )
        else:
            continue
        layers.append(new)
    return layers


def to_sequential(
    architecture: Architecture,
    dropout_rates: np.ndarray,
    weights: list[np.ndarray],
    seed: int,
    rescaling: tuple[np.ndarray, np.ndarray] | None = None,
):
    """A plain ``keras.Sequential`` with these weights, ready to export.

    Where there is a `rescaling`, the outputs are multiplied by its first array, of shape
    (n_outputs,), and the second is added.
    """
    with single_precision():
        layers = stock_layers(architecture, dropout_rates, seed)
        if rescaling is not None:
            scale, offset = rescaling
            layers.append(keras.layers.Rescaling(scale.tolist(), offset.tolist()))
        model = keras.Sequential(layers)
        model.set_weights(weights)
        # Keras exports only what has been called.
        model(np.zeros((1, architecture.layer_units[0]), np.float32))
    return model

"""Weights before training, from Keras's initializers."""

from typing import Any
from weakref import WeakValueDictionary

import numpy as np

from .._backend import keras, tf
from .._surroundings import single_precision
from .architecture import Architecture
from .seeds import INITIAL_WEIGHTS, derived_seed


class _Weights(list):
    """A list that can be referred to weakly."""


# In a search many fits begin alike; those that wait at the same time share the arrays.
_in_use: WeakValueDictionary[tuple, _Weights] = WeakValueDictionary()


def initial_weights(
    architecture: Architecture, initializer: Any, seed: int
) -> list[np.ndarray]:
    """Kernels by `initializer`, biases and batch normalisation as in Keras.

    The arrays are not to be written to.

    Parameters
    ----------
    architecture : Architecture
    initializer : type, keras.initializers.Initializer or callable
        A class is made with a seed of its own for each kernel.
    seed : int

    Raises
    ------
    ValueError
        If the initializer fails, or returns values that are not finite or of another
        shape.
    MemoryError
        If a kernel is too large.
    """
    if not (
        isinstance(initializer, type) and initializer.__module__.startswith("keras.")
    ):
        return _draw_weights(architecture, initializer, seed)
    key = (architecture, initializer, seed)
    weights = _in_use.get(key)
    if weights is None:
        weights = _draw_weights(architecture, initializer, seed)
        _in_use[key] = weights
    return weights


def _draw_weights(architecture: Architecture, initializer: Any, seed: int) -> _Weights:
    weights = _Weights()
    for i, spec in enumerate(architecture.weight_specs):
        if spec.role == "kernel":
            own_seed = derived_seed(seed, INITIAL_WEIGHTS, i)
            try:
                draw = _seeded(initializer, own_seed)
                with single_precision():
                    values = np.array(draw(spec.shape, dtype="float32"), np.float32)
            except (MemoryError, tf.errors.ResourceExhaustedError) as error:
                raise MemoryError(
                    f"A kernel of the shape {spec.shape} does not fit into memory; "
                    "hidden_layer_sizes asks for too many units."
                ) from error
            except Exception as error:
                raise ValueError(
                    f"initializer={initializer!r} failed where it was called as "
                    f"initializer({spec.shape}, dtype='float32'); it must return an "
                    f"array of that shape. {type(error).__name__}: {error}"
                ) from error
            if values.shape != spec.shape:
                raise ValueError(
                    f"initializer={initializer!r} returned the shape {values.shape} "
                    f"where {spec.shape} was asked for."
                )
            if not np.isfinite(values).all():
                raise ValueError(
                    f"initializer={initializer!r} returned values that are not finite."
                )
        else:
            is_one = spec.role in ("gamma", "moving_variance")
            values = np.full(spec.shape, float(is_one), np.float32)
        values.flags.writeable = False
        weights.append(values)
    return weights


def _seeded(kind, seed: int):
    """An initializer that draws from `seed`, unless it has a seed of its own."""
    if isinstance(kind, keras.initializers.Initializer):
        config = kind.get_config()
        if "seed" in config and config["seed"] is None:
            config["seed"] = seed
        return type(kind).from_config(config)
    if isinstance(kind, type):
        try:
            return kind(seed=seed)
        except TypeError:  # not a random one
            return kind()
    return kind

"""What the units of each network of a stack are, where they differ."""

from collections.abc import Sequence
from functools import cache
from typing import NamedTuple

import numpy as np

from .._backend import keras, tf
from ..network.activations import ACTIVATIONS
from ..network.architecture import Architecture
from .frames import Frame


class Units(NamedTuple):
    """What the units of each network of a stack are, where they differ.

    Attributes
    ----------
    masks : list of float32 tensors of shape (n_networks, 1, units)
        For each hidden layer, one for units that a network has and zero for those of the
        frame alone; none where these stay at zero by themselves.
    choices : list of bool tensors of shape (n_networks, 1, 1)
        For each activation, whether it is that of the network; none where there is only
        one activation.
    """

    masks: list
    choices: list

    def take(self, networks: list[int]) -> "Units":
        """Those of some of the networks."""
        return Units(*([tf.gather(v, networks) for v in values] for values in self))


def unit_specs(frame: Frame, n_networks: int) -> Units:
    """Types of the tensors."""
    masks = [
        tf.TensorSpec((n_networks, 1, n_units), tf.float32)
        for n_units in frame.layer_units[1:-1]
        if not all(map(_vanishes_at_zero, frame.activations))
    ]
    choice = tf.TensorSpec((n_networks, 1, 1), tf.bool)
    n_choices = len(frame.activations) if len(frame.activations) > 1 else 0
    return Units(masks, [choice] * n_choices)


def units_of(frame: Frame, architectures: Sequence[Architecture]) -> Units:
    """What the units of some networks are in a frame."""
    specs = unit_specs(frame, len(architectures))
    masks, choices = [], []
    for number, spec in enumerate(specs.masks, start=1):
        own = [[[a.layer_units[number]]] for a in architectures]
        masks.append(tf.constant(np.arange(spec.shape[2]) < np.array(own), tf.float32))
    for name, _ in zip(frame.activations, specs.choices, strict=False):
        choices.append(tf.constant([[[a.activation == name]] for a in architectures]))
    return Units(masks, choices)


def activated(values, number: int, activations: Sequence[str], units: Units):
    """What comes out of the units of a hidden layer.

    Parameters
    ----------
    values : tensor of shape (n_networks, n_rows, units)
    number : int
        Of the layer, from zero.
    activations : sequence of str
        Those of the frame.
    units : Units
    """
    functions = list(map(keras.activations.get, activations))
    if units.choices:
        # Nothing of others reaches a function: what overflows there would have a gradient
        # that is not a number.
        parts = [
            tf.where(is_own, function(tf.where(is_own, values, 0.0)), 0.0)
            for function, is_own in zip(functions, units.choices, strict=True)
        ]
        values = tf.add_n(parts)
    else:
        values = functions[0](values)
    return values * units.masks[number] if units.masks else values


@cache
def _vanishes_at_zero(activation: str) -> bool:
    """Whether units without any weights are zero after an activation, too."""
    return float(ACTIVATIONS[activation](np.zeros((1, 1)))[0, 0]) == 0.0

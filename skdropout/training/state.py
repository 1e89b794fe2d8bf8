"""The state of a stack: weights and what the optimizer keeps, as few tensors."""

from typing import NamedTuple

import numpy as np

from .._backend import tf
from ..network.architecture import Architecture
from .layout import Layout
from .optimizers import StackOptimizer


class State(NamedTuple):
    """Weights and optimizer state of a stack.

    Few tensors, because each costs time at every call. Immutable, so that any earlier
    state can be kept for the price of a reference.

    Attributes
    ----------
    weights, slots : list of float32 tensors
        The blocks of a `Layout`, and what the optimizer keeps for each block of those
        that are trained; networks along the first axis.
    counts : list of scalar tensors
        What the optimizer keeps for the whole stack.
    """

    weights: list
    slots: list
    counts: list


class StatePacker:
    """Moves networks into the state of a stack and out of it.

    Parameters
    ----------
    architecture : Architecture
    optimizer : tuple
        An ``OptimizerRecipe.key``.
    n_networks : int

    Attributes
    ----------
    layout : Layout
    optimizer : StackOptimizer
    """

    def __init__(self, architecture: Architecture, optimizer: tuple, n_networks: int):
        self.layout = layout = Layout(architecture)
        self._n_networks = n_networks
        shapes = layout.shapes[: layout.n_trainable]
        self.optimizer = StackOptimizer(optimizer, [(n_networks, *s) for s in shapes])

    def specs(self) -> State:
        """Types of the tensors."""
        weights = [
            tf.TensorSpec((self._n_networks, *shape), tf.float32)
            for shape in self.layout.shapes
        ]
        return State(weights, *self.optimizer.specs())

    def stack(
        self,
        weights: list[list[np.ndarray]],
        optimizer_states: list[list[np.ndarray]],
    ) -> State:
        """The state of the stack from the weights and states of its networks."""
        return State(
            self.layout.stack(weights), *self.optimizer.stack_state(optimizer_states)
        )

    def weights_of(self, state: State, network: int) -> list[np.ndarray]:
        """Weights of one network, in the shapes of its architecture."""
        return self.layout.weights(state.weights, network)

    def optimizer_state_of(self, state: State, network: int) -> list[np.ndarray]:
        """Optimizer state of one network: counts, then slots."""
        return self.optimizer.state_of(state.slots, state.counts, network)

    def replace_weights(
        self, state: State, network: int, weights: list[np.ndarray]
    ) -> State:
        """The state with other weights for one network."""
        new = self.layout.stack([weights])
        # Without batch normalisation there are no statistics, and TensorFlow puts
        # nothing into an empty tensor.
        replaced = [
            tf.tensor_scatter_nd_update(block, [[network]], values)
            if all(values.shape)
            else block
            for block, values in zip(state.weights, new, strict=True)
        ]
        return state._replace(weights=replaced)

    def take(self, state: State, networks: list[int]) -> State:
        """The state of a smaller stack, of some of the networks."""
        weights, slots = (
            [tf.gather(values, networks) for values in block]
            for block in (state.weights, state.slots)
        )
        return State(weights, slots, state.counts)

"""The state of a stack: weights and what the optimizer keeps, as few tensors."""

from collections.abc import Callable
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


class Reached:
    """A state that training has come to, which is computed where somebody asks for it.

    Parameters
    ----------
    compute : callable

    Attributes
    ----------
    state : State
        May be replaced by another.
    """

    def __init__(self, compute: Callable[[], State]):
        self._compute: Callable[[], State] | None = compute
        self._state: State | None = None

    @property
    def is_computed(self) -> bool:
        """Whether anybody has asked."""
        return self._state is not None

    @property
    def state(self) -> State:
        if self._state is None:
            assert self._compute is not None
            self._state = self._compute()
            self._compute = None  # and what it holds: the state before, and the batches
        return self._state

    @state.setter
    def state(self, state: State) -> None:
        self._state = state


class StatePacker:
    """Moves networks into the state of a stack and out of it.

    Parameters
    ----------
    architecture : Architecture
        Of the stack, whose networks may have fewer units.
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
        self._architecture = architecture
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
        """The state of the stack from the weights and states of its networks, each in
        shapes of its own; of an optimizer that is fresh where a state is empty."""
        initial = self.optimizer.initial_counts
        shapes = [
            [v.shape for v in self._trainable(of_network)] for of_network in weights
        ]
        # Options such as amsgrad change what there is to keep.
        states = [
            state if [v.shape for v in state] == self._state_shapes(own) else []
            for state, own in zip(optimizer_states, shapes, strict=True)
        ]
        counts = states[0][: len(initial)] if states[0] else initial
        return State(
            self.layout.stack(weights),
            self._stacked_slots(states, shapes),
            [tf.constant(v, like.dtype) for v, like in zip(counts, initial, strict=True)],
        )

    def _trainable(self, weights: list) -> list:
        specs = self._architecture.weight_specs
        return [w for w, spec in zip(weights, specs, strict=True) if spec.trainable]

    @property
    def _n_kinds(self) -> int:
        return 1 + max((slot.kind for slot in self.optimizer.slots), default=-1)

    def _state_shapes(self, shapes: list[tuple[int, ...]]) -> list[tuple[int, ...]]:
        """Shapes of a network's state, from those of its weights that are trained."""
        return [() for _ in self.optimizer.initial_counts] + self._n_kinds * shapes

    def _stacked_slots(self, states: list[list[np.ndarray]], shapes: list) -> list:
        """Slots of the stack; `shapes` are those of each network's trained weights."""
        slots, n_counts = self.optimizer.slots, len(self.optimizer.initial_counts)
        if not any(states):
            block_shapes = [self.layout.shapes[slot.weight] for slot in slots]
            return [
                tf.constant(np.full((self._n_networks, *shape), slot.initial, np.float32))
                for slot, shape in zip(slots, block_shapes, strict=True)
            ]
        blocks = []
        for kind in range(self._n_kinds):
            initial = next(slot.initial for slot in slots if slot.kind == kind)
            arrays = []
            for state, own in zip(states, shapes, strict=True):
                fresh = [np.full(shape, initial, np.float32) for shape in own]
                first = n_counts + kind * len(own)
                arrays.append(self._spread(state[first : first + len(own)] or fresh))
            blocks.append(self.layout.stack(arrays, initial))
        return [blocks[slot.kind][slot.weight] for slot in slots]

    def _spread(self, arrays: list[np.ndarray]) -> list:
        """Of all weights: None for those that are not trained."""
        of_weights, specs = iter(arrays), self._architecture.weight_specs
        return [next(of_weights) if spec.trainable else None for spec in specs]

    def weights_of(
        self, state: State, network: int, architecture: Architecture
    ) -> list[np.ndarray]:
        """Weights of one network, in the shapes of its architecture."""
        shapes = [spec.shape for spec in architecture.weight_specs]
        return self.layout.arrays(state.weights, network, shapes)

    def optimizer_state_of(
        self, state: State, network: int, architecture: Architecture
    ) -> list[np.ndarray]:
        """Optimizer state of one network: counts, then what is kept for each weight that
        is trained, kind by kind."""
        shapes = [spec.shape for spec in architecture.weight_specs]
        arrays: list[np.ndarray] = [value.numpy() for value in state.counts]
        for kind in range(self._n_kinds):
            slots = zip(self.optimizer.slots, state.slots, strict=True)
            of_weight = {slot.weight: v for slot, v in slots if slot.kind == kind}
            blocks = [of_weight[i] for i in range(self.layout.n_trainable)]
            arrays += self._trainable(self.layout.arrays(blocks, network, shapes))
        return arrays

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

"""M networks of one shape trained as one: the compiled program.

Every weight has a leading network axis: kernels (M, fan_in, fan_out), vectors
(M, 1, units). So has what may differ between the networks of a sweep (dropout rates,
learning rate, momentum, penalty), and one program serves all values of it.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from .._architecture import BATCH_NORM_MOMENTUM, Architecture
from .._backend import keras, tf
from . import noise
from .arrangement import Shape
from .layout import Layout
from .losses import ROW_LOSSES
from .operations import (
    add_to_rows,
    batch_norm,
    for_networks,
    normalise,
    sum_of_squares,
)
from .optimizers import StackOptimizer


@dataclass(frozen=True)
class ProgramKey:
    """All that a compiled program depends on.

    Attributes
    ----------
    architecture : Architecture
    loss : str
    optimizer : tuple
        An ``OptimizerRecipe.key``.
    batch_rows, n_steps : int
        Rows of a step, with padding, and steps of a call.
    has_input_dropout : bool
    device : str
    by_xla : bool
        Whether XLA compiles the steps.
    shape : Shape
    """

    architecture: Architecture
    loss: str
    optimizer: tuple
    batch_rows: int
    n_steps: int
    has_input_dropout: bool
    device: str
    by_xla: bool
    shape: Shape


class State(NamedTuple):
    """Weights and optimizer state of a stack, as tensors.

    Few tensors, because each costs time at every call. Immutable, so that any earlier
    state can be kept for the price of a reference.

    Attributes
    ----------
    weights, slots : list of float32 tensors
        The groups of a `Layout`, and what the optimizer keeps for each weight of those
        that are trained; networks along the first axis.
    counts : list of scalar tensors
        What the optimizer keeps for the whole stack.
    """

    weights: list
    slots: list
    counts: list


class Batches(NamedTuple):
    """The rows of some steps.

    Attributes
    ----------
    X : float32 tensor of shape (n_steps, n_inputs, batch_rows, n_features)
    y : float32 tensor of shape (n_steps, n_targets, batch_rows, n_outputs)
        Class indices, in one column, for ``"categorical"``.
    shares : float32 tensor of shape (n_steps, n_targets, 2, batch_rows)
        Of each row in the statistics of the step, as `weighted_sum` takes them, and in
        its weight; zero for padding.
    weight : float32 tensor of shape (n_steps, n_targets)
        Of all rows of the step.
    """

    X: tf.Tensor
    y: tf.Tensor
    shares: tf.Tensor
    weight: tf.Tensor


class Hyperparameters(NamedTuple):
    """What differs between the networks of a stack.

    Attributes
    ----------
    alpha, momentum : float32 tensors of shape (n_networks,)
    scales : float32 tensor of shape (n_hidden_layers + 1, n_networks, 1, 1)
        What the units that are not dropped are multiplied by; the inputs first.
    thresholds : int32 tensor of shape (n_hidden_layers + 1, n_networks, 1, 1)
        A unit is dropped where the noise is below.
    """

    alpha: tf.Tensor
    momentum: tf.Tensor
    scales: tf.Tensor
    thresholds: tf.Tensor

    @classmethod
    def of(cls, alpha, momentum, dropout_rates) -> "Hyperparameters":
        """From sequences with an entry for each network."""
        rates = np.array(dropout_rates, np.float32).T[:, :, None, None]
        thresholds = np.round(rates * np.float32(noise.N_LEVELS))
        return cls(
            tf.constant(alpha, tf.float32),
            tf.constant(momentum, tf.float32),
            tf.constant(1 / (1 - rates)),
            tf.constant(thresholds.astype(np.int32)),
        )


class Program:
    """The compiled training steps of stacks of one shape.

    It keeps no state: any number of threads may use it at a time.

    Attributes
    ----------
    noisy_layers : list of Layer
        The dropout layers that drop anything.
    """

    def __init__(self, key: ProgramKey):
        self.key = key
        self._layout = Layout(key.architecture)
        self.noisy_layers = [
            layer
            for layer in key.architecture.layers
            if layer.kind == "dropout" and (layer.number or key.has_input_dropout)
        ]
        with tf.device(key.device):
            shapes = self._layout.shapes[: self._layout.n_trainable]
            self.optimizer = StackOptimizer(
                key.optimizer, [(key.shape.n_networks, *shape) for shape in shapes]
            )
            self._row_loss = ROW_LOSSES[key.loss].of_logits
            # As a concrete function, which is called at half the cost.
            self._run = tf.function(
                self._steps, self._signature(), jit_compile=key.by_xla, autograph=False
            ).get_concrete_function()
            self.optimizer.release()

    def _signature(self):
        key, floats, spec = self.key, tf.float32, tf.TensorSpec
        units, n_seeds = key.architecture.layer_units, key.shape.n_seeds
        n_targets = 1 if key.loss == "categorical" else units[-1]
        rows = (key.n_steps, key.shape.n_inputs, key.batch_rows, units[0])
        targets = (key.n_steps, key.shape.n_targets, key.batch_rows, n_targets)
        by_layer = (len(units) - 1, key.shape.n_networks, 1, 1)
        return (
            State(
                [
                    spec((key.shape.n_networks, *shape), floats)
                    for shape in self._layout.shapes
                ],
                *self.optimizer.specs(),
            ),
            Batches(
                spec(rows, floats),
                spec(targets, floats),
                spec((*targets[:2], 2, key.batch_rows), floats),
                spec(targets[:2], floats),
            ),
            [
                spec((key.n_steps, n_seeds, key.batch_rows, layer.units), tf.uint16)
                for layer in self.noisy_layers
            ],
            spec((), tf.int32),
            spec((key.n_steps, key.shape.n_networks), floats),
            Hyperparameters(
                spec((key.shape.n_networks,), floats),
                spec((key.shape.n_networks,), floats),
                spec(by_layer, floats),
                spec(by_layer, tf.int32),
            ),
        )

    # Moving between networks and the stack

    def stack(
        self,
        weights: list[list[np.ndarray]],
        optimizer_states: list[list[np.ndarray]],
    ) -> State:
        """The state of the stack from the weights and states of its networks."""
        return State(
            self._layout.stack(weights), *self.optimizer.stack_state(optimizer_states)
        )

    def weights_of(self, state: State, network: int) -> list[np.ndarray]:
        """Weights of one network, in the shapes of its architecture."""
        return self._layout.weights(state.weights, network)

    def replace_weights(
        self, state: State, network: int, weights: list[np.ndarray]
    ) -> State:
        """The state with other weights for one network."""
        replaced = [
            tf.tensor_scatter_nd_update(old, [[network]], new)
            for old, new in zip(state.weights, self._layout.stack([weights]), strict=True)
        ]
        return state._replace(weights=replaced)

    def take(self, state: State, networks: list[int]) -> State:
        """The state of a smaller stack, of some of the networks."""
        weights, slots = (
            [tf.gather(values, networks) for values in group]
            for group in (state.weights, state.slots)
        )
        return State(weights, slots, state.counts)

    # Training

    def run(
        self,
        state: State,
        batches: Batches,
        noises: list,
        n_steps: int,
        rates: np.ndarray,
        hyperparameters: Hyperparameters,
    ):
        """Train up to ``key.n_steps`` steps.

        Parameters
        ----------
        state : State
        batches : Batches
        noises : list of uint16 tensors
            For each of `noisy_layers`, (key.n_steps, n_seeds, key.batch_rows, units).
        n_steps : int
            Steps to take.
        rates : ndarray of shape (key.n_steps, n_networks)
            Learning rates.
        hyperparameters : Hyperparameters

        Returns
        -------
        state : State
        losses : tensor of shape (key.n_steps, n_networks)
            Loss of each step with the penalty; anything finite for steps not taken.
        """
        with tf.device(self.key.device):
            return self._run(
                state,
                batches,
                noises,
                tf.constant(n_steps, tf.int32),
                tf.constant(rates, tf.float32),
                hyperparameters,
            )

    def _steps(self, state, batches, noises, n_steps, rates, hyperparameters):
        losses = tf.TensorArray(
            tf.float32, self.key.n_steps, element_shape=(self.key.shape.n_networks,)
        )

        def step(i, state, losses):
            state, loss = self._step(
                state,
                Batches(*(tf.gather(values, i) for values in batches)),
                [tf.gather(values, i) for values in noises],
                tf.gather(rates, i),
                hyperparameters,
            )
            return i + 1, state, losses.write(i, loss)

        # Autograph's loop over a range would make the number of steps a constant of the
        # program, to be compiled anew for each. The rates, which need no code, stand for
        # the losses of steps not taken.
        _, state, losses = tf.while_loop(
            lambda i, *_: i < n_steps, step, (0, state, losses.unstack(rates))
        )
        return state, losses.stack()

    def _step(self, state, batch, noises, rates, hyperparameters):
        layout, specs = self._layout, self.key.architecture.weight_specs
        shape = self.key.shape
        X, y, shares = (
            for_networks(values, shape.n_networks)
            for values in (batch.X, batch.y, batch.shares)
        )
        _, share = tf.unstack(shares, axis=1)
        *trainable, statistics = state.weights
        weights = layout.tensors(state.weights)
        watched = [w for w, s in zip(weights, specs, strict=True) if s.trainable]
        noise_of = {
            layer.number: noise
            for layer, noise in zip(self.noisy_layers, noises, strict=True)
        }
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(watched)
            logits, batch_statistics = self._forward(
                weights,
                X,
                lambda values, layer: _dropout(values, layer, noise_of, hyperparameters),
                shares,
            )
            loss = tf.reduce_sum(self._row_loss(y, logits) * share, axis=-1)
        found = iter(tape.gradient(loss, watched))
        gradients = [next(found) if s.trainable else None for s in specs]
        # The penalty by hand: the tape would keep the squares of the kernels.
        strength = hyperparameters.alpha / for_networks(batch.weight, shape.n_networks)
        strength_of_gradient = tf.reshape(strength, (-1, 1, 1))
        for i, spec in enumerate(specs):
            if spec.role == "kernel":
                gradients[i] += strength_of_gradient * weights[i]
                loss += 0.5 * strength * sum_of_squares(weights[i])
        trainable, slots, counts = self.optimizer.apply(
            trainable,
            state.slots,
            state.counts,
            layout.group(gradients),
            rates,
            hyperparameters.momentum,
        )
        if batch_statistics:
            found = iter(batch_statistics)
            (new,) = layout.group([None if s.trainable else next(found) for s in specs])
            statistics = statistics * BATCH_NORM_MOMENTUM + new * (
                1 - BATCH_NORM_MOMENTUM
            )
        return State([*trainable, statistics], slots, counts), loss

    def validation(self, state: State, networks: list[int], X, y, weight):
        """Loss and outputs of some networks on the same rows, dropout off.

        Not compiled: the number of rows differs from fold to fold.

        Parameters
        ----------
        state : State
        networks : list of int
        X : array of shape (n_rows, n_features)
        y : ndarray of shape (n_rows, n_targets)
        weight : ndarray of shape (n_rows,)

        Returns
        -------
        losses : ndarray of shape (n_networks,)
            Weighted sums over the rows.
        logits : ndarray of shape (n_networks, n_rows, n_outputs)
        """
        with tf.device(self.key.device):
            groups = state.weights
            if len(networks) < self.key.shape.n_networks:
                groups = [tf.gather(values, networks) for values in groups]
            weights = self._layout.tensors(groups)
            logits, _ = self._forward(weights, tf.constant(X)[None])
            y = tf.broadcast_to(y, (len(networks), *y.shape))
            losses = tf.reduce_sum(self._row_loss(y, logits) * weight, axis=-1)
        return losses.numpy(), logits.numpy()

    def _forward(self, weights, values, dropout=None, shares=None):
        """Logits, and in training the statistics of the batch.

        In training `dropout` is a function, and `shares` are those of the rows in them.
        """
        batch_statistics: list = []
        remaining = iter(weights)
        for layer in self.key.architecture.layers:
            if layer.kind == "dense":
                kernel = next(remaining)
                values = tf.matmul(for_networks(values, kernel.shape[0]), kernel)
                if self.key.architecture.use_bias:
                    values = add_to_rows(values, next(remaining))
            elif layer.kind == "batch_norm":
                gamma, beta, *moving = (next(remaining) for _ in range(4))
                if shares is None:
                    values = normalise(values, *moving, gamma, beta)
                else:
                    values, statistics = batch_norm(values, shares, gamma, beta)
                    batch_statistics += statistics
            elif layer.kind == "activation":
                activation = keras.activations.get(self.key.architecture.activation)
                values = activation(values)
            elif layer.kind == "dropout" and dropout is not None:
                values = dropout(values, layer)
        return values, batch_statistics


def _dropout(values, layer, noise_of: dict, hyperparameters: Hyperparameters):
    """Inverted dropout (Srivastava et al. 2014) at a rate for each network."""
    if layer.number not in noise_of:
        return values
    scales, thresholds = (
        tf.unstack(values_of_layers)[layer.number]
        for values_of_layers in (hyperparameters.scales, hyperparameters.thresholds)
    )
    drawn = tf.cast(noise_of[layer.number], tf.int32)
    return values * tf.where(drawn >= thresholds, scales, 0.0)

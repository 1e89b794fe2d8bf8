"""M networks of one shape trained as one: the compiled program.

Every weight has a leading network axis: kernels (M, fan_in, fan_out), vectors
(M, 1, units). So has what may differ between the networks of a sweep (dropout rates,
learning rate, momentum, penalty), and one program serves all values of it.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from .._architecture import BATCH_NORM_EPSILON, BATCH_NORM_MOMENTUM, Architecture
from .._backend import keras, tf
from . import noise
from .layout import Layout
from .losses import ROW_LOSSES
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
    stream_of, seed_of : tuple of int
        For each network, which of the streams of batches and which of the seeds it uses.
    batch_rows, n_steps : int
        Rows of a step, with padding, and steps of a call.
    has_input_dropout : bool
    device : str
    """

    architecture: Architecture
    loss: str
    optimizer: tuple
    stream_of: tuple[int, ...]
    seed_of: tuple[int, ...]
    batch_rows: int
    n_steps: int
    has_input_dropout: bool
    device: str

    @property
    def n_networks(self) -> int:
        return len(self.stream_of)


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


class Hyperparameters(NamedTuple):
    """What differs between the networks of a stack.

    Attributes
    ----------
    alpha, momentum : float32 tensors of shape (n_networks,)
    dropout_rates : float32 tensor of shape (n_networks, n_hidden_layers + 1)
    seeds : uint32 tensor of shape (n_seeds,)
        The distinct ones.
    """

    alpha: tf.Tensor
    momentum: tf.Tensor
    dropout_rates: tf.Tensor
    seeds: tf.Tensor


def _of_networks(values, index: tuple[int, ...]):
    """Values of each network from those of the streams or seeds it uses."""
    if index == tuple(range(values.shape[0])) or values.shape[0] == 1:
        return values  # one for each, or one that broadcasts
    return tf.gather(values, tf.constant(index))


class Program:
    """The compiled training steps of one stack.

    A program belongs to one thread at a time; `programs.borrow` sees to that.
    """

    def __init__(self, key: ProgramKey):
        self.key = key
        self._layout = Layout(key.architecture)
        with tf.device(key.device):
            self._trainable = [
                tf.Variable(tf.zeros((key.n_networks, *shape)))
                for shape in self._layout.shapes[: self._layout.n_trainable]
            ]
            self.optimizer = StackOptimizer(key.optimizer, self._trainable)
            self._row_loss = ROW_LOSSES[key.loss].of_logits
            self._compiled = tf.function(self._steps, jit_compile=True, autograph=False)
            # As a concrete function, which is called at half the cost.
            self._run = tf.function(
                self._gather_and_train, self._signature(), autograph=False
            ).get_concrete_function()

    def _signature(self):
        key, floats, spec = self.key, tf.float32, tf.TensorSpec
        n_networks, n_streams = key.n_networks, max(key.stream_of) + 1
        units = key.architecture.layer_units
        n_targets = 1 if key.loss == "categorical" else units[-1]
        rows = (
            spec((None, units[0]), floats),
            spec((None, n_targets), floats),
            spec((None,), floats),
        )
        steps = (key.n_steps, key.batch_rows)
        return (
            State(
                [spec((n_networks, *shape), floats) for shape in self._layout.shapes],
                *self.optimizer.specs(),
            ),
            [rows] * n_streams,
            [(spec(steps, tf.int32), spec(steps, tf.bool))] * n_streams,
            spec((3,), tf.int32),
            spec((key.n_steps, n_networks), floats),
            Hyperparameters(
                spec((n_networks,), floats),
                spec((n_networks,), floats),
                spec((n_networks, len(units) - 1), floats),
                spec((max(key.seed_of) + 1,), tf.uint32),
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

    # Training

    def run(
        self, state: State, rows: list, batches: list, position, rates, hyperparameters
    ):
        """Train up to ``key.n_steps`` steps.

        Parameters
        ----------
        state : State
        rows : list of tuple of tensors
            For each stream: `X` (n_rows, n_features), `y` (n_rows, n_targets) and the
            rows' weights (n_rows,).
        batches : list of tuple of arrays
            For each stream: the rows of each step (key.n_steps, key.batch_rows), int32,
            and which of them are not padding, bool.
        position : tuple of int
            Steps to take, number of the first step in the epoch, and the epoch.
        rates : array of shape (key.n_steps, n_networks)
            Learning rates.
        hyperparameters : Hyperparameters

        Returns
        -------
        state : State
        losses : tensor of shape (key.n_steps, n_networks)
            Loss of each step with the penalty; zero for steps not taken.
        """
        with tf.device(self.key.device):
            return self._run(
                state,
                rows,
                [(tf.constant(i), tf.constant(r)) for i, r in batches],
                tf.constant(position, tf.int32),
                tf.constant(rates, tf.float32),
                hyperparameters,
            )

    def _gather_and_train(self, state, rows, batches, position, rates, hyperparameters):
        """The part outside XLA, where the number of rows may vary."""
        indices, is_real = zip(*batches, strict=True)
        X, y, weights = (
            tf.stack([tf.gather(v, i) for v, i in zip(values, indices, strict=True)])
            for values in zip(*rows, strict=True)
        )
        weights *= tf.cast(tf.stack(is_real), tf.float32)
        return self._compiled(state, (X, y, weights), position, rates, hyperparameters)

    def _steps(self, state, batches, position, rates, hyperparameters):
        n_steps, first, epoch = tf.unstack(position)
        *trainable, statistics = state.weights
        for variable, value in zip(self._trainable, trainable, strict=True):
            variable.assign(value)
        self.optimizer.begin(state.slots, state.counts, hyperparameters.momentum)

        def step(i, statistics, losses):
            batch = [values[:, i] for values in batches]
            statistics, loss = self._step(
                statistics, batch, rates[i], epoch, first + i, hyperparameters
            )
            return i + 1, statistics, tf.tensor_scatter_nd_update(losses, [[i]], [loss])

        # Autograph's loop over a range would make the number of steps a constant of the
        # program, to be compiled anew for each.
        _, statistics, losses = tf.while_loop(
            lambda i, *_: i < n_steps,
            step,
            (
                0,
                statistics,
                tf.zeros((self.key.n_steps, self.key.n_networks)),
            ),
        )
        weights = [*(v.read_value() for v in self._trainable), statistics]
        return State(weights, *self.optimizer.end()), losses

    def _step(self, statistics, batch, rates, epoch, step, hyperparameters):
        X, y, row_weights = (_of_networks(v, self.key.stream_of) for v in batch)
        layout, specs = self._layout, self.key.architecture.weight_specs
        trainable = [v.read_value() for v in self._trainable]
        weights = layout.tensors([*trainable, statistics])
        watched = [w for w, s in zip(weights, specs, strict=True) if s.trainable]
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(watched)
            logits, new_statistics = self._forward(
                weights,
                X,
                lambda values, layer: self._dropout(
                    values, layer, epoch, step, hyperparameters
                ),
                row_weights > 0,
            )
            y = tf.broadcast_to(y, (*logits.shape[:2], y.shape[2]))
            row_losses = self._row_loss(y, logits)
            weight_sum = tf.reduce_sum(row_weights, axis=-1)
            loss = tf.reduce_sum(row_losses * row_weights, axis=-1) / weight_sum
        found = iter(tape.gradient(loss, watched))
        gradients = layout.group([next(found) if s.trainable else None for s in specs])
        # The penalty by hand: the tape would keep the squares of the kernels.
        strength = hyperparameters.alpha / weight_sum
        for i, kernel in enumerate(trainable[: layout.n_kernels]):
            gradients[i] += strength[:, None, None] * kernel
            loss += 0.5 * strength * _sum_of_squares(kernel)
        self.optimizer.apply(gradients, rates)
        if new_statistics:
            moving = [None if s.trainable else new_statistics.pop(0) for s in specs]
            (statistics,) = layout.group(moving)
        return statistics, loss

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
            if len(networks) < self.key.n_networks:
                groups = [tf.gather(values, networks) for values in groups]
            weights = self._layout.tensors(groups)
            logits, _ = self._forward(weights, tf.constant(X)[None])
            y = tf.broadcast_to(y, (len(networks), *y.shape))
            losses = tf.reduce_sum(self._row_loss(y, logits) * weight, axis=-1)
        return losses.numpy(), logits.numpy()

    def _forward(self, weights, values, dropout=None, is_real=None):
        """Logits, and in training the new moving statistics.

        In training `dropout` is a function, and `is_real` marks the rows that are not
        padding.
        """
        new_statistics = []
        remaining = iter(weights)
        for layer in self.key.architecture.layers:
            if layer.kind == "dense":
                kernel = next(remaining)
                if values.shape[0] != kernel.shape[0]:
                    values = tf.repeat(values, kernel.shape[0], axis=0)
                values = tf.matmul(values, kernel)
                if self.key.architecture.use_bias:
                    values += next(remaining)
            elif layer.kind == "batch_norm":
                gamma, beta, *moving = (next(remaining) for _ in range(4))
                if is_real is None:
                    values = _normalise(values, *moving, gamma, beta)
                else:
                    values, statistics = _batch_norm(values, is_real, gamma, beta)
                    for old, new in zip(moving, statistics, strict=True):
                        new_statistics.append(
                            old * BATCH_NORM_MOMENTUM + new * (1 - BATCH_NORM_MOMENTUM)
                        )
            elif layer.kind == "activation":
                activation = keras.activations.get(self.key.architecture.activation)
                values = activation(values)
            elif layer.kind == "dropout" and dropout is not None:
                values = dropout(values, layer)
        return values, new_statistics

    def _dropout(self, values, layer, epoch, step, hyperparameters):
        """Inverted dropout (Srivastava et al. 2014) at a rate for each network."""
        if layer.number == 0 and not self.key.has_input_dropout:
            return values
        n_masks = len(self.key.architecture.layer_units) - 1
        draws = noise.draw(
            hyperparameters.seeds,
            tf.cast(epoch, tf.uint32),
            tf.cast(step * n_masks + layer.number, tf.uint32),
            self.key.batch_rows,
            layer.units,
        )
        draws = _of_networks(draws, self.key.seed_of)
        rates = hyperparameters.dropout_rates[:, layer.number, None, None]
        threshold = tf.cast(tf.round(rates * noise.N_LEVELS), tf.int32)
        return tf.where(draws >= threshold, values / (1 - rates), tf.zeros_like(values))


def _sum_of_squares(kernels):
    """Of each network. The rows are summed by a product, which XLA vectorises."""
    ones = tf.ones((kernels.shape[0], 1, kernels.shape[1]))
    return tf.reduce_sum(tf.matmul(ones, tf.square(kernels)), axis=(1, 2))


def _batch_norm(values, is_real, gamma, beta):
    """Normalise by the mean and variance of the real rows; returns these too."""
    mask = tf.cast(is_real, values.dtype)[..., None]
    n_rows = tf.reduce_sum(mask, axis=1, keepdims=True)
    mean = tf.reduce_sum(values * mask, axis=1, keepdims=True) / n_rows
    centred = values - mean
    variance = tf.reduce_sum(centred * centred * mask, axis=1, keepdims=True) / n_rows
    return _normalise(values, mean, variance, gamma, beta), (mean, variance)


def _normalise(values, mean, variance, gamma, beta):
    return (values - mean) * (gamma * tf.math.rsqrt(variance + BATCH_NORM_EPSILON)) + beta

"""M networks of one shape trained as one: the compiled program.

Every weight has rank 3: kernels (M, fan_in, fan_out), vectors (M, 1, units). What may
differ between the networks of a sweep (dropout rates, learning rate, momentum, penalty,
seed) is a tensor with a leading network axis, so one program serves all its values.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from .._architecture import BATCH_NORM_EPSILON, BATCH_NORM_MOMENTUM, Architecture
from .._backend import keras, tf
from . import noise
from .flat import concat_flat, split_flat, unstack_flat
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
        An ``OptimizerSpec.key``.
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
    weights, slots : float32 tensors of shape (n_networks, .)
        All weights, and all slots of the optimizer, of each network.
    counts : list of scalar tensors
        What the optimizer keeps for the whole stack.
    """

    weights: tf.Tensor
    slots: tf.Tensor
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
        with tf.device(key.device):
            self._variables = [
                tf.Variable(
                    tf.zeros((key.n_networks, *_rank_2(spec.shape))),
                    trainable=spec.trainable,
                )
                for spec in key.architecture.weight_specs
            ]
            self._trainable = [v for v in self._variables if v.trainable]
            self._is_kernel = [
                spec.role == "kernel"
                for spec in key.architecture.weight_specs
                if spec.trainable
            ]
            self.optimizer = StackOptimizer(key.optimizer, self._trainable)
        self._row_loss = ROW_LOSSES[key.loss].of_logits
        self._compiled = tf.function(self._steps, jit_compile=True, autograph=False)
        self._run = tf.function(
            self._gather_and_train, self._signature(), autograph=False
        )

    def _signature(self):
        key, floats = self.key, tf.float32
        n_networks, n_streams = key.n_networks, max(key.stream_of) + 1
        n_features = key.architecture.layer_units[0]
        n_masks = len(key.architecture.layer_units) - 1
        n_targets = 1 if key.loss == "categorical" else key.architecture.layer_units[-1]
        spec = tf.TensorSpec
        steps = (key.n_steps, key.batch_rows)
        return (
            State(
                spec((n_networks, None), floats),
                spec((n_networks, None), floats),
                self.optimizer.count_specs(),
            ),
            [
                (
                    spec((None, n_features), floats),
                    spec((None, n_targets), floats),
                    spec((None,), floats),
                )
            ]
            * n_streams,
            [(spec(steps, tf.int32), spec(steps, tf.bool))] * n_streams,
            spec((3,), tf.int32),
            spec((key.n_steps, n_networks), floats),
            Hyperparameters(
                spec((n_networks,), floats),
                spec((n_networks,), floats),
                spec((n_networks, n_masks), floats),
                spec((max(key.seed_of) + 1,), tf.uint32),
            ),
        )

    # Moving between networks and the stack

    def stack(
        self,
        weights: list[list[np.ndarray]],
        optimizer_states: list[list[np.ndarray] | None],
    ) -> State:
        """The state of the stack from the weights and states of its networks."""
        slots, counts = self.optimizer.stack_state(optimizer_states)
        return State(tf.constant(np.stack([_flat(w) for w in weights])), slots, counts)

    def weights_of(self, state: State, network: int) -> list[np.ndarray]:
        """Weights of one network, in the shapes of its architecture."""
        specs = self.key.architecture.weight_specs
        return split_flat(state.weights[network].numpy(), [spec.shape for spec in specs])

    def replace_weights(
        self, state: State, network: int, weights: list[np.ndarray]
    ) -> State:
        """The state with other weights for one network."""
        stacked = tf.tensor_scatter_nd_update(
            state.weights, [[network]], [_flat(weights)]
        )
        return state._replace(weights=stacked)

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
        """What XLA is spared: rows of any number, and taking the state apart."""
        X, y, weights = zip(*rows, strict=True)
        indices, is_real = zip(*batches, strict=True)
        gathered = [
            tf.stack([tf.gather(v, i) for v, i in zip(values, indices, strict=True)])
            for values in (X, y, weights)
        ]
        gathered[2] *= tf.cast(tf.stack(is_real), tf.float32)
        weights, slots, losses, counts = self._compiled(
            self._unstack(state.weights),
            self.optimizer.unstack(state.slots),
            state.counts,
            gathered,
            position,
            rates,
            hyperparameters,
        )
        n_networks = self.key.n_networks
        return (
            State(
                concat_flat(weights, n_networks), concat_flat(slots, n_networks), counts
            ),
            losses,
        )

    def _steps(self, weights, slots, counts, batches, position, rates, hyperparameters):
        n_steps, first, epoch = tf.unstack(position)
        for variable, value in zip(self._variables, weights, strict=True):
            variable.assign(value)
        self.optimizer.begin(slots, counts, hyperparameters.momentum)

        def step(i, losses):
            batch = [values[:, i] for values in batches]
            loss = self._step(batch, rates[i], epoch, first + i, hyperparameters)
            return i + 1, tf.tensor_scatter_nd_update(losses, [[i]], [loss])

        # Autograph's loop over a range would make the number of steps a constant of the
        # program, to be compiled anew for each.
        _, losses = tf.while_loop(
            lambda i, losses: i < n_steps,
            step,
            (0, tf.zeros((self.key.n_steps, self.key.n_networks))),
        )
        slots, counts = self.optimizer.end()
        return [v.read_value() for v in self._variables], slots, losses, counts

    def _unstack(self, weights):
        """The weights of a stack, each of rank 3."""
        shapes = [_rank_2(spec.shape) for spec in self.key.architecture.weight_specs]
        return unstack_flat(weights, shapes)

    def _step(self, batch, rates, epoch, step, hyperparameters):
        X, y, row_weights = (_of_networks(v, self.key.stream_of) for v in batch)
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(self._trainable)
            logits = self._forward(
                self._variables,
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
        gradients = tape.gradient(loss, self._trainable)
        # The penalty's gradient by hand: the tape would keep the squares.
        strength = hyperparameters.alpha / weight_sum
        penalty = tf.zeros_like(loss)
        for i, variable in enumerate(self._trainable):
            if self._is_kernel[i]:
                gradients[i] += strength[:, None, None] * variable
                penalty += 0.5 * strength * _sum_of_squares(variable)
        self.optimizer.apply(gradients, rates)
        return loss + penalty

    def _forward(self, weights, values, dropout=None, is_real=None):
        """Logits; in training, `dropout` is a function and `is_real` marks the rows."""
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
                norm = [next(remaining) for _ in range(4)]
                values = _batch_norm(values, is_real, *norm)
            elif layer.kind == "activation":
                activation = keras.activations.get(self.key.architecture.activation)
                values = activation(values)
            elif layer.kind == "dropout" and dropout is not None:
                values = dropout(values, layer)
        return values

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


def _sum_of_squares(kernel):
    """Of each network, as a product, which XLA does faster than a reduction."""
    row = tf.reshape(kernel, (kernel.shape[0], 1, -1))
    return tf.matmul(row, row, transpose_b=True)[:, 0, 0]


def _flat(weights: list[np.ndarray]) -> np.ndarray:
    return np.concatenate([np.ravel(values) for values in weights], dtype=np.float32)


def _rank_2(shape: tuple[int, ...]) -> tuple[int, ...]:
    return shape if len(shape) == 2 else (1, *shape)


def _batch_norm(values, is_real, gamma, beta, moving_mean, moving_variance):
    """Normalise: in training by the statistics of the real rows, updating the moving
    ones; where `is_real` is None by the moving ones."""
    if is_real is None:
        scale = gamma * tf.math.rsqrt(moving_variance + BATCH_NORM_EPSILON)
        return (values - moving_mean) * scale + beta
    mask = tf.cast(is_real, values.dtype)[..., None]
    n_rows = tf.reduce_sum(mask, axis=1, keepdims=True)
    mean = tf.reduce_sum(values * mask, axis=1, keepdims=True) / n_rows
    centred = values - mean
    variance = tf.reduce_sum(centred * centred * mask, axis=1, keepdims=True) / n_rows
    for moving, current in ((moving_mean, mean), (moving_variance, variance)):
        current = tf.stop_gradient(current)
        moving.assign(moving * BATCH_NORM_MOMENTUM + current * (1 - BATCH_NORM_MOMENTUM))
    return centred * (gamma * tf.math.rsqrt(variance + BATCH_NORM_EPSILON)) + beta

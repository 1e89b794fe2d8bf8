"""The compiled training steps of stacks of one shape.

Every weight has a leading network axis: kernels (M, fan_in, fan_out), vectors
(M, 1, units). So has what may differ between the networks of a sweep (dropout rates,
learning rate, momentum, penalty), and one program serves all values of it.
"""

from dataclasses import dataclass

import numpy as np

from .._backend import tf
from .._caching import once_for_each
from .._surroundings import single_precision, without_op_callbacks
from . import supply
from .arrangement import Shape
from .feed import Batches
from .forward import logits_in_prediction
from .frames import ProgramKind
from .hyperparameters import hyperparameter_specs
from .losses import ROW_LOSSES
from .state import State, StatePacker
from .step import TrainingStep
from .supply import Compilation
from .units import Units, activated, unit_specs


@dataclass(frozen=True)
class ProgramKey:
    """All that a compiled program depends on.

    Attributes
    ----------
    kind : ProgramKind
    n_steps : int
        Steps of a call.
    in_use : frozenset of str
        The hyperparameters that are not left out, as of `in_use`.
    shape : Shape
    """

    kind: ProgramKind
    n_steps: int
    in_use: frozenset[str]
    shape: Shape


class Program:
    """The training steps of stacks of one shape.

    It keeps no state: any number of threads may use it at a time, if it is compiled.

    Parameters
    ----------
    key : ProgramKey
    compilation : {"xla", "graph", "none"}
        By what it is compiled: XLA, TensorFlow alone, or nothing.

    Attributes
    ----------
    packer : StatePacker
    noisy_layers : list of Layer
        The dropout layers that drop anything.
    """

    def __init__(self, key: ProgramKey, compilation: Compilation = "xla"):
        self.key = key
        self.noisy_layers = [
            layer
            for layer in key.kind.architecture.layers
            if layer.kind == "dropout"
            and (layer.number or "input_dropout_rate" in key.in_use)
        ]
        with tf.device(key.kind.device), single_precision(), without_op_callbacks():
            self.packer = StatePacker(
                key.kind.architecture, key.kind.optimizer, key.shape.n_networks
            )
            self._step = TrainingStep(
                key.kind.architecture,
                key.kind.loss,
                self.packer,
                key.kind.frame.activations,
                self.noisy_layers,
                key.in_use,
            )
            self._run = self._steps
            if compilation != "none":
                # As a concrete function, which is called at half the cost.
                self._run = tf.function(
                    self._steps,
                    self._signature(),
                    jit_compile=compilation == "xla",
                    autograph=False,
                ).get_concrete_function()
                self.packer.optimizer.release()

    def _signature(self):
        key, kind = self.key, self.key.kind
        floats, spec = tf.float32, tf.TensorSpec
        units, n_noises = kind.architecture.layer_units, key.shape.n_noises
        n_targets = 1 if kind.loss == "categorical" else units[-1]
        rows = (key.n_steps, key.shape.n_inputs, kind.frame.batch_rows, units[0])
        targets = (key.n_steps, key.shape.n_targets, kind.frame.batch_rows, n_targets)
        return (
            self.packer.specs(),
            Batches(
                spec(rows, floats),
                spec(targets, floats),
                spec((*targets[:2], 2, kind.frame.batch_rows), floats),
                spec(targets[:2], floats),
            ),
            [
                spec(
                    (key.n_steps, n_noises, kind.frame.batch_rows, layer.units),
                    tf.uint16,
                )
                for layer in self.noisy_layers
            ],
            spec((), tf.int32),
            spec((key.n_steps, key.shape.n_networks), floats),
            spec((key.n_steps, key.shape.n_networks), floats),
            hyperparameter_specs(key.shape.n_networks, len(units) - 2),
            unit_specs(kind.frame, key.shape.n_networks),
        )

    def run(
        self,
        state: State,
        batches: Batches,
        noises: list,
        n_steps: int,
        rates: np.ndarray,
        norm_shares: np.ndarray,
        hyperparameters: dict,
        units: Units,
    ):
        """Train up to ``key.n_steps`` steps.

        Parameters
        ----------
        state : State
        batches : Batches
        noises : list of uint16 tensors
            For each of `noisy_layers`, (key.n_steps, n_noises, batch_rows, units).
        n_steps : int
            Steps to take.
        rates : ndarray of shape (key.n_steps, n_networks)
            Learning rates.
        norm_shares : ndarray of shape (key.n_steps, n_networks)
            What each batch counts in the moving statistics, as of `batch_share`.
        hyperparameters : dict of tensors
            As of `stacked_hyperparameters`.
        units : Units

        Returns
        -------
        state : State
        losses : tensor of shape (key.n_steps, n_networks)
            Loss of each step with the penalty; anything finite for steps not taken.
        """
        with tf.device(self.key.kind.device):
            return self._run(
                state,
                batches,
                noises,
                tf.constant(n_steps, tf.int32),
                tf.constant(rates, tf.float32),
                tf.constant(norm_shares, tf.float32),
                hyperparameters,
                units,
            )

    def _steps(
        self,
        state,
        batches,
        noises,
        n_steps,
        rates,
        norm_shares,
        hyperparameters,
        units,
    ):
        key = self.key
        losses = tf.TensorArray(
            tf.float32, key.n_steps, element_shape=(key.shape.n_networks,)
        )

        def step(i, state, losses):
            state, loss = self._step(
                state,
                Batches(*(tf.gather(values, i) for values in batches)),
                [tf.gather(values, i) for values in noises],
                tf.gather(rates, i),
                tf.gather(norm_shares, i),
                hyperparameters,
                units,
            )
            return i + 1, state, losses.write(i, loss)

        # Autograph's loop over a range would make the number of steps a constant of the
        # program, to be compiled anew for each. The rates, which need no code, stand for
        # the losses of steps not taken.
        _, state, losses = tf.while_loop(
            lambda i, *_: i < n_steps, step, (0, state, losses.unstack(rates))
        )
        return state, losses.stack()

    def validate(self, state: State, networks: list[int], X, y, weight, units: Units):
        """Loss and outputs of some networks on the same rows, dropout off.

        Not compiled: the number of rows differs from fold to fold.

        Parameters
        ----------
        state : State
        networks : list of int
        X : array of shape (n_rows, n_features)
            The program may be for more features.
        y : ndarray of shape (n_rows, n_targets)
        weight : ndarray of shape (n_rows,)
        units : Units

        Returns
        -------
        losses : ndarray of shape (n_networks,)
            Weighted sums over the rows.
        logits : ndarray of shape (n_networks, n_rows, n_outputs)
        """
        with tf.device(self.key.kind.device):
            blocks = state.weights
            if len(networks) < self.key.shape.n_networks:
                blocks = [tf.gather(values, networks) for values in blocks]
                units = units.take(networks)
            weights = self.packer.layout.tensors(blocks)
            n_missing = self.key.kind.architecture.layer_units[0] - X.shape[1]
            X = tf.pad(X, [(0, 0), (0, n_missing)]) if n_missing else tf.constant(X)
            logits = logits_in_prediction(
                self.key.kind.architecture,
                weights,
                X[None],
                lambda values, layer: activated(
                    values, layer.number, self.key.kind.frame.activations, units
                ),
            )
            y = tf.broadcast_to(y, (len(networks), *y.shape))
            row_losses = ROW_LOSSES[self.key.kind.loss].of_logits(y, logits)
            losses = tf.reduce_sum(row_losses * weight, axis=-1)
        return losses.numpy(), logits.numpy()


def _compiled_if_granted(key: ProgramKey) -> Program | None:
    with supply.taken(key.kind, key.kind.by_xla) as compilation:
        return None if compilation == "none" else Program(key, compilation)


_compiled_program = once_for_each(_compiled_if_granted)


def program_for(key: ProgramKey) -> Program:
    """The program for a key.

    Programs are never thrown away: TensorFlow keeps what it has compiled until the
    process ends, so compiling again would only keep it twice. One that is not compiled is
    made for each stack.
    """
    return _compiled_program(key) or Program(key, "none")

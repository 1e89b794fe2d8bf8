"""One training step of a stack: gradient, penalty, clipping, optimizer, moving
statistics."""

from collections.abc import Sequence, Set

from .._backend import tf
from ..network.architecture import Architecture, Layer
from .feed import Batches
from .forward import dropped, logits_in_training
from .losses import ROW_LOSSES
from .operations import clipped, for_networks, sum_of_squares
from .state import State, StatePacker
from .units import Units, activated


class TrainingStep:
    """A step of stacks of one shape.

    Parameters
    ----------
    architecture : Architecture
    loss : str
        Key of ``ROW_LOSSES``.
    packer : StatePacker
    activations : sequence of str
        Those of the frame.
    noisy_layers : sequence of Layer
        The dropout layers that drop anything.
    in_use : set of str
        The hyperparameters that are not left out.
    """

    def __init__(
        self,
        architecture: Architecture,
        loss: str,
        packer: StatePacker,
        activations: Sequence[str],
        noisy_layers: Sequence[Layer],
        in_use: Set[str],
    ):
        self._architecture = architecture
        self._row_loss = ROW_LOSSES[loss].of_logits
        self._packer = packer
        self._activations = activations
        self._noisy_layers = noisy_layers
        self._in_use = in_use

    def __call__(
        self,
        state: State,
        batch: Batches,
        noises: list,
        rates,
        norm_shares,
        hyperparameters: dict,
        units: Units,
    ):
        """The state after the step, and the loss of each network with the penalty.

        Parameters
        ----------
        state : State
        batch : Batches
            Of this step alone, without the axis of the steps.
        noises : list of tensors of shape (n_noises, batch_rows, units)
            For each layer that drops anything.
        rates : tensor of shape (n_networks,)
            Learning rates.
        norm_shares : tensor of shape (n_networks,)
            What the batch counts in the moving statistics, as of `batch_share`.
        hyperparameters : dict of tensors
            As of `stacked_hyperparameters`.
        units : Units
        """
        layout, specs = self._packer.layout, self._architecture.weight_specs
        n_networks = rates.shape[0]
        X, y, shares = (
            for_networks(values, n_networks)
            for values in (batch.X, batch.y, batch.shares)
        )
        _, share = tf.unstack(shares, axis=1)
        *trainable, statistics = state.weights
        weights = layout.tensors(state.weights)
        watched = [w for w, s in zip(weights, specs, strict=True) if s.trainable]
        noise_of = {
            layer.number: noise
            for layer, noise in zip(self._noisy_layers, noises, strict=True)
        }
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(watched)
            logits, batch_statistics = logits_in_training(
                self._architecture,
                weights,
                X,
                lambda values, layer: dropped(values, layer, noise_of, hyperparameters),
                shares,
                lambda values, layer: activated(
                    values, layer.number, self._activations, units
                ),
            )
            row_losses = self._row_losses(y, logits, hyperparameters)
            loss = tf.reduce_sum(row_losses * share, axis=-1)
        found = iter(tape.gradient(loss, watched))
        gradients = [next(found) if s.trainable else None for s in specs]
        # The penalty by hand: the tape would keep the squares of the kernels.
        strength = hyperparameters["alpha"] / for_networks(batch.weight, n_networks)
        strength_of_gradient = tf.reshape(strength, (-1, 1, 1))
        for i, spec in enumerate(specs):
            if spec.role == "kernel":
                gradients[i] += strength_of_gradient * weights[i]
                loss += 0.5 * strength * sum_of_squares(weights[i])
        if "clipnorm" in self._in_use:
            most = hyperparameters["clipnorm"]
            gradients = [
                g if g is None else clipped(g, sum_of_squares(g), most) for g in gradients
            ]
        decay = tf.reshape(rates * hyperparameters["weight_decay"], (-1, 1, 1))
        trainable = [
            block - block * mask * decay
            for block, mask in zip(trainable, layout.kernel_masks, strict=True)
        ]
        trainable, slots, counts = self._packer.optimizer.apply(
            trainable,
            state.slots,
            state.counts,
            layout.blocks(gradients),
            rates,
            hyperparameters["momentum"],
        )
        if batch_statistics:
            found = iter(batch_statistics)
            (new,) = layout.blocks([None if s.trainable else next(found) for s in specs])
            norm_shares = tf.reshape(norm_shares, (-1, 1, 1))
            statistics = statistics * (1 - norm_shares) + new * norm_shares
        return State([*trainable, statistics], slots, counts), loss

    def _row_losses(self, y, logits, hyperparameters: dict):
        if "label_smoothing" not in self._in_use:
            return self._row_loss(y, logits)
        smoothing = tf.reshape(hyperparameters["label_smoothing"], (-1, 1, 1))
        return self._row_loss(y, logits, label_smoothing=smoothing)

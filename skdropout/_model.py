"""The model that the scikeras wrapper holds: builds a network, and has it trained."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ._backend import keras, resolve_device, tf
from ._hyperparameters import PROGRAM_INPUTS
from ._names import resolve_initializer
from ._output import warn
from ._rows import as_rows, check_scorable, split, with_class_weights
from ._surroundings import single_precision, without_retracing_warnings
from .fusion.gathering import check_time, train_together
from .network.architecture import Architecture
from .network.initialization import initial_weights
from .network.seeds import VALIDATION_SPLIT, derived_seed
from .training.callback_state import left_copyable
from .training.callbacks import CallbackHook, HookCallback, Hooks, has_batch_hooks
from .training.keras_fit import stock_model, train_with_keras
from .training.optimizers import OptimizerRecipe
from .training.scores import rows_needed
from .training.task import (
    EpochHook,
    OptimizerState,
    Outcome,
    Progress,
    Settings,
    Task,
)

_OUT_ACTIVATIONS = {
    "categorical": "softmax",
    "binary": "sigmoid",
    "poisson": "exponential",
}
# A penalty with gradients whose squares are finite in float32, as optimizers need them.
_MAX_PENALTY = 1e16
# Up to the default, for which nobody has asked, more than the rows is no cause to warn.
_DEFAULT_BATCH_SIZE = 32
# Of fewer rows, those set aside tell less than they are missed in training.
_ENOUGH_TO_VALIDATE = 3000


@dataclass
class Start:
    """Where training begins: fresh weights and optimizer where these are None.

    `make_hook` returns somebody who wants to see each epoch, besides Keras's callbacks.
    """

    progress: Progress
    weights: list[np.ndarray] | None = None
    optimizer_state: OptimizerState | None = None
    make_hook: Callable[["Network", Task], EpochHook] | None = None


class Network:
    """The model in the scikeras wrapper; its ``fit`` is the compiled trainer.

    It is as much of a Keras model as scikeras uses, as making one takes longer than
    scikeras's own part of a fit. A real one is made where something needs it: callbacks,
    and Keras's own ``fit``.

    Parameters
    ----------
    architecture : Architecture
    dropout_rates : dict
        ``"dropout_rate"`` of the hidden layers and ``"input_dropout_rate"``.
    loss_name : str
        Key of ``ROW_LOSSES``.
    start : Start
        With weights.

    Attributes
    ----------
    outcome : Outcome
        Set by `fit`.
    dropout_rates : ndarray of shape (n_hidden_layers + 1,)
        Of the inputs and of each hidden layer. Set by `fit`.
    early_stopping : bool
        Whether it has gone by validation rows. Set by `fit`.
    """

    outcome: Outcome
    dropout_rates: np.ndarray
    early_stopping: bool
    outputs = (None,)  # one output, which scikeras counts

    def __init__(self, architecture, dropout_rates, loss_name, start):
        self.compiled = False
        self.architecture = architecture
        self._dropout_rates = dropout_rates
        self._loss_name = loss_name
        self._start = start

    def compile(self, optimizer: OptimizerRecipe, loss, **kwargs):
        """Note what to train with; Keras compiles only what it trains itself."""
        self._recipe = self.optimizer = optimizer
        self.loss = loss
        self.compiled = True

    def fit(
        self,
        x,
        y,
        sample_weight=None,
        *,
        epochs,
        batch_size,
        shuffle,
        verbose,
        callbacks,
        learning_rate,
        power_t,
        tol,
        n_iter_no_change,
        early_stopping,
        scoring,
        validation_fraction,
        device,
        alpha,
        weight_scale,
        class_weights,
        validation_data=None,
        **others,
    ):
        """Train from `Start`; Keras's signature, as far as scikeras uses it.

        `sample_weight` has been divided by `weight_scale`; `class_weights` are those
        `of_classes` of ``RowWeights``, and `scoring` is that of ``Settings``.

        Returns
        -------
        keras.callbacks.History
        """
        rows, validation = as_rows(x, y, sample_weight), None
        if early_stopping == "auto":
            early_stopping = len(rows) >= _ENOUGH_TO_VALIDATE
        self.early_stopping = early_stopping
        n_needed = rows_needed(self._loss_name) if scoring is None else 1
        if validation_data is not None:
            validation = as_rows(*validation_data)
            if early_stopping:
                check_scorable(validation, n_needed)
        elif early_stopping:
            seed = derived_seed(self._start.progress.seed, VALIDATION_SPLIT)
            rows, validation = split(
                rows, validation_fraction, self._loss_name, seed, n_needed
            )
        if class_weights is not None:
            rows, scale = with_class_weights(rows, class_weights)
            weight_scale *= scale
        if learning_rate == "invscaling":
            _check_invscaling(power_t, self._start.progress, epochs, len(rows))
        self._start.progress.go_by(validation if early_stopping else None)
        if batch_size is None:
            batch_size = 200
        elif batch_size > max(len(rows), _DEFAULT_BATCH_SIZE):
            warn(
                f"batch_size={batch_size} is larger than the number of training rows "
                f"and is clipped to {len(rows)}.",
            )
        if others["weight_decay"]:
            self._recipe = self._recipe.without_own_decay()
        optimizer = self._recipe
        by_keras = optimizer.key is None or any(map(has_batch_hooks, callbacks))
        kind = optimizer.kind.__name__ + (", by Keras" if by_keras else ", stacked")
        before = self._start.optimizer_state
        goes_on = before is not None and before.kind == kind
        routed = {
            **self._dropout_rates,
            **others,
            **optimizer.hyperparameters,
            "alpha": _penalty(alpha, weight_scale),
        }
        task = Task(
            architecture=self.architecture,
            optimizer=optimizer,
            settings=Settings(
                hyperparameters={row.name: routed[row.name] for row in PROGRAM_INPUTS},
                loss=self._loss_name,
                batch_size=batch_size,
                max_iter=epochs,
                shuffle=shuffle,
                early_stopping=early_stopping,
                scoring=scoring if early_stopping else None,
                verbose=bool(verbose),
                device=resolve_device(device),
                by_xla=os.environ.get("SKDROPOUT_XLA", "1") != "0",
                learning_rate=learning_rate,
                power_t=power_t,
                tol=tol,
                n_iter_no_change=n_iter_no_change,
            ),
            progress=self._start.progress,
            weights=self._start.weights,
            optimizer_state=OptimizerState(kind, before.arrays if goes_on else []),
            rows=rows,
            validation=validation,
        )
        self.dropout_rates = task.settings.dropout_rates
        self.outcome = self._train(task, callbacks, by_keras)
        history = keras.callbacks.History()
        history.history = dict(self.outcome.progress.history)
        return history

    def _train(self, task: Task, callbacks: list, by_keras: bool) -> Outcome:
        make_hook = self._start.make_hook
        hooks = [] if make_hook is None else [make_hook(self, task)]
        with left_copyable(callbacks):
            if by_keras:
                check_time()
                callbacks = [*callbacks, *map(HookCallback, hooks)]
                with single_precision(), without_retracing_warnings():
                    return train_with_keras(self._keras_model(task), task, callbacks)
            if callbacks:
                model = self._keras_model(task)
                hooks.insert(0, CallbackHook(model, callbacks, task.settings.max_iter))
            if hooks:
                task.hook = hooks[0] if len(hooks) == 1 else Hooks(hooks)
            return train_together(task)

    def _keras_model(self, task: Task):
        with tf.device(task.settings.device), single_precision():
            return stock_model(task, self._recipe.make())


def _penalty(alpha: float, weight_scale: float) -> float:
    """Strength of the penalty for weights that have been divided by their scale."""
    strength = alpha / weight_scale
    if strength > _MAX_PENALTY:
        raise ValueError(
            f"alpha={alpha!r} is too large for float32, in which the network is trained: "
            f"divided by the mean weight of the rows, {weight_scale:.3g}, it must be at "
            f"most {_MAX_PENALTY:g}."
        )
    return strength


def _check_invscaling(
    power_t: float, progress: Progress, max_iter: int, n_samples: int
) -> None:
    """Raise if a learning rate of ``"invscaling"`` can't be computed."""
    t = progress.samples_seen + max_iter * n_samples
    try:
        float(t + 1) ** power_t
    except OverflowError:
        raise ValueError(
            f"power_t={power_t!r} is too large for learning_rate='invscaling': the rate "
            f"is divided by (t_ + 1) ** power_t, which overflows before t_={t}."
        ) from None


def build_network(
    meta: dict[str, Any],
    *,
    hidden_layer_sizes: tuple[int, ...],
    activation: str,
    dropout_rate: np.ndarray,
    input_dropout_rate: float,
    batch_norm: str | None,
    input_batch_norm: bool,
    initializer: Any,
    use_bias: bool,
    n_outputs: int,
    loss_name: str,
    start: Start,
) -> Network:
    """Build the network of some hyperparameters; called by the scikeras wrapper.

    Raises
    ------
    ValueError
        If the initializer is unknown.
    """
    architecture = Architecture(
        layer_units=(meta["n_features_in_"], *hidden_layer_sizes, n_outputs),
        activation=activation,
        out_activation=_OUT_ACTIVATIONS.get(loss_name, "linear"),
        use_bias=bool(use_bias),
        batch_norm=batch_norm,
        input_batch_norm=bool(input_batch_norm),
    )
    if start.weights is None:
        kind = resolve_initializer(initializer)
        start.weights = initial_weights(architecture, kind, start.progress.seed)
    # Each by name: of a function that takes any, scikeras asks more.
    rates = {"dropout_rate": dropout_rate, "input_dropout_rate": input_dropout_rate}
    return Network(architecture, rates, loss_name, start)

"""Fitting, as both estimators do it."""

import copy
import functools
from abc import ABCMeta, abstractmethod
from types import SimpleNamespace
from typing import Any, ClassVar, NamedTuple

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_random_state
from sklearn.utils.validation import validate_data

from ._checks import (
    as_float32,
    checked_params,
    checked_sample_weight,
    warn_of_other_scale,
)
from ._fitted import FittedNetwork
from ._hyperparameters import HYPERPARAMETERS
from ._output import warn
from ._scoring import PredictedClassifier, PredictedRegressor, Score
from ._sklearn_callbacks import CallbackSupportMixin, EpochCallbacks, fit_context
from ._weights import RowWeights, scaled
from .training.task import Outcome, Progress


def can_fit_partially(estimator) -> bool:
    """Whether the estimator has a ``partial_fit``."""
    if estimator.early_stopping not in (False, "auto"):
        raise AttributeError("partial_fit does not support early_stopping=True")
    return True


class _TrainingData(NamedTuple):
    """What a network is trained on: `X` in float32, encoded targets, weights, and the
    type that `X` had."""

    X: Any
    y: np.ndarray
    weight: RowWeights
    dtype: np.dtype


class BaseDropoutMLP(CallbackSupportMixin, FittedNetwork, metaclass=ABCMeta):
    """From parameters and data to a fitted network."""

    # By which fused training knows, of whatever holds one, that a fit may come.
    _is_trained_together = True

    # Where the HTML representation of scikit-learn leads to.
    _doc_link_module = "skdropout"
    _doc_link_template = (
        "https://skdropout.readthedocs.io/en/stable/generated/"
        "skdropout.{estimator_name}.html"
    )

    _parameter_constraints: ClassVar[dict] = {
        row.name: row.constraint for row in HYPERPARAMETERS
    }

    @abstractmethod
    def __init__(self):
        """Only the public classes are made; they list every parameter."""

    @classmethod
    @functools.cache
    def _get_param_names(cls):
        # A search asks for them several times a fit, and inspecting takes a while.
        return super()._get_param_names()

    # What the two estimators differ in

    @abstractmethod
    def _validate_targets(
        self, X, y, *, reset: bool, incremental: bool, classes=None
    ) -> tuple[Any, Any]:
        """Validated `X` and `y`; sets what describes the targets where `reset`."""

    @abstractmethod
    def _encode_targets(self, y, weight: RowWeights, *, reset: bool) -> np.ndarray:
        """Validated targets as the network's loss takes them; sets how, where `reset`."""

    @abstractmethod
    def _encode_validation_targets(self, y_val) -> np.ndarray:
        """Validation targets as the network's loss takes them."""

    @abstractmethod
    def _decode_targets(self, y) -> np.ndarray:
        """Encoded targets as the user gives them."""

    @abstractmethod
    def _as_predicted(self, X, outputs) -> PredictedClassifier | PredictedRegressor:
        """What scorers are given for a network's outputs for `X`."""

    @abstractmethod
    def _class_weights(self, y, *, incremental: bool) -> np.ndarray | None:
        """What multiplies the weights in training, as `RowWeights` has it."""

    # Fitting

    def _fit(
        self,
        X,
        y,
        sample_weight=None,
        X_val=None,
        y_val=None,
        *,
        incremental: bool = False,
        classes=None,
    ):
        context = None if incremental else fit_context(self, self.max_iter)
        metadata = None if sample_weight is None else {"sample_weight": sample_weight}
        told = {"estimator": self, "X": X, "y": y, "metadata": metadata}
        if context is not None:
            context.call_on_fit_task_begin(**told)
        with self._as_before_on_error():
            params = self._checked_params()
            if incremental:
                params |= {"max_iter": 1, "early_stopping": False}
                if params["learning_rate"] == "adaptive":
                    # On rows without end it would fall to nothing.
                    params["learning_rate"] = "constant"
            _check_pair(X_val, y_val)
            is_first = not hasattr(self, "coefs_") or not (self.warm_start or incremental)
            data = self._training_data(
                X, y, sample_weight, is_first, incremental, classes
            )
            validation = self._validation_data(X_val, y_val)
            if validation is not None:
                warn_of_other_scale(data.X, validation[0])
            start = self._start(params, is_first, incremental)
            if context is not None:
                start.make_hook = functools.partial(
                    self._epoch_callbacks, context, told, data.dtype
                )
            network = self._train(params, start, data, validation)
            self._set_fitted(network, data.dtype, goes_on=not is_first)
            self._warn_of_end(network.outcome, incremental)
        if context is not None:
            context.call_on_fit_task_end(**told)
        return self

    def _epoch_callbacks(self, context, told, dtype, network, task) -> EpochCallbacks:
        """The hook that tells scikit-learn's callbacks of the epochs of a task."""

        def fitted_by(weights: list[np.ndarray]) -> dict[str, Any]:
            progress = task.progress.copy()
            kind = task.optimizer_state._replace(arrays=[])
            n_iter = len(progress.loss_curve)
            outcome = Outcome(weights, kind, progress, n_iter, "callback")
            fitted = copy.copy(self)
            fitted._set_fitted(
                SimpleNamespace(**vars(network), outcome=outcome), dtype, goes_on=False
            )
            return dict(vars(fitted))

        return EpochCallbacks(context, told, fitted_by)

    def _checked_params(self) -> dict[str, Any]:
        """Parameters in one form, or an error that says what is wrong with them."""
        # From the attributes: a subclass may have other parameters than these.
        return checked_params({row.name: row.value_in(self) for row in HYPERPARAMETERS})

    def _training_data(
        self, X, y, sample_weight, is_first: bool, incremental: bool, classes
    ) -> _TrainingData:
        X, y = self._validate_targets(
            X, y, reset=is_first, incremental=incremental, classes=classes
        )
        of_classes = self._class_weights(y, incremental=incremental)
        weight = RowWeights(of_classes=of_classes)
        if sample_weight is not None:
            of_rows = checked_sample_weight(sample_weight, X)
            weight = RowWeights(*scaled(of_rows), of_classes)
        y = self._encode_targets(y, weight, reset=is_first)
        return _TrainingData(as_float32(X, "X"), y, weight, X.dtype)

    def _validation_data(self, X_val, y_val) -> tuple[Any, np.ndarray] | None:
        if X_val is None:
            return None
        X_val = validate_data(
            self,
            X_val,
            accept_sparse="csr",
            dtype=(np.float64, np.float32),
            reset=False,
        )
        y_val = self._encode_validation_targets(y_val)
        if len(y_val) != X_val.shape[0]:
            raise ValueError(
                f"X_val has {X_val.shape[0]} rows and y_val has {len(y_val)}."
            )
        return as_float32(X_val, "X_val"), y_val

    def _start(self, params: dict[str, Any], is_first: bool, incremental: bool):
        """Where training begins: anew, or from what has been fitted."""
        from ._model import Start  # late, as it brings TensorFlow along

        if is_first:
            seed = check_random_state(self.random_state).randint(np.iinfo(np.int32).max)
            return Start(Progress(int(seed)))
        self._check_architecture(params)
        start = Start(self._progress().next_call(), self._float32_weights())
        if self._scored_by != self._asked_score:
            start.progress.go_by(None)
        if incremental:
            start.optimizer_state = self._optimizer()
        start.progress.learning_rate = np.nan
        return start

    def _train(self, params: dict[str, Any], start, data: _TrainingData, validation):
        """The trained network, by way of a scikeras wrapper."""
        from ._wrapper import make_wrapper  # late, as it brings TensorFlow along

        if callable(scorer := params["scoring"]):
            score = Score(scorer, self._as_predicted, self._decode_targets)
            params = {**params, "scoring": score}
        wrapper = make_wrapper(
            params,
            n_outputs=self._n_network_outputs,
            loss_name=self._loss_name,
            start=start,
        )
        given = {} if validation is None else {"validation_data": validation}
        wrapper.fit(
            data.X,
            data.y,
            sample_weight=data.weight.of_rows,
            weight_scale=data.weight.scale,
            class_weights=data.weight.of_classes,
            **given,
        )
        return wrapper.model_

    def _warn_of_end(self, outcome: Outcome, incremental: bool) -> None:
        if outcome.stop_reason == "interrupted":
            warn(
                "Training interrupted by user. The network is as it was after epoch "
                f"{self.n_iter_}.",
            )
        elif outcome.divergence:
            warn(
                f"{outcome.divergence} The network of the best validation score so far "
                "is kept.",
                ConvergenceWarning,
            )
        elif outcome.stop_reason == "max_iter" and not incremental:
            warn(
                f"Stochastic Optimizer: Maximum iterations ({self.max_iter}) reached and "
                "the optimization hasn't converged yet.",
                ConvergenceWarning,
            )

    def _check_architecture(self, params: dict[str, Any]) -> None:
        """Training goes on only with the layers that were fitted."""
        if self._expected_architecture(params) != self._architecture:
            raise ValueError(
                "The layers have changed since the last fit (hidden_layer_sizes, "
                "activation, batch_norm, input_batch_norm or use_bias), so training "
                "cannot go on from its weights. Fit with warm_start=False first."
            )

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags


def _check_pair(X_val, y_val) -> None:
    if (X_val is None) != (y_val is None):
        given, missing = ("X_val", "y_val") if y_val is None else ("y_val", "X_val")
        raise ValueError(f"{given} was given without {missing}; give both or neither.")

"""What the classifier and the regressor share."""

import functools
import warnings
from abc import ABCMeta, abstractmethod
from collections.abc import Callable
from numbers import Integral, Real
from typing import Any, ClassVar

import numpy as np
from scipy import sparse
from sklearn.base import BaseEstimator
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import (
    HasMethods,
    Interval,
    Options,
    StrOptions,
    validate_parameter_constraints,
)
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data

from . import inference
from ._architecture import Architecture
from ._monte_carlo import DropoutSampler
from ._names import resolve_activation, resolve_batch_norm, unknown_name
from .training.task import Progress

# Keras's names of output activations -> those of scikit-learn's MLP.
_SKLEARN_OUT_ACTIVATIONS = {
    "linear": "identity",
    "sigmoid": "logistic",
    "softmax": "softmax",
    "exponential": "exp",
}
_DRAW_CONSTRAINTS = {
    "n_draws": [Interval(Integral, 1, None, closed="left")],
    "random_state": ["random_state"],
}
_LEARNING_RATES = ("constant", "invscaling", "adaptive")


def can_fit_partially(estimator) -> bool:
    """Whether the estimator has a ``partial_fit``."""
    if estimator.early_stopping:
        raise AttributeError("partial_fit does not support early_stopping=True")
    return True


class BaseDropoutMLP(BaseEstimator, metaclass=ABCMeta):
    """Parameters, validation, fitted attributes and pickling of both estimators."""

    _parameter_constraints: ClassVar[dict] = {
        "hidden_layer_sizes": ["array-like", Interval(Integral, 1, None, closed="left")],
        "activation": [str, callable],
        "dropout_rate": ["array-like", Interval(Real, 0, 1, closed="left")],
        "input_dropout_rate": [Interval(Real, 0, 1, closed="left")],
        "batch_norm": "no_validation",
        "input_batch_norm": ["boolean"],
        "initializer": "no_validation",
        "use_bias": ["boolean"],
        "optimizer": "no_validation",
        "alpha": [Interval(Real, 0, None, closed="left")],
        "batch_size": [
            StrOptions({"auto"}),
            Interval(Integral, 1, None, closed="left"),
        ],
        "learning_rate": [str, callable],
        "learning_rate_init": [Interval(Real, 0, None, closed="neither")],
        "power_t": [Interval(Real, 0, None, closed="left")],
        "max_iter": [Interval(Integral, 1, None, closed="left")],
        "shuffle": ["boolean"],
        "random_state": ["random_state"],
        "tol": [Interval(Real, 0, None, closed="left")],
        "verbose": ["verbose"],
        "warm_start": ["boolean"],
        "momentum": [Interval(Real, 0, 1, closed="both")],
        "nesterovs_momentum": ["boolean"],
        "early_stopping": ["boolean"],
        "validation_fraction": [Interval(Real, 0, 1, closed="left")],
        "beta_1": [Interval(Real, 0, 1, closed="left")],
        "beta_2": [Interval(Real, 0, 1, closed="left")],
        "epsilon": [Interval(Real, 0, None, closed="neither")],
        "n_iter_no_change": [
            Interval(Integral, 1, None, closed="left"),
            Options(Real, {np.inf}),
        ],
        "callbacks": [list, tuple, HasMethods("on_epoch_end"), None],
        "device": [str],
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
    def _encode_targets(self, y) -> np.ndarray:
        """Validated targets as the network's loss takes them."""

    @abstractmethod
    def _encode_validation_targets(self, y_val) -> np.ndarray:
        """Validation targets as the network's loss takes them."""

    _loss_name: str  # key of ``ROW_LOSSES``, for the targets seen
    _n_network_outputs: int

    @abstractmethod
    def _combined_weight(self, y, sample_weight, *, incremental: bool):
        """Sample weights with everything that multiplies them."""

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
        params = self._checked_params()
        if (X_val is None) != (y_val is None):
            given, missing = ("X_val", "y_val") if y_val is None else ("y_val", "X_val")
            raise ValueError(
                f"{given} was given without {missing}; give both or neither."
            )
        is_first = not hasattr(self, "coefs_") or not (self.warm_start or incremental)
        X, y = self._validate_targets(
            X, y, reset=is_first, incremental=incremental, classes=classes
        )
        dtype = X.dtype
        X = self._as_float32(X, "X")
        if sample_weight is not None:
            sample_weight = self._check_weights(sample_weight, X)
        sample_weight = self._combined_weight(y, sample_weight, incremental=incremental)
        kwargs = {}
        if X_val is not None:
            kwargs["validation_data"] = self._check_validation(X_val, y_val)
        if incremental:
            params["max_iter"] = 1

        # Imported late, as they bring TensorFlow along.
        from ._network import Start
        from ._wrapper import make_wrapper

        if is_first:
            seed = check_random_state(self.random_state).randint(np.iinfo(np.int32).max)
            start = Start(Progress(int(seed)))
        else:
            self._check_architecture(params)
            start = Start(self._progress.copy(), self._float32_weights())
            if incremental:
                start.optimizer_state = self._optimizer_state
            else:
                start.progress.learning_rate = np.nan
        wrapper = make_wrapper(
            params,
            n_outputs=self._n_network_outputs,
            loss_name=self._loss_name,
            start=start,
        )
        y = self._encode_targets(y)
        wrapper.fit(X, y, sample_weight=sample_weight, **kwargs)
        network = wrapper.model_
        self._set_fitted(network.architecture, network.outcome, dtype)
        rates = np.broadcast_to(params["dropout_rate"], len(params["hidden_layer_sizes"]))
        self._dropout_rates = np.array([self.input_dropout_rate, *rates])
        if network.outcome.stop_reason == "interrupted":
            warnings.warn(
                "Training interrupted by user. The network is as it was after epoch "
                f"{self.n_iter_}.",
                stacklevel=4,
            )
        elif network.outcome.stop_reason == "max_iter" and not incremental:
            warnings.warn(
                f"Stochastic Optimizer: Maximum iterations ({self.max_iter}) reached and "
                "the optimization hasn't converged yet.",
                ConvergenceWarning,
                stacklevel=4,
            )
        return self

    def _checked_params(self) -> dict[str, Any]:
        """Parameters in one form, or an error that says what is wrong with them."""
        params = self.get_params(deep=False)
        params["hidden_layer_sizes"] = sizes = self._hidden_layer_sizes()
        resolve_activation(self.activation)
        resolve_batch_norm(self.batch_norm)
        rates = np.asarray(self.dropout_rate)
        if rates.ndim and rates.shape != (len(sizes),):
            raise ValueError(
                f"dropout_rate={self.dropout_rate!r} has {rates.size} entries for "
                f"{len(sizes)} hidden layers; give a number, or one entry per layer."
            )
        if rates.dtype.kind not in "fiu" or not ((rates >= 0) & (rates < 1)).all():
            raise ValueError(
                f"dropout_rate={self.dropout_rate!r}: every rate must lie in [0, 1)."
            )
        params["dropout_rate"] = rates.astype(np.float64)
        is_policy = isinstance(self.learning_rate, str)
        if is_policy and self.learning_rate not in _LEARNING_RATES:
            raise unknown_name("learning_rate", self.learning_rate, _LEARNING_RATES)
        callbacks = self.callbacks
        if callbacks is None:
            callbacks = []
        elif not isinstance(callbacks, (list, tuple)):
            callbacks = [callbacks]
        params["callbacks"] = list(callbacks)
        return params

    def _hidden_layer_sizes(self) -> tuple[int, ...]:
        sizes = self.hidden_layer_sizes
        sizes = tuple(sizes) if hasattr(sizes, "__iter__") else (sizes,)
        if not all(isinstance(size, (int, np.integer)) and size > 0 for size in sizes):
            raise ValueError(
                f"hidden_layer_sizes={self.hidden_layer_sizes!r}: every size must be an "
                "integer of at least 1."
            )
        return tuple(int(size) for size in sizes)

    def _as_float32(self, values, name: str):
        """Values as float32; training is in single precision."""
        if values.dtype == np.float32:
            converted = values
        else:
            with np.errstate(over="ignore"):
                converted = values.astype(np.float32)
            data = converted.data if sparse.issparse(converted) else converted
            if not np.isfinite(data).all():
                raise ValueError(
                    f"{name} contains a value too large for float32, in which the "
                    "network is trained; scale it first."
                )
        return sparse.csr_array(converted) if sparse.issparse(converted) else converted

    def _check_weights(self, sample_weight, X) -> np.ndarray:
        weight = _check_sample_weight(
            sample_weight, X, dtype=np.float64, ensure_non_negative=True
        )
        if not weight.any():
            raise ValueError(
                "sample_weight is zero for every row; at least one row must count."
            )
        return weight

    def _check_validation(self, X_val, y_val) -> tuple[Any, np.ndarray]:
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
        return self._as_float32(X_val, "X_val"), y_val

    def _check_architecture(self, params: dict[str, Any]) -> None:
        """Training goes on only with the layers that were fitted."""
        if self._expected_architecture(params) != self._architecture:
            raise ValueError(
                "The layers have changed since the last fit (hidden_layer_sizes, "
                "activation, batch_norm, input_batch_norm or use_bias), so training "
                "cannot go on from its weights. Fit with warm_start=False first."
            )

    def _expected_architecture(self, params: dict[str, Any]) -> Architecture:
        fitted = self._architecture
        return Architecture(
            (self.n_features_in_, *params["hidden_layer_sizes"], fitted.layer_units[-1]),
            resolve_activation(params["activation"]),
            fitted.out_activation,
            bool(params["use_bias"]),
            resolve_batch_norm(params["batch_norm"]),
            bool(params["input_batch_norm"]),
        )

    def _set_fitted(self, architecture: Architecture, outcome, dtype) -> None:
        self._architecture = architecture
        weights = [values.astype(dtype, copy=False) for values in outcome.weights]
        self.coefs_, self.intercepts_, self._batch_norms = architecture.unpack(weights)
        self._optimizer_state = outcome.optimizer_state
        self._progress = progress = outcome.progress
        self.n_iter_ = outcome.n_iter
        self.n_layers_ = len(architecture.layer_units)
        self.n_outputs_ = architecture.layer_units[-1]
        self.out_activation_ = _SKLEARN_OUT_ACTIVATIONS[architecture.out_activation]
        self.t_ = progress.samples_seen
        self.history_ = progress.history
        self.loss_curve_ = progress.loss_curve
        self.loss_ = progress.loss_curve[-1] if progress.loss_curve else np.inf
        if self.early_stopping:
            self.validation_scores_ = progress.validation_scores
            self.best_validation_score_ = progress.best_score
            self.best_loss_ = None
        else:
            self.validation_scores_ = None
            self.best_validation_score_ = None
            self.best_loss_ = progress.best_loss

    # Using the fitted network

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "coefs_")

    def _weights(self) -> list[np.ndarray]:
        return self._architecture.pack(self.coefs_, self.intercepts_, self._batch_norms)

    def _float32_weights(self) -> list[np.ndarray]:
        return [values.astype(np.float32) for values in self._weights()]

    def _network_outputs(self, X, out_activation: str | None = None) -> np.ndarray:
        """Outputs for `X`, of shape (n_samples, n_outputs)."""
        check_is_fitted(self)
        X = validate_data(self, X, accept_sparse="csr", reset=False)
        architecture = self._architecture
        return inference.forward(architecture, self._weights(), X, out_activation)

    def _monte_carlo(
        self,
        X,
        n_draws: int,
        random_state,
        convert: Callable[[np.ndarray], np.ndarray],
        caller: str,
    ) -> np.ndarray:
        """Outputs with dropout on, `convert`-ed block by block of rows.

        Parameters
        ----------
        X : {ndarray, CSR} of shape (n_samples, n_features)
        n_draws : int
        random_state : int, RandomState instance or None
        convert : callable
            Maps outputs of shape (n_draws, n_rows, n_outputs) to an array of three
            dimensions whose second is the rows.
        caller : str
            Name of the public method.

        Returns
        -------
        ndarray of three dimensions, the second of them the rows
        """
        check_is_fitted(self)
        validate_parameter_constraints(
            _DRAW_CONSTRAINTS,
            {"n_draws": n_draws, "random_state": random_state},
            caller_name=f"{type(self).__name__}.{caller}",
        )
        X = validate_data(self, X, accept_sparse="csr", reset=False)
        sampler = DropoutSampler(self._architecture, self._weights(), self._dropout_rates)
        if sampler.is_deterministic:
            warnings.warn(
                f"This {type(self).__name__} was fitted without dropout, so all draws "
                "are the same. Fit it with a dropout_rate or an input_dropout_rate "
                "above 0.",
                stacklevel=3,
            )
        seed = check_random_state(random_state).randint(np.iinfo(np.int32).max)
        for rows, outputs in sampler.draw(X, n_draws, np.random.default_rng(seed)):
            block = convert(outputs)
            if rows.start == 0:
                shape = (block.shape[0], X.shape[0], block.shape[2])
                result = np.empty(shape, block.dtype)
            result[:, rows] = block
        return result

    def to_keras(self):
        """Build the fitted network as a plain Keras model.

        Returns
        -------
        keras.Sequential
            Stock layers with the fitted weights, in float32; not compiled. It maps
            arrays of shape (n_samples, n_features) to (n_samples, n_outputs): the
            probability of each class (of the second of two classes, of each label), or
            the predicted values.
        """
        check_is_fitted(self)
        from ._layers import to_sequential

        return to_sequential(
            self._architecture,
            self._dropout_rates,
            self._float32_weights(),
            self._progress.seed,
        )

    # Pickling

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        if hasattr(self, "coefs_"):
            self._check_arrays()

    def _check_arrays(self) -> None:
        """Raise unless the arrays are those of the hyperparameters."""
        try:
            expected = self._expected_architecture(self._checked_params())
            shapes = [values.shape for values in self._weights()]
        except (AttributeError, LookupError, TypeError, ValueError) as error:
            raise ValueError(
                f"This {type(self).__name__} was not saved whole: {error}"
            ) from error
        expected_shapes = [spec.shape for spec in expected.weight_specs]
        if shapes != expected_shapes:
            raise ValueError(
                f"The fitted arrays of this {type(self).__name__} have the shapes "
                f"{shapes}, but its hyperparameters ask for {expected_shapes}. "
                "Fit it again."
            )

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags

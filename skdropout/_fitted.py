"""What a fitted estimator is, and does: NumPy arrays and plain Python values.

No class of ours stands in the state of a fitted estimator, so that pickles survive a move
of our code, and loaders that trust only what is named need trust nothing else.
"""

import copy
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from numbers import Integral
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import Interval, validate_parameter_constraints
from sklearn.utils.validation import check_is_fitted, validate_data

from ._output import warn
from ._saved_parameters import as_given, as_saved, is_optimizer
from ._sklearn_export import to_mlp
from .network.activations import ACTIVATIONS
from .network.architecture import BATCH_NORM_PLACES, Architecture
from .network.inference import forward
from .network.monte_carlo import DropoutSampler
from .training.task import OptimizerState, Outcome, Progress

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


class FittedNetwork(BaseEstimator):
    """The fitted attributes of both estimators, prediction, export and pickling."""

    coefs_: list[np.ndarray]
    intercepts_: list[np.ndarray]
    n_features_in_: int
    n_iter_: int
    validation_scores_: list[float] | None
    best_validation_score_: float | None
    best_loss_: float | None
    scoring: Any
    _loss_name: str  # key of ``ROW_LOSSES``, for the targets seen
    _n_network_outputs: int
    optimizer: Any

    def _set_fitted(self, network, dtype, *, goes_on: bool) -> None:
        """Take over a trained network; weights in `dtype`.

        Where it `goes_on`, its figures are those after the present ones.
        """
        architecture: Architecture = network.architecture
        outcome: Outcome = network.outcome
        weights = [values.astype(dtype, copy=False) for values in outcome.weights]
        self.coefs_, self.intercepts_, self._batch_norms = architecture.unpack(weights)
        self._architecture_state = architecture.to_state()
        self._dropout_rates = np.array(network.dropout_rates)
        self._optimizer_state = outcome.optimizer_state._asdict()
        progress = outcome.progress
        if goes_on:
            progress.put_behind(self._progress())
        self._progress_state = dict(vars(progress))
        self.n_iter_ = outcome.n_iter
        self.n_layers_ = len(architecture.layer_units)
        self.n_outputs_ = architecture.layer_units[-1]
        self.out_activation_ = _SKLEARN_OUT_ACTIVATIONS[architecture.out_activation]
        self.t_ = progress.samples_seen
        self.history_ = progress.history
        self.loss_curve_ = progress.loss_curve
        self.loss_ = progress.loss_curve[-1] if progress.loss_curve else np.inf
        self._scored_by = self._asked_score
        if network.early_stopping:
            self.validation_scores_ = progress.validation_scores
            self.best_validation_score_ = progress.best_score
            self.best_loss_ = None
        else:
            self.validation_scores_ = None
            self.best_validation_score_ = None
            self.best_loss_ = progress.best_loss

    @contextmanager
    def _as_before_on_error(self) -> Iterator[None]:
        """After an error or an interrupt within, every attribute is what it was before.

        So nothing that an attribute holds may be written to: all is put in its place, but
        for the lists of figures, which grow.
        """
        before = vars(self).copy()
        take_back = self._progress().mark() if hasattr(self, "_progress_state") else None
        try:
            yield
        except BaseException:
            self.__dict__ = before  # in one go: another interrupt may come
            if take_back is not None:
                take_back()
            raise

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "coefs_")

    # The network, of the state

    @property
    def _architecture(self) -> Architecture:
        return Architecture.from_state(self._architecture_state)

    def _weights(self) -> list[np.ndarray]:
        return self._architecture.pack(self.coefs_, self.intercepts_, self._batch_norms)

    def _float32_weights(self) -> list[np.ndarray]:
        return [values.astype(np.float32) for values in self._weights()]

    def _progress(self) -> Progress:
        """With the lists of the state."""
        return Progress(**self._progress_state)

    def _optimizer(self) -> OptimizerState:
        return OptimizerState(**self._optimizer_state)

    def _expected_architecture(self, params: dict[str, Any]) -> Architecture:
        """What checked parameters ask for, with the inputs and outputs of the fit."""
        fitted = self._architecture
        return Architecture(
            (self.n_features_in_, *params["hidden_layer_sizes"], fitted.layer_units[-1]),
            params["activation"],
            fitted.out_activation,
            bool(params["use_bias"]),
            params["batch_norm"],
            bool(params["input_batch_norm"]),
        )

    @property
    def _asked_score(self) -> Any:
        """What tells the score that early stopping is to go by from another."""
        is_loss = isinstance(self.scoring, str) and self.scoring == "loss"
        return self._loss_name if is_loss else self.scoring

    # Prediction

    def _rows(self, X):
        """Rows as an array or CSR matrix of floats, as given or as the network's."""
        types = self.coefs_[0].dtype, np.float64, np.float32
        return validate_data(self, X, accept_sparse="csr", dtype=types, reset=False)

    def _network_outputs(self, X, out_activation: str | None = None) -> np.ndarray:
        """Outputs for `X`, of shape (n_samples, n_outputs)."""
        check_is_fitted(self)
        X = self._rows(X)
        return forward(self._architecture, self._weights(), X, out_activation)

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
        X = self._rows(X)
        sampler = DropoutSampler(self._architecture, self._weights(), self._dropout_rates)
        if sampler.is_deterministic:
            warn(
                f"This {type(self).__name__} was fitted without dropout, so all draws "
                "are the same. Fit it with a dropout_rate or an input_dropout_rate "
                "above 0.",
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
            the predicted values, in the unit of the targets.

        Examples
        --------
        >>> from sklearn.datasets import load_iris
        >>> from skdropout import DropoutMLPClassifier
        >>> X, y = load_iris(return_X_y=True)
        >>> mlp = DropoutMLPClassifier((16,), random_state=0).fit(X, y)
        >>> model = mlp.to_keras()
        >>> [type(layer).__name__ for layer in model.layers]
        ['Dense', 'Activation', 'Dropout', 'Dense', 'Activation']
        >>> bool(abs(model.predict(X, verbose=0) - mlp.predict_proba(X)).max() < 1e-5)
        True
        """
        check_is_fitted(self)
        from .network.keras_layers import to_sequential

        return to_sequential(
            self._architecture,
            self._dropout_rates,
            self._float32_weights(),
            self._progress_state["seed"],
            self._float32_rescaling(),
        )

    def to_sklearn(self):
        """Build the fitted network as scikit-learn's own MLP.

        It needs neither this package nor TensorFlow, only scikit-learn. Batch
        normalisation, whose place does not matter, and the unit of the targets are folded
        into its ``coefs_`` and ``intercepts_``, then in double precision. Losses and
        scores are those of this fit. Layers are those of the fit too; other parameters
        that both have, are those of the next fit. `optimizer` becomes a `solver`,
        ``'sgd'`` or ``'adam'``.

        Returns
        -------
        MLPClassifier or MLPRegressor
            Fitted, sharing no array with this estimator. Its predictions are the same, up
            to rounding.

        Raises
        ------
        ValueError
            If scikit-learn's MLP lacks the activation of the hidden layers: it has
            ``'identity'``, ``'logistic'``, ``'tanh'`` and ``'relu'``; or, before
            scikit-learn 1.7, the exponential output of ``loss='poisson'``.

        Examples
        --------
        >>> from sklearn.datasets import load_iris
        >>> from skdropout import DropoutMLPClassifier
        >>> X, y = load_iris(return_X_y=True)
        >>> mlp = DropoutMLPClassifier((16,), batch_norm=True, random_state=0).fit(X, y)
        >>> theirs = mlp.to_sklearn()
        >>> type(theirs).__name__
        'MLPClassifier'
        >>> bool(abs(theirs.predict_proba(X) - mlp.predict_proba(X)).max() < 1e-6)
        True
        """
        check_is_fitted(self)
        return to_mlp(self)

    def _rescaling(self) -> tuple[np.ndarray, np.ndarray] | None:
        """What the outputs are multiplied by, and what is added; None for neither."""
        return None

    def _float32_rescaling(self) -> tuple[np.ndarray, np.ndarray] | None:
        """The same, or an error where it is not finite in single precision."""
        return None

    # Copies and pickles. Keras's own of an optimizer are not whole.

    def __sklearn_clone__(self):
        if not is_optimizer(self.optimizer):
            return super().__sklearn_clone__()
        from .training.optimizer_copies import made_from, state_of

        shell = object.__new__(type(self))
        vars(shell).update(vars(self), optimizer="adam")
        twin = super(FittedNetwork, shell).__sklearn_clone__()
        twin.optimizer = made_from(state_of(self.optimizer))
        return twin

    def __getstate__(self) -> dict[str, Any]:
        state = as_saved(super().__getstate__())
        if (
            callable(scored_by := state.get("_scored_by"))
            and scored_by is not self.scoring
        ):
            state["_scored_by"] = "another"  # which need not be one that can be pickled
        return state

    def __copy__(self):
        # Its lists of figures are its own, as a later call appends to them.
        twin = type(self).__new__(type(self))
        vars(twin).update(vars(self))
        names = ("_progress_state", "loss_curve_", "validation_scores_", "history_")
        shown = {name: value for name, value in vars(self).items() if name in names}
        vars(twin).update(copy.deepcopy(shown))
        return twin

    def __setstate__(self, state: dict[str, Any]) -> None:
        odd: list[Any] = [state]
        if isinstance(state, dict):
            odd = [name for name in state if not self._may_be_attribute(name)]
        if odd:
            raise ValueError(
                f"This {type(self).__name__} was not saved by skdropout: its state is no "
                f"dictionary of attributes, but has {odd[0]!r}."
            )
        super().__setstate__(as_given(state))
        if state.keys() & {"coefs_", "_architecture_state"}:
            self._check_arrays()

    def _may_be_attribute(self, name: Any) -> bool:
        """Whether a value of that name takes no method's place."""
        return isinstance(name, str) and not callable(getattr(type(self), name, None))

    def _check_arrays(self) -> None:
        """Raise unless the state is whole and its arrays are those of its network.

        The parameters may have been changed since the fit: they are of the next one.
        """
        try:
            network = self._architecture
            weights = self._weights()
            by_layer = self.coefs_, self.intercepts_, self._dropout_rates
            lengths = {len(values) for values in by_layer}
            sizes = (
                *(self.n_features_in_, self._n_network_outputs, self.n_outputs_),
                *(self.n_layers_, len(self._batch_norms)),
            )
            has_known_names = (
                network.activation in ACTIVATIONS
                and _SKLEARN_OUT_ACTIVATIONS[network.out_activation]
                == self.out_activation_
                and network.batch_norm in (None, *BATCH_NORM_PLACES)
            )
            others = [self._dropout_rates, *self._optimizer().arrays]
            self._progress()
        except (AttributeError, LookupError, TypeError, ValueError) as error:
            raise ValueError(
                f"This {type(self).__name__} was not saved whole: {error}"
            ) from error
        if not has_known_names:
            raise ValueError(
                f"This {type(self).__name__} was not saved by skdropout: its network is "
                f"{network}, with a name that is not known."
            )
        odd = [values for values in weights if not _is_array(values, "f")]
        odd += [values for values in others if not _is_array(values, "biuf")]
        if odd:
            raise ValueError(
                f"This {type(self).__name__} was not saved by skdropout: it has "
                f"{odd[0]!r} in the place of an array of numbers."
            )
        shapes = [values.shape for values in weights]
        expected_shapes = [spec.shape for spec in network.weight_specs]
        units = network.layer_units
        n_norms = sum(layer.kind == "batch_norm" for layer in network.layers)
        if (shapes, lengths, sizes) != (
            expected_shapes,
            {len(units) - 1},
            (units[0], units[-1], units[-1], len(units), n_norms),
        ):
            raise ValueError(
                f"This {type(self).__name__} was not saved whole: what it holds does "
                f"not fit together. Its arrays have the shapes {shapes}, those of its "
                f"network {expected_shapes}."
            )


def _is_array(values: Any, kinds: str) -> bool:
    """Whether these are numbers of NumPy's, of one of these kinds of types."""
    return isinstance(values, (np.ndarray, np.generic)) and values.dtype.kind in kinds

"""A fitted network as scikit-learn's own MLP."""

import copy
from typing import Any

import numpy as np
from scipy import sparse
from sklearn.base import is_classifier
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.preprocessing import LabelBinarizer

from ._names import SKLEARN_ACTIVATIONS
from .network.folding import folded

_ACTIVATIONS = ("identity", "logistic", "tanh", "relu")
# Fitted attributes that both have, of the same meaning.
_SHARED_ATTRIBUTES = (
    "n_features_in_",
    "feature_names_in_",
    "classes_",
    "n_layers_",
    "n_outputs_",
    "out_activation_",
    "n_iter_",
    "t_",
    "loss_",
    "best_loss_",
    "loss_curve_",
    "validation_scores_",
    "best_validation_score_",
)


def to_mlp(estimator) -> MLPClassifier | MLPRegressor:
    """scikit-learn's MLP that predicts what a fitted estimator predicts.

    Parameters
    ----------
    estimator : DropoutMLPClassifier or DropoutMLPRegressor
        Fitted. The result shares no array or list with it.

    Returns
    -------
    MLPClassifier or MLPRegressor

    Raises
    ------
    ValueError
        If scikit-learn's MLP lacks an activation of the network.
    """
    kind = MLPClassifier if is_classifier(estimator) else MLPRegressor
    mlp = kind(**_params(estimator, kind))
    for name in _SHARED_ATTRIBUTES:
        if hasattr(estimator, name):
            setattr(mlp, name, copy.deepcopy(getattr(estimator, name)))
    mlp.coefs_, mlp.intercepts_ = _dense_layers(estimator)
    # What scikit-learn goes on from in partial_fit and warm starts.
    mlp._no_improvement_count = 0
    mlp._best_coefs = [values.copy() for values in mlp.coefs_]
    mlp._best_intercepts = [values.copy() for values in mlp.intercepts_]
    if is_classifier(estimator):
        mlp._label_binarizer = _label_binarizer(estimator)
    return mlp


def _params(estimator, kind: type) -> dict[str, Any]:
    """Constructor parameters: of the layers those of the fit, else those of the next."""
    network = estimator._architecture
    defaults = kind().get_params()
    params = {
        name: copy.deepcopy(value)
        for name, value in estimator.get_params(deep=False).items()
        if name in defaults
    }
    params["hidden_layer_sizes"] = network.layer_units[1:-1]
    params["activation"] = _activation(network)
    optimizer = estimator.optimizer
    if not isinstance(optimizer, (str, type)):
        optimizer = type(optimizer)
    name = optimizer if isinstance(optimizer, str) else optimizer.__name__
    params["solver"] = "sgd" if name.lower() == "sgd" else "adam"
    params["early_stopping"] = estimator.validation_scores_ is not None
    if not isinstance(params["learning_rate"], str):  # a schedule of Keras's
        params["learning_rate"] = defaults["learning_rate"]
    if kind is MLPRegressor:
        is_poisson = network.out_activation == "exponential"
        if is_poisson and "loss" not in defaults:
            raise ValueError(
                "loss='poisson': the MLPRegressor of the installed scikit-learn has no "
                "exponential output; that of scikit-learn 1.7 and later has. to_keras() "
                "exports networks of every loss."
            )
        if "loss" in defaults:
            params["loss"] = "poisson" if is_poisson else "squared_error"
    return params


def _activation(network) -> str:
    """scikit-learn's name of the hidden activation."""
    names = {keras_name: name for name, keras_name in SKLEARN_ACTIVATIONS.items()}
    name = names.get(network.activation, network.activation)
    if name in _ACTIVATIONS:
        return name
    if len(network.layer_units) == 2:  # no layer has it
        return "identity"
    raise ValueError(
        f"activation={name!r}: scikit-learn's MLP has only "
        f"{', '.join(map(repr, _ACTIVATIONS))}. to_keras() exports networks of every "
        "activation."
    )


def _dense_layers(estimator) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Coefficients and intercepts, in double precision where anything is folded."""
    rescaling = estimator._rescaling()
    _, coefs, intercepts = folded(
        estimator._architecture, estimator._weights(), rescaling
    ).moved_to(None)
    if estimator._batch_norms or rescaling is not None:
        return coefs, intercepts
    dtype = estimator.coefs_[0].dtype
    return [w.astype(dtype) for w in coefs], [b.astype(dtype) for b in intercepts]


def _label_binarizer(estimator) -> LabelBinarizer:
    if estimator._is_multilabel:
        labels = np.eye(estimator.n_outputs_, dtype=int)
        return LabelBinarizer().fit(
            sparse.csr_matrix(labels) if estimator._has_sparse_targets else labels
        )
    # Classes that come once each would be taken for values, with a warning.
    return LabelBinarizer().fit(np.repeat(estimator.classes_, 3))

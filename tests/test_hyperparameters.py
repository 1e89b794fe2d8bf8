"""The table of hyperparameters against the constructors and against what is stacked."""

import inspect

import keras
import numpy as np
import pytest
from sklearn.model_selection import GridSearchCV

from helpers import trained_sizes
from skdropout import DropoutMLPClassifier, DropoutMLPRegressor, fused_training
from skdropout._hyperparameters import HYPERPARAMETERS

# Two values of each; and what the others must be for them to count.
VALUES = {
    "hidden_layer_sizes": [(8,), (9,)],
    "activation": ["relu", "tanh"],
    "dropout_rate": [0.0, 0.5],
    "input_dropout_rate": [0.1, 0.2],
    "batch_norm": [False, True],
    "input_batch_norm": [False, True],
    "initializer": ["he_normal", "zeros"],
    "use_bias": [True, False],
    "optimizer": ["sgd", "adam"],
    "learning_rate_init": [0.1, 0.01],
    "momentum": [0.5, 0.9],
    "nesterovs_momentum": [True, False],
    "beta_1": [0.8, 0.9],
    "beta_2": [0.9, 0.99],
    "epsilon": [1e-8, 1e-4],
    "alpha": [0.0, 1.0],
    "weight_decay": [0.0, 1.0],
    "label_smoothing": [0.0, 0.1],
    "learning_rate": ["constant", "invscaling"],
    "power_t": [0.5, 0.25],
    "batch_size": [64, 70],
    "max_iter": [2, 3],
    "shuffle": [True, False],
    "tol": [0.0, 1.0],
    "n_iter_no_change": [1, 5],
    "early_stopping": [True, False],
    "scoring": ["loss", "f1_macro"],
    "validation_fraction": [0.1, 0.11],
    "callbacks": [None, keras.callbacks.Callback()],
    "verbose": [False, True],
    "random_state": [0, 1],
    "warm_start": [False, True],
}
OTHERS = {
    "momentum": {"optimizer": "sgd"},
    "nesterovs_momentum": {"optimizer": "sgd"},
    "power_t": {"learning_rate": "invscaling"},
    "scoring": {"early_stopping": True},
    "validation_fraction": {"early_stopping": True},
}
# There is one of it in most places.
WITHOUT_VALUES = {"device"}


@pytest.mark.parametrize("kind", [DropoutMLPClassifier, DropoutMLPRegressor])
def test_every_argument_has_a_row(kind):
    names = set(inspect.signature(kind).parameters)
    is_classifier = kind is DropoutMLPClassifier
    own = {"class_weight"} if is_classifier else {"loss", "normalize_y"}
    rows = [row.name for row in HYPERPARAMETERS]
    assert len(rows) == len(set(rows))
    assert names - set(rows) == own
    assert set(rows) - names == (set() if is_classifier else {"label_smoothing"})
    assert {*VALUES, *WITHOUT_VALUES} == set(rows)


@pytest.mark.filterwarnings("ignore:Stochastic Optimizer")
@pytest.mark.parametrize(
    "row",
    [row for row in HYPERPARAMETERS if row.name not in WITHOUT_VALUES],
    ids=lambda row: row.name,
)
def test_networks_of_a_stack_agree_in_what_belongs_to_the_key(
    row, iris, stacks, without_xla
):
    est = DropoutMLPClassifier((8,), max_iter=2, batch_size=64, random_state=0)
    est.set_params(**OTHERS.get(row.name, {}))
    split = [(np.arange(150), np.arange(150))]
    search = GridSearchCV(est, {row.name: VALUES[row.name]}, cv=split, refit=False)
    with fused_training():
        search.fit(*iris)
    assert len(trained_sizes(stacks)) == (2 if row.acts == "key" else 1)

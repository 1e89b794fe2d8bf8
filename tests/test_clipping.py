"""Clipping of gradients against Keras's optimizers, and in stacks."""

import keras
import numpy as np
import pytest
from sklearn.model_selection import GridSearchCV

from helpers import assert_same_network, trained_sizes
from skdropout import DropoutMLPClassifier, DropoutMLPRegressor, fused_training
from test_against_keras import (
    BATCH,
    OPTIMIZERS,
    UNSTACKABLE,
    assert_same_weights,
    estimator,
    fit_both,
    keras_model,
)
from test_bad_input import assert_refused

CLIPNORM = 0.05
LOSS = "sparse_categorical_crossentropy"

pytestmark = pytest.mark.filterwarnings("ignore:Stochastic Optimizer")


@pytest.mark.parametrize(
    ("name", "batch_norm"),
    [
        ("plain SGD", False),
        ("SGD with momentum", "after_activation"),
        ("Adam", False),
        ("AdamW", False),
        ("RMSprop", False),
        ("Adagrad", "before_activation"),
        ("Lamb", False),
        ("Adam with clipvalue", False),
        ("Adam with clipnorm", False),
        ("Adam with global_clipnorm", False),
        ("Adam with accumulation", False),
    ],
)
def test_as_keras_trains(iris, name, batch_norm):
    X, y = iris[0].astype(np.float32), iris[1]
    make = {**OPTIMIZERS, **UNSTACKABLE}[name]
    est = estimator(DropoutMLPClassifier, make(), batch_norm, clipnorm=CLIPNORM)
    model = keras_model(4, 3, "softmax", batch_norm)
    theirs = make()  # ours takes the place of its own clipping
    theirs.clipnorm, theirs.clipvalue, theirs.global_clipnorm = CLIPNORM, None, None
    fit_both(est, model, X, y, theirs, LOSS)
    assert_same_weights(est, model)


@pytest.mark.parametrize("sizes", [(), (64, 48)])  # kernels small and large
def test_the_penalty_is_clipped_too(iris, sizes):
    X, y = iris[0][:144].astype(np.float32), iris[1][:144]  # batches of 16
    est = estimator(DropoutMLPClassifier, "sgd", learning_rate_init=0.1, momentum=0.0)
    est.set_params(hidden_layer_sizes=sizes, alpha=5.0, clipnorm=CLIPNORM)
    model = keras_model(4, 3, "softmax", False, sizes)
    for layer in model.layers:
        if isinstance(layer, keras.layers.Dense):
            layer.kernel.regularizer = keras.regularizers.L2(0.5 * 5.0 / BATCH)
    fit_both(est, model, X, y, keras.optimizers.SGD(0.1, clipnorm=CLIPNORM), LOSS)
    assert_same_weights(est, model)


def test_length_of_a_step(curve):
    X, y = curve[0], 100 * curve[0][:, :2]
    est = DropoutMLPRegressor(
        (40,), optimizer="sgd", momentum=0.0, alpha=0.0, dropout_rate=0.0
    )
    est.set_params(learning_rate_init=0.5, max_iter=1, batch_size=200, random_state=0)
    est.set_params(warm_start=True, clipnorm=1e-9).fit(X, y)
    before = [values.copy() for values in (*est.coefs_, *est.intercepts_)]
    est.set_params(clipnorm=CLIPNORM).fit(X, y)
    for new, old in zip((*est.coefs_, *est.intercepts_), before, strict=True):
        np.testing.assert_allclose(np.linalg.norm(new - old), 0.5 * CLIPNORM, rtol=1e-3)


class Plain(keras.optimizers.SGD):
    """Does not know of clipping."""

    def __init__(self, learning_rate=0.1):
        super().__init__(learning_rate)

    def get_config(self):
        return {"learning_rate": float(self.learning_rate)}


def test_an_optimizer_that_takes_no_clipnorm(iris):
    X, y = iris[0].astype(np.float32), iris[1]
    ests = [
        estimator(DropoutMLPClassifier, optimizer, clipnorm=CLIPNORM).fit(X, y)
        for optimizer in (Plain(0.1), keras.optimizers.SGD(0.1))
    ]
    assert_same_network(*ests, rtol=1e-4, atol=1e-6)


def fitted_in_search(grid, X, y):
    """The networks of a search on all rows, in the order of its candidates."""
    est = DropoutMLPClassifier((12,), max_iter=5, learning_rate_init=0.01, random_state=0)
    networks = {}
    search = GridSearchCV(
        est,
        grid,
        cv=[(np.arange(len(y)), np.arange(len(y)))],
        scoring=lambda est, X, y: networks.setdefault(id(est), est) and 0,
        refit=False,
    )
    search.fit(X, y)
    return list(networks.values())


@pytest.mark.parametrize(
    "grid",
    [
        {"clipnorm": [None, 0.01, 0.1]},
        {"optimizer": [keras.optimizers.Adam(0.01, clipnorm=c) for c in (None, 1e-3, 1)]},
    ],
    ids=["parameter", "instances"],
)
def test_in_one_stack_each_network_has_its_own(iris, grid, capfd, without_xla):
    with fused_training(progress=True):
        fused = fitted_in_search(grid, *iris)
    assert trained_sizes(capfd) == [3]
    alone = fitted_in_search(grid, *iris)
    for one, other in zip(fused, alone, strict=True):
        assert_same_network(one, other)
    assert not np.allclose(fused[0].coefs_[0], fused[1].coefs_[0])


@pytest.mark.parametrize(
    "clipping", [{"clipnorm": 1e30}, {"clipnorm": 1e300}, {"global_clipnorm": 1e30}]
)
def test_a_large_bound_changes_nothing(iris, clipping, without_xla):
    ests = [
        DropoutMLPClassifier((8,), max_iter=3, optimizer=optimizer, random_state=0)
        for optimizer in (
            keras.optimizers.Adam(0.01),
            keras.optimizers.Adam(0.01, **clipping),
        )
    ]
    assert_same_network(*(est.fit(*iris) for est in ests))


@pytest.mark.parametrize("value", [0, -1.0, np.nan, np.inf, "0.1"])
@pytest.mark.parametrize("kind", [DropoutMLPClassifier, DropoutMLPRegressor])
def test_bad_value(iris, kind, value):
    words = ["clipnorm", str(value), r"\(0.0, inf\)", "None"]
    assert_refused(kind(clipnorm=value), *iris, words)

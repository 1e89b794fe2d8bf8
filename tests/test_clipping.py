"""Clipping of gradients by optimizer instances: the penalty too, and in stacks."""

import keras
import numpy as np
import pytest
from sklearn.model_selection import GridSearchCV

from helpers import assert_same_network, trained_sizes
from skdropout import DropoutMLPClassifier, DropoutMLPRegressor, fused_training
from test_against_keras import (
    BATCH,
    assert_same_weights,
    estimator,
    fit_both,
    keras_model,
)

CLIPNORM = 0.05
LOSS = "sparse_categorical_crossentropy"

pytestmark = pytest.mark.filterwarnings("ignore:Stochastic Optimizer")


@pytest.mark.parametrize("sizes", [(), (64, 48)])  # kernels small and large
def test_the_penalty_is_clipped_too(iris, sizes):
    X, y = iris[0][:144].astype(np.float32), iris[1][:144]  # batches of 16
    est = estimator(DropoutMLPClassifier, keras.optimizers.SGD(0.1, clipnorm=CLIPNORM))
    est.set_params(hidden_layer_sizes=sizes, alpha=5.0)
    model = keras_model(4, 3, "softmax", False, sizes)
    for layer in model.layers:
        if isinstance(layer, keras.layers.Dense):
            layer.kernel.regularizer = keras.regularizers.L2(0.5 * 5.0 / BATCH)
    fit_both(est, model, X, y, keras.optimizers.SGD(0.1, clipnorm=CLIPNORM), LOSS)
    assert_same_weights(est, model)


def test_length_of_a_step(curve):
    X, y = curve[0], 100 * curve[0][:, :2]
    est = DropoutMLPRegressor((40,), alpha=0.0, dropout_rate=0.0, warm_start=True)
    est.set_params(optimizer=keras.optimizers.SGD(0.5, clipnorm=1e-9))
    est.set_params(max_iter=1, batch_size=200, random_state=0).fit(X, y)
    before = [values.copy() for values in (*est.coefs_, *est.intercepts_)]
    est.set_params(optimizer=keras.optimizers.SGD(0.5, clipnorm=CLIPNORM)).fit(X, y)
    for new, old in zip((*est.coefs_, *est.intercepts_), before, strict=True):
        np.testing.assert_allclose(np.linalg.norm(new - old), 0.5 * CLIPNORM, rtol=1e-3)


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


def test_in_one_stack_each_network_has_its_own(iris, stacks, without_xla):
    bounds = (None, 1e-3, 1)
    grid = {"optimizer": [keras.optimizers.Adam(0.01, clipnorm=c) for c in bounds]}
    with fused_training():
        fused = fitted_in_search(grid, *iris)
    assert trained_sizes(stacks) == [3]
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

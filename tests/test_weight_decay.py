"""Decoupled weight decay against Keras's, which leaves out all but the kernels."""

import keras
import numpy as np
import pytest

from helpers import trained_sizes
from skdropout import DropoutMLPClassifier, DropoutMLPRegressor, fused_training
from test_against_keras import (
    OPTIMIZERS,
    UNSTACKABLE,
    assert_same_weights,
    estimator,
    fit_both,
    keras_model,
)

DECAY = 0.3

pytestmark = pytest.mark.filterwarnings("ignore:Stochastic Optimizer")


def keras_optimizer(make, model):
    """Keras's optimizer with its own decay, on the kernels alone."""
    optimizer = make()
    optimizer.weight_decay = DECAY
    kernels = {id(v.kernel) for v in model.layers if isinstance(v, keras.layers.Dense)}
    others = [v for v in model.trainable_variables if id(v) not in kernels]
    optimizer.exclude_from_weight_decay(var_list=others)
    return optimizer


@pytest.mark.parametrize(
    ("name", "batch_norm"),
    [(name, False) for name in (*OPTIMIZERS, *UNSTACKABLE)]
    + [(name, "after_activation") for name in ("SGD with momentum", "AdamW", "Lamb")],
)
def test_every_optimizer(iris, name, batch_norm):
    X, y = iris[0].astype(np.float32), iris[1]
    make = {**OPTIMIZERS, **UNSTACKABLE}[name]
    est = estimator(DropoutMLPClassifier, make(), batch_norm, weight_decay=DECAY)
    model = keras_model(4, 3, "softmax", batch_norm)
    theirs = keras_optimizer(make, model)
    fit_both(est, model, X, y, theirs, "sparse_categorical_crossentropy")
    assert_same_weights(est, model)


@pytest.mark.parametrize("sizes", [(), (7,), (64, 48)])  # kernels small and large
def test_layer_sizes(iris, sizes):
    X, y = iris[0].astype(np.float32), iris[0][:, 1].astype(np.float32)
    est = estimator(DropoutMLPRegressor, "adam", learning_rate_init=0.01)
    est.set_params(hidden_layer_sizes=sizes, weight_decay=DECAY, epsilon=1e-7)
    model = keras_model(4, 1, "linear", False, sizes)
    theirs = keras_optimizer(OPTIMIZERS["Adam"], model)
    # Keras's mean squared error is twice the loss of scikit-learn's MLP.
    fit_both(est, model, X, y, theirs, lambda t, p: 0.5 * (t - p) ** 2)
    assert_same_weights(est, model)


def kernels(est):
    return np.concatenate([kernel.ravel() for kernel in est.coefs_])


@pytest.mark.parametrize("optimizer", ["adamw", keras.optimizers.AdamW(0.001)])
def test_takes_the_place_of_the_optimizers_own(iris, optimizer):
    def fit(optimizer, weight_decay):
        est = estimator(DropoutMLPClassifier, optimizer, weight_decay=weight_decay)
        est.set_params(learning_rate_init=0.001, epsilon=1e-7)
        return kernels(est.fit(*iris))

    with_own, without = fit(optimizer, 0.0), fit("adam", 0.0)
    assert abs(with_own - without).max() > 1e-7
    np.testing.assert_allclose(fit(optimizer, DECAY), fit("adam", DECAY), rtol=1e-5)


def test_in_one_stack_each_network_has_its_own(iris, stacks, without_xla):
    from sklearn.model_selection import GridSearchCV

    decays = [0.0, 0.1, 3.0]
    est = DropoutMLPClassifier((12,), max_iter=5, learning_rate_init=0.01, random_state=0)
    split = [(np.arange(150), np.arange(150))]
    search = GridSearchCV(est, {"weight_decay": decays}, cv=split, refit=False)
    with fused_training():
        together = search.fit(*iris).cv_results_["mean_test_score"]
    assert trained_sizes(stacks) == [3]
    alone = search.fit(*iris).cv_results_["mean_test_score"]
    np.testing.assert_array_equal(together, alone)
    sizes = [
        np.abs(kernels(est.set_params(weight_decay=d).fit(*iris))).sum() for d in decays
    ]
    assert sizes == sorted(sizes, reverse=True)


@pytest.mark.parametrize("value", [-0.1, np.nan, np.inf, "0.1", None])
def test_bad_value(iris, value):
    est = DropoutMLPClassifier(weight_decay=value)
    with pytest.raises((ValueError, TypeError), match=f"weight_decay.*{value}"):
        est.fit(*iris)

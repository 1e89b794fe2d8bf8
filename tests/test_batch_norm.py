"""Batch normalisation where Keras is no oracle: padding, single rows, inputs."""

import numpy as np
import pytest
from sklearn.datasets import load_wine
from sklearn.model_selection import train_test_split

from skdropout import DropoutMLPClassifier, DropoutMLPRegressor

pytestmark = pytest.mark.filterwarnings("ignore:Stochastic Optimizer")


def test_last_batch_of_one_row(iris):
    X, y = iris[0][:49], iris[1][:49]
    est = DropoutMLPClassifier(
        (8,), batch_norm=True, batch_size=16, max_iter=5, random_state=0
    ).fit(X, y)
    assert np.isfinite(est.predict_proba(X)).all()
    assert np.isfinite(est.loss_curve_).all()


def test_input_batch_norm_scales_the_inputs(curve):
    X, y = curve
    shifted = X * [1e3, 10.0, 50.0] + [1e4, -3.0, 700.0]
    params = {
        "hidden_layer_sizes": (32,),
        "dropout_rate": 0.0,
        "batch_size": 20,
        "max_iter": 150,
        "n_iter_no_change": 150,
        "random_state": 0,
        "learning_rate_init": 0.01,
    }
    raw = DropoutMLPRegressor(**params).fit(shifted, y)
    adaptive = DropoutMLPRegressor(input_batch_norm=True, **params).fit(shifted, y)
    assert adaptive.score(shifted, y) > 0.9 > raw.score(shifted, y)


def test_moving_statistics_are_those_of_the_real_rows():
    # A batch of 13 rows is padded inside; the padding repeats row 0 and must not count.
    rng = np.random.default_rng(0)
    X = rng.normal(3.0, 2.0, (13, 2)).astype(np.float32)
    X[0] = 1e3
    est = DropoutMLPRegressor((), input_batch_norm=True, max_iter=1, random_state=0)
    est.fit(X, np.zeros(13))
    norm = est.to_keras().layers[0]
    np.testing.assert_allclose(norm.moving_mean, X.mean(axis=0), rtol=1e-5)
    np.testing.assert_allclose(norm.moving_variance, X.var(axis=0), rtol=1e-5)


@pytest.mark.parametrize("place", [True, "after_activation", "after_dropout"])
def test_repeated_fit_is_the_same(iris, place):
    X, y = iris
    est = DropoutMLPClassifier((8,), batch_norm=place, max_iter=3, random_state=0)
    first = est.fit(X, y).predict_proba(X)
    np.testing.assert_array_equal(est.fit(X, y).predict_proba(X), first)


@pytest.mark.parametrize("optimizer", ["adam", "lamb"])  # lamb: by Keras's own fit
def test_features_with_an_offset(optimizer):
    X = np.random.default_rng(0).normal(size=(300, 10)) + 100
    y = X[:, 0] + X[:, 1] > 200
    est = DropoutMLPClassifier(
        (100,),
        input_batch_norm=True,
        optimizer=optimizer,
        batch_size="auto",
        learning_rate="constant",
        early_stopping=False,
        learning_rate_init={"adam": 0.001, "lamb": 0.01}[optimizer],
        random_state=0,
    )
    assert est.fit(X, y).score(X, y) > 0.97


@pytest.mark.parametrize(
    ("batch_norm", "early_stopping"), [(False, False), (False, True), (True, False)]
)
def test_small_data_on_their_own_scale(batch_norm, early_stopping):
    X, _, y, _ = train_test_split(*load_wine(return_X_y=True), random_state=1)
    est = DropoutMLPClassifier(
        (32,),
        input_batch_norm=True,
        batch_norm=batch_norm,
        batch_size="auto",
        learning_rate="constant",
        learning_rate_init=0.01,
        n_iter_no_change=50,
        early_stopping=early_stopping,
        random_state=0,
    )
    assert est.fit(X, y).score(X, y) > 0.95


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_inputs_far_from_zero_keep_their_digits(dtype):
    rng = np.random.default_rng(0)
    X = (1e5 + rng.normal(size=(200, 3))).astype(np.float32)
    est = DropoutMLPRegressor((), input_batch_norm=True, max_iter=20, random_state=0)
    est.fit(X, X[:, 0] - X[:, 1])
    gamma, beta, mean, variance = (
        v.astype(float) for v in est.to_keras().layers[0].get_weights()
    )
    inputs = (X.astype(float) - mean) / np.sqrt(variance + 1e-3) * gamma + beta
    outputs = inputs @ est.coefs_[0].astype(float) + est.intercepts_[0]
    expected = outputs.ravel() * est.y_scale_ + est.y_mean_
    np.testing.assert_allclose(est.predict(X.astype(dtype)), expected, atol=1e-5)

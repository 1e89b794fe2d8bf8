"""What dropout does to a network, seen from outside."""

import numpy as np
import pytest
from sklearn.metrics import log_loss

from skdropout import DropoutMLPClassifier, DropoutMLPRegressor

pytestmark = pytest.mark.filterwarnings("ignore:Stochastic Optimizer")


def ones(shape, dtype=None):
    return np.ones(shape, dtype or "float32")


def one_step(n_units, **params):
    """A step of plain SGD on one row: the output is the sum of the kept units.

    Every input, kernel and target is one, so with inverted dropout a kept unit is worth
    ``1 / (1 - rate)`` and a dropped one nothing. The gradient of the output kernel is the
    error times the unit, and so tells which units were kept and at what scale.
    """
    est = DropoutMLPRegressor(
        (n_units,),
        "identity",
        use_bias=False,
        initializer=ones,
        optimizer="sgd",
        momentum=0.0,
        learning_rate_init=1e-6,
        alpha=0.0,
        max_iter=1,
        **params,
    )
    est.fit(np.ones((1, 1)), np.zeros(1))
    step = (1.0 - est.coefs_[1].astype(np.float64)[:, 0]) / 1e-6
    return est, step


@pytest.mark.parametrize("rate", [0.1, 0.5, 0.9])
def test_rate_and_scale(rate):
    n_units = 4096
    est, step = one_step(n_units, dropout_rate=rate, random_state=0)
    kept = step > step.max() / 2
    # Five standard deviations of a binomial count.
    spread = 5 * np.sqrt(rate * (1 - rate) / n_units)
    assert abs(kept.mean() - (1 - rate)) < spread
    # half the squared error of the output: the sum of the kept units at their scale
    output = np.sqrt(2 * est.loss_)
    np.testing.assert_allclose(output, kept.sum() / (1 - rate), rtol=1e-4)
    assert np.abs(step[~kept]).max() < 1e-3 * step.max()


def test_rate_zero_drops_nothing():
    est, _ = one_step(1000, dropout_rate=0.0, random_state=0)
    np.testing.assert_allclose(np.sqrt(2 * est.loss_), 1000, rtol=1e-6)


def test_input_dropout():
    n_features, rate = 20_000, 0.3
    est = DropoutMLPRegressor(
        (),
        use_bias=False,
        initializer=ones,
        input_dropout_rate=rate,
        optimizer="sgd",
        alpha=0.0,
        max_iter=1,
        random_state=0,
    ).fit(np.ones((1, n_features)), np.zeros(1))
    kept = np.sqrt(2 * est.loss_) * (1 - rate) / n_features
    assert abs(kept - (1 - rate)) < 5 * np.sqrt(rate * (1 - rate) / n_features)


def test_a_rate_for_each_layer(iris):
    # A layer that drops nearly all lets little through, and two such layers less.
    X, y = iris
    params = {"max_iter": 20, "batch_size": 16, "random_state": 0}
    losses = [
        DropoutMLPClassifier((32, 32), dropout_rate=rates, **params).fit(X, y).loss_
        for rates in ((0.0, 0.0), (0.0, 0.9), (0.9, 0.9))
    ]
    assert losses[0] < losses[1] < losses[2]
    same = DropoutMLPClassifier((32, 32), dropout_rate=0.9, **params).fit(X, y).loss_
    assert same == losses[2]


def test_masks_differ_by_row_step_epoch_layer_and_seed():
    # One row a step: with a new mask each time, losses of the same network vary.
    params = {"dropout_rate": 0.5, "shuffle": False, "batch_size": 1}
    X, y = np.ones((20, 1)), np.zeros(20)
    est = DropoutMLPRegressor(
        (64, 64),
        "identity",
        initializer=ones,
        optimizer="sgd",
        learning_rate_init=1e-12,
        alpha=0.0,
        max_iter=4,
        tol=0.0,
        **params,
    )
    curves = [est.set_params(random_state=seed).fit(X, y).loss_curve_ for seed in (0, 1)]
    assert len({*curves[0], *curves[1]}) == 8
    assert est.set_params(random_state=0).fit(X, y).loss_curve_ == curves[0]


def test_prediction_drops_nothing(iris):
    X, y = iris
    est = DropoutMLPClassifier((16,), dropout_rate=0.8, max_iter=3).fit(X, y)
    np.testing.assert_array_equal(est.predict_proba(X), est.predict_proba(X))
    hidden = np.maximum(X @ est.coefs_[0] + est.intercepts_[0], 0)
    logits = hidden @ est.coefs_[1] + est.intercepts_[1]
    expected = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(est.predict_proba(X), expected, rtol=1e-12)


def test_dropout_regularises(digits):
    """Labels are partly wrong: without dropout, the network learns these, too."""
    X, y = digits
    rng = np.random.default_rng(0)
    noisy = np.where(rng.random(250) < 0.3, rng.permutation(y[:250]), y[:250])
    params = {"max_iter": 60, "random_state": 0, "batch_size": 50}
    without, with_dropout = (
        DropoutMLPClassifier((256,), dropout_rate=rate, **params).fit(X[:250], noisy)
        for rate in (0.0, 0.5)
    )
    assert without.loss_ < with_dropout.loss_
    assert with_dropout.score(X[250:], y[250:]) > without.score(X[250:], y[250:])
    losses = [
        log_loss(y[250:], m.predict_proba(X[250:])) for m in (without, with_dropout)
    ]
    assert losses[1] < losses[0]

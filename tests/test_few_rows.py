"""Validation rows so few that a score may not be defined, and rows that do not count."""

import keras
import numpy as np
import pytest

from helpers import assert_same_network
from skdropout import DropoutMLPClassifier, DropoutMLPRegressor

pytestmark = pytest.mark.filterwarnings("ignore:Stochastic Optimizer")
BOTH = [DropoutMLPClassifier, DropoutMLPRegressor]


class ByKeras(keras.callbacks.Callback):
    def on_train_batch_end(self, batch, logs=None):
        pass


@pytest.mark.parametrize("callbacks", [None, [ByKeras()]])
@pytest.mark.parametrize("n_targets", [1, 2])
def test_one_validation_row_has_no_r2(curve, callbacks, n_targets):
    X, y = curve[0], np.repeat(curve[1][:, None], n_targets, axis=1).squeeze()
    est = DropoutMLPRegressor((5,), max_iter=3, callbacks=callbacks, random_state=0)
    est.fit(X, y, X_val=X[:1], y_val=y[:1])
    assert np.isnan(est.history_["val_r2_score"]).all()
    assert np.isfinite(est.history_["val_loss"]).all()
    est.set_params(early_stopping=True, scoring=None)
    with pytest.raises(ValueError, match=r"X_val has 1 row.*early_stopping.*at least 2"):
        est.fit(X, y, X_val=X[:1], y_val=y[:1])
    est.fit(X, y, X_val=X[:2], y_val=y[:2])
    assert np.isfinite(est.validation_scores_).all()


def test_one_validation_row_has_an_accuracy(iris):
    X, y = iris
    est = DropoutMLPClassifier((5,), early_stopping=True, scoring=None, max_iter=3)
    est.fit(X, y, X_val=X[:1], y_val=y[:1])
    assert est.best_validation_score_ in (0.0, 1.0)


def test_one_validation_row_has_a_loss(curve):
    X, y = curve
    est = DropoutMLPRegressor((5,), early_stopping=True, scoring="loss", max_iter=3)
    est.fit(X, y, X_val=X[:1], y_val=y[:1])
    np.testing.assert_allclose(
        est.validation_scores_, -np.array(est.history_["val_loss"])
    )


@pytest.mark.parametrize("kind", BOTH)
@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("n_left", [4, 10, 30])
def test_split_among_the_rows_that_count(iris, kind, seed, n_left):
    X, y = iris
    counts = np.sort(np.random.default_rng(seed).permutation(len(y))[:n_left])
    weight = np.zeros(len(y))
    weight[counts] = 1.5
    params = {
        "early_stopping": True,
        "scoring": None,
        "max_iter": 3,
        "random_state": seed,
    }
    est = kind((5,), **params).fit(X, y, sample_weight=weight)
    n_validation = max(n_left // 10, 1 if kind is DropoutMLPClassifier else 2)
    assert est.t_ == est.n_iter_ * (n_left - n_validation)
    alone = kind((5,), **params).fit(
        X[counts], y[counts], sample_weight=np.full(n_left, 1.5)
    )
    if set(y[counts]) == set(y):
        assert_same_network(est, alone)


@pytest.mark.parametrize("kind", BOTH)
def test_too_few_rows_that_count(iris, kind):
    X, y = iris
    weight = np.zeros(len(y))
    weight[:1] = 1
    est = kind((5,), early_stopping=True)
    message = r"validation_fraction=0.1 of n_samples=1 \(those of a weight above 0\)"
    with pytest.raises(ValueError, match=message):
        est.fit(X, y, sample_weight=weight)

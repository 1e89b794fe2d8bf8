"""Sample weights and class weights."""

import numpy as np
import pytest
from scipy import sparse

from helpers import assert_same_network
from skdropout import DropoutMLPClassifier, DropoutMLPRegressor

pytestmark = pytest.mark.filterwarnings("ignore:Stochastic Optimizer")
ESTIMATORS = [DropoutMLPClassifier, DropoutMLPRegressor]


@pytest.mark.parametrize("kind", ESTIMATORS)
@pytest.mark.parametrize("container", [np.asarray, sparse.csr_matrix])
def test_weights_are_repetitions(iris, kind, container):
    X, y = iris
    weight = np.random.default_rng(0).integers(0, 4, len(y))
    est = kind(
        (16,), dropout_rate=0.0, batch_size=len(y) * 4, max_iter=30, random_state=0
    )
    with pytest.warns(UserWarning, match="batch_size=600"):
        weighted = est.fit(container(X), y, sample_weight=weight).coefs_
    with pytest.warns(UserWarning, match="batch_size=600"):
        repeated = est.fit(container(X.repeat(weight, axis=0)), y.repeat(weight)).coefs_
    for a, b in zip(weighted, repeated, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("kind", ESTIMATORS)
def test_weight_zero_leaves_the_row_out(iris, kind):
    X, y = iris
    weight = np.ones(len(y))
    weight[::3] = 0
    est = kind((8,), batch_norm=True, batch_size=16, max_iter=3, random_state=0)
    with_zeros = kind(**est.get_params()).fit(X, y, sample_weight=weight)
    without = est.fit(X[weight > 0], y[weight > 0])
    assert_same_network(with_zeros, without)


def test_callers_weights_are_not_written_to(iris):
    X, y = iris
    weight = np.linspace(0, 1, len(y))
    before = weight.copy()
    est = DropoutMLPClassifier((5,), max_iter=2, class_weight={0: 5.0, 1: 1.0, 2: 1.0})
    est.fit(X, y, sample_weight=weight)
    est.partial_fit(X, y, sample_weight=weight)
    np.testing.assert_array_equal(weight, before)


def test_class_weight_is_a_sample_weight(iris):
    X, y = iris
    params = {"hidden_layer_sizes": (8,), "max_iter": 5, "random_state": 0}
    by_class = DropoutMLPClassifier(class_weight={0: 1.0, 1: 2.0, 2: 0.5}, **params)
    by_row = DropoutMLPClassifier(**params)
    by_class.fit(X, y)
    by_row.fit(X, y, sample_weight=np.array([1.0, 2.0, 0.5])[y])
    assert_same_network(by_class, by_row)


def test_balanced_classes_find_the_rare_one():
    rng = np.random.default_rng(0)
    X = np.r_[rng.normal(0, 1, (380, 2)), rng.normal(1.2, 1, (20, 2))]
    y = np.array(["common"] * 380 + ["rare"] * 20)
    params = {"hidden_layer_sizes": (16,), "max_iter": 60, "random_state": 0}
    plain, balanced = (
        DropoutMLPClassifier(class_weight=weight, **params).fit(X, y)
        for weight in (None, "balanced")
    )
    rare = X[y == "rare"]
    assert (balanced.predict(rare) == "rare").mean() > 0.6
    assert (plain.predict(rare) == "rare").mean() < 0.3

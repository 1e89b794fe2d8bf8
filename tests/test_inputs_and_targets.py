"""Kinds of inputs and targets, and the extremes of both."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
from scipy import sparse
from sklearn.neural_network import MLPClassifier, MLPRegressor

from helpers import assert_same_network
from skdropout import DropoutMLPClassifier, DropoutMLPRegressor

pytestmark = pytest.mark.filterwarnings("ignore:Stochastic Optimizer")


def small_classifier(**params):
    return DropoutMLPClassifier((8,), max_iter=3, random_state=0, **params)


@pytest.mark.parametrize("frame", [pd.DataFrame, pl.DataFrame])
def test_data_frames(iris, frame):
    X, y = iris
    names = ["a", "b", "c", "d"]
    table = frame(dict(zip(names, X.T, strict=True)))
    est = small_classifier().fit(table, y)
    assert list(est.feature_names_in_) == names
    assert_same_network(est, small_classifier().fit(X, y))
    np.testing.assert_array_equal(est.predict(table), est.predict(table[names]))
    with pytest.raises(ValueError, match="feature names"):
        est.predict(table[names[::-1]])


@pytest.mark.parametrize(
    "container", [sparse.csr_matrix, sparse.csr_array, sparse.csc_matrix]
)
@pytest.mark.parametrize("input_batch_norm", [False, True])
def test_sparse_rows(iris, container, input_batch_norm):
    X, y = iris[0] * (np.abs(iris[0]) > 0.5), iris[1]
    params = {"input_batch_norm": input_batch_norm, "batch_size": 16}
    dense = small_classifier(**params).fit(X, y)
    est = small_classifier(**params).fit(container(X), y)
    assert_same_network(est, dense)
    np.testing.assert_allclose(
        est.predict_proba(container(X)), dense.predict_proba(X), rtol=1e-12
    )


def test_string_and_boolean_labels(iris):
    X, y = iris
    names = np.array(["setosa", "versicolor", "virginica"])
    est = small_classifier().fit(X, names[y])
    assert list(est.classes_) == list(names)
    assert_same_network(est, small_classifier().fit(X, y))
    assert set(est.predict(X)) <= set(names)
    objects = small_classifier().fit(X, pd.Series(names[y]))
    assert_same_network(est, objects)
    flags = small_classifier().fit(X, y > 0)
    assert flags.predict(X).dtype == bool
    assert flags.predict_proba(X).shape == (150, 2)


def test_multilabel(iris):
    X = iris[0]
    Y = (X > 0).astype(int)
    est = DropoutMLPClassifier(
        (32,), dropout_rate=0.0, learning_rate_init=0.01, random_state=0
    ).fit(X, Y)
    assert est.predict(X).shape == est.predict_proba(X).shape == Y.shape
    assert est.score(X, Y) > 0.8
    np.testing.assert_array_equal(est.predict(X), est.predict_proba(X) > 0.5)
    dense, as_sparse = small_classifier().fit(X, Y), small_classifier()
    as_sparse.fit(X, sparse.csr_matrix(Y))
    assert sparse.issparse(as_sparse.predict(X))
    assert_same_network(dense, as_sparse)
    assert small_classifier(early_stopping=True).fit(X, Y).validation_scores_


def test_several_regression_outputs(curve):
    X, y = curve
    Y = np.c_[y, 2 * y, X[:, 0]]
    est = DropoutMLPRegressor(
        (64,), dropout_rate=0.0, max_iter=500, learning_rate_init=0.01, random_state=0
    ).fit(X, Y)
    assert est.predict(X).shape == Y.shape
    assert est.score(X, Y) > 0.9
    assert DropoutMLPRegressor(max_iter=2).fit(X, y).predict(X).shape == y.shape


def test_predicted_probabilities(iris):
    X, y = iris
    est = small_classifier().fit(X, y)
    p = est.predict_proba(X)
    np.testing.assert_allclose(p.sum(axis=1), 1)
    np.testing.assert_allclose(est.predict_log_proba(X), np.log(p), rtol=1e-10)
    np.testing.assert_array_equal(est.predict(X), p.argmax(axis=1))
    binary = small_classifier().fit(X, y > 0)
    np.testing.assert_allclose(
        binary.predict_log_proba(X), np.log(binary.predict_proba(X)), rtol=1e-10
    )
    # Far from the data a probability underflows, and its logarithm stays finite.
    assert np.isfinite(est.predict_log_proba(X * 1e6)).all()


EXTREMES = {
    "one row": lambda X, y: (X[:1], y[:1]),
    "one class": lambda X, y: (X, np.zeros_like(y)),
    "one column": lambda X, y: (X[:, :1], y),
    "constant column": lambda X, y: (X * [1, 0, 1, 1], y),
    "100,000 columns": lambda X, y: (np.tile(X[:20], 25_000), y[:20]),
}


@pytest.mark.parametrize("extreme", EXTREMES)
def test_extremes_are_as_in_scikit_learn(iris, extreme):
    X, y = EXTREMES[extreme](*iris)
    params = {"hidden_layer_sizes": (4,), "max_iter": 2, "random_state": 0}
    ours = DropoutMLPClassifier(**params).fit(X, y)
    theirs = MLPClassifier(**params).fit(X, y)
    np.testing.assert_array_equal(ours.classes_, theirs.classes_)
    assert ours.predict(X).shape == theirs.predict(X).shape
    assert ours.predict_proba(X).shape == theirs.predict_proba(X).shape
    ours = DropoutMLPRegressor(**params).fit(X, y)
    theirs = MLPRegressor(**params).fit(X, y)
    assert ours.predict(X).shape == theirs.predict(X).shape
    assert np.isfinite(ours.predict(X)).all()


@pytest.mark.parametrize(("sizes", "n_layers"), [((), 2), (7, 3), ([7, 3], 4)])
def test_hidden_layer_sizes(iris, sizes, n_layers):
    est = DropoutMLPClassifier(sizes, max_iter=2).fit(*iris)
    theirs = MLPClassifier(sizes, max_iter=2).fit(*iris)
    assert est.n_layers_ == theirs.n_layers_ == n_layers
    assert [c.shape for c in est.coefs_] == [c.shape for c in theirs.coefs_]


def test_linear_model_reaches_least_squares(curve):
    X = curve[0]
    y = X @ [1.0, -2.0, 0.5] + 3.0
    est = DropoutMLPRegressor(
        (),
        normalize_y=False,
        alpha=0.0,
        learning_rate_init=0.05,
        max_iter=500,
        tol=1e-9,
        random_state=0,
    ).fit(X, y)
    np.testing.assert_allclose(est.coefs_[0][:, 0], [1.0, -2.0, 0.5], atol=1e-3)
    np.testing.assert_allclose(est.intercepts_[0], 3.0, atol=1e-3)


def test_batch_size_above_the_row_count_is_clipped(iris):
    X, y = iris
    with pytest.warns(UserWarning, match="batch_size=1000"):
        clipped = small_classifier(batch_size=1000).fit(X, y)
    exact = small_classifier(batch_size=150).fit(X, y)
    assert_same_network(clipped, exact, rtol=1e-5, atol=1e-8)
    with pytest.warns(UserWarning, match="batch_size=33"):
        clipped = small_classifier(batch_size=33).fit(X[:20], y[:20])
    # Nobody has asked for the default.
    default = small_classifier().fit(X[:20], y[:20])
    assert_same_network(clipped, default)
    assert default.batch_size == 32


def test_no_biases(iris):
    est = small_classifier(use_bias=False).fit(*iris)
    assert not any(values.any() for values in est.intercepts_)
    assert len(est.to_keras().get_weights()) == 2

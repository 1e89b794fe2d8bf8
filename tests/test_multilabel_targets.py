"""Indicator matrices of labels hold 0 and 1; anything else is refused by name."""

import numpy as np
import pytest
from scipy import sparse

from helpers import assert_same_network
from skdropout import DropoutMLPClassifier, DropoutMLPRegressor
from test_bad_input import assert_refused

pytestmark = pytest.mark.filterwarnings("ignore:Stochastic Optimizer")


@pytest.fixture(scope="module")
def labels(iris):
    """An indicator matrix of two labels, int64."""
    return (iris[0][:, :2] > 0).astype(int)


def mlp():
    return DropoutMLPClassifier((5,), max_iter=3, random_state=0)


FORMS = {
    "array": np.asarray,
    "floats": lambda y: y.astype(np.float32),
    "csr": sparse.csr_matrix,
    "csc": sparse.csc_array,
}


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
@pytest.mark.parametrize("low_high", [(-1, 1), (0, 2), (1, 2), (2, 2)])
def test_other_values_are_refused(iris, labels, low_high, form):
    X, y = iris[0], form(np.where(labels, low_high[1], low_high[0]))
    words = ["y is", "0 and 1", rf"\[{low_high[0]}"]
    assert_refused(mlp(), X, y, words)
    words[0] = "y_val is"
    assert_refused(mlp(), X, labels, words, X_val=X, y_val=y)
    with pytest.raises(ValueError, match=r"y is .* 0 and 1"):
        mlp().partial_fit(X, y, classes=[0, 1])


@pytest.mark.parametrize("value", [0.5, np.nan, np.inf])
def test_fractions_in_validation_targets(iris, labels, value):
    y_val = labels.astype(float)
    y_val[3, 1] = value
    assert_refused(mlp(), iris[0], labels, ["y_val"], X_val=iris[0], y_val=y_val)


@pytest.mark.parametrize(
    "form", [*FORMS.values(), lambda y: y.astype(bool), np.ndarray.tolist]
)
def test_forms_of_zero_and_one(iris, labels, form):
    X, y = iris[0], form(labels)
    whole = mlp().fit(X, labels, X_val=X, y_val=labels)
    fitted = mlp().fit(X, y, X_val=X, y_val=y)
    assert_same_network(whole, fitted)
    assert fitted.history_ == whole.history_


def test_sparse_validation_targets_of_another_shape(iris, labels):
    y_val = sparse.csr_matrix(labels[:, :1])
    assert_refused(
        mlp(), iris[0], labels, ["y_val", "2 labels"], X_val=iris[0], y_val=y_val
    )


def test_sparse_column_of_classes(iris):
    X, y = iris
    column = sparse.csr_matrix(y[:, None])
    whole = mlp().fit(X, y, X_val=X, y_val=y)
    fitted = mlp().fit(X, y, X_val=X, y_val=column)
    assert fitted.history_ == whole.history_


@pytest.mark.parametrize("n_outputs", [1, 2])
def test_sparse_target_values(curve, n_outputs):
    X, y = curve[0], curve[0][:, :n_outputs]
    assert_refused(DropoutMLPRegressor(), X, sparse.csr_matrix(y), ["y", "toarray"])

"""Validation rows that have not been through what the training rows have."""

import warnings

import numpy as np
import pytest
from scipy import sparse
from sklearn import config_context
from sklearn.datasets import (
    load_breast_cancer,
    load_diabetes,
    load_digits,
    load_iris,
    load_wine,
)
from sklearn.model_selection import GridSearchCV, train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    MinMaxScaler,
    OneHotEncoder,
    RobustScaler,
    StandardScaler,
)

from skdropout import DropoutMLPClassifier, DropoutMLPRegressor, fused_training

LOADERS = {
    "iris": load_iris,
    "wine": load_wine,
    "breast cancer": load_breast_cancer,
    "digits": load_digits,
    "diabetes": lambda return_X_y: load_diabetes(return_X_y=return_X_y, scaled=False),
}
SCALERS = {"standard": StandardScaler, "min-max": MinMaxScaler, "robust": RobustScaler}

pytestmark = pytest.mark.filterwarnings("ignore:Stochastic Optimizer")
NOT_SCALED = "X_val is not on the scale of X"


def regressor():
    return DropoutMLPRegressor((4,), max_iter=1, random_state=0)


@pytest.fixture(params=LOADERS)
def rows(request):
    X, y = LOADERS[request.param](return_X_y=True)
    return train_test_split(X, y, random_state=0)


@pytest.mark.parametrize("scaler", SCALERS)
def test_unscaled_rows_through_a_pipeline(scaler, rows):
    X, X_val, y, y_val = rows
    pipe = make_pipeline(SCALERS[scaler](), regressor())
    with pytest.warns(UserWarning, match=NOT_SCALED) as record:
        pipe.fit(X, y, dropoutmlpregressor__X_val=X_val, dropoutmlpregressor__y_val=y_val)
    assert record[0].filename == __file__
    with config_context(enable_metadata_routing=True), warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        warnings.filterwarnings("ignore", "Stochastic Optimizer")
        est = regressor().set_fit_request(X_val=True, y_val=True)
        pipe = make_pipeline(SCALERS[scaler](), est, transform_input=["X_val"])
        pipe.fit(X, y, X_val=X_val, y_val=y_val)


@pytest.mark.parametrize("form", [np.asarray, sparse.csr_array], ids=["dense", "sparse"])
def test_scaled_rows_and_unscaled_ones(form, rows):
    X, X_val, y, y_val = rows
    scaler = StandardScaler().fit(X)
    X = form(scaler.transform(X))
    with pytest.warns(UserWarning, match=NOT_SCALED):
        regressor().fit(X, y, X_val=form(X_val), y_val=y_val)
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        warnings.filterwarnings("ignore", "Stochastic Optimizer")
        regressor().fit(X, y, X_val=form(scaler.transform(X_val)), y_val=y_val)


def test_once_in_a_search(iris):
    X, y = iris
    search = GridSearchCV(
        DropoutMLPClassifier((4,), max_iter=1), {"alpha": [0.0, 0.1]}, cv=3
    )
    with warnings.catch_warnings(record=True) as record, fused_training():
        warnings.simplefilter("default")
        warnings.filterwarnings("ignore", "Stochastic Optimizer")
        search.fit(X, y, X_val=10 * X + 50, y_val=y)
    assert len(record) == 1
    assert NOT_SCALED in str(record[0].message)


def later(rng):
    """The last fifth of a year, with the day as a feature."""
    X = np.column_stack([np.arange(365.0), rng.normal(size=365)])
    return X[:292], X[292:]


def other_groups(rng):
    """Categories of which the training rows have hardly any."""
    groups = np.repeat(["a", "b", "c"], [100, 1, 1])
    others = np.repeat(["a", "b", "c"], [1, 20, 20])
    encoder = OneHotEncoder(sparse_output=False).fit(groups[:, None])
    return encoder.transform(groups[:, None]), encoder.transform(others[:, None])


def shifted(rng):
    return rng.normal(size=(100, 5)), rng.normal(size=(20, 5)) + 2


def constant_in_training(rng):
    X = rng.normal(size=(100, 2))
    X[:80, 1] = 0
    return X[:80], X[80:]


@pytest.mark.parametrize("make", [later, other_groups, shifted, constant_in_training])
def test_other_rows_are_no_cause_to_warn(make):
    X, X_val = make(np.random.default_rng(0))
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        warnings.filterwarnings("ignore", "Stochastic Optimizer")
        regressor().fit(X, np.arange(len(X)), X_val=X_val, y_val=np.arange(len(X_val)))

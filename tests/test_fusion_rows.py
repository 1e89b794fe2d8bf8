"""Rows in fused training are nobody else's to change: tasks may write to their own."""

import joblib
import numpy as np
import pytest
from scipy import sparse
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.datasets import make_classification
from sklearn.ensemble import VotingClassifier
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MaxAbsScaler, StandardScaler

from helpers import assert_same_network, trained_sizes
from skdropout import DropoutMLPClassifier, DropoutMLPRegressor, fused_training

pytestmark = [
    pytest.mark.filterwarnings("ignore:.*Maximum iterations"),
    pytest.mark.usefixtures("time_limit", "without_xla"),
]

# Of other numbers of layers, which are trained one after the other.
SIZES = [(4,) * n_layers for n_layers in range(1, 7)]


def network(kind=DropoutMLPClassifier, sizes=(8,), **params):
    params = {"max_iter": 5, "batch_size": 20, "random_state": 0, **params}
    return kind(sizes, learning_rate_init=0.03, **params)


@pytest.fixture(scope="module")
def rows():
    """In single precision, of which no estimator needs a copy."""
    X, y = make_classification(240, 10, n_informative=6, random_state=0, shift=3, scale=5)
    return X.astype(np.float32), y


@pytest.mark.parametrize("n_jobs", [None, 2])
@pytest.mark.parametrize("container", [np.array, sparse.csr_array])
@pytest.mark.parametrize("name", ["hidden_layer_sizes", "dropout_rate"])
def test_search_over_a_pipeline_that_scales_in_place(rows, n_jobs, container, name):
    """Each task scores its training rows, and scales them again, while the networks of
    other sizes still train."""
    X, y = rows
    scaler = MaxAbsScaler if container is sparse.csr_array else StandardScaler
    pipe = make_pipeline(scaler(copy=False), network())
    values = SIZES if name == "hidden_layer_sizes" else [0.0, 0.2, 0.5]
    grid = {f"dropoutmlpclassifier__{name}": values}
    search = GridSearchCV(pipe, grid, cv=3, return_train_score=True, n_jobs=n_jobs)
    alone = clone(search).set_params(n_jobs=None).fit(container(X), y)
    with fused_training():
        fused = clone(search).fit(container(X), y)
    for key in ("mean_test_score", "mean_train_score"):
        np.testing.assert_array_equal(fused.cv_results_[key], alone.cv_results_[key])
    assert_same_network(fused.best_estimator_[-1], alone.best_estimator_[-1])


def spoil(values):
    """Write to every array there is in it."""
    if sparse.issparse(values):
        for part in (values.data, values.indices):
            part[...] = part[::-1].copy()
    elif values is not None:
        values[...] = values[::-1].copy()


def fit_and_spoil(est, X, y, **fit_params):
    est.fit(X, y, **fit_params)
    for values in (X, y, *fit_params.values()):
        spoil(values)
    return est


@pytest.mark.parametrize("kind", [DropoutMLPClassifier, DropoutMLPRegressor])
@pytest.mark.parametrize("container", [np.array, np.asfortranarray, sparse.csr_array])
def test_tasks_that_write_to_all_that_they_were_given(rows, kind, container, stacks):
    """Rows, targets, weights and validation rows, in types that need no copy."""
    X, y = rows
    Y = np.stack([y, 1 - y], axis=1).astype(np.float32)
    weight = np.linspace(0.5, 2, 150)

    def fit_all():
        return joblib.Parallel()(
            joblib.delayed(fit_and_spoil)(
                network(kind, sizes, dropout_rate=rate, early_stopping=True),
                container(X[:150]),
                Y[:150].copy(),
                sample_weight=weight.copy(),
                X_val=container(X[150:]),
                y_val=Y[150:].copy(),
            )
            for sizes in SIZES
            for rate in (0.0, 0.3)
        )

    alone = fit_all()
    with fused_training():
        fused = fit_all()
    assert trained_sizes(stacks) == [2] * len(SIZES)
    for one, other in zip(alone, fused, strict=True):
        assert_same_network(one, other)
        assert one.history_ == other.history_


@pytest.mark.parametrize("order", [1, -1])
def test_rows_of_another_task_that_waits(rows, order):
    """As in a vote, all members of which are given the same array: each is to be trained
    on what the array held when it was fitted."""
    X, y = rows
    members = [
        ("raw", network(dropout_rate=0.2)),
        ("scaled", make_pipeline(StandardScaler(copy=False), network())),
        ("again", network(dropout_rate=0.4)),
    ][::order]
    alone = VotingClassifier(members).fit(X.copy(), y)
    with fused_training():
        fused = VotingClassifier(members).fit(X.copy(), y)
    for one, other in zip(alone.estimators_, fused.estimators_, strict=True):
        one, other = (e[-1] if hasattr(e, "steps") else e for e in (one, other))
        assert_same_network(one, other)


class SpoilingCaller(ClassifierMixin, BaseEstimator):
    """Has networks trained by joblib, and writes to their rows when it has them."""

    def __init__(self, rate=0.0):
        self.rate = rate

    def fit(self, X, y):
        self.networks_ = joblib.Parallel()(
            joblib.delayed(network(sizes=sizes, dropout_rate=self.rate).fit)(X, y)
            for sizes in SIZES[:2]
        )
        spoil(X)
        self.networks_.append(network(dropout_rate=self.rate).fit(X, y))
        return self


def test_callers_that_write_to_the_rows_of_their_tasks(rows):
    X, y = rows

    def fit_all():
        return joblib.Parallel()(
            joblib.delayed(SpoilingCaller(rate).fit)(X.copy(), y)
            for rate in (0.0, 0.2, 0.4)
        )

    alone = fit_all()
    with fused_training(max_networks=4):
        fused = fit_all()
    for one, other in zip(alone, fused, strict=True):
        for a, b in zip(one.networks_, other.networks_, strict=True):
            assert_same_network(a, b)


def test_rows_in_a_file_are_not_read_into_memory(rows, tmp_path, monkeypatch):
    """Where nobody can write to it."""
    from skdropout.training import feed

    X, y = rows
    np.save(tmp_path / "rows.npy", X)
    mapped = np.load(tmp_path / "rows.npy", mmap_mode="r")
    used, take_rows = [], feed.take_rows

    def recorded(X, *args, **kwargs):
        used.append(X)
        return take_rows(X, *args, **kwargs)

    monkeypatch.setattr(feed, "take_rows", recorded)
    with fused_training():
        (est,) = joblib.Parallel()([joblib.delayed(network().fit)(mapped, y)])
    assert all(np.shares_memory(X, mapped) for X in used)
    assert_same_network(est, network().fit(X, y))

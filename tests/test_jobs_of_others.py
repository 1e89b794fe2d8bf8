"""What joblib tells, and does for, code behind which there is no fit of ours."""

import threading

import joblib
import numpy as np
import pytest
import sklearn.neighbors._base
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.ensemble import BaggingClassifier, RandomForestClassifier
from sklearn.feature_selection import RFECV
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import pairwise_distances
from sklearn.model_selection import GridSearchCV
from sklearn.multiclass import OneVsRestClassifier
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from helpers import trained_sizes
from skdropout import DropoutMLPClassifier, fused_training

pytestmark = [
    pytest.mark.filterwarnings("ignore:.*Maximum iterations"),
    pytest.mark.usefixtures("time_limit", "without_xla"),
]


def classifier(**params):
    return DropoutMLPClassifier((8,), max_iter=2, random_state=0, **params)


class HoldsOne(ClassifierMixin, BaseEstimator):
    """Makes a network of which its parameters tell nothing."""

    def fit(self, X, y):
        self.network_ = classifier().fit(X, y)
        self.classes_ = self.network_.classes_
        return self

    def predict(self, X):
        return self.network_.predict(X)


class Ranked(HoldsOne):
    def fit(self, X, y):
        self.coef_ = LogisticRegression().fit(X, y).coef_
        return super().fit(X, y)


@pytest.mark.parametrize("n_jobs", [None, 1, 2, -1, -2])
def test_the_number_of_jobs_is_that_outside(n_jobs):
    expected = joblib.effective_n_jobs(n_jobs)
    with fused_training():
        assert joblib.effective_n_jobs(n_jobs) == expected


def test_no_jobs_make_no_sense():
    with fused_training(), pytest.raises(ValueError, match="n_jobs == 0"):
        joblib.effective_n_jobs(0)


@pytest.fixture
def n_slices(monkeypatch):
    """Into how many tasks each query of a tree is divided."""
    of_queries = []
    slices = sklearn.neighbors._base.gen_even_slices

    def noted(n, n_packs):
        of_queries.append(n_packs)
        return slices(n, n_packs)

    monkeypatch.setattr(sklearn.neighbors._base, "gen_even_slices", noted)
    return of_queries


def test_queries_of_neighbours_are_divided_as_outside(iris, n_slices):
    knn = KNeighborsClassifier(algorithm="kd_tree")
    knn.fit(*iris).predict(iris[0])
    pipe = Pipeline([("scale", StandardScaler()), ("last", knn)])
    grid = {"last": [knn, classifier()]}
    with fused_training():
        knn.predict(iris[0])
        GridSearchCV(pipe, grid, cv=2, refit=False).fit(*iris)
    assert n_slices == [1] * 4


def test_distances_and_forests_are_those_outside(iris):
    X, y = iris
    forest = RandomForestClassifier(20, n_jobs=2, random_state=0)
    expected = pairwise_distances(X, n_jobs=2), forest.fit(X, y).predict_proba(X)
    with fused_training():
        found = pairwise_distances(X, n_jobs=2), forest.fit(X, y).predict_proba(X)
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_array_equal(one, other)


def threads_of_search(last, X, y):
    threads = set()

    def note(values):
        threads.add(threading.current_thread().name)
        return values

    pipe = make_pipeline(FunctionTransformer(note), last)
    GridSearchCV(pipe, {}, cv=2, refit=False).fit(X, y)
    return threads


@pytest.mark.parametrize(
    "last",
    [LogisticRegression(), OneVsRestClassifier(KNeighborsClassifier())],
    ids=lambda est: type(est).__name__,
)
def test_a_search_over_others_runs_as_outside(last, iris):
    with fused_training():
        assert threads_of_search(last, *iris) == {"MainThread"}


@pytest.mark.parametrize(
    "last",
    [classifier(), OneVsRestClassifier(classifier()), HoldsOne()],
    ids=lambda est: type(est).__name__,
)
def test_a_search_that_may_hold_ours_is_fused(last, iris):
    with fused_training():
        assert "MainThread" not in threads_of_search(last, *iris)


@pytest.mark.parametrize(
    "estimator",
    [classifier(), make_pipeline(StandardScaler(), classifier()), HoldsOne()],
    ids=lambda est: type(est).__name__,
)
def test_bagging_is_fused(estimator, iris, stacks):
    bagging = BaggingClassifier(estimator, 10, random_state=0)
    expected = bagging.fit(*iris).predict_proba(iris[0])
    with fused_training():
        found = bagging.fit(*iris).predict_proba(iris[0])
    sizes = trained_sizes(stacks)
    assert sum(sizes) == 10
    assert min(sizes) > 1
    np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_elimination_of_features_is_fused(iris, stacks):
    with fused_training():
        RFECV(Ranked(), cv=5).fit(*iris)
    assert max(trained_sizes(stacks)) == 5

"""Where warnings come from, and how often."""

import contextlib
import inspect
import warnings

import numpy as np
import pytest
from joblib import Parallel, delayed
from sklearn.ensemble import BaggingClassifier
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import GridSearchCV, cross_val_score, cross_validate
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skdropout import DropoutMLPClassifier, fused_training


def classifier(**params):
    return DropoutMLPClassifier(
        **{"hidden_layer_sizes": (8,), "max_iter": 2, "random_state": 0} | params
    )


def search(n_candidates=3):
    pipe = make_pipeline(StandardScaler(), classifier())
    alphas = [0.0, 0.1, 0.2][:n_candidates]
    return GridSearchCV(pipe, {"dropoutmlpclassifier__alpha": alphas}, cv=3)


@contextlib.contextmanager
def seen(action="default"):
    """What is warned of in a block, under a filter: of this file alone."""
    with warnings.catch_warnings(record=True) as record:
        warnings.simplefilter(action)
        yield record
    for warning in record:
        assert warning.category is ConvergenceWarning
        assert warning.filename == __file__


@pytest.fixture(params=["plain", "fused"])
def context(request):
    return fused_training if request.param == "fused" else contextlib.nullcontext


def test_of_a_fit(iris):
    with seen() as record:
        classifier().fit(*iris)
        classifier().fit(*iris)
    assert len(record) == 2  # two lines
    assert record[0].lineno + 1 == record[1].lineno


def test_of_a_fit_in_a_pipeline(iris):
    with seen() as record:
        make_pipeline(StandardScaler(), classifier()).fit(*iris)
    assert len(record) == 1


RUNS = {
    "search": lambda X, y: search().fit(X, y),
    "cross_validate": lambda X, y: cross_validate(classifier(), X, y),
    "bagging": lambda X, y: BaggingClassifier(classifier(), 4).fit(X, y),
    "searches within": lambda X, y: cross_val_score(search(), X, y),
}


@pytest.mark.parametrize("run", RUNS)
def test_once_a_search(run, context, iris):
    with seen() as record, context():
        RUNS[run](*iris)
    assert len(record) == 1


def test_each_search_says_it(context, iris):
    with seen() as record, context():
        for _ in range(2):
            search().fit(*iris)
            warnings.simplefilter("default")  # has Python forget what it has said
    assert len(record) == 2


def test_different_texts_are_all_said(context, iris):
    est = GridSearchCV(classifier(), {"max_iter": [2, 3]}, cv=3, refit=False)
    with seen() as record, context():
        est.fit(*iris)
    assert len({str(warning.message) for warning in record}) == len(record) == 2


def test_always_means_each_time(context, iris):
    with seen("always") as record, context():
        search().fit(*iris)
    assert len(record) == 10


def test_errors_are_of_each_fit(context, iris):
    with warnings.catch_warnings(), context():
        warnings.simplefilter("error", ConvergenceWarning)
        with pytest.raises(ConvergenceWarning, match="Maximum iterations"):
            cross_val_score(classifier(), *iris, cv=3, error_score="raise")


def test_ignored_is_ignored(context, iris):
    with seen("ignore") as record, context():
        search().fit(*iris)
    assert not record


def test_in_a_function_of_the_user(context, iris):
    def fit(seed):
        return classifier(random_state=seed).fit(*iris)

    line = inspect.getsourcelines(fit)[1] + 1
    with seen() as record, context():
        Parallel()(delayed(fit)(seed) for seed in range(3))
    assert {warning.lineno for warning in record} == {line}


def test_other_warnings_of_a_fit_too(context, iris):
    est = classifier(
        batch_size=1000,
        learning_rate="constant",
        tol=100.0,
        n_iter_no_change=1,
        max_iter=50,
    )
    with warnings.catch_warnings(record=True) as record, context():
        warnings.simplefilter("default")
        cross_val_score(est, *iris, cv=[(np.arange(100), np.arange(100, 150))] * 3)
    assert len(record) == 1
    assert "batch_size=1000" in str(record[0].message)
    assert record[0].filename == __file__

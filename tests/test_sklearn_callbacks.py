"""scikit-learn's callbacks on the estimators: alone, in pipelines, searches and fused."""

import re

import keras
import numpy as np
import pytest
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from helpers import BatchHook, assert_same_network, trained_sizes
from skdropout import DropoutMLPClassifier, DropoutMLPRegressor, fused_training

callback = pytest.importorskip("sklearn.callback", reason="scikit-learn has it from 1.9")
pytestmark = pytest.mark.filterwarnings("ignore:Stochastic Optimizer")

N_EPOCHS = 4


def classifier(**params):
    return DropoutMLPClassifier(
        **{"hidden_layer_sizes": (8,), "max_iter": N_EPOCHS, "random_state": 0} | params
    )


class Recorder:
    """Notes each event with the context's names; may ask for an end."""

    def __init__(self, last_epoch=None):
        self.events = []
        self.last_epoch = last_epoch

    def setup(self, estimator, context):
        self.events.append("setup")

    def teardown(self, estimator, context):
        self.events.append("teardown")

    def on_fit_task_begin(self, estimator, context):
        self.events.append(f"begin {context.task_name}")

    def on_fit_task_end(
        self, estimator, context, *, X=None, y=None, metadata=None, fitted_estimator=None
    ):
        self.events.append(f"end {context.task_name}")
        self.seen = X, y, metadata
        if context.task_name == "epoch":
            self.fitted = fitted_estimator
            return context.task_id == self.last_epoch
        return False


def test_what_is_told(iris):
    recorder, weight = Recorder(), np.ones(150)
    est = classifier().set_callbacks(recorder).fit(*iris, sample_weight=weight)
    epochs = ["begin epoch", "end epoch"] * N_EPOCHS
    assert recorder.events == ["setup", "begin fit", *epochs, "end fit", "teardown"]
    X, y, metadata = recorder.seen
    assert X is iris[0]
    assert y is iris[1]
    assert metadata["sample_weight"] is weight
    assert_same_network(recorder.fitted, est)
    assert recorder.fitted.loss_curve_ == est.loss_curve_
    assert_same_network(est, classifier().fit(*iris, sample_weight=weight))


@pytest.mark.parametrize(
    "params",
    [
        {},
        {"callbacks": [keras.callbacks.History()]},
        {"callbacks": [BatchHook()]},
        {"optimizer": "lamb"},
    ],
    ids=["stack", "with Keras's callbacks", "by Keras", "by Keras for its optimizer"],
)
def test_an_end_that_is_asked_for(params, iris):
    recorder = Recorder(last_epoch=1)
    est = classifier(**params).set_callbacks(recorder).fit(*iris)
    assert est.n_iter_ == 2
    assert recorder.events.count("end epoch") == 2
    assert_same_network(recorder.fitted, est)


def test_fitted_estimators_predict(curve):
    """Also where the estimator was fitted to rows of another shape before."""
    X, y = curve
    recorder = Recorder()
    est = DropoutMLPRegressor((8,), max_iter=3, batch_norm=True, random_state=0)
    est.set_callbacks(recorder).fit(X[:, :2], y)
    predicted = recorder.fitted.predict(X[:, :2])
    np.testing.assert_array_equal(predicted, est.predict(X[:, :2]))
    est.fit(X, y)
    np.testing.assert_array_equal(recorder.fitted.predict(X), est.predict(X))


def test_after_an_error(iris):
    recorder = Recorder()
    est = classifier(learning_rate_init=1e30, optimizer="sgd").set_callbacks(recorder)
    with pytest.raises(ValueError, match="diverged"):
        est.fit(*iris)
    assert recorder.events[-1] == "teardown"
    assert not hasattr(est, "coefs_")
    assert not hasattr(est, "_callback_fit_ctx")


def test_an_error_of_a_callback(iris):
    class Broken(Recorder):
        def on_fit_task_begin(self, estimator, context):
            if context.task_name == "epoch":
                raise LookupError("no epoch today")

    with pytest.raises(LookupError, match="no epoch today"):
        classifier().set_callbacks(Broken()).fit(*iris)


def test_scoring_monitor(iris):
    monitor = callback.ScoringMonitor(scoring="accuracy")
    est = classifier().set_callbacks(monitor).fit(*iris)
    scores = [row["accuracy"] for row in monitor.get_logs().data]
    assert len(scores) == N_EPOCHS
    assert scores[-1] == est.score(*iris)
    assert len(set(scores)) > 1


@pytest.mark.parametrize("is_fused", [False, True], ids=["plain", "fused"])
def test_scoring_monitor_in_a_search_over_pipelines(is_fused, iris, stacks, without_xla):
    monitor = callback.ScoringMonitor(scoring="accuracy")
    pipe = make_pipeline(StandardScaler(), classifier().set_callbacks(monitor))
    grid = {"dropoutmlpclassifier__dropout_rate": [0.0, 0.5]}
    search = GridSearchCV(pipe, grid, cv=3)
    if is_fused:
        with fused_training():
            search.fit(*iris)
        assert trained_sizes(stacks) == [6]
    else:
        search.fit(*iris)
    data = monitor.get_logs().data
    assert len(data) == 7 * N_EPOCHS
    scores = [row["accuracy"] for row in data if row["task_id"] == N_EPOCHS - 1]
    assert search.best_estimator_.score(*iris) in scores


@pytest.mark.parametrize("is_fused", [False, True], ids=["plain", "fused"])
@pytest.mark.parametrize("place", ["search", "pipeline", "estimator"])
def test_progress_bar(place, is_fused, iris, capfd):
    bar = callback.ProgressBar(max_propagation_depth=None)
    pipe = make_pipeline(StandardScaler(), classifier())
    search = GridSearchCV(
        pipe, {"dropoutmlpclassifier__dropout_rate": [0, 0.5]}, cv=2, refit=False
    )
    est = {"search": search, "pipeline": pipe, "estimator": classifier()}[place]
    est.set_callbacks(bar)
    if is_fused:
        with fused_training():
            est.fit(*iris)
    else:
        est.fit(*iris)
    shown = capfd.readouterr().out
    lines = [line for line in shown.splitlines() if "DropoutMLPClassifier" in line]
    assert len(lines) == (4 if place == "search" else 1)
    assert all(re.search(r"100%", line) for line in lines)


def test_networks_are_the_same_with_and_without(iris, without_xla):
    est = classifier(dropout_rate=0.3)
    with fused_training():
        with_callbacks = GridSearchCV(
            clone(est).set_callbacks(Recorder()), {"alpha": [0.0, 0.1]}, cv=2
        ).fit(*iris)
    plain = GridSearchCV(est, {"alpha": [0.0, 0.1]}, cv=2).fit(*iris)
    assert_same_network(with_callbacks.best_estimator_, plain.best_estimator_)

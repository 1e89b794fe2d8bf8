"""Inside scikit-learn's searches, ensembles, pipelines and routing."""

import keras
import numpy as np
import pytest
import sklearn
from sklearn.base import is_classifier, is_regressor
from sklearn.compose import TransformedTargetRegressor
from sklearn.ensemble import BaggingClassifier
from sklearn.exceptions import FitFailedWarning
from sklearn.model_selection import (
    GridSearchCV,
    StratifiedKFold,
    check_cv,
    cross_val_score,
)
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from skdropout import DropoutMLPClassifier, DropoutMLPRegressor

pytestmark = pytest.mark.filterwarnings("ignore:Stochastic Optimizer")


def test_is_what_it_is(iris):
    assert is_classifier(DropoutMLPClassifier())
    assert is_regressor(DropoutMLPRegressor())
    y = iris[1]
    cv = check_cv(3, y, classifier=is_classifier(DropoutMLPClassifier()))
    assert isinstance(cv, StratifiedKFold)
    ordered = np.argsort(y, kind="stable")
    est = DropoutMLPClassifier(
        (16,), dropout_rate=0.0, learning_rate_init=0.01, random_state=0
    )
    assert cross_val_score(est, iris[0][ordered], y[ordered], cv=3).min() > 0.8


def test_grid_search_over_every_kind_of_parameter(iris):
    pipe = make_pipeline(
        StandardScaler(), DropoutMLPClassifier((8,), max_iter=5, random_state=0)
    )
    grid = [
        {"dropoutmlpclassifier__dropout_rate": [0.0, 0.5, (0.3,)]},
        {"dropoutmlpclassifier__batch_norm": [True, "after_dropout"]},
        {"dropoutmlpclassifier__initializer": ["he_normal", "kaiming_normal", "zeros"]},
        {"dropoutmlpclassifier__optimizer": ["sgd", keras.optimizers.Adam(0.1), "lamb"]},
        {"dropoutmlpclassifier__activation": ["tanh", "selu"]},
    ]
    search = GridSearchCV(pipe, grid, cv=2, error_score="raise").fit(*iris)
    scores = search.cv_results_["mean_test_score"]
    assert np.isfinite(scores).all()
    assert scores[5] == scores[6]  # two names of one initializer
    assert search.best_estimator_.score(*iris) > 0.5


def test_the_optimizer_instance_is_never_trained(iris):
    optimizer = keras.optimizers.Adam(0.01)
    for _ in range(2):
        DropoutMLPClassifier((8,), optimizer=optimizer, max_iter=2).fit(*iris)
    assert int(optimizer.iterations) == 0
    assert not optimizer.built


@pytest.mark.filterwarnings("ignore:One or more:UserWarning")
def test_failed_candidates_are_scored_as_such(iris):
    grid = {"dropout_rate": [0.1, 2.0]}
    search = GridSearchCV(DropoutMLPClassifier((8,), max_iter=2), grid, cv=2)
    with pytest.warns(FitFailedWarning, match="2 fits failed"):
        search.fit(*iris)
    assert np.isnan(search.cv_results_["mean_test_score"][1])
    assert search.best_params_ == {"dropout_rate": 0.1}


def test_ensembles(iris, curve):
    member = DropoutMLPClassifier((16,), max_iter=50, learning_rate_init=0.01)
    ensemble = BaggingClassifier(member, n_estimators=3, random_state=0).fit(*iris)
    assert ensemble.score(*iris) > 0.9
    X, y = curve
    scaled = TransformedTargetRegressor(
        DropoutMLPRegressor((64,), dropout_rate=0.0, max_iter=300, random_state=0),
        transformer=StandardScaler(),
    ).fit(X, 1000 * y + 5e4)
    assert scaled.score(X, 1000 * y + 5e4) > 0.8


@pytest.fixture
def metadata_routing():
    with sklearn.config_context(enable_metadata_routing=True):
        yield


@pytest.mark.usefixtures("metadata_routing")
def test_validation_set_through_a_pipeline(iris):
    X, y = iris[0] * 100 + 7, iris[1]
    est = DropoutMLPClassifier((8,), max_iter=3, random_state=0)
    est.set_fit_request(X_val=True, y_val=True)
    pipe = Pipeline(
        [("scale", StandardScaler()), ("mlp", est)], transform_input=["X_val"]
    )
    pipe.fit(X[50:], y[50:], X_val=X[:50], y_val=y[:50])
    accuracy = pipe["mlp"].history_["val_accuracy"][-1]
    assert accuracy == pipe.score(X[:50], y[:50])


@pytest.mark.usefixtures("metadata_routing")
def test_sample_weight_is_routed(iris):
    X, y = iris
    est = DropoutMLPClassifier((8,), learning_rate_init=0.1, random_state=0)
    est.set_fit_request(sample_weight=True).set_score_request(sample_weight=True)
    pipe = make_pipeline(StandardScaler().set_fit_request(sample_weight=False), est)
    only_first = (y == 0).astype(float) + 1e-6
    pipe.fit(X, y, sample_weight=only_first)
    assert (pipe.predict(X) == 0).mean() > 0.9

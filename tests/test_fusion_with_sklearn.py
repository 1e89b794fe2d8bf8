"""scikit-learn's searches, ensembles and curves: fused, the results are the same."""

import joblib
import keras
import numpy as np
import pytest
import sklearn
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import TransformedTargetRegressor
from sklearn.ensemble import (
    AdaBoostClassifier,
    BaggingClassifier,
    RandomForestClassifier,
    StackingClassifier,
    VotingClassifier,
)
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.feature_selection import RFECV
from sklearn.inspection import permutation_importance
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import (
    GridSearchCV,
    HalvingGridSearchCV,
    KFold,
    RandomizedSearchCV,
    cross_val_predict,
    cross_val_score,
    cross_validate,
    learning_curve,
    validation_curve,
)
from sklearn.multiclass import OneVsRestClassifier
from sklearn.multioutput import MultiOutputClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from helpers import trained_sizes
from skdropout import DropoutMLPClassifier, DropoutMLPRegressor, fused_training

pytestmark = [
    pytest.mark.filterwarnings("ignore:.*Maximum iterations"),
    pytest.mark.usefixtures("time_limit", "without_xla"),
]

RATES = {"dropout_rate": [0.0, 0.3, 0.6]}


@pytest.fixture
def metadata_routing():
    with sklearn.config_context(enable_metadata_routing=True):
        yield


def classifier(**params):
    params = {
        "learning_rate_init": 0.01,
        "max_iter": 4,
        "batch_size": 25,
        "random_state": 0,
        **params,
    }
    return DropoutMLPClassifier((12, 7), **params)


def regressor(**params):
    params = {"max_iter": 4, "batch_size": 25, "random_state": 0, **params}
    return DropoutMLPRegressor((12, 7), **params)


def untimed(results):
    """Results of a search or a validation without how long they took."""
    return {name: values for name, values in results.items() if "time" not in name}


def of_search(search, X, y, **fit_params):
    search.fit(X, y, **fit_params)
    return untimed(search.cv_results_), search.best_params_, search.predict_proba(X)


def fused_sizes(run, stacks):
    """Run twice, plainly and fused, compare what comes out; returns the stacks' sizes."""
    plain = run()
    stacks.clear()
    with fused_training():
        fused = run()
    np.testing.assert_equal(fused, plain)  # nested, exact, and NaN equals NaN
    return trained_sizes(stacks)


# Searches


def test_grid_search_over_a_pipeline(iris, stacks):
    pipe = make_pipeline(StandardScaler(), classifier())
    grid = {
        "dropoutmlpclassifier__dropout_rate": [0.0, 0.3, (0.2, 0.5)],
        "dropoutmlpclassifier__alpha": [0.0, 0.1],
    }
    sizes = fused_sizes(lambda: of_search(GridSearchCV(pipe, grid, cv=3), *iris), stacks)
    assert sizes == [18]  # the refit is no task


def test_grid_search_over_several_groups(iris, stacks):
    """Two optimizers and two sizes cannot be one stack, but four."""
    grid = {
        "optimizer": ["sgd", keras.optimizers.RMSprop(0.01)],
        "hidden_layer_sizes": [(12, 7), (8,)],
        "dropout_rate": [0.1, 0.4],
    }

    def run():
        return of_search(GridSearchCV(classifier(), grid, cv=3), *iris)

    assert fused_sizes(run, stacks) == [6, 6, 6, 6]


def test_multimetric_search_with_train_scores(iris, stacks):
    search = GridSearchCV(
        classifier(),
        RATES,
        cv=3,
        scoring=["accuracy", "neg_log_loss"],
        refit="neg_log_loss",
        return_train_score=True,
    )
    assert max(fused_sizes(lambda: of_search(clone(search), *iris), stacks)) == 9


def test_randomized_search(iris, stacks):
    distributions = {"dropout_rate": np.linspace(0, 0.8, 50), "alpha": [0.0, 0.01, 1.0]}

    def run():
        search = RandomizedSearchCV(
            classifier(), distributions, n_iter=4, cv=3, random_state=0
        )
        return of_search(search, *iris)

    assert max(fused_sizes(run, stacks)) == 12


def test_halving_search(iris, stacks):
    """Each round is a search of its own."""

    def run():
        search = HalvingGridSearchCV(
            classifier(),
            {"dropout_rate": [0.0, 0.3, 0.6, 0.8]},
            factor=2,
            min_resources=60,
            max_resources=120,
            cv=3,
            random_state=0,
        )
        return of_search(search, *iris), search.n_resources_

    assert fused_sizes(run, stacks) == [12, 6]


@pytest.mark.parametrize("n_jobs", [1, 2, -1])
def test_n_jobs_of_a_search(n_jobs, iris, stacks):
    """The results are those of one job; how many fuse does not depend on it."""
    plain = of_search(GridSearchCV(classifier(), RATES, cv=3), *iris)
    with fused_training():
        search = GridSearchCV(classifier(), RATES, cv=3, n_jobs=n_jobs)
        fused = of_search(search, *iris)
    np.testing.assert_equal(fused, plain)
    assert max(trained_sizes(stacks)) == 9


@pytest.mark.parametrize("n_jobs", [None, 2])
def test_backend_by_its_name(n_jobs, iris, stacks):
    plain = of_search(GridSearchCV(classifier(), RATES, cv=3), *iris)
    with joblib.parallel_config(backend="skdropout", n_jobs=n_jobs):
        fused = of_search(GridSearchCV(classifier(), RATES, cv=3), *iris)
    np.testing.assert_equal(fused, plain)
    assert max(trained_sizes(stacks)) == 9


@pytest.mark.parametrize(
    ("est", "grid"),
    [
        (LogisticRegression(), {"C": [0.1, 1.0, 10.0]}),
        (
            RandomForestClassifier(n_estimators=2, random_state=0),
            {"max_depth": [1, 2]},
        ),
    ],
    ids=["linear", "forest"],
)
def test_search_of_another_estimator(est, grid, iris, stacks):
    # Two trees, as their threads add up the probabilities in any order.

    def run():
        return of_search(GridSearchCV(clone(est), grid, cv=3), *iris)

    assert fused_sizes(run, stacks) == []


# Validation


def test_cross_validate(iris, stacks):
    def run():
        results = cross_validate(
            classifier(), *iris, cv=4, return_estimator=True, return_train_score=True
        )
        members = results.pop("estimator")
        return untimed(results), [m.coefs_ + m.intercepts_ for m in members]

    assert fused_sizes(run, stacks) == [4]


def test_cross_val_predict(iris, stacks):
    def run():
        return cross_val_predict(classifier(), *iris, cv=3, method="predict_proba")

    assert fused_sizes(run, stacks) == [3]


def test_learning_curve(iris, stacks):
    """Each size is a group, as it has its own number of steps."""

    def run():
        return learning_curve(
            classifier(),
            *iris,
            cv=3,
            train_sizes=[30, 60, 90],
            shuffle=True,
            random_state=0,
        )

    assert fused_sizes(run, stacks) == [3, 3, 3]


def test_learning_curve_by_partial_fit(iris, stacks):
    """A task fits several times, each time from where it was."""

    def run():
        return learning_curve(
            classifier(),
            *iris,
            cv=3,
            train_sizes=[30, 60, 90],
            exploit_incremental_learning=True,
        )

    assert fused_sizes(run, stacks) == [3, 3, 3]


def test_validation_curve(iris, stacks):
    def run():
        return validation_curve(
            classifier(), *iris, cv=3, param_name="alpha", param_range=[0.0, 0.1, 1.0]
        )

    assert fused_sizes(run, stacks) == [9]


def test_permutation_importance_fits_nothing(iris, stacks):
    est = classifier().fit(*iris)

    def run():
        return dict(permutation_importance(est, *iris, n_repeats=3, random_state=0))

    assert fused_sizes(run, stacks) == []


def test_transformed_targets(curve, stacks):
    X, y = curve
    scaled = TransformedTargetRegressor(regressor(), transformer=StandardScaler())

    def run():
        return cross_val_score(scaled, X, 100 * y, cv=4)

    assert fused_sizes(run, stacks) == [4]


# Ensembles and others that fit several


@pytest.mark.parametrize("n_jobs", [None, -1])
def test_bagging(n_jobs, iris, stacks):
    def run():
        ensemble = BaggingClassifier(
            classifier(random_state=None), 4, n_jobs=n_jobs, random_state=0
        ).fit(*iris)
        coefs = [member.coefs_ for member in ensemble.estimators_]
        return coefs, ensemble.predict(iris[0])

    first, *others = run()[0]
    for other in others:  # else fusing could mix them up unnoticed
        assert (first[0] != other[0]).any()
    assert fused_sizes(run, stacks) == [4]


def test_search_over_an_ensemble(iris, stacks):
    """Parallel code within parallel code: the fits of all ensembles join."""

    def run():
        ensemble = BaggingClassifier(classifier(), 3, random_state=0)
        grid = {"estimator__dropout_rate": [0.1, 0.5]}
        return of_search(GridSearchCV(ensemble, grid, cv=3), *iris)

    assert sorted(fused_sizes(run, stacks)) == [3, 18]


def members():
    return [(f"mlp{seed}", classifier(random_state=seed)) for seed in range(3)]


def test_voting(iris, stacks):
    def run():
        ensemble = VotingClassifier(members(), voting="soft").fit(*iris)
        return ensemble.predict_proba(iris[0])

    assert fused_sizes(run, stacks) == [3]


def test_stacking(iris, stacks):
    """Each on all rows, then each on the folds; the final one is no task."""

    def run():
        final = classifier(random_state=9)
        ensemble = StackingClassifier(members(), final, cv=3).fit(*iris)
        return ensemble.predict_proba(iris[0])

    assert fused_sizes(run, stacks) == [3, 9]


def test_boosting_is_sequential(iris, stacks):
    def run():
        ensemble = AdaBoostClassifier(classifier(), n_estimators=3, random_state=0)
        ensemble.fit(*iris)
        return ensemble.predict_proba(iris[0]), ensemble.estimator_weights_

    assert fused_sizes(run, stacks) == []


@pytest.mark.parametrize("ensemble", [True, False])
def test_calibration(ensemble, iris, stacks):
    def run():
        calibrated = CalibratedClassifierCV(classifier(), cv=3, ensemble=ensemble)
        return calibrated.fit(*iris).predict_proba(iris[0])

    assert max(fused_sizes(run, stacks)) == 3


def test_one_versus_rest(iris, stacks):
    def run():
        return OneVsRestClassifier(classifier()).fit(*iris).predict_proba(iris[0])

    assert fused_sizes(run, stacks) == [3]


def test_several_targets(iris, stacks):
    X, y = iris
    Y = np.stack([y, (y + 1) % 3, X[:, 0] > 0], axis=1).astype(int)

    def run():
        return MultiOutputClassifier(classifier()).fit(X, Y).predict(X)

    assert sorted(fused_sizes(run, stacks)) == [1, 2]  # the third has two classes


def test_feature_elimination(iris, stacks):
    """A fit for each number of features, and the folds side by side."""

    def run():
        selector = RFECV(
            classifier(),
            cv=3,
            importance_getter=lambda est: np.abs(est.coefs_[0]).sum(axis=1),
        ).fit(*iris)
        return untimed(selector.cv_results_), selector.ranking_

    assert fused_sizes(run, stacks)[:4] == [3, 3, 3, 3]


# Metadata


def weights(y):
    return np.random.default_rng(3).uniform(0.2, 2.0, len(y))


def test_sample_weights_without_routing(iris, stacks):
    def run():
        search = GridSearchCV(classifier(), RATES, cv=3)
        return of_search(search, *iris, sample_weight=weights(iris[1]))

    assert max(fused_sizes(run, stacks)) == 9


@pytest.mark.usefixtures("metadata_routing")
def test_sample_weights_through_a_search(iris, stacks):
    """The configuration belongs to a thread, and the tasks have threads of their own."""
    X, y = iris

    def run(**metadata):
        est = classifier().set_fit_request(sample_weight=True)
        est.set_score_request(sample_weight=True)
        pipe = make_pipeline(StandardScaler().set_fit_request(sample_weight=False), est)
        grid = {"dropoutmlpclassifier__dropout_rate": [0.0, 0.5]}
        return of_search(GridSearchCV(pipe, grid, cv=3), X, y, **metadata)

    only_first = (y == 0) + 1e-3
    assert max(fused_sizes(lambda: run(sample_weight=only_first), stacks)) == 6
    assert (run()[2] != run(sample_weight=only_first)[2]).any()


@pytest.mark.usefixtures("metadata_routing")
def test_metadata_through_cross_validate(iris, stacks):
    X, y = iris

    def run():
        est = classifier().set_fit_request(sample_weight=True, X_val=True, y_val=True)
        est.set_score_request(sample_weight=False)
        results = cross_validate(
            est,
            X,
            y,
            cv=KFold(3),
            params={"sample_weight": weights(y)},
            return_estimator=True,
        )
        members = results.pop("estimator")
        return untimed(results), [m.coefs_ for m in members]

    assert fused_sizes(run, stacks) == [3]


# What cannot be fused, among what can


class CountBatches(keras.callbacks.Callback):
    def on_train_begin(self, logs=None):
        self.n_batches = 0

    def on_train_batch_end(self, batch, logs=None):
        self.n_batches += 1


@pytest.mark.parametrize(
    "grid",
    [
        pytest.param({"optimizer": ["adam", "muon"]}, marks=pytest.mark.slow, id="muon"),
        pytest.param(
            {"optimizer": ["adam", keras.optimizers.Adam(0.01, use_ema=True)]},
            marks=pytest.mark.slow,
            id="average",
        ),
        pytest.param({"callbacks": [None, [CountBatches()]]}, id="batches"),
    ],
)
def test_search_in_which_some_cannot_be_fused(grid, iris, stacks):
    def run():
        search = GridSearchCV(classifier(), {**grid, **RATES}, cv=3)
        results, best, proba = of_search(search, *iris)
        del results["params"], results[f"param_{next(iter(grid))}"]
        return results, best["dropout_rate"], proba

    sizes = fused_sizes(run, stacks)
    # Keras trains the others, of which `progress` does not tell.
    assert sizes == [9]


def test_tasks_of_which_some_cannot_be_fused(iris, stacks):
    def fit(i):
        callbacks = [CountBatches()] if i % 2 else None
        est = classifier(random_state=i, callbacks=callbacks).fit(*iris)
        return est.coefs_, [callback.n_batches for callback in callbacks or ()]

    def run():
        return joblib.Parallel()(joblib.delayed(fit)(i) for i in range(6))

    assert [n for _, n in run()] == [[], [24]] * 3
    assert fused_sizes(run, stacks) == [3]

"""Everything of scikit-learn that takes a classifier or a regressor takes ours.

The table is compared with what scikit-learn has, so that whatever is new there is missed
here. What an entry does with a situation is what it does with scikit-learn's own models:
it works, or the error is of the same type. Fused, the results are those of plain fits.
"""

import inspect
from typing import NamedTuple

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import polars as pl
import pytest
import sklearn
from sklearn.base import clone
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.metrics import get_scorer
from sklearn.model_selection import GroupKFold
from sklearn.utils.discovery import all_displays, all_estimators, all_functions

from helpers import trained_sizes
from skdropout import DropoutMLPClassifier, DropoutMLPRegressor, fused_training

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore"),
    pytest.mark.usefixtures("time_limit", "without_xla"),
]

SMALL = {"hidden_layer_sizes": (4,), "max_iter": 2, "batch_size": 20, "random_state": 0}
OURS = {
    "classifier": DropoutMLPClassifier(**SMALL, learning_rate_init=0.05),
    "regressor": DropoutMLPRegressor(**SMALL),
}
THEIRS = {"classifier": LogisticRegression(), "regressor": LinearRegression()}


def importances(est):
    first_layer = est.coefs_[0].T if hasattr(est, "coefs_") else np.atleast_2d(est.coef_)
    return np.abs(first_layer).sum(axis=0)


class Entry(NamedTuple):
    """How something of scikit-learn is used around a member.

    `targets` are as in `targets_of`; a class is given its member as `where` says.
    """

    kind: str
    targets: str
    where: str = "estimator"
    params: dict = {}  # noqa: RUF012


def classes(targets="classes", where="estimator", **params):
    return Entry("classifier", targets, where, params)


def numbers(targets="numbers", where="estimator", **params):
    return Entry("regressor", targets, where, params)


HALVING = {"min_resources": 15, "factor": 2, "random_state": 0, "cv": 2}
GRID, RATES = {}, [0.1, 0.5]
ENTRIES = {
    "AdaBoostClassifier": classes(n_estimators=2, random_state=0),
    "AdaBoostRegressor": numbers(n_estimators=2, random_state=0),
    "BaggingClassifier": classes(n_estimators=2, random_state=0),
    "BaggingRegressor": numbers(n_estimators=2, random_state=0),
    "CalibratedClassifierCV": classes(cv=2),
    "ClassifierChain": classes("numbered labels"),
    "FixedThresholdClassifier": classes("two", threshold=0.4),
    "FrozenEstimator": classes(),
    "GridSearchCV": classes(param_grid=GRID, cv=2),
    "HalvingGridSearchCV": classes(param_grid=GRID, **HALVING),
    "HalvingRandomSearchCV": classes(param_distributions=GRID, **HALVING),
    "MultiOutputClassifier": classes("labels"),
    "MultiOutputRegressor": numbers("several"),
    "OneVsOneClassifier": classes(),
    "OneVsRestClassifier": classes(),
    "OutputCodeClassifier": classes(random_state=0),
    "Pipeline": classes(where="steps"),
    "RANSACRegressor": numbers(min_samples=0.5, max_trials=2, random_state=0),
    "RFE": classes(importance_getter=importances),
    "RFECV": classes(importance_getter=importances, cv=2, min_features_to_select=3),
    "RandomizedSearchCV": classes(
        param_distributions=GRID, n_iter=2, cv=2, random_state=0
    ),
    "RegressorChain": numbers("several"),
    "SelectFromModel": classes(importance_getter=importances),
    "SelfTrainingClassifier": classes("some unknown", max_iter=1),
    "SequentialFeatureSelector": classes(n_features_to_select=1, cv=2),
    "StackingClassifier": classes(where="estimators", cv=2),
    "StackingRegressor": numbers(where="estimators", cv=2),
    "TransformedTargetRegressor": numbers(where="regressor"),
    "TunedThresholdClassifierCV": classes("two", cv=2, random_state=0),
    "VotingClassifier": classes(where="estimators", voting="soft"),
    "VotingRegressor": numbers(where="estimators"),
    # Functions; where a cross-validation is made, metadata go by `params`.
    "cross_val_predict": classes(where="params", cv=2, method="predict_proba"),
    "cross_val_score": classes(where="params", cv=2, error_score="raise"),
    "cross_validate": classes(where="params", cv=2, error_score="raise"),
    "learning_curve": classes(where="params", cv=2, train_sizes=[0.5, 1.0]),
    "partial_dependence": classes(where="fitted", features=[0], grid_resolution=3),
    "permutation_importance": classes(where="fitted", n_repeats=2, random_state=0),
    "permutation_test_score": classes(where="params", cv=2, n_permutations=2),
    "validation_curve": classes(where="params", cv=2),
}
# These draw what a fitted estimator predicts, or what a function of the above returns.
DISPLAYS = {
    "CalibrationDisplay": classes("two"),
    "ConfusionMatrixDisplay": classes(),
    "DecisionBoundaryDisplay": classes("two"),
    "DetCurveDisplay": classes("two"),
    "LearningCurveDisplay": classes(cv=2, train_sizes=[0.5, 1.0]),
    "PartialDependenceDisplay": classes("two", features=[0], grid_resolution=3),
    "PrecisionRecallDisplay": classes("two"),
    "PredictionErrorDisplay": numbers(random_state=0),
    "RocCurveDisplay": classes("two"),
    "ValidationCurveDisplay": classes(cv=2),
}
# What has such an argument but fits and predicts nothing.
OTHERS = {
    *("check_X_y", "check_array", "check_cv", "check_is_fitted", "check_same_namespace"),
    *("check_scoring", "clone", "estimator_html_repr", "get_tags", "has_fit_parameter"),
    *("is_classifier", "is_clusterer", "is_outlier_detector", "is_regressor"),
    "make_pipeline",
}
TAKEN = {"classifier", "estimator", "estimators", "regressor", "steps"}


def discovered():
    """Names in scikit-learn of what takes an estimator -> the objects."""
    found = {}
    for name, item in [*all_estimators(), *all_displays(), *all_functions()]:
        called = getattr(item, "from_estimator", item)
        if TAKEN.intersection(inspect.signature(called).parameters):
            found[name] = item
    return found


FOUND = discovered()


def test_the_table_knows_all_that_takes_an_estimator():
    assert set(FOUND) - {*ENTRIES, *DISPLAYS, *OTHERS} == set()


NAMES = np.array(["ja", "nein", "ü"])


def targets_of(kind, y, X):
    classes, two = NAMES[y], NAMES[np.minimum(y, 1)]
    unknown = classes.astype(object)
    unknown[::5] = -1
    return {
        "classes": classes,
        "two": two,
        "labels": np.stack([two, NAMES[(X[:, 0] > 0).astype(int)]], axis=1),
        "numbered labels": np.stack([np.minimum(y, 1), X[:, 0] > 0], axis=1).astype(int),
        "some unknown": unknown,
        "numbers": X[:, 0] + y,
        "several": np.stack([X[:, 0] + y, X[:, 1]], axis=1),
    }[kind]


def pandas_frame(X):
    return pd.DataFrame(X, columns=["a", "b", "c", "d"])


def polars_frame(X):
    return pl.DataFrame(dict(zip("abcd", X.T, strict=True)))


class Situation(NamedTuple):
    frame: object = np.asarray
    metadata: tuple = ()
    routing: bool = False
    output: str | None = None


SITUATIONS = {
    "arrays": Situation(),
    "pandas": Situation(frame=pandas_frame, output="pandas"),
    "polars": Situation(frame=polars_frame, output="polars"),
    "weights": Situation(metadata=("sample_weight",)),
    "routed weights": Situation(metadata=("sample_weight",), routing=True),
    "groups": Situation(metadata=("groups",)),
    "routed groups": Situation(metadata=("groups", "sample_weight"), routing=True),
}


def outcome(name, entry, situation, members, iris):
    """What comes out: arrays, frames, or the type of the error."""
    with sklearn.config_context(enable_metadata_routing=situation.routing):
        try:
            return use(name, entry, situation, clone(members[entry.kind]), iris)
        except (AttributeError, TypeError, ValueError, NotImplementedError) as error:
            return type(error), error


def use(name, entry, situation, member, iris):
    X, y = iris[0][:60], targets_of(entry.targets, iris[1][:60], iris[0][:60])
    X = situation.frame(X)
    weight = np.linspace(0.5, 2, len(y))
    metadata = {"sample_weight": weight, "groups": np.arange(len(y)) % 4}
    metadata = {key: metadata[key] for key in situation.metadata}
    params = dict(entry.params)
    if "groups" in metadata and "cv" in params:
        params["cv"] = GroupKFold(2)
    if situation.routing:
        member.set_fit_request(sample_weight=True).set_score_request(sample_weight=True)
        if hasattr(member, "set_partial_fit_request"):  # which learning_curve asks about
            member.set_partial_fit_request(sample_weight=True)
        if name in ("RFECV", "TunedThresholdClassifierCV"):  # these make a scorer
            scorer = get_scorer("accuracy").set_score_request(sample_weight=True)
            params["scoring"] = scorer
    varied = "dropout_rate" if hasattr(member, "dropout_rate") else "n_jobs"
    values = RATES if varied == "dropout_rate" else [None, 1]
    for key in ("param_grid", "param_distributions"):
        if key in params:
            params[key] = {varied: values}
    if entry.where == "params":
        if name == "validation_curve":
            params |= {"param_name": varied, "param_range": values}
        return FOUND[name](member, X, y, params=metadata or None, **params)
    if entry.where == "fitted":
        member.fit(X, y)
        args = (X,) if name == "partial_dependence" else (X, y)
        return dict(FOUND[name](member, *args, **metadata, **params))
    if name == "FrozenEstimator":
        member.fit(X, y)
    given = {"steps": [("mlp", member)], "estimators": [("a", member), ("b", member)]}
    meta = FOUND[name](**{entry.where: given.get(entry.where, member)}, **params)
    if situation.output and hasattr(meta, "transform"):
        meta.set_output(transform=situation.output)
    meta.fit(X, y, **metadata)
    results = {
        method: getattr(meta, method)(X)
        for method in ("predict", "predict_proba", "transform")
        if hasattr(meta, method)
    }
    assert results, "nothing comes out"
    if entry.kind == "classifier" and "predict" in results:
        assert set(np.ravel(results["predict"])) <= set(np.ravel(y))
    if situation.output:
        assert list(meta.feature_names_in_) == list("abcd")
        if "transform" in results:
            module = type(results["transform"]).__module__
            assert module.startswith(situation.output)
            results["transform"] = results["transform"].to_numpy()
    return results


def untimed(results):
    if isinstance(results, dict):
        return {name: v for name, v in results.items() if "time" not in name}
    return results


# Those whose fits follow one another, or that fit once or nothing.
ALONE = {
    *("AdaBoostClassifier", "AdaBoostRegressor", "ClassifierChain", "RegressorChain"),
    *(
        "FixedThresholdClassifier",
        "FrozenEstimator",
        "Pipeline",
        "RANSACRegressor",
        "RFE",
    ),
    *("SelectFromModel", "SelfTrainingClassifier", "TransformedTargetRegressor"),
    *("partial_dependence", "permutation_importance"),
}


@pytest.mark.parametrize("situation", SITUATIONS)
@pytest.mark.parametrize("name", ENTRIES)
def test_entry(name, situation, iris, stacks):
    entry, case = ENTRIES[name], SITUATIONS[situation]
    theirs = outcome(name, entry, case, THEIRS, iris)
    plain = outcome(name, entry, case, OURS, iris)
    if isinstance(theirs, tuple) and isinstance(theirs[0], type):
        assert situation not in ("arrays", "pandas"), theirs
        assert plain[0] is theirs[0], (plain, theirs)
        return
    if isinstance(plain, tuple) and isinstance(plain[0], type):
        raise plain[1]
    stacks.clear()
    with fused_training():
        fused = outcome(name, entry, case, OURS, iris)
    np.testing.assert_equal(untimed(fused), untimed(plain))
    assert (max(trained_sizes(stacks), default=1) > 1) == (name not in ALONE)


@pytest.mark.parametrize("name", DISPLAYS)
def test_display(name, iris):
    entry = DISPLAYS[name]
    X, y = iris[0][:60, :2], targets_of(entry.targets, iris[1][:60], iris[0][:60])
    est = clone(OURS[entry.kind]).fit(X, y)
    params = dict(entry.params)
    if name == "ValidationCurveDisplay":
        params |= {"param_name": "dropout_rate", "param_range": RATES}
    args = (X,) if name.startswith(("Decision", "Partial")) else (X, y)
    display = FOUND[name].from_estimator(est, *args, **params)
    assert display is not None
    assert plt.gcf().axes
    plt.close("all")


@pytest.mark.parametrize("name", ["RFE", "RFECV", "SelectFromModel"])
def test_importances_have_to_be_named(name, iris):
    """A network has no importance of a feature that would speak for itself."""
    X, y = iris
    with pytest.raises(
        (AttributeError, ValueError), match=r"coef_.*feature_importances_"
    ):
        FOUND[name](clone(OURS["classifier"])).fit(X, y).transform(X)

"""What HistoryScorer keeps of a search, and that it changes no score."""

import gc
import pickle

import keras
import numpy as np
import pytest
import sklearn
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.exceptions import NotFittedError
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, get_scorer, make_scorer
from sklearn.model_selection import (
    GridSearchCV,
    HalvingGridSearchCV,
    KFold,
    cross_validate,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler

from helpers import run_python
from skdropout import DropoutMLPClassifier, HistoryScorer, fused_training

pytestmark = pytest.mark.filterwarnings("ignore:Stochastic Optimizer")

X = np.arange(24.0)[:, None]
y = np.arange(24) % 2


class Traced(ClassifierMixin, BaseEstimator):
    """Its history tells its rate and its rows; its scores are few, so that many tie."""

    def __init__(self, rate=0.1, kind=None, scaler=None):
        self.rate = rate
        self.kind = kind
        self.scaler = scaler

    def fit(self, X, y, sample_weight=None):
        if self.rate == "fails":
            raise ArithmeticError("no fit")
        self.classes_ = np.unique(y)
        self.history_ = {"loss": [float(self.rate), float(X.sum()), np.float32(len(X))]}
        self.n_iter_ = 3
        return self

    def predict(self, X):
        return np.full(len(X), self.classes_[int(self.rate > 0.3)])


def expected(search):
    """Histories of the same fits, made by hand."""
    splits = list(search.cv.split(X, y))
    estimator = search.estimator
    return [
        [
            clone(estimator).set_params(**params).fit(X[train], y[train]).history_
            for train, _ in splits
        ]
        for params in search.cv_results_["params"]
    ]


def searched(grid, scoring, estimator=None, **options):
    estimator = Traced() if estimator is None else estimator
    return GridSearchCV(estimator, grid, scoring=scoring, cv=KFold(3), **options).fit(
        X, y
    )


RATES = {"rate": [0.1, 0.2, 0.5]}


@pytest.mark.parametrize("how", ["plain", "fused", "processes"])
def test_histories_of_networks(iris, how):
    X, y = iris
    mlp = DropoutMLPClassifier((4,), max_iter=3, n_iter_no_change=3, random_state=0)
    pipe = make_pipeline(StandardScaler(), mlp)
    grid = {"dropoutmlpclassifier__dropout_rate": [0.0, 0.5]}
    scorer, cv = HistoryScorer("accuracy"), KFold(2)
    n_jobs = 2 if how == "processes" else None
    search = GridSearchCV(pipe, grid, scoring=scorer, cv=cv, n_jobs=n_jobs)
    if how == "fused":
        with fused_training():
            search.fit(X, y)
    else:
        search.fit(X, y)
    for i, of_folds in enumerate(scorer.histories(search)):
        for k, (train, _) in enumerate(cv.split(X)):
            network = clone(pipe).set_params(**search.cv_results_["params"][i])
            network.fit(X[train], y[train])
            assert of_folds[k].keys() == network[-1].history_.keys()
            for name, values in network[-1].history_.items():
                np.testing.assert_allclose(of_folds[k][name], values, rtol=1e-4)


@pytest.mark.parametrize(
    "scoring", [None, "accuracy", "neg_log_loss", make_scorer(accuracy_score)]
)
def test_scores_are_as_without(scoring):
    estimator = LogisticRegression() if scoring == "neg_log_loss" else Traced()
    grid = {"C": [0.1, 1.0]} if scoring == "neg_log_loss" else RATES
    plain, kept = (
        searched(grid, s, estimator, return_train_score=True).cv_results_
        for s in (scoring, HistoryScorer(scoring))
    )
    for name, values in plain.items():
        if "time" not in name:
            np.testing.assert_array_equal(values, kept[name])


@pytest.mark.parametrize("train_scores", [False, True])
def test_candidates_of_equal_scores(train_scores):
    scorer = HistoryScorer()
    search = searched(RATES, scorer, return_train_score=train_scores)
    assert len(np.unique(search.cv_results_["split0_test_score"])) == 1
    assert scorer.histories(search) == expected(search)
    assert len(scorer.records()) == 9  # a fit has one, however often it is scored


def test_values_that_are_not_plain():
    values = {
        "kind": [None, "a", (1, 2), np.float64(0.5), {"b": [np.int64(1)]}, np.arange(3)],
        "scaler": [StandardScaler(), MinMaxScaler(), max, print],
        "rate": [0.1, 0.5],
    }
    scorer = HistoryScorer()
    search = searched(values, scorer)
    assert scorer.histories(search) == expected(search)


def test_optimizers(iris):
    optimizers = [keras.optimizers.SGD(rate) for rate in (0.1, 0.01)]
    mlp = DropoutMLPClassifier((4,), max_iter=2, random_state=0)
    scorer = HistoryScorer()
    search = GridSearchCV(mlp, {"optimizer": optimizers}, scoring=scorer, cv=2)
    with fused_training():
        search.fit(*iris)
    for of_folds, rate in zip(scorer.histories(search), (0.1, 0.01), strict=True):
        for history in of_folds:
            np.testing.assert_allclose(history["learning_rate"], rate, rtol=1e-5)


def test_the_last_fit_of_a_search_counts():
    scorer = HistoryScorer()
    search = searched(RATES, scorer)
    search.fit(X + 1, y)
    sums = [[of_fold["loss"][1] for of_fold in row] for row in scorer.histories(search)]
    assert sums == [[(X[train] + 1).sum() for train, _ in KFold(3).split(X)]] * 3


def test_rungs_of_a_halving_search():
    scorer = HistoryScorer()
    grid = {"rate": [0.1, 0.15, 0.2, 0.25]}
    options = {"factor": 2, "min_resources": 12, "random_state": 0, "cv": KFold(3)}
    search = HalvingGridSearchCV(Traced(), grid, scoring=scorer, **options).fit(X, y)
    amounts = search.cv_results_["n_resources"]
    assert sorted(set(amounts)) == [12, 24]
    rows = [[h["loss"][2] for h in of_folds] for of_folds in scorer.histories(search)]
    assert rows == [[amount * 2 / 3] * 3 for amount in amounts]


@pytest.mark.filterwarnings("ignore:Scoring failed", "ignore:One or more of the test")
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.FitFailedWarning")
def test_failed_fits_have_none():
    scorer = HistoryScorer()
    search = searched({"rate": [0.1, "fails"]}, scorer)
    first, second = scorer.histories(search)
    assert all(first)
    assert second == [{}, {}, {}]


def test_one_of_several_scores():
    scorer = HistoryScorer("accuracy")
    scoring = {"kept": scorer, "other": "balanced_accuracy"}
    search = searched(RATES, scoring, refit="other")
    assert scorer.histories(search) == expected(search)

    def both(estimator, X, y):
        score = estimator.score(X, y)
        return {"one": score, "two": -score}

    scorer = HistoryScorer(both)
    search = searched(RATES, scorer, refit="two")
    assert scorer.histories(search) == expected(search)
    assert scorer.records()[0]["scores"].keys() == {"one", "two"}


def test_cross_validation():
    scorer = HistoryScorer()
    found = cross_validate(Traced(rate=0.5), X, y, scoring=scorer, cv=KFold(3))
    records = scorer.records()
    assert [record["scores"][""] for record in records] == list(found["test_score"])
    assert [record["n_iter"] for record in records] == [3, 3, 3]
    assert {record["params"]["rate"] for record in records} == {"0.5"}


def test_other_estimators_are_scored_alone():
    scorer = HistoryScorer()
    search = searched({"C": [1.0]}, scorer, LogisticRegression())
    assert scorer.records() == []
    assert scorer.histories(search) == [[{}, {}, {}]]


def test_copies_have_the_same_histories():
    scorer = HistoryScorer("accuracy")
    search = clone(GridSearchCV(Traced(), RATES, scoring=scorer, cv=KFold(3))).fit(X, y)
    assert scorer.histories(search) == expected(search)
    assert repr(search.scoring) == "HistoryScorer('accuracy')"
    loaded = pickle.loads(pickle.dumps(search))
    assert loaded.scoring.histories(loaded) == scorer.histories(search)
    assert loaded.scoring.histories(search) == scorer.histories(loaded)
    copies = pickle.loads(pickle.dumps(search.scoring))
    del copies  # a copy removes nothing
    gc.collect()
    assert scorer.records()


def test_folder_goes_with_the_scorer():
    scorer = HistoryScorer()
    search = searched(RATES, scorer)
    folder, pickled = scorer.folder, pickle.dumps(search)
    assert folder.is_dir()
    del scorer, search
    gc.collect()
    assert not folder.exists()
    loaded = pickle.loads(pickled)
    assert loaded.scoring.histories(loaded) == [[{}, {}, {}]] * 3
    with pytest.warns(RuntimeWarning, match="could not be kept"):
        again = loaded.fit(X, y)
    np.testing.assert_array_equal(
        again.cv_results_["mean_test_score"],
        searched(RATES, None).cv_results_["mean_test_score"],
    )


def test_folder_goes_with_the_process(tmp_path):
    code = """
        import os, sys
        from skdropout import HistoryScorer
        scorer = HistoryScorer()
        if os.fork() == 0:
            del scorer
            sys.exit()
        os.wait()
        assert scorer.folder.is_dir()
        print(scorer.folder)
        assert {"matplotlib", "tensorflow"}.isdisjoint(sys.modules)
    """
    result = run_python(code, env={"TMPDIR": str(tmp_path)})
    assert result.stdout.startswith(str(tmp_path))
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_stays(tmp_path):
    folder = tmp_path / "new" / "histories"
    scorer = HistoryScorer(folder=str(folder))
    search = searched(RATES, scorer)
    found = scorer.histories(search)
    pickled = pickle.dumps(search)
    del scorer, search
    gc.collect()
    loaded = pickle.loads(pickled)
    assert loaded.scoring.histories(loaded) == found
    assert {file.suffix for file in folder.iterdir()} == {".json"}


def test_losses_that_are_not_finite():
    scorer = HistoryScorer()

    class Diverged(Traced):
        def fit(self, X, y):
            super().fit(X, y)
            self.history_["loss"] = [np.inf, np.nan]
            return self

    search = searched(RATES, scorer, Diverged())
    (losses,) = scorer.histories(search)[0][0].values()
    np.testing.assert_array_equal(losses, [np.inf, np.nan])


def test_weights_reach_the_score():
    weights = np.arange(24) + 1.0
    with sklearn.config_context(enable_metadata_routing=True):
        estimator = Traced().set_fit_request(sample_weight=True)
        inner = get_scorer("accuracy").set_score_request(sample_weight=True)
        means = []
        for scoring in (inner, HistoryScorer(inner), {"a": HistoryScorer(inner)}):
            search = GridSearchCV(estimator, RATES, scoring=scoring, refit=False)
            results = search.fit(X, y, sample_weight=weights).cv_results_
            means.append(results.get("mean_test_score", results.get("mean_test_a")))
    np.testing.assert_array_equal(means[0], means[1])
    np.testing.assert_array_equal(means[0], means[2])
    unweighted = searched(RATES, "accuracy").cv_results_["mean_test_score"]
    assert not np.allclose(means[0], unweighted)


@pytest.mark.parametrize(
    ("scoring", "accepts"),
    [
        (None, True),
        ("accuracy", True),
        (lambda estimator, X, y: 1.0, False),
        (lambda estimator, X, y, sample_weight=None: 1.0, True),
    ],
)
def test_who_takes_weights(scoring, accepts):
    assert HistoryScorer(scoring)._accept_sample_weight() is accepts


def test_bad_arguments(tmp_path):
    for scoring in (3, ["accuracy"], {"a": "accuracy"}):
        with pytest.raises(ValueError, match=r"scoring=.* must be None, a str or a call"):
            HistoryScorer(scoring)
    with pytest.raises(ValueError, match="'accurate' is not a valid scoring value"):
        HistoryScorer("accurate")
    scorer = HistoryScorer()
    with pytest.raises(NotFittedError, match="GridSearchCV is not fitted"):
        scorer.histories(GridSearchCV(Traced(), RATES, scoring=scorer))
    with pytest.raises(ValueError, match="scoring='accuracy', not this HistoryScorer"):
        scorer.histories(searched(RATES, "accuracy"))
    with pytest.raises(ValueError, match="not this HistoryScorer"):
        scorer.histories(searched(RATES, {"a": HistoryScorer()}, refit=False))


@pytest.mark.filterwarnings("ignore:Scoring failed", "ignore:One or more of the test")
def test_scores_that_fail():
    def fails(estimator, X, y):
        raise ArithmeticError

    scorer = HistoryScorer(fails)
    search = searched(RATES, scorer, error_score=np.nan, refit=False)
    assert scorer.histories(search) == [[{}, {}, {}]] * 3
    scorer = HistoryScorer(lambda estimator, X, y: "much")
    with (
        pytest.warns(RuntimeWarning, match="could not be kept"),
        pytest.raises(ValueError, match="must return a number"),
    ):
        searched(RATES, scorer)

"""Fits that differ in layers, activations, features or rows share few programs."""

import contextlib

import joblib
import keras
import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer
from sklearn.exceptions import FitFailedWarning
from sklearn.feature_selection import RFECV, SelectKBest
from sklearn.model_selection import GridSearchCV, ParameterGrid, RandomizedSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import scale

from helpers import assert_same_network
from skdropout import DropoutMLPClassifier, DropoutMLPRegressor, fused_training
from skdropout.training.program import Program

pytestmark = [
    pytest.mark.filterwarnings("ignore:.*Maximum iterations"),
    pytest.mark.filterwarnings("ignore:batch_size=.* is larger than"),
    pytest.mark.usefixtures("time_limit", "without_xla"),
]


@pytest.fixture
def programs(monkeypatch):
    """The sizes of layers of the programs that are made."""
    made, make = [], Program.__init__

    def recorded(program, key, *args):
        made.append(key.kind.frame.layer_units)
        make(program, key, *args)

    monkeypatch.setattr(Program, "__init__", recorded)
    return made


@pytest.fixture(scope="module")
def cancer():
    """569 rows, 30 features, 2 classes, standardised."""
    X, y = load_breast_cancer(return_X_y=True)
    return scale(X), y


def classifier(*sizes, **params):
    return DropoutMLPClassifier(
        sizes, **{"max_iter": 5, "batch_size": 50, "random_state": 0, **params}
    )


GRID = {
    "hidden_layer_sizes": [(5,), (12,), (30,), (8, 3), (20, 9)],
    "activation": ["relu", "sigmoid"],
}


def fit_all(ests, X, y, **fit_params):
    return joblib.Parallel(pre_dispatch="all")(
        joblib.delayed(clone(est).fit)(X, y, **fit_params) for est in ests
    )


def assert_same(one, other):
    """The same network, up to what rounding does where arrays have other shapes."""
    assert_same_network(one, other, rtol=1e-4, atol=1e-5)
    assert one.n_iter_ == other.n_iter_
    np.testing.assert_allclose(one.loss_curve_, other.loss_curve_, rtol=1e-5)
    for a, b in zip(one._batch_norms, other._batch_norms, strict=True):
        for name in a:
            np.testing.assert_allclose(a[name], b[name], rtol=1e-4, atol=1e-5)


class StopsAt(keras.callbacks.Callback):
    """Ends training after some epochs, with another rate before."""

    def __init__(self, epoch):
        super().__init__()
        self.epoch = epoch

    def on_epoch_end(self, epoch, logs=None):
        self.model.optimizer.learning_rate = 0.01 / (1 + epoch)
        self.model.stop_training = epoch == self.epoch


@pytest.mark.parametrize(
    "params",
    [
        {},
        {"batch_norm": True, "use_bias": False, "input_batch_norm": True},
        {"early_stopping": True, "max_iter": 12, "n_iter_no_change": 1},
        {"optimizer": "sgd", "learning_rate": "invscaling", "input_dropout_rate": 0.2},
        {"callbacks": [StopsAt(2)]},
        {"batch_size": 200, "label_smoothing": 0.1, "weight_decay": 0.1},
    ],
    ids=lambda params: "-".join(params) or "default",
)
def test_fused_equals_alone(iris, params, programs):
    ests = [classifier().set_params(**p, **params) for p in ParameterGrid(GRID)]
    alone = fit_all(ests, *iris)
    n_alone = len(programs)
    with fused_training():
        fused = fit_all(ests, *iris)
    for one, other in zip(alone, fused, strict=True):
        assert [c.shape for c in one.coefs_] == [c.shape for c in other.coefs_]
        assert_same(one, other)
    assert len(programs) - n_alone <= 2  # one for each depth


def test_regression_of_several_widths(curve):
    ests = [
        DropoutMLPRegressor((n,), max_iter=5, random_state=0, loss=loss)
        for n in (3, 17, 40)
        for loss in ("squared_error", "absolute_error")
    ]
    alone = fit_all(ests, *curve)
    with fused_training():
        fused = fit_all(ests, *curve)
    for one, other in zip(alone, fused, strict=True):
        assert_same(one, other)


def test_partial_fit_and_warm_start_go_on_in_other_stacks(iris):
    X, y = iris

    def trained(n):
        est = classifier(n, warm_start=True).fit(X, y)
        est.fit(X[:90], y[:90])
        return est.partial_fit(X[:40], y[:40]).partial_fit(X[40:47], y[40:47])

    alone = [trained(n) for n in (4, 10, 25)]
    with fused_training():
        fused = joblib.Parallel(pre_dispatch="all")(
            joblib.delayed(trained)(n) for n in (4, 10, 25)
        )
    for one, other in zip(alone, fused, strict=True):
        assert_same(one, other)


@pytest.mark.filterwarnings("ignore:One or more of the test scores are non-finite")
def test_errors_in_one_stay_its_own(iris):
    def fails_for_seven(shape, dtype=None):
        if 7 in shape:
            raise RuntimeError("not seven")
        return keras.initializers.GlorotUniform(seed=0)(shape, dtype=dtype)

    search = GridSearchCV(
        classifier(1, initializer=fails_for_seven),
        {"hidden_layer_sizes": [(5,), (7,), (9,)]},
        cv=2,
        refit=False,
    )
    with fused_training(), pytest.warns(FitFailedWarning, match="not seven"):
        search.fit(*iris)
    is_missing = np.isnan(search.cv_results_["mean_test_score"])
    assert is_missing.tolist() == [False, True, False]


def test_one_that_diverges_leaves_others_of_its_stack_alone(iris):
    ests = [classifier(n, optimizer="sgd", max_iter=8) for n in (5, 20)]
    bad = classifier(12, optimizer="sgd", learning_rate_init=1e30)
    alone = fit_all(ests, *iris)

    def fit_or_none(est):
        with contextlib.suppress(ValueError):
            return clone(est).fit(*iris)

    with fused_training():
        fused = joblib.Parallel(pre_dispatch="all")(
            joblib.delayed(fit_or_none)(est) for est in (ests[0], bad, ests[1])
        )
    assert fused[1] is None
    for one, other in zip(alone, fused[::2], strict=True):
        assert_same(one, other)


def test_random_widths_share_a_program_and_so_does_the_next_search(iris, programs):
    class Width:
        def rvs(self, random_state=None):
            return (int(random_state.randint(8, 64)),)

    space = {"hidden_layer_sizes": Width(), "alpha": [1e-4, 1e-2]}
    for seed, most in ((0, 1), (1, 0)):
        search = RandomizedSearchCV(
            classifier(1), space, n_iter=20, cv=3, random_state=seed, refit=False
        )
        before = len(programs)
        with fused_training():
            search.fit(*iris)
        assert len(programs) - before <= most


def test_a_large_network_is_not_padded_into_a_stack_of_small_ones(iris, programs):
    ests = [classifier(n, max_iter=1) for n in (16, 4000, 16, 15)]
    with fused_training():
        fit_all(ests, *iris)
    assert sorted(units[1] for units in programs) == [16, 4096]


def test_a_neighbour_needs_no_program_of_its_own(cancer, programs):
    X, y = cancer
    classifier(60, 120).fit(X[:, :20], y)
    before = len(programs)
    classifier(50, 100).fit(X[:-30, :28], y[:-30])
    classifier(33, 65).fit(X[:200, :17], y[:200])
    assert len(programs) == before


def test_chunks_of_any_length_share_programs(cancer, programs):
    X, y = cancer
    for batch_size in ("auto", 32):
        est = classifier(13, batch_size=batch_size)
        before = len(programs)
        for length in np.random.default_rng(0).integers(1, 200, 40).tolist():
            est.partial_fit(X[:length], y[:length], classes=[0, 1])
        assert len(programs) - before <= 2


def test_selected_features_share_programs(cancer, programs):
    X, y = cancer
    pipe = make_pipeline(SelectKBest(), classifier(7, max_iter=2))
    search = GridSearchCV(pipe, {"selectkbest__k": range(1, 16)}, cv=3)
    with fused_training():
        search.fit(X, y)
    assert len(programs) <= 3
    best = search.best_estimator_[-1]
    assert best.coefs_[0].shape == (search.best_params_["selectkbest__k"], 7)


class Ranked(DropoutMLPClassifier):
    """Ranks its features as `RFECV` asks for it."""

    @property
    def coef_(self):
        return np.abs(self.coefs_[0]).sum(axis=1)


def test_eliminated_features_share_programs(cancer, programs):
    X, y = cancer
    est = Ranked((9,), max_iter=1, random_state=0)
    with fused_training():
        selector = RFECV(est, step=1, cv=3).fit(X, y)
    assert len(programs) <= 3
    assert selector.estimator_.n_features_in_ == selector.n_features_


def test_softmax_layers_have_no_units_but_their_own(iris):
    ests = [classifier(n, activation="softmax") for n in (3, 5, 9)]
    alone = fit_all(ests, *iris)
    with fused_training():
        fused = fit_all(ests, *iris)
    for one, other in zip(alone, fused, strict=True):
        assert_same(one, other)


def test_long_chunks_share_programs_too(programs):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(900, 4))
    y = (X[:, 0] > 0).astype(int)
    est = classifier(13, batch_size=1_000)
    for length in rng.integers(1, 900, 40).tolist():
        est.partial_fit(X[:length], y[:length], classes=[0, 1])
    assert len(programs) <= 3  # of 256, 512 and 1,000 rows

"""Fits that outlive their process in a folder."""

import contextlib
import os
import sqlite3
import subprocess
import warnings
from pathlib import Path

import joblib
import keras
import numpy as np
import pytest
from sklearn.base import clone
from sklearn.exceptions import FitFailedWarning
from sklearn.metrics import make_scorer
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from helpers import assert_same_network, run_python, trained_sizes
from skdropout import DropoutMLPClassifier, DropoutMLPRegressor, fused_training
from skdropout.fusion import time_limit
from skdropout.training.task import OutOfTime

pytestmark = [
    pytest.mark.filterwarnings("ignore:.*Maximum iterations"),
    pytest.mark.usefixtures("time_limit", "without_xla"),
]
FILE = "fits.sqlite3"


def classifier(**params):
    params = {"max_iter": 4, "batch_size": 25, "random_state": 0, **params}
    return DropoutMLPClassifier((8,), **params)


def fit_all(ests, X, y, **fit_params):
    fit = [joblib.delayed(est.fit)(X, y, **fit_params) for est in ests]
    return joblib.Parallel()(fit)


def assert_equal(first, second):
    assert_same_network(first, second)
    for name in ("n_iter_", "t_", "loss_curve_", "history_", "validation_scores_"):
        assert getattr(first, name) == getattr(second, name), name
    for name in ("best_loss_", "best_validation_score_"):
        assert getattr(first, name) == getattr(second, name), name


@pytest.fixture
def rows_of_cache(tmp_path):
    def execute(statement, *values):
        with sqlite3.connect(tmp_path / FILE) as connection:
            return connection.execute(statement, values).fetchall()

    return execute


def test_a_search_is_trained_once(iris, tmp_path, stacks):
    pipe = make_pipeline(StandardScaler(), classifier())
    grid = {"dropoutmlpclassifier__dropout_rate": [0.0, 0.2, 0.4]}
    search = GridSearchCV(pipe, grid, cv=3)
    expected = clone(search).fit(*iris)
    for sizes in ([9], []):
        with fused_training(cache=tmp_path):
            found = clone(search).fit(*iris)
        assert trained_sizes(stacks) == sizes
        for name, values in expected.cv_results_.items():
            if "time" not in name:
                np.testing.assert_array_equal(found.cv_results_[name], values, name)
        assert_equal(found.best_estimator_[-1], expected.best_estimator_[-1])
    grid["dropoutmlpclassifier__dropout_rate"].append(0.6)
    with fused_training(cache=tmp_path):
        clone(search).fit(*iris)
    assert trained_sizes(stacks) == [3]


CHANGES = {
    "dropout_rate": 0.1,
    "input_dropout_rate": 0.1,
    "hidden_layer_sizes": (9,),
    "activation": "tanh",
    "batch_norm": True,
    "alpha": 0.5,
    "weight_decay": 0.1,
    "label_smoothing": 0.1,
    "learning_rate_init": 0.01,
    "learning_rate": "invscaling",
    "optimizer": keras.optimizers.Adam(0.001, beta_1=0.5),
    "momentum": 0.5,
    "batch_size": 26,
    "max_iter": 5,
    "tol": 0.5,
    "shuffle": False,
    "random_state": 1,
    "initializer": "he_normal",
    "class_weight": {0: 2.0, 1: 1.0, 2: 1.0},
    "early_stopping": True,
}


@pytest.mark.parametrize("name", CHANGES)
def test_what_differs_is_another_fit(name, iris, tmp_path, stacks):
    est = classifier(optimizer="sgd") if name == "momentum" else classifier()
    changed = clone(est).set_params(**{name: CHANGES[name]})
    with fused_training(cache=tmp_path):
        fit_all([est], *iris)
        found = fit_all([clone(changed)], *iris)[0]
        again = fit_all([clone(changed)], *iris)[0]
    assert len(trained_sizes(stacks)) == 2
    assert_equal(found, changed.fit(*iris))
    assert_equal(again, changed)


def test_other_rows_are_another_fit(iris, tmp_path, stacks):
    X, y = iris
    other = X.copy()
    other[-1, -1] += 1e-6
    weight = np.ones(len(y))
    weight[0] = 2
    with fused_training(cache=tmp_path):
        for rows in ((X, y), (other, y), (X, np.roll(y, 1)), (X[:-1], y[:-1]), (X, y)):
            fit_all([classifier()], *rows)
        fit_all([classifier()], X, y, sample_weight=weight)
        for X_val in (X, other):
            fit_all([classifier()], X, y, X_val=X_val, y_val=y)
    assert trained_sizes(stacks) == [1] * 7


def test_what_is_said_makes_no_difference(iris, tmp_path, stacks):
    with fused_training(cache=tmp_path):
        fit_all([classifier()], *iris)
        fit_all([classifier(verbose=True)], *iris)
    assert trained_sizes(stacks) == [1]


def own_score(y, predicted):
    return float(np.mean(y == predicted))


class OwnSchedule(keras.optimizers.schedules.LearningRateSchedule):
    def __call__(self, step):
        return 0.001


@pytest.mark.parametrize(
    "params",
    [
        {"callbacks": [keras.callbacks.Callback()]},
        {"early_stopping": True, "scoring": make_scorer(own_score)},
        {"learning_rate": OwnSchedule()},
    ],
    ids=["callback", "scorer", "schedule"],
)
def test_what_nobody_can_tell_is_trained_again(params, iris, tmp_path, stacks):
    with fused_training(cache=tmp_path):
        for _ in range(2):
            fit_all([classifier(**params)], *iris)
    assert trained_sizes(stacks) == [1, 1]


@pytest.mark.parametrize("scoring", ["loss", "f1_macro", "neg_log_loss"])
def test_scoring(scoring, iris, tmp_path, stacks):
    est = classifier(early_stopping=True, scoring=scoring)
    X, y = iris
    names = np.array(["a", "b", "c"])
    with fused_training(cache=tmp_path):
        first, again = (fit_all([clone(est)], X, y)[0] for _ in range(2))
        fit_all([clone(est)], X, names[y])
    # Scorers may go by the names of classes; the loss does not.
    assert trained_sizes(stacks) == ([1] if scoring == "loss" else [1, 1])
    assert_equal(first, again)


def test_fits_without_joblib_are_kept_too(iris, tmp_path):
    with fused_training(cache=tmp_path):
        first = classifier().fit(*iris)
    code = """
        import sys, numpy as np
        from skdropout.training import program
        program.Program.run = None
        from skdropout import DropoutMLPClassifier, fused_training
        X, y = (np.load(f"{sys.argv[1]}/{name}.npy") for name in "Xy")
        est = DropoutMLPClassifier((8,), max_iter=4, batch_size=25, random_state=0)
        with fused_training(cache=sys.argv[1]):
            np.save(f"{sys.argv[1]}/coef.npy", est.fit(X, y).coefs_[0])
    """
    for name, values in zip("Xy", iris, strict=True):
        np.save(tmp_path / f"{name}.npy", values)
    run_python(code, tmp_path)
    np.testing.assert_array_equal(np.load(tmp_path / "coef.npy"), first.coefs_[0])


def test_warm_starts_and_further_calls(iris, curve, tmp_path, stacks):
    def fit_thrice():
        est = classifier(warm_start=True)
        network = DropoutMLPRegressor((8,), random_state=0)
        for _ in range(3):
            fit_all([est], *iris)
            joblib.Parallel()([joblib.delayed(network.partial_fit)(*curve)])
        return est, network

    expected = fit_thrice()
    with fused_training(cache=tmp_path):
        for one, other in zip(fit_thrice(), expected, strict=True):
            assert_equal(one, other)
        assert sum(trained_sizes(stacks)) == 6
        for one, other in zip(fit_thrice(), expected, strict=True):
            assert_equal(one, other)
    assert trained_sizes(stacks) == []


# Training that has been ended, and goes on


class EndsAfter:
    """Stands for a limit of time that is over after so many looks at the clock."""

    def __init__(self, n_looks):
        self.n_left = n_looks

    def check(self):
        self.n_left -= 1
        if self.n_left < 0:
            raise OutOfTime("The time_limit is over.")


RESUMED = {
    "plain": {},
    "batch norm": {"batch_norm": True},
    "momentum": {"optimizer": "sgd", "learning_rate": "invscaling"},
    "adaptive": {"learning_rate": "adaptive", "tol": 0.5, "n_iter_no_change": 2},
    "schedule": {
        "learning_rate": keras.optimizers.schedules.CosineDecay(0.01, 60),
        "optimizer": "nadam",
    },
    "early stopping": {"early_stopping": True, "n_iter_no_change": 3, "tol": 0.01},
    "one batch": {"batch_size": 150, "shuffle": False, "dropout_rate": 0.0},
}


@pytest.mark.parametrize("params", RESUMED.values(), ids=RESUMED)
@pytest.mark.parametrize("n_looks", [1, 3])
def test_it_goes_on_from_where_it_was(params, n_looks, iris, tmp_path, monkeypatch):
    ests = [
        classifier(max_iter=12, **params).set_params(dropout_rate=rate)
        for rate in (0.0, 0.2, 0.4)
    ]
    expected = [clone(est).fit(*iris) for est in ests]
    fits = [joblib.delayed(clone(est).fit)(*iris) for est in ests]
    monkeypatch.setattr(
        time_limit, "TimeLimit", lambda *_: EndsAfter(len(ests) + n_looks)
    )
    monkeypatch.setattr("skdropout.fusion.options.TimeLimit", time_limit.TimeLimit)
    with (
        pytest.raises(TimeoutError, match="time_limit"),
        fused_training(cache=tmp_path, time_limit=60),
    ):
        joblib.Parallel()(fits)
    monkeypatch.undo()
    monkeypatch.setenv("SKDROPOUT_XLA", "0")
    epochs = record_epochs(monkeypatch)
    with fused_training(cache=tmp_path):
        found = fit_all([clone(est) for est in ests], *iris)
    for one, other in zip(found, expected, strict=True):
        assert_equal(one, other)
    assert len(epochs) < sum(est.n_iter_ for est in expected)


def record_epochs(monkeypatch):
    from skdropout.training.stopping import Monitor

    seen, end_epoch = [], Monitor.end_epoch

    def recorded(self, *args):
        seen.append(self)
        return end_epoch(self, *args)

    monkeypatch.setattr(Monitor, "end_epoch", recorded)
    return seen


@pytest.mark.filterwarnings("ignore:One or more of the test scores are non-finite")
def test_a_search_that_runs_out_of_time(iris, tmp_path, stacks):
    """What is finished counts, and the rest comes next time."""
    search = GridSearchCV(
        classifier(n_iter_no_change=2_000_000, learning_rate_init=1e-5),
        {"max_iter": [2, 1_000_000]},
        cv=3,
    )
    with (
        pytest.warns(FitFailedWarning, match=r"(?s)3 fits failed.*OutOfTime"),
        fused_training(cache=tmp_path, time_limit=3),
    ):
        search.fit(*iris)
    scores = search.cv_results_["mean_test_score"]
    assert scores[0] > 0.2
    assert np.isnan(scores[1])
    assert search.best_estimator_.n_iter_ == 2
    search.set_params(param_grid={"max_iter": [2]})
    stacks.clear()
    with fused_training(cache=tmp_path):
        search.fit(*iris)
    assert trained_sizes(stacks) == []
    assert search.cv_results_["mean_test_score"][0] == scores[0]


def test_nothing_begins_when_the_time_is_over(iris):
    with fused_training(time_limit=1e-9):
        for optimizer in ("adam", "lamb"):
            with pytest.raises(TimeoutError, match="time_limit of 1e-09 s"):
                fit_all([classifier(optimizer=optimizer)], *iris)
        assert classifier().fit(*iris).n_iter_ == 4  # of the thread that has opened it


def test_killed_in_the_middle(iris, tmp_path):
    """By the process itself, in the twelfth epoch; a checkpoint is due after each."""
    code = """
        import os, signal, sys, numpy as np
        from skdropout.fusion import fit_cache
        from skdropout.training.stopping import Monitor
        fit_cache._LEAST_SECONDS = fit_cache._MOST_SECONDS = 0.0
        from skdropout import DropoutMLPClassifier, fused_training
        X, y = (np.load(f"{sys.argv[1]}/{name}.npy") for name in "Xy")
        end_epoch, n = Monitor.end_epoch, 0
        def killed(self, *args):
            global n
            n += 1
            if n > 12:
                os.kill(os.getpid(), signal.SIGKILL)
            return end_epoch(self, *args)
        Monitor.end_epoch = killed
        est = DropoutMLPClassifier((8,), max_iter=20, batch_size=25, random_state=0)
        with fused_training(cache=sys.argv[1]):
            est.fit(X, y, X_val=X, y_val=y)
    """
    for name, values in zip("Xy", iris, strict=True):
        np.save(tmp_path / f"{name}.npy", values)
    X, y = iris
    est = classifier(max_iter=20)
    expected = clone(est).fit(X, y, X_val=X, y_val=y)
    assert run_python(code, tmp_path, check=False).returncode == -9
    with pytest.MonkeyPatch.context() as patch, fused_training(cache=tmp_path):
        epochs = record_epochs(patch)
        assert_equal(est.fit(X, y, X_val=X, y_val=y), expected)
    assert len(epochs) == 8


# What may be wrong with the folder


def warned_of(function):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        result = function()
    messages = [str(w.message) for w in caught]
    return result, [m for m in messages if "Maximum iterations" not in m]


def fits_in(cache, iris, n=3, first=0, **params):
    """So many fits in a context, and what has been warned of."""

    def fit():
        with fused_training(cache=cache, **params):
            seeds = range(first, first + n)
            return fit_all([classifier(random_state=i) for i in seeds], *iris)

    return warned_of(fit)


def assert_trained(networks, iris):
    for i, network in enumerate(networks):
        assert_equal(network, classifier(random_state=i).fit(*iris))


def test_damaged_entries(iris, tmp_path, rows_of_cache, stacks):
    fits_in(tmp_path, iris)
    rows_of_cache("UPDATE entries SET value = substr(value, 1, 100) || x'00'")
    stacks.clear()
    networks, messages = fits_in(tmp_path, iris)
    assert trained_sizes(stacks) == [3]
    assert len(messages) == 1
    assert "damaged" in messages[0]
    assert str(tmp_path) in messages[0]
    assert_trained(networks, iris)
    assert fits_in(tmp_path, iris)[1] == []
    assert trained_sizes(stacks) == []


def test_entries_that_hold_something_else(iris, tmp_path, rows_of_cache):
    """Under a digest that is right."""
    from skdropout.fusion.store import _digest

    fits_in(tmp_path, iris)
    for (key,) in rows_of_cache("SELECT key FROM entries"):
        value = b"cos\nsystem\n(S'touch hacked'\ntR."
        rows_of_cache(
            "UPDATE entries SET value = ?, digest = ? WHERE key = ?",
            *(value, _digest(key, value), key),
        )
    networks, messages = fits_in(tmp_path, iris)
    assert len(messages) == 1
    assert "damaged" in messages[0]
    assert_trained(networks, iris)


def test_entries_of_other_versions(iris, tmp_path, rows_of_cache, stacks):
    fits_in(tmp_path, iris)
    rows_of_cache("UPDATE entries SET versions = 'tensorflow 1.0'")
    stacks.clear()
    networks, messages = fits_in(tmp_path, iris)
    assert trained_sizes(stacks) == [3]
    assert len(messages) == 1
    assert "tensorflow 1.0" in messages[0]
    assert_trained(networks, iris)
    assert fits_in(tmp_path, iris)[1] == []


@pytest.mark.parametrize("content", [b"", b"no database" * 1000])
def test_file_that_is_no_database(content, iris, tmp_path):
    (tmp_path / FILE).write_bytes(content)
    networks, messages = fits_in(tmp_path, iris)
    assert len(messages) == (1 if content else 0)
    assert all("cannot be used" in message for message in messages)
    assert_trained(networks, iris)


def test_folder_that_cannot_be_made(iris, tmp_path):
    (tmp_path / "file").touch()
    networks, messages = fits_in(tmp_path / "file" / "folder", iris)
    assert len(messages) == 1
    assert "cannot be used" in messages[0]
    assert_trained(networks, iris)


@pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() == 0, reason="may write anywhere"
)
def test_folder_that_cannot_be_written(iris, tmp_path):
    fits_in(tmp_path, iris)
    for path in [*tmp_path.iterdir(), tmp_path]:
        path.chmod(0o500)
    networks, messages = fits_in(tmp_path, iris)
    tmp_path.chmod(0o700)
    assert len(messages) == 1
    assert_trained(networks, iris)


def test_full_disk(tmp_path):
    pytest.importorskip("resource")
    code = """
        import resource, sys, warnings
        from sklearn.datasets import load_iris
        from skdropout import DropoutMLPClassifier, fused_training
        X, y = load_iris(return_X_y=True)
        est = DropoutMLPClassifier((200, 200), max_iter=2, random_state=0)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            with fused_training(cache=sys.argv[1]):
                resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
                scores = [est.fit(X, y).score(X, y) for _ in range(3)]
        of_cache = [str(w.message) for w in caught if "cannot be used" in str(w.message)]
        assert len(of_cache) == 1, of_cache
        assert len(set(scores)) == 1
    """
    run_python(code, tmp_path)


def test_files_are_refused(tmp_path):
    path = tmp_path / "file"
    path.touch()
    with (
        pytest.raises(ValueError, match=r"file' is not a folder"),
        fused_training(cache=path),
    ):
        pass


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"cache": 3}, TypeError, "cache must be the path of a folder; got 3"),
        ({"time_limit": 0}, ValueError, "time_limit=0 must be positive"),
        ({"time_limit": -1.5}, ValueError, "time_limit=-1.5 must be positive"),
        ({"time_limit": np.nan}, ValueError, "time_limit=nan must be positive"),
        ({"time_limit": "1"}, TypeError, "time_limit must be a number of seconds"),
        ({"max_cache_size": 0}, ValueError, "max_cache_size=0 must be positive"),
    ],
)
def test_bad_options(options, error, message):
    with pytest.raises(error, match=message), fused_training(**options):
        pass


def test_what_has_not_been_used_for_long_goes_first(
    iris, tmp_path, rows_of_cache, stacks
):
    fits_in(tmp_path, iris, n=1)
    ((size,),) = rows_of_cache("SELECT length(value) FROM entries")
    fits_in(tmp_path, iris, n=4, max_cache_size=4.5 * size)
    fits_in(tmp_path, iris, n=1)  # used again
    fits_in(tmp_path, iris, n=2, first=4, max_cache_size=4.5 * size)
    (((n, total)),) = rows_of_cache("SELECT count(*), sum(length(value)) FROM entries")
    assert n == 4
    assert total <= 4.5 * size
    stacks.clear()
    fits_in(tmp_path, iris, n=4)
    assert trained_sizes(stacks) == [2]


@pytest.mark.slow
def test_two_processes_use_one_folder(tmp_path):
    code = """
        import sys, warnings
        from sklearn.datasets import load_iris
        from sklearn.model_selection import GridSearchCV
        from skdropout import DropoutMLPClassifier, fused_training
        warnings.filterwarnings("ignore", "Stochastic")
        warnings.filterwarnings("error", "The cache")
        grid = {"random_state": list(range(8))}
        est = DropoutMLPClassifier((8,), max_iter=4)
        with fused_training(cache=sys.argv[1]):
            for _ in range(3):
                search = GridSearchCV(est, grid, cv=3).fit(*load_iris(return_X_y=True))
        print(search.cv_results_["mean_test_score"].tolist())
    """
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(2) as executor:
        results = list(executor.map(lambda _: run_python(code, tmp_path), range(2)))
    assert results[0].stdout == results[1].stdout


def test_relative_folders_and_strings(iris, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    fits_in("some/folder", iris)
    assert (Path("some/folder") / FILE).exists()


@pytest.mark.slow
def test_killed_again_and_again(tmp_path):
    """At random moments; the scores are those of an undisturbed search, bit for bit."""
    code = """
        import sys, warnings
        from sklearn.datasets import load_digits
        from sklearn.model_selection import GridSearchCV
        from skdropout import DropoutMLPClassifier, fused_training
        warnings.simplefilter("ignore")
        X, y = load_digits(return_X_y=True)
        est = DropoutMLPClassifier((64,), max_iter=100, random_state=0)
        grid = {"dropout_rate": [0.0, 0.1, 0.2, 0.3], "batch_norm": [False, True]}
        search = GridSearchCV(est, grid, cv=3, refit=False)
        with fused_training(cache=sys.argv[1]):
            search.fit(X / 16, y)
        print([search.cv_results_[f"split{i}_test_score"].tolist() for i in range(3)])
    """
    rng = np.random.default_rng(0)
    undisturbed = run_python(code, tmp_path / "other").stdout
    for _ in range(8):
        with contextlib.suppress(subprocess.TimeoutExpired):
            run_python(code, tmp_path, timeout=rng.uniform(3, 12))
    assert run_python(code, tmp_path).stdout == undisturbed

"""Stacks that are trained by the workers of an executor."""

import multiprocessing
import os
import signal
import threading
from collections import Counter
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor

import joblib
import keras
import numpy as np
import pytest
from scipy import sparse
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV

from helpers import assert_same_network, run_python, trained_sizes
from skdropout import DropoutMLPClassifier, DropoutMLPRegressor, fused_training
from skdropout.fusion import executors, remote

pytestmark = [
    pytest.mark.filterwarnings("ignore:.*Maximum iterations"),
    pytest.mark.usefixtures("time_limit", "without_xla"),
]


class InThread(Executor):
    """Runs what it is given at once, and lets tests see and change that."""

    _max_workers = 1

    def __init__(self, before=lambda: None):
        self.before = before
        self.n_trained = 0
        self.sent = Counter()

    def submit(self, function, *args):
        future = Future()
        try:
            if function is remote.train_package:
                self.n_trained += 1
                _, keys, *arrays = args
                self.sent.update(
                    k for k, v in zip(keys, arrays, strict=True) if v is not None
                )
                self.before()
            future.set_result(function(*args))
        except Exception as error:
            future.set_exception(error)
        return future


@pytest.fixture(autouse=True)
def nothing_kept():
    remote._kept.clear()


def classifier(i=0, **params):
    params = {"max_iter": 4, "batch_size": 25, "random_state": i, **params}
    return DropoutMLPClassifier((8,), **params)


def fit_all(ests, X, y, **fit_params):
    fits = [joblib.delayed(clone(est).fit)(X, y, **fit_params) for est in ests]
    return joblib.Parallel()(fits)


def assert_equal(first, second):
    for one, other in zip(first, second, strict=True):
        assert_same_network(one, other)
        assert one.history_ == other.history_
        assert one.n_iter_ == other.n_iter_


def test_same_networks(iris, stacks):
    X, y = iris
    ests = [classifier(i) for i in range(3)]
    for rows in (iris, (sparse.csr_array(X), y)):
        expected = [clone(est).fit(*rows) for est in ests]
        executor = InThread()
        with fused_training(executor=executor):
            found = fit_all(ests, *rows)
        assert_equal(found, expected)
        assert trained_sizes(stacks) == [3]
        assert executor.n_trained == 1


@pytest.mark.parametrize("n", [1, 2])
def test_regressors_with_validation_rows_and_weights(n, curve):
    X, y = curve
    y = np.stack([y] * n, axis=1).squeeze()
    weight = np.linspace(0.5, 2, len(X))
    ests = [
        DropoutMLPRegressor((8,), max_iter=5, early_stopping=True, random_state=i)
        for i in range(2)
    ]
    params = {"sample_weight": weight, "X_val": X[:50], "y_val": y[:50]}
    expected = [clone(est).fit(X, y, **params) for est in ests]
    with fused_training(executor=InThread()):
        assert_equal(fit_all(ests, X, y, **params), expected)


def test_warm_starts_and_instances(iris):
    def fit_twice():
        est = classifier(
            warm_start=True,
            optimizer=keras.optimizers.AdamW(0.01),
            learning_rate=keras.optimizers.schedules.CosineDecay(0.01, 50),
        )
        for _ in range(2):
            joblib.Parallel()([joblib.delayed(est.fit)(*iris)])
        return est

    expected = fit_twice()
    with fused_training(executor=InThread()):
        assert_equal([fit_twice()], [expected])


def test_arrays_are_sent_once(iris):
    executor = InThread()
    with fused_training(executor=executor):
        for rate in (0.0, 0.2):
            search = GridSearchCV(classifier(dropout_rate=rate), {"alpha": [0, 1]}, cv=3)
            search.set_params(refit=False).fit(*iris)
    assert executor.n_trained == 2
    assert len(executor.sent) == 2 * 3  # X and y of three folds
    assert set(executor.sent.values()) == {1}


def test_what_a_worker_has_let_go_is_sent_again(iris):
    executor = InThread(before=remote._kept.clear)
    with fused_training(executor=executor):
        assert_equal(fit_all([classifier()], *iris), [classifier().fit(*iris)])
        remote._kept.clear()
        executor.before = lambda: None
        assert_equal(fit_all([classifier(1)], *iris), [classifier(1).fit(*iris)])
    assert set(executor.sent.values()) == {2}


class WorkerDied(Exception):
    pass


def failing(n_times):
    n = 0

    def fail():
        nonlocal n
        n += 1
        if n <= n_times:
            raise WorkerDied

    return fail


def test_a_worker_that_dies_is_survived(iris):
    executor = InThread(before=failing(2))
    with fused_training(executor=executor):
        assert_equal(fit_all([classifier()], *iris), [classifier().fit(*iris)])
    assert executor.n_trained == 3


def test_without_workers_it_is_trained_here(iris):
    def fit_in_turn():
        with fused_training(executor=InThread(before=failing(1000))):
            return [fit_all([classifier(i)], *iris)[0] for i in range(2)]

    with pytest.warns(UserWarning, match=r"by the executor \(WorkerDied") as caught:
        found = fit_in_turn()
    assert_equal(found, [classifier(i).fit(*iris) for i in range(2)])
    assert len([w for w in caught if "executor" in str(w.message)]) == 1


def test_callbacks_and_what_is_said_stay_here(iris, capsys):
    seen = []

    class Sees(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            seen.append(epoch)

    executor = InThread()
    with fused_training(executor=executor):
        fit_all([classifier(verbose=True)], *iris)
        joblib.Parallel()([joblib.delayed(classifier(callbacks=[Sees()]).fit)(*iris)])
    assert executor.n_trained == 0
    assert seen == [0, 1, 2, 3]
    assert "Iteration 4" in capsys.readouterr().out


def test_an_error_stays_with_its_network(iris):
    def fit(i):
        optimizer = "sgd" if i else "adam"
        est = classifier(i, optimizer=optimizer, learning_rate_init=1e30 if i else 0.01)
        try:
            return est.fit(*iris)
        except ValueError as error:
            return error

    with fused_training(executor=InThread()):
        results = joblib.Parallel()(joblib.delayed(fit)(i) for i in range(2))
    assert isinstance(results[0], DropoutMLPClassifier)
    assert "training has diverged" in str(results[1])


def test_time_limit_and_cache(iris, tmp_path):
    executor = InThread()
    with fused_training(executor=executor, cache=tmp_path):
        first = fit_all([classifier()], *iris)
    with fused_training(executor=executor, cache=tmp_path, time_limit=2):
        assert_equal(fit_all([classifier()], *iris), first)
        assert executor.n_trained == 1
        endless = classifier(max_iter=10**6, n_iter_no_change=10**6)
        with pytest.raises(TimeoutError, match="time_limit"):
            fit_all([endless], *iris)


# What is refused


@pytest.mark.parametrize("executor", [3, "threads", InThread])
def test_what_is_no_executor(executor):
    with pytest.raises(TypeError, match="executor must be a"):
        fused_training(executor=executor).__enter__()


def test_executor_that_is_shut_down():
    executor = ThreadPoolExecutor(1)
    executor.shutdown()
    with pytest.raises(RuntimeError, match=r"after shutdown\)\. It must stay open"):
        fused_training(executor=executor).__enter__()


def test_executor_that_is_shut_down_later(iris):
    executor = ThreadPoolExecutor(1)
    with fused_training(executor=executor):
        executor.shutdown()
        with pytest.raises(RuntimeError, match=r"after shutdown\)\. It must stay open"):
            fit_all([classifier()], *iris)


def test_workers_of_other_versions(monkeypatch):
    others = {**remote.versions(), "tensorflow": "1.0"}
    monkeypatch.setattr(executors, "versions", lambda: others)
    with pytest.raises(RuntimeError) as caught:
        fused_training(executor=InThread()).__enter__()
    assert str(os.getpid()) in str(caught.value)
    assert "it must have tensorflow 1.0" in str(caught.value)


def test_workers_without_the_package():
    class Without(InThread):
        def submit(self, function, *args):
            future = Future()
            future.set_exception(ModuleNotFoundError("No module named 'skdropout'"))
            return future

    with pytest.raises(RuntimeError, match=r"No module named 'skdropout'.*skdropout 0"):
        fused_training(executor=Without()).__enter__()


# Processes


def test_processes(iris):
    """One of which is killed, as by the system where memory is short."""
    ests = [classifier(i) for i in range(3)]
    expected = [clone(est).fit(*iris) for est in ests]
    context = multiprocessing.get_context("spawn")
    with (
        ProcessPoolExecutor(1, mp_context=context) as executor,
        fused_training(executor=executor),
    ):
        assert_equal(fit_all(ests, *iris), expected)
        (worker,) = executor._processes
        endless = classifier(max_iter=300_000, n_iter_no_change=10**6)
        killing = threading.Timer(3, os.kill, (worker, signal.SIGKILL))
        killing.start()
        # Nothing more can be handed in.
        with pytest.raises(RuntimeError, match=r"terminated abruptly|not usable"):
            fit_all([endless], *iris)
        killing.join()


@pytest.mark.slow
def test_processes_that_have_been_forked():
    code = """
        import multiprocessing, warnings
        from concurrent.futures import ProcessPoolExecutor
        import skdropout
        warnings.simplefilter("ignore")
        fork = multiprocessing.get_context("fork")
        with skdropout.fused_training():
            pass  # which loads TensorFlow
        with ProcessPoolExecutor(1, mp_context=fork) as executor:
            try:
                skdropout.fused_training(executor=executor).__enter__()
            except RuntimeError as error:
                print(error)
    """
    if "fork" not in multiprocessing.get_all_start_methods():
        pytest.skip("processes are never forked")
    assert "forked from a process with TensorFlow" in run_python(code).stdout

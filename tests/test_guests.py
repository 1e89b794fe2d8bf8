"""Fits in threads that fused training has not made."""

import contextlib
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import joblib
import keras
import numpy as np
import pytest
from joblib.parallel import get_active_backend
from sklearn.ensemble import RandomForestClassifier
from sklearn.model_selection import cross_val_score, cross_validate
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from helpers import assert_same_network, trained_sizes
from skdropout import DropoutMLPClassifier, DropoutMLPRegressor, fused_training

pytestmark = [
    pytest.mark.filterwarnings("ignore:.*Maximum iterations"),
    pytest.mark.usefixtures("time_limit", "without_xla"),
]

N = 6


def classifier(i, **params):
    params = {"max_iter": 4, "batch_size": 25, "random_state": i, **params}
    return DropoutMLPClassifier((8,), **params)


def in_threads(function, values=range(N), n_threads=N):
    with ThreadPoolExecutor(n_threads) as executor:
        return list(executor.map(function, values))


@pytest.fixture(scope="module")
def alone(iris):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SKDROPOUT_XLA", "0")
        return [classifier(i).fit(*iris) for i in range(N)]


def assert_same_networks(networks, expected):
    for one, other in zip(networks, expected, strict=True):
        assert_same_network(one, other)


def test_they_are_trained_together(iris, alone, stacks):
    with fused_training():
        fused = in_threads(lambda i: classifier(i).fit(*iris))
    assert trained_sizes(stacks) == [N]
    assert_same_networks(fused, alone)


def test_in_rounds_each_thread_is_awaited_again(iris, stacks):
    with fused_training():
        in_threads(lambda i: classifier(i).fit(*iris), range(4 * N))
    assert trained_sizes(stacks) == [N] * 4


def test_what_they_run_through_joblib_joins_as_well(iris, stacks):
    def score(i):
        return cross_val_score(make_pipeline(StandardScaler(), classifier(i)), *iris)

    expected = [score(i) for i in range(2 * N)]
    with fused_training():
        scores = in_threads(score, range(2 * N))
    assert trained_sizes(stacks) == [5 * N] * 2
    np.testing.assert_allclose(scores, expected)


@pytest.mark.parametrize("is_open", [False, True])
def test_they_can_be_left_alone(is_open, iris, alone, stacks):
    with contextlib.ExitStack() as stack:
        if is_open:
            stack.enter_context(fused_training(other_threads=False))
        networks = in_threads(lambda i: classifier(i).fit(*iris))
        backend = in_threads(lambda _: get_active_backend()[0], [0])[0]
    assert trained_sizes(stacks) == []
    assert type(backend).__name__ == "LokyBackend"
    assert_same_networks(networks, alone)


def test_who_opens_the_context_waits_for_nobody(iris, alone, stacks):
    def open_and_fit(_=None):
        with fused_training():
            return classifier(0).fit(*iris)

    networks = [open_and_fit(), *in_threads(open_and_fit, [0])]
    assert trained_sizes(stacks) == []
    assert_same_networks(networks, [alone[0]] * 2)


def test_the_main_thread_waits_for_nobody(iris, alone, stacks):
    is_open, is_done = threading.Event(), threading.Event()

    def open_context():
        with fused_training():
            is_open.set()
            assert is_done.wait(60)

    thread = threading.Thread(target=open_context)
    thread.start()
    assert is_open.wait(60)
    network = classifier(0).fit(*iris)
    is_done.set()
    thread.join()
    assert trained_sizes(stacks) == []
    assert_same_network(network, alone[0])


def test_a_lock_that_one_holds_while_it_waits(iris, alone):
    lock = threading.Lock()

    def fit(i):
        with lock:
            return classifier(i).fit(*iris)

    with fused_training():
        assert_same_networks(in_threads(fit), alone)


def test_a_barrier_of_guests_and_a_thread_that_does_not_fit(iris, alone):
    barrier = threading.Barrier(N)

    def fit(i):
        if i == 0:
            barrier.wait(60)
            return None
        network = classifier(i).fit(*iris)
        barrier.wait(60)
        return network

    with fused_training():
        assert_same_networks(in_threads(fit)[1:], alone[1:])


def test_one_that_computes_on_is_not_waited_for_long(iris, stacks):
    """Others go on without it; whoever has come once may not come again."""
    is_over = threading.Event()

    def fit(i):
        classifier(i).fit(*iris)
        if i == 0:
            end = time.monotonic() + 60
            while not is_over.is_set() and time.monotonic() < end:
                sum(range(1000))
            return
        classifier(i).fit(*iris)
        if i == 1:
            is_over.set()

    with fused_training():
        in_threads(fit, range(3))
    assert is_over.is_set()
    assert sorted(trained_sizes(stacks)) == [2, 3]


def test_threads_that_a_task_makes(iris, alone):
    def fit_all(_):
        return in_threads(lambda i: classifier(i).fit(*iris))

    with fused_training():
        networks = joblib.Parallel()(joblib.delayed(fit_all)(i) for i in range(2))
    for of_task in networks:
        assert_same_networks(of_task, alone)


def test_guests_and_tasks_together(iris, alone, stacks):
    def fit(i):
        return classifier(i).fit(*iris)

    with fused_training(), ThreadPoolExecutor(N) as executor:
        guests = [executor.submit(fit, i) for i in range(N)]
        tasks = joblib.Parallel()(joblib.delayed(fit)(i) for i in range(N))
        assert_same_networks([guest.result() for guest in guests], alone)
    assert_same_networks(tasks, alone)
    assert sum(trained_sizes(stacks)) == 2 * N


def test_an_error_stays_with_its_thread(iris, alone):
    class Failure(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            raise LookupError("of this network")

    def fit(i):
        est = classifier(i)
        if i == 2:
            est.set_params(callbacks=[Failure()])
        try:
            return est.fit(*iris)
        except LookupError as error:
            return error

    with fused_training():
        networks = in_threads(fit)
    assert isinstance(networks[2], LookupError)
    del networks[2]
    assert_same_networks(networks, alone[:2] + alone[3:])


def test_a_fit_within_a_callback(iris, alone, stacks):
    class Fits(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            fit_again = joblib.delayed(classifier(1).fit)
            nested.append(classifier(1).fit(*iris))
            nested.extend(joblib.Parallel()(fit_again(*iris) for _ in range(2)))

    nested = []
    with fused_training():
        fused = in_threads(
            lambda i: classifier(i, callbacks=[Fits()] if i == 0 else None).fit(*iris)
        )
    assert_same_networks(fused, alone)
    assert_same_networks(nested, [alone[1]] * len(nested))
    assert len(nested) == 3 * 4


def test_those_that_come_when_the_context_has_ended(iris, alone, stacks):
    with ThreadPoolExecutor(N) as executor:
        with fused_training():
            first = [executor.submit(classifier(i).fit, *iris) for i in range(N)]
        networks = [future.result() for future in first]
        later = list(executor.map(lambda i: classifier(i).fit(*iris), range(N)))
    assert_same_networks(networks, alone)
    assert_same_networks(later, alone)


def test_regressors_and_several_contexts(curve):
    def fit(i):
        est = DropoutMLPRegressor((8,), max_iter=4, random_state=i)
        if i == 0:
            with fused_training():
                return est.fit(*curve)
        return est.fit(*curve)

    expected = [fit(i) for i in range(N)]
    with fused_training(), fused_training():
        assert_same_networks(in_threads(fit), expected)


def test_joblib_has_its_own_default_again(iris):
    def backend_of_thread():
        return in_threads(lambda _: type(get_active_backend()[0]).__name__, [0])[0]

    assert backend_of_thread() == "LokyBackend"
    with contextlib.suppress(LookupError), fused_training():
        with fused_training():
            assert backend_of_thread() == "FusionBackend"
        assert backend_of_thread() == "FusionBackend"
        raise LookupError
    assert backend_of_thread() == "LokyBackend"


def test_other_estimators_in_other_threads(iris):
    forest = RandomForestClassifier(5, random_state=0)
    expected = cross_validate(forest, *iris)["test_score"]
    with fused_training():
        scores = in_threads(lambda _: cross_validate(forest, *iris)["test_score"])
    for found in scores:
        np.testing.assert_array_equal(found, expected)

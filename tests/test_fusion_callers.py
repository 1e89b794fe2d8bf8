"""One context and several callers: each is served, and each ends its own tasks alone."""

import threading
import time

import joblib
import numpy as np
import pytest
from joblib.parallel import get_active_backend
from sklearn.datasets import load_iris

from helpers import assert_same_network, trained_sizes
from skdropout import DropoutMLPClassifier, fused_training

pytestmark = [
    pytest.mark.filterwarnings("ignore:.*Maximum iterations"),
    pytest.mark.usefixtures("time_limit", "without_xla"),
]

X, y = load_iris(return_X_y=True)


def classifier(seed=0, **params):
    params = {"max_iter": 3, "batch_size": 25, "random_state": seed, **params}
    return DropoutMLPClassifier((8,), dropout_rate=0.3, **params)


def fit(i):
    return classifier(i).fit(X, y)


def parallel(function, n=4, **params):
    return joblib.Parallel(**params)(joblib.delayed(function)(i) for i in range(n))


def generator(function, n=4, **params):
    return parallel(function, n, return_as="generator", **params)


def assert_fitted(networks, n=4):
    assert len(networks) == n
    for i, network in enumerate(networks):
        assert_same_network(network, fit(i))


def assert_ends(name, seconds):
    deadline = time.monotonic() + seconds
    while left := [t for t in threading.enumerate() if t.name == name]:
        assert time.monotonic() < deadline, left
        time.sleep(0.02)


def fail_at_once(i):
    raise ZeroDivisionError("mine")


def fail_after_fit(i):
    fit(i)
    raise ZeroDivisionError("mine")


@pytest.mark.parametrize("fail", [fail_at_once, fail_after_fit])
@pytest.mark.parametrize("is_first", [True, False])
def test_error_in_one_of_two_generators(is_first, fail):
    with fused_training():
        both = [generator(fail if is_first == (k == 0) else fit) for k in range(2)]
        failing, healthy = both if is_first else both[::-1]
        with pytest.raises(ZeroDivisionError, match="mine"):
            list(failing)
        assert_fitted(list(healthy))
        assert_fitted(parallel(fit))


def test_two_generators_in_turn():
    with fused_training():
        for one, other in zip(generator(fit), generator(fit), strict=True):
            assert_same_network(one, other)


def test_abandoned_generator_beside_another():
    endless = classifier(max_iter=100_000, tol=0.0, n_iter_no_change=np.inf)
    with fused_training():
        healthy = generator(fit)
        abandoned = generator(lambda i: endless.fit(X, y))
        with pytest.warns(UserWarning, match="cancelled"):
            del abandoned
        assert_fitted(list(healthy))
    assert_ends("skdropout-participant", 10)


@pytest.mark.parametrize("fail", [fail_at_once, fail_after_fit])
def test_error_in_one_of_two_threads(fail):
    results = {}
    with fused_training():
        backend = get_active_backend()[0]

        def run(k):
            with joblib.parallel_config(backend=backend):
                for _ in range(5):
                    try:
                        results.setdefault(k, []).append(parallel(fail if k else fit))
                    except Exception as error:
                        results.setdefault(k, []).append(error)

        threads = [threading.Thread(target=run, args=(k,)) for k in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    for networks in results[0]:
        assert_fitted(networks)
    assert [type(error) for error in results[1]] == [ZeroDivisionError] * 5


def test_nothing_stays_behind():
    """No call is waited for that an error has ended, and nobody watches."""
    kept = []
    for _ in range(20):
        with fused_training():
            both = generator(fail_after_fit, 2), generator(fit, 2)
            for output in both[::-1]:
                try:
                    list(output)
                except ZeroDivisionError as error:
                    kept.append(error)
    assert len(kept) == 20
    assert_ends("skdropout-watch", 1)


def test_later_calls_wait_for_nobody_who_has_left(stacks):
    """Nor for tasks that are still busy for a call that has been given up."""
    is_over = threading.Event()

    def linger(i):
        if i == 0:
            raise ZeroDivisionError("mine")
        while not is_over.is_set():  # busy, as the watch sees it
            sum(range(10_000))

    with fused_training():
        both = generator(linger, 2, n_jobs=2), generator(fit)
        with pytest.raises(ZeroDivisionError, match="mine"):
            list(both[0])
        assert_fitted(list(both[1]))
        assert_fitted(parallel(fit))
        assert not is_over.is_set()
        is_over.set()
    assert trained_sizes(stacks) == [4, 4]
    assert_ends("skdropout-participant", 10)


def test_generator_is_trained_while_its_caller_computes():
    is_trained = threading.Event()

    def fit_and_tell(i):
        network = fit(i)
        is_trained.set()
        return network

    with fused_training():
        output = generator(fit_and_tell)
        deadline = time.monotonic() + 30
        while not is_trained.is_set():  # busy, as the watch sees it
            assert time.monotonic() < deadline, "nothing is trained"
            sum(range(10_000))
        assert_fitted(list(output))


@pytest.mark.parametrize("n", [1_000_001, np.int64(2**40), 10**30])
@pytest.mark.parametrize("pre_dispatch", ["2*n_jobs", "50*n_jobs"])
def test_very_many_networks(n, pre_dispatch):
    with fused_training(max_networks=n):
        assert_fitted(parallel(fit, pre_dispatch=pre_dispatch))

"""The system gives few threads, or none: a sweep goes on with those that there are."""

import threading
import time

import joblib
import numpy as np
import pytest
from sklearn.datasets import load_iris
from sklearn.model_selection import GridSearchCV

from helpers import assert_same_network, trained_sizes
from skdropout import DropoutMLPClassifier, fused_training

pytestmark = [
    pytest.mark.filterwarnings("ignore:.*Maximum iterations"),
    pytest.mark.usefixtures("time_limit", "without_xla"),
]

X, y = load_iris(return_X_y=True)


def fit(i):
    est = DropoutMLPClassifier((8,), max_iter=3, batch_size=25, random_state=i)
    return est.fit(X, y)


def parallel(function, n, **params):
    return joblib.Parallel(**params)(joblib.delayed(function)(i) for i in range(n))


def ours():
    return [t for t in threading.enumerate() if t.name.startswith("skdropout")]


@pytest.fixture
def limit(monkeypatch):
    """Sets how many threads of ours there may be beside the one that watches."""
    start = threading.Thread.start
    most = [0]

    def start_or_fail(self):
        if self.name.startswith("skdropout") and len(ours()) > most[0]:
            raise RuntimeError("can't start new thread")
        start(self)

    def set_limit(n, is_first=True):
        deadline = time.monotonic() + 30
        while is_first and ours():  # of what ran before
            assert time.monotonic() < deadline
            time.sleep(0.02)
        most[0] = n

    monkeypatch.setattr(threading.Thread, "start", start_or_fail)
    return set_limit


@pytest.mark.parametrize("n_jobs", [None, 2])
@pytest.mark.parametrize("most", [1, 3])
def test_few_threads(most, n_jobs, limit, stacks):
    limit(most)
    with fused_training():
        fused = parallel(fit, 8, n_jobs=n_jobs)
    for i, network in enumerate(fused):
        assert_same_network(network, fit(i))
    sizes = trained_sizes(stacks)
    assert sum(sizes) == 8
    assert max(sizes) == most


def test_many_short_tasks(limit):
    """None waits until the watch looks again."""
    limit(1)
    begin = time.monotonic()
    with fused_training():
        assert parallel(int, 400) == list(range(400))
    assert time.monotonic() - begin < 50


def test_search(limit):
    est = DropoutMLPClassifier((8,), max_iter=3, batch_size=25, random_state=0)
    search = GridSearchCV(est, {"dropout_rate": [0.0, 0.3, 0.6]}, cv=2)
    plain = search.fit(X, y).cv_results_["mean_test_score"]
    limit(2)
    with fused_training():
        fused = search.fit(X, y).cv_results_["mean_test_score"]
    np.testing.assert_array_equal(fused, plain)


@pytest.mark.parametrize("most", [1, 3])
def test_nested_parallel_code(most, limit):
    """The tasks that wait for inner ones may have all threads."""

    def fit_two(i):
        inner = parallel(lambda j: fit(i + j), 2)
        return [*inner, fit(i)]

    limit(most)
    with fused_training():
        fused = parallel(fit_two, 4, n_jobs=2)
    for i, networks in enumerate(fused):
        for seed, network in zip((i, i + 1, i), networks, strict=True):
            assert_same_network(network, fit(seed))


@pytest.mark.parametrize("most", [0, -1], ids=["but to watch", "at all"])
def test_no_thread(most, limit):
    with fused_training():
        for _ in range(2):
            limit(most)
            with pytest.raises(RuntimeError, match="No thread can be had") as raised:
                parallel(fit, 3)
            assert "can't start new thread" in str(raised.value)
        limit(4)
        for i, network in enumerate(parallel(fit, 4)):
            assert_same_network(network, fit(i))


def test_threads_that_come_later(limit):
    limit(0)
    with fused_training():
        timer = threading.Timer(0.3, limit, [2, False])
        timer.start()
        assert parallel(int, 3) == [0, 1, 2]


def test_tasks_that_sleep(limit):
    """There are no threads for more of them, but those that run will end."""
    limit(2)
    with fused_training():
        parallel(lambda i: time.sleep(3), 4, n_jobs=2)

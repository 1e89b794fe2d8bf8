"""Tasks that look busy while they wait for one that waits, and those that are busy."""

import threading
import time

import joblib
import pytest
from sklearn.datasets import load_iris

from helpers import assert_same_network, trained_sizes
from skdropout import DropoutMLPClassifier, fused_training
from skdropout.fusion import joblib_backend, stalls

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


def assert_fitted(networks, n):
    assert len(networks) == n
    for i, network in enumerate(networks):
        assert_same_network(network, fit(i))


def compute(seconds):
    """Of processor time."""
    end = time.thread_time() + seconds
    while time.thread_time() < end:
        sum(range(1000))


@pytest.mark.parametrize("n_jobs", [None, pytest.param(2, marks=pytest.mark.slow)])
@pytest.mark.parametrize("is_spinning", [False, True])
def test_lock_that_is_polled(is_spinning, n_jobs, monkeypatch):
    lock = threading.Lock()
    if is_spinning:
        monkeypatch.setattr(stalls, "_PATIENCE_SECONDS", 2.0)

    def fit_alone(i):
        while not lock.acquire(blocking=False):
            time.sleep(0.0 if is_spinning else 0.001)
            sum(range(1_000))
        try:
            return [fit(i), fit(i)][1]
        finally:
            lock.release()

    with fused_training():
        assert_fitted(parallel(fit_alone, 3, n_jobs=n_jobs), 3)


def test_task_that_polls_for_one_that_has_not_begun(monkeypatch):
    """Though there are fewer cores than jobs."""
    monkeypatch.setattr(joblib_backend, "cpu_count", lambda: 1)
    monkeypatch.setattr(stalls, "_PATIENCE_SECONDS", 1.0)
    is_done = threading.Event()

    def meet(i):
        if i == 2:
            is_done.set()
        while not is_done.is_set():
            compute(0.001)
        return fit(i)

    with fused_training():
        assert_fitted(parallel(meet, 3, n_jobs=3), 3)


def test_long_preparations_make_one_stack(monkeypatch, stacks):
    """Longer than those that are busy are waited for at least."""
    monkeypatch.setattr(stalls, "_PATIENCE_SECONDS", 0.3)

    def prepare_and_fit(i):
        compute(1.0 + 0.2 * i)
        return fit(i)

    with fused_training():
        assert_fitted(parallel(prepare_and_fit, 3), 3)
    assert trained_sizes(stacks) == [3]


def test_preparations_of_several_seconds_make_one_stack(stacks):
    """Though the first comes to its fit at once."""

    def prepare_and_fit(i):
        compute(2.0 * i)
        return fit(i)

    with fused_training():
        assert_fitted(parallel(prepare_and_fit, 3), 3)
    assert trained_sizes(stacks) == [3]


def test_task_that_computes_for_long_is_no_reason_to_run_more(monkeypatch):
    monkeypatch.setattr(stalls, "_PATIENCE_SECONDS", 0.3)
    n_running, most = 0, 0

    def run(i):
        nonlocal n_running, most
        n_running += 1
        most = max(most, n_running)
        compute(1.5)
        n_running -= 1

    with fused_training():
        parallel(run, 3)
    assert most == 1


@pytest.mark.skipif(
    not hasattr(time, "pthread_getcpuclockid"), reason="threads' times are not told"
)
def test_a_process_that_was_stopped_was_not_blocked(monkeypatch):
    """All its threads stood still, the watch's own, too."""
    now = 0.0
    monkeypatch.setattr(stalls.time, "monotonic", lambda: now)
    watch = stalls.StallWatch()
    sight = stalls.Sight(1, False, [threading.get_ident()], 10.0)
    seen = []
    for seconds in (0.25, 0.25, 5.0, 0.25, 0.5):
        now += seconds
        seen.append(watch.sees_stall(sight))
    assert seen == [None] * 4 + ["blocked"]

"""Stacks, and plain fits, on a cluster of dask's."""

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time

import joblib
import numpy as np
import pytest
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from helpers import assert_same_network
from skdropout import DropoutMLPClassifier, DropoutMLPRegressor, fused_training
from skdropout.fusion import options

distributed = pytest.importorskip("distributed")

pytestmark = [
    pytest.mark.filterwarnings("ignore"),  # of dask, and of networks that go on
    pytest.mark.usefixtures("time_limit"),
]


@pytest.fixture
def cluster():
    with (
        distributed.LocalCluster(
            n_workers=2,
            threads_per_worker=1,
            dashboard_address=None,
            env={"SKDROPOUT_XLA": "1"},
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        yield cluster, client


def digits_search(digits, n_epochs=10, **params):
    pipe = make_pipeline(
        StandardScaler(), DropoutMLPClassifier((32,), max_iter=n_epochs, random_state=0)
    )
    grid = {
        "dropoutmlpclassifier__dropout_rate": [0.0, 0.2, 0.4],
        "dropoutmlpclassifier__hidden_layer_sizes": [(32,), (32, 32)],
    }
    return GridSearchCV(pipe, grid, cv=3, **params)


def assert_same_scores(first, second):
    """Up to rounding: of a row of 167 that a fold tests."""
    for i in range(3):
        name = f"split{i}_test_score"
        np.testing.assert_allclose(
            first.cv_results_[name], second.cv_results_[name], atol=1.5 / 167
        )


def test_searches_of_several_kinds(cluster, digits, curve):
    _, client = cluster
    search = digits_search(digits)
    expected = clone(search).fit(*digits)
    with fused_training(executor=client.get_executor()):
        assert_same_scores(search.fit(*digits), expected)
    logs = client.run(lambda dask_worker: len(dask_worker.state.log))
    assert min(logs.values()) > 0  # both have trained
    # Further: a plain fit by joblib's own backend of dask.
    with joblib.parallel_config(backend="dask"):
        assert_same_scores(clone(search).fit(*digits), expected)
    reg = DropoutMLPRegressor((8,), max_iter=5, random_state=0)
    with fused_training(executor=client.get_executor()):
        (found,) = joblib.Parallel()([joblib.delayed(clone(reg).fit)(*curve)])
    assert_same_network(found, reg.fit(*curve), rtol=1e-4, atol=1e-5)


def test_a_worker_that_is_killed(cluster, digits):
    _, client = cluster
    search = digits_search(digits, n_epochs=300, refit=False)
    expected = clone(search).fit(*digits)
    pids = client.run(os.getpid)
    killing = threading.Timer(3, os.kill, (next(iter(pids.values())), signal.SIGKILL))
    with fused_training(executor=client.get_executor()):
        killing.start()
        assert_same_scores(search.fit(*digits), expected)
    killing.join()
    assert set(client.run(os.getpid).values()) != set(pids.values())


def test_a_worker_that_joins_late(digits):
    with (
        distributed.LocalCluster(
            n_workers=1, threads_per_worker=1, dashboard_address=None
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        executor = client.get_executor()
        with fused_training(executor=executor):
            digits_search(digits, n_epochs=2, refit=False).fit(*digits)
            cluster.scale(2)
            client.wait_for_workers(2, timeout=60)
            search = digits_search(digits, n_epochs=600, refit=False)
            search.fit(*digits)
        logs = client.run(lambda dask_worker: len(dask_worker.state.log))
    assert len(logs) == 2
    assert min(logs.values()) > 0


def test_what_crosses_the_wire(cluster):
    """200 MB of rows, which several stacks have in common, go once to each worker."""
    psutil = pytest.importorskip("psutil")
    _, client = cluster
    X = np.random.default_rng(0).normal(size=(50_000, 1000)).astype(np.float32)
    y = X[:, 0]
    ests = [
        DropoutMLPRegressor((units,) * n, max_iter=1, batch_size=1000, random_state=0)
        for units in (2, 4)
        for n in (1, 2, 3)
    ]
    with fused_training(executor=client.get_executor()):
        before = psutil.net_io_counters(pernic=True)["lo"].bytes_sent
        joblib.Parallel()([joblib.delayed(est.fit)(X, y) for est in ests])
        sent = psutil.net_io_counters(pernic=True)["lo"].bytes_sent - before
    assert [est.n_iter_ for est in ests] == [1] * 6
    assert 200e6 < sent < 2.2 * 200e6


def test_workers_that_cannot_train(tmp_path):
    """One that has other versions is named; so is one that lacks the package."""
    (tmp_path / "sitecustomize.py").write_text(
        "import sys\nsys.modules['skdropout'] = None\n"
    )
    with (
        distributed.LocalCluster(
            n_workers=1, threads_per_worker=1, dashboard_address=None
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        (good,) = client.nthreads()
        command = [sys.executable, "-m", "distributed.cli.dask_worker"]
        worker = subprocess.Popen(
            [*command, cluster.scheduler_address, "--nthreads", "1", "--no-dashboard"],
            env={**os.environ, "PYTHONPATH": str(tmp_path)},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        with contextlib.ExitStack() as stack:
            stack.callback(worker.wait, 30)
            stack.callback(worker.terminate)
            client.wait_for_workers(2, timeout=60)
            (bad,) = client.nthreads().keys() - {good}
            with pytest.raises(RuntimeError, match="cannot train") as caught:
                fused_training(executor=client.get_executor()).__enter__()
            assert bad in str(caught.value)
            assert good not in str(caught.value)
        deadline = time.monotonic() + 30
        while len(client.nthreads()) > 1 and time.monotonic() < deadline:
            time.sleep(0.1)
        from skdropout.fusion import executors

        with pytest.MonkeyPatch.context() as patch:
            others = {**executors.versions(), "keras": "1.0"}
            patch.setattr(executors, "versions", lambda: others)
            with pytest.raises(RuntimeError, match=r"must have.*keras 1\.0") as caught:
                options.make_gathering(executor=client.get_executor())
        assert good in str(caught.value)

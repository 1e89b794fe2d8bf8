"""Stacks on the workers of an executor beside stacks in one process."""

import os

from distributed import Client, LocalCluster
from sklearn.datasets import load_digits
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from measure import (
    Contestant,
    Seconds,
    Stopwatch,
    compare,
    in_fresh_process,
    load_backend,
)
from ours import our_mlp
from skdropout import fused_training


def _search() -> None:
    X, y = load_digits(return_X_y=True)
    pipe = make_pipeline(StandardScaler(), our_mlp((128, 128), max_iter=100))
    grid = {
        "dropoutmlpclassifier__dropout_rate": [0.0, 0.1, 0.2, 0.3, 0.4, 0.5],
        "dropoutmlpclassifier__alpha": [1e-6, 1e-4, 1e-2, 1e-1],
    }
    GridSearchCV(pipe, grid, cv=3, refit=False).fit(X, y)


def _timed(**options) -> list[list[float]]:
    """Seconds of a search with all compiling, and again."""
    seconds = []
    with fused_training(**options):
        for _ in range(2):
            watch = Stopwatch()
            _search()
            seconds.append([*watch.seconds()])
    return seconds


def in_one_process() -> list[list[float]]:
    load_backend()
    return _timed()


def on_workers() -> list[list[float]]:
    """By two workers in processes of their own, each on one core."""
    load_backend()
    with (
        LocalCluster(
            n_workers=2, threads_per_worker=1, dashboard_address=None
        ) as cluster,
        Client(cluster) as client,
    ):
        if hasattr(os, "sched_setaffinity"):
            cores = sorted(os.sched_getaffinity(0))[:2]
            for address, core in zip(client.nthreads(), cores, strict=True):
                client.run(os.sched_setaffinity, 0, {core}, workers=[address])
        return _timed(executor=client.get_executor())


def cluster(rounds: int) -> None:
    """A search by two workers with one core each, and by one process with two cores."""
    figures: dict[str, list] = {"on_workers": [], "in_one_process": []}
    for i in range(rounds):
        for function in (on_workers, in_one_process)[:: 1 if i % 2 == 0 else -1]:
            figures[function.__name__].append(in_fresh_process(function))
    for which, title in enumerate(("all compiling included", "programs compiled")):

        def contestant(name, key, which=which, **kwargs):
            measured = iter(figures[key])

            def measure():
                return Seconds(*next(measured)[which])

            return Contestant(name, measure, **kwargs)

        compare(
            f"cluster: 72 fits of digits, (128, 128), 100 epochs, {title}",
            [
                contestant("two workers, a core each", "on_workers"),
                contestant("one process, two cores", "in_one_process", at_most=1.3),
            ],
            rounds,
        )

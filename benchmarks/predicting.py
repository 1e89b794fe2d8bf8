"""Seconds of ``predict_proba`` and ``mc_predict_proba`` on fitted networks."""

import statistics
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier

from data import fashion_mnist, standardised_digits
from measure import Contestant, Seconds, Stopwatch, compare, print_table, timed
from ours import our_mlp
from peers import sklearn_mlp

_FIT_ROWS = 500
_N_DRAWS = 100
_N_ROWS = (1, 10, 50, 100, 300, 1000, 3000, 10_000, 60_000)
# Calls of a measurement are to take about this long.
_SECONDS = 0.1


def predict(rounds: int) -> None:
    """One row and 10,000 rows beside scikit-learn's MLP."""
    digits = standardised_digits()
    fashion = fashion_mnist("test")
    _compare("digits", digits, (128, 128), np.float64, (1,), rounds, has_trees=True)
    for dtype in (np.float32, np.float64):
        _compare("Fashion-MNIST", fashion, (512, 512), dtype, (1, 10_000), rounds)


def predict_busy(rounds: int) -> None:
    """1 to 60,000 rows, on a quiet machine and beside a process that never sleeps."""
    rng = np.random.default_rng(0)
    for n_features, sizes in ((30, (32,)), (64, (128, 128)), (784, (512, 512))):
        X = rng.normal(size=(max(_N_ROWS), n_features)).astype(np.float32)
        ours, peer = _fitted(X, rng.integers(10, size=len(X)), sizes)
        rows = []
        for n_rows in _N_ROWS:
            cells = [f"{n_rows:,}"]
            for is_busy in (False, True):
                with _busy_core(is_busy):
                    medians = _medians(ours, peer, X[:n_rows], rounds)
                cells += [f"{1e3 * seconds:.3g}" for seconds in medians]
                cells.append(f"{medians[0] / medians[1]:.2f}")
            rows.append(cells)
        layers = "-".join(map(str, (n_features, *sizes, 10)))
        print_table(
            f"predict-busy: predict_proba, {layers}, X float32, medians of {rounds} "
            "rounds, ms a call",
            ["rows", *("skdropout", "scikit-learn MLP", "ratio"), *("busy", "", "")],
            rows,
        )


def _medians(ours, peer, X, rounds: int) -> list[float]:
    """Seconds of a call of each: medians of `rounds` means.

    The calls alternate, as how long threads wait for each other beside a busy process
    depends on the moment.
    """
    peer.predict_proba(X)
    once = timed(lambda: peer.predict_proba(X))().wall
    repeats = max(2, min(500, int(_SECONDS / once)))
    means = []
    for _ in range(rounds):
        totals = [0.0, 0.0]
        for i in range(2 * repeats):
            watch = Stopwatch()
            (ours, peer)[i % 2].predict_proba(X)
            totals[i % 2] += watch.seconds().wall
        means.append([total / repeats for total in totals])
    return [statistics.median(column) for column in zip(*means, strict=True)]


@contextmanager
def _busy_core(is_busy: bool) -> Iterator[None]:
    """If so, with a process that keeps a core busy."""
    if not is_busy:
        yield
        return
    process = subprocess.Popen([sys.executable, "-c", "while True: pass"])
    try:
        yield
    finally:
        process.kill()
        process.wait()


def _fitted(X, y, sizes):
    """Ours and scikit-learn's, each after one epoch."""
    ours = our_mlp(sizes, max_iter=1)
    peer = sklearn_mlp(sizes, max_iter=1)
    for estimator in (ours, peer):
        estimator.fit(X[:_FIT_ROWS], y[:_FIT_ROWS])
    return ours, peer


def _compare(
    name: str, data, sizes, dtype, n_rows_list, rounds: int, has_trees: bool = False
) -> None:
    X, y = data[0].astype(dtype), data[1]
    ours, peer = _fitted(X, y, sizes)
    kinds = [("skdropout", ours, None), ("scikit-learn MLP", peer, 1.0)]
    if has_trees:
        trees = HistGradientBoostingClassifier(random_state=0)
        kinds.append(("gradient boosting", trees.fit(X[:_FIT_ROWS], y[:_FIT_ROWS]), 0.2))
    for n_rows in n_rows_list:
        rows = X[:n_rows]
        repeats = 2000 if n_rows == 1 else 5
        contestants = []
        for title, estimator, at_most in kinds:
            estimator.predict_proba(rows)
            measure = timed(lambda e=estimator, rows=rows: e.predict_proba(rows), repeats)
            contestants.append(Contestant(title, measure, at_most))
        layers = "-".join(map(str, (X.shape[1], *sizes, 10)))
        compare(
            f"predict: predict_proba of {n_rows:,} row{'s' * (n_rows > 1)}, {name}, "
            f"{layers}, X {X.dtype}, {repeats} calls a round",
            contestants,
            rounds,
        )


def monte_carlo(rounds: int) -> None:
    """Draws with dropout on beside as many predictions with it off."""
    digits, fashion = standardised_digits(np.float32), fashion_mnist("test")
    repeated = np.resize(digits[0], (10_000, digits[0].shape[1]))
    for name, (X, y) in (("digits", (repeated, digits[1])), ("Fashion-MNIST", fashion)):
        network = our_mlp((128, 128), max_iter=1)
        network.fit(X[:_FIT_ROWS], y[:_FIT_ROWS])
        network.predict_proba(X)
        draws = timed(lambda n=network, X=X: n.mc_predict_proba(X, _N_DRAWS, 0))
        calls = timed(lambda n=network, X=X: n.predict_proba(X), _N_DRAWS)
        compare(
            f"monte-carlo: {_N_DRAWS} draws of 10,000 rows, {name}, hidden 128-128",
            [
                Contestant("mc_predict_proba", draws),
                Contestant(
                    f"{_N_DRAWS} times predict_proba",
                    lambda calls=calls: Seconds(*(_N_DRAWS * s for s in calls())),
                    at_most=1.0,
                ),
            ],
            rounds,
        )

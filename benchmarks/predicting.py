"""Seconds of ``predict_proba`` and ``mc_predict_proba`` on fitted networks."""

import numpy as np

from data import fashion_mnist, standardised_digits
from measure import Contestant, Seconds, compare, timed
from peers import sklearn_mlp
from skdropout import DropoutMLPClassifier

_FIT_ROWS = 500
_N_DRAWS = 100


def predict(rounds: int) -> None:
    """One row and 10,000 rows beside scikit-learn's MLP."""
    digits = standardised_digits()
    fashion = fashion_mnist("test")
    _compare("digits", digits, (128, 128), np.float64, (1,), rounds)
    for dtype in (np.float32, np.float64):
        _compare("Fashion-MNIST", fashion, (512, 512), dtype, (1, 10_000), rounds)


def _compare(name: str, data, sizes, dtype, n_rows_list, rounds: int) -> None:
    X, y = data[0].astype(dtype), data[1]
    ours = DropoutMLPClassifier(sizes, max_iter=1, random_state=0)
    peer = sklearn_mlp(sizes, max_iter=1)
    for estimator in (ours, peer):
        estimator.fit(X[:_FIT_ROWS], y[:_FIT_ROWS])
    for n_rows in n_rows_list:
        rows = X[:n_rows]
        repeats = 2000 if n_rows == 1 else 5
        kinds = (("skdropout", ours, None), ("scikit-learn MLP", peer, 1.0))
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
        network = DropoutMLPClassifier((128, 128), max_iter=1, random_state=0)
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

"""Seconds of one fit, programs compiled."""

import numpy as np
from sklearn.neural_network import MLPClassifier

from data import fashion_mnist, standardised_digits
from measure import Contestant, compare, timed
from ours import our_mlp
from peers import keras_model, scikeras_classifier, sklearn_mlp
from skdropout import DropoutMLPClassifier

# Rounds at most of the slow contestants that are there for information.
_SLOW_ROUNDS = 2


def fit_digits(rounds: int) -> None:
    """64-128-128-10 on digits, Adam, batch 32, 20 epochs."""
    sizes, training = (128, 128), {"max_iter": 20, "batch_size": 32}
    for dtype in (np.float64, np.float32):
        X, y = standardised_digits(dtype)
        contestants = [
            _ours(X, y, sizes, **training),
            _sklearn(X, y, sizes, at_most=0.7, **training),
        ]
        if dtype == np.float64:
            contestants += [
                _keras(X, y, sizes, rounds=_SLOW_ROUNDS, **training),
                _scikeras(X, y, sizes, rounds=_SLOW_ROUNDS, **training),
            ]
        title = (
            f"fit-digits: {len(X)} rows, 128-128, adam, batch 32, 20 epochs, X {X.dtype}"
        )
        compare(title, contestants, rounds)


def fit_default(rounds: int) -> None:
    """Digits, with everything by default."""
    X, y = standardised_digits()
    ours = DropoutMLPClassifier(random_state=0)
    ours.fit(X, y)  # compiles
    theirs = MLPClassifier(random_state=0)
    compare(
        f"fit-default: {len(X)} rows, everything by default",
        [
            Contestant("skdropout", timed(lambda: ours.fit(X, y))),
            Contestant("scikit-learn MLP", timed(lambda: theirs.fit(X, y)), 1.5),
        ],
        rounds,
    )


def fit_fashion(rounds: int) -> None:
    """784-512-512-10 on Fashion-MNIST, SGD, batch 128, 3 epochs."""
    from skdropout._backend import keras

    X, y = fashion_mnist("train", 20_000)
    sizes, training = (512, 512), {"max_iter": 3, "batch_size": 128}
    sgd = keras.optimizers.SGD(0.01, momentum=0.9, nesterov=True)
    rate = {"learning_rate_init": 0.01}
    contestants = [
        _ours(X, y, sizes, optimizer="sgd", **rate, **training),
        _sklearn(X, y, sizes, at_most=0.9, solver="sgd", **rate, **training),
        _keras(X, y, sizes, at_most=0.7, optimizer=sgd, **training),
    ]
    title = (
        f"fit-fashion: {len(X)} rows, 512-512, SGD with Nesterov momentum, batch 128, "
        f"3 epochs, X {X.dtype}"
    )
    compare(title, contestants, rounds)


def _ours(X, y, sizes, **params) -> Contestant:
    estimator = our_mlp(sizes, **params)
    estimator.fit(X, y)  # compiles
    return Contestant("skdropout", timed(lambda: estimator.fit(X, y)))


def _sklearn(X, y, sizes, *, at_most: float, **params) -> Contestant:
    estimator = sklearn_mlp(sizes, **params)
    return Contestant("scikit-learn MLP", timed(lambda: estimator.fit(X, y)), at_most)


def _keras(
    X,
    y,
    sizes,
    *,
    max_iter: int,
    batch_size: int,
    optimizer=None,
    at_most: float | None = None,
    rounds: int | None = None,
) -> Contestant:
    model = keras_model(X.shape[1], sizes, dropout_rate=0.2, optimizer=optimizer)

    def fit(n_epochs: int) -> None:
        model.fit(X, y, batch_size=batch_size, epochs=n_epochs, verbose=0)

    fit(1)  # traces
    measure = timed(lambda: fit(max_iter))
    return Contestant("keras.Sequential.fit, traced", measure, at_most, rounds)


def _scikeras(X, y, sizes, *, rounds: int, **params) -> Contestant:
    wrapper = scikeras_classifier(sizes, dropout_rate=0.2, **params)
    measure = timed(lambda: wrapper.fit(X, y))
    return Contestant("scikeras, a new model each fit", measure, rounds=rounds)

"""Memory that fits leave behind, in a new process."""

import gc
import statistics
from collections.abc import Callable
from pathlib import Path

import numpy as np
import psutil

from data import standardised_digits
from measure import Stopwatch, in_fresh_process, print_table
from ours import our_mlp
from peers import scikeras_classifier
from skdropout import DropoutMLPClassifier

_N_SHAPES = 2_000
_OPTIMIZERS = ["adam", "sgd", "rmsprop", "nadam", "adagrad", "adamax", "lion"]
_SIZES, _N_EPOCHS, _BATCH_SIZE = (32,), 2, 128


def _ours(dropout_rate: float, learning_rate: float):
    return our_mlp(
        _SIZES,
        dropout_rate=dropout_rate,
        learning_rate_init=learning_rate,
        max_iter=_N_EPOCHS,
        batch_size=_BATCH_SIZE,
        random_state=None,
    )


def _scikeras(dropout_rate: float, learning_rate: float):
    wrapper = scikeras_classifier(
        _SIZES, dropout_rate=dropout_rate, max_iter=_N_EPOCHS, batch_size=_BATCH_SIZE
    )
    return wrapper.set_params(optimizer="adam", optimizer__learning_rate=learning_rate)


def _resident_bytes() -> int:
    """Resident memory less, on Linux, mapped files, whose pages come and go."""
    info = psutil.Process().memory_info()
    return info.rss - getattr(info, "shared", 0)


def _growth(make: Callable, first: int, last: int) -> float:
    """MB kept per fit between two fits, every fit with other hyperparameters."""
    X, y = standardised_digits()
    sizes = {}
    for i in range(1, last + 1):
        make(0.8 * i / last, 1e-3 * (1 + i / last)).fit(X, y)
        if i in (first, last):
            gc.collect()
            sizes[i] = _resident_bytes()
    return (sizes[last] - sizes[first]) / (last - first) / 1e6


def growth_with_ours() -> float:
    """MB kept per fit, fits 20 to 200."""
    return _growth(_ours, 20, 200)


def growth_with_scikeras() -> float:
    """MB kept per fit, fits 5 to 15."""
    return _growth(_scikeras, 5, 15)


def memory(rounds: int) -> None:
    """Compare the growth."""
    rows = []
    for name, function, n_rounds, at_most in (
        ("skdropout, fits 20 to 200", growth_with_ours, rounds, "0.05"),
        ("scikeras, fits 5 to 15", growth_with_scikeras, 1, ""),
    ):
        values = [in_fresh_process(function) for _ in range(n_rounds)]
        median = f"{statistics.median(values):.3f}"
        spread = f"{min(values):.3f} - {max(values):.3f}"
        rows.append([name, n_rounds, median, spread, at_most])
    print_table(
        "memory: MB kept per fit, digits, 32, adam, another dropout rate and learning "
        "rate each fit, X float64",
        ["", "rounds", "median MB", "min - max", "at most"],
        rows,
    )


def shapes_of(n_shapes: int) -> list[list]:
    """Shapes fitted so far, seconds, MB and memory maps, now and then."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, 10))
    y = (X[:, 0] > 0).astype(int)
    watch, rows = Stopwatch(), []
    for i in range(1, n_shapes + 1):
        mlp = DropoutMLPClassifier(
            tuple(rng.integers(1, 300, rng.integers(1, 5)).tolist()),
            optimizer=_OPTIMIZERS[rng.integers(len(_OPTIMIZERS))],
            batch_norm=bool(rng.integers(2)),
            max_iter=1,
            random_state=0,
        )
        mlp.fit(X[:, : rng.integers(1, 11)], y)
        if i in (1, 50, 100, 150, 200, n_shapes):
            megabytes = psutil.Process().memory_info().rss / 1e6
            rows.append([i, watch.seconds().wall, megabytes, _n_maps()])
    return rows


def _n_maps() -> int | None:
    try:
        return len(Path("/proc/self/maps").read_text().splitlines())
    except OSError:  # another kernel
        return None


def shapes(rounds: int) -> None:
    """What a process takes that fits networks of many shapes."""
    rows = [
        [i, f"{seconds:.0f}", f"{megabytes:.0f}", n_maps]
        for i, seconds, megabytes, n_maps in in_fresh_process(shapes_of, _N_SHAPES)
    ]
    print_table(
        "shapes: one process, networks of other depths, widths, optimizers, with "
        "and without batch normalisation, 60 rows, one epoch each",
        ["shapes", "s", "MB", "memory maps"],
        rows,
    )

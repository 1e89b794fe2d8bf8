"""Memory that fits leave behind, in a new process."""

import gc
import statistics
from collections.abc import Callable

import psutil

from data import standardised_digits
from measure import in_fresh_process, print_table
from ours import our_mlp
from peers import scikeras_classifier

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

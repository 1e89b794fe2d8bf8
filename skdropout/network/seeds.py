"""Independent streams of random numbers from one seed."""

import numpy as np

INITIAL_WEIGHTS, VALIDATION_SPLIT, KERAS_DROPOUT = range(3)


def derived_seed(seed: int, purpose: int, *path: int) -> int:
    """A seed for one purpose, below 2**31."""
    state = np.random.SeedSequence([seed, purpose, *path]).generate_state(1)
    return int(state[0] >> 1)

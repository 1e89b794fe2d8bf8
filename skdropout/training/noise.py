"""Counter-based dropout noise, the same for a network in any stack."""

import math

import numpy as np

# Draws of one value of Philox's counter: four words of 64 bits.
_DRAWS_OF_COUNT = 16


def draw(
    seed: int, epoch: int, layer: int, first: int, n_steps: int, n_draws: int
) -> np.ndarray:
    """Uniform 16-bit integers, by Philox-4x64 (Salmon, Moraes, Dror and Shaw, "Parallel
    random numbers: as easy as 1, 2, 3", SC 2011).

    What a step draws does not depend on the steps with which it is drawn.

    Parameters
    ----------
    seed, epoch, layer : int
    first, n_steps : int
        Number of the first step in its epoch, and how many there are.
    n_draws : int
        Draws of a step.

    Returns
    -------
    ndarray of shape (n_steps, n_draws), uint16
    """
    n_counts = math.ceil(n_draws / _DRAWS_OF_COUNT)
    # The order of the rows has the same key, and counts from zero.
    counter = np.array([first * n_counts, 0, 0, 1 + layer], np.uint64)
    bits = np.random.Philox(key=np.array([seed, epoch], np.uint64), counter=counter)
    words = np.random.Generator(bits).integers(
        2**64 - 1, size=(n_steps, 4 * n_counts), dtype=np.uint64, endpoint=True
    )
    return words.view(np.uint16)[:, :n_draws]

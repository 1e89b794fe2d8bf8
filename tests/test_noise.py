"""The noise of dropout: uniform, and the same whoever draws it when."""

import numpy as np
import pytest

from skdropout.network.architecture import DROPOUT_LEVELS
from skdropout.training.noise import draw

PLACE = {"seed": 3, "epoch": 2, "layer": 1, "first": 0}


def test_uniform():
    draws = draw(**PLACE, n_steps=8, n_draws=2**17).ravel()
    counts = np.bincount(draws >> 8, minlength=DROPOUT_LEVELS >> 8)
    expected = draws.size / counts.size
    # Five standard deviations above the mean of the chi-squared statistic.
    chi_squared = ((counts - expected) ** 2 / expected).sum()
    assert chi_squared < counts.size + 5 * np.sqrt(2 * counts.size)
    # Neighbours, of a row and of a step, have nothing to do with each other.
    values = draws.reshape(8, -1) - (DROPOUT_LEVELS - 1) / 2
    for a, b in ((values[:, 1:], values[:, :-1]), (values[1:], values[:-1])):
        correlation = np.corrcoef(a.ravel(), b.ravel())[0, 1]
        assert abs(correlation) < 5 / np.sqrt(a.size)


@pytest.mark.parametrize("n_draws", [1, 16, 37])
def test_a_step_draws_the_same_with_any_other_steps(n_draws):
    together = draw(**PLACE, n_steps=6, n_draws=n_draws)
    assert together.shape == (6, n_draws)
    for step in range(6):
        alone = draw(**PLACE | {"first": step}, n_steps=1, n_draws=n_draws)
        np.testing.assert_array_equal(alone[0], together[step])


def test_padding_does_not_change_what_real_rows_draw():
    few, more = (draw(**PLACE, n_steps=1, n_draws=n_rows * 10) for n_rows in (7, 8))
    np.testing.assert_array_equal(few, more[:, :70])


@pytest.mark.parametrize("name", PLACE)
def test_every_place_draws_something_else(name):
    draws = [draw(**PLACE | {name: i}, n_steps=1, n_draws=64) for i in (0, 1, 2**32 - 1)]
    for i in range(3):
        assert (draws[i] == draws[i - 1]).mean() < 0.1

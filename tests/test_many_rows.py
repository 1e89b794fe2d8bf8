"""Prediction of many rows, which is done in pieces: as of each row by itself."""

import numpy as np
import pytest
from joblib import Parallel, delayed
from scipy import sparse

from skdropout import DropoutMLPClassifier, fused_training

N_ROWS = 9000


@pytest.fixture(scope="module")
def network():
    """Wide enough that its hidden activations are not all computed at once."""
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(60, 4)).astype(np.float32), rng.integers(3, size=60)
    est = DropoutMLPClassifier(
        (600,), batch_norm=True, activation="tanh", max_iter=1, random_state=0
    )
    with pytest.warns(match="Maximum iterations"):
        est.fit(X, y)
    return est


def rows(dtype):
    return np.random.default_rng(1).normal(size=(N_ROWS, 4)).astype(dtype)


def assert_as_alone(network, X, probabilities):
    assert probabilities.shape == (N_ROWS, 3)
    for i in (0, 4000, 6990, 6991, N_ROWS - 1):
        alone = network.predict_proba(X[i : i + 1])
        np.testing.assert_allclose(probabilities[i : i + 1], alone, rtol=1e-5)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("convert", [np.asarray, sparse.csr_array])
def test_many_rows(network, dtype, convert):
    X = convert(rows(dtype))
    assert_as_alone(network, X, network.predict_proba(X))


@pytest.mark.parametrize("n_rows", [300, N_ROWS])
def test_many_rows_in_a_task(network, n_rows):
    """A task leaves the other cores to the fits: its products are small."""
    X = rows(np.float32)
    with fused_training():
        tasks = (delayed(network.predict_proba)(X[:n_rows]) for _ in range(2))
        first, second = Parallel()(tasks)
    np.testing.assert_array_equal(first, second)
    np.testing.assert_allclose(first, network.predict_proba(X[:n_rows]), rtol=1e-5)

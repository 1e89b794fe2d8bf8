"""Which rows each step of an epoch sees."""

from collections.abc import Sequence

import numpy as np
from scipy import sparse

from .task import Rows

# A call of the compiled program covers at most this many steps, and at most this many
# bytes of inputs and noise: the fixed shapes serve every number of rows. Not fewer, as
# each call copies the weights of the whole stack.
_MAX_STEPS = 64
_MAX_BYTES = 64 * 2**20
# Steps of no more bytes than this are taken together in any case, of several epochs.
_EASY_BYTES = 4 * 2**20


def epoch_order(n_samples: int, seed: int, epoch: int, shuffle: bool) -> np.ndarray:
    """Row indices of one epoch, of shape (n_samples,); keyed by seed and epoch alone."""
    if not shuffle:
        return np.arange(n_samples)
    key = np.array([seed, epoch], dtype=np.uint64)
    return np.random.Generator(np.random.Philox(key=key)).permutation(n_samples)


def chunk_steps(n_steps: int, step_bytes: int) -> int:
    """Steps of one call of the compiled program, for epochs of `n_steps`: a power of
    two."""
    easy, affordable = (
        2 ** (max(1, n_bytes // step_bytes).bit_length() - 1)
        for n_bytes in (_EASY_BYTES, _MAX_BYTES)
    )
    needed = 2 ** (n_steps - 1).bit_length()
    return min(_MAX_STEPS, max(easy, min(affordable, needed)))


def step_indices(
    orders: Sequence[np.ndarray], batch_size: int, batch_rows: int, n_steps: int
) -> tuple[np.ndarray, np.ndarray]:
    """Rows of each step of some epochs and whether they are real.

    Parameters
    ----------
    orders : sequence of ndarray of shape (n_samples,)
        Of the rows in each epoch.
    batch_size, batch_rows : int
        Rows of a batch, without and with padding.
    n_steps : int
        At least those of all epochs; further steps hold no real row.

    Returns
    -------
    indices : ndarray of shape (n_steps, batch_rows), int32
        Padding repeats row 0.
    is_real : ndarray of shape (n_steps, batch_rows), bool
    """
    is_real = np.zeros((n_steps, batch_rows), bool)
    indices = np.zeros((n_steps, batch_rows), np.int32)
    n_samples = orders[0].shape[0]
    n_own_steps = -(-n_samples // batch_size)
    slots = np.arange(n_own_steps * batch_size).reshape(n_own_steps, batch_size)
    is_sample = slots < n_samples
    for i, order in enumerate(orders):
        own = slice(i * n_own_steps, (i + 1) * n_own_steps)
        is_real[own, :batch_size] = is_sample
        indices[own, :batch_size][is_sample] = order
    return indices, is_real


def take_rows(
    X: np.ndarray | sparse.csr_array, indices: np.ndarray, out: np.ndarray | None = None
) -> np.ndarray:
    """Dense rows of `X`, of shape (n_rows, n_features), in `out` if that is given."""
    if sparse.issparse(X):
        return X[indices].toarray(out=out)
    # Any mode but the default writes to `out` directly; the indices are in range.
    return np.take(X, indices, axis=0, out=out, mode="clip")


def row_weights(rows: Rows) -> np.ndarray:
    """Weight of each row, of shape (n_samples,), float32."""
    return np.ones(len(rows), np.float32) if rows.weight is None else rows.weight


def iterate_batches(rows: Rows, batch_size: int, seed: int, epoch: int, shuffle: bool):
    """Yield ``(X, y, weight)`` of each step of the epochs from `epoch` on, endlessly."""
    weight = row_weights(rows)
    while True:
        order = epoch_order(len(rows), seed, epoch, shuffle)
        for start in range(0, len(rows), batch_size):
            batch = order[start : start + batch_size]
            yield take_rows(rows.X, batch), rows.y[batch], weight[batch]
        epoch += 1

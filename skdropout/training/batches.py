"""Which rows each step of an epoch sees."""

import numpy as np
from scipy import sparse

from .arrangement import padded_size
from .task import Rows

# A call of the compiled program covers at most this many steps, and at most this many
# bytes of inputs and noise: the fixed shapes serve every number of rows. Not fewer, as
# each call copies the weights of the whole stack.
_MAX_STEPS = 64
_MAX_BYTES = 64 * 2**20


def epoch_order(n_samples: int, seed: int, epoch: int, shuffle: bool) -> np.ndarray:
    """Row indices of one epoch, of shape (n_samples,); keyed by seed and epoch alone."""
    if not shuffle:
        return np.arange(n_samples)
    key = np.array([seed, epoch], dtype=np.uint64)
    return np.random.Generator(np.random.Philox(key=key)).permutation(n_samples)


def padded_batch_size(batch_size: int, n_samples: int, multiple: int = 1) -> int:
    """Rows of a compiled step, a multiple of `multiple`.

    A batch that holds all rows is padded to the next of eight sizes per power of two,
    so that folds which differ by a few rows share a program.
    """
    rows = batch_size if batch_size < n_samples else padded_size(n_samples)
    return -(-rows // multiple) * multiple


def chunk_steps(n_steps: int, step_bytes: int) -> int:
    """Steps of one call of the compiled program: a power of two."""
    affordable = max(1, _MAX_BYTES // step_bytes)
    most = min(_MAX_STEPS, 2 ** (affordable.bit_length() - 1))
    return min(most, 2 ** (n_steps - 1).bit_length())


def step_indices(
    order: np.ndarray, batch_size: int, batch_rows: int, n_steps: int
) -> tuple[np.ndarray, np.ndarray]:
    """Rows of each step and whether they are real.

    Parameters
    ----------
    order : ndarray of shape (n_samples,)
    batch_size, batch_rows : int
        Rows of a batch, without and with padding.
    n_steps : int
        At least ``ceil(n_samples / batch_size)``; further steps hold no real row.

    Returns
    -------
    indices : ndarray of shape (n_steps, batch_rows), int32
        Padding repeats row 0.
    is_real : ndarray of shape (n_steps, batch_rows), bool
    """
    n_samples = order.shape[0]
    slots = np.arange(n_steps * batch_size).reshape(n_steps, batch_size)
    is_real = np.zeros((n_steps, batch_rows), bool)
    is_real[:, :batch_size] = slots < n_samples
    indices = np.zeros((n_steps, batch_rows), np.int32)
    indices[is_real] = order
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

"""The batches of a stack, from the rows of its tasks."""

import math
from collections.abc import Sequence

import numpy as np

from .._backend import tf
from .batches import epoch_order, row_weights, step_indices, take_rows
from .stack import Batches
from .task import Rows, Task

# What TensorFlow asks of memory that it is to use as it is.
_ALIGNMENT_BYTES = 64


class _Stream:
    """The batches of one set of rows in one order."""

    def __init__(self, task: Task, batch_rows: int, n_steps: int):
        self._n_rows = len(task.rows)
        self._seed, self._shuffle = task.progress.seed, task.settings.shuffle
        self._batch_size = task.settings.batch_size
        self._batch_rows, self._n_steps = batch_rows, n_steps
        self._X = task.rows.X

    def begin_epoch(self, epoch: int) -> np.ndarray:
        """Set the order; returns the number of real rows of each step."""
        order = epoch_order(self._n_rows, self._seed, epoch, self._shuffle)
        self._indices, self._is_real = step_indices(
            order, self._batch_size, self._batch_rows, self._n_steps
        )
        return self._is_real.sum(axis=1)

    def shape(self, steps: slice) -> tuple[int, int, int]:
        """Steps, rows of each, features."""
        return *self._indices[steps].shape, self._X.shape[1]

    def write_inputs(self, out: np.ndarray, steps: slice) -> None:
        """Write the rows of some steps to (n_steps, batch_rows, n_features)."""
        for rows, indices in zip(out, self._indices[steps], strict=True):
            take_rows(self._X, indices, out=rows)

    def targets(
        self, rows: Rows, steps: slice
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Targets (n_steps, batch_rows, n_outputs), shares in the weight of the step
        (n_steps, batch_rows), and that weight (n_steps,)."""
        indices = self._indices[steps]
        weight = row_weights(rows)[indices] * self._is_real[steps]
        total = weight.sum(axis=1, dtype=np.float32)
        # A batch whose rows all have no weight; the steps beyond the last, too.
        total[total == 0] = 1
        return rows.y[indices], weight / total[:, None], total


class Feed:
    """Batches for stacks of some tasks; what equal streams share is ordered once.

    Parameters
    ----------
    tasks : sequence of Task
    batch_rows, n_steps : int
        Rows of a step and steps of an epoch, both with padding.
    """

    def __init__(self, tasks: Sequence[Task], batch_rows: int, n_steps: int):
        self._streams = {
            task.input_stream: _Stream(task, batch_rows, n_steps)
            for task in {task.input_stream: task for task in tasks}.values()
        }
        self._inputs = np.empty(0, np.float32)

    def begin_epoch(self, epoch: int) -> None:
        """Set the order of all rows."""
        self._real_rows = {
            identity: stream.begin_epoch(epoch)
            for identity, stream in self._streams.items()
        }

    def real_rows(self, task: Task) -> np.ndarray:
        """Number of rows of each step of the epoch, without padding."""
        return self._real_rows[task.input_stream]

    def batches(
        self, inputs: Sequence[Task], targets: Sequence[Task], steps: slice
    ) -> Batches:
        """The rows of some steps, for the tasks that stand for the streams.

        Good until the next call, which writes the inputs to the same memory.
        """
        streams = [self._streams[task.input_stream] for task in inputs]
        # Written in place and handed over as they are: with large rows every copy counts.
        n_steps, *shape = streams[0].shape(steps)
        if self._inputs.shape != (n_steps, len(streams), *shape):
            self._inputs = _aligned((n_steps, len(streams), *shape))
        X = self._inputs
        for i, stream in enumerate(streams):
            stream.write_inputs(X[:, i], steps)
        parts = {
            task.target_stream: self._streams[task.input_stream].targets(task.rows, steps)
            for task in targets
        }
        y, share, weight = zip(*(parts[t.target_stream] for t in targets), strict=True)
        return Batches(
            # The identity is a copy only where the device is another.
            tf.identity(tf.experimental.dlpack.from_dlpack(X.__dlpack__())),
            tf.constant(np.stack(y, axis=1)),
            tf.constant(np.stack(share, axis=1), tf.float32),
            tf.constant(np.stack(weight, axis=1)),
        )


def _aligned(shape: tuple[int, ...]) -> np.ndarray:
    """An array that is not filled, in memory that TensorFlow need not copy."""
    size, spare = math.prod(shape), _ALIGNMENT_BYTES // 4
    values = np.empty(size + spare, np.float32)
    start = -values.ctypes.data % _ALIGNMENT_BYTES // 4
    return values[start : start + size].reshape(shape)

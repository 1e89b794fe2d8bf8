"""The batches of a stack, from the rows of its tasks."""

import math
from collections.abc import Hashable, Sequence
from typing import NamedTuple

import numpy as np

from .._backend import tf
from ..network.architecture import Layer
from . import noise
from .batches import epoch_order, step_indices, take_rows
from .task import Rows, Task

# What TensorFlow asks of memory that it is to use as it is.
_ALIGNMENT_BYTES = 64


class Batches(NamedTuple):
    """The rows of some steps.

    Attributes
    ----------
    X : float32 tensor of shape (n_steps, n_inputs, batch_rows, n_features)
    y : float32 tensor of shape (n_steps, n_targets, batch_rows, n_outputs)
        Class indices, in one column, for ``"categorical"``.
    shares : float32 tensor of shape (n_steps, n_targets, 2, batch_rows)
        Of each row in the statistics of the step, as `weighted_sum` takes them, and in
        its weight; zero for padding.
    weight : float32 tensor of shape (n_steps, n_targets)
        Of all rows of the step.
    """

    X: tf.Tensor
    y: tf.Tensor
    shares: tf.Tensor
    weight: tf.Tensor


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

    def targets(self, rows: Rows, steps: slice) -> tuple[np.ndarray, ...]:
        """Targets (n_steps, batch_rows, n_outputs), shares of the rows in the statistics
        and in the weight of the step (n_steps, 2, batch_rows), and that weight
        (n_steps,)."""
        indices, is_real = self._indices[steps], self._is_real[steps]
        shares = np.empty((len(indices), 2, indices.shape[1]), np.float32)
        shares[:, 0], total = _shares(is_real)
        if rows.weight is None:
            shares[:, 1] = shares[:, 0]
        else:
            shares[:, 1], total = _shares(rows.weight[indices] * is_real)
        return rows.y[indices], shares, total


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
        self._batch_rows = batch_rows
        self._buffers: dict[Hashable, np.ndarray] = {}

    def begin_epoch(self, epoch: int) -> None:
        """Set the order of all rows."""
        self._epoch = epoch
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
        n_steps, *shape = streams[0].shape(steps)
        X = self._buffer("inputs", (n_steps, len(streams), *shape), np.float32)
        for i, stream in enumerate(streams):
            stream.write_inputs(X[:, i], steps)
        parts = {
            task.target_stream: self._streams[task.input_stream].targets(task.rows, steps)
            for task in targets
        }
        y, shares, weight = zip(*(parts[t.target_stream] for t in targets), strict=True)
        return Batches(
            _handed_over(X),
            tf.constant(np.stack(y, axis=1)),
            tf.constant(np.stack(shares, axis=1)),
            tf.constant(np.stack(weight, axis=1)),
        )

    def noise(
        self,
        seeds: Sequence[int],
        layers: Sequence[Layer],
        steps: slice,
        n_taken: int,
    ) -> list:
        """Noise of each layer for some steps, the first `n_taken` of which are taken, as
        uint16 tensors of shape (n_steps, n_seeds, batch_rows, units).

        Good until the next call, as batches are.
        """
        noises = []
        for layer in layers:
            row = (self._batch_rows, layer.units)
            shape = (steps.stop - steps.start, len(seeds), *row)
            values = self._buffer(layer, shape, np.uint16)
            for i, seed in enumerate(seeds):
                drawn = noise.draw(
                    seed, self._epoch, layer.number, steps.start, n_taken, math.prod(row)
                )
                values[:n_taken, i] = drawn.reshape(n_taken, *row)
            noises.append(_handed_over(values))
        return noises

    def _buffer(self, use: Hashable, shape: tuple[int, ...], dtype) -> np.ndarray:
        """Memory that is written to again and again, as every copy counts."""
        buffer = self._buffers.get(use)
        if buffer is None or buffer.shape != shape:
            buffer = self._buffers[use] = _aligned(shape, dtype)
        return buffer


def _shares(weight: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Shares of the rows in the weight of each step, and that weight."""
    total = weight.sum(axis=1, dtype=np.float32)
    total[total == 0] = 1  # of the steps beyond the last
    return weight / total[:, None], total


def _aligned(shape: tuple[int, ...], dtype) -> np.ndarray:
    """An array that is not filled, in memory that TensorFlow need not copy."""
    size, item = math.prod(shape), np.dtype(dtype).itemsize
    values = np.empty(size + _ALIGNMENT_BYTES // item, dtype)
    start = -values.ctypes.data % _ALIGNMENT_BYTES // item
    return values[start : start + size].reshape(shape)


def _handed_over(values: np.ndarray):
    """A tensor of aligned memory, which is a copy only where the device is another."""
    return tf.identity(tf.experimental.dlpack.from_dlpack(values.__dlpack__()))

"""The batches of a stack, from the rows of its tasks."""

import math
from collections.abc import Hashable, Sequence
from typing import NamedTuple

import numpy as np

from .._backend import tf
from ..network.architecture import Layer
from . import noise
from .batches import epoch_order, step_indices, take_rows
from .frames import Frame, batch_rows
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


def noise_key(task: Task) -> Hashable:
    """Equal for tasks that see the same noise in each step."""
    units = task.architecture.layer_units[:-1]
    return task.progress.seed, units, batch_rows(task)


class _Stream:
    """The batches of one set of rows in one order."""

    def __init__(self, task: Task, batch_rows: int):
        self._n_rows = len(task.rows)
        self._seed, self._shuffle = task.progress.seed, task.settings.shuffle
        self._batch_size, self._batch_rows = task.batch_size, batch_rows
        self._X = task.rows.X

    def begin(self, first_epoch: int, n_epochs: int, n_steps: int) -> np.ndarray:
        """Set the order in some epochs; returns the number of real rows of each step."""
        orders = [
            epoch_order(self._n_rows, self._seed, epoch, self._shuffle)
            for epoch in range(first_epoch, first_epoch + n_epochs)
        ]
        self._indices, self._is_real = step_indices(
            orders, self._batch_size, self._batch_rows, n_steps
        )
        return self._is_real.sum(axis=1)

    def write_inputs(self, out: np.ndarray, steps: slice) -> None:
        """Write the rows of some steps to (n_steps, batch_rows, n_features), of which
        there may be more features than the rows have."""
        n_features = self._X.shape[1]
        for rows, indices in zip(out, self._indices[steps], strict=True):
            if n_features == rows.shape[1]:
                take_rows(self._X, indices, out=rows)
            else:
                rows[:, :n_features] = take_rows(self._X, indices)
                rows[:, n_features:] = 0

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
    frame : Frame
        Sizes of the batches.
    """

    def __init__(self, tasks: Sequence[Task], frame: Frame):
        self._frame = frame
        self._streams = {
            task.input_stream: _Stream(task, frame.batch_rows)
            for task in {task.input_stream: task for task in tasks}.values()
        }
        self._steps_per_epoch = tasks[0].steps_per_epoch
        self._buffers: dict[Hashable, np.ndarray] = {}

    def begin(self, first_epoch: int, n_epochs: int, n_steps: int) -> None:
        """Set the order of all rows in some epochs, whose steps follow each other; of
        `n_steps` steps the last may be padding."""
        self._first_epoch = first_epoch
        self._real_rows = {
            identity: stream.begin(first_epoch, n_epochs, n_steps)
            for identity, stream in self._streams.items()
        }

    def real_rows(self, task: Task) -> np.ndarray:
        """Number of rows of each step of the epochs, without padding."""
        return self._real_rows[task.input_stream]

    def batches(
        self,
        inputs: Sequence[Task],
        targets: Sequence[Task],
        steps: slice,
        n_taken: int,
    ) -> Batches:
        """The rows of some steps, the first `n_taken` of which are taken, for the tasks
        that stand for the streams.

        Good until the next call, which writes the inputs to the same memory.
        """
        streams = [self._streams[task.input_stream] for task in inputs]
        row = self._frame.batch_rows, self._frame.layer_units[0]
        shape = (steps.stop - steps.start, len(streams), *row)
        X = self._buffer("inputs", shape, np.float32)
        taken = slice(steps.start, steps.start + n_taken)
        for i, stream in enumerate(streams):
            stream.write_inputs(X[:n_taken, i], taken)
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
        streams: Sequence[Sequence[Task]],
        layers: Sequence[Layer],
        steps: slice,
        n_taken: int,
    ) -> list:
        """Noise of each layer for some steps, the first `n_taken` of which are taken, as
        uint16 tensors of shape (n_steps, n_streams, batch_rows, units).

        For each stream there are the tasks that share it, which have what they have in a
        frame of their own size; anything where none of them drops. Good until the next
        call, as batches are.
        """
        noises = []
        n_steps = steps.stop - steps.start
        for layer in layers:
            shape = (n_steps, len(streams), self._frame.batch_rows, layer.units)
            values = self._buffer(layer, shape, np.uint16)
            places: dict[Hashable, int] = {}
            for i, tasks in enumerate(streams):
                if not any(t.settings.dropout_rates[layer.number] for t in tasks):
                    continue
                task = tasks[0]
                units = task.architecture.layer_units[layer.number]
                key = task.progress.seed, units, batch_rows(task)
                first = places.setdefault(key, i)
                if first < i:
                    values[:n_taken, i] = values[:n_taken, first]
                else:
                    self._draw(task, layer, steps.start, values[:n_taken, i])
            noises.append(_handed_over(values))
        return noises

    def _draw(self, task: Task, layer: Layer, start: int, out: np.ndarray) -> None:
        """Noise of some steps from `start` on, (n_steps, batch_rows, units)."""
        rows, units = batch_rows(task), task.architecture.layer_units[layer.number]
        n_of_epoch, stop = self._steps_per_epoch, start + len(out)
        while start < stop:
            epoch, first = divmod(start, n_of_epoch)
            n_steps = min(n_of_epoch - first, stop - start)
            drawn = noise.draw(
                task.progress.seed,
                self._first_epoch + epoch,
                layer.number,
                first,
                n_steps,
                rows * units,
            )
            out[:n_steps, :rows, :units] = drawn.reshape(n_steps, rows, units)
            out, start = out[n_steps:], start + n_steps

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
    """An array in memory that TensorFlow need not copy."""
    size, item = math.prod(shape), np.dtype(dtype).itemsize
    # Of zeros, as padding is to be the same each time.
    values = np.zeros(size + _ALIGNMENT_BYTES // item, dtype)
    start = -values.ctypes.data % _ALIGNMENT_BYTES // item
    return values[start : start + size].reshape(shape)


def _handed_over(values: np.ndarray):
    """A tensor of aligned memory, which is a copy only where the device is another."""
    return tf.identity(tf.experimental.dlpack.from_dlpack(values.__dlpack__()))

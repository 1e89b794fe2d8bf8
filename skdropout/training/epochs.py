"""How far the tasks of a stack are, and their rows."""

from collections.abc import Callable, Sequence

from .batches import chunk_steps, padded_batch_size
from .feed import Feed
from .task import Task

# Without XLA, networks begin at multiples of this in their stack's arrays: TensorFlow's
# kernels compute what does not fill a vector register in another way.
_ALIGNED_ROWS = 16


class Epochs:
    """How far the tasks are, in steps and epochs of equal length, and their rows."""

    def __init__(self, tasks: Sequence[Task], check_wanted: Callable[[], None]):
        first = tasks[0]
        n_samples = len(first.rows)
        arrays = first.optimizer_state.arrays
        units = first.architecture.layer_units
        self.check_wanted = check_wanted
        self.n_steps = first.steps_per_epoch
        self.n_done = first.progress.epochs
        self.steps_done = int(arrays[0]) if arrays else 0
        self.batch_rows = padded_batch_size(
            first.settings.batch_size,
            n_samples,
            1 if first.settings.by_xla else _ALIGNED_ROWS,
        )
        self._units = units
        longest = self.chunk_steps(1, 1)
        padded_steps = -(-self.n_steps // longest) * longest
        self.feed = Feed(tasks, self.batch_rows, padded_steps)

    def chunk_steps(self, n_streams: int, n_seeds: int) -> int:
        """Steps of a call of the compiled program; of fewer streams or seeds no fewer."""
        # Bytes of a row: inputs and targets in float32, noise of all layers in uint16.
        row = 4 * n_streams * (self._units[0] + self._units[-1])
        row += 2 * n_seeds * sum(self._units[:-1])
        return chunk_steps(self.n_steps, self.batch_rows * row)

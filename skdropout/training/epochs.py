"""How far the tasks of a stack are, and their rows."""

from collections.abc import Callable, Sequence

from .batches import chunk_steps
from .feed import Feed
from .frames import Frame
from .task import Record, Task


class Epochs:
    """How far the tasks are, in steps and epochs of equal length, and their rows.

    Attributes
    ----------
    n_steps : int
        Of an epoch.
    n_done, steps_done : int
        Epochs and steps of the tasks so far.
    n_ahead : int
        Epochs that one call of the program is to take: twice as many each time, and one
        again after a network has stopped or changed its rate, as those behind that were
        in vain.
    feed : Feed
    """

    def __init__(
        self,
        tasks: Sequence[Task],
        frame: Frame,
        check_wanted: Callable[[], None],
        record: Record | None,
    ):
        first = tasks[0]
        arrays = first.optimizer_state.arrays
        self.frame = frame
        self.check_wanted = check_wanted
        self.record = record
        self.n_steps = first.steps_per_epoch
        self.n_done = first.progress.epochs
        self.steps_done = int(arrays[0]) if arrays else 0
        self.n_ahead = 1
        self.feed = Feed(tasks, frame)

    def chunk_steps(self, n_streams: int, n_noises: int) -> int:
        """Steps of a call of the compiled program."""
        # Bytes of a row: inputs and targets in float32, noise of all layers in uint16.
        *units, n_outputs = self.frame.layer_units
        row = 4 * n_streams * (units[0] + n_outputs) + 2 * n_noises * sum(units)
        return chunk_steps(self.n_steps, self.frame.batch_rows * row)

    def advance(self, n_epochs: int, n_run: int) -> None:
        """Take note of epochs that are done, of those that have been run."""
        self.n_done += n_epochs
        self.steps_done += n_epochs * self.n_steps
        self.n_ahead = 2 * n_run if n_epochs == n_run else 1

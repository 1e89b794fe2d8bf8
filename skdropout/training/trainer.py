"""Training tasks of one shape as a stack."""

from collections.abc import Callable, Sequence

from .._backend import tf
from .epochs import Epochs
from .frames import Frame, frame_of
from .network_run import NetworkRun
from .recording import keep
from .stack_run import StackRun
from .task import Outcome, Record, Task


def train(
    tasks: Sequence[Task],
    check_wanted: Callable[[], None] = lambda: None,
    size: int = 0,
    frame: Frame | None = None,
    record: Record | None = None,
) -> list[Outcome | BaseException]:
    """Train networks as one stack.

    Networks that have stopped leave the stack once it can be halved.

    Parameters
    ----------
    tasks : sequence of Task
        Of one architecture but for the numbers of features and hidden units, loss,
        optimizer (``OptimizerRecipe.key``), device and number of steps per epoch, and as
        far trained as each other.
    check_wanted : callable
        Called before each call of the compiled program; raises to end the training, with
        all that has been trained unless it is `OutOfTime`.
    size : int
        Number of tasks of a stack with which this one is to share its program.
    frame : Frame, optional
        Of that program; by default `frame_of` the tasks.
    record : Record, optional
        Told of what is finished, and of the others when that is due.

    Returns
    -------
    list
        For each task its outcome, or the error that ended it.
    """
    epochs = Epochs(tasks, frame or frame_of(tasks), check_wanted, record)
    runs = [NetworkRun(task) for task in tasks]
    for run in runs:
        run.task.within(run.begin)
    state = None
    with tf.device(tasks[0].settings.device):
        while running := [run for run in runs if run.is_running]:
            stack = StackRun(running, epochs, size)
            state = stack.train(state)
            keep(record, runs)
            size = 0
    return [run.result for run in runs]

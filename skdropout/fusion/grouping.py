"""Which tasks can be trained as one stack, how large, and what they share."""

from collections.abc import Hashable, Sequence
from dataclasses import replace

from scipy import sparse

from ..training.arrangement import group_equal
from ..training.frames import Frame, batch_rows, is_of_whole_layers
from ..training.task import WORTH_COMPILING, Task

#: Floating-point operations for which it is worth to busy another core.
WORTH_A_STACK = 2e10
# What the steps of a stack touch should stay in a core's cache ...
_CACHE_BYTES = 8 * 2**20
# ... but fewer networks than this are not worth a program of their own, unless the
# weights of one fill the cache: then it is trained as in a plain fit, by that program.
_FEWEST_NETWORKS = 3
# A weight, its gradient, two slots of the optimizer, and what comes and goes.
_ARRAYS_PER_WEIGHT = 5
# Output, normalised output and mask of a layer, and their gradients.
_ARRAYS_PER_UNIT = 6


def family_key(task: Task) -> Hashable:
    """Equal for tasks that one stack can hold, if its frame is large enough."""
    settings, architecture = task.settings, task.architecture
    units = architecture.layer_units
    n_free, activation = len(units) - 1, ""
    if is_of_whole_layers(architecture):
        n_free, activation = 1, architecture.activation
    arrays = task.optimizer_state.arrays
    is_whole = settings.batch_size >= len(task.rows)
    return (
        replace(
            architecture,
            layer_units=(0,) * n_free + units[n_free:],
            activation=activation,
        ),
        settings.loss,
        task.optimizer.key,
        settings.device,
        settings.by_xla,
        0 if is_whole else settings.batch_size,
        task.steps_per_epoch,
        task.progress.epochs,
        int(arrays[0]) if arrays else 0,
    )


def group_key(task: Task) -> Hashable:
    """Equal for tasks of a family with the same sizes and activation."""
    return family_key(task), task.architecture, batch_rows(task)


def network_bytes(task: Task, frame: Frame) -> int:
    """About what one more network of a stack takes."""
    n_weights = frame.around(task.architecture).n_kernel_weights
    n_values = frame.batch_rows * sum(frame.layer_units)
    return 4 * (_ARRAYS_PER_WEIGHT * n_weights + _ARRAYS_PER_UNIT * n_values)


def rows_bytes(task: Task) -> int:
    """Size of a task's rows."""
    rows = [task.rows] if task.validation is None else [task.rows, task.validation]
    return sum(_n_bytes(values) for r in rows for values in (r.X, r.y))


def good_width(task: Task, frame: Frame) -> int:
    """How many networks like that of `task` should be trained as one stack."""
    in_cache = _CACHE_BYTES // network_bytes(task, frame)
    n_weights = frame.around(task.architecture).n_kernel_weights
    is_small = 4 * _ARRAYS_PER_WEIGHT * n_weights <= _CACHE_BYTES
    fewest = _FEWEST_NETWORKS if is_small else 1
    return int(max(fewest, in_cache, WORTH_A_STACK // frame.work(task)))


def is_worth_padding(task: Task, n_copies: int) -> bool:
    """Whether a stack should train copies rather than have a program compiled for it."""
    return n_copies * task.work <= WORTH_COMPILING


def _columns(tasks: Sequence[Task]) -> list[list[int]]:
    """Positions of the tasks, those that see the same rows together."""
    return group_equal([task.input_stream for task in tasks])


def is_even(tasks: Sequence[Task]) -> bool:
    """Whether equally many tasks see each set of rows, as with the folds of a search."""
    return len({len(column) for column in _columns(tasks)}) == 1


def cut(tasks: Sequence[Task], size: int, most: int) -> list[list[int]]:
    """Cut a group into stacks of about `size`, and of equal shape where it is even.

    Parameters
    ----------
    tasks : sequence of Task
    size, most : int
        Tasks of a stack, and the most that it may have.

    Returns
    -------
    list of list of int
        For each stack the positions of its tasks.
    """
    parts = _columns(tasks)
    height = min(-(-size // len(parts)), most // len(parts))
    if is_even(tasks) and len(parts[0]) > 1 and height:
        return [
            [i for column in parts for i in column[start : start + height]]
            for start in range(0, len(parts[0]), height)
        ]
    order = [i for column in parts for i in column]
    size = min(size, most)
    return [order[start : start + size] for start in range(0, len(order), size)]


def _n_bytes(values) -> int:
    return values.data.nbytes if sparse.issparse(values) else values.nbytes

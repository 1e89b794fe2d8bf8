"""Training a stack in halves where it cannot be trained whole."""

from collections.abc import Callable, Sequence

from ..training.frames import Frame
from ..training.task import Outcome, Record, Task
from ..training.trainer import train


def train_or_halve(
    tasks: Sequence[Task],
    check_wanted: Callable[[], None],
    frame: Frame,
    size: int = 0,
    record: Record | None = None,
) -> list[Outcome | BaseException]:
    """Train a stack; where that fails, for want of memory above all, its two halves.

    Parameters and result are those of `train`, where each half has the same frame.
    """
    starts = [task.progress.copy() for task in tasks]
    try:
        return train(tasks, check_wanted, size, frame, record)
    except Exception as error:
        if len(tasks) == 1:
            return [error]
    for task, start in zip(tasks, starts, strict=True):
        task.progress = start
    half = len(tasks) // 2
    return [
        result
        for some in (tasks[:half], tasks[half:])
        for result in train_or_halve(some, check_wanted, frame, 0, record)
    ]

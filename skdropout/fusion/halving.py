"""Training a stack in halves where it cannot be trained whole."""

from collections.abc import Callable, Sequence

from ..training.frames import Frame
from ..training.task import Outcome, Task
from ..training.trainer import train


def train_or_halve(
    tasks: Sequence[Task], check_wanted: Callable[[], None], frame: Frame, size: int = 0
) -> list[Outcome | BaseException]:
    """Train a stack; where that fails, for want of memory above all, its two halves.

    Parameters and result are those of `train`, where each half has the same frame.
    """
    starts = [task.progress.copy() for task in tasks]
    try:
        return train(tasks, check_wanted, size, frame)
    except Exception as error:
        if len(tasks) == 1:
            return [error]
    for task, start in zip(tasks, starts, strict=True):
        task.progress = start
    half = len(tasks) // 2
    return train_or_halve(tasks[:half], check_wanted, frame) + train_or_halve(
        tasks[half:], check_wanted, frame
    )

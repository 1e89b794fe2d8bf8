"""The sizes for which a program is compiled, so that few programs serve many networks."""

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

from ..network.architecture import Architecture
from . import supply
from .arrangement import padded_size
from .task import Task

# Floating-point operations that networks may be given to do on zeros, so that a program
# may serve others: one network, and all that are trained together.
_SPARE_WORK = 2e9
_SPARE_WORK_TOGETHER = 2.5e10
# Weights that may be zero, as optimizers take their time over each, however few rows
# there are.
_SPARE_WEIGHTS = 2**18
# So many times as much, once there are many programs.
_TIMES_THE_WORK = 8
# Bits of the sizes of layers, at least: of features, which are selected and eliminated
# one by one, and of hidden units.
_FEWEST_FEATURES, _FEWEST_UNITS = 5, 4
# So many rows of a batch cost little more than one.
_FEW_ROWS = 256
# Without XLA, networks begin at multiples of this in their stack's arrays: TensorFlow's
# kernels compute what does not fill a vector register in another way.
_ALIGNED_ROWS = 16
# What a unit returns here depends on all units of its layer.
_OF_WHOLE_LAYERS = ("log_softmax", "softmax", "sparsemax")


class Frame(NamedTuple):
    """What a program is compiled for; networks of these sizes and of smaller ones fit.

    Attributes
    ----------
    layer_units : tuple of int
        Number of features, units of each hidden layer, number of outputs.
    batch_rows : int
        Rows of a step.
    activations : tuple of str
        Keras names of the activations of the hidden layers, of which each network has
        one.
    is_mixed : bool
        Whether networks of several sizes share it.
    """

    layer_units: tuple[int, ...]
    batch_rows: int
    activations: tuple[str, ...]
    is_mixed: bool

    def around(self, architecture: Architecture) -> Architecture:
        """An architecture with the layers of this size; of several activations, the first
        stands for all."""
        return replace(
            architecture, layer_units=self.layer_units, activation=self.activations[0]
        )

    def work(self, task: Task) -> float:
        """About the floating-point operations that training the network of a task takes
        in this frame."""
        weights = self.around(task.architecture).n_kernel_weights
        n_own_weights = task.architecture.n_kernel_weights
        rows = self.batch_rows / batch_rows(task)
        return task.work * weights / n_own_weights * rows


def batch_rows(task: Task) -> int:
    """Rows of a step of a task, with padding.

    A batch that holds all rows is padded to the next of eight sizes per power of two, so
    that folds which differ by a few rows share a program.
    """
    return _aligned(min(padded_size(len(task.rows)), task.settings.batch_size), task)


def _general_rows(task: Task) -> int:
    """A power of two, or as many rows as a batch of the task may have."""
    power = max(_FEW_ROWS, 1 << (len(task.rows) - 1).bit_length())
    return _aligned(min(power, task.settings.batch_size), task)


def _aligned(rows: int, task: Task) -> int:
    multiple = 1 if task.settings.by_xla else _ALIGNED_ROWS
    return -(-rows // multiple) * multiple


class ProgramKind(NamedTuple):
    """What a program depends on, but for the numbers of networks and steps and what
    these leave out.

    Attributes
    ----------
    architecture : Architecture
        With the layers of the frame.
    frame : Frame
    loss : str
    optimizer : tuple
        An ``OptimizerRecipe.key``.
    device : str
    by_xla : bool
        Whether XLA is to compile the steps.
    """

    architecture: Architecture
    frame: Frame
    loss: str
    optimizer: tuple
    device: str
    by_xla: bool


def program_kind(task: Task, frame: Frame) -> ProgramKind:
    """The kind of program that trains the network of a task in a frame."""
    settings = task.settings
    return ProgramKind(
        frame.around(task.architecture),
        frame,
        settings.loss,
        task.optimizer.key,
        settings.device,
        settings.by_xla,
    )


def frame_of(tasks: Sequence[Task]) -> Frame:
    """The frame in which networks are trained together.

    It is larger than they need where that costs little: sizes of layers are rounded up,
    and a batch that holds all rows to a power of two, or to as many as it may have. Once
    there are many programs it is larger still, unless there is one for these networks.
    """
    frame = _frame_of(tasks, is_coarse=False)
    if supply.are_many() and not supply.has(program_kind(tasks[0], frame)):
        return _frame_of(tasks, is_coarse=True)
    return frame


def _frame_of(tasks: Sequence[Task], is_coarse: bool) -> Frame:
    sizes = [task.architecture.layer_units for task in tasks]
    needed = tuple(map(max, zip(*sizes, strict=True)))
    rows = max(map(batch_rows, tasks))
    *units, n_outputs = needed
    architecture = tasks[0].architecture
    n_free = 1 if is_of_whole_layers(architecture) else len(units)
    rounded = _rounded_up(units[:n_free], is_coarse)
    general = (*rounded, *units[n_free:], n_outputs)
    most_rows = max(rows, *map(_general_rows, tasks))
    activations = tuple(sorted({task.architecture.activation for task in tasks}))
    *larger, smallest = (
        Frame(layer_units, n_rows, activations, len(set(sizes)) > 1)
        for layer_units in (general, needed)
        for n_rows in (most_rows, rows)
    )
    times = _TIMES_THE_WORK if is_coarse else 1
    affordable = (f for f in larger if _is_affordable(f, smallest, tasks, times))
    return next(affordable, smallest)


def _is_affordable(
    frame: Frame, smallest: Frame, tasks: Sequence[Task], times: int
) -> bool:
    sizes = [f.around(tasks[0].architecture).n_kernel_weights for f in (frame, smallest)]
    if sizes[0] - sizes[1] > times * _SPARE_WEIGHTS:
        return False
    spent = [frame.work(task) - smallest.work(task) for task in tasks]
    together = times * _SPARE_WORK_TOGETHER
    return max(spent) <= times * _SPARE_WORK and sum(spent) <= together


def _rounded_up(units: Sequence[int], is_coarse: bool) -> tuple[int, ...]:
    """Number of features and units of hidden layers, rounded up to powers of two; or
    coarsely, to powers of four, and all hidden layers to one size."""
    fewest = [_FEWEST_FEATURES] + [_FEWEST_UNITS] * (len(units) - 1)
    n_bits = [
        max(least, (n - 1).bit_length()) for n, least in zip(units, fewest, strict=True)
    ]
    if is_coarse:
        n_bits = [bits + bits % 2 for bits in n_bits]
        n_bits[1:] = [max(n_bits[1:], default=0)] * (len(n_bits) - 1)
    return tuple(2**bits for bits in n_bits)


def is_of_whole_layers(architecture: Architecture) -> bool:
    """Whether the units of a hidden layer depend on each other, so that none may be
    added, and no other activation chosen."""
    return architecture.activation in _OF_WHOLE_LAYERS

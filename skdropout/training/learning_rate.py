"""The learning rate of each step."""

import math
from collections.abc import Callable

import numpy as np

from .._backend import tf
from .._surroundings import single_precision
from .task import Progress, Task


class LearningRate:
    """The learning rate of each step.

    Parameters
    ----------
    initial : float or callable
        A callable maps an array of step numbers to an array of rates.
    policy : {"constant", "invscaling", "adaptive"}
    power_t : float
    progress : Progress
        Keeps the rate that ``"adaptive"`` has come to.
    """

    # scikit-learn's constants: the factor, and the rate at which training ends.
    _ADAPTIVE_FACTOR = 5.0
    _ADAPTIVE_MIN = 1e-6

    def __init__(
        self,
        initial: float | Callable[[np.ndarray], np.ndarray],
        policy: str,
        power_t: float,
        progress: Progress,
    ):
        self._schedule = initial if callable(initial) else None
        self._initial = np.nan if callable(initial) else initial
        self._policy = policy
        self._power_t = power_t
        self._progress = progress
        if math.isnan(progress.learning_rate):
            progress.learning_rate = self._initial

    def of_epoch(
        self, first_step: int, n_steps: int, samples_to_come: int = 0
    ) -> np.ndarray:
        """Rates of an epoch's steps, of shape (n_steps,), after so many more samples."""
        if self._schedule is not None:
            return self._schedule(np.arange(first_step, first_step + n_steps))
        rate = self._progress.learning_rate
        if self._policy == "invscaling":
            t = self._progress.samples_seen + samples_to_come
            rate = self._initial / (t + 1) ** self._power_t
        return np.full(n_steps, rate)

    @property
    def base(self) -> float | None:
        """The rate before ``"invscaling"``; None where a schedule sets it."""
        return None if self._schedule is not None else self._progress.learning_rate

    def replace(self, rate: float) -> None:
        """Use `rate` from now on, as a callback asked for."""
        if self._policy == "invscaling":
            self._policy = "constant"
        self._progress.learning_rate = rate

    def reduce(self) -> bool:
        """Divide an adaptive rate; False if training should rather end."""
        rate = self._progress.learning_rate
        if self._policy != "adaptive":
            return False
        if rate <= self._ADAPTIVE_MIN:
            return False
        self._progress.learning_rate = rate / self._ADAPTIVE_FACTOR
        return True


def make_learning_rate(task: Task) -> LearningRate:
    """The learning rates of a task, from its optimizer and its settings."""
    initial, policy = task.optimizer.learning_rate, task.settings.learning_rate
    if not isinstance(policy, str):
        initial, policy = policy, "constant"
    if callable(initial):
        initial, policy = _tabulate(initial), "constant"
    return LearningRate(initial, policy, task.settings.power_t, task.progress)


def _tabulate(schedule):
    """A Keras schedule as a function of an array of steps."""

    @tf.function
    def rates_of(steps):
        return tf.map_fn(
            lambda step: tf.cast(schedule(step), tf.float32),
            steps,
            fn_output_signature=tf.float32,
        )

    def table(steps):
        with single_precision():
            return rates_of(tf.constant(steps, tf.int64)).numpy()

    return table

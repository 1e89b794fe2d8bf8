"""One network of a stack in training."""

from typing import Any

import numpy as np

from .learning_rate import make_learning_rate
from .state import State, StateKeeper
from .stopping import Monitor, divergence_message
from .task import EpochChange, Outcome, StopReason, Task


class NetworkRun:
    """One network of a stack in training, and in the end its result."""

    def __init__(self, task: Task):
        self.task = task
        self.place = -1
        self.rate = make_learning_rate(task)
        self.monitor = Monitor(task.settings, task.progress, self.rate, len(task.rows))
        self.best_weights: list[np.ndarray] | None = None
        self._norm_steps_of_best = 0
        self.result: Any = None  # in the end an Outcome or an Exception

    @property
    def is_running(self) -> bool:
        return self.result is None

    def begin(self) -> None:
        if self.task.hook is None:
            return
        try:
            self.task.hook.begin()
        except BaseException as error:  # of this network alone, whatever it is
            self.result = error

    def begin_epoch(self, keeper: StateKeeper, state: State) -> State:
        """Tell the hook; returns the state that it asks for."""
        if self.task.hook is None:
            return state
        weights = keeper.weights_of(state, self.place)
        try:
            change = self.task.hook.begin_epoch(weights, self.rate.base)
        except BaseException as error:
            self._end_by(error, keeper, state)
            return state
        return self._obey(change, keeper, state)

    def end_epoch(
        self, loss, rate, validation, keeper: StateKeeper, state: State
    ) -> State:
        """Take in an epoch and tell the hook; returns the state that it asks for."""
        monitor = self.monitor
        try:
            logs = monitor.end_epoch(float(loss), float(rate), validation)
            if monitor.is_best:
                self.best_weights = keeper.weights_of(state, self.place)
                self._norm_steps_of_best = self.task.progress.norm_steps
            if self.task.hook is not None:
                weights = keeper.weights_of(state, self.place)
                change = self.task.hook.end_epoch(logs, weights, self.rate.base)
                state = self._obey(change, keeper, state)
            if monitor.stop_reason is not None:
                self.finish(monitor.stop_reason, keeper, state)
        except BaseException as error:
            self._end_by(error, keeper, state)
        return state

    def _end_by(self, error: BaseException, keeper: StateKeeper, state: State) -> None:
        """An error of this network, which ends no other."""
        self.result = error
        if isinstance(error, KeyboardInterrupt):
            self.finish("interrupted", keeper, state)

    def _obey(self, change: EpochChange, keeper: StateKeeper, state: State) -> State:
        if change.learning_rate is not None:
            self.rate.replace(change.learning_rate)
        if change.stop and self.monitor.stop_reason is None:
            self.monitor.stop_reason = "callback"
        if change.weights is not None:
            state = keeper.replace_weights(state, self.place, change.weights)
        return state

    def finish(self, reason: StopReason, keeper: StateKeeper, state: State) -> None:
        if self.best_weights is None:
            weights = keeper.weights_of(state, self.place)
        else:
            weights = self.best_weights
            self.task.progress.norm_steps = self._norm_steps_of_best
        if self.task.hook is not None:
            weights = self.task.hook.end(weights)
        if not all(np.isfinite(values).all() for values in weights):
            self.result = ValueError(
                divergence_message("A weight became infinite or NaN", self.monitor.n_iter)
            )
            return
        self.result = Outcome(
            weights=weights,
            optimizer_state=self.task.optimizer_state._replace(
                arrays=keeper.optimizer_state_of(state, self.place)
            ),
            progress=self.task.progress,
            n_iter=self.monitor.n_iter,
            stop_reason=reason,
        )

    def most_epochs_left(self) -> int:
        return self.task.settings.max_iter - self.monitor.n_iter

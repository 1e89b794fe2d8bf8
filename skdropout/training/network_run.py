"""One network of a stack in training."""

from typing import Any

import numpy as np

from .learning_rate import make_learning_rate
from .state import Reached, State, StatePacker
from .stopping import Monitor
from .task import Checkpoint, EpochChange, StopReason, Task


class NetworkRun:
    """One network of a stack in training, and in the end its result."""

    def __init__(self, task: Task):
        self.task = task
        self.place = -1
        self.is_kept = False
        self.rate = make_learning_rate(task)
        self.monitor = Monitor(task, self.rate)
        self.result: Any = None  # in the end an Outcome or an Exception

    @property
    def is_running(self) -> bool:
        return self.result is None

    def begin(self) -> None:
        if self.task.hook is None:
            return
        try:
            self.task.weights = self.task.hook.begin(self.task.weights)
        except BaseException as error:  # of this network alone, whatever it is
            self.result = error

    def begin_epoch(self, packer: StatePacker, reached: Reached) -> None:
        """Tell the hook; the state becomes what it asks for."""
        if self.task.hook is None:
            return
        weights = self._weights(packer, reached.state)
        try:
            change = self.task.hook.begin_epoch(weights, self.rate.base)
        except BaseException as error:
            self._end_by(error, packer, reached)
            return
        reached.state = self._obey(change, packer, reached.state)

    def end_epoch(
        self, loss, rate, validation, packer: StatePacker, reached: Reached
    ) -> None:
        """Take in the epoch by which a state has been reached, and tell the hook; the
        state becomes what it asks for."""
        monitor, hook = self.monitor, self.task.hook
        try:
            logs = monitor.end_epoch(
                float(loss),
                float(rate),
                validation,
                lambda: self._weights(packer, reached.state),
            )
            if hook is not None:
                weights = self._weights(packer, reached.state)
                change = hook.end_epoch(logs, weights, self.rate.base)
                if not monitor.divergence:
                    reached.state = self._obey(change, packer, reached.state)
            if monitor.stop_reason is not None:
                self.finish(monitor.stop_reason, packer, reached.state)
        except BaseException as error:
            self._end_by(error, packer, reached)

    def _weights(self, packer: StatePacker, state: State) -> list[np.ndarray]:
        return packer.weights_of(state, self.place, self.task.architecture)

    def _end_by(
        self, error: BaseException, packer: StatePacker, reached: Reached
    ) -> None:
        """An error of this network, which ends no other."""
        self.result = error
        if isinstance(error, KeyboardInterrupt):
            self.finish("interrupted", packer, reached.state)

    def _obey(self, change: EpochChange, packer: StatePacker, state: State) -> State:
        if change.learning_rate is not None:
            self.rate.replace(change.learning_rate)
        if change.stop and self.monitor.stop_reason is None:
            self.monitor.stop_reason = "callback"
        if change.weights is not None:
            state = packer.replace_weights(state, self.place, change.weights)
        return state

    def finish(self, reason: StopReason, packer: StatePacker, state: State) -> None:
        task = self.task
        weights = self.monitor.best_weights or self._weights(packer, state)
        if task.hook is not None:
            scored, weights = weights, task.hook.end(weights)
            if not all(map(np.array_equal, weights, scored)):
                task.progress.scored_on = None  # these have no score
        arrays = packer.optimizer_state_of(state, self.place, task.architecture)
        try:
            self.result = self.monitor.outcome(weights, arrays, reason)
        except ValueError as error:
            self.result = error

    def checkpoint(self, packer: StatePacker, state: State) -> Checkpoint:
        architecture = self.task.architecture
        arrays = packer.optimizer_state_of(state, self.place, architecture)
        return self.monitor.checkpoint(self._weights(packer, state), arrays)

    def most_epochs_left(self) -> int:
        return self.task.settings.max_iter - self.monitor.n_iter

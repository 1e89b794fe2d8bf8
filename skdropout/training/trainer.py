"""The epoch loop: trains tasks of one shape as a stack."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .._backend import tf
from .arrangement import arrange
from .batches import chunk_steps, padded_batch_size, row_weights, take_rows
from .feed import Feed
from .grouping import WORTH_COMPILING
from .monitor import LearningRate, Monitor, divergence_message
from .programs import program_for
from .scores import score
from .stack import Hyperparameters, Program, ProgramKey, State
from .task import EpochChange, Outcome, Rows, StopReason, Task

# Rows of a validation set that go through the network at a time.
_VALIDATION_ROWS = 4096
# Without XLA, networks begin at multiples of this in their stack's arrays: TensorFlow's
# kernels compute what does not fill a vector register in another way.
_ALIGNED_ROWS = 16


def train(
    tasks: Sequence[Task],
    check_wanted: Callable[[], None] = lambda: None,
    size: int = 0,
) -> list[Outcome | BaseException]:
    """Train networks as one stack.

    Networks that have stopped leave the stack once it can be halved.

    Parameters
    ----------
    tasks : sequence of Task
        Of one architecture, loss, optimizer (``OptimizerRecipe.key``), device, batch size
        and number of steps per epoch, and as far trained as each other.
    check_wanted : callable
        Called before each call of the compiled program; raises to end the training.
    size : int
        Number of tasks of a stack with which this one is to share its program.

    Returns
    -------
    list
        For each task its outcome, or the error that ended it.
    """
    epochs = _Epochs(tasks, check_wanted)
    runs = [_Run(task) for task in tasks]
    for run in runs:
        run.begin()
    state = None
    with tf.device(tasks[0].settings.device):
        while running := [run for run in runs if run.is_running]:
            stack = _Stack(running, epochs, size)
            state = stack.train(state)
            size = 0
    return [run.result for run in runs]


def make_learning_rate(task: Task) -> LearningRate:
    """The learning rates of a task, from its optimizer and its settings."""
    initial, policy = task.optimizer.learning_rate, task.settings.learning_rate
    if not isinstance(policy, str):
        initial, policy = policy, "constant"
    if callable(initial):
        initial = _tabulate(initial)
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

    return lambda steps: rates_of(tf.constant(steps, tf.int64)).numpy()


class _Run:
    """One network of a stack in training, and in the end its result."""

    def __init__(self, task: Task):
        self.task = task
        self.place = -1
        self.rate = make_learning_rate(task)
        self.monitor = Monitor(task.settings, task.progress, self.rate, len(task.rows))
        self.best_weights: list[np.ndarray] | None = None
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

    def begin_epoch(self, program: Program, state: State) -> State:
        """Tell the hook; returns the state that it asks for."""
        if self.task.hook is None:
            return state
        weights = program.weights_of(state, self.place)
        try:
            change = self.task.hook.begin_epoch(weights, self.rate.base)
        except BaseException as error:
            self._end_by(error, program, state)
            return state
        return self._obey(change, program, state)

    def end_epoch(self, loss, rate, validation, program: Program, state: State) -> State:
        """Take in an epoch and tell the hook; returns the state that it asks for."""
        monitor = self.monitor
        try:
            logs = monitor.end_epoch(float(loss), float(rate), validation)
            if monitor.is_best:
                self.best_weights = program.weights_of(state, self.place)
            if self.task.hook is not None:
                weights = program.weights_of(state, self.place)
                change = self.task.hook.end_epoch(logs, weights, self.rate.base)
                state = self._obey(change, program, state)
            if monitor.stop_reason is not None:
                self.finish(monitor.stop_reason, program, state)
        except BaseException as error:
            self._end_by(error, program, state)
        return state

    def _end_by(self, error: BaseException, program: Program, state: State) -> None:
        """An error of this network, which ends no other."""
        self.result = error
        if isinstance(error, KeyboardInterrupt):
            self.finish("interrupted", program, state)

    def _obey(self, change: EpochChange, program: Program, state: State) -> State:
        if change.learning_rate is not None:
            self.rate.replace(change.learning_rate)
        if change.stop and self.monitor.stop_reason is None:
            self.monitor.stop_reason = "callback"
        if change.weights is not None:
            state = program.replace_weights(state, self.place, change.weights)
        return state

    def finish(self, reason: StopReason, program: Program, state: State) -> None:
        weights = self.best_weights or program.weights_of(state, self.place)
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
                arrays=program.optimizer.state_of(state.slots, state.counts, self.place)
            ),
            progress=self.task.progress,
            n_iter=self.monitor.n_iter,
            stop_reason=reason,
        )

    def most_epochs_left(self) -> int:
        return self.task.settings.max_iter - self.monitor.n_iter


class _Epochs:
    """How far the tasks are, in steps and epochs of equal length, and their rows."""

    def __init__(self, tasks: Sequence[Task], check_wanted: Callable[[], None]):
        first = tasks[0]
        n_samples = len(first.rows)
        arrays = first.optimizer_state.arrays
        units = first.architecture.layer_units
        self.check_wanted = check_wanted
        self.n_steps = -(-n_samples // first.settings.batch_size)
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


class _Stack:
    """Networks that run, and their program."""

    def __init__(self, runs: list[_Run], epochs: _Epochs, size: int):
        self._runs, self._epochs = runs, epochs
        tasks = [run.task for run in runs]
        first = tasks[0]
        shape, arrangement = arrange(
            [task.input_stream for task in tasks],
            [task.target_stream for task in tasks],
            [task.progress.seed for task in tasks],
            size,
        )
        self._key = ProgramKey(
            architecture=first.architecture,
            loss=first.settings.loss,
            optimizer=first.optimizer.key,
            batch_rows=epochs.batch_rows,
            n_steps=epochs.chunk_steps(shape.n_inputs, shape.n_seeds),
            has_input_dropout=any(t.settings.dropout_rates[0] > 0 for t in tasks),
            device=first.settings.device,
            by_xla=first.settings.by_xla,
            shape=shape,
        )
        self._program = program_for(self._key)
        self._in_place = [runs[i] for i in arrangement.places]
        self._inputs = [tasks[i] for i in arrangement.inputs]
        self._targets = [tasks[i] for i in arrangement.targets]
        tasks = [run.task for run in self._in_place]
        self._hyperparameters = Hyperparameters.of(
            [task.settings.alpha for task in tasks],
            [task.optimizer.momentum for task in tasks],
            [task.settings.dropout_rates for task in tasks],
        )
        self._seeds = [task.progress.seed for task in tasks][: shape.n_seeds]

    def _first_state(self, before: State | None) -> State:
        """The state to begin with: from the tasks, or from that of a larger stack."""
        if before is None:
            tasks = [run.task for run in self._in_place]
            state = self._program.stack(
                [task.weights for task in tasks],
                [task.optimizer_state.arrays for task in tasks],
            )
        else:
            state = self._program.take(before, [run.place for run in self._in_place])
        for place, run in reversed(list(enumerate(self._in_place))):
            run.place = place
        return state

    @property
    def _running(self) -> list[_Run]:
        return [run for run in self._runs if run.is_running]

    def train(self, before: State | None) -> State:
        """Train until no network runs, or few enough for a smaller stack."""
        program, state = self._program, self._first_state(before)
        try:
            while self._running and not self._is_worth_leaving():
                for run in self._running:
                    state = run.begin_epoch(program, state)
                new_state, losses, rates = self._run_epoch(state)
                figures = self._validate(new_state)
                state = new_state  # from here on the epoch is whole
                for run in self._running:
                    state = run.end_epoch(
                        losses[run.place],
                        rates[run.place],
                        figures.get(run),
                        program,
                        state,
                    )
        except KeyboardInterrupt:
            for run in self._running:
                run.finish("interrupted", program, state)
        return state

    def _is_worth_leaving(self) -> bool:
        """Whether those that run would do better in a stack of half the size."""
        running = self._running
        if 2 * len(running) > len(self._in_place):
            return False
        task = running[0].task
        share_left = max(r.most_epochs_left() for r in running) / task.settings.max_iter
        n_idle = len(self._in_place) - len(running)
        return n_idle * share_left * task.work > WORTH_COMPILING

    def _run_epoch(self, state: State):
        """One epoch; returns the new state, and losses and rates of each place."""
        epochs, feed, chunk = self._epochs, self._epochs.feed, self._key.n_steps
        feed.begin_epoch(epochs.n_done)
        counts = np.stack([feed.real_rows(task) for task in self._inputs], axis=1)
        counts = np.repeat(counts, len(self._in_place) // len(self._inputs), axis=1)
        rates = np.zeros(counts.shape)
        rates[: epochs.n_steps] = np.stack(
            [r.rate.of_epoch(epochs.steps_done, epochs.n_steps) for r in self._in_place],
            axis=1,
        )
        chunks = []
        for start in range(0, epochs.n_steps, chunk):
            epochs.check_wanted()
            steps = slice(start, start + chunk)
            n_taken = min(chunk, epochs.n_steps - start)
            state, losses = self._program.run(
                state,
                feed.batches(self._inputs, self._targets, steps),
                feed.noise(self._seeds, self._program.noisy_layers, steps, n_taken),
                n_taken,
                rates[steps],
                self._hyperparameters,
            )
            chunks.append(losses.numpy())
        epochs.n_done += 1
        epochs.steps_done += epochs.n_steps
        mean_losses = np.average(np.concatenate(chunks), axis=0, weights=counts)
        return state, mean_losses, rates[0]

    def _validate(self, state: State) -> dict[_Run, tuple[float, float]]:
        """Validation loss and score of the running networks that have such rows."""
        users: dict[int, tuple[Rows, list[_Run]]] = {}
        for run in self._running:
            rows = run.task.validation
            if rows is not None:
                users.setdefault(id(rows), (rows, []))[1].append(run)
        figures = {}
        for rows, runs in users.values():
            weight = row_weights(rows)
            losses, logits = np.zeros(len(runs)), []
            places = [run.place for run in runs]
            for start in range(0, len(rows), _VALIDATION_ROWS):
                block = np.arange(start, min(start + _VALIDATION_ROWS, len(rows)))
                block_losses, block_logits = self._program.validation(
                    state,
                    places,
                    take_rows(rows.X, block),
                    rows.y[block],
                    weight[block],
                )
                losses += block_losses
                logits.append(block_logits)
            losses /= weight.sum(dtype=np.float64)
            outputs = np.concatenate(logits, axis=1)
            for i, run in enumerate(runs):
                value = score(run.task.settings.loss, rows.y, outputs[i], weight)
                figures[run] = (float(losses[i]), value)
        return figures

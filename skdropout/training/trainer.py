"""The epoch loop: trains tasks of one shape as a stack."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy import sparse

from .._backend import tf
from .batches import (
    chunk_steps,
    epoch_order,
    padded_batch_size,
    row_weights,
    step_indices,
    take_rows,
)
from .monitor import LearningRate, Monitor, divergence_message
from .programs import borrow
from .scores import score
from .stack import Hyperparameters, Program, ProgramKey, State
from .task import EpochChange, Outcome, Rows, StopReason, Task

# Rows of a validation set that go through the network at a time.
_VALIDATION_ROWS = 4096


def train(tasks: Sequence[Task]) -> list[Outcome | Exception]:
    """Train networks as one stack.

    Parameters
    ----------
    tasks : sequence of Task
        Of one architecture, loss, optimizer (``OptimizerRecipe.key``), device, batch size
        and number of steps per epoch, and as far trained as each other.

    Returns
    -------
    list
        For each task its outcome, or the error that ended it.
    """
    stack = _Stack(tasks)
    with borrow(stack.key) as program, tf.device(stack.key.device):
        state = program.stack(
            [task.weights for task in tasks],
            [task.optimizer_state.arrays for task in tasks],
        )
        try:
            for run in stack.runs:
                run.begin()
            while stack.running:
                for run in stack.running:
                    state = run.begin_epoch(program, state)
                new_state, losses, rates = stack.run_epoch(program, state)
                figures = stack.validate(program, new_state)
                state = new_state  # from here on the epoch is whole
                for run in stack.running:
                    i = run.network
                    state = run.end_epoch(
                        losses[i], rates[i], figures.get(i), program, state
                    )
        except KeyboardInterrupt:
            for run in stack.running:
                run.finish("interrupted", program, state)
    return [run.result for run in stack.runs]


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


class _Stream:
    """The batches of one set of rows in one order."""

    def __init__(self, task: Task, batch_rows: int, n_steps: int):
        self._n_rows = len(task.rows)
        self._shuffle = task.settings.shuffle
        self._seed = task.progress.seed
        self._batch_size = task.settings.batch_size
        self._batch_rows = batch_rows
        self._n_steps = n_steps
        rows = task.rows
        self._sparse_X = rows.X if sparse.issparse(rows.X) else None
        self._rows = (
            None if sparse.issparse(rows.X) else tf.constant(rows.X),
            tf.constant(rows.y),
            tf.constant(row_weights(rows)),
        )

    def begin_epoch(self, epoch: int) -> np.ndarray:
        """Set the order; returns the number of real rows of each step."""
        order = epoch_order(self._n_rows, self._seed, epoch, self._shuffle)
        self._indices, self._is_real = step_indices(
            order, self._batch_size, self._batch_rows, self._n_steps
        )
        return self._is_real.sum(axis=1)

    def batches(self, steps: slice):
        """Rows, and which of them each of some steps takes."""
        indices, is_real = self._indices[steps], self._is_real[steps]
        rows = self._rows
        if self._sparse_X is not None:
            # Only the rows of these steps are made dense.
            taken = indices.ravel()
            X = tf.constant(self._sparse_X[taken].toarray())
            rows = (X, *(tf.gather(values, taken) for values in rows[1:]))
            indices = np.arange(taken.size, dtype=np.int32).reshape(indices.shape)
        return rows, (indices, is_real)


class _Run:
    """One network of a stack in training, and in the end its result."""

    def __init__(self, network: int, task: Task):
        self.network = network
        self.task = task
        self.rate = make_learning_rate(task)
        self.monitor = Monitor(task.settings, task.progress, self.rate, len(task.rows))
        self.best_weights: list[np.ndarray] | None = None
        self.result: Any = None  # in the end an Outcome or an Exception

    def begin(self) -> None:
        if self.task.hook is not None:
            self.task.hook.begin()

    def begin_epoch(self, program: Program, state: State) -> State:
        """Tell the hook; returns the state that it asks for."""
        if self.task.hook is None:
            return state
        weights = program.weights_of(state, self.network)
        change = self.task.hook.begin_epoch(weights, self.rate.base)
        return self._obey(change, program, state)

    def end_epoch(self, loss, rate, validation, program: Program, state: State) -> State:
        """Take in an epoch and tell the hook; returns the state that it asks for."""
        monitor = self.monitor
        try:
            logs = monitor.end_epoch(float(loss), float(rate), validation)
        except ValueError as error:
            self.result = error
            return state
        if monitor.is_best:
            self.best_weights = program.weights_of(state, self.network)
        if self.task.hook is not None:
            weights = program.weights_of(state, self.network)
            change = self.task.hook.end_epoch(logs, weights, self.rate.base)
            state = self._obey(change, program, state)
        if monitor.stop_reason is not None:
            self.finish(monitor.stop_reason, program, state)
        return state

    def _obey(self, change: EpochChange, program: Program, state: State) -> State:
        if change.learning_rate is not None:
            self.rate.replace(change.learning_rate)
        if change.stop and self.monitor.stop_reason is None:
            self.monitor.stop_reason = "callback"
        if change.weights is not None:
            state = program.replace_weights(state, self.network, change.weights)
        return state

    def finish(self, reason: StopReason, program: Program, state: State) -> None:
        weights = self.best_weights or program.weights_of(state, self.network)
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
                arrays=program.optimizer.state_of(state.slots, state.counts, self.network)
            ),
            progress=self.task.progress,
            n_iter=self.monitor.n_iter,
            stop_reason=reason,
        )


class _Stack:
    """The tasks of a stack with all that their epochs need."""

    def __init__(self, tasks: Sequence[Task]):
        first = tasks[0]
        n_samples = len(first.rows)
        self._n_steps = -(-n_samples // first.settings.batch_size)
        self._epoch = first.progress.epochs
        arrays = first.optimizer_state.arrays
        self._steps_done = int(arrays[0]) if arrays else 0
        batch_rows = padded_batch_size(first.settings.batch_size, n_samples)
        chunk = chunk_steps(self._n_steps, batch_rows, first.architecture.layer_units[0])
        padded_steps = -(-self._n_steps // chunk) * chunk
        streams: dict[tuple, _Stream] = {}
        stream_of = []
        for task in tasks:
            identity = (id(task.rows), task.progress.seed, task.settings.shuffle)
            if identity not in streams:
                streams[identity] = _Stream(task, batch_rows, padded_steps)
            stream_of.append(list(streams).index(identity))
        self._streams = list(streams.values())
        seeds = list(dict.fromkeys(task.progress.seed for task in tasks))
        self._hyperparameters = Hyperparameters(
            alpha=_per_network([task.settings.alpha for task in tasks]),
            momentum=_per_network([task.optimizer.momentum for task in tasks]),
            dropout_rates=_per_network([task.settings.dropout_rates for task in tasks]),
            seeds=tf.constant(np.array(seeds, np.uint32)),
        )
        self.key = ProgramKey(
            architecture=first.architecture,
            loss=first.settings.loss,
            optimizer=first.optimizer.key,
            stream_of=tuple(stream_of),
            seed_of=tuple(seeds.index(task.progress.seed) for task in tasks),
            batch_rows=batch_rows,
            n_steps=chunk,
            has_input_dropout=any(t.settings.dropout_rates[0] > 0 for t in tasks),
            device=first.settings.device,
        )
        self.runs = [_Run(network, task) for network, task in enumerate(tasks)]

    @property
    def running(self) -> list[_Run]:
        return [run for run in self.runs if run.result is None]

    def run_epoch(self, program: Program, state: State):
        """One epoch; returns the new state, and losses and rates of each network."""
        real_rows = [stream.begin_epoch(self._epoch) for stream in self._streams]
        counts = np.stack([real_rows[i] for i in self.key.stream_of], axis=1)
        rates = np.zeros(counts.shape)
        for run in self.runs:
            epoch_rates = run.rate.of_epoch(self._steps_done, self._n_steps)
            rates[: self._n_steps, run.network] = epoch_rates
        chunks = []
        for start in range(0, self._n_steps, self.key.n_steps):
            steps = slice(start, start + self.key.n_steps)
            rows, batches = zip(*(s.batches(steps) for s in self._streams), strict=True)
            n_steps = min(self.key.n_steps, self._n_steps - start)
            state, losses = program.run(
                state,
                list(rows),
                list(batches),
                (n_steps, start, self._epoch),
                rates[steps],
                self._hyperparameters,
            )
            chunks.append(losses.numpy())
        self._epoch += 1
        self._steps_done += self._n_steps
        mean_losses = np.average(np.concatenate(chunks), axis=0, weights=counts)
        return state, mean_losses, rates[0]

    def validate(self, program: Program, state: State) -> dict[int, tuple[float, float]]:
        """Validation loss and score of the running networks that have such rows."""
        users: dict[int, tuple[Rows, list[int]]] = {}
        for run in self.running:
            rows = run.task.validation
            if rows is not None:
                users.setdefault(id(rows), (rows, []))[1].append(run.network)
        loss = self.key.loss
        figures = {}
        for rows, networks in users.values():
            weight = row_weights(rows)
            losses, logits = np.zeros(len(networks)), []
            for start in range(0, len(rows), _VALIDATION_ROWS):
                block = np.arange(start, min(start + _VALIDATION_ROWS, len(rows)))
                block_losses, block_logits = program.validation(
                    state,
                    networks,
                    take_rows(rows.X, block),
                    rows.y[block],
                    weight[block],
                )
                losses += block_losses
                logits.append(block_logits)
            losses /= weight.sum(dtype=np.float64)
            outputs = np.concatenate(logits, axis=1)
            for i, network in enumerate(networks):
                value = score(loss, rows.y, outputs[i], weight)
                figures[network] = (float(losses[i]), value)
        return figures


def _per_network(values) -> tf.Tensor:
    return tf.constant(np.array(values, np.float32))

"""A stack in training, until it is worth leaving for a smaller one."""

import numpy as np

from .arrangement import arrange
from .batches import row_weights, take_rows
from .epochs import Epochs
from .hyperparameters import in_use, stacked_hyperparameters
from .moving_statistics import batch_share
from .network_run import NetworkRun
from .program import ProgramKey, program_for
from .scores import Validation
from .state import State
from .task import WORTH_COMPILING, Rows

# Rows of a validation set that go through the networks at a time.
_VALIDATION_ROWS = 4096


class StackRun:
    """Networks that run, and their program."""

    def __init__(self, runs: list[NetworkRun], epochs: Epochs, size: int):
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
            in_use=in_use([task.settings.hyperparameters for task in tasks]),
            device=first.settings.device,
            by_xla=first.settings.by_xla,
            shape=shape,
        )
        self._program = program_for(self._key)
        self._in_place = [runs[i] for i in arrangement.places]
        self._inputs = [tasks[i] for i in arrangement.inputs]
        self._targets = [tasks[i] for i in arrangement.targets]
        tasks = [run.task for run in self._in_place]
        self._hyperparameters = stacked_hyperparameters(
            [task.settings.hyperparameters for task in tasks]
        )
        self._seeds = [task.progress.seed for task in tasks][: shape.n_seeds]

    def _first_state(self, before: State | None) -> State:
        """The state to begin with: from the tasks, or from that of a larger stack."""
        if before is None:
            tasks = [run.task for run in self._in_place]
            state = self._program.packer.stack(
                [task.weights for task in tasks],
                [task.optimizer_state.arrays for task in tasks],
            )
        else:
            places = [run.place for run in self._in_place]
            state = self._program.packer.take(before, places)
        for place, run in reversed(list(enumerate(self._in_place))):
            run.place = place
        return state

    @property
    def _running(self) -> list[NetworkRun]:
        return [run for run in self._runs if run.is_running]

    def train(self, before: State | None) -> State:
        """Train until no network runs, or few enough for a smaller stack."""
        packer, state = self._program.packer, self._first_state(before)
        try:
            while self._running and not self._is_worth_leaving():
                for run in self._running:
                    state = run.task.within(run.begin_epoch, packer, state)
                new_state, losses, rates = self._run_epoch(state)
                figures = self._validate(new_state)
                state = new_state  # from here on the epoch is whole
                for run in self._running:
                    run.task.progress.norm_steps += self._epochs.n_steps
                    state = run.task.within(
                        run.end_epoch,
                        losses[run.place],
                        rates[run.place],
                        figures.get(run),
                        packer,
                        state,
                    )
        except KeyboardInterrupt:
            for run in self._running:
                run.task.within(run.finish, "interrupted", packer, state)
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
        norm_steps = [run.task.progress.norm_steps for run in self._in_place]
        norm_shares = batch_share(norm_steps + np.arange(1.0, len(rates) + 1)[:, None])
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
                norm_shares[steps],
                self._hyperparameters,
            )
            chunks.append(losses.numpy())
        epochs.n_done += 1
        epochs.steps_done += epochs.n_steps
        mean_losses = np.average(np.concatenate(chunks), axis=0, weights=counts)
        return state, mean_losses, rates[0]

    def _validate(self, state: State) -> dict[NetworkRun, Validation]:
        """Figures of the running networks that have validation rows."""
        users: dict[int, tuple[Rows, list[NetworkRun]]] = {}
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
                block_losses, block_logits = self._program.validate(
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
                figures[run] = Validation(rows, float(losses[i]), outputs[i])
        return figures

"""A stack in training, until it is worth leaving for a smaller one."""

from functools import partial

import numpy as np

from .arrangement import arrange
from .batches import row_weights, take_rows
from .epochs import Epochs
from .feed import noise_key
from .frames import program_kind
from .hyperparameters import in_use, stacked_hyperparameters
from .moving_statistics import batch_share
from .network_run import NetworkRun
from .program import ProgramKey, program_for
from .recording import keep
from .scores import Validation
from .state import Reached, State
from .task import WORTH_COMPILING, OutOfTime, Rows
from .units import units_of

# Rows of a validation set that go through the networks at a time.
_VALIDATION_ROWS = 4096


class StackRun:
    """Networks that run, and their program."""

    def __init__(self, runs: list[NetworkRun], epochs: Epochs, size: int):
        self._runs, self._epochs = runs, epochs
        tasks = [run.task for run in runs]
        shape, arrangement = arrange(
            [task.input_stream for task in tasks],
            [task.target_stream for task in tasks],
            [noise_key(task) for task in tasks],
            size,
            is_noise_common=not epochs.frame.is_mixed,
        )
        self._key = ProgramKey(
            kind=program_kind(tasks[0], epochs.frame),
            n_steps=epochs.chunk_steps(shape.n_inputs, shape.n_noises),
            in_use=in_use([task.settings.hyperparameters for task in tasks]),
            shape=shape,
        )
        self._program = program_for(self._key)
        self._in_place = [runs[i] for i in arrangement.places]
        self._inputs = [tasks[i] for i in arrangement.inputs]
        self._targets = [tasks[i] for i in arrangement.targets]
        n = shape.n_noises
        self._noises = [[tasks[i] for i in arrangement.places[k::n]] for k in range(n)]
        tasks = [run.task for run in self._in_place]
        self._hyperparameters = stacked_hyperparameters(
            [task.settings.hyperparameters for task in tasks]
        )
        self._units = units_of(epochs.frame, [task.architecture for task in tasks])

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
        packer = self._program.packer
        first = self._first_state(before)
        self._reached = Reached(lambda: first)
        try:
            while self._running and not self._is_worth_leaving():
                for run in self._running:
                    run.task.within(run.begin_epoch, packer, self._reached)
                if self._running:
                    self._train_epochs(self._n_epochs_ahead())
                if self._epochs.record is not None and self._epochs.record.is_due:
                    self._leave_checkpoints()
        except KeyboardInterrupt:
            for run in self._running:
                run.task.within(run.finish, "interrupted", packer, self._reached.state)
        except OutOfTime as error:
            self._leave_checkpoints()
            for run in self._running:
                run.result = error
        finally:
            # Which refers to this run, and both would wait for the garbage collector.
            reached = self.__dict__.pop("_reached")
        return reached.state

    def _leave_checkpoints(self) -> None:
        keep(
            self._epochs.record,
            self._runs,
            lambda run: run.checkpoint(self._program.packer, self._reached.state),
        )

    def _n_epochs_ahead(self) -> int:
        """Epochs to take before anybody looks at them."""
        running = self._running
        if any(run.task.hook or run.task.validation for run in running):
            return 1
        most = min(
            self._key.n_steps // self._epochs.n_steps,
            *(run.most_epochs_left() for run in running),
        )
        return max(1, min(most, self._epochs.n_ahead))

    def _train_epochs(self, n_epochs: int) -> None:
        """Train some epochs, up to the first that changes what is to follow."""
        losses, rates, state_after = self._run_epochs(n_epochs)
        figures = {}
        if n_epochs == 1:
            figures = self._validate(state_after(1))
        n_whole = 0
        while n_whole < n_epochs:
            # From here on the epoch is whole.
            reached = self._reached = Reached(partial(state_after, n_whole + 1))
            running = self._running
            rates_before = [run.rate.base for run in running]
            for run in running:
                run.task.progress.norm_steps += self._epochs.n_steps
                run.task.within(
                    run.end_epoch,
                    losses[n_whole, run.place],
                    rates[n_whole, run.place],
                    figures.get(run),
                    self._program.packer,
                    reached,
                )
            n_whole += 1
            if reached.is_computed or rates_before != [run.rate.base for run in running]:
                break
        self._epochs.advance(n_whole, n_epochs)

    def _is_worth_leaving(self) -> bool:
        """Whether those that run would do better in a stack of half the size."""
        running = self._running
        if 2 * len(running) > len(self._in_place):
            return False
        task = running[0].task
        share_left = max(r.most_epochs_left() for r in running) / task.settings.max_iter
        n_idle = len(self._in_place) - len(running)
        return n_idle * share_left * task.work > WORTH_COMPILING

    def _run_epochs(self, n_epochs: int):
        """Run the program for some epochs; several are to fit in one call of it.

        Returns
        -------
        losses, rates : ndarray of shape (n_epochs, n_networks)
            Mean losses, and the rates of the first step of each epoch.
        state_after : callable
            Returns the state after so many epochs.
        """
        epochs, feed, chunk = self._epochs, self._epochs.feed, self._key.n_steps
        n_steps = n_epochs * epochs.n_steps
        feed.begin(epochs.n_done, n_epochs, -(-n_steps // chunk) * chunk)
        counts = np.stack([feed.real_rows(task) for task in self._inputs], axis=1)
        counts = np.repeat(counts, len(self._in_place) // len(self._inputs), axis=1)
        rates = np.zeros(counts.shape)
        rates[:n_steps] = self._rates(n_epochs)
        norm_steps = [run.task.progress.norm_steps for run in self._in_place]
        norm_shares = batch_share(norm_steps + np.arange(1.0, len(rates) + 1)[:, None])
        state, chunks = self._reached.state, []
        for start in range(0, n_steps, chunk):
            epochs.check_wanted()
            steps = slice(start, start + chunk)
            n_taken = min(chunk, n_steps - start)
            noisy_layers = self._program.noisy_layers
            take_steps = partial(
                self._program.run,
                state,
                feed.batches(self._inputs, self._targets, steps, n_taken),
                feed.noise(self._noises, noisy_layers, steps, n_taken),
                rates=rates[steps],
                norm_shares=norm_shares[steps],
                hyperparameters=self._hyperparameters,
                units=self._units,
            )
            state, losses = take_steps(n_taken)
            chunks.append(losses.numpy())

        def state_after(n: int) -> State:
            # Anew from where the epochs began, as only the last state is kept.
            return state if n == n_epochs else take_steps(n * epochs.n_steps)[0]

        by_epoch = (n_epochs, epochs.n_steps, len(self._in_place))
        mean_losses = np.average(
            np.concatenate(chunks)[:n_steps].reshape(by_epoch),
            axis=1,
            weights=counts[:n_steps].reshape(by_epoch),
        )
        return mean_losses, rates[:n_steps].reshape(by_epoch)[:, 0], state_after

    def _rates(self, n_epochs: int) -> np.ndarray:
        """Learning rates of the steps of some epochs, (n_steps, n_networks)."""
        epochs = self._epochs
        first_steps = epochs.steps_done + epochs.n_steps * np.arange(n_epochs)
        return np.stack(
            [
                np.concatenate(
                    [
                        run.rate.of_epoch(step, epochs.n_steps, i * len(run.task.rows))
                        for i, step in enumerate(first_steps.tolist())
                    ]
                )
                for run in self._in_place
            ],
            axis=1,
        )

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
                    self._units,
                )
                losses += block_losses
                logits.append(block_logits)
            losses /= weight.sum(dtype=np.float64)
            outputs = np.concatenate(logits, axis=1)
            for i, run in enumerate(runs):
                figures[run] = Validation(rows, float(losses[i]), outputs[i])
        return figures

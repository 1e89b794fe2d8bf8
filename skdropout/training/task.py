"""What is to be trained and what came of it, as plain NumPy data."""

import copy
import hashlib
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal, NamedTuple, Protocol

import numpy as np
from scipy import sparse

from ..network.architecture import Architecture

#: Floating-point operations that a program of the right size must save before it is
#: compiled: about what the cores can do in that time.
WORTH_COMPILING = 1e11


@dataclass
class Rows:
    """Samples with their targets.

    Attributes
    ----------
    X : {ndarray, csr_array} of shape (n_samples, n_features), float32
    y : ndarray of shape (n_samples, n_targets), float32
        Class indices (one column) for ``"categorical"``, values otherwise.
    weight : ndarray of shape (n_samples,), float32, or None
        None stands for equal weights of one.
    """

    X: np.ndarray | sparse.csr_array
    y: np.ndarray
    weight: np.ndarray | None = None

    def __len__(self) -> int:
        return self.X.shape[0]

    def fingerprint(self) -> bytes:
        """Equal for equal rows."""
        X: Any = self.X
        arrays = [X.data, X.indices, X.indptr] if sparse.issparse(X) else [X]
        arrays.append(self.y)
        if self.weight is not None:
            arrays.append(self.weight)
        digest = hashlib.blake2b(digest_size=16)
        for values in arrays:
            digest.update(f"{values.dtype}{values.shape}".encode())
            digest.update(np.ascontiguousarray(values).data)
        return digest.digest()


@dataclass
class Progress:
    """How far a network has been trained; carried from one call to the next.

    `norm_steps` counts the steps that the moving statistics of its weights have seen.
    The lists are only ever appended to, so that a call costs no more for those before.
    """

    seed: int
    epochs: int = 0
    samples_seen: int = 0
    norm_steps: int = 0
    learning_rate: float = np.nan  # not a number until training has begun
    best_loss: float = np.inf
    best_judged_loss: float = np.inf  # of what stands for the losses, as of ``Monitor``
    best_score: float = -np.inf
    no_improvement_count: int = 0
    scored_on: bytes | None = None  # fingerprint of the rows of `best_score`
    loss_curve: list[float] = field(default_factory=list)
    validation_scores: list[float] = field(default_factory=list)
    history: dict[str, list[float]] = field(default_factory=dict)

    def copy(self) -> "Progress":
        """A copy that shares no list with this one."""
        return copy.deepcopy(self)

    def next_call(self) -> "Progress":
        """What a call begins with: it records its figures in lists of its own."""
        return replace(self, loss_curve=[], validation_scores=[], history={})

    def put_behind(self, earlier: "Progress") -> None:
        """Append the figures to the lists of the calls before, which this then has."""
        earlier.loss_curve += self.loss_curve
        earlier.validation_scores += self.validation_scores
        for name, values in self.history.items():
            earlier.history.setdefault(name, []).extend(values)
        self.loss_curve, self.history = earlier.loss_curve, earlier.history
        self.validation_scores = earlier.validation_scores

    def mark(self) -> Callable[[], None]:
        """Returns a function that takes back what has been appended since."""
        lists = [self.loss_curve, self.validation_scores, *self.history.values()]
        lengths = [len(values) for values in lists]
        names = set(self.history)

        def take_back() -> None:
            for values, length in zip(lists, lengths, strict=True):
                del values[length:]
            for name in self.history.keys() - names:
                del self.history[name]

        return take_back

    def go_by(self, validation: Rows | None) -> None:
        """Begin a call of which early stopping goes by these rows; None for neither.

        Scores of other rows say nothing about these, so the best is sought anew.
        """
        rows = None if validation is None else validation.fingerprint()
        if rows != self.scored_on:
            self.scored_on = rows
            self.best_score = -np.inf
            self.no_improvement_count = 0


@dataclass
class Settings:
    """How one network is to be trained.

    `hyperparameters` has a value for each of `PROGRAM_INPUTS`, by name. The meaning of
    the others is that of the estimators' parameters; `loss` is a key of ``ROW_LOSSES``,
    `device` TensorFlow's name, and `by_xla` says whether XLA compiles the steps.
    `scoring` is called with the validation rows and the outputs for them, where early
    stopping goes by something else than accuracy or R2.
    """

    hyperparameters: dict[str, Any]
    loss: str
    batch_size: int
    max_iter: int
    shuffle: bool
    tol: float
    n_iter_no_change: float
    early_stopping: bool
    learning_rate: Any
    power_t: float
    verbose: bool
    device: str
    by_xla: bool
    scoring: Callable[[Rows, np.ndarray], float] | Literal["loss"] | None = None

    @property
    def dropout_rates(self) -> np.ndarray:
        """Of the inputs and of each hidden layer, of shape (n_hidden_layers + 1,)."""
        values = self.hyperparameters
        return np.hstack([values["input_dropout_rate"], values["dropout_rate"]])


class OptimizerState(NamedTuple):
    """What an optimizer has kept, and the kind of optimizer that can go on from it.

    A fresh optimizer has no arrays; otherwise the count of its steps comes first.
    """

    kind: str
    arrays: list[np.ndarray]


def call(function: Callable[..., Any], *args: Any) -> Any:
    """Call a function."""
    return function(*args)


class Checkpoint(NamedTuple):
    """A network at the end of an epoch of a call, after which others were to follow.

    `n_iter` counts the epochs of the call, `best_weights` are those that early stopping
    would keep, and `norm_steps_of_best` the steps that their moving statistics have seen.
    """

    weights: list[np.ndarray]
    optimizer_state: OptimizerState
    progress: Progress
    n_iter: int
    best_weights: list[np.ndarray] | None
    norm_steps_of_best: int


@dataclass
class Task:
    """One network to be trained on its rows, and how."""

    architecture: Architecture
    optimizer: Any
    settings: Settings
    progress: Progress
    weights: list[np.ndarray]
    optimizer_state: OptimizerState
    rows: Rows
    validation: Rows | None = None
    hook: "EpochHook | None" = None
    #: Calls a function on its behalf: one that calls the hook, or prints.
    within: Callable[..., Any] = call
    checkpoint: Checkpoint | None = None

    def go_on_from(self, checkpoint: Checkpoint) -> None:
        """Begin where an earlier training of the same task has left a checkpoint."""
        self.checkpoint = checkpoint
        self.weights = checkpoint.weights
        self.optimizer_state = checkpoint.optimizer_state
        self.progress = checkpoint.progress

    @property
    def is_noisy(self) -> bool:
        """Whether the training loss of equal weights differs from epoch to epoch."""
        architecture = self.architecture
        has_batch_norm = architecture.batch_norm or architecture.input_batch_norm
        return bool(has_batch_norm or self.settings.dropout_rates.any())

    @property
    def input_stream(self) -> tuple[Hashable, ...]:
        """Equal for tasks that see the same inputs in each step."""
        return id(self.rows.X), self.progress.seed, self.settings.shuffle

    @property
    def target_stream(self) -> Hashable:
        """Equal for tasks that see the same inputs, targets and weights in each step."""
        return *self.input_stream, id(self.rows.y), id(self.rows.weight)

    @property
    def steps_per_epoch(self) -> int:
        return -(-len(self.rows) // self.settings.batch_size)

    @property
    def batch_size(self) -> int:
        """Rows of a batch, of which there may be fewer than the settings allow."""
        return min(self.settings.batch_size, len(self.rows))

    @property
    def work(self) -> float:
        """About the floating-point operations of all its epochs."""
        n_weights = self.architecture.n_kernel_weights
        return 6.0 * n_weights * len(self.rows) * self.settings.max_iter


class OutOfTime(TimeoutError):
    """Ends the training of networks that have not stopped by themselves."""


class Record(Protocol):
    """Who keeps what has been trained, while training goes on."""

    @property
    def is_due(self) -> bool:
        """Whether networks that are not finished are to be kept, too."""

    def keep(self, tasks: "Sequence[Task]", results: "Sequence[Any]") -> None:
        """Keep what there is of each task: an outcome or a checkpoint."""


class EpochChange(NamedTuple):
    """What a hook asks for after an epoch; None leaves things as they are."""

    weights: list[np.ndarray] | None
    learning_rate: float | None
    stop: bool


class EpochHook(Protocol):
    """Somebody who is shown a network after each epoch, and may change it.

    `learning_rate` is None where a schedule sets it.
    """

    def begin(self, weights: list[np.ndarray]) -> list[np.ndarray]:
        """Called before the first epoch; returns the weights to begin with."""

    def begin_epoch(
        self, weights: list[np.ndarray], learning_rate: float | None
    ) -> EpochChange:
        """Called before each epoch."""

    def end_epoch(
        self,
        logs: dict[str, float],
        weights: list[np.ndarray],
        learning_rate: float | None,
    ) -> EpochChange:
        """Called after each epoch."""

    def end(self, weights: list[np.ndarray]) -> list[np.ndarray]:
        """Called after the last; returns the weights to keep."""


StopReason = Literal["max_iter", "converged", "callback", "interrupted", "diverged"]


@dataclass
class Outcome:
    """The trained network: weights, optimizer state, progress, and why it stopped.

    `divergence` says what happened where it has diverged and an earlier one is kept.
    """

    weights: list[np.ndarray]
    optimizer_state: OptimizerState
    progress: Progress
    n_iter: int
    stop_reason: StopReason
    divergence: str = ""

"""The scores of validation rows, of which early stopping goes by one."""

from typing import NamedTuple

import numpy as np
from sklearn.metrics import r2_score

from ..network.activations import ACTIVATIONS
from .batches import row_weights
from .task import Rows, Task


def score_name(loss: str) -> str:
    """Keras's name of the score that belongs to a loss."""
    return "accuracy" if loss in ("categorical", "binary") else "r2_score"


def rows_needed(loss: str) -> int:
    """Rows for which this score is defined: R2 compares with their mean."""
    return 1 if score_name(loss) == "accuracy" else 2


class Validation(NamedTuple):
    """What has been computed of a network on its validation rows.

    `logits`, of shape (n_samples, n_outputs), are the outputs before their activation.
    """

    rows: Rows
    loss: float
    logits: np.ndarray


class Scores(NamedTuple):
    """The score of the network's kind, and that which early stopping goes by."""

    usual: float
    judged: float


def validation_scores(task: Task, validation: Validation) -> Scores:
    """Scores of the network of a task, as it is after an epoch."""
    settings, (rows, loss, logits) = task.settings, validation
    usual = score(settings.loss, rows.y, logits, row_weights(rows))
    if settings.scoring is None:
        return Scores(usual, usual)
    if settings.scoring == "loss":
        return Scores(usual, -loss)
    activation = ACTIVATIONS[task.architecture.out_activation]
    with np.errstate(over="ignore", invalid="ignore"):  # of a network that diverges
        outputs = activation(logits.astype(np.float64))
    if not np.isfinite(outputs).all():
        return Scores(usual, np.nan)
    return Scores(usual, settings.scoring(rows, outputs))


def score(
    loss: str, y: np.ndarray, logits: np.ndarray, weight: np.ndarray | None
) -> float:
    """Accuracy (of the whole label set, if multilabel) or R2.

    Parameters
    ----------
    loss : str
    y : ndarray of shape (n_samples, n_targets)
    logits : ndarray of shape (n_samples, n_outputs)
        Outputs before the output activation.
    weight : ndarray of shape (n_samples,) or None

    Returns
    -------
    float
        Not a number of fewer rows than `rows_needed`, and if an output is not finite.
    """
    if len(y) < rows_needed(loss):
        return np.nan
    if loss == "categorical":
        correct = logits.argmax(axis=1) == y[:, 0]
    elif loss == "binary":
        correct = ((logits > 0) == (y > 0.5)).all(axis=1)
    else:
        # In double precision: squares of what is far off would overflow.
        predicted = logits.astype(np.float64)
        if loss == "poisson":
            with np.errstate(over="ignore"):
                predicted = np.exp(predicted)
        if not np.isfinite(predicted).all():
            return np.nan
        return float(r2_score(y.astype(np.float64), predicted, sample_weight=weight))
    return float(np.average(correct, weights=weight))

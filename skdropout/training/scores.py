"""The score that early stopping goes by: that of the estimators' ``score``."""

import numpy as np
from sklearn.metrics import r2_score


def score_name(loss: str) -> str:
    """Keras's name of the score that belongs to a loss."""
    return "accuracy" if loss in ("categorical", "binary") else "r2_score"


def rows_needed(loss: str) -> int:
    """Rows for which the score is defined: R2 compares with their mean."""
    return 1 if score_name(loss) == "accuracy" else 2


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

"""The rows that a network is trained on, and those that it is validated on."""

import numpy as np
from sklearn.model_selection import train_test_split

from ._weights import by_class, scaled
from .training.scores import score_name
from .training.task import Rows


def as_rows(X, y, weight=None) -> Rows:
    """Rows of validated data and encoded targets, in single precision."""
    y = np.asarray(y, np.float32)
    return Rows(
        X,
        y[:, None] if y.ndim == 1 else y,
        None if weight is None else np.asarray(weight, np.float32),
    )


def check_scorable(validation: Rows, n_needed: int) -> None:
    """Raise if these are too few for the score that early stopping goes by."""
    if len(validation) < n_needed:
        raise ValueError(
            f"X_val has {len(validation)} row; early_stopping goes by R2, which needs at "
            f"least {n_needed}. With early_stopping=False the row is only measured."
        )


def with_class_weights(rows: Rows, of_classes: np.ndarray) -> tuple[Rows, float]:
    """The rows that count, weighted by class too, and the scale of these weights."""
    weight = by_class(of_classes, rows.y)
    if rows.weight is not None:
        weight = weight * rows.weight
    if not weight.any():
        raise ValueError(
            "class_weight and sample_weight leave no row with a weight above zero."
        )
    weight, scale = scaled(weight)
    weight = weight.astype(np.float32)
    if weight.all():
        return Rows(rows.X, rows.y, weight), scale
    counts = np.flatnonzero(weight)
    return Rows(rows.X[counts], rows.y[counts], weight[counts]), scale


def split(
    rows: Rows, fraction: float, loss: str, seed: int, n_needed: int
) -> tuple[Rows, Rows]:
    """Training and validation rows, with the classes in proportion where that can be.

    Rows of weight zero are not among them. A fraction of a few rows is rounded up to the
    `n_needed` that a validation score needs.

    Raises
    ------
    ValueError
        If no row would be left for training or for validation.
    """
    n_samples = len(rows)
    n_validation = int(np.ceil(fraction * n_samples))
    if fraction:
        n_validation = max(n_validation, n_needed)
    n_training = n_samples - n_validation
    if n_validation < n_needed or n_training < 1:
        which = "" if rows.weight is None else " (those of a weight above 0)"
        raise ValueError(
            f"validation_fraction={fraction} of n_samples={n_samples}{which} leaves "
            f"{max(n_training, 0)} rows for training and {n_validation} for validation; "
            f"early_stopping needs at least 1 and {n_needed}."
        )
    classes = None
    if score_name(loss) == "accuracy" and rows.y.shape[1] == 1:
        counts = np.unique(rows.y, return_counts=True)[1]
        if counts.min() >= 2 and min(n_validation, n_training) >= len(counts):
            classes = rows.y
    parts = train_test_split(
        np.arange(n_samples), test_size=n_validation, stratify=classes, random_state=seed
    )

    def take(part):
        weight = None if rows.weight is None else rows.weight[part]
        return Rows(rows.X[part], rows.y[part], weight)

    return take(parts[0]), take(parts[1])

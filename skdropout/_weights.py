"""Weights of rows and classes, at the scale of one at which networks are trained."""

from typing import Any, NamedTuple

import numpy as np


class RowWeights(NamedTuple):
    """What each row counts.

    Attributes
    ----------
    of_rows : ndarray of shape (n_samples,), float64, or None
        With a mean of one; None stands for equal weights.
    scale : float
        What the mean was.
    of_classes : ndarray of shape (n_columns, n_values), or None
        What multiplies the weight of a row in training, by each column of its encoded
        targets. It has no part in scores.
    """

    of_rows: np.ndarray | None = None
    scale: float = 1.0
    of_classes: np.ndarray | None = None


def scaled(weight: np.ndarray) -> tuple[np.ndarray, float]:
    """Weights divided by their mean, and that mean; no sum of theirs overflows.

    Parameters
    ----------
    weight : ndarray of shape (n_samples,), float64
        Not negative, and not all zero.
    """
    largest = weight.max()
    relative = weight / largest
    mean = relative.mean()
    smallest = np.finfo(np.float64).smallest_subnormal
    return relative / mean, float(max(largest * mean, smallest))


def of_class_dict(class_weight: dict[Any, Any], classes: np.ndarray) -> np.ndarray:
    """Weight of each class, of shape (1, n_classes); one where the dict has none.

    As in ``compute_class_weight`` of scikit-learn: the dict may have classes that are not
    there, as a rare one in a fold, or lack some, but not both.

    Raises
    ------
    ValueError
        If a weight is no finite number or negative, or keys and classes don't agree.
    """
    for label, value in class_weight.items():
        if not _is_weight(value):
            raise ValueError(
                f"class_weight={class_weight!r}: the weight of {label!r} is {value!r}, "
                "but every weight must be a number that is finite and not negative."
            )
    labels = classes.tolist()
    missing = [label for label in labels if label not in class_weight]
    if missing and len(labels) - len(missing) != len(class_weight):
        raise ValueError(
            f"class_weight has the keys {list(class_weight)}, and the classes of y are "
            f"{labels}: {missing} have no weight, while some keys are no classes."
        )
    return np.array([[float(class_weight.get(label, 1.0)) for label in labels]])


def _is_weight(value: Any) -> bool:
    if isinstance(value, (str, bytes)) or np.ndim(value):
        return False
    try:
        return 0 <= float(value) < np.inf
    except (TypeError, ValueError, OverflowError):
        return False


def balanced(y: np.ndarray, n_values: int) -> np.ndarray:
    """Weights inversely proportional to the numbers of rows.

    Parameters
    ----------
    y : ndarray of shape (n_samples, n_columns), int
        Encoded targets, less than `n_values`.

    Returns
    -------
    ndarray of shape (n_columns, n_values)
        The mean over the rows is one, of each column.
    """
    counts = np.stack([np.bincount(column, minlength=n_values) for column in y.T])
    n_present = (counts > 0).sum(axis=1, keepdims=True)
    return len(y) / (n_present * np.maximum(counts, 1))


def by_class(of_classes: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Product over the columns of what each row of encoded targets weighs."""
    values = y.astype(int)
    return np.prod(of_classes[np.arange(values.shape[1]), values], axis=1)

"""Standardised targets, and outputs in the unit of the targets again."""

import numpy as np


def mean_and_scale(
    y: np.ndarray, weight: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray]:
    """Weighted mean and standard deviation of each output, in double precision.

    Parameters
    ----------
    y : ndarray of shape (n_samples,) or (n_samples, n_outputs)
    weight : ndarray of shape (n_samples,), or None
        With a mean of one. Rows of weight zero may hold anything.

    Returns
    -------
    mean, scale : ndarray of shape (n_outputs,), float64
        Where an output is constant, exactly its value, and a scale of zero.
    """
    y = y.reshape(len(y), -1).astype(np.float64)
    if weight is not None:
        counts = weight > 0
        y, weight = y[counts], weight[counts]
    least, most = y.min(axis=0), y.max(axis=0)
    # Divided by a power of two, which is exact, so that no square overflows.
    _, exponent = np.frexp(np.maximum(-least, most))
    y = np.ldexp(y, -exponent)
    mean = np.average(y, axis=0, weights=weight)
    scale = np.sqrt(np.average((y - mean) ** 2, axis=0, weights=weight))
    is_constant = least == most
    return (
        np.where(is_constant, least, np.ldexp(mean, exponent)),
        np.where(is_constant, 0.0, np.ldexp(scale, exponent)),
    )


def standardized(y: np.ndarray, mean: np.ndarray, scale: np.ndarray) -> np.ndarray:
    """Targets less `mean`, over `scale`; over one where that is zero."""
    with np.errstate(over="ignore"):  # told by whoever needs them in single precision
        return (y - mean) / np.where(scale == 0, 1.0, scale)


def as_given(y: np.ndarray, mean: np.ndarray, scale: np.ndarray) -> np.ndarray:
    """Standardised targets as they were before, in double precision."""
    return y.astype(np.float64) * np.where(scale == 0, 1.0, scale) + mean


def restored(outputs: np.ndarray, mean: np.ndarray, scale: np.ndarray) -> np.ndarray:
    """Outputs, along the last axis, times `scale`, plus `mean`; computed in double
    precision, in the type that they have."""
    values = outputs.astype(np.float64) * scale
    values += mean
    return values.astype(outputs.dtype, copy=False)

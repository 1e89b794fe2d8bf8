"""Axes of numbers and of categories."""

import numpy as np

from ._values import are_numeric, distinct, label_of, ranks, scale_of


def places_of(values) -> np.ndarray:
    """Where values stand on an axis."""
    return np.array(values if are_numeric(values) else ranks(values), float)


def scale_axis(axis, values, is_log: bool) -> None:
    """Scale an axis of numbers, with ticks at the values where these are few."""
    scale = "log" if is_log else scale_of(values)
    numbers = np.unique(np.asarray(values, float))
    if scale == "linear":
        gaps = np.diff(numbers)
        if 1 < len(numbers) <= 8 and gaps.min() > np.ptp(numbers) / 12:
            axis.set_ticks(numbers)
        return
    options = {"linthresh": numbers[numbers > 0][0]} if scale == "symlog" else {}
    set_scale = axis.axes.set_xscale if axis.axis_name == "x" else axis.axes.set_yscale
    set_scale(scale, **options)


def label_categories(axis, values, *, is_narrow: bool = False) -> None:
    """Name the values of an axis on which they stand side by side."""
    labels = [label_of(value) for value in distinct(values)]
    axis.set_ticks(range(len(labels)), labels)
    if axis.axis_name == "x" and sum(map(len, labels)) > (18 if is_narrow else 36):
        for text in axis.get_ticklabels():
            text.set(rotation=30, ha="right", rotation_mode="anchor")

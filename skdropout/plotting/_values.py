"""Values of parameters and scores: their order, their texts, the scales that fit them."""

from numbers import Real

import numpy as np

_LONGEST_LABEL = 24
# How many times farther from the best than usual a score has to be to be left out.
_FAR = 10


def are_numeric(values) -> bool:
    """Whether all values are numbers, other than booleans."""
    return all(
        isinstance(value, Real) and not isinstance(value, (bool, np.bool_))
        for value in values
    )


def label_of(value) -> str:
    """A short text for the value of a parameter."""
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float):
        return f"{value:.4g}"
    if configured := _configured(value):
        return configured  # whole, as its end may be what differs
    if isinstance(value, (tuple, list)):  # with NumPy's numbers as plain ones
        value = type(value)(v.item() if isinstance(v, np.generic) else v for v in value)
    text = getattr(value, "__name__", None) or str(value)
    if len(text) > _LONGEST_LABEL:
        text = text[: _LONGEST_LABEL - 1] + "…"
    return text


def _configured(value) -> str:
    """Of an object of Keras its class and what it was given; otherwise nothing."""
    if isinstance(value, type) or not hasattr(value, "get_config"):
        return ""
    kind, config = type(value), value.get_config()
    try:
        defaults = kind().get_config()
    except Exception:  # some arguments have no default
        defaults = {}
    given = [
        f"{name}={label_of(setting)}"
        for name, setting in config.items()
        if name != "name" and setting != defaults.get(name)
    ]
    return f"{kind.__name__}({', '.join(given)})"


def distinct(values) -> list:
    """Values without repetition: numbers in order, sizes of layers by their number and
    then by their units, others as they come."""
    if are_numeric(values):
        return sorted(set(values))
    found = list({repr(value): value for value in values}.values())
    if all(isinstance(v, (tuple, list)) and are_numeric(v) for v in found):
        found.sort(key=lambda sizes: (len(sizes), *sizes))
    return found


def scale_of(values) -> str:
    """Scale of an axis on which these numbers lie more evenly.

    Returns
    -------
    {"linear", "log", "symlog"}
        ``"log"`` for two decades or more; ``"symlog"`` if there is a zero besides.
    """
    numbers = np.unique(np.asarray(values, float))
    positive = numbers[numbers > 0]
    if numbers[0] < 0 or len(positive) < 2 or positive[-1] < 100 * positive[0]:
        return "linear"

    def crowding(places):  # values that crowd at one end have their mean there
        return abs((places - places[0]).mean() / np.ptp(places) - 0.5)

    if crowding(np.log(positive)) > crowding(positive):
        return "linear"
    return "log" if numbers[0] > 0 else "symlog"


def ranks(values) -> list[int]:
    """Number of each value among the distinct ones."""
    key = float if are_numeric(values) else repr
    keys = [key(value) for value in distinct(values)]
    return [keys.index(key(value)) for value in values]


def floor_of(scores) -> float | None:
    """The least score that a scale should show, where others would take most of it.

    Those are left out that are ten times farther from the best than the median score is;
    where most scores are the best, than the next one is.

    Returns
    -------
    float or None
        None if all should be shown.
    """
    below = np.max(scores) - np.asarray(scores, float)
    usual = np.median(below) or np.min(below[below > 0], initial=np.inf)
    near = below <= _FAR * usual
    return None if near.all() else float(np.asarray(scores, float)[near].min())

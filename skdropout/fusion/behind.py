"""What is behind a call of joblib: whether it may come to a fit of ours."""

import sys
from collections.abc import Iterable
from types import FrameType
from typing import Any

import numpy as np

# Attribute of estimators whose fits are trained together.
_MARK = "_is_trained_together"
_DEEPEST = 10
# joblib itself, and what scikit-learn puts around it.
_OF_JOBLIB = ("joblib.", "sklearn.utils.parallel", f"{__package__}.")


def may_come_to_a_fit(is_call: bool) -> bool:
    """Whether the code that has called joblib may come to a fit of ours.

    That is so unless it is scikit-learn's, on behalf of estimators that are all
    scikit-learn's: forests, searches over nearest neighbours, distances. Others may hold
    anything.

    Parameters
    ----------
    is_call : bool
        Whether it hands in tasks. If it only asks for the number of jobs, who is neither
        scikit-learn nor an estimator is taken to ask for himself.
    """
    is_within_sklearn = False
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        module = frame.f_globals.get("__name__") or ""
        if not f"{module}.".startswith(_OF_JOBLIB):
            estimators = _estimators_of(frame)
            if estimators:
                return any(map(_may_hold_ours, estimators))
            if not _is_of_sklearn(module):
                break
            is_within_sklearn = True
        frame = frame.f_back
    return is_call and not is_within_sklearn


def _estimators_of(frame: FrameType) -> list[Any]:
    """The estimator whose method runs, or those that a function of scikit-learn has."""
    values = frame.f_locals
    if _is_estimator(values.get("self")):
        return [values["self"]]
    if not _is_of_sklearn(frame.f_globals.get("__name__") or ""):
        return []
    return list(filter(_is_estimator, values.values()))


def _may_hold_ours(value: Any, depth: int = 0) -> bool:
    parts: Iterable[Any] = ()
    if _is_estimator(value):
        if hasattr(value, _MARK) or not _is_of_sklearn(type(value).__module__):
            return True
        parts = value.get_params(deep=False).values()
    elif isinstance(value, dict):
        parts = value.values()
    elif isinstance(value, (list, tuple, set, frozenset)) or (
        isinstance(value, np.ndarray) and value.dtype == object
    ):
        parts = value
    elif hasattr(value, "fit"):
        return True
    return depth < _DEEPEST and any(_may_hold_ours(part, depth + 1) for part in parts)


def _is_estimator(value: Any) -> bool:
    return hasattr(value, "get_params") and not isinstance(value, type)


def _is_of_sklearn(module: str) -> bool:
    return module.partition(".")[0] == "sklearn"

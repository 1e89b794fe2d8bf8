"""scikit-learn's callbacks (1.9 and later) on our estimators, epoch by epoch."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from .training.task import EpochChange

try:
    from sklearn.callback import CallbackSupportMixin, with_callbacks
except ImportError:  # before 1.9 there is nothing to support

    class CallbackSupportMixin:  # type: ignore[no-redef]
        """Has no callbacks."""

    def with_callbacks(method):
        """The method as it is."""
        return method


__all__ = ["CallbackSupportMixin", "EpochCallbacks", "fit_context", "with_callbacks"]

_NO_CHANGE = EpochChange(weights=None, learning_rate=None, stop=False)


def fit_context(estimator: Any, max_iter: int) -> Any:
    """The context of a fit whose subtasks are its epochs; None if nobody is to be told.

    Parameters
    ----------
    estimator : estimator
        Whose ``fit`` has begun.
    max_iter : int
        Epochs at most.
    """
    if not hasattr(estimator, "_init_callback_context"):
        return None
    context = estimator._init_callback_context(max_subtasks=max_iter)
    return context if getattr(estimator, "_skl_callbacks", None) else None


class EpochCallbacks:
    """An `EpochHook` that tells scikit-learn's callbacks of each epoch.

    Parameters
    ----------
    context : sklearn.callback.CallbackContext
        Of the fit.
    told : dict
        What callbacks are told of each epoch: estimator, `X`, `y`, metadata.
    fitted_by : callable
        Returns the attributes of an estimator that is fitted by such weights.
    """

    def __init__(
        self,
        context: Any,
        told: Mapping[str, Any],
        fitted_by: Callable[[list[np.ndarray]], dict[str, Any]],
    ):
        self._context = context
        self._told = told
        self._fitted_by = fitted_by

    def begin(self, weights: list[np.ndarray]) -> list[np.ndarray]:
        return weights

    def begin_epoch(
        self, weights: list[np.ndarray], learning_rate: float | None
    ) -> EpochChange:
        self._epoch = self._context.subcontext(task_name="epoch")
        self._epoch.call_on_fit_task_begin(**self._told)
        return _NO_CHANGE

    def end_epoch(
        self,
        logs: dict[str, float],
        weights: list[np.ndarray],
        learning_rate: float | None,
    ) -> EpochChange:
        stop = self._epoch.call_on_fit_task_end(
            **self._told, reconstruction_attributes=lambda: self._fitted_by(weights)
        )
        return _NO_CHANGE._replace(stop=stop)

    def end(self, weights: list[np.ndarray]) -> list[np.ndarray]:
        return weights

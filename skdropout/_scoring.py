"""What scikit-learn's scorers are given for a network in training."""

from collections.abc import Callable
from contextlib import suppress
from numbers import Real
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin

from .training.task import Rows


class _Predicted(BaseEstimator):
    """An estimator of which all that is known is what it predicts for some rows."""

    def __init__(self, X, predicted):
        self.X = X
        self.predicted = predicted

    def __sklearn_is_fitted__(self):
        return True

    def predict(self, X):
        return self._of_these_rows(X, self.predicted)

    def _of_these_rows(self, X, values):
        if X is not self.X:
            raise ValueError(
                "A scorer for early stopping can predict the X that it is given, as it "
                "is, and no other."
            )
        return values


class PredictedRegressor(RegressorMixin, _Predicted):
    """A regressor that has predicted some rows.

    Parameters
    ----------
    X : {ndarray, csr_array} of shape (n_samples, n_features)
    predicted : ndarray of shape (n_samples,) or (n_samples, n_outputs)
    """


class PredictedClassifier(ClassifierMixin, _Predicted):
    """A classifier that has predicted some rows.

    Parameters
    ----------
    X : {ndarray, csr_array} of shape (n_samples, n_features)
    predicted : ndarray of shape (n_samples,) or (n_samples, n_labels)
    probabilities : ndarray of shape (n_samples, n_classes) or (n_samples, n_labels)
    classes : ndarray of shape (n_classes,), or (n_labels, 2) as scikit-learn has it of
        several outputs
    """

    def __init__(self, X, predicted, probabilities, classes):
        super().__init__(X, predicted)
        self.probabilities = probabilities
        self.classes = classes

    @property
    def classes_(self):
        return self.classes

    def predict_proba(self, X):
        return self._of_these_rows(X, self.probabilities)


class Score:
    """Gives the score of a network by its outputs for some rows.

    Parameters
    ----------
    scorer : callable
        Called as ``scorer(estimator, X, y)``, with ``sample_weight`` where rows have any.
    as_predicted : callable
        Maps `X` and a network's outputs to the estimator that has predicted them.
    decode : callable
        Maps encoded targets to targets as the user has them.
    """

    def __init__(
        self,
        scorer: Callable[..., Any],
        as_predicted: Callable[[Any, np.ndarray], _Predicted],
        decode: Callable[[np.ndarray], np.ndarray],
    ):
        self.scorer = scorer
        self._as_predicted = as_predicted
        self._decode = decode

    def __call__(self, rows: Rows, outputs: np.ndarray) -> float:
        weight = {} if rows.weight is None else {"sample_weight": rows.weight}
        estimator = self._as_predicted(rows.X, outputs)
        value = self.scorer(estimator, rows.X, self.targets(rows), **weight)
        with suppress(AttributeError, ValueError):
            value = value.item()
        if not isinstance(value, Real):
            raise ValueError(
                f"scoring must return a number; {self.scorer!r} gave {value!r}."
            )
        return float(value)

    def targets(self, rows: Rows) -> np.ndarray:
        """Targets of rows as the scorer is given them."""
        return self._decode(rows.y)

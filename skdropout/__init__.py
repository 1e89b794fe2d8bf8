"""Multi-layer perceptrons with dropout and batch normalisation for scikit-learn."""

from .classifier import DropoutMLPClassifier
from .regressor import DropoutMLPRegressor

__version__ = "0.1.0"
__all__ = ["DropoutMLPClassifier", "DropoutMLPRegressor"]

"""Multi-layer perceptrons with dropout and batch normalisation for scikit-learn."""

from ._search_space import search_space
from ._version import __version__ as __version__
from .classifier import DropoutMLPClassifier
from .fusion import fused_training
from .regressor import DropoutMLPRegressor

__all__ = [
    "DropoutMLPClassifier",
    "DropoutMLPRegressor",
    "fused_training",
    "search_space",
]

"""Multi-layer perceptrons with dropout and batch normalisation for scikit-learn."""

from ._history import HistoryScorer
from ._on_import import when_imported, while_imported
from ._quiet import quiet_import
from ._search_space import search_space
from ._version import __version__ as __version__
from .classifier import DropoutMLPClassifier
from .fusion import fused_training
from .regressor import DropoutMLPRegressor

__all__ = [
    "DropoutMLPClassifier",
    "DropoutMLPRegressor",
    "HistoryScorer",
    "fused_training",
    "search_space",
]


def _convert_to_onnx() -> None:
    from ._onnx import register

    register()


when_imported("skl2onnx", _convert_to_onnx)
while_imported("tensorflow", quiet_import)

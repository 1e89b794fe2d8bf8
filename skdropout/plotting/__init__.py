"""Displays, in scikit-learn's form. They need matplotlib, the extra ``plot``."""

from ._loss_curve import LossCurveDisplay
from ._sweep import SweepDisplay

__all__ = ["LossCurveDisplay", "SweepDisplay"]

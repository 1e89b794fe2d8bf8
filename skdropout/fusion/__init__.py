"""How many fits meet and are trained together: fused training."""

from .context import fused_training
from .joblib_backend import BACKEND_NAME, FusionBackend

__all__ = ["BACKEND_NAME", "FusionBackend", "fused_training"]

"""A network as dense layers and activations alone, its batch normalisation folded in."""

from typing import NamedTuple

import numpy as np

from .architecture import BATCH_NORM_EPSILON, Architecture


class Folded(NamedTuple):
    """Dense layers in double precision, between which only activations stand.

    Attributes
    ----------
    center : ndarray of shape (n_features,), or None
        What is subtracted from the inputs first. It could be folded too, but in single
        precision inputs far from zero would lose digits by that.
    coefs : list of ndarray of shape (fan_in, fan_out)
    intercepts : list of ndarray of shape (fan_out,)
    """

    center: np.ndarray | None
    coefs: list[np.ndarray]
    intercepts: list[np.ndarray]

    def moved_to(self, center: np.ndarray | None) -> "Folded":
        """The same function of the inputs with another `center`."""
        if self.center is None:
            return self
        distance = self.center if center is None else self.center - center
        first = self.intercepts[0] - distance @ self.coefs[0]
        return Folded(center, self.coefs, [first, *self.intercepts[1:]])


def folded(
    architecture: Architecture,
    weights: list[np.ndarray],
    rescaling: tuple[np.ndarray, np.ndarray] | None = None,
) -> Folded:
    """Fold batch normalisation, which is affine once fitted, into the dense layers.

    Parameters
    ----------
    architecture : Architecture
    weights : list of ndarray
        In the order of ``architecture.weight_specs``.
    rescaling : tuple of two ndarray of shape (n_outputs,), optional
        What the outputs are multiplied by, and what is added. Only of a network whose
        output activation is linear.

    Returns
    -------
    Folded
    """
    remaining = (values.astype(np.float64) for values in weights)
    center = None
    coefs: list[np.ndarray] = []
    intercepts: list[np.ndarray] = []
    # Of the inputs of the next dense layer.
    scale, shift = _no_change(architecture.layer_units[0])
    follows_dense = False
    for layer in architecture.layers:
        if layer.kind == "dense":
            kernel = next(remaining)
            bias = next(remaining) if architecture.use_bias else np.zeros(layer.units)
            intercepts.append(bias + shift @ kernel)
            coefs.append(kernel * scale[:, None])
            scale, shift = _no_change(layer.units)
        elif layer.kind == "batch_norm":
            gamma, beta, mean, variance = (next(remaining) for _ in range(4))
            slope = gamma / np.sqrt(variance + BATCH_NORM_EPSILON)
            if follows_dense:
                coefs[-1] = coefs[-1] * slope
                intercepts[-1] = (intercepts[-1] - mean) * slope + beta
            elif coefs:
                scale, shift = slope, beta - mean * slope
            else:
                center, scale, shift = mean, slope, beta
        follows_dense = layer.kind == "dense"
    if rescaling is not None:
        factor, offset = rescaling
        coefs[-1] = coefs[-1] * factor
        intercepts[-1] = intercepts[-1] * factor + offset
    return Folded(center, coefs, intercepts)


def _no_change(n: int) -> tuple[np.ndarray, np.ndarray]:
    return np.ones(n), np.zeros(n)

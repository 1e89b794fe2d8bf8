"""The layers of a network as plain data, shared by training, inference and export."""

from dataclasses import dataclass, fields
from functools import cached_property, lru_cache
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np

#: Keras's own defaults of ``keras.layers.BatchNormalization``.
BATCH_NORM_MOMENTUM = 0.99
BATCH_NORM_EPSILON = 1e-3
BATCH_NORM_PLACES = ("before_activation", "after_activation", "after_dropout")
#: Dropout rates are realised in steps of one over this.
DROPOUT_LEVELS = 2**16


class Layer(NamedTuple):
    """One layer: its kind, its width, and which of its kind it is.

    ``kind`` is ``"dense"``, ``"batch_norm"``, ``"activation"``, ``"dropout"`` or
    ``"out_activation"``. Dropout layer 0 acts on the inputs, layer ``i`` on hidden
    layer ``i``.
    """

    kind: str
    units: int
    number: int


class WeightSpec(NamedTuple):
    """Role (Keras's name), shape and trainability of one weight array."""

    role: str
    shape: tuple[int, ...]
    trainable: bool


@dataclass(frozen=True)
class Architecture:
    """Shape of a multi-layer perceptron.

    Parameters
    ----------
    layer_units : tuple of int
        Number of features, units of each hidden layer, number of outputs.
    activation, out_activation : str
        Keras names of the hidden and the output activation.
    use_bias : bool
    batch_norm : {None, "before_activation", "after_activation", "after_dropout"}
    input_batch_norm : bool
    """

    layer_units: tuple[int, ...]
    activation: str
    out_activation: str
    use_bias: bool = True
    batch_norm: str | None = None
    input_batch_norm: bool = False

    def to_state(self) -> dict[str, Any]:
        """As plain Python values."""
        return {f.name: getattr(self, f.name) for f in fields(self)}

    @staticmethod
    def from_state(state: dict[str, Any]) -> "Architecture":
        """The inverse of `to_state`; made once for equal states."""
        return _from_items(tuple(state.items()))

    @property
    def n_kernel_weights(self) -> int:
        """Number of weights without biases and batch normalisation."""
        return sum(a * b for a, b in pairwise(self.layer_units))

    @cached_property
    def layers(self) -> tuple[Layer, ...]:
        """The layers in the order in which they are applied."""
        layers = []
        n_norms = 0

        def add_batch_norm(units):
            nonlocal n_norms
            layers.append(Layer("batch_norm", units, n_norms))
            n_norms += 1

        if self.input_batch_norm:
            add_batch_norm(self.layer_units[0])
        layers.append(Layer("dropout", self.layer_units[0], 0))
        hidden_units = self.layer_units[1:-1]
        for i, units in enumerate(hidden_units):
            layers.append(Layer("dense", units, i))
            if self.batch_norm == "before_activation":
                add_batch_norm(units)
            layers.append(Layer("activation", units, i))
            if self.batch_norm == "after_activation":
                add_batch_norm(units)
            layers.append(Layer("dropout", units, i + 1))
            if self.batch_norm == "after_dropout":
                add_batch_norm(units)
        n_outputs = self.layer_units[-1]
        layers.append(Layer("dense", n_outputs, len(hidden_units)))
        layers.append(Layer("out_activation", n_outputs, 0))
        return tuple(layers)

    @cached_property
    def weight_specs(self) -> tuple[WeightSpec, ...]:
        """The weight arrays in the order of ``keras.Sequential.get_weights``."""
        specs = []
        fan_in = self.layer_units[0]
        for layer in self.layers:
            if layer.kind == "dense":
                specs.append(WeightSpec("kernel", (fan_in, layer.units), True))
                if self.use_bias:
                    specs.append(WeightSpec("bias", (layer.units,), True))
                fan_in = layer.units
            elif layer.kind == "batch_norm":
                shape = (layer.units,)
                specs.append(WeightSpec("gamma", shape, True))
                specs.append(WeightSpec("beta", shape, True))
                specs.append(WeightSpec("moving_mean", shape, False))
                specs.append(WeightSpec("moving_variance", shape, False))
        return tuple(specs)

    def pack(
        self,
        coefs: list[np.ndarray],
        intercepts: list[np.ndarray],
        batch_norms: list[dict[str, np.ndarray]],
    ) -> list[np.ndarray]:
        """Weights in the order of `weight_specs`, from the lists an estimator shows."""
        weights = []
        for layer in self.layers:
            if layer.kind == "dense":
                weights.append(coefs[layer.number])
                if self.use_bias:
                    weights.append(intercepts[layer.number])
            elif layer.kind == "batch_norm":
                weights.extend(batch_norms[layer.number].values())
        return weights

    def unpack(
        self, weights: list[np.ndarray]
    ) -> tuple[list[np.ndarray], list[np.ndarray], list[dict[str, np.ndarray]]]:
        """Coefficients, intercepts (zero without biases) and batch-norm weights."""
        coefs: list[np.ndarray] = []
        intercepts: list[np.ndarray] = []
        batch_norms: list[dict[str, np.ndarray]] = []
        for spec, weight in zip(self.weight_specs, weights, strict=True):
            if spec.role == "kernel":
                coefs.append(weight)
                if not self.use_bias:
                    intercepts.append(np.zeros(spec.shape[1], weight.dtype))
            elif spec.role == "bias":
                intercepts.append(weight)
            elif spec.role == "gamma":
                batch_norms.append({spec.role: weight})
            else:
                batch_norms[-1][spec.role] = weight
        return coefs, intercepts, batch_norms


@lru_cache(maxsize=1024)
def _from_items(items: tuple[tuple[str, Any], ...]) -> Architecture:
    return Architecture(**dict(items))

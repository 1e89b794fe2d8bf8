"""Monte Carlo dropout: the forward pass of `inference` with dropout left on."""

import math
from collections.abc import Iterator
from itertools import islice
from typing import NamedTuple

import numpy as np
from scipy import sparse

from .activations import ACTIVATIONS
from .architecture import DROPOUT_LEVELS, Architecture, Layer
from .inference import apply_layers

# Values of a layer, and of all draws, done at a time: enough to keep the threads of a
# matrix product busy, and a few megabytes.
_LAYER_VALUES = 2**19
_DRAWN_VALUES = 2**22
_MIN_BLOCK_ROWS = 64


class _Stage(NamedTuple):
    """The layers from one dropout to the next.

    `threshold` is that of the dropout at the start, and `rectifies` whether it has the
    ReLU before it to do.
    """

    threshold: int
    rectifies: bool
    layers: list[Layer]
    weights: list[np.ndarray]


def _stages(architecture: Architecture, weights, rates) -> list[_Stage]:
    """Stages of a network; nothing is dropped before the first of them.

    What follows a dropout layer is linear at first, so the scale of the kept units is
    put into its weights, once, rather than into each mask.
    """
    remaining = iter(weights)
    stages = [_Stage(0, False, [], [])]
    scale = 1.0
    for layer in architecture.layers[:-1]:  # the output activation is done by itself
        if layer.kind == "dropout":
            rate = float(rates[layer.number])
            threshold = round(rate * DROPOUT_LEVELS)
            if threshold:
                before = stages[-1].layers
                # A mask also sets negative values to zero, at a third of a ReLU's cost.
                # Before the first dropout the ReLU is computed once for all draws.
                rectifies = (
                    len(stages) > 1
                    and before[-1].kind == "activation"
                    and architecture.activation == "relu"
                )
                if rectifies:
                    before.pop()
                stages.append(_Stage(threshold, rectifies, [], []))
                scale = 1 / (1 - rate)
            continue
        own: list[np.ndarray] = []
        if layer.kind == "dense":
            own = list(islice(remaining, 1 + architecture.use_bias))
            own[0] = own[0] * scale
        elif layer.kind == "batch_norm":
            gamma, beta, mean, variance = islice(remaining, 4)
            own = [gamma * scale, beta, mean / scale, variance]
        if own:
            scale = 1.0
        stages[-1].layers.append(layer)
        stages[-1].weights.extend(own)
    return stages


def _keep_mask(
    rng: np.random.Generator, threshold: int, shape: tuple[int, int, int]
) -> np.ndarray:
    """Booleans of shape (n_draws, n_rows, n_units), False with `threshold` / 2**16.

    Eight random bits a unit take half the time of sixteen. What eight cannot express is
    made up for in the thresholds: those of some units, chosen anew for each draw, are
    greater by one. So the masks of a row have the exact probability, independently for
    each unit and draw. The rows done together share a draw's thresholds, which gives
    the masks of two rows a covariance of at most 2**-18.
    """
    n_draws, _, n_units = shape
    high, low = divmod(threshold, 256)
    size = math.prod(shape)
    words = rng.integers(2**64, size=math.ceil(size / 8), dtype=np.uint64)
    draws = words.view(np.uint8)[:size].reshape(shape)
    thresholds = np.full(
        (n_draws, 1, n_units), high, np.uint8 if high < 255 else np.int16
    )
    if low:
        thresholds += rng.integers(256, size=thresholds.shape, dtype=np.uint8) < low
    return draws >= thresholds


def _drop(rng: np.random.Generator, threshold: int, values, n_draws: int):
    """`n_draws` copies of `values`, one below the other, with masks of their own."""
    if sparse.issparse(values):
        kept = _keep_mask(rng, threshold, (n_draws, 1, values.nnz)).ravel()
        copies = sparse.vstack([values] * n_draws, format="csr")
        return sparse.csr_array(
            (copies.data * kept, copies.indices, copies.indptr), copies.shape
        )
    kept = _keep_mask(rng, threshold, (n_draws, *values.shape))
    return (values * kept).reshape(-1, values.shape[1])


class DropoutSampler:
    """Draws from the distribution over a network's outputs that dropout makes.

    Parameters
    ----------
    architecture : Architecture
    weights : list of ndarray
        In the order of ``architecture.weight_specs``.
    rates : ndarray of shape (n_hidden_layers + 1,)
        Dropout rates of the inputs and of each hidden layer.
    """

    def __init__(self, architecture: Architecture, weights: list[np.ndarray], rates):
        self._architecture = architecture
        self._stages = _stages(architecture, weights, rates)

    @property
    def is_deterministic(self) -> bool:
        """Whether nothing is dropped."""
        return len(self._stages) == 1

    def draw(
        self, X, n_draws: int, rng: np.random.Generator
    ) -> Iterator[tuple[slice, np.ndarray]]:
        """Yield some rows at a time with their draws.

        Parameters
        ----------
        X : {ndarray, CSR} of shape (n_samples, n_features)
            Of float32 or float64.
        n_draws : int
        rng : Generator

        Yields
        ------
        rows : slice
        outputs : ndarray of shape (n_draws, n_rows, n_outputs)
            In the wider of the types of `X` and the weights.
        """
        architecture = self._architecture
        dtype = np.result_type(X.dtype, self._stages[-1].weights[0].dtype)
        first, *others = [
            stage._replace(weights=[w.astype(dtype, copy=False) for w in stage.weights])
            for stage in self._stages
        ]
        out_activation = ACTIVATIONS[architecture.out_activation]
        n_samples, n_outputs = X.shape[0], architecture.layer_units[-1]
        block_rows = min(
            _LAYER_VALUES // max(architecture.layer_units),
            _DRAWN_VALUES // (n_draws * n_outputs),
        )
        block_rows = max(block_rows, _MIN_BLOCK_ROWS)
        for start in range(0, n_samples, block_rows):
            rows = slice(start, min(start + block_rows, n_samples))
            n_rows = rows.stop - start
            # Nothing is dropped up to here, so all draws have it in common.
            common = apply_layers(architecture, first.layers, first.weights, X[rows])
            outputs = np.empty((n_draws, n_rows, n_outputs), dtype)
            # Several draws of few rows make one product.
            step = block_rows // n_rows if others else n_draws
            for i in range(0, n_draws, step):
                block = outputs[i : i + step]
                values = (
                    self._logits(others, common, len(block), rng) if others else common
                )
                # Sums over a few classes are faster where the columns lie together.
                values = out_activation(np.asfortranarray(values))
                block[:] = values.reshape(-1, n_rows, n_outputs)
            yield rows, outputs

    def _logits(self, stages, common, n_draws: int, rng) -> np.ndarray:
        """Logits of shape (n_draws * n_rows, n_outputs)."""
        values = common
        for i, stage in enumerate(stages):
            if i == 0:
                values = _drop(rng, stage.threshold, values, n_draws)
            else:
                shape = (n_draws, common.shape[0], values.shape[1])
                kept = _keep_mask(rng, stage.threshold, shape).reshape(values.shape)
                if stage.rectifies:
                    kept &= values > 0
                values *= kept
            values = apply_layers(self._architecture, stage.layers, stage.weights, values)
        return values

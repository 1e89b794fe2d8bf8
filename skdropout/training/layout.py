"""The weights of a stack of networks as few tensors.

Every tensor costs time to trace, to compile and at each call, above all those that an
optimizer updates. Element-wise optimizers do not care what they update, so all biases,
scales, offsets and small kernels are one long vector; large kernels stay as the matrix
products want them.
"""

import math

import numpy as np

from .._backend import tf
from ..network.architecture import Architecture

# Vectors are filled up to multiples of this, so that each network begins with a whole
# vector register: the rest is computed in another way.
_ALIGNMENT = 16
# Kernels of at most so many weights are copied out of the vector at each step rather than
# updated by themselves.
_SMALL_KERNEL = 2048


class Layout:
    """Which weights are kept together: each large kernel by itself, the other trainable
    weights as a vector, the moving statistics as a vector.

    Parameters
    ----------
    architecture : Architecture

    Attributes
    ----------
    n_trainable : int
        Number of blocks that are trained; these come first. The last block is that of the
        statistics.
    shapes : list of tuple
        Shape of each block in one network: (fan_in, fan_out) of a large kernel that needs
        no filling up, otherwise (1, n_weights).
    kernel_masks : list of float or ndarray
        For each block that is trained, what broadcasts to its shape: one where a weight
        is that of a kernel, else zero.
    """

    def __init__(self, architecture: Architecture):
        specs = architecture.weight_specs
        self._shapes = [spec.shape for spec in specs]
        is_large = [
            spec.role == "kernel" and math.prod(spec.shape) > _SMALL_KERNEL
            for spec in specs
        ]
        kernels = [[i] for i, large in enumerate(is_large) if large]
        vectors = [
            i for i, spec in enumerate(specs) if spec.trainable and not is_large[i]
        ]
        statistics = [i for i, spec in enumerate(specs) if not spec.trainable]
        trained = [*kernels, vectors] if vectors else kernels
        self._blocks = [*trained, statistics]
        self._n_large = len(kernels)
        self.n_trainable = len(trained)
        self.shapes = [self._block_shape(block) for block in self._blocks]
        self.kernel_masks: list = [1.0] * len(kernels)
        if vectors:
            is_kernel = [np.full(s.shape, s.role == "kernel") for s in specs]
            shape = self.shapes[len(kernels)]
            self.kernel_masks.append(self._stacked(vectors, shape, [is_kernel], 0.0)[0])

    def _block_shape(self, block: list[int]) -> tuple[int, ...]:
        n_weights = sum(math.prod(self._shapes[i]) for i in block)
        n_padded = -(-n_weights // _ALIGNMENT) * _ALIGNMENT
        if block[:1] in self._blocks[: self._n_large] and n_padded == n_weights:
            return self._shapes[block[0]]
        return 1, n_padded

    def stack(self, arrays: list[list], fill: float = 0.0) -> list:
        """The blocks of a stack, (n_networks, \\*shape), from each network's arrays.

        Parameters
        ----------
        arrays : list of list of ndarray
            For each network one array for each weight, of the weight's shape or smaller;
            or None for all the statistics, which then have no block.
        fill : float
            What stands where a network has nothing.
        """
        return [
            tf.constant(self._stacked(block, shape, arrays, fill))
            for block, shape in zip(self._blocks, self.shapes, strict=True)
            if all(arrays[0][i] is not None for i in block)
        ]

    def _stacked(self, block, shape, arrays, fill) -> np.ndarray:
        values = np.full((len(arrays), math.prod(shape)), fill, np.float32)
        for i, place in zip(block, self._places(block), strict=True):
            rows = values[:, place].reshape(len(arrays), *self._shapes[i])
            for row, of_network in zip(rows, arrays, strict=True):
                row[_corner(of_network[i].shape)] = of_network[i]
        return values.reshape(len(arrays), *shape)

    def arrays(
        self, blocks: list, network: int, shapes: list[tuple[int, ...]]
    ) -> list[np.ndarray]:
        """The inverse of `stack`, of one network, in its own shapes."""
        arrays: list = [None] * len(shapes)
        for block, values in zip(self._blocks, blocks, strict=False):
            row = as_array(values)[network].ravel()
            for i, place in zip(block, self._places(block), strict=True):
                whole = row[place].reshape(self._shapes[i])
                arrays[i] = whole[_corner(shapes[i])].copy()
        return arrays

    def _places(self, block: list[int]) -> list[slice]:
        """Where the weights of a block lie in it."""
        stops = np.cumsum([math.prod(self._shapes[i]) for i in block], dtype=int).tolist()
        return [slice(a, b) for a, b in zip([0, *stops], stops, strict=False)]

    def tensors(self, blocks: list) -> list:
        """The weights in the architecture's order: kernels (n_networks, fan_in, fan_out)
        and vectors (n_networks, 1, units)."""
        tensors: list = [None] * len(self._shapes)
        for block, values, shape in zip(self._blocks, blocks, self.shapes, strict=True):
            sizes = [math.prod(self._shapes[i]) for i in block]
            parts = [values]
            if shape[0] == 1:
                parts = tf.split(values, [*sizes, shape[1] - sum(sizes)], axis=2)[:-1]
            for i, part in zip(block, parts, strict=True):
                tensors[i] = _reshaped(part, self._row_shape(i))
        return tensors

    def blocks(self, tensors: list) -> list:
        """The inverse of `tensors`, of the blocks for which there are any."""
        blocks = []
        for block, shape in zip(self._blocks, self.shapes, strict=True):
            parts = [tensors[i] for i in block if tensors[i] is not None]
            if parts and shape[0] == 1:
                n_networks = parts[0].shape[0]
                sizes = [math.prod(part.shape[1:]) for part in parts]
                parts = [_reshaped(p, (1, n)) for p, n in zip(parts, sizes, strict=True)]
                if n_padding := shape[1] - sum(sizes):
                    parts.append(tf.zeros((n_networks, 1, n_padding)))
                parts = [tf.concat(parts, axis=2)]
            blocks += parts
        return blocks

    def _row_shape(self, i: int) -> tuple[int, ...]:
        shape = self._shapes[i]
        return shape if len(shape) == 2 else (1, *shape)


def _reshaped(tensor, row_shape: tuple[int, ...]):
    """The tensor with another shape for each network; itself if it has that."""
    shape = (tensor.shape[0], *row_shape)
    return tensor if tensor.shape == shape else tf.reshape(tensor, shape)


def as_array(tensor) -> np.ndarray:
    """The values of a tensor, not to be written to; without a copy where it can be."""
    return np.asarray(memoryview(tensor))


def _corner(shape: tuple[int, ...]) -> tuple[slice, ...]:
    """What an array of this shape takes up of a larger one."""
    return tuple(map(slice, shape))

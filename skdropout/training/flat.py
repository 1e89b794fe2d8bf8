"""Several arrays of each network as one row of a matrix."""

import math

import numpy as np

from .._backend import tf


def split_flat(row: np.ndarray, shapes: list[tuple[int, ...]]) -> list[np.ndarray]:
    """Arrays of these shapes from one row that holds them all."""
    arrays, start = [], 0
    for shape in shapes:
        stop = start + math.prod(shape)
        arrays.append(row[start:stop].reshape(shape).copy())
        start = stop
    return arrays


def unstack_flat(rows, shapes: list[tuple[int, ...]]) -> list:
    r"""Tensors of shape (n_networks, \*shape) from a matrix of shape (n_networks, .)."""
    if not shapes:
        return []
    parts = tf.split(rows, [math.prod(shape) for shape in shapes], axis=1)
    return [
        tf.reshape(part, (rows.shape[0], *shape))
        for part, shape in zip(parts, shapes, strict=True)
    ]


def concat_flat(tensors: list, n_networks: int):
    """The inverse of `unstack_flat`."""
    if not tensors:
        return tf.zeros((n_networks, 0))
    return tf.concat([tf.reshape(v, (n_networks, -1)) for v in tensors], axis=1)

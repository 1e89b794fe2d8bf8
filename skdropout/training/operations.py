"""Operations on stacks of networks, along whose first axis the networks lie.

They round a network in the same way in every stack. So all sums over rows are products,
whose rounding does not depend on how many networks there are.
"""

import math

import numpy as np

from .._backend import tf
from ..network.architecture import BATCH_NORM_EPSILON

# What is summed as a product has at most so many rows: with more, the product does more
# that is not needed; with fewer, it does less at a time.
_SQUARED_ROWS = 8


def for_networks(values, n_networks: int):
    """Values (n_networks, ...) from those of the streams, each for equally many networks.

    What ``tf.repeat`` does, which takes five times as many operations.
    """
    n_streams, *shape = values.shape
    if n_streams == n_networks:
        return values
    values = tf.expand_dims(values, 1)
    values = tf.tile(values, [1, n_networks // n_streams, *(1 for _ in shape)])
    return tf.reshape(values, (n_networks, *shape))


def sum_of_squares(kernels):
    """Of the kernels (n_networks, fan_in, fan_out), for each network.

    As the trace of a product: XLA would write the squares to memory before it adds them
    up.
    """
    n_networks, fan_in, fan_out = kernels.shape
    n_rows = math.gcd(fan_in * fan_out, _SQUARED_ROWS)
    rows = tf.reshape(kernels, (n_networks, n_rows, -1))
    products = tf.matmul(rows, rows, transpose_b=True)
    return tf.reduce_sum(products * np.eye(n_rows, dtype=np.float32), axis=(1, 2))


def clipped(gradients, squares, most):
    """Gradients (n_networks, fan_in, fan_out), scaled down where a norm is too large.

    Parameters
    ----------
    gradients : tensor of shape (n_networks, fan_in, fan_out)
    squares : tensor of shape (n_networks,)
        The norms, squared.
    most : tensor of shape (n_networks,) or float
        What the norms may be; infinity for no bound.
    """
    norms = tf.sqrt(squares)
    scale = tf.where(norms > most, most / norms, 1.0)
    return gradients * tf.reshape(scale, (-1, 1, 1))


def weighted_sum(weights, values):
    """Sum over the rows, of shape (n_networks, 1, units).

    Parameters
    ----------
    weights : tensor of shape (n_networks, 2, n_rows)
        In its first row; what is in the second does not count. XLA has products of two
        rows done by a library, and compiles code for each of one row.
    values : tensor of shape (n_networks, n_rows, units)
    """
    return tf.split(tf.matmul(weights, values), 2, axis=1)[0]


def sum_of_rows(values):
    """Sum of (n_networks, n_rows, units), of shape (n_networks, 1, units)."""
    n_networks, n_rows, _ = values.shape
    # Not all alike, which XLA would have written out at each step.
    ones = np.zeros((n_networks, 2, n_rows), np.float32)
    ones[:, 0] = 1
    return weighted_sum(ones, values)


def batch_norm(values, shares, gamma, beta):
    """Normalise by the weighted mean and variance of the rows; returns these too.

    With the gradient of Ioffe and Szegedy (2015) in closed form.

    Parameters
    ----------
    values : tensor of shape (n_networks, n_rows, units)
    shares : tensor of shape (n_networks, 2, n_rows)
        Of each row in the mean, as weights of `weighted_sum`.
    gamma, beta : tensors of shape (n_networks, 1, units)
    """
    statistics = []

    @tf.custom_gradient
    def by_batch(values, gamma, beta):
        mean = weighted_sum(shares, values)
        centred = values - mean
        variance = weighted_sum(shares, centred * centred)
        # TensorFlow would put a reciprocal root here, which depends on whether it fills
        # a vector register; it does not look through a product.
        root = tf.sqrt(variance + BATCH_NORM_EPSILON)
        deviation = tf.matmul(tf.ones((root.shape[0], 1, 1)), root)
        scale = gamma / deviation

        def gradient(by_values):
            by_beta = sum_of_rows(by_values)
            by_gamma = sum_of_rows(by_values * centred) / deviation
            through_variance = centred * (by_gamma * scale / deviation)
            share_of_row = tf.transpose(tf.split(shares, 2, axis=1)[0], (0, 2, 1))
            through_statistics = through_variance + by_beta * scale
            return (
                by_values * scale - share_of_row * through_statistics,
                by_gamma,
                by_beta,
            )

        # Not returned, as they would have gradients, too.
        statistics[:] = mean, variance
        return centred * scale + beta, gradient

    return by_batch(values, gamma, beta), statistics


def normalise(values, mean, variance, gamma, beta):
    """Normalise by moving statistics."""
    return (values - mean) * (gamma / tf.sqrt(variance + BATCH_NORM_EPSILON)) + beta


@tf.custom_gradient
def add_to_rows(values, vectors):
    """Add vectors (n_networks, 1, units) to all rows; their gradient is a product."""
    return values + vectors, lambda by_sums: (by_sums, sum_of_rows(by_sums))

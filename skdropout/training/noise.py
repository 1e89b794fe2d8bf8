"""Counter-based dropout noise, the same for a network in any stack.

TensorFlow's stateless generators take one seed a call and cannot be drawn for several
networks at once; this one is element-wise, which XLA compiles well.
"""

import math

from .._backend import tf

# Threefry-2x32 with 13 rounds: rotation constants and the number of rounds that passes
# BigCrush from Salmon, Moraes, Dror and Shaw, "Parallel random numbers: as easy as
# 1, 2, 3" (SC 2011).
_ROTATIONS = (13, 15, 26, 6, 17, 29, 16, 24)
_PARITY = 0x1BD11BDA
_ROUNDS = 13

#: Draws are uniform on the integers below this.
N_LEVELS = 2**16


def _threefry(key, counter):
    """Encrypt a pair of uint32 tensors under another; all broadcast together."""
    keys = (key[0], key[1], key[0] ^ key[1] ^ tf.constant(_PARITY, tf.uint32))
    x0 = counter[0] + keys[0]
    x1 = counter[1] + keys[1]
    # As few constants, since each operation takes a while to trace.
    rotations = tf.constant(_ROTATIONS, tf.uint32)
    left, right = tf.unstack(rotations), tf.unstack(32 - rotations)
    for i in range(_ROUNDS):
        x0 = x0 + x1
        high = tf.bitwise.left_shift(x1, left[i % 8])
        x1 = high | tf.bitwise.right_shift(x1, right[i % 8])
        x1 = x1 ^ x0
        if i % 4 == 3:
            j = i // 4 + 1
            x0 = x0 + keys[j % 3]
            x1 = x1 + keys[(j + 1) % 3] + tf.constant(j, tf.uint32)
    return x0, x1


def draw(seeds, epoch, step, n_draws: int):
    """Uniform 16-bit integers.

    Parameters
    ----------
    seeds : uint32 tensor of shape (n_seeds,)
    epoch, step : scalar uint32 tensors
    n_draws : int

    Returns
    -------
    int32 tensor of shape (n_seeds, n_draws), in [0, `N_LEVELS`)
    """
    n_blocks = math.ceil(n_draws / 4)  # a block is 64 bits: four draws
    counter = tf.range(n_blocks, dtype=tf.int32)[None, :]
    counter = tf.cast(counter, tf.uint32)
    words = tf.concat(_threefry((seeds[:, None], epoch), (counter, step)), axis=1)
    low = words & tf.constant(N_LEVELS - 1, tf.uint32)
    high = tf.bitwise.right_shift(words, tf.constant(16, tf.uint32))
    return tf.cast(tf.concat([low, high], axis=1)[:, :n_draws], tf.int32)

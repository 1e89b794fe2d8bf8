"""What a batch counts in the moving statistics of batch normalisation."""

from ..network.architecture import BATCH_NORM_MOMENTUM


def batch_share(step):
    """What the batch of a step counts in the moving mean and the moving variance.

    Keras's layer starts from a mean of 0 and a variance of 1, and takes in a hundredth of
    each batch. We divide that start out, as Adam does: after ``t`` steps ours are
    ``mean / (1 - 0.99**t)`` and ``(variance - 0.99**t) / (1 - 0.99**t)`` of Keras's. In
    this form they are moving averages, too, to which the first batch adds all and late
    ones a hundredth. So they are kept in it: nothing cancels in float32, and whoever
    looks at the statistics, or sets them, has them as they are used.

    Parameters
    ----------
    step : array or tensor of float64
        Number of the step for these statistics, from one.
    """
    return (1 - BATCH_NORM_MOMENTUM) / (1 - BATCH_NORM_MOMENTUM**step)

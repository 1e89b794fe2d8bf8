"""What is minimised: Keras's losses, summed over the outputs as in scikit-learn."""

from collections.abc import Callable
from typing import NamedTuple

from .._backend import keras, tf


def _cross_entropy_of_classes(y_true, logits):
    classes = tf.cast(y_true[..., 0], tf.int32)
    return keras.losses.sparse_categorical_crossentropy(classes, logits, from_logits=True)


def _cross_entropy_of_labels(y_true, logits):
    return _summed(keras.losses.binary_crossentropy)(y_true, logits, from_logits=True)


def _summed(mean_over_outputs):
    """Turn a Keras loss, a mean over the last axis, into a sum."""

    def loss(y_true, y_pred, **kwargs):
        return mean_over_outputs(y_true, y_pred, **kwargs) * y_pred.shape[-1]

    return loss


def _squared_error(y_true, y_pred):
    return 0.5 * _summed(keras.losses.mean_squared_error)(y_true, y_pred)


def _poisson_deviance(y_true, log_y_pred):
    """Half the Poisson deviance, of the logarithm of the prediction."""
    deviance = (
        tf.math.xlogy(y_true, y_true) - y_true * log_y_pred - y_true + tf.exp(log_y_pred)
    )
    return tf.reduce_sum(deviance, axis=-1)


class RowLoss(NamedTuple):
    """The loss of each row, before and after the output activation.

    Both take targets of shape (..., n_rows, n_targets) and outputs of shape
    (..., n_rows, n_outputs), and return shape (..., n_rows).
    """

    of_logits: Callable
    of_outputs: Callable


ROW_LOSSES = {
    "categorical": RowLoss(
        _cross_entropy_of_classes,
        lambda y, p: keras.losses.sparse_categorical_crossentropy(y[..., 0], p),
    ),
    "binary": RowLoss(
        _cross_entropy_of_labels, _summed(keras.losses.binary_crossentropy)
    ),
    "squared_error": RowLoss(_squared_error, _squared_error),
    "absolute_error": RowLoss(
        _summed(keras.losses.mean_absolute_error),
        _summed(keras.losses.mean_absolute_error),
    ),
    "huber": RowLoss(_summed(keras.losses.huber), _summed(keras.losses.huber)),
    "poisson": RowLoss(
        _poisson_deviance, lambda y, p: _poisson_deviance(y, tf.math.log(p))
    ),
}


def stock_loss(loss: str, n_outputs: int) -> tuple[str, float]:
    """Name of Keras's loss with the same gradient, and the factor that it then needs."""
    name = {
        "categorical": "sparse_categorical_crossentropy",
        "binary": "binary_crossentropy",
        "squared_error": "mean_squared_error",
        "absolute_error": "mean_absolute_error",
    }.get(loss, loss)
    if loss == "categorical":
        return name, 1.0
    return name, n_outputs * (0.5 if loss == "squared_error" else 1.0)


class WeightedMean(keras.losses.Loss):
    """Mean of a row loss, by sample weight, as a Keras loss.

    Parameters
    ----------
    loss : str
        Key of `ROW_LOSSES`.
    """

    def __init__(self, loss: str):
        super().__init__(name=loss, reduction="mean_with_sample_weight")
        self.loss = loss

    def call(self, y_true, y_pred):
        return ROW_LOSSES[self.loss].of_outputs(y_true, y_pred)

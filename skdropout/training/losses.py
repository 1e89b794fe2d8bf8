"""What is minimised: Keras's losses, summed over the outputs as in scikit-learn."""

from collections.abc import Callable
from typing import NamedTuple

from .._backend import keras, tf


def _cross_entropy_of_classes(y_true, logits, label_smoothing=None):
    classes = tf.cast(y_true[..., 0], tf.int32)
    loss = keras.losses.sparse_categorical_crossentropy(classes, logits, from_logits=True)
    if label_smoothing is None:
        return loss
    # Linear in the targets, so that these need not be written out for each class.
    share = label_smoothing[..., 0]
    of_all_classes = -tf.reduce_mean(tf.nn.log_softmax(logits), axis=-1)
    return loss * (1 - share) + of_all_classes * share


def _cross_entropy_of_probabilities(y_true, probabilities, label_smoothing=None):
    classes = y_true[..., 0]
    if label_smoothing is None:
        return keras.losses.sparse_categorical_crossentropy(classes, probabilities)
    targets = keras.ops.one_hot(classes, probabilities.shape[-1])
    return keras.losses.categorical_crossentropy(
        targets, probabilities, label_smoothing=label_smoothing
    )


def _cross_entropy_of_labels(y_true, logits, label_smoothing=None):
    if label_smoothing is not None:
        y_true = y_true * (1 - label_smoothing) + 0.5 * label_smoothing
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
    (..., n_rows, n_outputs), and return shape (..., n_rows). Those of classes and labels
    also take `label_smoothing`: of logits, of shape (n_networks, 1, 1); of outputs, a
    float.
    """

    of_logits: Callable
    of_outputs: Callable


ROW_LOSSES = {
    "categorical": RowLoss(_cross_entropy_of_classes, _cross_entropy_of_probabilities),
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
    label_smoothing : float, default=0.0
    """

    def __init__(self, loss: str, label_smoothing: float = 0.0):
        super().__init__(name=loss, reduction="mean_with_sample_weight")
        self.loss = loss
        self.smoothing = {"label_smoothing": label_smoothing} if label_smoothing else {}

    def call(self, y_true, y_pred):
        return ROW_LOSSES[self.loss].of_outputs(y_true, y_pred, **self.smoothing)

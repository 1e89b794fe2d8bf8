"""Label smoothing against Keras's losses, a closed form, and where it does not count."""

import keras
import numpy as np
import pytest
from scipy.special import log_softmax
from sklearn.metrics import log_loss
from sklearn.model_selection import GridSearchCV

from helpers import BatchHook, assert_same_network, trained_sizes
from skdropout import DropoutMLPClassifier, DropoutMLPRegressor, fused_training
from test_against_keras import BATCH, EPOCHS, assert_same_weights, estimator, keras_model
from test_bad_input import assert_refused

SMOOTHING = 0.2

pytestmark = pytest.mark.filterwarnings("ignore:Stochastic Optimizer")


def targets(kind, iris):
    X = iris[0].astype(np.float32)
    return X, {
        "classes": iris[1],
        "two classes": (iris[1] == 1).astype(int),
        "labels": (X[:, :3] > 0).astype(int),
    }[kind]


def keras_loss(kind):
    make = keras.losses.BinaryCrossentropy
    if kind == "classes":
        make = keras.losses.CategoricalCrossentropy
    return make(label_smoothing=SMOOTHING, reduction="mean_with_sample_weight")


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("kind", ["classes", "two classes", "labels"])
@pytest.mark.parametrize("callbacks", [None, BatchHook()], ids=["stacked", "by Keras"])
def test_as_keras_trains(iris, callbacks, kind, weighted):
    X, y = targets(kind, iris)
    n_outputs = {"classes": 3, "two classes": 1, "labels": 3}[kind]
    weight = class_weight = None
    if weighted:
        weight = np.random.default_rng(0).uniform(0.1, 3.0, len(y)).astype(np.float32)
        if kind != "labels":
            class_weight = {0: 2.0, 1: 0.5, 2: 1.0}
    est = estimator(
        DropoutMLPClassifier,
        keras.optimizers.SGD(0.1),
        label_smoothing=SMOOTHING,
        class_weight=class_weight,
        callbacks=callbacks,
    ).fit(X, y, sample_weight=weight)

    out_activation = "sigmoid"
    if class_weight:
        weight = weight * np.vectorize(class_weight.get)(y)
    if kind == "classes":
        y, out_activation = np.eye(3)[y], "softmax"
    model = keras_model(4, n_outputs, out_activation, False)
    # Keras takes the mean over the labels, scikit-learn's MLP and we the sum.
    factor = n_outputs if kind == "labels" else 1
    model.compile(keras.optimizers.SGD(0.1 * factor), keras_loss(kind))
    history = model.fit(
        X, y, BATCH, EPOCHS, shuffle=False, sample_weight=weight, verbose=0
    ).history
    assert_same_weights(est, model)
    if not weighted:
        losses = factor * np.array(history["loss"])
        np.testing.assert_allclose(est.loss_curve_, losses, rtol=1e-4)


@pytest.mark.parametrize("n_classes", [2, 3])
def test_a_linear_model_learns_the_smoothed_targets(n_classes):
    y = np.arange(n_classes)
    est = DropoutMLPClassifier(
        (), learning_rate_init=0.3, alpha=0.0, max_iter=300, n_iter_no_change=np.inf
    )
    est.set_params(label_smoothing=SMOOTHING).fit(np.eye(n_classes), y)
    expected = (1 - SMOOTHING) * np.eye(n_classes) + SMOOTHING / n_classes
    np.testing.assert_allclose(est.predict_proba(np.eye(n_classes)), expected, atol=1e-3)
    assert est.score(np.eye(n_classes), y) == 1


def test_large_logits():
    from skdropout._backend import tf
    from skdropout.training.losses import ROW_LOSSES

    logits = np.array([[1e4, -1e4, 0.0], [3.0, 3.0, 3.0]])
    y, smooth = np.array([[1.0], [2.0]]), np.full((1, 1, 1), SMOOTHING)
    values = tf.constant(logits[None], tf.float32)
    with tf.GradientTape() as tape:
        tape.watch(values)
        loss = ROW_LOSSES["categorical"].of_logits(
            tf.constant(y[None], tf.float32),
            values,
            label_smoothing=tf.constant(smooth, tf.float32),
        )
    smoothed = (1 - SMOOTHING) * np.eye(3)[y[:, 0].astype(int)] + SMOOTHING / 3
    expected = -(smoothed * log_softmax(logits, axis=1)).sum(axis=1)
    np.testing.assert_allclose(loss[0], expected, rtol=1e-6)
    gradient = np.exp(log_softmax(logits, axis=1)) - smoothed
    np.testing.assert_allclose(tape.gradient(loss, values)[0], gradient, atol=1e-6)


class Evaluator(keras.callbacks.Callback):
    """Has the model evaluate rows, by what it is compiled with."""

    def __init__(self, X, y):
        super().__init__()
        self.rows = X, y

    def on_epoch_end(self, epoch, logs=None):
        self.loss = self.model.evaluate(*self.rows, verbose=0)


@pytest.mark.parametrize("others", [[], [BatchHook()]], ids=["stacked", "by Keras"])
@pytest.mark.parametrize("kind", ["classes", "two classes"])
def test_validation_goes_by_the_true_labels(iris, kind, others):
    X, y = targets(kind, iris)
    evaluator = Evaluator(X, y)
    est = DropoutMLPClassifier(
        (8,), label_smoothing=0.8, max_iter=3, callbacks=[evaluator, *others]
    )
    est.fit(X, y, X_val=X, y_val=y)
    true_loss = log_loss(y, est.predict_proba(X))
    np.testing.assert_allclose(est.history_["val_loss"][-1], true_loss, rtol=1e-4)
    np.testing.assert_allclose(evaluator.loss, true_loss, rtol=1e-4)


@pytest.mark.parametrize("kind", ["classes", "labels"])
def test_in_one_stack_each_network_has_its_own(iris, kind, stacks, without_xla):
    X, y = targets(kind, iris)
    values = [0.0, 0.1, 0.5]
    est = DropoutMLPClassifier((12,), max_iter=5, learning_rate_init=0.01, random_state=0)
    split = [(np.arange(150), np.arange(150))]
    search = GridSearchCV(est, {"label_smoothing": values}, cv=split, refit=False)
    networks = {}
    search.set_params(scoring=lambda est, X, y: networks.setdefault(id(est), est) and 0)
    with fused_training():
        search.fit(X, y)
    assert trained_sizes(stacks) == [3]
    for fused, value in zip(networks.values(), values, strict=True):
        alone = est.set_params(label_smoothing=value).fit(X, y)
        assert fused.label_smoothing == value
        assert_same_network(fused, alone)


@pytest.mark.parametrize("value", [-0.1, 1.0, np.nan, "0.1", None])
def test_bad_value(iris, value):
    words = ["label_smoothing", str(value), r"\[0.0, 1.0\)"]
    assert_refused(DropoutMLPClassifier(label_smoothing=value), *iris, words)


def test_regression_has_none():
    assert "label_smoothing" not in DropoutMLPRegressor().get_params()

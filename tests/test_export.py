"""The Keras model of a fitted estimator, as Keras's own export takes it."""

import contextlib

import keras
import numpy as np
import pytest
import tensorflow as tf

from skdropout import DropoutMLPClassifier

pytestmark = pytest.mark.filterwarnings("ignore:Stochastic Optimizer")


@pytest.fixture
def fitted(iris):
    return DropoutMLPClassifier((5,), batch_norm=True, max_iter=2).fit(*iris)


def test_saved_model(tmp_path, iris, fitted):
    X = iris[0].astype(np.float32)
    fitted.to_keras().export(tmp_path / "model", format="tf_saved_model", verbose=False)
    loaded = tf.saved_model.load(str(tmp_path / "model"))
    np.testing.assert_allclose(loaded.serve(X), fitted.predict_proba(X), atol=1e-6)


def test_ready_for_onnx(tmp_path, fitted):
    """Keras asks for a model that has been called; tf2onnx comes only after that."""
    with pytest.raises(Exception) as caught:  # noqa: PT011 - whatever tf2onnx lacks
        keras.Sequential([keras.layers.Input((4,)), keras.layers.Dense(2)]).export(
            "unused", format="onnx", verbose=False
        )
    assert "never called" in str(caught.value)
    with contextlib.suppress(ImportError):  # of what turns it into ONNX
        fitted.to_keras().export(tmp_path / "onnx", format="onnx", verbose=False)


def test_within_a_strategy(iris, fitted):
    expected = fitted.to_keras().get_weights()
    with tf.distribute.MirroredStrategy(["CPU:0"]).scope():
        for a, b in zip(fitted.to_keras().get_weights(), expected, strict=True):
            np.testing.assert_array_equal(a, b)

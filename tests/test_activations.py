"""NumPy's activations against Keras's."""

import keras
import numpy as np
import pytest

from skdropout import DropoutMLPClassifier
from skdropout.network.activations import ACTIVATIONS


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", sorted(ACTIVATIONS))
def test_activation(name, dtype):
    x = np.random.default_rng(0).normal(0, 3, (50, 7)).astype(dtype)
    expected = keras.ops.convert_to_numpy(keras.activations.get(name)(x.astype("f")))
    got = ACTIVATIONS[name](x.copy())
    assert got.dtype == dtype
    np.testing.assert_allclose(got, expected, rtol=1e-4, atol=1e-5)


def test_every_keras_activation_is_there():
    known = {
        name
        for name, value in vars(keras.activations).items()
        if callable(value) and name not in ("get", "serialize", "deserialize")
    }
    # glu halves the number of units, threshold needs arguments: neither is an activation
    # that a name says all of.
    assert known - {"glu", "threshold"} <= set(ACTIVATIONS)


@pytest.mark.filterwarnings("ignore:Stochastic Optimizer")
@pytest.mark.parametrize("activation", ["logistic", "identity", "gelu", "softmax"])
def test_prediction_matches_the_exported_model(iris, activation):
    X, y = iris
    est = DropoutMLPClassifier((8,), activation, max_iter=3, random_state=0).fit(X, y)
    expected = est.to_keras().predict(X.astype(np.float32), verbose=0)
    np.testing.assert_allclose(est.predict_proba(X), expected, atol=1e-5)
    if activation == "gelu":
        same = DropoutMLPClassifier((8,), keras.activations.gelu, max_iter=3)
        same.set_params(random_state=0).fit(X, y)
        np.testing.assert_array_equal(same.predict_proba(X), est.predict_proba(X))

"""Callbacks that set the weights of the network in training."""

import keras
import numpy as np
import pytest
from joblib import Parallel, delayed

from skdropout import DropoutMLPClassifier, DropoutMLPRegressor, fused_training

pytestmark = pytest.mark.filterwarnings("ignore:Stochastic Optimizer")

BATCH_NORMS = [
    {},
    {"use_bias": False},
    {"batch_norm": "after_activation"},
    {"input_batch_norm": True},
]
# A scale of the loss of one sends the same network through Keras's own fit.
COMPILED = keras.optimizers.Adam(0.03)
BY_KERAS = keras.optimizers.Adam(0.03, loss_scale_factor=1.0)


class Clipper(keras.callbacks.Callback):
    """Keeps every weight small, by one of the ways to set weights."""

    def __init__(self, when, limit=0.1):
        super().__init__()
        self.when, self.limit = when, limit

    def clip(self):
        self.model.set_weights(
            [np.clip(w, -self.limit, self.limit) for w in self.model.get_weights()]
        )

    def on_train_begin(self, logs=None):
        if self.when == "train begin":
            self.clip()

    def on_epoch_begin(self, epoch, logs=None):
        if self.when == "epoch begin":
            self.clip()

    def on_epoch_end(self, epoch, logs=None):
        if self.when == "epoch end":
            self.clip()
        if self.when == "one layer":
            layer = self.model.layers[-2]
            layer.set_weights([w / 2 for w in layer.get_weights()])
        if self.when == "variables":
            for variable in self.model.trainable_variables:
                variable.assign(variable / 2)

    def on_train_end(self, logs=None):
        if self.when == "train end":
            self.clip()


WHEN = ["train begin", "epoch begin", "epoch end", "one layer", "variables", "train end"]


def network(when, optimizer=COMPILED, kind=DropoutMLPClassifier, **params):
    return kind(
        (8,),
        dropout_rate=0.0,
        optimizer=optimizer,
        callbacks=when and [Clipper(when)],
        batch_size=50,
        max_iter=3,
        random_state=0,
        **params,
    )


def weights_of(est):
    return est.to_keras().get_weights()


@pytest.mark.parametrize("batch_norm", BATCH_NORMS)
@pytest.mark.parametrize("when", WHEN)
def test_as_in_keras_own_fit(when, batch_norm, iris, without_xla):
    compiled = weights_of(network(when, **batch_norm).fit(*iris))
    by_keras = weights_of(network(when, BY_KERAS, **batch_norm).fit(*iris))
    untouched = weights_of(network(None, **batch_norm).fit(*iris))
    for a, b in zip(compiled, by_keras, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-4)
    changes = [np.abs(a - b).max() for a, b in zip(compiled, untouched, strict=True)]
    assert max(changes) > 0.01


@pytest.mark.parametrize("kind", [DropoutMLPClassifier, DropoutMLPRegressor])
@pytest.mark.parametrize("batch_norm", BATCH_NORMS)
def test_fused_as_alone(kind, batch_norm, iris, without_xla):
    estimators = [
        network(when, kind=kind, alpha=1e-3 * i, **batch_norm)
        for i, when in enumerate([*WHEN, None])
    ]
    alone = [weights_of(est.fit(*iris)) for est in estimators]
    with fused_training():
        fused = Parallel()(delayed(est.fit)(*iris) for est in estimators)
    for est, expected in zip(fused, alone, strict=True):
        for a, b in zip(weights_of(est), expected, strict=True):
            np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("batch_norm", [{}, {"batch_norm": "after_activation"}])
def test_with_xla(batch_norm, iris):
    estimators = [network(when, **batch_norm) for when in ("epoch end", "epoch begin")]
    with fused_training():
        fused = Parallel()(delayed(est.fit)(*iris) for est in estimators)
    for est in fused:
        by_keras = est.set_params(optimizer=BY_KERAS)
        for a, b in zip(weights_of(est), weights_of(by_keras.fit(*iris)), strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-4)
    for values in weights_of(network("epoch end", **batch_norm).fit(*iris)):
        assert np.abs(values).max() <= np.float32(0.1)

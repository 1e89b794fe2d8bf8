"""Configured optimizers with more than their configuration tells, against Keras."""

import copy
import pickle

import keras
import numpy as np
import pytest
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV

from helpers import assert_same_network
from skdropout import DropoutMLPClassifier, fused_training
from test_against_keras import assert_same_weights, estimator, fit_both, keras_model

pytestmark = pytest.mark.filterwarnings("ignore:Stochastic Optimizer")

LOSS = "sparse_categorical_crossentropy"


class WarmUp(keras.optimizers.schedules.LearningRateSchedule):
    """Not registered with Keras."""

    def __call__(self, step):
        return 0.1 * keras.ops.minimum(1.0, keras.ops.cast(step + 1, "float32") / 10)

    def get_config(self):
        return {}


class Halving(keras.optimizers.SGD):
    """Takes smaller steps, by a factor that get_config does not tell of."""

    factor = 0.5

    def __init__(self, learning_rate=0.1, **kwargs):
        super().__init__(learning_rate, **kwargs)
        self.factor = 0.5

    def update_step(self, gradient, variable, learning_rate):
        super().update_step(gradient, variable, self.factor * learning_rate)


def sparing(*names, kind=keras.optimizers.AdamW):
    optimizer = kind(0.01, weight_decay=3.0)
    optimizer.exclude_from_weight_decay(var_names=list(names))
    return optimizer


def halving(factor=0.5):
    optimizer = Halving()
    optimizer.factor = factor
    return optimizer


def changed():
    optimizer = keras.optimizers.Adam(0.5)
    optimizer.learning_rate = 0.02
    optimizer.weight_decay = 2.0
    optimizer.beta_1 = 0.5
    return optimizer


def fixed_rate():
    return 0.05


INSTANCES = {
    "spares kernels": lambda: sparing("kernel"),
    "spares biases": lambda: sparing("bias", "gamma", "beta"),
    "spares a layer": lambda: sparing("dense_1/"),
    "Lamb spares": lambda: sparing("kernel", kind=keras.optimizers.Lamb),
    "own schedule": lambda: keras.optimizers.Adam(WarmUp()),
    "own schedule, by Keras": lambda: keras.optimizers.Lamb(WarmUp()),
    "own class": lambda: halving(0.25),
    "own class and schedule": lambda: Halving(WarmUp()),
    "rate by a function": lambda: keras.optimizers.SGD(fixed_rate),
    "changed": changed,
}


@pytest.mark.parametrize("name", INSTANCES)
def test_as_keras_trains(iris, name):
    X, y = iris[0].astype(np.float32), iris[1]
    keras.utils.clear_session()  # names of layers as in the first model
    batch_norm = name == "spares biases" and "after_activation"
    model = keras_model(4, 3, "softmax", batch_norm)
    est = estimator(DropoutMLPClassifier, INSTANCES[name](), batch_norm)
    fit_both(est, model, X, y, INSTANCES[name](), LOSS)
    assert_same_weights(est, model)


TRIPS = {
    "clone": clone,
    "copy": copy.deepcopy,
    "pickle": lambda est: pickle.loads(pickle.dumps(est)),
}


@pytest.mark.parametrize(
    "name", ["spares kernels", "own class", "own class and schedule", "changed"]
)
def test_copies(iris, name):
    optimizer = INSTANCES[name]()
    est = DropoutMLPClassifier((4,), max_iter=2, optimizer=optimizer, random_state=0).fit(
        *iris
    )
    for trip in TRIPS.values():
        twin = trip(est)
        assert twin.optimizer is not optimizer
        assert type(twin.optimizer) is type(optimizer)
        assert_same_network(twin.fit(*iris), est)
    assert est.optimizer is optimizer


def test_in_searches(iris, without_xla):
    kernels = []
    for optimizer in (sparing("kernel"), keras.optimizers.AdamW(0.01, weight_decay=3.0)):
        est = DropoutMLPClassifier((4,), max_iter=5, optimizer=optimizer, random_state=0)
        search = GridSearchCV(est, {"alpha": [0.0, 0.1]}, cv=2)
        alone = search.fit(*iris).best_estimator_
        with fused_training():
            assert_same_network(search.fit(*iris).best_estimator_, alone)
        kernels.append(np.abs(alone.coefs_[0]).sum())
    assert kernels[0] > 1.05 * kernels[1]


def test_variables_of_another_model(iris):
    optimizer = keras.optimizers.AdamW(0.01, weight_decay=1.0)
    model = keras_model(4, 3, "softmax", False)
    optimizer.exclude_from_weight_decay(var_list=[model.layers[0].bias])
    est = DropoutMLPClassifier((4,), max_iter=2, optimizer=optimizer)
    with pytest.raises(ValueError, match=r"optimizer=.*var_list.*var_names"):
        est.fit(*iris)


def test_our_weight_decay_takes_the_place(iris):
    params = {"max_iter": 2, "random_state": 0, "weight_decay": 1.0}
    optimizers = sparing("kernel"), keras.optimizers.Adam(0.01)
    nets = [
        DropoutMLPClassifier((4,), optimizer=optimizer, **params).fit(*iris)
        for optimizer in optimizers
    ]
    assert_same_network(*nets, rtol=1e-5, atol=1e-6)

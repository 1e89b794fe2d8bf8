"""A fitted estimator is arrays and plain values, so that no pickle needs our code."""

import io
import pickle

import keras
import numpy as np
import pytest

from helpers import assert_same_network
from skdropout import DropoutMLPClassifier, DropoutMLPRegressor

PLAIN = (type(None), bool, int, float, str, bytes)

FITS = {
    "early stopping": lambda est, X, y: est.set_params(early_stopping=True).fit(X, y),
    "validation rows": lambda est, X, y: est.fit(X, y, X_val=X, y_val=y),
    "by Keras": lambda est, X, y: est.set_params(optimizer="lamb").fit(X, y),
    "further": lambda est, X, y: est.set_params(warm_start=True).fit(X, y).fit(X, y),
    "no hidden layer": lambda est, X, y: est.set_params(hidden_layer_sizes=()).fit(X, y),
}


def schedule():
    return keras.optimizers.schedules.PiecewiseConstantDecay([5, 9], [0.1, 0.05, 0.01])


def sparing():
    optimizer = keras.optimizers.AdamW(schedule(), weight_decay=0.1)
    optimizer.exclude_from_weight_decay(var_names=["bias"])
    return optimizer


# Parameters that are objects of Keras's.
KERAS_OBJECTS = {
    "optimizer": lambda: {"optimizer": keras.optimizers.Nadam(0.01, clipnorm=1.0)},
    "optimizer with more": lambda: {"optimizer": sparing()},
    "class of optimizers": lambda: {"optimizer": keras.optimizers.RMSprop},
    "optimizer of Keras's fit": lambda: {"optimizer": keras.optimizers.Lamb()},
    "schedule": lambda: {"learning_rate": schedule()},
    "activation": lambda: {"activation": keras.activations.mish},
    "initializer": lambda: {"initializer": keras.initializers.HeNormal()},
    "class of initializers": lambda: {"initializer": keras.initializers.HeUniform},
}


def assert_plain(value, path):
    if isinstance(value, dict):
        for key, part in value.items():
            assert type(key) in PLAIN, path
            assert_plain(part, f"{path}[{key!r}]")
    elif isinstance(value, (list, tuple)):
        assert type(value) in (list, tuple), path
        for i, part in enumerate(value):
            assert_plain(part, f"{path}[{i}]")
    elif isinstance(value, (np.ndarray, np.generic)):
        assert value.dtype.kind in "biufUS", path
    else:
        assert type(value) in PLAIN, f"{path} is a {type(value)}"


class OnlyNamed(pickle.Unpickler):
    """Loads none of our classes but the two public ones, and none of Keras's."""

    def find_class(self, module, name):
        ours = {DropoutMLPClassifier, DropoutMLPRegressor}
        found = super().find_class(module, name)
        if module.startswith(("keras", "skdropout")) and found not in ours:
            raise pickle.UnpicklingError(f"{module}.{name} is not to be trusted")
        return found


@pytest.mark.filterwarnings("ignore:Stochastic Optimizer")
@pytest.mark.parametrize("fit", FITS)
@pytest.mark.parametrize("kind", [DropoutMLPClassifier, DropoutMLPRegressor])
def test_the_state_is_plain(kind, fit, iris):
    X, y = iris
    est = kind((8,), batch_norm=True, max_iter=3, random_state=0)
    FITS[fit](est, X, y.astype(float) if kind is DropoutMLPRegressor else y)
    for name, value in vars(est).items():
        assert_plain(value, name)
    loaded = OnlyNamed(io.BytesIO(pickle.dumps(est))).load()
    np.testing.assert_array_equal(loaded.predict(X), est.predict(X))


@pytest.mark.filterwarnings("ignore:Stochastic Optimizer")
@pytest.mark.parametrize("name", KERAS_OBJECTS)
def test_objects_of_keras_are_saved_as_plain_values(name, iris):
    X, y = iris
    params = KERAS_OBJECTS[name]()
    est = DropoutMLPClassifier((8,), max_iter=3, random_state=0, **params).fit(X, y)
    for attribute, value in est.__getstate__().items():
        assert_plain(value, attribute)
    loaded = OnlyNamed(io.BytesIO(pickle.dumps(est))).load()
    for parameter, value in est.get_params().items():
        assert type(getattr(loaded, parameter)) is type(value), parameter
    # Its next fit is that of the original, to the draw of an initializer without a seed.
    assert_same_network(loaded.fit(X, y), est.fit(X, y))

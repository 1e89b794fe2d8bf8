"""Parameters of the wrong kind: the error names parameter, value and what is allowed."""

import keras
import numpy as np
import pytest

from helpers import assert_same_network
from skdropout import DropoutMLPClassifier, DropoutMLPRegressor
from test_bad_input import assert_refused

NUMBERS = [
    "dropout_rate",
    "input_dropout_rate",
    "alpha",
    "weight_decay",
    "label_smoothing",
    "learning_rate_init",
    "power_t",
    "tol",
    "momentum",
    "validation_fraction",
    "beta_1",
    "beta_2",
    "epsilon",
    "max_iter",
    "batch_size",
    "n_iter_no_change",
    "random_state",
    "hidden_layer_sizes",
]
SWITCHES = [
    "input_batch_norm",
    "use_bias",
    "nesterovs_momentum",
    "shuffle",
    "early_stopping",
    "warm_start",
    "verbose",
]
NAMES = [
    "activation",
    "batch_norm",
    "initializer",
    "optimizer",
    "learning_rate",
    "device",
]
Schedule = keras.optimizers.schedules.LearningRateSchedule


def schedule(step):
    return 0.01 * 0.9**step


NO_NUMBERS = ["1", None, np.nan, -1, -0.5, np.ones((1, 1)), 1j, print, np.True_, {"a": 1}]
NO_SWITCHES = ["True", None, 0.5, -1, np.array(True), [True]]
NO_NAMES = [None, 3, 0.5, "", "no such", np.array("relu"), np.array(["relu", "tanh"])]
NO_NAMES += [["relu"], print, object, schedule, b"relu", np.nan, {}]
ALLOWED = [("random_state", None), ("batch_norm", None)]
CASES = [
    (name, value)
    for names, values in (
        (NUMBERS, NO_NUMBERS),
        (SWITCHES, NO_SWITCHES),
        (NAMES, NO_NAMES),
    )
    for name in names
    for value in values
    if not (value is None and (name, value) in ALLOWED)
]


@pytest.mark.parametrize(("name", "value"), CASES)
def test_value_of_another_kind(iris, name, value):
    assert_refused(DropoutMLPClassifier(**{name: value}), *iris, [name])


@pytest.mark.parametrize(
    "value", [None, 3, np.array(["huber"]), ["huber"], print, object]
)
def test_loss(curve, value):
    assert_refused(DropoutMLPRegressor(loss=value), *curve, ["loss", "squared_error"])


@pytest.mark.parametrize(
    ("params", "words"),
    [
        ({"batch_norm": "True"}, ["batch_norm", "Got 'True'", "Did you mean True"]),
        ({"batch_norm": "false"}, ["batch_norm", "Got 'false'", "Did you mean False"]),
        ({"batch_norm": "After_Dropout"}, ["Did you mean 'after_dropout'"]),
        ({"activation": "RELU"}, ["activation", "Did you mean 'relu'"]),
        ({"initializer": "XAVIER_UNIFORM"}, ["Did you mean 'xavier_uniform'"]),
        ({"device": "cuda"}, ["device", "'cuda'", "'auto', 'cpu'", "devices 'gpu'"]),
        ({"batch_norm": "before"}, ["Did you mean 'before_activation'"]),
        ({"batch_norm": "after"}, ["mean 'after_activation' or 'after_dropout'"]),
        ({"initializer": "he"}, ["Did you mean 'he_normal' or 'he_uniform'"]),
        ({"optimizer": "lbfgs"}, ["L-BFGS", "scikit-learn's own MLP has it"]),
        ({"learning_rate": 0.01}, ["write learning_rate_init=0.01"]),
        (
            {"dropout_rate": [[0.1, 0.2], [0.3]]},
            ["dropout_rate", r"\[0.3\]", "each hidden"],
        ),
        ({"dropout_rate": [None]}, ["dropout_rate", "None", r"\[0, 1\)"]),
        ({"dropout_rate": ["0.5"]}, ["dropout_rate", "'0.5'", r"\[0, 1\)"]),
        ({"hidden_layer_sizes": (8.0,)}, ["hidden_layer_sizes", r"\(8.0,\)", "integer"]),
        ({"hidden_layer_sizes": (8, None)}, ["hidden_layer_sizes", "None", "integer"]),
        ({"hidden_layer_sizes": (True,)}, ["hidden_layer_sizes", "True", "integer"]),
        ({"hidden_layer_sizes": 2**70}, ["hidden_layer_sizes", r"2\*\*31"]),
        ({"hidden_layer_sizes": np.array([[8, 4]])}, ["hidden_layer_sizes", r"\[8, 4\]"]),
        ({"learning_rate": 0.01}, ["'learning_rate'", "learning_rate_init=0.01"]),
        ({"learning_rate": schedule}, ["learning_rate", "schedule at", "__call__"]),
        ({"learning_rate": print}, ["learning_rate", "print", "LearningRateSchedule"]),
        ({"learning_rate": Schedule}, ["learning_rate", "an instance of"]),
        (
            {"initializer": print},
            ["initializer", "print", r"\(4, 256\), dtype='float32'"],
        ),
        (
            {"initializer": lambda shape: np.zeros(shape)},
            ["initializer", "lambda", "dtype"],
        ),
        ({"initializer": dict}, ["initializer", "dict"]),
        ({"initializer": keras.initializers.Initializer}, ["initializer", "__call__"]),
        (
            {"initializer": lambda shape, dtype: np.full(shape, np.nan)},
            ["initializer", "not finite"],
        ),
        ({"optimizer": keras.optimizers.Optimizer}, ["optimizer", "configured instance"]),
        ({"optimizer": keras.optimizers.LossScaleOptimizer}, ["optimizer", "LossScale"]),
        ({"callbacks": keras.callbacks.EarlyStopping}, ["callbacks", "EarlyStopping"]),
        ({"callbacks": [None]}, ["callbacks", "None"]),
    ],
)
def test_what_to_do(iris, params, words):
    assert_refused(DropoutMLPClassifier(**params), *iris, words)


def test_too_many_units(iris):
    est = DropoutMLPClassifier(2**31 - 1, initializer=_without_memory)
    with pytest.raises(MemoryError, match="hidden_layer_sizes"):
        est.fit(*iris)


def _without_memory(shape, dtype):
    raise MemoryError


@pytest.mark.filterwarnings("ignore:Stochastic Optimizer")
@pytest.mark.parametrize("device", ["CPU", "cpu:0", "CPU:0"])
def test_device_as_tensorflow_writes_it(iris, device):
    params = {"hidden_layer_sizes": 4, "max_iter": 2, "random_state": 0}
    whole = DropoutMLPClassifier(device="cpu", **params).fit(*iris)
    assert_same_network(whole, DropoutMLPClassifier(device=device, **params).fit(*iris))

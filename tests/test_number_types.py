"""Numbers and strings of NumPy's types are those of Python's, for every parameter."""

import pickle
from fractions import Fraction

import joblib
import keras
import numpy as np
import pytest
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV

from helpers import assert_same_network
from skdropout import DropoutMLPClassifier, DropoutMLPRegressor, fused_training
from skdropout._hyperparameters import HYPERPARAMETERS
from test_bad_input import assert_refused

pytestmark = [
    pytest.mark.filterwarnings("ignore:.*Maximum iterations"),
    pytest.mark.usefixtures("time_limit", "without_xla"),
]

# Values that all types hold exactly.
COUNTS = {
    "hidden_layer_sizes": 8,
    "batch_size": 16,
    "max_iter": 3,
    "n_iter_no_change": 5,
    "verbose": 0,
    "random_state": 3,
}
REALS = {
    "dropout_rate": 0.25,
    "input_dropout_rate": 0.125,
    "alpha": 0.5,
    "weight_decay": 0.25,
    "label_smoothing": 0.25,
    "learning_rate_init": 0.03125,
    "power_t": 0.5,
    "tol": 0.25,
    "momentum": 0.5,
    "validation_fraction": 0.25,
    "beta_1": 0.5,
    "beta_2": 0.75,
    "epsilon": 2.0**-10,
}
WHOLE_REALS = {
    "dropout_rate": 0,
    "input_dropout_rate": 0,
    "alpha": 2,
    "weight_decay": 0,
    "label_smoothing": 0,
    "learning_rate_init": 1,
    "power_t": 1,
    "tol": 0,
    "momentum": 0,
    "beta_1": 0,
    "beta_2": 0,
    "epsilon": 1,
}
SWITCHES = {
    "input_batch_norm": False,
    "use_bias": True,
    "nesterovs_momentum": True,
    "shuffle": True,
    "early_stopping": True,
    "warm_start": False,
    "verbose": False,
}
NAMES = {
    "activation": "tanh",
    "batch_norm": "after_dropout",
    "initializer": "he_normal",
    "optimizer": "rmsprop",
    "learning_rate": "invscaling",
    "scoring": "f1_macro",
    "device": "cpu",
}
PLAIN = {**COUNTS, **REALS, **SWITCHES, **NAMES}

FORMS = {
    "int8": (COUNTS, np.int8),
    "uint8": (COUNTS, np.uint8),
    "int64": (COUNTS, np.int64),
    "uint64": (COUNTS, np.uint64),
    "float16": (REALS, np.float16),
    "float32": (REALS, np.float32),
    "float64": (REALS, np.float64),
    "longdouble": (REALS, np.longdouble),
    "int as float": (WHOLE_REALS, int),
    "int64 as float": (WHOLE_REALS, np.int64),
    "uint8 as float": (WHOLE_REALS, np.uint8),
    "bool": (SWITCHES, np.bool_),
    "str": (NAMES, np.str_),
}


def _fit(est, X, y):
    return est.fit(X, y)


def _fused(est, X, y):
    with fused_training():
        return joblib.Parallel()(
            joblib.delayed(_fit)(e, X, y) for e in [est, clone(est)]
        )[0]


WAYS = {
    "plain": ("rmsprop", _fit),
    "fused": ("rmsprop", _fused),
    "by Keras": ("lamb", _fit),
}


def test_every_parameter_is_tried():
    assert {row.name for row in HYPERPARAMETERS} - set(PLAIN) == {"callbacks"}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("form", FORMS)
def test_same_network(iris, form, way):
    optimizer, fit = WAYS[way]
    values, convert = FORMS[form]
    plain = {**PLAIN, **{k: PLAIN[k] if k in COUNTS else v for k, v in values.items()}}
    if values is WHOLE_REALS:
        plain.update({name: float(value) for name, value in values.items()})
    plain["optimizer"] = optimizer
    given = {**plain, **{name: convert(plain[name]) for name in values}}
    est = DropoutMLPClassifier(**given)
    fitted = fit(est, *iris)
    for name, value in given.items():
        assert getattr(est, name) is value, name
    assert_same_network(DropoutMLPClassifier(**plain).fit(*iris), fitted)
    for copy in (pickle.loads(pickle.dumps(fitted)), clone(fitted)):
        assert type(getattr(copy, next(iter(values)))) is type(given[next(iter(values))])
    assert_same_network(fitted, pickle.loads(pickle.dumps(fitted)))


@pytest.mark.parametrize(
    "sizes",
    [np.array(8), np.array([8]), [np.int16(8)], (np.array(8),), range(8, 9), np.uint8(8)],
)
def test_hidden_layer_sizes(iris, sizes):
    params = {"max_iter": 2, "random_state": 0}
    whole = DropoutMLPClassifier((8,), **params).fit(*iris)
    fitted = DropoutMLPClassifier(sizes, **params).fit(*iris)
    assert_same_network(whole, fitted)
    assert_same_network(whole, pickle.loads(pickle.dumps(fitted)))


def test_early_stopping_auto(digits):
    X, y = (np.resize(values, (3000, *values.shape[1:])) for values in digits)
    params = {"hidden_layer_sizes": 4, "max_iter": 2, "random_state": 0}
    whole = DropoutMLPClassifier(early_stopping="auto", **params).fit(X, y)
    fitted = DropoutMLPClassifier(early_stopping=np.str_("auto"), **params).fit(X, y)
    assert fitted.validation_scores_ == whole.validation_scores_ is not None
    assert_same_network(whole, fitted)
    assert hasattr(fitted, "partial_fit")


@pytest.mark.parametrize(
    "rates", [np.array(0.25), np.float16([0.25]), [np.float32(0.25)]]
)
def test_dropout_rates(iris, rates):
    params = {"max_iter": 2, "random_state": 0}
    whole = DropoutMLPClassifier((8,), dropout_rate=0.25, **params).fit(*iris)
    assert_same_network(
        whole, DropoutMLPClassifier((8,), dropout_rate=rates, **params).fit(*iris)
    )


def test_loss(curve):
    params = {"hidden_layer_sizes": 4, "max_iter": 2, "random_state": 0}
    whole = DropoutMLPRegressor(loss="huber", **params).fit(*curve)
    assert_same_network(
        whole, DropoutMLPRegressor(loss=np.str_("huber"), **params).fit(*curve)
    )


def test_never_stopping(iris):
    params = {"hidden_layer_sizes": 4, "max_iter": 12, "tol": 1e3}
    params |= {"learning_rate": "constant", "n_iter_no_change": np.float32(np.inf)}
    est = DropoutMLPClassifier(**params).fit(*iris)
    assert est.n_iter_ == 12


def test_grid_of_arrays(iris):
    grid = {
        "batch_size": 2 ** np.arange(4, 6),
        "alpha": np.logspace(-3, -2, 2, dtype=np.float32),
        "activation": np.array(["relu", "tanh"]),
    }
    search = GridSearchCV(
        DropoutMLPClassifier(4, max_iter=2), grid, cv=2, error_score="raise"
    )
    with fused_training():
        assert np.isfinite(search.fit(*iris).best_score_)


@pytest.mark.parametrize("name", [*COUNTS, *REALS])
def test_fractions_are_refused(iris, name):
    value = Fraction(1, 2) if name in REALS else Fraction(4)
    est = DropoutMLPClassifier(**{name: value})
    assert_refused(est, *iris, [name, r"Fraction\("])


@pytest.mark.parametrize("name", ["dropout_rate", "hidden_layer_sizes"])
def test_fractions_in_lists_are_refused(iris, name):
    assert_refused(
        DropoutMLPClassifier(**{name: [Fraction(4, 5)]}), *iris, [name, "Fraction"]
    )


@pytest.mark.parametrize(
    "name",
    ["dropout_rate", "input_dropout_rate", "label_smoothing", "beta_1", "beta_2"],
)
def test_fractions_that_float32_rounds_to_one(iris, name):
    est = DropoutMLPClassifier(**{name: 1 - 1e-12})
    assert_refused(est, *iris, [name, "0.999999999999", "float32"])


@pytest.mark.parametrize(
    "name",
    ["alpha", "weight_decay", "learning_rate_init", "epsilon", "momentum"],
)
@pytest.mark.parametrize(
    "value",
    [1e39, 10**400, np.longdouble("1e4000"), np.inf],
    ids=["1e39", "int", "longdouble", "inf"],
)
def test_numbers_that_float32_does_not_hold(iris, name, value):
    assert_refused(DropoutMLPClassifier(**{name: value}), *iris, [name])


def test_epsilon_that_float32_rounds_to_zero(iris):
    assert_refused(DropoutMLPClassifier(epsilon=1e-50), *iris, ["epsilon", "1e-50"])


def test_schedule_instances(iris):
    schedule = keras.optimizers.schedules.ExponentialDecay(
        np.float32(0.01), np.int64(5), 0.5
    )
    est = DropoutMLPClassifier(4, learning_rate=schedule, max_iter=np.int64(2)).fit(*iris)
    assert est.learning_rate is schedule

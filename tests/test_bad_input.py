"""Errors name the parameter, the value and what is allowed, before any training."""

import keras
import numpy as np
import pytest
from sklearn.exceptions import NotFittedError

from skdropout import DropoutMLPClassifier, DropoutMLPRegressor

CLASSIFIER, REGRESSOR = DropoutMLPClassifier, DropoutMLPRegressor
BAD_PARAMETERS = [
    ({"dropout_rate": 1.0}, ["dropout_rate", "1.0", r"\[0.0, 1.0\)"]),
    ({"dropout_rate": -0.1}, ["dropout_rate", "-0.1"]),
    ({"dropout_rate": float("nan")}, ["dropout_rate", "nan"]),
    ({"dropout_rate": "half"}, ["dropout_rate", "half"]),
    ({"dropout_rate": [0.1, 0.2]}, ["dropout_rate", r"2 entries", "1 hidden layers"]),
    ({"dropout_rate": [1.5]}, ["dropout_rate", "1.5", r"\[0, 1\)"]),
    ({"dropout_rate": [float("nan")]}, ["dropout_rate", "nan", r"\[0, 1\)"]),
    ({"input_dropout_rate": 1.0}, ["input_dropout_rate", "1.0"]),
    ({"batch_norm": "before_activaton"}, ["batch_norm", "Did you mean 'before_activ"]),
    ({"batch_norm": 3}, ["batch_norm", "3", "after_dropout"]),
    ({"activation": "rleu"}, ["activation", "rleu", "logistic", "Did you mean 'relu'"]),
    ({"activation": np.tanh}, ["activation", "leaky_relu"]),
    ({"initializer": "xavier"}, ["initializer", "xavier_uniform", "he_normal"]),
    ({"initializer": "kaiming_unifrom"}, ["initializer", "'kaiming_uniform'"]),
    ({"initializer": 3}, ["initializer", "3"]),
    ({"optimizer": "adamm"}, ["optimizer", "rmsprop", "Did you mean 'adam'"]),
    ({"optimizer": 3}, ["optimizer", "3", "sgd"]),
    ({"learning_rate": "adaptiv"}, ["learning_rate", "Did you mean 'adaptive'"]),
    ({"hidden_layer_sizes": (5, 0)}, ["hidden_layer_sizes", r"\(5, 0\)", "at least 1"]),
    ({"hidden_layer_sizes": (2.5,)}, ["hidden_layer_sizes", "2.5", "integer"]),
    ({"hidden_layer_sizes": -3}, ["hidden_layer_sizes", "-3"]),
    ({"device": "gpu:7"}, ["device", "gpu:7", "'cpu'"]),
    ({"device": "tpu"}, ["device", "tpu", "'cpu'"]),
    ({"early_stopping": True, "validation_fraction": 0.0}, ["validation_fraction=0.0"]),
    ({"early_stopping": True, "validation_fraction": 0.999}, ["validation_fraction"]),
    ({"alpha": -1}, ["alpha", "-1"]),
    ({"learning_rate_init": 0}, ["learning_rate_init", "0"]),
    ({"max_iter": 0}, ["max_iter", "0"]),
    ({"batch_size": 0}, ["batch_size", "0"]),
    ({"callbacks": 3}, ["callbacks", "3"]),
]


def _refuse(key):
    pytest.fail("training has begun")


def assert_refused(est, X, y, words, **fit_params):
    from skdropout.training import stack_run

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(stack_run, "program_for", _refuse)
        with pytest.raises((ValueError, TypeError)) as caught:
            est.fit(X, y, **fit_params)
    for word in words:
        caught.match(word)


@pytest.mark.parametrize("kind", [CLASSIFIER, REGRESSOR])
@pytest.mark.parametrize(("params", "words"), BAD_PARAMETERS)
def test_parameters(iris, kind, params, words):
    assert_refused(kind(**{"hidden_layer_sizes": (5,), **params}), *iris, words)


def test_loss(curve):
    words = ["loss", "squared_eror", "Did you mean 'squared_error'"]
    assert_refused(REGRESSOR(loss="squared_eror"), *curve, words)
    assert_refused(REGRESSOR(loss="poisson"), *curve, ["poisson", "y >= 0"])


def test_callbacks_must_be_keras_callbacks(iris):
    assert_refused(CLASSIFIER(callbacks=[print]), *iris, ["callbacks", "print"])


@pytest.mark.parametrize(
    ("weight", "words"),
    [
        (-1.0, ["[Nn]egative", "sample_weight"]),
        (np.nan, ["NaN"]),
        (np.inf, ["sample_weight|infinity"]),
        (0.0, ["sample_weight|[Ss]ample weights"]),
    ],
)
@pytest.mark.parametrize("kind", [CLASSIFIER, REGRESSOR])
def test_sample_weight(iris, kind, weight, words):
    weights = np.zeros(150) if weight == 0 else np.ones(150)
    weights[3] = weight
    assert_refused(kind(), *iris, words, sample_weight=weights)


@pytest.mark.parametrize(
    ("weights", "words"),
    [
        ({0: 1.0, 7: 2.0}, ["class_weight", "7", r"\[0, 1, 2\]"]),
        ({0: -1.0}, ["class_weight", "-1.0"]),
        ({0: 0.0, 1: 0.0, 2: 0.0}, ["class_weight"]),
        ("balance", ["class_weight", "balance"]),
    ],
)
def test_class_weight(iris, weights, words):
    assert_refused(CLASSIFIER(class_weight=weights), *iris, words)


@pytest.mark.parametrize("kind", [CLASSIFIER, REGRESSOR])
@pytest.mark.parametrize("value", [np.nan, np.inf, 1e39])
def test_values_of_X_and_y(iris, kind, value):
    X, y = iris[0].copy(), iris[1].astype(float)
    X[5, 2] = value
    assert_refused(kind(), X, y, ["X contains"])
    if kind is REGRESSOR:
        y[5] = value
        assert_refused(kind(normalize_y=False), iris[0], y, ["y contains"])


@pytest.mark.parametrize("kind", [CLASSIFIER, REGRESSOR])
def test_validation_data(iris, kind):
    X, y = iris
    assert_refused(kind(), X, y, ["X_val was given without y_val"], X_val=X)
    assert_refused(kind(), X, y, ["y_val was given without X_val"], y_val=y)
    assert_refused(kind(), X, y, ["features"], X_val=X[:, :2], y_val=y)
    assert_refused(
        kind(), X, y, ["X_val has 150 rows and y_val has 9"], X_val=X, y_val=y[:9]
    )
    assert_refused(kind(), X, y, ["NaN"], X_val=X * np.nan, y_val=y)
    assert_refused(kind(), X, y, ["y_val"], X_val=X, y_val=np.c_[y, y])


def test_validation_classes(iris):
    X, y = iris
    assert_refused(CLASSIFIER(), X, y, ["y_val", r"\[3\]"], X_val=X, y_val=y + 1)


def test_targets_that_do_not_fit(iris):
    X, y = iris
    assert_refused(CLASSIFIER(), X, X[:, 0], ["continuous"])
    assert_refused(CLASSIFIER(), X, np.c_[y, y], ["MultiOutputClassifier"])


def test_partial_fit(iris):
    X, y = iris
    with pytest.raises(ValueError, match="classes must be passed"):
        CLASSIFIER().partial_fit(X, y)
    est = CLASSIFIER((5,)).partial_fit(X[y < 2], y[y < 2], classes=[0, 1])
    with pytest.raises(ValueError, match="classes not in"):
        est.partial_fit(X, y)
    with pytest.raises(ValueError, match="not the same as on last call"):
        est.partial_fit(X, y, classes=[0, 1, 2])
    with pytest.raises(ValueError, match="features"):
        est.partial_fit(X[:, :2], np.zeros(150, int))
    with pytest.raises(AttributeError, match="partial_fit") as caught:
        CLASSIFIER(early_stopping=True).partial_fit(X, y, classes=[0, 1, 2])
    assert "early_stopping=True" in str(caught.value.__cause__)
    with pytest.raises(ValueError, match="balanced"):
        CLASSIFIER(class_weight="balanced").partial_fit(X, y, classes=[0, 1, 2])


def test_prediction(iris, curve):
    X, y = iris
    with pytest.raises(NotFittedError):
        CLASSIFIER().predict(X)
    with pytest.raises(NotFittedError):
        REGRESSOR().to_keras()
    est = CLASSIFIER((5,)).partial_fit(X, y, classes=[0, 1, 2])
    for method in (est.predict, est.predict_proba, est.predict_log_proba):
        with pytest.raises(ValueError, match="features"):
            method(X[:, :2])
        with pytest.raises(ValueError, match="NaN"):
            method(X * np.nan)


@pytest.mark.filterwarnings("ignore:Stochastic Optimizer")
@pytest.mark.parametrize("loss_scale_factor", [None, 1.0])
def test_divergence(curve, loss_scale_factor):
    # with a scale of the loss by Keras's own fit
    optimizer = keras.optimizers.SGD(1e3, loss_scale_factor=loss_scale_factor)
    est = REGRESSOR((8,), optimizer=optimizer, max_iter=50, batch_size=20)
    with pytest.raises(ValueError, match=r"diverged.*StandardScaler.*learning_rate_init"):
        est.fit(curve[0] * 100, curve[1])


def test_divergence_in_the_last_epoch(curve):
    est = REGRESSOR(
        (8,), optimizer=keras.optimizers.SGD(1e38), batch_size="auto", max_iter=1
    )
    curve = curve[0] * 1e3, curve[1]
    with pytest.raises(ValueError, match="A weight became infinite or NaN in epoch 1"):
        est.fit(*curve)


def test_initializer_of_another_shape(iris):
    est = CLASSIFIER((100,), initializer=lambda shape, dtype: np.zeros(3))
    assert_refused(est, *iris, ["initializer", r"\(3,\)", r"\(4, 100\)"])


def test_warm_start_with_other_layers(iris):
    est = CLASSIFIER((5,), warm_start=True).partial_fit(*iris, classes=[0, 1, 2])
    for change in ({"hidden_layer_sizes": (6,)}, {"batch_norm": True}):
        with pytest.raises(ValueError, match="layers have changed"):
            CLASSIFIER.fit(est.set_params(**change), *iris)
        est.set_params(hidden_layer_sizes=(5,), batch_norm=False)

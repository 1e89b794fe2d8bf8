"""Settings of TensorFlow and Keras that are the user's: fits neither follow nor change
them."""

import contextlib
import logging

import keras
import numpy as np
import pytest
import tensorflow as tf
from sklearn.model_selection import GridSearchCV

from helpers import assert_same_network, run_python
from skdropout import DropoutMLPClassifier, fused_training

pytestmark = pytest.mark.filterwarnings("ignore:Stochastic Optimizer")

SCHEDULE = keras.optimizers.schedules.CosineDecay(0.01, 20, warmup_steps=3)
# What is made in another way each: programs, schedules, stand-ins for callbacks, Keras's
# own fit, initial weights.
FITS = {
    "plain": {"optimizer": "nadam", "batch_norm": True},
    "schedule": {"learning_rate": SCHEDULE, "initializer": "orthogonal"},
    "configured": {"optimizer": keras.optimizers.Adam(SCHEDULE)},
    "callbacks": {"callbacks": keras.callbacks.ReduceLROnPlateau("loss", patience=1)},
    "by Keras": {
        "optimizer": "lamb",
        "batch_norm": True,
        # Before a normalisation its gradient is rounding error.
        "use_bias": False,
        "initializer": "he_normal",
    },
    "early stopping": {"early_stopping": True, "alpha": 0.1},
}


def fit(name, data):
    params = {"max_iter": 3, "batch_size": 50, "random_state": 0, **FITS[name]}
    return DropoutMLPClassifier((6,), **params).fit(*data)


@pytest.fixture
def new_programs(monkeypatch, without_xla):
    """None that was traced under other settings."""
    from skdropout.training import program, stack_run

    monkeypatch.setattr(stack_run, "program_for", program.Program)


@contextlib.contextmanager
def floatx(value):
    # Keras keeps the policy that it is first asked for.
    keras.config.dtype_policy()
    keras.config.set_floatx(value)
    try:
        yield
        assert keras.config.floatx() == value
    finally:
        keras.config.set_floatx("float32")


@contextlib.contextmanager
def policy(value):
    keras.config.set_dtype_policy(value)
    try:
        yield
        assert keras.config.dtype_policy().name == value
    finally:
        keras.config.set_dtype_policy("float32")


@pytest.mark.parametrize("name", FITS)
@pytest.mark.parametrize(
    ("setting", "value"),
    [
        (floatx, "float64"),
        (floatx, "float16"),
        (policy, "mixed_bfloat16"),
    ],
)
def test_training_is_in_float32(iris, new_programs, name, setting, value):
    expected = fit(name, iris)
    with setting(value):
        est = fit(name, iris)
        model = est.to_keras()
    assert_same_network(est, expected)
    assert est.loss_curve_ == expected.loss_curve_
    assert {v.dtype for v in model.weights} == {"float32"}
    np.testing.assert_allclose(
        model.predict(iris[0].astype("float32"), verbose=0),
        est.predict_proba(iris[0]),
        atol=1e-6,
    )


def test_callbacks_see_float32(iris):
    seen = set()

    def look(epoch, logs):
        seen.update(v.dtype for v in look_at.model.weights)
        seen.add(look_at.model.dtype_policy.name)

    look_at = keras.callbacks.LambdaCallback(on_epoch_end=look)
    with policy("mixed_float16"):
        DropoutMLPClassifier((6,), max_iter=1, callbacks=look_at).fit(*iris)
    assert seen == {"float32"}


def test_floatx_of_fits_side_by_side(iris, without_xla):
    est = DropoutMLPClassifier((6,), max_iter=3, batch_size=50, random_state=0)
    search = GridSearchCV(est, {"optimizer": ["adam", "lamb", "adafactor"]}, cv=2)
    expected = search.fit(*iris).best_estimator_
    search.set_params(n_jobs=3)
    with floatx("float16"), fused_training():
        assert_same_network(search.fit(*iris).best_estimator_, expected)


@contextlib.contextmanager
def strategy():
    with tf.distribute.MirroredStrategy(["CPU:0"]).scope():
        yield


@contextlib.contextmanager
def graph():
    with tf.Graph().as_default():
        yield


@contextlib.contextmanager
def functions_run_eagerly():
    tf.config.run_functions_eagerly(True)
    try:
        yield
        assert tf.config.functions_run_eagerly()
    finally:
        tf.config.run_functions_eagerly(False)


@contextlib.contextmanager
def numerics_checked():
    tf.debugging.enable_check_numerics()
    try:
        yield
        with pytest.raises(tf.errors.InvalidArgumentError):
            tf.math.log(tf.constant(-1.0))
    finally:
        tf.debugging.disable_check_numerics()


# TensorFlow says so at each of Keras's own fits.
@pytest.mark.filterwarnings("ignore:Even though the `tf.config.experimental_run_funct")
@pytest.mark.parametrize("name", ["plain", "callbacks", "by Keras"])
@pytest.mark.parametrize("scope", [strategy, graph, functions_run_eagerly])
def test_scopes(iris, new_programs, name, scope):
    expected = fit(name, iris)
    expected.partial_fit(*iris)
    with scope():
        est = fit(name, iris).partial_fit(*iris)
    # Keras's own fit rounds in another way where it is not compiled.
    assert_same_network(est, expected, rtol=1e-4, atol=1e-6)


def test_strategy_around_a_fused_search(iris, without_xla):
    search = GridSearchCV(
        DropoutMLPClassifier((6,), max_iter=3, random_state=0),
        {"callbacks": [None, [keras.callbacks.EarlyStopping("loss")]]},
        cv=2,
    )
    expected = search.fit(*iris).best_estimator_
    with strategy(), fused_training():
        assert_same_network(search.fit(*iris).best_estimator_, expected)


def test_optimizer_made_within_a_strategy(iris):
    params = {"max_iter": 2, "random_state": 0}
    with strategy():
        optimizer = keras.optimizers.Adam(0.01)
        est = DropoutMLPClassifier((6,), optimizer=optimizer, **params).fit(*iris)
    optimizer = keras.optimizers.Adam(0.01)
    expected = DropoutMLPClassifier((6,), optimizer=optimizer, **params).fit(*iris)
    assert_same_network(est, expected)


def test_without_eager_execution():
    """Which can be disabled only before anything has run."""
    code = """
        import keras, warnings
        import tensorflow as tf
        tf.compat.v1.disable_eager_execution()
        from sklearn.datasets import load_iris
        from skdropout import DropoutMLPClassifier, fused_training
        warnings.simplefilter("ignore")
        X, y = load_iris(return_X_y=True)
        for params in (
            {},
            {"optimizer": "lamb"},
            {"callbacks": keras.callbacks.EarlyStopping("loss")},
        ):
            mlp = DropoutMLPClassifier(max_iter=3, random_state=0, **params)
            print(mlp.fit(X, y).loss_ < 2, tf.executing_eagerly())
    """
    result = run_python(code, env={"SKDROPOUT_XLA": "0"})
    assert result.stdout == "True False\n" * 3


@pytest.mark.parametrize("name", ["plain", "callbacks", "by Keras"])
def test_numerics_checked(iris, monkeypatch, name):
    """XLA cannot compile the checks."""
    from skdropout.training import program, stack_run

    monkeypatch.setattr(stack_run, "program_for", program.Program)
    expected = fit(name, iris)
    with numerics_checked():
        assert_same_network(fit(name, iris), expected, rtol=1e-4, atol=1e-6)


def test_retracing_is_not_spoken_of(iris, caplog):
    """In a search each network has functions of its own."""

    class Predictor(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            self.model.predict(iris[0], verbose=0)

    with caplog.at_level(logging.WARNING, "tensorflow"):
        for params in ({"optimizer": "lamb"}, {"callbacks": [Predictor()]}):
            est = DropoutMLPClassifier((6,), max_iter=1, **params)
            GridSearchCV(est, {"alpha": [0.0, 1e-4, 1e-3]}, cv=3).fit(*iris)
        assert not caplog.records
        # Of the user's own functions it is.
        for _ in range(12):
            tf.function(lambda: tf.constant(0.0))()
    assert caplog.records

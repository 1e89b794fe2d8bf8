"""``learning_rate="cosine"`` against Keras's CosineDecay, and when it ends training."""

import warnings

import joblib
import keras
import numpy as np
import pytest

from helpers import BatchHook, trained_sizes
from skdropout import DropoutMLPClassifier, fused_training
from test_against_keras import (
    EPOCHS,
    OPTIMIZERS,
    UNSTACKABLE,
    assert_same_weights,
    estimator,
    fit_both,
    keras_model,
)

STEPS_PER_EPOCH = 10  # iris in batches of 16
INITIAL = 0.02


def cosine(epochs):
    """Keras's schedule over some epochs, as a rate for each epoch's first step."""
    schedule = keras.optimizers.schedules.CosineDecay(INITIAL, epochs * STEPS_PER_EPOCH)
    return [float(schedule(epoch * STEPS_PER_EPOCH)) for epoch in range(epochs)]


def classifier(**params):
    params = {"batch_size": 16, "random_state": 0, **params}
    return DropoutMLPClassifier(
        (8,), learning_rate="cosine", learning_rate_init=INITIAL, **params
    )


def rates_of(est):
    return est.history_["learning_rate"]


BOTH_TRAINERS = pytest.mark.parametrize("others", [[], [BatchHook()]])


@pytest.mark.parametrize(
    "name", ["SGD with momentum", "Adam", "Adagrad", "Lamb", "Adam with clipvalue"]
)
def test_as_keras_trains(iris, name):
    X, y = iris[0].astype(np.float32), iris[1]
    make = {**OPTIMIZERS, **UNSTACKABLE}[name]
    config = make().get_config()
    initial = config["learning_rate"]
    schedule = keras.optimizers.schedules.CosineDecay(initial, EPOCHS * STEPS_PER_EPOCH)
    theirs = type(make()).from_config({**config, "learning_rate": schedule})
    est = estimator(DropoutMLPClassifier, make(), learning_rate="cosine")
    model = keras_model(4, 3, "softmax", False)
    fit_both(est, model, X, y, theirs, "sparse_categorical_crossentropy")
    assert_same_weights(est, model)
    expected = [float(schedule(epoch * STEPS_PER_EPOCH)) for epoch in range(EPOCHS)]
    np.testing.assert_allclose(rates_of(est), expected, rtol=1e-5)


@BOTH_TRAINERS
def test_training_reaches_the_last_epoch(iris, others):
    est = classifier(tol=10.0, n_iter_no_change=1, max_iter=4, callbacks=others)
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # it has done what it was to do
        est.fit(*iris)
    assert est.n_iter_ == 4
    np.testing.assert_allclose(rates_of(est), cosine(4), rtol=1e-5)


@BOTH_TRAINERS
def test_early_stopping_ends_it(iris, others):
    est = classifier(
        early_stopping=True, tol=10.0, n_iter_no_change=1, max_iter=9, callbacks=others
    )
    assert est.fit(*iris).n_iter_ < 9


def test_each_fit_has_a_schedule_of_its_own(iris):
    est = classifier(warm_start=True, max_iter=3).fit(*iris)
    est.set_params(max_iter=2).fit(*iris)
    np.testing.assert_allclose(rates_of(est), [*cosine(3), *cosine(2)], rtol=1e-5)


def test_partial_fit_is_constant(iris):
    est = classifier()
    for _ in range(2):
        est.partial_fit(*iris, classes=[0, 1, 2])
    assert rates_of(est) == [INITIAL, INITIAL]


@BOTH_TRAINERS
@pytest.mark.filterwarnings("ignore:Stochastic Optimizer")
def test_a_rate_that_a_callback_sets_stays(iris, others):
    set_once = keras.callbacks.LearningRateScheduler(
        lambda epoch, rate: 0.5 if epoch == 1 else rate
    )
    est = classifier(callbacks=[set_once, *others], max_iter=4).fit(*iris)
    np.testing.assert_allclose(rates_of(est), [INITIAL, 0.5, 0.5, 0.5], rtol=1e-6)


def test_lengths_differ_in_one_stack(iris, capfd, without_xla):
    lengths = [2, 4]
    with fused_training(progress=True):
        fits = [joblib.delayed(classifier(max_iter=n).fit)(*iris) for n in lengths]
        fused = joblib.Parallel()(fits)
    assert trained_sizes(capfd) == [2]
    for est, n in zip(fused, lengths, strict=True):
        np.testing.assert_allclose(rates_of(est), cosine(n), rtol=1e-5)


def test_a_schedule_of_the_optimizer_goes_before(iris):
    schedule = keras.optimizers.schedules.ExponentialDecay(0.1, STEPS_PER_EPOCH, 0.5)
    est = classifier(optimizer=keras.optimizers.SGD(schedule), tol=10.0, max_iter=15)
    est.set_params(n_iter_no_change=1).fit(*iris)
    np.testing.assert_allclose(rates_of(est)[:2], [0.1, 0.05], rtol=1e-5)
    assert est.n_iter_ < 15  # its end is not known

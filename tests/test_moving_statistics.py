"""The moving statistics of batch normalisation: averages of batches, without a start."""

import pickle

import keras
import numpy as np
import pytest
from joblib import Parallel, delayed
from sklearn.base import is_classifier
from sklearn.metrics import log_loss

from helpers import trained_sizes
from skdropout import DropoutMLPClassifier, DropoutMLPRegressor, fused_training
from skdropout.training import stack_run
from skdropout.training.moving_statistics import batch_share

pytestmark = pytest.mark.filterwarnings("ignore:Stochastic Optimizer")

BATCH = 16
# A scale of the loss of one sends the same network through Keras's own fit.
TRAINERS = {
    "compiled": lambda: keras.optimizers.Adam(0.01),
    "Keras's own": lambda: keras.optimizers.Adam(0.01, loss_scale_factor=1.0),
}
by_each_trainer = pytest.mark.parametrize("trainer", TRAINERS)


class Averages:
    """Keras's moving averages from 0 and 1, with that start divided out at the end."""

    def __init__(self):
        self.mean, self.variance, self.n_steps = 0.0, 1.0, 0

    def see(self, X, n_epochs=1):
        """Take in the rows in their order; returns itself."""
        for _ in range(n_epochs):
            for start in range(0, len(X), BATCH):
                batch = X[start : start + BATCH].astype(np.float64)
                self.mean = 0.99 * self.mean + 0.01 * batch.mean(axis=0)
                self.variance = 0.99 * self.variance + 0.01 * batch.var(axis=0)
                self.n_steps += 1
        return self

    @property
    def without_start(self):
        of_start = 0.99**self.n_steps
        return (
            self.mean / (1 - of_start),
            (self.variance - of_start) / (1 - of_start),
        )

    def replace(self, mean, variance):
        """Go on from other averages, as they are shown."""
        of_start = 0.99**self.n_steps
        self.mean = mean * (1 - of_start)
        self.variance = variance * (1 - of_start) + of_start


def assert_averages(est, averages):
    """Of the normalisation of the inputs, which training does not change."""
    _, _, mean, variance = est.to_keras().layers[0].get_weights()
    expected_mean, expected_variance = averages.without_start
    np.testing.assert_allclose(mean, expected_mean, rtol=1e-5)
    np.testing.assert_allclose(variance, expected_variance, rtol=1e-4, atol=1e-9)
    assert (variance >= 0).all()


@pytest.fixture(scope="module")
def drifting():
    """Rows whose mean and spread drift, so that batches differ; a constant column."""
    rng = np.random.default_rng(0)
    level = np.linspace(0, 1, 90)[:, None]
    X = rng.normal(size=(90, 4)) * (0.01 + level) + 100 * level + [0, 1, -5, 50]
    X[:, 2] = -0.1
    return X.astype(np.float32), (np.arange(90) % 3 == 0).astype(int)


def network(trainer="compiled", kind=DropoutMLPClassifier, **params):
    return kind(
        (8,),
        **{
            "input_batch_norm": True,
            "optimizer": TRAINERS[trainer](),
            "batch_size": BATCH,
            "shuffle": False,
            "max_iter": 3,
            "random_state": 0,
            **params,
        },
    )


def test_share_of_a_batch_divides_the_start_out():
    batches = np.random.default_rng(0).uniform(1, 3, 2000)
    mean, variance, running = 0.0, 1.0, 5.0
    for step, batch in enumerate(batches, start=1):
        mean = 0.99 * mean + 0.01 * batch
        variance = 0.99 * variance + 0.01 * batch
        share = batch_share(np.float64(step))
        running = running * (1 - share) + batch * share
        of_start = 0.99**step
        np.testing.assert_allclose(running, mean / (1 - of_start))
        np.testing.assert_allclose(running, (variance - of_start) / (1 - of_start))
    np.testing.assert_allclose(running, mean)  # in the long run Keras's own
    assert batch_share(np.float64(1)) == 1.0


@by_each_trainer
def test_one_batch_an_epoch(trainer, drifting):
    X, y = drifting
    est = network(trainer, batch_size=90, shuffle=True).fit(X, y)
    _, _, mean, variance = est.to_keras().layers[0].get_weights()
    np.testing.assert_allclose(mean, X.mean(axis=0), rtol=1e-5)
    np.testing.assert_allclose(variance, X.var(axis=0), rtol=1e-4, atol=1e-9)


def fit_once(est, X, y):
    est.fit(X, y)


def fit_partially(est, X, y):
    given = {"classes": [0, 1]} if is_classifier(est) else {}
    for _ in range(3):
        est.partial_fit(X, y, **given)


def fit_warmly(est, X, y):
    est.set_params(warm_start=True, max_iter=1)
    for _ in range(3):
        est.fit(X, y)


@by_each_trainer
@pytest.mark.parametrize("fit", [fit_once, fit_partially, fit_warmly])
@pytest.mark.parametrize("kind", [DropoutMLPClassifier, DropoutMLPRegressor])
def test_averages_of_the_batches(trainer, fit, kind, drifting):
    X, y = drifting
    est = network(trainer, kind)
    fit(est, X, y)
    assert_averages(est, Averages().see(X, 3))
    assert np.isfinite(est.predict(X)).all()


@by_each_trainer
@pytest.mark.parametrize("fit", [fit_partially, fit_warmly])
def test_shuffled_epochs_one_by_one(trainer, fit, drifting):
    at_once = network(trainer, shuffle=True).fit(*drifting)
    est = network(trainer, shuffle=True)
    fit(est, *drifting)
    for a, b in zip(
        est.to_keras().layers[0].get_weights()[2:],
        at_once.to_keras().layers[0].get_weights()[2:],
        strict=True,
    ):
        np.testing.assert_allclose(a, b, rtol=1e-6)


@by_each_trainer
def test_training_goes_on_with_other_rows(trainer, drifting):
    X, y = drifting
    est, averages = network(trainer, warm_start=True), Averages()
    for n_rows in (40, 90, 17):
        est.partial_fit(X[:n_rows], y[:n_rows], classes=[0, 1])
        averages.see(X[:n_rows])
        est = pickle.loads(pickle.dumps(est))
        assert_averages(est, averages)
    est.fit(X, y)
    assert_averages(est, averages.see(X, 3))
    est.set_params(warm_start=False).fit(X, y)
    assert_averages(est, Averages().see(X, 3))


def test_networks_of_a_stack_that_have_seen_unequally_many_steps(drifting, stacks):
    X, y = drifting
    histories = [(90,), (20,), (50,), ()]
    estimators, expected = [], []
    for n_rows in histories:
        est, averages = network(warm_start=True, max_iter=1), Averages()
        for n in n_rows:
            est.fit(X[:n], y[:n])
            averages.see(X[:n])
        estimators.append(est.set_params(max_iter=2))
        expected.append(averages.see(X, 2))
    with fused_training():
        fitted = Parallel()(delayed(est.fit)(X, y) for est in estimators)
    assert sorted(trained_sizes(stacks)) == [1, 3]
    for est, averages in zip(fitted, expected, strict=True):
        assert_averages(est, averages)


def test_networks_that_leave_a_stack(drifting, monkeypatch, without_xla):
    monkeypatch.setattr(stack_run, "WORTH_COMPILING", 0.0)
    estimators = [
        network(max_iter=n, shuffle=True, batch_norm=True) for n in (1, 2, 9, 3)
    ]
    alone = [est.fit(*drifting).to_keras().get_weights() for est in estimators]
    with fused_training():
        fused = Parallel()(delayed(est.fit)(*drifting) for est in estimators)
    for est, expected in zip(fused, alone, strict=True):
        for a, b in zip(est.to_keras().get_weights(), expected, strict=True):
            np.testing.assert_array_equal(a, b)


@by_each_trainer
def test_early_stopping_keeps_those_of_the_best_epoch(trainer, drifting):
    X, y = drifting
    params = {"early_stopping": True, "scoring": None, "n_iter_no_change": 5}
    est = network(trainer, max_iter=30, learning_rate="constant", **params)
    est.fit(X, y, X_val=X, y_val=1 - y)  # learning makes it worse
    best = int(np.argmax(est.validation_scores_)) + 1
    assert best < est.n_iter_
    averages = Averages().see(X, best)
    assert_averages(est, averages)
    assert est.score(X, 1 - y) == est.best_validation_score_
    # Equal epochs leave the averages as they are, whatever the count of steps.
    est.set_params(early_stopping=False, warm_start=True, max_iter=1)
    assert_averages(est.fit(X[:40], y[:40]), averages.see(X[:40]))


class Recorder(keras.callbacks.Callback):
    """Keeps the weights that it is shown."""

    def __init__(self):
        super().__init__()
        self.at_begin, self.at_end = [], []

    def on_epoch_begin(self, epoch, logs=None):
        self.at_begin.append(self.model.get_weights())

    def on_epoch_end(self, epoch, logs=None):
        self.at_end.append(self.model.get_weights())


class BatchRecorder(Recorder):
    """Keeps those after each batch, too."""

    def __init__(self):
        super().__init__()
        self.after_batch = []

    def on_train_batch_end(self, batch, logs=None):
        self.after_batch.append(self.model.get_weights())


@by_each_trainer
def test_callbacks_see_what_is_fitted(trainer, drifting):
    X, y = drifting
    recorder = Recorder()
    params = {"batch_norm": True, "dropout_rate": 0.0}
    est = network(trainer, callbacks=[recorder], **params).fit(X, y)
    for n_epochs, weights in enumerate(recorder.at_end, start=1):
        until_then = network(trainer, max_iter=n_epochs, **params).fit(X, y)
        expected = until_then.to_keras().get_weights()
        for a, b in zip(weights, expected, strict=True):
            np.testing.assert_array_equal(a, b)
    for before, after in zip(recorder.at_end, recorder.at_begin[1:], strict=False):
        for a, b in zip(before, after, strict=True):
            np.testing.assert_array_equal(a, b)
    for a, b in zip(recorder.at_end[-1], est.to_keras().get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    is_start = [float(values.mean()) for values in recorder.at_begin[0][2:4]]
    assert is_start == [0.0, 1.0]  # no step has been taken


def test_callbacks_see_those_of_each_batch(drifting):
    X, y = drifting
    recorder = BatchRecorder()
    network(callbacks=[recorder], max_iter=1).fit(X, y)
    assert len(recorder.after_batch) == 6
    for n_steps, weights in enumerate(recorder.after_batch, start=1):
        mean, _ = Averages().see(X[: n_steps * BATCH]).without_start
        np.testing.assert_allclose(weights[2], mean, rtol=1e-5)


class Setter(keras.callbacks.Callback):
    """Sets the statistics of the inputs after the second epoch."""

    def on_epoch_end(self, epoch, logs=None):
        if epoch == 1:
            gamma, beta, mean, variance = self.model.layers[0].get_weights()
            values = [gamma, beta, mean + 7, variance * 2]
            self.model.layers[0].set_weights(values)


@by_each_trainer
@pytest.mark.parametrize("n_epochs", [2, 3])
def test_callbacks_set_them(trainer, n_epochs, drifting):
    X, y = drifting
    est = network(trainer, callbacks=[Setter()], max_iter=n_epochs).fit(X, y)
    averages = Averages().see(X, 2)
    mean, variance = averages.without_start
    averages.replace(mean + 7, variance * 2)
    assert_averages(est, averages.see(X, n_epochs - 2))


@by_each_trainer
def test_validation_uses_them(trainer, drifting):
    X, y = drifting
    shown = []

    class Measure(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            p = self.model.predict(X, verbose=0)[:, 0]
            shown.append(log_loss(y, p))

    est = network(trainer, batch_norm=True, callbacks=[Measure()])
    est.fit(X, y, X_val=X, y_val=y)
    np.testing.assert_allclose(est.history_["val_loss"], shown, rtol=1e-4)


def test_fused_equals_alone(iris, without_xla):
    estimators = [
        DropoutMLPClassifier(
            (8,),
            dropout_rate=rate,
            batch_norm=True,
            input_batch_norm=True,
            early_stopping=True,
            max_iter=8,
            random_state=0,
        )
        for rate in (0.0, 0.2, 0.5)
    ]
    alone = [est.fit(*iris).to_keras().get_weights() for est in estimators]
    with fused_training():
        fused = Parallel()(delayed(est.fit)(*iris) for est in estimators)
    for est, expected in zip(fused, alone, strict=True):
        for a, b in zip(est.to_keras().get_weights(), expected, strict=True):
            np.testing.assert_array_equal(a, b)

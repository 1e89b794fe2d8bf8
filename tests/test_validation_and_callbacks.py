"""Validation sets, early stopping, Keras callbacks, interrupts."""

import keras
import numpy as np
import pytest
from sklearn.base import clone
from sklearn.metrics import accuracy_score, log_loss, r2_score
from sklearn.model_selection import train_test_split

from skdropout import DropoutMLPClassifier, DropoutMLPRegressor

pytestmark = pytest.mark.filterwarnings("ignore:Stochastic Optimizer")


def classifier(**params):
    defaults = {"learning_rate": "constant", "learning_rate_init": 0.001}
    defaults |= {"batch_size": "auto", "early_stopping": False, "scoring": None}
    defaults |= {"random_state": 0, "max_iter": 5}
    return DropoutMLPClassifier((16,), **defaults | params)


def test_validation_figures(iris):
    X, Xv, y, yv = train_test_split(*iris, random_state=0)
    est = classifier(batch_norm=True).fit(X, y, X_val=Xv, y_val=yv)
    assert set(est.history_) == {"loss", "learning_rate", "val_loss", "val_accuracy"}
    assert {len(values) for values in est.history_.values()} == {5}
    # The last epoch's network is the fitted one.
    p = est.predict_proba(Xv)
    np.testing.assert_allclose(est.history_["val_loss"][-1], log_loss(yv, p), rtol=1e-5)
    assert est.history_["val_accuracy"][-1] == accuracy_score(yv, est.predict(Xv))
    assert est.validation_scores_ is None
    unwatched = classifier(batch_norm=True).fit(X, y)
    np.testing.assert_array_equal(unwatched.predict_proba(Xv), p)
    assert set(unwatched.history_) == {"loss", "learning_rate"}


def test_validation_figures_of_a_regressor(curve):
    X, Xv, y, yv = train_test_split(*curve, random_state=0)
    est = DropoutMLPRegressor((8,), max_iter=3, random_state=0)
    est.fit(X, y, X_val=Xv, y_val=yv)
    errors = ((est.predict(Xv) - yv) / est.y_scale_) ** 2
    np.testing.assert_allclose(est.history_["val_loss"][-1], errors.mean() / 2, rtol=1e-5)
    np.testing.assert_allclose(
        est.history_["val_r2_score"][-1], r2_score(yv, est.predict(Xv)), rtol=1e-4
    )


def test_early_stopping_keeps_the_best_epoch(digits):
    X, Xv, y, yv = train_test_split(*digits, random_state=0)
    est = classifier(early_stopping=True, max_iter=200, n_iter_no_change=3, batch_size=64)
    est.fit(X, y, X_val=Xv, y_val=yv)
    assert est.n_iter_ == len(est.validation_scores_) < 200
    assert est.best_validation_score_ == max(est.validation_scores_)
    assert est.score(Xv, yv) == est.best_validation_score_
    best = int(np.argmax(est.validation_scores_))
    params = {"early_stopping": False, "max_iter": best + 1}
    until_then = clone(est).set_params(**params).fit(X, y)
    np.testing.assert_array_equal(until_then.coefs_[0], est.coefs_[0])


def test_internal_split_is_stratified():
    # 10 rows each of 10 classes: a stratified tenth has one row of each.
    X = np.repeat(np.eye(10), 10, axis=0)
    y = np.repeat(np.arange(10), 10)
    est = classifier(
        early_stopping=True, max_iter=300, n_iter_no_change=300, dropout_rate=0.0
    ).fit(X, y)
    assert set(np.round(np.array(est.validation_scores_) * 10, 6)) <= set(range(11))
    assert est.best_validation_score_ == 1.0
    # One class with a single row: no stratification, and no error either.
    classifier(early_stopping=True).fit(X[:91], y[:91])


def test_internal_split_leaves_rows_out_of_training(iris):
    X, y = iris
    est = classifier(early_stopping=True, validation_fraction=0.2, max_iter=3).fit(X, y)
    assert est.t_ == 3 * 120


def test_epoch_callbacks_are_called(iris):
    seen = []

    class Recorder(keras.callbacks.Callback):
        def on_train_begin(self, logs=None):
            seen.append("train begin")

        def on_epoch_begin(self, epoch, logs=None):
            seen.append(f"begin {epoch}")

        def on_epoch_end(self, epoch, logs=None):
            seen.append(f"end {epoch}")
            assert set(logs) == {"loss", "learning_rate"}
            assert self.model.predict(iris[0][:3], verbose=0).shape == (3, 3)

        def on_train_end(self, logs=None):
            seen.append("train end")

    est = classifier(callbacks=Recorder(), max_iter=2).fit(*iris)
    assert seen == ["train begin", "begin 0", "end 0", "begin 1", "end 1", "train end"]
    clone(est)  # the callback no longer holds the network
    without = classifier(max_iter=2).fit(*iris)
    np.testing.assert_array_equal(est.coefs_[0], without.coefs_[0])


class BatchCounter(keras.callbacks.Callback):
    """Its hook at every step sends training through Keras's own fit."""

    n_batches = 0

    def on_train_batch_end(self, batch, logs=None):
        self.n_batches += 1


def test_batch_callbacks_are_called(iris):
    counter = BatchCounter()
    classifier(callbacks=[counter], batch_size=16, max_iter=3).fit(*iris)
    assert counter.n_batches == 3 * 10


@pytest.mark.parametrize("others", [[], [BatchCounter()]])
def test_callbacks_that_change_training(iris, others):
    X, Xv, y, yv = train_test_split(*iris, random_state=0)
    stopping = keras.callbacks.EarlyStopping(
        "val_loss", patience=2, restore_best_weights=True
    )
    est = classifier(
        callbacks=[stopping, *others],
        max_iter=50,
        dropout_rate=0.0,
        learning_rate_init=0.3,
        batch_size=16,
    )
    est.fit(X, y, X_val=Xv, y_val=yv)
    assert est.n_iter_ < 50
    best = min(est.history_["val_loss"])
    np.testing.assert_allclose(log_loss(yv, est.predict_proba(Xv)), best, rtol=1e-4)

    plateau = keras.callbacks.ReduceLROnPlateau("loss", patience=1, min_delta=10.0)
    est = classifier(callbacks=[plateau, *others], max_iter=4).fit(X, y)
    np.testing.assert_allclose(
        est.history_["learning_rate"], [1e-3, 1e-3, 1e-4, 1e-5], rtol=1e-5
    )

    scheduler = keras.callbacks.LearningRateScheduler(lambda epoch: 0.1 / (epoch + 1))
    est = classifier(callbacks=[scheduler, *others], max_iter=3).fit(X, y)
    np.testing.assert_allclose(
        est.history_["learning_rate"], [0.1, 0.05, 0.1 / 3], rtol=1e-5
    )


class Interrupter(keras.callbacks.Callback):
    """Presses Ctrl-C in the third epoch."""

    def on_epoch_begin(self, epoch, logs=None):
        if epoch == 2:
            raise KeyboardInterrupt


class LateInterrupter(Interrupter):
    """In the middle of the third epoch."""

    def on_epoch_begin(self, epoch, logs=None):
        self.epoch = epoch

    def on_train_batch_end(self, batch, logs=None):
        if self.epoch == 2 and batch == 3:
            raise KeyboardInterrupt


@pytest.mark.parametrize("callback", [Interrupter, LateInterrupter])
def test_interrupt_leaves_the_last_whole_epoch(iris, callback):
    est = classifier(callbacks=[callback()], batch_size=16)
    with pytest.warns(UserWarning, match="interrupted by user.*after epoch 2"):
        est.fit(*iris)
    assert (est.n_iter_, len(est.loss_curve_)) == (2, 2)
    others = [] if callback is Interrupter else [BatchCounter()]
    until_then = classifier(callbacks=others, batch_size=16, max_iter=2).fit(*iris)
    np.testing.assert_array_equal(est.coefs_[0], until_then.coefs_[0])


def test_interrupt_inside_an_epoch(iris, monkeypatch):
    from skdropout.training.program import Program

    run, calls = Program.run, []

    def interrupted(self, *args, **kwargs):
        calls.append(1)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return run(self, *args, **kwargs)

    monkeypatch.setattr(Program, "run", interrupted)
    # The calls before were of one epoch and of two.
    with pytest.warns(UserWarning, match="after epoch 3"):
        est = classifier().fit(*iris)
    monkeypatch.undo()
    until_then = classifier(max_iter=3).fit(*iris)
    np.testing.assert_array_equal(est.coefs_[0], until_then.coefs_[0])


def test_verbose(iris, capsys):
    est = classifier(verbose=True, early_stopping=True, max_iter=2).fit(*iris)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == f"Iteration 1, loss = {est.loss_curve_[0]:.8f}"
    assert lines[1] == f"Validation score: {est.validation_scores_[0]:f}"
    assert len(lines) == 4

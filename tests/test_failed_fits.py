"""A call that fails leaves the estimator as it was, in every attribute."""

import copy
import threading
import warnings

import joblib
import keras
import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning, NotFittedError

from skdropout import DropoutMLPClassifier, DropoutMLPRegressor, fused_training

pytestmark = pytest.mark.filterwarnings("ignore:Stochastic Optimizer")
BOTH = [DropoutMLPClassifier, DropoutMLPRegressor]


class Failing(keras.callbacks.Callback):
    """Raises an error in one of its methods, in the second epoch if it is called then."""

    def __init__(self, method, error=RuntimeError):
        super().__init__()
        setattr(self, method, self._fail)
        self.error = error
        self.is_late = "epoch" in method

    def _fail(self, *args, **kwargs):
        if not self.is_late or args[0] == 1:
            raise self.error("as asked")


def by(**params):
    """The parameters, and how fit is called."""
    return params, lambda est, X, y: est.fit(X, y + 7)


def diverging(**arguments):
    optimizer = keras.optimizers.SGD(1e30, **arguments)
    return by(optimizer=optimizer, batch_size=10, alpha=1e30)


def fit_with_warnings_as_errors(est, X, y):
    with warnings.catch_warnings():
        warnings.simplefilter("error", ConvergenceWarning)
        est.fit(X, y + 7)


FAILURES = {
    "bad y_val": (
        {},
        lambda est, X, y: est.fit(X[:, :2], y + 7, X_val=X[:, :2], y_val=y * np.nan),
    ),
    "bad weight": ({}, lambda est, X, y: est.fit(X[:, :2], y + 7, sample_weight=-y)),
    "bad optimizer": by(optimizer="adamm"),
    "diverging": diverging(),
    "diverging by Keras": diverging(loss_scale_factor=1.0),
    "callback before": by(callbacks=[Failing("on_train_begin")]),
    "interrupt before": by(callbacks=[Failing("on_train_begin", KeyboardInterrupt)]),
    "callback within": by(callbacks=[Failing("on_epoch_end")]),
    "callback by Keras": by(callbacks=[Failing("on_train_batch_end")]),
    "callback after": by(callbacks=[Failing("on_train_end")]),
    "warning": ({}, fit_with_warnings_as_errors),
}


def assert_unchanged(est, before, contents):
    """Each attribute is the same object, with the contents that it had."""
    assert list(vars(est)) == list(before)
    for name, value in before.items():
        assert vars(est)[name] is value, name
        if name in contents:
            np.testing.assert_equal(value, contents[name], err_msg=name)


def fitted_state(est):
    """A deep copy of all that is no parameter."""
    names = vars(est).keys() - est.get_params().keys()
    return {name: copy.deepcopy(vars(est)[name]) for name in names}


def fail(est, call, X, y):
    before, contents = dict(vars(est)), fitted_state(est)
    with pytest.raises((ValueError, RuntimeError, KeyboardInterrupt, ConvergenceWarning)):
        call(est, X, y)
    assert_unchanged(est, before, contents)


@pytest.mark.parametrize("kind", BOTH)
@pytest.mark.parametrize("failure", FAILURES)
def test_fit(iris, kind, failure):
    X, y = iris
    params, call = FAILURES[failure]
    est = kind((5,), max_iter=2, batch_norm=True, random_state=0)
    fail(est.set_params(**params), call, X, y)
    with pytest.raises(NotFittedError):
        est.predict(X)

    est = kind((5,), max_iter=2, batch_norm=True, random_state=0).fit(X, y)
    predicted = est.predict(X)
    for warm_start in (False, True):
        fail(est.set_params(**params, warm_start=warm_start), call, X, y)
    np.testing.assert_array_equal(est.predict(X), predicted)


@pytest.mark.parametrize("kind", BOTH)
@pytest.mark.parametrize("failure", ["diverging", "callback after", "callback by Keras"])
def test_partial_fit(iris, kind, failure):
    X, y = iris
    params, _ = FAILURES[failure]
    est = kind((5,), random_state=0).set_params(**params)
    classes = {"classes": [0, 1, 2]} if kind is DropoutMLPClassifier else {}
    fail(est, lambda est, X, y: est.partial_fit(X * 1e3, y, **classes), X, y)

    est = kind((5,), random_state=0).partial_fit(X, y, **classes).partial_fit(X, y)
    twin = copy.deepcopy(est)
    fail(est, lambda est, X, y: est.partial_fit(X[:, :2], y), X, y)
    usual = {name: est.get_params()[name] for name in params}
    est.set_params(**params)
    fail(est, lambda est, X, y: est.partial_fit(X * 1e3, y), X, y)
    # It goes on as if nothing had been.
    est.set_params(**usual).partial_fit(X, y)
    twin.partial_fit(X, y)
    np.testing.assert_array_equal(est.coefs_[0], twin.coefs_[0])
    assert est.loss_curve_ == twin.loss_curve_
    assert len(est.loss_curve_) == 3


@pytest.mark.usefixtures("time_limit")
def test_cancelled_fits(iris):
    X, y = iris
    est = DropoutMLPClassifier((5,), max_iter=2, random_state=0).fit(X, y)
    before, contents = dict(vars(est)), fitted_state(est)
    is_waiting, has_ended = threading.Event(), threading.Event()

    def fit():
        is_waiting.set()
        try:
            # So many rows that training has not ended when it is cancelled.
            est.fit(np.tile(X[:, :2], (2_000, 1)), np.tile(y + 7, 2_000))
        finally:
            has_ended.set()

    def spoil():
        is_waiting.wait()
        raise RuntimeError("as asked")

    with fused_training(), pytest.raises(RuntimeError, match="as asked"):
        joblib.Parallel()(joblib.delayed(task)() for task in (fit, spoil))
    assert has_ended.wait(60)
    assert_unchanged(est, before, contents)

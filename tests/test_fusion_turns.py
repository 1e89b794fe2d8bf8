"""Filters of warnings, records of them, and streams, which a process has but one of."""

import contextlib
import contextvars
import io
import sys
import warnings

import joblib
import keras
import numpy as np
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import GridSearchCV

from helpers import trained_sizes
from skdropout import DropoutMLPClassifier, fused_training

pytestmark = pytest.mark.usefixtures("time_limit", "without_xla")

RATES = [0.0, 0.1, 0.2, 0.3]


def network(rate=0.0, **params):
    return DropoutMLPClassifier(
        (8,), dropout_rate=rate, max_iter=3, random_state=0, **params
    )


def of_process():
    return (
        warnings.filters,
        list(warnings.filters),
        warnings.showwarning,
        warnings._showwarnmsg_impl,
        sys.stdout,
        sys.stderr,
    )


@pytest.fixture(autouse=True)
def unchanged():
    """Everything is what it was, the same objects."""
    before = of_process()
    yield
    for now, then in zip(of_process()[::2], before[::2], strict=True):
        assert now is then
    assert of_process() == before


def in_tasks(function, n_jobs=None, rates=RATES):
    with fused_training():
        return joblib.Parallel(n_jobs=n_jobs)(
            joblib.delayed(function)(rate) for rate in rates
        )


class Quiet(ClassifierMixin, BaseEstimator):
    """Says nothing while it fits, and keeps what was said."""

    def __init__(self, rate=0.0, fails=False):
        self.rate = rate
        self.fails = fails

    def fit(self, X, y):
        self.out_, self.err_ = io.StringIO(), io.StringIO()
        with (
            warnings.catch_warnings(record=True) as self.log_,
            contextlib.redirect_stdout(self.out_),
            contextlib.redirect_stderr(self.err_),
        ):
            warnings.simplefilter("always")
            print(f"rate {self.rate}")
            print(f"rate {self.rate}", file=sys.stderr)
            self.mlp_ = network(self.rate, verbose=True).fit(X, y)
            print(f"again rate {self.rate}")
            warnings.warn(f"rate {self.rate}", stacklevel=1)
            if self.fails and self.rate:
                raise ArithmeticError("as asked")
        self.log_ = [str(w.message) for w in self.log_]
        self.classes_ = self.mlp_.classes_
        return self

    def predict(self, X):
        return self.mlp_.predict(X)


def as_kept(est):
    return est.out_.getvalue(), est.err_.getvalue(), est.log_


def test_each_task_keeps_what_it_says(iris, stacks):
    """Also what is printed while its network is trained, by the thread of another."""

    def fit(rate):
        return as_kept(Quiet(rate).fit(*iris))

    alone = [fit(rate) for rate in RATES]
    assert len({out for out, *_ in alone}) == len(RATES)
    with fused_training():
        fused = joblib.Parallel()(joblib.delayed(fit)(rate) for rate in RATES)
    assert fused == alone
    assert trained_sizes(stacks) == [len(RATES)]


@pytest.mark.filterwarnings("ignore")  # two at a time may take each other's filters
@pytest.mark.parametrize("n_jobs", [None, 2])
@pytest.mark.parametrize("refit", [True, False])
def test_search(n_jobs, refit, iris):
    with fused_training():
        search = GridSearchCV(Quiet(), {"rate": RATES}, cv=3, n_jobs=n_jobs, refit=refit)
        search.fit(*iris)
    assert not np.isnan(search.cv_results_["mean_test_score"]).any()


@pytest.mark.parametrize("n_jobs", [None, 2])
def test_search_that_raises(n_jobs, iris):
    """Within filters of its own, which end with it."""
    search = GridSearchCV(Quiet(fails=True), {"rate": RATES}, cv=3, n_jobs=n_jobs)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with fused_training(), pytest.raises(ArithmeticError, match="as asked"):
            search.set_params(error_score="raise").fit(*iris)


def test_filters_of_a_task_are_not_those_of_others(iris):
    def fit(rate):
        if rate != RATES[1]:
            return network(rate).fit(*iris)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return network(rate).fit(*iris)

    with warnings.catch_warnings(record=True) as log:
        warnings.simplefilter("always")
        in_tasks(fit)
    assert [w.category for w in log] == [ConvergenceWarning] * (len(RATES) - 1)


@pytest.mark.filterwarnings("ignore:.*Maximum iterations")
def test_callbacks_print_where_their_task_does(iris):
    class Speaker(keras.callbacks.Callback):
        def __init__(self, name):
            self.name = name

        def on_epoch_end(self, epoch, logs=None):
            print(self.name)

        def on_train_end(self, logs=None):
            warnings.warn(self.name, stacklevel=1)

    def fit(rate):
        out = io.StringIO()
        with (
            contextlib.redirect_stdout(out),
            pytest.warns(UserWarning, match=f"rate {rate}"),
        ):
            network(rate, callbacks=[Speaker(f"rate {rate}")]).fit(*iris)
        return out.getvalue()

    assert in_tasks(fit) == [f"rate {rate}\n" * 3 for rate in RATES]


@pytest.mark.filterwarnings("ignore:.*Maximum iterations")
def test_nested_parallel_code_says_what_it_says_to_its_caller(iris):
    """Where there is one caller: the calls of several run at the same time."""

    def speak(text):
        print(text)
        with contextlib.redirect_stdout(None):
            network().fit(*iris)
        print(text)

    def call(rate):
        out = io.StringIO()
        with contextlib.redirect_stdout(out):
            joblib.Parallel()(joblib.delayed(speak)(f"rate {rate}") for _ in range(3))
            print("end")
        return out.getvalue()

    assert in_tasks(call, rates=[0.1]) == ["rate 0.1\n" * 6 + "end\n"]
    in_tasks(call)


number = contextvars.ContextVar("number", default=0)


@pytest.mark.filterwarnings("ignore:.*Maximum iterations")
def test_context_of_the_caller(iris):
    """As in a call without threads, but that no task changes it for others."""

    class Reader(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            seen.append((number.get(), np.geterr()["over"]))

    def fit(rate):
        assert (number.get(), np.geterr()["over"]) == (7, "raise")
        number.set(int(rate * 10))
        network(rate, callbacks=[Reader()]).fit(*iris)
        return number.get()

    seen = []
    token = number.set(7)
    with np.errstate(over="raise"):
        assert in_tasks(fit) == [int(rate * 10) for rate in RATES]
    assert number.get() == 7
    number.reset(token)
    assert sorted(seen) == sorted((int(rate * 10), "raise") for rate in RATES * 3)

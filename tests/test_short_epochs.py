"""Several short epochs in one call of the program come to what one at a time comes to."""

import joblib
import numpy as np
import pytest
from sklearn.base import clone

from helpers import assert_same_network
from skdropout import DropoutMLPClassifier, DropoutMLPRegressor, fused_training
from skdropout.training import batches
from skdropout.training.program import Program

pytestmark = [
    pytest.mark.filterwarnings("ignore:.*Maximum iterations"),
    pytest.mark.usefixtures("time_limit", "without_xla"),
]


@pytest.fixture
def n_calls(monkeypatch):
    """Counts calls of programs."""
    counts, run = [0], Program.run

    def counted(program, *args, **kwargs):
        counts[0] += 1
        return run(program, *args, **kwargs)

    monkeypatch.setattr(Program, "run", counted)
    return counts


@pytest.fixture
def one_epoch_a_call(monkeypatch):
    """Call the function to have programs take no epochs ahead."""
    return lambda: monkeypatch.setattr(batches, "_EASY_BYTES", 0)


def assert_same(one, other):
    assert_same_network(one, other)
    assert one.n_iter_ == other.n_iter_
    assert one.t_ == other.t_
    assert one.loss_curve_ == other.loss_curve_
    assert one.history_ == other.history_
    for a, b in zip(one._batch_norms, other._batch_norms, strict=True):
        for name in a:
            np.testing.assert_array_equal(a[name], b[name])


PARAMS = {
    "stops": {"tol": 1e-2, "n_iter_no_change": 3, "max_iter": 100},
    "adaptive": {
        "optimizer": "sgd",
        "learning_rate": "adaptive",
        "learning_rate_init": 0.1,
        "tol": 1e-2,
        "n_iter_no_change": 2,
        "max_iter": 60,
    },
    "invscaling": {"optimizer": "sgd", "learning_rate": "invscaling", "max_iter": 20},
    "batch norm": {"batch_norm": True, "max_iter": 23},
    "whole batch": {"batch_size": 500, "max_iter": 40},
    "not shuffled": {"shuffle": False, "max_iter": 9},
}


@pytest.mark.filterwarnings("ignore:batch_size=500")
@pytest.mark.parametrize("dropout_rate", [0.0, 0.3])
@pytest.mark.parametrize("params", PARAMS.values(), ids=PARAMS)
def test_alone(iris, params, dropout_rate, n_calls, one_epoch_a_call):
    est = DropoutMLPClassifier((9,), dropout_rate=dropout_rate, random_state=0)
    est.set_params(**params)
    several = clone(est).fit(*iris)
    n_of_several, n_calls[0] = n_calls[0], 0
    one_epoch_a_call()
    one = clone(est).fit(*iris)
    assert_same(one, several)
    assert n_of_several < n_calls[0]
    # What the optimizer keeps is that of the epoch in which training ended.
    assert_same(one.partial_fit(*iris), several.partial_fit(*iris))


def test_each_of_a_stack_stops_by_itself(iris, n_calls, one_epoch_a_call):
    ests = [
        DropoutMLPClassifier(
            (9,),
            dropout_rate=0.0,
            learning_rate_init=rate,
            learning_rate=policy,
            tol=1e-2,
            n_iter_no_change=2,
            max_iter=max_iter,
            random_state=0,
        )
        for rate in (0.1, 0.03, 0.003)
        for policy in ("constant", "adaptive")
        for max_iter in (80, 37)
    ]

    def fit_all():
        n_calls[0] = 0
        with fused_training():
            return joblib.Parallel(pre_dispatch="all")(
                joblib.delayed(clone(est).fit)(*iris) for est in ests
            )

    several = fit_all()
    n_of_several = n_calls[0]
    one_epoch_a_call()
    one = fit_all()
    assert len({est.n_iter_ for est in one}) > 3
    for a, b in zip(one, several, strict=True):
        assert_same(a, b)
    assert n_of_several < n_calls[0]


def test_a_network_that_diverges(curve):
    est = DropoutMLPRegressor(
        (5,), optimizer="sgd", learning_rate_init=30.0, normalize_y=False, max_iter=50
    )
    with pytest.raises(ValueError, match="diverged"):
        est.fit(*curve)

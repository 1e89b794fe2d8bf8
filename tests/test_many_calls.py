"""Training in many small calls: what a call costs, and the figures of all calls."""

import copy
import tracemalloc
import warnings

import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning

from skdropout import DropoutMLPClassifier, DropoutMLPRegressor

pytestmark = pytest.mark.filterwarnings("ignore:Stochastic Optimizer")
BOTH = [DropoutMLPClassifier, DropoutMLPRegressor]


def memory_of(call):
    """Bytes that a call takes at its peak, and does not give back."""
    call()  # once without, for what is made once
    tracemalloc.start()
    try:
        call()
        before = tracemalloc.get_traced_memory()[0]
        tracemalloc.reset_peak()
        call()
        after, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    return peak - before, after - before


@pytest.mark.parametrize("method", ["partial_fit", "fit"])
def test_calls_before_cost_nothing(iris, method):
    """As if a million epochs had been before: a copy of such a list takes 8 MB."""
    X, y = iris
    est = DropoutMLPClassifier((5,), warm_start=True, max_iter=1, random_state=0)
    est.fit(X, y)
    call = (lambda: est.fit(X, y)) if method == "fit" else lambda: est.partial_fit(X, y)
    for values in (est.loss_curve_, *est.history_.values()):
        values.extend([0.5] * 10**6)
    # Growing lists are given room for an eighth more at once; let that be over.
    peak, kept = min(memory_of(call) for _ in range(3))
    assert peak < 6 * 2**20
    assert kept < 2**16
    assert len(est.loss_curve_) > 10**6


@pytest.mark.parametrize("kind", BOTH)
def test_figures_of_all_calls(iris, kind):
    X, y = iris
    est = kind((5,), warm_start=True, max_iter=3, random_state=0).fit(X, y)
    first = list(est.loss_curve_)
    est.partial_fit(X, y)
    est.fit(X, y, X_val=X, y_val=y)
    score = "val_accuracy" if kind is DropoutMLPClassifier else "val_r2_score"
    assert est.loss_curve_[:3] == first
    assert est.history_["loss"] == est.loss_curve_
    lengths = {name: len(values) for name, values in est.history_.items()}
    assert lengths == {"loss": 7, "learning_rate": 7, "val_loss": 3, score: 3}
    assert est.loss_ == est.loss_curve_[-1]
    assert est.t_ == 7 * len(y)
    est.set_params(early_stopping=True).fit(X, y)
    assert len(est.validation_scores_) == 3
    est.set_params(warm_start=False, early_stopping=False).fit(X, y)
    assert est.loss_curve_ == first
    assert est.validation_scores_ is None


@pytest.mark.parametrize("kind", BOTH)
@pytest.mark.parametrize("duplicate", [copy.copy, copy.deepcopy])
def test_a_copy_has_figures_of_its_own(iris, kind, duplicate):
    X, y = iris
    est = kind((5,), max_iter=2, random_state=0).fit(X, y)
    figures = copy.deepcopy((est.loss_curve_, est.history_))
    twin = duplicate(est).partial_fit(X, y)
    assert (est.loss_curve_, est.history_) == figures
    assert len(twin.loss_curve_) == 3
    assert len(est.partial_fit(X, y).loss_curve_) == 3
    np.testing.assert_array_equal(est.coefs_[0], twin.coefs_[0])


@pytest.mark.parametrize("kind", BOTH)
def test_a_late_error_leaves_no_figures(iris, kind):
    """Where a warning is an error, the call fails when all has been recorded."""
    X, y = iris
    est = kind((5,), warm_start=True, max_iter=2, random_state=0).fit(X, y)
    figures = copy.deepcopy((est.loss_curve_, est.history_))
    with warnings.catch_warnings():
        warnings.simplefilter("error", ConvergenceWarning)
        with pytest.raises(ConvergenceWarning):
            est.fit(X, y, X_val=X, y_val=y)
    assert (est.loss_curve_, est.history_) == figures
    assert len(est.fit(X, y).loss_curve_) == 4

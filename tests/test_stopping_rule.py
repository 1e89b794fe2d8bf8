"""In which epoch training stops by its loss, and when it goes by validation rows."""

import joblib
import numpy as np
import pytest

from helpers import BatchHook, trained_sizes
from skdropout import DropoutMLPClassifier, DropoutMLPRegressor, fused_training
from test_bad_input import assert_refused

BOTH = [DropoutMLPClassifier, DropoutMLPRegressor]
pytestmark = pytest.mark.usefixtures("without_xla")  # most of the time is compiling
quiet = pytest.mark.filterwarnings("ignore:Stochastic Optimizer")
both_trainers = pytest.mark.parametrize("callbacks", [None, [BatchHook()]])


def out_of_patience(losses, tol, n_iter_no_change, n_averaged=1):
    """The epochs after which scikit-learn's rule stops or divides an adaptive rate.

    Each epoch is judged by the mean of the last `n_averaged` losses; of one, it is
    ``MLPClassifier._update_no_improvement_count``.
    """
    epochs, best, n_without = [], np.inf, 0
    for epoch in range(n_averaged, len(losses) + 1):
        judged = np.mean(losses[epoch - n_averaged : epoch])
        n_without = n_without + 1 if judged > best - tol else 0
        best = min(best, judged)
        if n_without > n_iter_no_change:
            epochs.append(epoch)
            n_without = 0
    return epochs


def network(kind=DropoutMLPClassifier, **params):
    params = {
        "learning_rate": "constant",
        "learning_rate_init": 0.1,
        "early_stopping": False,
        "tol": 1e-3,
        "n_iter_no_change": 5,
        "random_state": 0,
        **params,
    }
    return kind((8,), batch_size=15, max_iter=150, **params)


def stops(est, n_averaged):
    return out_of_patience(est.loss_curve_, est.tol, est.n_iter_no_change, n_averaged)


def assert_stopped_by_means(est):
    """And neither by the losses themselves nor by `max_iter`."""
    assert stops(est, est.n_iter_no_change) == [est.n_iter_]
    assert stops(est, 1)[:1] != [est.n_iter_]
    assert est.n_iter_ < est.max_iter


# By the training loss

NOISY = [
    {"dropout_rate": 0.5},
    {"dropout_rate": 0.0, "input_dropout_rate": 0.3},
    {"dropout_rate": 0.0, "batch_norm": True},
    {"dropout_rate": 0.0, "input_batch_norm": True},
]


@pytest.mark.parametrize("kind", BOTH)
@pytest.mark.parametrize("tol", [0.0, 1e-3, 0.02])
@pytest.mark.parametrize("n_iter_no_change", [1, 2, 5])
def test_without_noise_it_is_the_rule_of_scikit_learn(iris, kind, tol, n_iter_no_change):
    est = network(kind, dropout_rate=0.0, tol=tol, n_iter_no_change=n_iter_no_change).fit(
        *iris
    )
    assert stops(est, 1) == [est.n_iter_]
    assert est.best_loss_ == min(est.loss_curve_)


@pytest.mark.parametrize("kind", BOTH)
@pytest.mark.parametrize("noise", NOISY, ids=str)
def test_with_noise_means_stand_for_the_losses(iris, kind, noise):
    est = network(kind, **noise).fit(*iris)
    assert_stopped_by_means(est)
    assert est.best_loss_ == min(est.loss_curve_)


@pytest.mark.parametrize("tol", [0.0, 0.05])
@pytest.mark.parametrize("n_iter_no_change", [1, 4])
def test_patience_and_tolerance_of_the_means(iris, tol, n_iter_no_change):
    est = network(dropout_rate=0.5, tol=tol, n_iter_no_change=n_iter_no_change)
    assert stops(est.fit(*iris), n_iter_no_change) == [est.n_iter_]


@pytest.mark.parametrize("noise", NOISY[::2], ids=str)
def test_by_keras_own_fit(iris, noise):
    assert_stopped_by_means(network(callbacks=[BatchHook()], **noise).fit(*iris))


@both_trainers
def test_an_adaptive_rate_is_divided_when_training_would_stop(iris, callbacks):
    est = network(dropout_rate=0.5, learning_rate="adaptive", callbacks=callbacks)
    est.set_params(tol=0.05, n_iter_no_change=2).fit(*iris)
    divided = stops(est, est.n_iter_no_change)
    assert divided != stops(est, 1)
    assert divided[-1] == est.n_iter_ < est.max_iter  # at a rate below 1e-6
    n_divisions = [sum(e <= epoch for e in divided) for epoch in range(est.n_iter_)]
    np.testing.assert_allclose(
        est.history_["learning_rate"], 0.1 / 5.0 ** np.array(n_divisions), rtol=1e-6
    )


def test_each_network_of_a_stack_by_its_own_rule(iris, stacks):
    ests = [
        network(dropout_rate=rate, n_iter_no_change=n, tol=0.0)
        for rate in (0.0, 0.3, 0.6)
        for n in (2, 4)
    ]
    with fused_training():
        fused = joblib.Parallel()(joblib.delayed(est.fit)(*iris) for est in ests)
    assert trained_sizes(stacks) == [len(ests)]
    for est in fused:
        n_averaged = est.n_iter_no_change if est.dropout_rate else 1
        assert stops(est, n_averaged) == [est.n_iter_]


@quiet
@both_trainers
@pytest.mark.parametrize("rate", [0.0, 0.5])
def test_unlimited_patience(iris, callbacks, rate):
    est = network(dropout_rate=rate, tol=10.0, callbacks=callbacks)
    est.set_params(n_iter_no_change=np.inf, max_iter=7).fit(*iris)
    assert est.n_iter_ == 7


# early_stopping="auto"


def rows(n_rows, n_without_weight=0):
    """Rows, targets, and weights of which some are zero."""
    X = np.random.default_rng(0).normal(size=(n_rows, 3))
    weight = np.ones(n_rows)
    weight[:n_without_weight] = 0
    return X, (X[:, 0] > 0).astype(int), weight


def auto(kind, **params):
    params = {"early_stopping": "auto", "random_state": 0, **params}
    return kind((4,), batch_size=100, max_iter=2, **params)


def assert_goes_by_scores(est):
    assert est.best_loss_ is None
    assert len(est.validation_scores_) == est.n_iter_
    assert est.best_validation_score_ == max(est.validation_scores_)


def assert_goes_by_losses(est):
    assert est.best_loss_ == min(est.loss_curve_)
    assert est.validation_scores_ is None
    assert est.best_validation_score_ is None


@quiet
@pytest.mark.parametrize("kind", BOTH)
@pytest.mark.parametrize(
    ("n_rows", "n_without_weight", "validates"),
    [(2999, 0, False), (3000, 0, True), (3001, 2, False), (3020, 20, True)],
)
def test_rows_that_count_decide(kind, n_rows, n_without_weight, validates):
    X, y, weight = rows(n_rows, n_without_weight)
    weight = weight if n_without_weight else None
    est = auto(kind).fit(X, y, sample_weight=weight)
    n_counting = n_rows - n_without_weight
    if validates:
        assert_goes_by_scores(est)
        assert est.t_ == est.n_iter_ * (n_counting - 300)
    else:
        assert_goes_by_losses(est)
        assert est.t_ == est.n_iter_ * n_counting
        assert "val_loss" not in est.history_
    asked = auto(kind, early_stopping=validates).fit(X, y, sample_weight=weight)
    assert est.history_ == asked.history_


@quiet
@pytest.mark.parametrize("kind", BOTH)
def test_of_validation_rows_given_the_training_rows_decide(kind):
    X, y, _ = rows(3000)
    validation = {"X_val": X[:10], "y_val": y[:10]}
    few = auto(kind).fit(X[:2999], y[:2999], **validation)
    assert_goes_by_losses(few)
    assert len(few.history_["val_loss"]) == 2  # they are measured
    enough = auto(kind).fit(X[:3000], y[:3000], **validation)
    assert_goes_by_scores(enough)
    assert enough.t_ == 2 * 3000  # none is set aside
    name = "val_accuracy" if kind is DropoutMLPClassifier else "val_r2_score"
    assert enough.validation_scores_ == enough.history_[name]


@pytest.mark.parametrize("kind", BOTH)
@pytest.mark.parametrize("value", ["auto", np.str_("auto"), False, np.False_])
def test_partial_fit_never_validates(kind, value):
    X, y, _ = rows(400)
    classes = {"classes": [0, 1]} if kind is DropoutMLPClassifier else {}
    est = auto(kind, early_stopping=value)
    for _ in range(2):
        est.partial_fit(X, y, **classes)
    assert_goes_by_losses(est)
    assert est.t_ == 2 * 400
    assert "val_loss" not in est.history_


@pytest.mark.parametrize("kind", BOTH)
@pytest.mark.parametrize("value", [True, np.True_])
def test_partial_fit_is_not_there_with_early_stopping(kind, value):
    est = auto(kind, early_stopping=value)
    assert not hasattr(est, "partial_fit")
    with pytest.raises(AttributeError, match="partial_fit") as caught:
        est.partial_fit(*rows(400)[:2])
    assert "early_stopping=True" in str(caught.value.__cause__)


@pytest.mark.parametrize("kind", BOTH)
@pytest.mark.parametrize("value", ["Auto", "yes", 1, 0.1, None])
def test_bad_values(kind, value):
    words = ["early_stopping", repr(value), "'auto'", "'bool'"]
    assert_refused(auto(kind, early_stopping=value), *rows(30)[:2], words)

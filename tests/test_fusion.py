"""Networks trained together against the same networks trained alone."""

import itertools
import threading

import joblib
import keras
import numpy as np
import pytest
from scipy import sparse
from sklearn.base import clone

from helpers import assert_same_network, trained_sizes
from skdropout import DropoutMLPClassifier, DropoutMLPRegressor, fused_training

pytestmark = [
    pytest.mark.filterwarnings("ignore:.*Maximum iterations"),
    pytest.mark.usefixtures("time_limit", "without_xla"),
]

CANDIDATES = [
    {"dropout_rate": 0.3, "learning_rate_init": 0.01, "alpha": 0.1},
    {"dropout_rate": 0.0, "learning_rate_init": 0.003, "alpha": 0.0},
    {"dropout_rate": 0.6, "learning_rate_init": 0.03, "alpha": 1e-3, "random_state": 5},
]


def classifier(**params):
    params = {"max_iter": 4, "batch_size": 25, "random_state": 0, **params}
    return DropoutMLPClassifier((12, 7), **params)


def regressor(**params):
    params = {"max_iter": 4, "batch_size": 25, "random_state": 0, **params}
    return DropoutMLPRegressor((12, 7), **params)


def folds(X, y):
    """Three sets of rows of unequal size, with the same number of steps."""
    order = np.random.default_rng(0).permutation(len(y))
    return [(X[part], y[part]) for part in (order[:100], order[20:118], order[5:100])]


def estimators(est):
    return [clone(est).set_params(**params) for params in CANDIDATES]


def fit(est, X, y, **fit_params):
    return est.fit(X, y, **fit_params)


def fitted(est, X, y, sizes=(None,), **fit_params):
    """Each candidate on each fold; the candidates have these layers in turn."""
    candidates = estimators(est)
    for candidate, of_candidate in zip(candidates, itertools.cycle(sizes)):
        if of_candidate is not None:
            candidate.set_params(hidden_layer_sizes=of_candidate)
    return joblib.Parallel()(
        joblib.delayed(fit)(clone(candidate), *fold, **fit_params)
        for candidate in candidates
        for fold in folds(X, y)
    )


def assert_fused_equals_alone(est, X, y, stacks, **fit_params):
    alone = fitted(est, X, y, **fit_params)
    stacks.clear()
    with fused_training():
        fused = fitted(est, X, y, **fit_params)
    assert max(trained_sizes(stacks)) > 1
    for one, other in zip(alone, fused, strict=True):
        assert_same_network(one, other)
        assert one.n_iter_ == other.n_iter_
        assert one.loss_curve_ == other.loss_curve_
        assert one.history_ == other.history_
        assert one.validation_scores_ == other.validation_scores_
    assert_fused_equals_alone_in_other_sizes(est, X, y, **fit_params)
    return fused


def assert_fused_equals_alone_in_other_sizes(est, X, y, **fit_params):
    """Up to rounding, where the networks of a stack differ in their layers' sizes."""
    if len(est.hidden_layer_sizes) != 2:
        return
    sizes = [(12, 7), (5, 7), (12, 17)]
    alone = fitted(est, X, y, sizes, **fit_params)
    with fused_training():
        fused = fitted(est, X, y, sizes, **fit_params)
    for one, other in zip(alone, fused, strict=True):
        assert_same_network(one, other, rtol=1e-3, atol=1e-4)
        assert one.n_iter_ == other.n_iter_
        for name in one.history_:
            np.testing.assert_allclose(
                one.history_[name], other.history_[name], rtol=1e-4, atol=1e-6
            )


OPTIMIZERS = {
    "sgd": {"optimizer": "sgd", "momentum": 0.0},
    "momentum": {"optimizer": "sgd", "momentum": 0.9},
    "adam": {"optimizer": "adam"},
    "adamw": {"optimizer": keras.optimizers.AdamW(0.01, weight_decay=0.1)},
    "amsgrad": {"optimizer": keras.optimizers.Adam(0.01, amsgrad=True)},
    "clipnorm": {"optimizer": keras.optimizers.Adam(0.01, clipnorm=0.1)},
    "global_clipnorm": {"optimizer": keras.optimizers.Adam(0.01, global_clipnorm=0.1)},
    "clipvalue": {"optimizer": keras.optimizers.Adam(0.01, clipvalue=0.1)},
    "rmsprop": {"optimizer": "rmsprop"},
    "centered": {"optimizer": keras.optimizers.RMSprop(0.01, centered=True)},
    "nadam": {"optimizer": "nadam"},
    "lion": {"optimizer": "lion"},
    "adagrad": {"optimizer": "adagrad"},
    "adadelta": {"optimizer": "adadelta"},
    "adamax": {"optimizer": "adamax"},
    "ftrl": {"optimizer": "ftrl"},
}


@pytest.mark.parametrize("params", OPTIMIZERS.values(), ids=OPTIMIZERS)
def test_optimizers(params, iris, stacks):
    assert_fused_equals_alone(classifier(**params), *iris, stacks)


@pytest.mark.parametrize(
    "params",
    [
        {"batch_norm": "before_activation"},
        {"batch_norm": "after_activation"},
        {"batch_norm": "after_dropout"},
        {"input_batch_norm": True},
        {"input_dropout_rate": 0.2},
        {"use_bias": False},
        {"activation": "tanh"},
        {"activation": "gelu"},
        {"shuffle": False},
        {"batch_size": 200},
        {"class_weight": "balanced"},
    ],
    ids=str,
)
def test_layers_and_batches(params, iris, stacks):
    est = classifier(**params)
    if params == {"batch_size": 200}:
        with pytest.warns(UserWarning, match="clipped"):
            assert_fused_equals_alone(est, *iris, stacks)
    else:
        assert_fused_equals_alone(est, *iris, stacks)


def test_only_one_of_several_networks_drops_inputs(iris, stacks):
    pair = [classifier(dropout_rate=0.3, input_dropout_rate=rate) for rate in (0.0, 0.3)]
    alone = [clone(est).fit(*iris) for est in pair]
    stacks.clear()
    with fused_training():
        fused = joblib.Parallel()(joblib.delayed(fit)(est, *iris) for est in pair)
    assert trained_sizes(stacks) == [2]
    for one, other in zip(alone, fused, strict=True):
        assert_same_network(one, other)


@pytest.mark.parametrize(
    "params",
    [
        {"max_iter": 30, "tol": 0.05, "n_iter_no_change": 2},
        {
            "max_iter": 30,
            "early_stopping": True,
            "scoring": None,
            "learning_rate": "constant",
            "n_iter_no_change": 4,
        },
        {"max_iter": 20, "learning_rate": "adaptive", "optimizer": "sgd", "tol": 0.05},
        {"learning_rate": "invscaling", "optimizer": "sgd"},
        {"learning_rate": keras.optimizers.schedules.ExponentialDecay(0.01, 5, 0.5)},
    ],
    ids=["loss", "score", "adaptive", "invscaling", "schedule"],
)
def test_stopping_and_learning_rates(params, iris, stacks):
    fused = assert_fused_equals_alone(classifier(**params), *iris, stacks)
    if "early_stopping" in params:
        assert len({est.n_iter_ for est in fused}) > 1


def test_validation_set_and_weights(iris, stacks):
    X, y = iris
    weight = np.random.default_rng(1).uniform(0.5, 2, 95)
    folds_of = [(X[i : i + 95], y[i : i + 95]) for i in (0, 20, 40)]

    def fit_all():
        return joblib.Parallel()(
            joblib.delayed(fit)(
                clone(est), *fold, sample_weight=weight, X_val=X[50:], y_val=y[50:]
            )
            for est in estimators(classifier())
            for fold in folds_of
        )

    alone = fit_all()
    with fused_training():
        fused = fit_all()
    assert trained_sizes(stacks) == [9]
    for one, other in zip(alone, fused, strict=True):
        assert_same_network(one, other)
        assert one.history_ == other.history_


def test_binary(iris, stacks):
    X, y = iris
    assert_fused_equals_alone(classifier(), X, y == 1, stacks)


def test_multilabel(iris, stacks):
    X, y = iris
    labels = np.stack([y == 0, X[:, 0] > 0], axis=1).astype(int)
    assert_fused_equals_alone(classifier(), X, labels, stacks)


def test_sparse_inputs(iris, stacks):
    X, y = iris
    assert_fused_equals_alone(classifier(), sparse.csr_array(np.maximum(X, 0)), y, stacks)


@pytest.mark.parametrize("loss", ["squared_error", "absolute_error", "huber", "poisson"])
def test_regression(loss, curve, stacks):
    X, y = curve
    assert_fused_equals_alone(regressor(loss=loss), X[:120], np.abs(y[:120]), stacks)


def test_several_outputs(curve, stacks):
    X, y = curve
    Y = np.stack([y, X[:, 0], -y], axis=1)
    assert_fused_equals_alone(regressor(), X[:120], Y[:120], stacks)


def test_each_its_own_seed(iris, stacks):
    """As in an ensemble."""
    ests = [classifier(random_state=seed) for seed in range(5)]
    alone = [clone(est).fit(*iris) for est in ests]
    with fused_training():
        fused = joblib.Parallel()(joblib.delayed(fit)(est, *iris) for est in ests)
    assert trained_sizes(stacks) == [5]
    for one, other in zip(alone, fused, strict=True):
        assert_same_network(one, other)


def test_same_rows_with_other_targets(iris, stacks):
    """As in one-versus-rest."""
    X, y = iris
    alone = [classifier().fit(X, y == k) for k in range(3)]
    with fused_training():
        fused = joblib.Parallel()(
            joblib.delayed(fit)(classifier(), X.copy(), y == k) for k in range(3)
        )
    assert trained_sizes(stacks) == [3]
    for one, other in zip(alone, fused, strict=True):
        assert_same_network(one, other)


def test_going_on_from_fitted_networks(iris, stacks):
    """`partial_fit` and warm starts, which are as far as each other."""
    X, y = iris
    ests = [est.fit(X, y) for est in estimators(classifier(warm_start=True))]
    alone = [clone(est) for est in ests]
    for est, copy in zip(estimators(classifier(warm_start=True)), ests, strict=True):
        assert_same_network(est.fit(X, y), copy)
    alone = [est.fit(X, y).fit(X, y) for est in estimators(classifier(warm_start=True))]
    with fused_training():
        fused = joblib.Parallel()(joblib.delayed(fit)(est, X, y) for est in ests)
    assert trained_sizes(stacks) == [3]
    for one, other in zip(alone, fused, strict=True):
        assert_same_network(one, other)


def test_callbacks_see_their_own_network(iris, stacks):
    class Recorder(keras.callbacks.Callback):
        def __init__(self):
            self.losses = []

        def on_epoch_end(self, epoch, logs=None):
            self.losses.append(logs["loss"])
            if len(self.losses) == 2 + int(logs["loss"] * 1000) % 2:
                self.model.stop_training = True

    def fit_with_callback(est):
        recorder = Recorder()
        est.set_params(callbacks=[recorder], max_iter=6).fit(*iris)
        return est.n_iter_, recorder.losses, est.coefs_[0]

    alone = [fit_with_callback(est) for est in estimators(classifier())]
    with fused_training():
        fused = joblib.Parallel()(
            joblib.delayed(fit_with_callback)(est) for est in estimators(classifier())
        )
    assert trained_sizes(stacks) == [3]
    for one, other in zip(alone, fused, strict=True):
        assert one[:2] == other[:2]
        np.testing.assert_array_equal(one[2], other[2])


@pytest.fixture
def program_sizes(monkeypatch):
    """Networks of each program that is asked for."""
    from skdropout.training import stack_run

    sizes = []
    make = stack_run.program_for

    def recorded(key):
        sizes.append(key.shape.n_networks)
        return make(key)

    monkeypatch.setattr(stack_run, "program_for", recorded)
    return sizes


def test_networks_that_have_stopped_leave_the_stack(digits, program_sizes, monkeypatch):
    """Those that go on are as if nothing had happened."""
    from skdropout.training import stack_run

    monkeypatch.setattr(stack_run, "WORTH_COMPILING", 0.0)
    lengths = [2, 2, 3, 9, 2, 2]
    ests = [classifier(max_iter=n, dropout_rate=n / 20) for n in lengths]
    alone = [clone(est).fit(*digits) for est in ests]
    program_sizes.clear()
    with fused_training():
        fused = joblib.Parallel()(joblib.delayed(fit)(est, *digits) for est in ests)
    assert program_sizes == [6, 2, 1]
    for one, other in zip(alone, fused, strict=True):
        assert_same_network(one, other)


@pytest.mark.parametrize("is_large", [False, True])
def test_program_of_an_earlier_stack_serves_again(
    is_large, iris, program_sizes, monkeypatch
):
    """Unless copies that fill it up would cost more than another program."""
    from skdropout.fusion import grouping

    if is_large:
        monkeypatch.setattr(grouping, "WORTH_COMPILING", 0.0)
    est = classifier()
    with fused_training():
        for n_fits in (5, 2):
            joblib.Parallel()(
                joblib.delayed(fit)(clone(est), *iris) for _ in range(n_fits)
            )
    assert program_sizes == [5, 2 if is_large else 5]


@pytest.fixture
def stacks_of_two(monkeypatch):
    """Two cores, on which stacks of two are trained whose programs are not there."""
    from skdropout._caching import once_for_each
    from skdropout.fusion import cores, stack_trainer, waiting
    from skdropout.training import program

    monkeypatch.setattr(stack_trainer, "cpu_count", lambda: 2)
    monkeypatch.setattr(waiting, "good_width", lambda *_: 2)
    monkeypatch.setattr(waiting, "WORTH_COMPILING", 0.0)
    monkeypatch.setattr(cores, "_compiled", set())
    # Programs of other tests would be there at once, as if nothing had to be traced.
    anew = once_for_each(program._compiled_if_granted)
    monkeypatch.setattr(program, "_compiled_program", anew)


def of_depths(*depths):
    return [classifier().set_params(hidden_layer_sizes=(6,) * n) for n in depths]


def test_nobody_trains_alone_while_a_program_is_traced(iris, stacks_of_two, stacks):
    """Though no task runs then that could still join those that wait."""
    with fused_training():
        joblib.Parallel(pre_dispatch="all")(
            joblib.delayed(fit)(est, *iris) for est in of_depths(1, 2, 1, 1, 2, 1, 2, 2)
        )
    assert min(trained_sizes(stacks)) > 1


def test_programs_of_different_groups_compile_side_by_side(
    iris, stacks_of_two, monkeypatch
):
    """Also where stacks that wait for one of them could keep all cores."""
    from skdropout.training.program import Program

    n_layers_seen, is_other_there = set(), threading.Event()
    run = Program.run

    def recorded(program, *args, **kwargs):
        n_layers_seen.add(len(program.key.kind.architecture.layer_units))
        if len(n_layers_seen) == 2:
            is_other_there.set()
        assert is_other_there.wait(60)
        return run(program, *args, **kwargs)

    monkeypatch.setattr(Program, "run", recorded)
    ests = of_depths(1, 1, 1, 1, 2, 2, 2, 2)
    alone = [clone(est) for est in ests]
    with fused_training():
        fused = joblib.Parallel(pre_dispatch="all")(
            joblib.delayed(fit)(est, *iris) for est in ests
        )
    assert n_layers_seen == {3, 4}
    for one, other in zip(alone, fused, strict=True):
        assert_same_network(one.fit(*iris), other)


def test_with_xla_up_to_rounding(iris, monkeypatch):
    monkeypatch.delenv("SKDROPOUT_XLA")
    est = classifier(optimizer="sgd")
    alone = fitted(est, *iris)
    with fused_training():
        fused = fitted(est, *iris)
        again = fitted(est, *iris)
    for one, other, same in zip(alone, fused, again, strict=True):
        assert_same_network(one, other, atol=1e-5)
        assert_same_network(other, same)

"""Weights of rows and classes: their scale, and where they count."""

import joblib
import keras
import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_score, train_test_split
from sklearn.utils import check_random_state
from sklearn.utils.class_weight import compute_sample_weight

from helpers import assert_same_network
from skdropout import DropoutMLPClassifier, DropoutMLPRegressor, fused_training
from skdropout.network.seeds import VALIDATION_SPLIT, derived_seed
from test_bad_input import assert_refused

pytestmark = [
    pytest.mark.filterwarnings("ignore:.*Maximum iterations"),
    pytest.mark.usefixtures("time_limit", "without_xla"),
]

SCALES = [3e37, 1e-40, 1e300, 1e-300, np.finfo(float).max]
OPTIMIZERS = [
    keras.optimizers.Adam(0.01),
    keras.optimizers.Adam(0.01, loss_scale_factor=1.0),
]


def mlp(kind=DropoutMLPClassifier, **params):
    params = {"max_iter": 4, "batch_size": 32, "random_state": 0, **params}
    return kind((6,), **params)


@pytest.fixture(scope="module")
def weights():
    """150 weights below one, float64."""
    return np.random.default_rng(1).uniform(0.1, 0.9, 150)


def assert_alike(first, second):
    assert_same_network(first, second, rtol=1e-4, atol=1e-5)
    for name, values in first.history_.items():
        np.testing.assert_allclose(second.history_[name], values, rtol=1e-4)


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("kind", [DropoutMLPClassifier, DropoutMLPRegressor])
@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=["plain", "by Keras"])
def test_only_ratios_matter(iris, weights, kind, optimizer, scale):
    est = mlp(kind, optimizer=optimizer, alpha=0.0, early_stopping=True)
    whole = est.fit(*iris, sample_weight=weights)
    scaled = mlp(kind, optimizer=optimizer, alpha=0.0, early_stopping=True)
    assert_alike(whole, scaled.fit(*iris, sample_weight=weights * scale))


@pytest.mark.parametrize("scale", [1e-12, 1e12, 3e37])
@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=["plain", "by Keras"])
def test_alpha_is_divided_by_the_weights_as_given(iris, weights, optimizer, scale):
    alpha = 2.0
    whole = mlp(optimizer=optimizer, alpha=alpha).fit(*iris, sample_weight=weights)
    scaled = mlp(optimizer=optimizer, alpha=alpha * scale)
    if alpha * scale < 3e38:
        assert_alike(whole, scaled.fit(*iris, sample_weight=weights * scale))
    without = mlp(optimizer=optimizer, alpha=0.0).fit(*iris, sample_weight=weights)
    assert np.abs(whole.coefs_[0] - without.coefs_[0]).max() > 1e-3


def test_scales_of_one_stack(iris, weights):
    scales = [1.0, 3e37, 1e-40, 1e300]

    def fit(scale):
        return mlp(alpha=0.0).fit(*iris, sample_weight=weights * scale)

    with fused_training():
        fitted = joblib.Parallel()(joblib.delayed(fit)(scale) for scale in scales)
    for est in fitted:
        assert_alike(fit(1.0), est)


@pytest.mark.parametrize("scale", [1.0, 3e37, 1e-40, 1e300])
def test_scale_of_class_weights(iris, weights, scale):
    by_class = {0: 0.5, 1: 0.25, 2: 1.0}
    factor = compute_sample_weight(by_class, iris[1])
    whole = mlp(alpha=0.0).fit(*iris, sample_weight=weights * factor)
    huge = {label: value * scale for label, value in by_class.items()}
    est = mlp(alpha=0.0, class_weight=huge)
    assert_alike(whole, est.fit(*iris, sample_weight=weights * scale))


@pytest.mark.parametrize("of_classes", [{0: 3.0, 1: 0.0, 2: 1.0}, "balanced"])
def test_class_weights_multiply_sample_weights(iris, weights, of_classes):
    X, y = iris[0][20:], iris[1][20:]
    weight = weights[20:] * compute_sample_weight(of_classes, y)
    whole = mlp(alpha=1.0).fit(X, y, sample_weight=weight)
    est = mlp(alpha=1.0, class_weight=of_classes)
    assert_alike(whole, est.fit(X, y, sample_weight=weights[20:]))


def test_balanced_labels(iris, weights):
    X, y = iris[0], (iris[0][:, :3] > 0.5).astype(int)
    weight = weights * compute_sample_weight("balanced", y)
    whole = mlp(alpha=1.0).fit(X, y, sample_weight=weight)
    est = mlp(alpha=1.0, class_weight="balanced")
    assert_alike(whole, est.fit(X, y, sample_weight=weights))


# In validation


def untrained(**params):
    """A network that stays as it was drawn, so that figures depend on rows alone."""
    return mlp(
        early_stopping=True,
        scoring=None,
        validation_fraction=0.3,
        learning_rate_init=1e-30,
        max_iter=2,
        **params,
    )


@pytest.mark.parametrize("optimizer", ["sgd", "lamb"])
@pytest.mark.parametrize(
    "class_weight", ["balanced", {0: 9.0, 1: 1.0, 2: 0.1}, {0: 0.0, 1: 1.0, 2: 1.0}]
)
@pytest.mark.parametrize("own_rows", [False, True])
def test_class_weight_does_not_count(iris, optimizer, class_weight, own_rows):
    X, y = iris[0][y_order := np.argsort(iris[1])[30:]], iris[1][y_order]
    given = {"X_val": iris[0], "y_val": iris[1]} if own_rows else {}
    plain = untrained(optimizer=optimizer).fit(X, y, **given)
    est = untrained(optimizer=optimizer, class_weight=class_weight).fit(X, y, **given)
    for name in ("val_loss", "val_accuracy"):
        np.testing.assert_allclose(est.history_[name], plain.history_[name], rtol=1e-5)
    if own_rows:
        assert est.best_validation_score_ == pytest.approx(est.score(*iris))


@pytest.mark.parametrize("optimizer", ["sgd", "lamb"])
def test_sample_weight_of_rows_set_aside_counts(iris, weights, optimizer):
    X, y = iris
    est = untrained(optimizer=optimizer, class_weight="balanced")
    est.fit(X, y, sample_weight=weights * 3e37)
    seed = check_random_state(0).randint(np.iinfo(np.int32).max)
    rows = train_test_split(
        np.arange(150),
        test_size=0.3,
        stratify=y,
        random_state=derived_seed(seed, VALIDATION_SPLIT),
    )[1]
    score = est.score(X[rows], y[rows], sample_weight=weights[rows])
    assert est.best_validation_score_ == pytest.approx(score)
    losses = -est.predict_log_proba(X[rows])[np.arange(len(rows)), y[rows]]
    loss = np.average(losses, weights=weights[rows])
    assert est.history_["val_loss"][0] == pytest.approx(loss, rel=1e-4)


# Dicts of classes


@pytest.mark.parametrize("names", [[0, 1, 2], [0.0, 1.0, 2.0], ["a", "b", "1"]])
def test_folds_without_a_rare_class(names):
    X = np.random.default_rng(0).normal(size=(90, 3))
    y = np.array(names)[np.r_[np.zeros(60, int), np.ones(29, int), 2]]
    est = mlp(class_weight=dict(zip(names, [1, 2, 30], strict=True)))
    with pytest.warns(UserWarning, match="least populated class"):
        scores = cross_val_score(est, X, y, cv=3, error_score="raise")
    assert np.isfinite(scores).all()


@pytest.mark.parametrize(
    "given", [{}, {0: 3.0}, {0: 3.0, 2: 1.0}, {0: 2, 1: 3, 2: 4, 7: 9}]
)
def test_dicts_that_scikit_learn_takes(iris, given):
    X, y = iris
    LogisticRegression(class_weight=given).fit(X, y)
    whole = mlp().fit(X, y, sample_weight=compute_sample_weight(given, y))
    assert_alike(whole, mlp(class_weight=given).fit(X, y))


@pytest.mark.parametrize(
    "given", [{7: 1.0}, {"0": 1.0, "1": 2.0, "2": 1.0}, {0: 1.0, 7: 2.0}]
)
def test_dicts_that_scikit_learn_refuses(iris, given):
    with pytest.raises(ValueError, match="class_weight"):
        LogisticRegression(class_weight=given).fit(*iris)
    key = repr(next(iter(given)))
    words = ["class_weight", "keys", key, r"\[0, 1, 2\]", "have no weight"]
    assert_refused(mlp(class_weight=given), *iris, words)


@pytest.mark.parametrize(
    "value", ["x", None, np.nan, np.inf, -1, [1], np.ones(2), 1j, 10**400]
)
def test_weights_of_classes_that_are_none(iris, value):
    est = mlp(class_weight={0: value, 1: 1.0, 2: 1.0})
    assert_refused(est, *iris, ["class_weight", "weight of 0", "not negative"])


def test_dict_in_partial_fit(iris):
    X, y = iris
    by_class = {0: 1.0, 1: 4.0, 2: 0.5}
    est = mlp(class_weight=by_class).partial_fit(X[y < 2], y[y < 2], classes=[0, 1, 2])
    weight = compute_sample_weight(by_class, y[y < 2])
    whole = mlp().partial_fit(X[y < 2], y[y < 2], weight, classes=[0, 1, 2])
    assert_alike(whole, est)


@pytest.mark.parametrize("given", [{0: 1, 1: 2}, [{0: 1, 1: 2}] * 2, {}])
def test_labels_take_no_dict(iris, given):
    X, y = iris[0], (iris[0][:, :2] > 0).astype(int)
    assert_refused(mlp(class_weight=given), X, y, ["class_weight", "'balanced'", "None"])


# What is too large


@pytest.mark.parametrize("kind", [DropoutMLPClassifier, DropoutMLPRegressor])
@pytest.mark.parametrize("optimizer", ["adam", "lamb"])
def test_alpha_that_float32_does_not_hold(iris, kind, optimizer):
    est = mlp(kind, alpha=1e20, optimizer=optimizer)
    assert_refused(est, *iris, ["alpha=1e\\+20", "float32"])
    tiny = np.full(150, 1e-40)
    est.set_params(alpha=1e-4)
    assert_refused(est, *iris, ["alpha=0.0001", "1e-40", "weight"], sample_weight=tiny)


@pytest.mark.parametrize("alpha", [1e6, 1e15])
def test_large_alpha_leaves_small_kernels(iris, alpha):
    est = mlp(alpha=alpha, learning_rate_init=0.01, max_iter=100, n_iter_no_change=np.inf)
    assert max(np.abs(coef).max() for coef in est.fit(*iris).coefs_) < 0.05


@pytest.mark.parametrize("optimizer", ["sgd", "adam", "lamb"])
@pytest.mark.parametrize("power_t", [200.0, 1e39])
def test_power_t_that_overflows(iris, optimizer, power_t):
    params = {"power_t": power_t, "optimizer": optimizer}
    est = mlp(learning_rate="invscaling", **params)
    words = ["power_t", "invscaling", "overflows"]
    assert_refused(est, *iris, words)
    with pytest.raises(ValueError, match="power_t"):
        est.partial_fit(*iris, classes=[0, 1, 2])
    mlp(**params).fit(*iris)  # it is not used


def test_divergence_by_alpha(iris):
    with pytest.raises(ValueError, match="alpha"):
        mlp(alpha=1e9, optimizer="sgd", max_iter=50).fit(*iris)

"""Targets in any unit: trained on standardised, predicted as they are given."""

import pickle
from fractions import Fraction

import joblib
import keras
import numpy as np
import pytest
from scipy import sparse
from sklearn.base import clone
from sklearn.compose import TransformedTargetRegressor
from sklearn.datasets import make_friedman2
from sklearn.preprocessing import StandardScaler, scale

from helpers import assert_same_network
from skdropout import DropoutMLPRegressor, fused_training

pytestmark = pytest.mark.filterwarnings("ignore:Stochastic Optimizer")

SMALL = {"hidden_layer_sizes": (8,), "max_iter": 3, "random_state": 0}


@pytest.fixture(scope="module")
def several():
    """100 rows, 3 features, 2 outputs, in units far from one and each other's."""
    X = np.random.default_rng(0).normal(size=(100, 3))
    return X, np.c_[300 + 70 * X[:, 0] * X[:, 1], 1e-4 * np.abs(X[:, 2])]


@pytest.fixture(scope="module")
def weight():
    return np.random.default_rng(1).choice([0, 1, 2.5], size=100)


def small(**params):
    return DropoutMLPRegressor(**{**SMALL, **params})


def explicit(X, y, weight=None, **params):
    """The same network by scikit-learn's way of transforming targets."""
    scaler = StandardScaler()
    rows = slice(None) if weight is None else weight > 0
    y = y.reshape(len(y), -1)
    scaler.fit(y[rows], None, None if weight is None else weight[rows])
    inner = small(normalize_y=False, **params)
    return inner.fit(X, scaler.transform(y), sample_weight=weight), scaler


def test_as_a_transformed_target_regressor(several):
    X, y = several
    for target in (y, y[:, 0]):
        ours = small().fit(X, target)
        theirs = TransformedTargetRegressor(
            small(normalize_y=False), transformer=StandardScaler()
        ).fit(X, target)
        np.testing.assert_allclose(ours.predict(X), theirs.predict(X), rtol=1e-6)
        assert_same_network(ours, theirs.regressor_, rtol=1e-4, atol=1e-6)
        np.testing.assert_allclose(ours.loss_curve_, theirs.regressor_.loss_curve_, 1e-5)
        np.testing.assert_allclose(ours.y_mean_, theirs.transformer_.mean_)
        np.testing.assert_allclose(ours.y_scale_, theirs.transformer_.scale_)


@pytest.mark.parametrize("loss", ["squared_error", "absolute_error", "huber"])
def test_weighted(several, weight, loss):
    X, y = several
    y = np.where(weight[:, None] > 0, y, -1e6)  # rows that count for nothing
    ours = small(loss=loss).fit(X, y, sample_weight=3 * weight)
    theirs, scaler = explicit(X, y, 3 * weight, loss=loss)
    np.testing.assert_allclose(ours.y_mean_, scaler.mean_)
    np.testing.assert_allclose(ours.y_scale_, scaler.scale_)
    expected = scaler.inverse_transform(theirs.predict(X))
    np.testing.assert_allclose(ours.predict(X), expected, rtol=1e-6)
    np.testing.assert_allclose(ours.loss_, theirs.loss_, rtol=1e-5)


@pytest.mark.parametrize("optimizer", ["adam", "lamb"])
@pytest.mark.parametrize("container", [np.asarray, sparse.csr_matrix])
def test_validation_rows_are_standardised_by_the_same(several, optimizer, container):
    X, y = several
    X = container(X)
    params = {"early_stopping": True, "scoring": None, "max_iter": 5}
    ours = small(optimizer=optimizer, **params)
    ours.fit(X[:70], y[:70], X_val=X[70:], y_val=y[70:])
    scaler = StandardScaler().fit(y[:70])
    theirs = clone(ours).set_params(normalize_y=False)
    theirs.fit(
        X[:70], scaler.transform(y[:70]), X_val=X[70:], y_val=scaler.transform(y[70:])
    )
    np.testing.assert_allclose(ours.validation_scores_, theirs.validation_scores_, 1e-4)
    np.testing.assert_allclose(
        ours.history_["val_loss"], theirs.history_["val_loss"], rtol=1e-5
    )
    np.testing.assert_allclose(
        ours.best_validation_score_, ours.score(X[70:], y[70:]), rtol=1e-4
    )


def test_fused(several, without_xla):
    X, y = several
    fits = [(small(), y), (small(normalize_y=False), y), (small(), 5 - 3 * y)]
    plain = [clone(est).fit(X, target) for est, target in fits]
    with fused_training():
        fused = joblib.Parallel(n_jobs=3)(
            joblib.delayed(est.fit)(X, target) for est, target in fits
        )
    for a, b in zip(fused, plain, strict=True):
        assert_same_network(a, b)
        np.testing.assert_array_equal(a.predict(X), b.predict(X))


@pytest.mark.parametrize("normalize_y", [False, np.False_])
def test_without(several, normalize_y):
    """It is the network of targets that have no need of it."""
    X, y = several
    raw = small(normalize_y=normalize_y).fit(X, scale(y))
    np.testing.assert_array_equal(raw.y_mean_, np.zeros(2))
    np.testing.assert_array_equal(raw.y_scale_, np.ones(2))
    assert_same_network(raw, small().fit(X, scale(y)), atol=1e-6)
    assert len(raw.to_keras().layers) + 1 == len(small().fit(X, y).to_keras().layers)


def test_targets_in_the_hundreds_are_learnt():
    X, y = make_friedman2(n_samples=300, random_state=0)
    # Too few and too small steps to get there from targets as they are.
    params = {"batch_size": "auto", "learning_rate": "constant", "early_stopping": False}
    params |= {"dropout_rate": 0.0, "learning_rate_init": 0.001, "random_state": 0}
    est = DropoutMLPRegressor((32,), **params)
    assert est.fit(scale(X), y).score(scale(X), y) > 0.9
    est.set_params(normalize_y=False)
    assert est.fit(scale(X), y).score(scale(X), y) < 0


@pytest.mark.parametrize(
    ("offset", "unit"), [(1e8, 1), (-1e12, 1e3), (0, 1e30), (1e300, 1e299), (0, 1e-300)]
)
def test_any_unit(curve, offset, unit):
    """float32 need hold neither the targets nor their squares."""
    X, y = curve
    plain = small(max_iter=20).fit(X, y)
    est = clone(plain).fit(X, offset + unit * y)
    rtol = 1e-3 if offset else 1e-5
    np.testing.assert_allclose(est.loss_curve_, plain.loss_curve_, rtol=1e-4)
    np.testing.assert_allclose(
        (est.predict(X) - offset) / unit, plain.predict(X), rtol=rtol, atol=1e-4
    )


def test_too_large_all_the_same(curve):
    X, y = curve
    with pytest.raises(ValueError, match=r"y contains a value too large for float32"):
        small().fit(X.astype(np.float32), 1e39 * y)
    with pytest.raises(ValueError, match="y contains a value too large"):
        small(normalize_y=False).fit(X, 1e39 * y)
    with pytest.raises(ValueError, match="y_val contains a value too large"):
        small().fit(X, y, X_val=X, y_val=1e39 * y)
    with pytest.raises(ValueError, match="infinity"):
        small().fit(X, np.where(y > 0, np.inf, y))


def test_number_types(curve):
    X, y = curve
    whole = np.round(10 * y)
    expected = small().fit(X, whole).predict(X)
    for kind in (np.int8, np.int64, np.float32, np.longdouble):
        np.testing.assert_array_equal(
            small().fit(X, whole.astype(kind)).predict(X), expected
        )
    as_objects = np.array([Fraction(int(value)) for value in whole], object)
    np.testing.assert_array_equal(small().fit(X, as_objects).predict(X), expected)
    truths = small().fit(X, y > 0)
    np.testing.assert_allclose(truths.y_mean_, np.mean(y > 0))
    narrow = small().fit(X.astype(np.float32), y)
    assert narrow.predict(X.astype(np.float32)).dtype == np.float32
    assert narrow.predict(X).dtype == np.float64
    assert narrow.y_mean_.dtype == narrow.y_scale_.dtype == np.float64


@pytest.mark.parametrize("value", [0.0, 0.1, -1e30, 1e300])
@pytest.mark.parametrize("loss", ["squared_error", "huber"])
def test_a_constant_is_predicted_exactly(curve, value, loss):
    X, y = curve
    est = small(loss=loss).fit(X, np.full(len(y), value))
    np.testing.assert_array_equal(est.predict(X), value)
    mean, std = est.predict(X, return_std=True, n_draws=3)
    np.testing.assert_array_equal(mean, value)
    np.testing.assert_array_equal(std, 0)
    np.testing.assert_array_equal(est.y_mean_, [value])
    np.testing.assert_array_equal(est.y_scale_, [0])


def test_a_constant_among_others(several, weight):
    X, y = several
    y = np.c_[y[:, 0], np.where(weight > 0, 0.1, y[:, 1])]
    est = small().fit(X, y, sample_weight=weight)
    assert np.ptp(est.predict(X)[:, 0]) > 0
    np.testing.assert_array_equal(est.predict(X)[:, 1], 0.1)
    np.testing.assert_array_equal(est.mc_predict(X, 2)[..., 1], 0.1)
    np.testing.assert_allclose(
        est.to_keras().predict(X, verbose=0), est.predict(X), rtol=1e-5
    )


@pytest.mark.parametrize("further", ["partial_fit", "warm start"])
def test_later_calls_keep_mean_and_scale(several, further):
    X, y = several
    est = small(warm_start=True)
    call = est.fit if further == "warm start" else est.partial_fit
    call(X[:50], np.c_[y[:50], np.full((50, 2), 7)])
    mean, spread = est.y_mean_, est.y_scale_
    np.testing.assert_array_equal(spread[2:], 0)
    call(X[50:], np.c_[y[50:], y[50:, 0], np.full(50, 8)])
    np.testing.assert_array_equal(est.y_mean_[:2], mean[:2])
    np.testing.assert_array_equal(est.y_scale_[:2], spread[:2])
    # What has been constant so far has no scale to keep.
    np.testing.assert_allclose(est.y_mean_[2:], [y[50:, 0].mean(), 8])
    np.testing.assert_allclose(est.y_scale_[2:], [y[50:, 0].std(), 0])
    est.set_params(warm_start=False).fit(X, y)
    np.testing.assert_allclose(est.y_mean_, y.mean(axis=0))


def test_further_training_is_that_of_the_standardised_targets(several):
    X, y = several
    est, scaler = small(), StandardScaler().fit(y[:50])
    theirs = small(normalize_y=False)
    for rows in (slice(50), slice(50, 100), slice(20, 60)):
        est.partial_fit(X[rows], y[rows])
        theirs.partial_fit(X[rows], scaler.transform(y[rows]))
    assert_same_network(est, theirs, rtol=1e-4, atol=1e-6)


def test_poisson(curve):
    X, y = curve
    counts = np.round(np.exp(y.clip(-2, 2)))
    ours = small(loss="poisson").fit(X, counts)
    assert_same_network(ours, small(loss="poisson", normalize_y=False).fit(X, counts))
    np.testing.assert_array_equal(ours.y_scale_, [1])
    with pytest.raises(ValueError, match=r"normalize_y=True .* loss='poisson'"):
        small(loss="poisson", normalize_y=True).fit(X, counts)
    est = small(warm_start=True).fit(X, counts)
    with pytest.raises(ValueError, match=r"poisson.*normalize_y.*warm_start=False"):
        est.set_params(loss="poisson").fit(X, counts)


@pytest.mark.parametrize("value", ["yes", None, 1, "Auto"])
def test_bad_values(curve, value):
    with pytest.raises(ValueError, match=r"'normalize_y' parameter .*'auto'"):
        small(normalize_y=value).fit(*curve)


def test_draws_are_in_the_unit_of_the_targets(several):
    X, y = several
    ours, (theirs, scaler) = small().fit(X, y), explicit(X, y)
    draws = ours.mc_predict(X, 20, random_state=0)
    expected = theirs.mc_predict(X, 20, random_state=0) * scaler.scale_ + scaler.mean_
    np.testing.assert_allclose(draws, expected, rtol=1e-5)
    mean, std = ours.predict(X, return_std=True, n_draws=20, random_state=0)
    np.testing.assert_allclose(mean, draws.mean(axis=0), rtol=1e-6)
    np.testing.assert_allclose(std, draws.std(axis=0), rtol=1e-4, atol=1e-12)


def test_spread_far_from_zero(curve):
    """In float32 such draws would all be equal."""
    X, y = curve[0].astype(np.float32), curve[1]
    plain, far = small().fit(X, y), small().fit(X, 1e9 + y)
    _, expected = plain.predict(X, return_std=True, random_state=0)
    _, std = far.predict(X, return_std=True, random_state=0)
    assert std.dtype == np.float32
    np.testing.assert_allclose(std, expected, rtol=1e-3)


@pytest.mark.parametrize("n_outputs", [1, 2])
def test_keras_model(tmp_path, several, n_outputs):
    X, y = several
    est = small(batch_norm=True).fit(X, y[:, :n_outputs].squeeze())
    model = est.to_keras()
    assert type(model.layers[-1]) is keras.layers.Rescaling
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    predicted = loaded.predict(X.astype(np.float32), verbose=0)
    np.testing.assert_allclose(
        predicted, est.predict(X).reshape(len(X), -1), rtol=1e-4, atol=1e-9
    )
    far = small().fit(X, 1e100 * y)
    with pytest.raises(ValueError, match="too large for float32"):
        far.to_keras()


@pytest.mark.parametrize("by_keras", [False, True])
def test_callbacks_see_the_standardised_problem(several, by_keras):
    X, y = several

    class Keeper(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            self.outputs = self.model(X.astype(np.float32)).numpy()
            self.losses = [*getattr(self, "losses", []), logs["loss"]]

    keeper = Keeper()
    if by_keras:
        keeper.on_train_batch_end = lambda batch, logs=None: None
    est = small(callbacks=keeper).fit(X, y)
    np.testing.assert_allclose(keeper.losses, est.loss_curve_, rtol=1e-6)
    restored = keeper.outputs * est.y_scale_ + est.y_mean_
    np.testing.assert_allclose(restored, est.predict(X), rtol=1e-4)


def test_state(several):
    X, y = several
    est = small().fit(X, y)
    loaded = pickle.loads(pickle.dumps(est))
    np.testing.assert_array_equal(loaded.predict(X), est.predict(X))
    assert not hasattr(clone(est), "y_mean_")
    mean, spread = est.y_mean_, est.y_scale_
    with pytest.raises(ValueError, match="y_val"):
        est.fit(X, y + 1, X_val=X, y_val=y * np.nan)
    with pytest.raises(ValueError, match="y_val"):
        est.fit(X, np.ones(100), X_val=X, y_val=y)
    assert est.y_mean_ is mean
    assert est.y_scale_ is spread
    np.testing.assert_array_equal(est.predict(X), loaded.predict(X))
    est.y_scale_ = spread[:1]
    with pytest.raises(ValueError, match=r"not saved whole.*y_scale_"):
        pickle.loads(pickle.dumps(est))

"""Pickles, copies, export to Keras, and training that goes on."""

import copy
import io
import pickle

import joblib
import numpy as np
import pytest
from sklearn.base import clone
from sklearn.frozen import FrozenEstimator
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from helpers import assert_same_network, run_python
from skdropout import DropoutMLPClassifier, DropoutMLPRegressor

pytestmark = pytest.mark.filterwarnings("ignore:Stochastic Optimizer")


def through_joblib(est):
    buffer = io.BytesIO()
    joblib.dump(est, buffer)
    buffer.seek(0)
    return joblib.load(buffer)


ROUND_TRIPS = {
    "pickle": lambda est: pickle.loads(pickle.dumps(est)),
    "joblib": through_joblib,
    "copy": copy.deepcopy,
}


@pytest.mark.parametrize("trip", ROUND_TRIPS)
@pytest.mark.parametrize("optimizer", ["adam", "sgd", "nadam", "lamb"])
def test_round_trip_and_going_on(iris, trip, optimizer):
    X, y = iris
    est = DropoutMLPClassifier(
        (8,), batch_norm=True, batch_size=50, optimizer=optimizer, random_state=0
    )
    est.partial_fit(X, y, classes=np.unique(y)).partial_fit(X, y)
    restored = ROUND_TRIPS[trip](est)
    assert restored.get_params() == est.get_params()
    np.testing.assert_array_equal(restored.predict_proba(X), est.predict_proba(X))
    assert_same_network(restored.partial_fit(X, y), est.partial_fit(X, y))
    assert restored.loss_curve_ == est.loss_curve_


def test_partial_fits_are_the_epochs_of_a_fit(iris):
    X, y = iris
    params = {"batch_size": 16, "random_state": 0, "batch_norm": True}
    whole = DropoutMLPClassifier((8,), max_iter=4, **params).fit(X, y)
    piecewise = DropoutMLPClassifier((8,), **params)
    for _ in range(4):
        piecewise.partial_fit(X, y, classes=[0, 1, 2])
    assert_same_network(whole, piecewise)
    assert whole.loss_curve_ == piecewise.loss_curve_
    assert (whole.t_, whole.n_iter_, piecewise.t_, piecewise.n_iter_) == (600, 4, 600, 1)


def test_warm_start_goes_on_from_the_weights(iris):
    X, y = iris
    est = DropoutMLPClassifier((16,), max_iter=20, warm_start=True, random_state=0)
    first = est.fit(X, y).loss_
    second = est.fit(X, y).loss_
    assert second < first
    assert len(est.loss_curve_) == 40
    assert est.n_iter_ == 20
    cold = est.set_params(warm_start=False).fit(X, y)
    assert cold.loss_ == first
    est.set_params(warm_start=True)
    for other in (y + 1, np.minimum(y, 1)):
        with pytest.raises(ValueError, match="same classes"):
            est.fit(X, other)


def test_another_optimizer_starts_afresh(iris):
    X, y = iris
    est = DropoutMLPClassifier((8,), random_state=0).partial_fit(X, y, classes=[0, 1, 2])
    for optimizer in ("sgd", "lamb", "rmsprop"):
        before = est.coefs_[0]
        est.set_params(optimizer=optimizer).partial_fit(X, y)
        assert np.isfinite(est.coefs_[0]).all()
        assert not np.array_equal(est.coefs_[0], before)


def test_pickle_holds_the_weights_once(digits):
    X, y = digits
    est = DropoutMLPClassifier((128, 128), max_iter=2).fit(X, y)
    n_weights = sum(values.size for values in est.coefs_ + est.intercepts_)
    weights_and_slots = n_weights * (8 + 2 * 4)  # X is float64, Adam's slots float32
    assert len(pickle.dumps(est)) < 1.1 * weights_and_slots


def test_prediction_needs_no_tensorflow(tmp_path, iris):
    X, y = iris
    pipe = make_pipeline(StandardScaler(), DropoutMLPClassifier((8,), max_iter=2))
    path, rows = tmp_path / "pipe.pkl", tmp_path / "rows.npy"
    path.write_bytes(pickle.dumps(pipe.fit(X, y)))
    np.save(rows, X)
    code = """
        import pickle, sys
        import numpy as np
        pipe = pickle.load(open(sys.argv[1], "rb"))
        np.save(sys.argv[2], pipe.predict_proba(np.load(sys.argv[2])))
        assert not {"tensorflow", "keras", "scikeras"} & set(sys.modules)
    """
    result = run_python(code, path, rows)
    assert result.stdout + result.stderr == ""
    np.testing.assert_array_equal(np.load(rows), pipe.predict_proba(X))


DAMAGE = {
    "array": lambda est: est.coefs_.insert(0, est.coefs_.pop(0)[:, 1:]),
    "one array more": lambda est: est.coefs_.append(est.coefs_[-1]),
    "no array": lambda est: est._batch_norms.clear(),
    "missing": lambda est: delattr(est, "intercepts_"),
    "no architecture": lambda est: delattr(est, "_architecture_state"),
    "other architecture": lambda est: est._architecture_state.update(batch_norm=None),
    "half an architecture": lambda est: est._architecture_state.pop("activation"),
    "no progress": lambda est: est._progress_state.pop("seed"),
    "no optimizer": lambda est: est._optimizer_state.clear(),
    "other features": lambda est: setattr(est, "n_features_in_", 9),
    "other rates": lambda est: setattr(est, "_dropout_rates", np.zeros(5)),
}


@pytest.mark.parametrize("kind", [DropoutMLPClassifier, DropoutMLPRegressor])
def test_damaged(iris, kind):
    whole = pickle.dumps(kind((8,), batch_norm=True, max_iter=2).fit(*iris))
    for damage in DAMAGE.values():
        est = pickle.loads(whole)
        damage(est)
        with pytest.raises(ValueError, match=f"{kind.__name__} was not saved whole"):
            pickle.loads(pickle.dumps(est))


def test_other_classes(iris):
    est = DropoutMLPClassifier((8,), max_iter=2).fit(*iris)
    est.classes_ = est.classes_[:2]
    with pytest.raises(ValueError, match="was not saved whole"):
        pickle.loads(pickle.dumps(est))


LATER_PARAMETERS = [
    {"hidden_layer_sizes": (20, 3), "dropout_rate": (0.5, 0.1)},
    {"activation": "tanh", "use_bias": False, "dropout_rate": 0.0},
    {"batch_norm": "after_dropout", "input_batch_norm": True},
    {"batch_norm": "nowhere", "activation": "rleu", "hidden_layer_sizes": -1},
]


@pytest.mark.parametrize("kind", [DropoutMLPClassifier, DropoutMLPRegressor])
def test_parameters_set_after_the_fit(iris, kind):
    """They are those of the next fit; until then the fitted network is what predicts."""
    X, y = iris
    est = kind((8,), batch_norm=True, input_dropout_rate=0.2, max_iter=2).fit(X, y)
    name = "mc_predict_proba" if hasattr(est, "predict_proba") else "mc_predict"
    draws = getattr(est, name)(X, random_state=0)
    predicted, exported = est.predict(X), est.to_keras().predict(X, verbose=0)
    for params in LATER_PARAMETERS:
        est.set_params(**params)
        for one in (est, *(trip(est) for trip in ROUND_TRIPS.values())):
            assert one.get_params() == est.get_params()
            np.testing.assert_array_equal(one.predict(X), predicted)
            np.testing.assert_array_equal(getattr(one, name)(X, random_state=0), draws)
        np.testing.assert_array_equal(one.to_keras().predict(X, verbose=0), exported)


@pytest.mark.parametrize("n_jobs", [None, 2])
def test_fitted_ones_with_other_parameters_in_scikit_learn(iris, n_jobs):
    X, y = iris
    est = DropoutMLPClassifier((8,), max_iter=2, random_state=0).fit(X, y)
    expected = est.predict(X)
    est.set_params(hidden_layer_sizes=(9,))
    fresh = clone(est)
    scores = cross_val_score(est, X, y, cv=2, n_jobs=n_jobs, error_score="raise")
    expected_scores = cross_val_score(fresh, X, y, cv=2)
    np.testing.assert_allclose(scores, expected_scores, atol=0.05)
    frozen = FrozenEstimator(est)
    np.testing.assert_array_equal(copy.deepcopy(frozen).predict(X), expected)
    np.testing.assert_array_equal(clone(frozen).fit(X, y).predict(X), expected)
    assert est.fit(X, y).coefs_[0].shape == (4, 9)


EXPORTED = [
    (DropoutMLPClassifier, {"batch_norm": "before_activation"}),
    (DropoutMLPClassifier, {"batch_norm": "after_activation", "use_bias": False}),
    (DropoutMLPRegressor, {"batch_norm": "after_dropout", "input_dropout_rate": 0.1}),
    (DropoutMLPRegressor, {"input_batch_norm": True, "activation": "gelu"}),
    (DropoutMLPRegressor, {"loss": "poisson", "hidden_layer_sizes": ()}),
]


@pytest.mark.slow
def test_exported_model_loads_without_this_package(tmp_path, iris):
    X, y = iris
    np.save(tmp_path / "X.npy", X.astype(np.float32))
    for i, (kind, params) in enumerate(EXPORTED):
        est = kind(**{"hidden_layer_sizes": (8, 5), "max_iter": 3, **params}).fit(X, y)
        est.to_keras().save(tmp_path / f"{i}.keras")
        predict = est.predict_proba if hasattr(est, "predict_proba") else est.predict
        np.save(tmp_path / f"expected{i}.npy", predict(X).reshape(len(X), -1))
    code = """
        import sys
        sys.modules["skdropout"] = None  # any import of it would fail
        import keras, numpy as np
        folder = sys.argv[1]
        X = np.load(f"{folder}/X.npy")
        for i in range(int(sys.argv[2])):
            model = keras.models.load_model(f"{folder}/{i}.keras")
            assert {type(layer).__module__.split(".")[0] for layer in model.layers} == {
                "keras"
            }
            expected = np.load(f"{folder}/expected{i}.npy")
            got = model.predict(X, verbose=0)
            np.testing.assert_allclose(got, expected, rtol=1e-4, atol=1e-5)
    """
    run_python(code, tmp_path, len(EXPORTED))


def test_binary_export_gives_the_second_class(iris):
    X, y = iris[0].astype(np.float32), iris[1] > 0
    est = DropoutMLPClassifier((8,), max_iter=2).fit(X, y)
    got = est.to_keras().predict(X, verbose=0)
    np.testing.assert_allclose(got[:, 0], est.predict_proba(X)[:, 1], atol=1e-6)


def test_clone_and_set_params():
    est = DropoutMLPClassifier((8,), dropout_rate=(0.3,), optimizer="sgd")
    twin = clone(est).set_params(dropout_rate=0.1, batch_norm=True)
    assert (est.dropout_rate, twin.dropout_rate) == ((0.3,), 0.1)
    assert twin.get_params()["optimizer"] == "sgd"

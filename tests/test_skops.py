"""Files of skops: what must be trusted, and files that somebody has tampered with."""

import sys

import keras
import numpy as np
import pytest
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.model_selection import GridSearchCV, HalvingGridSearchCV
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from helpers import assert_same_network
from skdropout import DropoutMLPClassifier, DropoutMLPRegressor, fused_training
from test_plain_state import KERAS_OBJECTS, sparing

skops_io = pytest.importorskip("skops.io")

pytestmark = pytest.mark.filterwarnings("ignore:Stochastic Optimizer")

TRUSTED = [
    "skdropout.classifier.DropoutMLPClassifier",
    "skdropout.regressor.DropoutMLPRegressor",
]


PARAMETERS = KERAS_OBJECTS | {
    "default": dict,
    "random state": lambda: {"random_state": np.random.RandomState(0)},
    "early stopping": lambda: {"early_stopping": True, "scoring": "neg_log_loss"},
    "loss": lambda: {"early_stopping": True, "scoring": "loss", "warm_start": True},
    "NumPy's numbers": lambda: {"alpha": np.float64(0.1), "batch_size": np.int64(20)},
}


def fitted(X, y, kind=DropoutMLPClassifier, **params):
    params = {"hidden_layer_sizes": (8,), "max_iter": 3, "random_state": 0} | params
    return kind(**params).fit(X, y)


def there_and_back(model):
    return skops_io.loads(skops_io.dumps(model), trusted=TRUSTED)


@pytest.mark.parametrize("kind", [DropoutMLPClassifier, DropoutMLPRegressor])
@pytest.mark.parametrize("name", PARAMETERS)
def test_two_classes_to_trust(iris, name, kind):
    X, y = iris
    params = PARAMETERS[name]()
    if kind is DropoutMLPRegressor and params.get("scoring") == "neg_log_loss":
        params["scoring"] = "neg_mean_absolute_error"
    est = fitted(X, y, kind, **params)
    pipe = make_pipeline(StandardScaler(), est)
    pipe[0].fit(X)
    loaded = there_and_back(pipe)[-1]
    np.testing.assert_array_equal(loaded.predict(X), est.predict(X))
    for parameter, value in est.get_params().items():
        assert type(getattr(loaded, parameter)) is type(value), parameter
    # Its next fit is that of the original.
    assert_same_network(loaded.fit(X, y), est.fit(X, y))


def searches(mlp):
    pipe = make_pipeline(StandardScaler(), mlp)
    grid = {f"{type(mlp).__name__.lower()}__alpha": [0.0, 0.1]}
    yield GridSearchCV(pipe, grid, cv=2)
    yield HalvingGridSearchCV(pipe, grid, cv=2, random_state=0)


@pytest.mark.parametrize("fused", [False, True])
def test_searches(iris, fused):
    """What scikit-learn's own searches need, and our class."""
    X, y = iris
    ours = DropoutMLPClassifier(
        (8,), max_iter=3, random_state=0, optimizer=sparing(), early_stopping=True
    )
    theirs = MLPClassifier((8,), max_iter=3, random_state=0)
    for search, of_theirs in zip(searches(ours), searches(theirs), strict=True):
        if fused:
            with fused_training():
                search.fit(X, y)
        else:
            search.fit(X, y)
        of_theirs.fit(X, y)
        found, needed = (
            set(skops_io.get_untrusted_types(data=skops_io.dumps(one)))
            for one in (search, of_theirs)
        )
        assert found - needed == {TRUSTED[0]}
        loaded = skops_io.loads(skops_io.dumps(search), trusted=[*needed, TRUSTED[0]])
        np.testing.assert_array_equal(loaded.predict(X), search.predict(X))
        assert loaded.best_params_ == search.best_params_


def test_classes_of_somebody_elses_are_named(iris):
    class Halving(keras.optimizers.SGD):
        pass

    Halving.__qualname__ = "Halving"
    globals()["Halving"] = Halving
    est = fitted(*iris, optimizer=Halving(0.1))
    data = skops_io.dumps(est)
    found = skops_io.get_untrusted_types(data=data)
    assert set(found) == {TRUSTED[0], f"{__name__}.Halving"}
    assert type(skops_io.loads(data, trusted=found).optimizer) is Halving


# Hostile files: what skops writes for a state that no fit leaves behind.


@pytest.fixture(scope="module")
def whole(iris):
    return fitted(*iris, batch_norm=True, optimizer=keras.optimizers.AdamW(0.01))


def written_with(monkeypatch, est, **changes):
    """A file with a state of which some values are others, or left out by `...`."""
    state = est.__getstate__() | changes
    state = {name: value for name, value in state.items() if value is not ...}
    with monkeypatch.context() as patch:
        patch.setattr(type(est), "__getstate__", lambda self: state)
        return skops_io.dumps(est)


def architecture(est, **changes):
    return est._architecture_state | changes


STATES = {
    "wrong shape": lambda est: {"coefs_": [w.T for w in est.coefs_]},
    "an array too few": lambda est: {"coefs_": est.coefs_[:1]},
    "a list": lambda est: {"coefs_": [w.tolist() for w in est.coefs_]},
    "strings": lambda est: {"coefs_": [w.astype(str) for w in est.coefs_]},
    "integers": lambda est: {"coefs_": [w.astype(int) for w in est.coefs_]},
    "no coefficients": lambda est: {"coefs_": ...},
    "no intercepts": lambda est: {"intercepts_": ...},
    "no architecture": lambda est: {"_architecture_state": ...},
    "no classes": lambda est: {"classes_": ...},
    "no optimizer's state": lambda est: {"_optimizer_state": ...},
    "strings in the optimizer": lambda est: {
        "_optimizer_state": {"kind": "adam", "arrays": ["x"]}
    },
    "no progress": lambda est: {"_progress_state": {}},
    "other outputs": lambda est: {"n_outputs_": 1},
    "other layers": lambda est: {"n_layers_": 7},
    "unknown activation": lambda est: {
        "_architecture_state": architecture(est, activation="os.system")
    },
    "unknown output activation": lambda est: {
        "_architecture_state": architecture(est, out_activation="relu")
    },
    "other output activation": lambda est: {"out_activation_": "logistic"},
    "unknown place": lambda est: {
        "_architecture_state": architecture(est, batch_norm="nowhere")
    },
    "a function for an activation": lambda est: {
        "_architecture_state": architecture(est, activation=np.add)
    },
    "one key more": lambda est: {"_architecture_state": architecture(est, lambda_="x")},
    "a method": lambda est: {"_check_arrays": int},
    "a method to predict": lambda est: {"predict": np.add},
}


@pytest.mark.parametrize("name", STATES)
def test_state_that_was_tampered_with(monkeypatch, whole, name):
    data = written_with(monkeypatch, whole, **STATES[name](whole))
    with pytest.raises(
        ValueError, match=r"DropoutMLPClassifier was not saved (whole|by)"
    ):
        skops_io.loads(data, trusted=TRUSTED)


@pytest.mark.parametrize("state", [["coefs_"], {3: 4}, "coefs_", 3])
def test_state_that_is_none(monkeypatch, whole, state):
    monkeypatch.setattr(DropoutMLPClassifier, "__getstate__", lambda self: state)
    with pytest.raises(ValueError, match="DropoutMLPClassifier was not saved by"):
        skops_io.loads(skops_io.dumps(whole), trusted=TRUSTED)


def test_unknown_names_are_named(monkeypatch, whole):
    changed = architecture(whole, activation="os.system")
    data = written_with(monkeypatch, whole, _architecture_state=changed)
    with pytest.raises(ValueError, match=r"activation='os\.system'"):
        skops_io.loads(data, trusted=TRUSTED)


@pytest.fixture
def trap(tmp_path, monkeypatch):
    """A module whose import is to be noticed, and a file that a command would make."""
    (tmp_path / "skdropout_trap.py").write_text("class Trap: from_config = print\n")
    monkeypatch.syspath_prepend(tmp_path)
    yield tmp_path / "made"
    assert "skdropout_trap" not in sys.modules
    assert not (tmp_path / "made").exists()


def serialized(module, name, config, **more):
    """How Keras writes an object down, which its own loading imports and calls."""
    return {
        "module": module,
        "class_name": name,
        "config": config,
        "registered_name": name,
        **more,
    }


def hostile_parameters(command):
    trap = serialized("skdropout_trap", "Trap", {})
    system = serialized("os", "system", command)
    a_lambda = serialized(
        "keras.layers",
        "Lambda",
        {"function": serialized("builtins", "__lambda__", {"code": "4wEAAA=="})},
    )
    adam = {"spared": None, "attributes": {}, "class": "Adam"}
    config = {"learning_rate": 0.1}
    for rate in (trap, system, a_lambda, [trap], {"keras": "system"}, b"0.1"):
        yield {"optimizer": adam | {"config": {"learning_rate": rate}}}
    for more in (trap, [system], {"a": 1}, np.ones(3)):
        yield {"optimizer": adam | {"config": config | {"beta_1": more}}}
    for kind in (
        "os.system",
        "system",
        "Trap",
        "Optimizer",
        "deserialize",
        int,
        np.add,
        3,
    ):
        yield {"optimizer": adam | {"config": config, "class": kind}}
    inner = config | {"inner_optimizer": trap}
    yield {"optimizer": adam | {"config": inner, "class": "LossScaleOptimizer"}}
    yield {"optimizer": adam | {"config": "os.system"}}
    yield {"optimizer": adam | {"config": config | {"no_such": 1}}}
    yield {"optimizer": adam | {"config": config, "attributes": {"apply": int}}}
    yield {"optimizer": adam | {"config": config, "spared": [command]}}
    yield {"optimizer": trap}
    yield {"optimizer": {"keras": "deserialize"}}
    yield {"optimizer": {}}
    for name in ("activation", "initializer", "learning_rate"):
        for value in (trap, system, a_lambda, {"keras": "deserialize"}, {"keras": "get"}):
            yield {name: value}
    yield {"activation": {"keras": "relu", "attributes": {}}}
    yield {"initializer": {"keras": "HeNormal", "attributes": {"seed": trap}}}
    yield {"initializer": {"keras": "HeNormal", "attributes": [command]}}
    yield {"learning_rate": {"keras": "CosineDecay", "attributes": {}}}


@pytest.mark.parametrize("number", range(len(list(hostile_parameters("")))))
def test_parameters_that_ask_for_other_classes(monkeypatch, whole, trap, number):
    params = list(hostile_parameters(f"touch {trap}"))[number]
    (name,) = params
    data = written_with(monkeypatch, whole, **params)
    with pytest.raises(ValueError, match=rf"({name}|learning_rate) is .*allowed is"):
        skops_io.loads(data, trusted=TRUSTED)


def test_functions_are_not_trusted(monkeypatch, whole):
    import os

    data = written_with(monkeypatch, whole, activation=os.system)
    with pytest.raises(TypeError, match="system"):
        skops_io.loads(data, trusted=TRUSTED)

"""scikit-learn's MLP as the oracle: names, meaning and fitted attributes."""

import inspect
import re

import numpy as np
import pytest
from sklearn.neural_network import MLPClassifier, MLPRegressor

from helpers import assert_same_network
from skdropout import DropoutMLPClassifier, DropoutMLPRegressor

PAIRS = [(DropoutMLPClassifier, MLPClassifier), (DropoutMLPRegressor, MLPRegressor)]
OTHER_DEFAULTS = {
    "hidden_layer_sizes": (256,),
    "batch_size": 32,
    "learning_rate": "adaptive",
    "early_stopping": "auto",
}
pytestmark = pytest.mark.filterwarnings("ignore:Stochastic Optimizer")


@pytest.mark.parametrize(("ours", "theirs"), PAIRS)
def test_parameters_and_defaults(ours, theirs):
    mine = {k: v.default for k, v in inspect.signature(ours).parameters.items()}
    known = {k: v.default for k, v in inspect.signature(theirs).parameters.items()}
    assert known.pop("solver") == mine["optimizer"]
    known.pop("max_fun")
    assert OTHER_DEFAULTS.keys() <= known.keys()
    assert {name: mine[name] for name in known} == known | OTHER_DEFAULTS


def _pair(ours, theirs, X, y, **params):
    """Our estimator and scikit-learn's with the same weights to go on from."""
    params = {
        "batch_size": "auto",
        "learning_rate": "constant",
        "learning_rate_init": 0.001,
        **params,
    }
    mine = ours((7,), dropout_rate=0.0, optimizer="sgd", **params)
    other = theirs(hidden_layer_sizes=(7,), solver="sgd", **params)
    if "Classifier" in ours.__name__:
        classes = np.unique(y) if y.ndim == 1 else np.arange(y.shape[1])
        mine.partial_fit(X, y, classes=classes)
        other.partial_fit(X, y, classes=classes)
    else:
        mine.set_params(normalize_y=False).partial_fit(X, y)
        other.partial_fit(X, y)
    other.coefs_ = [values.copy() for values in mine.coefs_]
    other.intercepts_ = [values.copy() for values in mine.intercepts_]
    del other._optimizer
    return mine, other


TARGETS = {
    "binary": lambda X: (X[:, 0] > 0).astype(int),
    "multiclass": lambda X: np.digitize(X[:, 0], [-0.5, 0.5]),
    "multilabel": lambda X: (X > 0).astype(int),
    "one output": lambda X: X[:, 0] * X[:, 1],
    "two outputs": lambda X: np.c_[X[:, 0] * X[:, 1], X[:, 2]],
}


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("policy", ["constant", "invscaling"])
def test_training_goes_on_alike(curve, target, policy):
    X = curve[0]
    y = TARGETS[target](X)
    ours, theirs = PAIRS["output" in target]
    mine, other = _pair(
        ours,
        theirs,
        X,
        y,
        momentum=0.0,
        shuffle=False,
        batch_size=64,
        alpha=0.5,
        learning_rate=policy,
        learning_rate_init=0.05,
        random_state=0,
    )
    other.t_ = 0 if policy == "constant" else other.t_
    for _ in range(5):
        mine.partial_fit(X, y)
        if policy == "invscaling":
            # scikit-learn's first rate of an optimizer ignores the rows seen before.
            other._optimizer = None
            del other._optimizer
            other.learning_rate_init = 0.05 / (mine.t_ - len(X) + 1) ** 0.5
        other.partial_fit(X, y)
    assert_same_network(mine, other, rtol=1e-4, atol=1e-5)
    if target != "two outputs":  # scikit-learn reports the mean over the outputs there
        np.testing.assert_allclose(mine.loss_, other.loss_, rtol=1e-4)


@pytest.mark.parametrize(("ours", "theirs"), PAIRS)
def test_sample_weight_means_the_same(curve, ours, theirs):
    X = curve[0]
    y = (X[:, 0] > 0).astype(int)
    weight = np.random.default_rng(0).integers(1, 4, len(y)).astype(float)
    mine, other = _pair(
        ours, theirs, X, y, momentum=0.0, shuffle=False, alpha=0.5, random_state=0
    )
    if "sample_weight" not in inspect.signature(other.fit).parameters:
        pytest.skip("this scikit-learn's MLP takes no sample weights (it does from 1.7)")
    mine.partial_fit(X, y, sample_weight=weight)
    other.partial_fit(X, y, sample_weight=weight)
    assert_same_network(mine, other, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize(("ours", "theirs"), PAIRS)
@pytest.mark.parametrize("early_stopping", [False, True])
def test_fitted_attributes(curve, ours, theirs, early_stopping):
    X = curve[0]
    y = (X[:, 0] > 0).astype(int)
    params = {"max_iter": 3, "early_stopping": early_stopping, "random_state": 0}
    mine, other = ours((7,), **params).fit(X, y), theirs(**params).fit(X, y)
    for name in [name for name in vars(other) if name.endswith("_")]:
        value, expected = getattr(mine, name), getattr(other, name)
        if name in ("n_iter_", "n_layers_", "n_outputs_", "out_activation_", "t_"):
            assert value == expected, name
        assert (value is None) == (expected is None), name
        if isinstance(expected, list):
            assert len(value) == len(expected), name


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_types_of_predictions(iris, dtype):
    X, y = iris[0].astype(dtype), iris[1]
    mine = DropoutMLPClassifier((5,), max_iter=2).fit(X, y)
    theirs = MLPClassifier((5,), max_iter=2).fit(X, y)
    for other in (np.float32, np.float64):
        got, expected = (m.predict_proba(X.astype(other)) for m in (mine, theirs))
        assert got.dtype == expected.dtype
    assert mine.coefs_[0].dtype == theirs.coefs_[0].dtype


@pytest.mark.parametrize("early_stopping", [False, True])
def test_adaptive_learning_rate_and_stopping(early_stopping, iris, capsys):
    """What is printed is scikit-learn's, but for the losses and scores."""
    X, y = iris
    params = {
        "early_stopping": early_stopping,
        "batch_size": "auto",
        "learning_rate": "adaptive",
        "learning_rate_init": 0.5,
        "tol": 10.0,
        "n_iter_no_change": 1,
        "max_iter": 200,
        "verbose": True,
        "random_state": 0,
    }
    mine = DropoutMLPClassifier((5,), dropout_rate=0.0, optimizer="sgd", **params)
    theirs = MLPClassifier((5,), solver="sgd", **params)
    mine.fit(X, y)
    lines = capsys.readouterr().out.splitlines()
    theirs.fit(X, y)
    expected = capsys.readouterr().out.splitlines()
    assert mine.n_iter_ == theirs.n_iter_
    figures = re.compile(r"(?<=loss = )\d+\.\d{8}$|(?<=score: )\d\.\d{6}$")
    assert [figures.sub("", line) for line in lines] == [
        figures.sub("", line) for line in expected
    ]
    assert all(figures.search(line) for line in lines[:2])
    assert mine.history_["learning_rate"][-1] < 1e-5


def test_loss_rule_stops_as_scikit_learn_does(iris):
    X, y = iris
    mine = DropoutMLPClassifier(
        (20,),
        dropout_rate=0.0,
        learning_rate="constant",
        tol=0.02,
        n_iter_no_change=3,
        random_state=0,
    ).fit(X, y)
    best, counts = np.inf, []
    for loss in mine.loss_curve_:
        counts.append(counts[-1] + 1 if counts and loss > best - 0.02 else 0)
        best = min(best, loss)
    assert counts[-1] == 4
    assert max(counts[:-1]) == 3
    assert mine.n_iter_ == len(mine.loss_curve_) < 200
    assert mine.best_loss_ == min(mine.loss_curve_)

"""Early stopping by the validation loss and by scikit-learn's scorers, which are the
oracle."""

import pickle

import joblib
import keras
import numpy as np
import pytest
from scipy import sparse
from sklearn.base import clone, is_classifier, is_regressor
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import (
    accuracy_score,
    fbeta_score,
    get_scorer,
    get_scorer_names,
    log_loss,
    make_scorer,
    mean_absolute_error,
    roc_auc_score,
)

from helpers import assert_same_network
from skdropout import DropoutMLPClassifier, DropoutMLPRegressor, fused_training
from test_bad_input import assert_refused

pytestmark = pytest.mark.filterwarnings("ignore:Stochastic Optimizer")
BOTH = [DropoutMLPClassifier, DropoutMLPRegressor]


def alone(fits):
    for fit in fits:
        fit()


def fused(fits):
    with fused_training():
        joblib.Parallel()(joblib.delayed(fit)() for fit in fits)


# How fits are run, and an optimizer that is trained so.
WAYS = {"alone": (alone, "adam"), "fused": (fused, "adam"), "by Keras": (alone, "lamb")}

TARGETS = {
    "binary": (DropoutMLPClassifier, lambda X: (X[:, 0] + X[:, 1] > 0).astype(int)),
    "text": (DropoutMLPClassifier, lambda X: np.where(X[:, 0] > 0, "yes", "no")),
    "multiclass": (
        DropoutMLPClassifier,
        lambda X: np.array(list("abc"))[np.digitize(X[:, 0], [-0.5, 0.5])],
    ),
    "two labels": (DropoutMLPClassifier, lambda X: (X[:, :2] > 0).astype(int)),
    "three labels": (DropoutMLPClassifier, lambda X: (X[:, :3] > 0).astype(int)),
    "sparse labels": (
        DropoutMLPClassifier,
        lambda X: sparse.csr_matrix((X[:, :3] > 0).astype(int)),
    ),
    "one output": (DropoutMLPRegressor, lambda X: 500 + 70 * X[:, 0] * X[:, 1]),
    "two outputs": (DropoutMLPRegressor, lambda X: np.c_[1e6 * X[:, 0], X[:, 1]]),
}
SCORERS = {
    "binary": ["f1", "average_precision", "neg_brier_score"],
    "text": ["roc_auc", "neg_log_loss"],
    "multiclass": ["neg_log_loss", "f1_macro", "roc_auc_ovr", "balanced_accuracy"],
    "two labels": ["jaccard_micro", "average_precision"],
    "three labels": ["roc_auc", "jaccard_micro"],
    "sparse labels": ["f1_macro"],
    "one output": ["neg_mean_absolute_error", "neg_max_error", "r2"],
    "two outputs": ["neg_root_mean_squared_error", "explained_variance"],
}


def data(target):
    X = np.random.default_rng(0).normal(size=(90, 4))
    kind, make = TARGETS[target]
    y = make(X)
    return kind, (X[:60], y[:60]), {"X_val": X[60:], "y_val": y[60:]}


def small(kind, scoring=None, **params):
    defaults = {
        "early_stopping": True,
        "max_iter": 8,
        "dropout_rate": 0.2,
        "batch_size": "auto",
        "learning_rate": "constant",
        "learning_rate_init": 0.03,
        "random_state": 0,
    }
    return kind((8,), scoring=scoring, **{**defaults, **params})


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("target", TARGETS)
def test_the_score_is_that_of_scikit_learn(target, way):
    run, optimizer = WAYS[way]
    kind, rows, validation = data(target)
    ests = [small(kind, name, optimizer=optimizer) for name in SCORERS[target]]
    run([lambda est=est: est.fit(*rows, **validation) for est in ests])
    y_val = validation["y_val"]
    for est, name in zip(ests, SCORERS[target], strict=True):
        assert est.best_validation_score_ == max(est.validation_scores_)
        assert est.history_["val_score"] == est.validation_scores_
        if target == "two labels" and name == "average_precision":
            # scikit-learn takes two labels for two classes; two outputs are in its words
            # two arrays of classes.
            est.classes_ = [np.arange(2)] * 2
        expected = get_scorer(name)(est, validation["X_val"], y_val)
        np.testing.assert_allclose(
            est.best_validation_score_, expected, rtol=1e-4, err_msg=name
        )


@pytest.mark.parametrize("target", ["binary", "one output"])
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_every_name_of_scikit_learn(target):
    """Each gives its score, or the error that it gives for the fitted estimator."""
    kind, rows, validation = data(target)
    fitted = small(kind, max_iter=1).fit(*rows, **validation)
    n_defined = 0
    for name in get_scorer_names():
        est = small(kind, name, max_iter=1)
        try:
            expected = get_scorer(name)(fitted, *validation.values())
        except Exception as error:
            with pytest.raises(type(error)):
                est.fit(*rows, **validation)
        else:
            score = est.fit(*rows, **validation).best_validation_score_
            np.testing.assert_allclose(score, expected, rtol=1e-4, err_msg=name)
            n_defined += 1
    assert n_defined > 15


class Recorder(keras.callbacks.Callback):
    """Keeps the outputs for some rows and what it is told, of each epoch."""

    def __init__(self, X):
        super().__init__()
        self.X, self.outputs, self.logs = X.astype(np.float32), [], []

    def on_epoch_end(self, epoch, logs=None):
        self.outputs.append(self.model(self.X).numpy().astype(float))
        self.logs.append(dict(logs))


@pytest.mark.parametrize("optimizer", ["adam", "lamb"])
def test_every_epoch_is_scored(optimizer):
    _, rows, validation = data("text")
    recorder = Recorder(validation["X_val"])
    est = small(
        DropoutMLPClassifier, "roc_auc", optimizer=optimizer, callbacks=recorder
    ).fit(*rows, **validation)
    y_val = validation["y_val"]
    np.testing.assert_allclose(
        est.validation_scores_,
        [roc_auc_score(y_val, p[:, 0]) for p in recorder.outputs],
    )
    np.testing.assert_allclose(
        est.history_["val_accuracy"],
        [
            accuracy_score(y_val, np.where(p[:, 0] > 0.5, "yes", "no"))
            for p in recorder.outputs
        ],
    )
    assert [logs["val_score"] for logs in recorder.logs] == est.validation_scores_


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("kind", BOTH)
def test_by_the_loss(kind, way, capsys):
    run, optimizer = WAYS[way]
    target = "multiclass" if kind is DropoutMLPClassifier else "one output"
    _, (X, y), validation = data(target)
    # Training this fast, it is not the last epoch that is the best.
    params = {"optimizer": optimizer, "learning_rate_init": 0.3, "verbose": True}
    ests = [small(kind, "loss", **params), small(kind, "loss", **params, alpha=1.0)]
    run([lambda est=est: est.fit(X, y, **validation) for est in ests])
    printed = capsys.readouterr().out
    for est in ests:
        losses = est.history_["val_loss"]
        assert est.validation_scores_ == [-loss for loss in losses]
        assert f"Validation score: {-losses[-1]:f}" in printed
        X_val, y_val = validation.values()
        if kind is DropoutMLPClassifier:
            loss = log_loss(y_val, est.predict_proba(X_val))
        else:
            loss = ((est.predict(X_val) - y_val) ** 2).mean() / 2 / y.var()
        np.testing.assert_allclose(loss, min(losses), rtol=1e-4)


def test_the_rule_for_stopping_goes_by_the_score():
    kind, rows, validation = data("multiclass")
    est = small(kind, "loss", max_iter=100, tol=0.01, n_iter_no_change=3)
    est.fit(*rows, **validation)
    scores, n_bad, best = est.validation_scores_, 0, -np.inf
    for i, score in enumerate(scores):
        n_bad = 0 if score >= best + 0.01 else n_bad + 1
        best = max(best, score)
        assert (n_bad > 3) == (i == len(scores) - 1)


def test_a_stack_of_several_scorings(without_xla):
    kind, rows, validation = data("binary")
    scorings = [None, "loss", "roc_auc", make_scorer(fbeta_score, beta=2)]
    ests = [small(kind, scoring) for scoring in scorings]
    plain = [clone(est).fit(*rows, **validation) for est in ests]
    fused([lambda est=est: est.fit(*rows, **validation) for est in ests])
    for a, b in zip(ests, plain, strict=True):
        assert_same_network(a, b)
        assert a.history_ == b.history_
        assert a.best_validation_score_ == b.best_validation_score_


class Spy:
    """A scorer that keeps what it is given, and returns one value after the other."""

    def __init__(self, *values):
        self.values, self.calls = list(values), []

    def __call__(self, estimator, X, y, **others):
        self.calls.append((estimator, X, y, others))
        value = self.values[min(len(self.calls), len(self.values)) - 1]
        if isinstance(value, Exception):
            raise value
        return value


@pytest.mark.parametrize("container", [np.asarray, sparse.csr_matrix])
@pytest.mark.parametrize("target", TARGETS)
def test_what_a_scorer_is_given(target, container):
    kind, rows, validation = data(target)
    spy = Spy(0.0)
    X_val = container(validation["X_val"])
    y_val = validation["y_val"]
    small(kind, spy, max_iter=1).fit(
        container(rows[0]), rows[1], X_val=X_val, y_val=y_val
    )
    [(estimator, X, y, others)] = spy.calls
    assert sparse.issparse(X) == sparse.issparse(X_val)
    assert others == {}
    y_val = y_val.toarray() if sparse.issparse(y_val) else y_val
    assert y.shape == y_val.shape
    predicted = estimator.predict(X)
    assert predicted.shape == y.shape
    if kind is DropoutMLPRegressor:
        assert is_regressor(estimator)
        np.testing.assert_allclose(y, y_val, rtol=1e-6)
        assert mean_absolute_error(y, predicted, multioutput="raw_values").max() > 0.1
    else:
        assert is_classifier(estimator)
        np.testing.assert_array_equal(y, y_val)
        assert y.dtype == y_val.dtype
        assert len(estimator.predict_proba(X)) == len(y)
    with pytest.raises(ValueError, match="no other"):
        estimator.predict(X[:5])


@pytest.mark.parametrize("kind", BOTH)
def test_weights_of_the_rows_set_aside(kind):
    """By name, the usual score is what it is without a name."""
    target = "multiclass" if kind is DropoutMLPClassifier else "one output"
    name = "accuracy" if kind is DropoutMLPClassifier else "r2"
    _, (X, y), _ = data(target)
    weight = np.random.default_rng(0).choice([0, 1, 5], size=len(y))
    for given in (None, weight):
        usual = small(kind).fit(X, y, given)
        named = small(kind, name).fit(X, y, given)
        np.testing.assert_allclose(
            named.validation_scores_, usual.validation_scores_, rtol=1e-5
        )
        assert_same_network(named, usual)
        assert "val_score" not in usual.history_
        spy = Spy(0.0)
        small(kind, spy, max_iter=1).fit(X, y, given)
        [(_, X_val, _, others)] = spy.calls
        if given is None:
            assert others == {}
        else:
            assert others["sample_weight"].shape == X_val.shape[:1]
            ratios = np.unique(others["sample_weight"] / others["sample_weight"].max())
            np.testing.assert_allclose(ratios, [0.2, 1.0], rtol=1e-5)


@pytest.mark.parametrize("kind", BOTH)
def test_not_used_without_early_stopping(kind):
    target = "multiclass" if kind is DropoutMLPClassifier else "one output"
    _, rows, validation = data(target)
    spy = Spy(RuntimeError("called"))
    est = small(kind, spy, early_stopping=False).fit(*rows, **validation)
    usual = small(kind, early_stopping=False).fit(*rows, **validation)
    assert est.history_ == usual.history_
    est.partial_fit(*rows)
    assert spy.calls == []


@pytest.mark.parametrize("way", WAYS)
def test_an_error_of_a_scorer_ends_its_network_alone(way, without_xla):
    run, optimizer = WAYS[way]
    kind, rows, validation = data("binary")
    bad = small(kind, Spy(0.1, 0.2, RuntimeError("as asked")), optimizer=optimizer)
    good = small(kind, "roc_auc", optimizer=optimizer)
    expected = clone(good).fit(*rows, **validation)
    errors = []

    def fit_bad():
        try:
            bad.fit(*rows, **validation)
        except RuntimeError as error:
            errors.append(error)

    run([fit_bad, lambda: good.fit(*rows, **validation)])
    assert str(errors[0]) == "as asked"
    assert not hasattr(bad, "coefs_")
    assert_same_network(good, expected)


@pytest.mark.parametrize("way", WAYS)
def test_a_score_that_is_no_number(way):
    run, optimizer = WAYS[way]
    kind, rows, validation = data("binary")
    est = small(kind, Spy(np.nan), optimizer=optimizer)
    with pytest.raises(ValueError, match=r"score became nan in epoch 1.*scoring"):
        run([lambda: est.fit(*rows, **validation)])
    est = small(kind, Spy(0.5, 0.4, np.float32(-np.inf)), optimizer=optimizer)
    with pytest.warns(ConvergenceWarning, match=r"became -inf in epoch 3.*scoring"):
        run([lambda: est.fit(*rows, **validation)])
    assert est.validation_scores_ == [0.5, 0.4]
    first = small(kind, Spy(0.5), optimizer=optimizer, max_iter=1)
    assert_same_network(est, first.fit(*rows, **validation), rtol=1e-5, atol=1e-6)
    for value in ("high", None, 1j, np.ones(2), {"a": 1.0}):
        with pytest.raises(ValueError, match="scoring must return a number"):
            small(kind, Spy(value), optimizer=optimizer).fit(*rows, **validation)


@pytest.mark.parametrize("optimizer", ["sgd", keras.optimizers.SGD(1e30, clipnorm=1e30)])
def test_a_network_that_diverges_is_not_scored(optimizer):
    kind, rows, validation = data("one output")
    spy = Spy(0.0)
    params = {"learning_rate_init": 1e30, "optimizer": optimizer, "batch_size": 10}
    with pytest.raises(ValueError, match="diverged"):
        small(kind, spy, **params).fit(*rows, **validation)
    assert spy.calls == []


def test_warm_start():
    kind, rows, validation = data("binary")
    scorer = make_scorer(fbeta_score, beta=2)
    for same, other in (("loss", "roc_auc"), (scorer, "f1"), (None, "accuracy")):
        est = small(kind, same, warm_start=True, max_iter=20).fit(*rows, **validation)
        est = pickle.loads(pickle.dumps(est))
        best, coefs = est.best_validation_score_, est.coefs_[0].copy()
        est.set_params(max_iter=2, learning_rate_init=3.0).fit(*rows, **validation)
        assert max(est.validation_scores_[-2:]) < best
        assert est.best_validation_score_ == best
        np.testing.assert_array_equal(est.coefs_[0], coefs)
        est.set_params(scoring=other).fit(*rows, **validation)
        assert est.best_validation_score_ == max(est.validation_scores_[-est.n_iter_ :])
        assert not np.array_equal(est.coefs_[0], coefs)


def test_a_scorer_that_is_gone_is_not_pickled():
    kind, rows, validation = data("binary")
    est = small(kind, lambda estimator, X, y: 0.5, warm_start=True)
    est.fit(*rows, **validation).set_params(scoring="loss")
    loaded = pickle.loads(pickle.dumps(est)).fit(*rows, **validation)
    assert loaded.best_validation_score_ == max(loaded.validation_scores_[8:])


def test_warm_start_by_another_loss():
    kind, rows, validation = data("one output")
    est = small(kind, "loss", warm_start=True, max_iter=20).fit(*rows, **validation)
    est.set_params(loss="absolute_error", max_iter=1).fit(*rows, **validation)
    assert est.best_validation_score_ == est.validation_scores_[-1]


def test_one_validation_row_is_enough_but_for_r2():
    kind, (X, y), _ = data("one output")
    validation = {"X_val": X[:1], "y_val": y[:1]}
    with pytest.raises(ValueError, match=r"R2.*at least 2"):
        small(kind).fit(X, y, **validation)
    for scoring in ("loss", "neg_mean_squared_error"):
        est = small(kind, scoring).fit(X, y, **validation)
        assert np.isfinite(est.validation_scores_).all()
        set_aside = small(kind, scoring, max_iter=1, validation_fraction=0.1)
        assert set_aside.fit(X[:3], y[:3]).t_ == 2


@pytest.mark.parametrize("early_stopping", [True, False])
@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("acuracy", ["'acuracy'", "Did you mean 'accuracy'", "'loss'", "scorer"]),
        ("Loss", ["Did you mean 'loss'", "get_scorer_names"]),
        (accuracy_score, ["accuracy_score", "make_scorer"]),
        (3, ["Got 3"]),
        (np.nan, ["Got nan"]),
        (True, ["Got True"]),
        (["accuracy", "f1"], [r"\['accuracy', 'f1'\]"]),
        ({"a": "accuracy"}, ["accuracy"]),
        (np.array("accuracy"), ["array"]),
        (dict, ["dict"]),
        (b"loss", ["b'loss'"]),
    ],
)
@pytest.mark.parametrize("kind", BOTH)
def test_bad_values(kind, value, words, early_stopping):
    target = "multiclass" if kind is DropoutMLPClassifier else "one output"
    _, rows, _ = data(target)
    est = kind(scoring=value, early_stopping=early_stopping)
    assert_refused(est, *rows, ["'scoring' parameter", *words])


def test_numpys_strings():
    kind, rows, validation = data("binary")
    for name in ("loss", "roc_auc"):
        plain = small(kind, name).fit(*rows, **validation)
        other = small(kind, np.str_(name)).fit(*rows, **validation)
        assert plain.validation_scores_ == other.validation_scores_

"""Random combinations of parameters, data, targets and weights.

Each ends in a right result, or in an error that names its cause; and nothing that the
caller holds is changed.
"""

import os
import pickle
import random
import re
import warnings
from typing import NamedTuple

import joblib
import keras
import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import HealthCheck, given, note, settings
from hypothesis import strategies as st
from scipy import sparse
from sklearn.base import clone, is_classifier
from sklearn.neural_network import MLPClassifier, MLPRegressor

from helpers import assert_same_network
from kinds_of_input import (
    CLASSES,
    NUMBERS,
    OF_CLASSIFIER,
    OF_REGRESSOR,
    PARAMETERS,
    ROWS,
    WEIGHTS,
    Choice,
)
from skdropout import DropoutMLPClassifier, DropoutMLPRegressor

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("without_xla")]


class Case(NamedTuple):
    labels: tuple
    kind: type
    params: dict
    X: object
    y: object
    weight: object
    validation: dict
    plain_X: np.ndarray | None  # the same rows as a plain array
    is_good: bool | None

    def __repr__(self):
        return f"{self.kind.__name__}{self.labels}, {self.params}"


def verdict(choices):
    verdicts = {choice.is_good for choice in choices}
    return False if False in verdicts else None if None in verdicts else True


# Most draws are of what fits, so that what does not comes with what does.
def from_table(draw, table):
    names = sorted(table, key=lambda name: table[name].is_good is False)
    n_good = sum(table[name].is_good is not False for name in names)
    may_be_bad = draw(st.integers(0, 7)) == 7
    name = draw(st.sampled_from(names if may_be_bad else names[:n_good]))
    return name, table[name]


def parameter(draw, values):
    fitting = [v for v in values if v.is_good is not False]
    return draw(st.sampled_from(values if draw(st.integers(0, 11)) == 11 else fitting))


@st.composite
def cases(draw):
    kind = draw(st.sampled_from([DropoutMLPClassifier, DropoutMLPRegressor]))
    n_rows = draw(st.sampled_from([12, 30, 2, 1]))
    rng = np.random.default_rng(draw(st.integers(0, 3)))
    base = rng.integers(0, 5, (n_rows, draw(st.sampled_from([3, 1])))).astype(float)
    target = np.arange(n_rows) % 3
    of_kind, targets = OF_CLASSIFIER, CLASSES
    if kind is DropoutMLPRegressor:
        of_kind, targets = OF_REGRESSOR, NUMBERS
    table = {**PARAMETERS, **of_kind}
    changed = draw(st.lists(st.sampled_from(sorted(table)), max_size=4, unique=True))
    params = {name: parameter(draw, table[name]) for name in changed}
    X_name, X = from_table(draw, ROWS)
    y_name, y = from_table(draw, targets)
    weight_name, weight = from_table(draw, WEIGHTS)
    made = X.value(base), y.value(target), weight.value(n_rows)
    validation, has_validation = {}, draw(st.integers(0, 5))
    if has_validation == 5:
        validation = {"X_val": made[0], "y_val": made[1]}
    elif has_validation == 4:
        validation = {draw(st.sampled_from(["X_val", "y_val"])): made[0]}
    choices = [X, y, weight, *params.values()]
    if len(validation) == 1 and made[0] is not None:
        choices.append(Choice(None, False))
    if n_rows < 3:  # may be one class, or too few to split, or an indicator of one row
        choices.append(Choice(None, None))
    rates = params.get("dropout_rate")
    if rates is not None and isinstance(rates.value, list):
        choices.append(Choice(None, None))  # one for each layer
    plain = None
    if X.is_good:
        plain = made[0].toarray() if sparse.issparse(made[0]) else np.asarray(made[0])
        plain = plain.astype("f4" if plain.dtype == np.float32 else "f8", order="C")
    values = {name: choice.value for name, choice in params.items()}
    labels = (base.shape, X_name, y_name, weight_name, *validation)
    return Case(labels, kind, values, *made, validation, plain, verdict(choices))


# What is asked of each


def fingerprint(value):
    """Changes with every byte of the value, but not with what is cached on it."""
    if isinstance(value, dict):
        return {name: fingerprint(part) for name, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [fingerprint(part) for part in value]
    if isinstance(value, np.ndarray):
        layout = value.flags.writeable, value.strides, value.dtype.str
        return layout, joblib.hash(np.asarray(value))
    if sparse.issparse(value):
        entries = value.tocoo() if value.format in ("lil", "dok", "dia") else value
        names = ("data", "indices", "indptr", "coords")
        return value.format, [fingerprint(getattr(entries, n, None)) for n in names]
    if isinstance(value, (pd.DataFrame, pd.Series, pl.DataFrame, pl.Series)):
        types = getattr(value, "dtypes", getattr(value, "dtype", None))
        return type(value), str(types), joblib.hash(value.to_numpy())
    if isinstance(value, (keras.optimizers.Optimizer, keras.initializers.Initializer)):
        return repr(value.get_config())
    if isinstance(value, keras.callbacks.Callback):
        return type(value)
    return id(value) if callable(value) else joblib.hash(value)


def global_state():
    return (
        random.getstate(),
        joblib.hash(np.random.get_state()),  # noqa: NPY002
        dict(os.environ),
        list(warnings.filters),
    )


def names_cause(error, case):
    """Whether the error names an argument, or is scikit-learn's own for these data."""
    names = ["X", "y", "X_val", "y_val", "sample_weight", *case.kind().get_params()]
    if re.search(rf"\b({'|'.join(names)})\b", str(error)):
        return True
    theirs = MLPClassifier if is_classifier(case.kind()) else MLPRegressor
    try:
        theirs(max_iter=1).fit(case.X, case.y)
    except (ValueError, TypeError) as of_theirs:
        expected = str(of_theirs).replace(theirs.__name__, case.kind.__name__)
        return str(error) == expected
    return False


def check_predictions(est, case):
    n_rows = (
        len(case.plain_X) if case.plain_X is not None else est.predict(case.X).shape[0]
    )
    predicted = est.predict(case.X)
    if not is_classifier(est):
        assert predicted.shape == (n_rows, est.n_outputs_)[: 1 + (est.n_outputs_ > 1)]
        assert predicted.dtype.kind == "f"
        assert np.isfinite(predicted).all()
        return
    proba = est.predict_proba(case.X)
    assert np.isfinite(proba).all()
    assert ((proba >= 0) & (proba <= 1)).all()
    if est._is_multilabel:
        assert sparse.issparse(predicted) == sparse.issparse(case.y)
        dense = predicted.toarray() if sparse.issparse(predicted) else predicted
        assert dense.shape == proba.shape == np.shape(case.y)
        np.testing.assert_array_equal(dense, proba > 0.5)
        return
    given = np.ravel(np.asarray(case.y))
    np.testing.assert_array_equal(est.classes_, np.unique(given))
    assert predicted.shape == (n_rows,)
    assert predicted.dtype == est.classes_.dtype
    assert set(predicted.tolist()) <= set(given.tolist())
    if len(est.classes_) > 1:
        assert proba.shape == (n_rows, len(est.classes_))
        np.testing.assert_allclose(proba.sum(axis=1), 1, rtol=1e-6)


def assert_equal_predictions(first, second, X):
    a, b = first.predict(X), second.predict(X)
    if sparse.issparse(a):
        a, b = a.toarray(), b.toarray()
    np.testing.assert_array_equal(a, b)


@given(case=cases())
@settings(
    max_examples=300,
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
def test_any_input(case):
    check(case)


def check(case):
    params = {"hidden_layer_sizes": (4,), "max_iter": 2, "random_state": 0} | case.params
    est = case.kind(**params)
    given = [case.X, case.y, case.weight, case.validation, params]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        before = fingerprint(given), global_state()
        error = None
        try:
            est.fit(case.X, case.y, case.weight, **case.validation)
        except (ValueError, TypeError) as caught:
            error = caught
        assert (fingerprint(given), global_state()) == before
        assert all(
            value is params[n] for n, value in est.get_params().items() if n in params
        )
        if error is not None:
            note(f"{type(error).__name__}: {error}")
            assert case.is_good is not True
            assert names_cause(error, case)
            assert not hasattr(est, "coefs_")
            return
        assert case.is_good is not False
        check_predictions(est, case)
        assert_equal_predictions(pickle.loads(pickle.dumps(est)), est, case.X)
        plain = case.X if case.plain_X is None else case.plain_X
        validation = dict(case.validation)
        if "X_val" in validation:
            validation["X_val"] = plain
        again = clone(est)
        assert fingerprint(again.get_params()) == fingerprint(est.get_params())
        assert_same_network(again.fit(plain, case.y, case.weight, **validation), est)
        assert (fingerprint(given), global_state()) == before

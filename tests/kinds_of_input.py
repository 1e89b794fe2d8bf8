"""Rows, targets, weights and parameters of every kind, such as fit and such as don't."""

from typing import NamedTuple

import keras
import numpy as np
import pandas as pd
import polars as pl
from scipy import sparse


class Choice(NamedTuple):
    """A value, or what makes one, and whether a fit must take or refuse it.

    Where that depends on the others, `is_good` is None.
    """

    value: object
    is_good: bool | None = True


def good(value):
    return Choice(value, True)


def bad(value):
    return Choice(value, False)


def either(value):
    return Choice(value, None)


# Rows. Each is made from a C-contiguous array of small integers in float64, which all the
# types can hold.


def of_type(dtype):
    return lambda X: X.astype(dtype)


def strided(X):
    wide = np.full((2 * len(X), 3 * X.shape[1]), np.nan)
    wide[::2, 1::3] = X
    return wide[::2, 1::3]


def reverse_strided(X):
    return X[::-1, ::-1].copy()[::-1, ::-1]


def read_only(X):
    X = X.copy()
    X.flags.writeable = False
    return X


def unaligned(X):
    buffer = bytearray(1) + X.tobytes()
    return np.frombuffer(buffer, X.dtype, offset=1).reshape(X.shape)


def frame(X, of=pd.DataFrame):
    return of({f"c{i}": column for i, column in enumerate(X.T)})


def with_value(value):
    def change(X):
        X = X.copy()
        X[-1, -1] = value
        return X

    return change


def read_only_sparse(X):
    rows = sparse.csr_array(X)
    for part in (rows.data, rows.indices, rows.indptr):
        part.flags.writeable = False
    return rows


def unsorted_sparse(X):
    rows = sparse.csr_matrix(X)
    for start, end in zip(rows.indptr[:-1], rows.indptr[1:], strict=True):
        for part in (rows.data, rows.indices):
            part[start:end] = part[start:end][::-1].copy()
    rows.has_sorted_indices = False
    return rows


def duplicate_sparse(X):
    """Every entry in two halves."""
    entries = sparse.coo_array(X)
    row, column = entries.coords
    halves = np.tile(entries.data / 2, 2)
    return sparse.coo_array((halves, (np.tile(row, 2), np.tile(column, 2))), X.shape)


def wide_indices(X):
    rows = sparse.csr_array(X)
    rows.indices, rows.indptr = (
        rows.indices.astype(np.int64),
        rows.indptr.astype(np.int64),
    )
    return rows


ROWS = {
    **{
        name: good(of_type(name))
        for name in ("f8", "f4", "f2", "g", ">f8", "<f4", "i1", "i8", ">i2", "u1", "O")
    },
    "bool": good(lambda X: X > 0),
    "Fortran": good(np.asfortranarray),
    "strided": good(strided),
    "reverse strided": good(reverse_strided),
    "zero stride": good(lambda X: np.broadcast_to(X[:1], X.shape)),
    "zero stride, columns": good(lambda X: np.broadcast_to(X[:, :1], X.shape)),
    "read-only": good(read_only),
    "unaligned": good(unaligned),
    "list": good(lambda X: X.tolist()),
    "list of arrays": good(list),
    "frame": good(frame),
    "polars": good(lambda X: frame(X, pl.DataFrame)),
    "sparse frame": good(lambda X: frame(X).astype(pd.SparseDtype(float, 0.0))),
    "nullable frame": good(lambda X: frame(X).astype("Int64")),
    "masked": either(lambda X: np.ma.masked_array(X, X > 1e9)),
    "numbers as text": good(lambda X: X.astype(str)),
    **{
        name: good(getattr(sparse, name))
        for name in (
            *("csr_array", "csc_array", "coo_array", "lil_array", "dok_array"),
            *("bsr_array", "dia_array", "csr_matrix", "csc_matrix", "coo_matrix"),
        )
    },
    "sparse f4": good(lambda X: sparse.csr_array(X.astype("f4"))),
    "sparse i4": good(lambda X: sparse.csc_array(X.astype("i4"))),
    "sparse bool": good(lambda X: sparse.csr_array(X > 0)),
    "sparse, read-only": good(read_only_sparse),
    "sparse, unsorted": good(unsorted_sparse),
    "sparse, duplicates": good(duplicate_sparse),
    "sparse, wide indices": good(wide_indices),
    "sparse, none": good(lambda X: sparse.csr_array(X.shape)),
    "NaN": bad(with_value(np.nan)),
    "infinite": bad(with_value(-np.inf)),
    "too large": bad(with_value(1e300)),
    "sparse NaN": bad(lambda X: sparse.csr_array(with_value(np.nan)(X))),
    "complex": bad(of_type("c16")),
    "text": bad(lambda X: np.full(X.shape, "a")),
    "None": bad(lambda X: None),
    "objects": bad(lambda X: np.full(X.shape, None, object)),
    "dict": bad(lambda X: {"a": X}),
    "vector": bad(lambda X: X[:, 0]),
    "cube": bad(lambda X: X[:, :, None]),
    "no rows": bad(lambda X: X[:0]),
    "no columns": bad(lambda X: X[:, :0]),
    "ragged": bad(lambda X: [[0.0], *X[1:].tolist(), [1.0, 2.0, 3.0, 4.0]]),
}


# Targets. Each is made from classes 0, 1 and 2.

NAMES = np.array(["ja", "nein", "ü"])


def indicator(y):
    return np.stack([y != 0, y == 1, y != 2], axis=1).astype(int)


CLASSES = {
    "two": good(lambda y: y > 0),
    "two numbers": good(lambda y: np.minimum(y, 1)),
    "three": good(lambda y: y),
    "negative": good(lambda y: y - 1),
    "large": good(lambda y: y + 2**60),
    "i1": good(lambda y: y.astype(np.int8)),
    "u8": good(lambda y: y.astype(np.uint64)),
    "f4": good(lambda y: y.astype(np.float32)),
    ">i4": good(lambda y: y.astype(">i4")),
    "one": good(lambda y: y * 0),
    "names": good(lambda y: NAMES[y]),
    "objects": good(lambda y: NAMES.astype(object)[y]),
    "two names": good(lambda y: NAMES[np.minimum(y, 1)].tolist()),
    "bytes": either(lambda y: np.array([b"a", b"b", b"c"])[y]),
    "list": good(lambda y: y.tolist()),
    "series": good(lambda y: pd.Series(NAMES[y], index=range(5, 5 + len(y)))),
    "categorical": good(lambda y: pd.Series(NAMES[y], dtype="category")),
    "polars": good(lambda y: pl.Series(y)),
    "column": good(lambda y: y[:, None]),
    "read-only": good(read_only),
    "reverse strided": good(lambda y: y[::-1].copy()[::-1]),
    "zero stride": good(lambda y: np.broadcast_to(y[:1], y.shape)),
    "labels": good(indicator),
    "labels, bool": good(lambda y: indicator(y).astype(bool)),
    "labels, Fortran": good(lambda y: np.asfortranarray(indicator(y))),
    "labels, sparse": good(lambda y: sparse.csr_matrix(indicator(y))),
    "labels, csc": good(lambda y: sparse.csc_array(indicator(y))),
    "labels, frame": good(lambda y: pd.DataFrame(indicator(y))),
    "continuous": bad(lambda y: y + 0.5),
    "NaN": bad(lambda y: np.where(y == y[0], np.nan, y)),
    "None": bad(lambda y: None),
    "Nones": bad(lambda y: np.full(len(y), None)),
    "mixed": bad(lambda y: np.array([1, "a", *y.tolist()], object)[: len(y)]),
    "several columns": bad(lambda y: np.stack([y, y + 7], axis=1)),
    "short": bad(lambda y: y[1:]),
    "none": bad(lambda y: y[:0]),
    "complex": bad(lambda y: y * 1j),
    "cube": bad(lambda y: y[:, None, None]),
}
NUMBERS = {
    **{
        name: good(lambda y, dtype=name: (y - 0.5).astype(dtype))
        for name in ("f8", "f4", "f2", "g", ">f8", "O")
    },
    "integers": good(lambda y: y),
    "u1": good(lambda y: y.astype(np.uint8)),
    "bool": good(lambda y: y > 0),
    "constant": good(lambda y: y * 0.0),
    "list": good(lambda y: y.tolist()),
    "series": good(lambda y: pd.Series(y / 2)),
    "nullable": good(lambda y: pd.Series(y, dtype="Int64")),
    "polars": good(lambda y: pl.Series(y / 2)),
    "column": good(lambda y: y[:, None] / 2),
    "two columns": good(lambda y: np.stack([y, y / 2], axis=1)),
    "three, Fortran": good(lambda y: np.asfortranarray(indicator(y) / 3)),
    "two, frame": good(lambda y: pd.DataFrame({"a": y, "b": y / 2})),
    "read-only": good(read_only),
    "zero stride": good(lambda y: np.broadcast_to(y[:1] / 2, y.shape)),
    "negative": either(lambda y: -1.0 - y),  # not for the Poisson loss
    "NaN": bad(lambda y: np.where(y == y[0], np.nan, y)),
    "infinite": bad(lambda y: np.where(y == y[0], np.inf, y)),
    "too large": bad(lambda y: y + 1e300),
    "text": bad(lambda y: NAMES[y]),
    "None": bad(lambda y: None),
    "short": bad(lambda y: y[1:] / 2),
    "none": bad(lambda y: y[:0] / 2),
    "complex": bad(lambda y: y * 1j),
    "cube": bad(lambda y: y[:, None, None]),
}


# Weights, made from their number

WEIGHTS = {
    "none": good(lambda n: None),
    "ones": good(np.ones),
    "f4": good(lambda n: np.linspace(0.5, 2, n, dtype=np.float32)),
    ">f8": good(lambda n: np.linspace(0.5, 2, n).astype(">f8")),
    "integers": good(lambda n: np.arange(1, n + 1)),
    "bool": good(lambda n: np.arange(n) % 4 == 0),
    "some zero": good(lambda n: np.arange(n) % 2 + np.eye(1, n)[0]),
    "number": either(lambda n: 2.0),
    "list": good(lambda n: [1.5] * n),
    "series": good(lambda n: pd.Series(np.linspace(0.5, 2, n))),
    "read-only": good(lambda n: read_only(np.linspace(0.5, 2, n))),
    "zero stride": good(lambda n: np.broadcast_to(0.5, n)),
    "reverse": good(lambda n: np.linspace(0.5, 2, n)[::-1]),
    "tiny": either(lambda n: np.full(n, 1e-30)),  # beside which alpha is large
    "huge": good(lambda n: np.full(n, 1e300)),
    "negative": bad(lambda n: np.linspace(-1, 1, n) - 0.1),
    "NaN": bad(lambda n: np.full(n, np.nan)),
    "infinite": bad(lambda n: np.full(n, np.inf)),
    "all zero": bad(np.zeros),
    "short": bad(lambda n: np.ones(n + 1)),
    "matrix": bad(lambda n: np.ones((n, 2))),
    "text": bad(lambda n: ["a"] * n),
}


# Parameters

ADAM = keras.optimizers.Adam(0.01)
BY_KERAS = keras.optimizers.SGD(0.01, loss_scale_factor=1.0)  # by Keras's own fit
PARAMETERS = {
    "hidden_layer_sizes": [
        *map(good, [(), (4,), [3, 2], 4, np.array([3, 2]), np.int64(4)]),
        *map(bad, [(0,), (-1,), 2.5, "4", None, (4, "a"), [[4]]]),
    ],
    "activation": [
        *map(good, ["tanh", "logistic", "identity", "gelu"]),
        *map(bad, ["rleu", None, 3, np.tanh]),
    ],
    "dropout_rate": [
        *map(good, [0, 0.0, 0.5, np.float32(0.25), [0.4]]),
        *map(bad, [1.0, -0.1, np.nan, "a", None, [0.1] * 5]),
    ],
    "input_dropout_rate": [good(0.1), *map(bad, [1, -1, np.inf, "a", None])],
    "batch_norm": [
        *map(good, [True, False, None, "after_activation", "after_dropout"]),
        *map(bad, ["before", 3, [True]]),
    ],
    "input_batch_norm": [good(True), good(np.True_), bad("yes"), bad(2)],
    "initializer": [
        *map(good, ["he_normal", "zeros", keras.initializers.HeUniform(seed=1)]),
        *map(bad, ["he", 3, None]),
    ],
    "use_bias": [good(False), bad("no")],
    "optimizer": [
        *map(good, ["sgd", "rmsprop", ADAM, BY_KERAS, keras.optimizers.Adam]),
        *map(bad, ["adamm", None, 3, print]),
    ],
    "learning_rate_init": [
        *map(good, [0.01, 1, np.float32(0.01)]),
        *map(bad, [0, -1, np.nan, "a", None, [0.1]]),
    ],
    "learning_rate": [
        *map(good, ["invscaling", "adaptive"]),
        *map(bad, ["adaptiv", 0.1, None]),
    ],
    "power_t": [good(0.3), bad(-1), bad("a")],
    "momentum": [good(0.5), good(0), bad(1.5), bad(None)],
    "nesterovs_momentum": [good(False), bad("a")],
    "beta_1": [good(0.5), bad(1.0), bad("a")],
    "beta_2": [good(0.9), bad(-0.1)],
    "epsilon": [good(1e-3), bad(0), bad(None)],
    "alpha": [*map(good, [0, 0.1, np.float64(0.1)]), *map(bad, [-1, np.nan, "a", None])],
    "weight_decay": [good(0.01), bad(-1), bad("a")],
    "batch_size": [
        *map(good, ["auto", 5, 1000]),
        *map(bad, [0, -3, 2.5, "all", None]),
    ],
    "max_iter": [good(1), good(np.int32(2)), *map(bad, [0, -1, 1.5, "a", None])],
    "shuffle": [good(False), bad("a")],
    "tol": [good(0.0), good(10), bad(-1.0), bad("a")],
    "n_iter_no_change": [good(1), good(np.inf), bad(0), bad(1.5)],
    "early_stopping": [either(True), good(False), bad("a"), bad(None)],
    "validation_fraction": [either(0.5), bad(1.0), bad(-0.5), bad("a")],
    "callbacks": [
        *map(good, [[], None, [keras.callbacks.TerminateOnNaN()]]),
        *map(bad, [3, [print], "a"]),
    ],
    "verbose": [good(True), good(False), bad("a")],
    "device": [good("cpu"), bad("gpu:9"), bad(3), bad(None)],
    "random_state": [good(7), bad(-1), bad("a"), bad(0.5)],
    "warm_start": [good(True), bad("a")],
}
OF_CLASSIFIER = {
    "class_weight": [good("balanced"), good(None), *map(bad, ["balance", 3, [1.0]])],
    "label_smoothing": [*map(good, [0, 0.1]), *map(bad, [1.0, -0.1, "a", None])],
}
OF_REGRESSOR = {
    "loss": [
        *map(good, ["absolute_error", "huber"]),
        either("poisson"),
        *map(bad, ["squared", None, 3]),
    ]
}

"""ONNX Runtime's predictions of converted estimators, against our own."""

import itertools
import pickle

import numpy as np
import pytest
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import ColumnTransformer, TransformedTargetRegressor
from sklearn.ensemble import VotingClassifier, VotingRegressor
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from helpers import run_python
from skdropout import DropoutMLPClassifier, DropoutMLPRegressor
from skdropout.network.activations import ACTIVATIONS

skl2onnx = pytest.importorskip("skl2onnx")
onnxruntime = pytest.importorskip("onnxruntime")

pytestmark = [
    pytest.mark.filterwarnings("ignore:Stochastic Optimizer"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning:(skl2onnx|onnx)"),
]

PLACES = (False, "before_activation", "after_activation", "after_dropout")
NETWORKS = [
    {"batch_norm": place, "input_batch_norm": of_inputs, "use_bias": use_bias}
    for place, of_inputs, use_bias in itertools.product(
        PLACES, (False, True), (False, True)
    )
] + [
    {"hidden_layer_sizes": (), "input_batch_norm": True},
    {"hidden_layer_sizes": (), "activation": "gelu", "use_bias": False},
]


def fitted(kind, X, y, **params):
    params = {"hidden_layer_sizes": (9, 5), "max_iter": 3, "random_state": 0} | params
    return kind(**params).fit(X, y)


def converted(model, X, target_opset=None, **options):
    """A function of rows that returns what ONNX Runtime does, by name."""
    if hasattr(model, "classes_"):
        options = {"zipmap": False} | options
    options = {id(model): options} if options else None
    proto = skl2onnx.to_onnx(model, X[:1], options=options, target_opset=target_opset)
    session = onnxruntime.InferenceSession(
        proto.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    names = [output.name for output in session.get_outputs()]

    def run(X):
        if hasattr(X, "columns"):
            given = {name: X[[name]].to_numpy() for name in X}
        else:
            given = {"X": X}
        return dict(zip(names, session.run(None, given), strict=True))

    return run


def assert_converts(model, X, target_opset=None):
    run = converted(model, X, target_opset)
    got = run(X)
    if hasattr(model, "predict_proba"):
        assert list(got) == ["label", "probabilities"]
        expected = model.predict_proba(X)
        np.testing.assert_array_equal(got["label"], model.predict(X))
        got = got["probabilities"]
    else:
        assert list(got) == ["variable"]
        got = got["variable"]
        expected = model.predict(X).reshape(len(X), -1)
    assert got.shape == expected.shape
    np.testing.assert_allclose(got, expected, rtol=1e-5, atol=1e-5)


def assert_converts_in_both_types(model, X):
    for dtype in (np.float32, np.float64):
        assert_converts(model, X.astype(dtype))


@pytest.mark.parametrize("kind", [DropoutMLPClassifier, DropoutMLPRegressor])
@pytest.mark.parametrize("params", NETWORKS, ids=str)
def test_every_place_of_batch_norm(iris, params, kind):
    assert_converts_in_both_types(fitted(kind, *iris, **params), iris[0])


@pytest.fixture(scope="module")
def networks(iris):
    """A pickled classifier of two hidden layers, and a regressor of one."""
    two = fitted(DropoutMLPClassifier, *iris, batch_norm=True)
    one = fitted(DropoutMLPRegressor, *iris, hidden_layer_sizes=(30,))
    return pickle.dumps((two, one))


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_every_activation(iris, networks, activation):
    two, one = pickle.loads(networks)
    for est in (two, one):
        est._architecture_state["activation"] = activation
    one.coefs_[0] *= 4  # so that its inputs go far from zero
    for est in (two, one):
        assert_converts_in_both_types(est, iris[0])
    # An old version of ONNX's operators, which an old runtime needs.
    assert_converts(two, iris[0], target_opset=13)


def multilabel(y):
    return (y[:, None] + np.arange(4)) % 3 > 0


KINDS_OF_CLASSES = {
    "two": lambda y: y > 1,
    "two words": lambda y: np.array(["no", "yes"])[(y > 1).astype(int)],
    "words": lambda y: np.array(["setosa", "versicolor", "virginica"])[y],
    "objects": lambda y: np.array(["a", "b", "c"], dtype=object)[y],
    "integers": lambda y: 10 * y - 5,
    "floats": lambda y: y.astype(float) - 1,
    "one": lambda y: np.full_like(y, 7),
    "many": lambda y: np.arange(len(y)) % 30,
    "labels": lambda y: multilabel(y).astype(int),
}


@pytest.mark.parametrize("of", KINDS_OF_CLASSES)
def test_classes(iris, of):
    X, y = iris[0], KINDS_OF_CLASSES[of](iris[1])
    est = fitted(DropoutMLPClassifier, X, y, batch_norm=True)
    assert_converts_in_both_types(est, X)


KINDS_OF_TARGETS = {
    "one": (lambda y: 1000 + 50.0 * y, {}),
    "several": (lambda y: np.column_stack([y, 100 * y + 5, -y]), {}),
    "constant": (lambda y: np.column_stack([y, np.full(len(y), 3.5)]), {}),
    "as they are": (lambda y: y, {"normalize_y": False}),
    "Poisson": (lambda y: y, {"loss": "poisson"}),
}


@pytest.mark.parametrize("of", KINDS_OF_TARGETS)
def test_targets(iris, of):
    targets, params = KINDS_OF_TARGETS[of]
    X, y = iris[0], targets(iris[1])
    assert_converts_in_both_types(fitted(DropoutMLPRegressor, X, y, **params), X)


def test_targets_too_large_for_single_precision(iris):
    X, y = iris[0], 1e60 * iris[1]
    est = fitted(DropoutMLPRegressor, X, y)
    assert_converts(est, X)
    with pytest.raises(ValueError, match=r"up to .*e\+\d\d:.*DoubleTensorType"):
        skl2onnx.to_onnx(est, X[:1].astype(np.float32))


def test_inputs_far_from_zero(iris):
    X = (iris[0] + np.array([1e3, -1e4, 1e5, 0])).astype(np.float32)
    in_double = X.astype(np.float64)
    params = {"input_batch_norm": True, "max_iter": 20}
    est = fitted(DropoutMLPRegressor, in_double, iris[1], **params)
    got = converted(est, X)(X)["variable"][:, 0]
    np.testing.assert_allclose(got, est.predict(in_double), atol=1e-5)


@pytest.mark.parametrize("dtype", [np.int64, np.bool_])
def test_inputs_that_are_no_floats(iris, dtype):
    X = (10 * iris[0]).astype(dtype)
    for kind in (DropoutMLPClassifier, DropoutMLPRegressor):
        est = fitted(kind, X.astype(np.float32), iris[1])
        run = converted(est, X)
        expected = est.predict(X.astype(np.float32))
        np.testing.assert_allclose(next(iter(run(X).values())).ravel(), expected, 1e-5)


@pytest.fixture(scope="module")
def table():
    pd = pytest.importorskip("pandas")
    rng = np.random.default_rng(0)
    X = pd.DataFrame(
        {
            "size": rng.normal(100, 20, 200).astype(np.float32),
            "age": rng.normal(0, 1, 200).astype(np.float32),
            "colour": rng.choice(["red", "green", "blue"], 200),
        }
    )
    X["colour"] = X["colour"].astype(object)
    return X, (X["size"] > 100).astype(int) + (X["colour"] == "red").astype(int)


def in_pipeline(mlp):
    columns = ColumnTransformer(
        [
            ("numbers", StandardScaler(), ["size", "age"]),
            ("words", OneHotEncoder(), ["colour"]),
        ]
    )
    return make_pipeline(columns, mlp)


@pytest.mark.parametrize("kind", [DropoutMLPClassifier, DropoutMLPRegressor])
def test_scaler_and_column_transformer(table, kind):
    X, y = table
    mlp = kind((9,), activation="gelu", batch_norm=True, max_iter=3, random_state=0)
    assert_converts(in_pipeline(mlp).fit(X, y), X)


def test_within_what_scikit_learn_makes_of_it(iris):
    X, y = iris[0].astype(np.float32), iris[1]
    params = {"hidden_layer_sizes": (9,), "max_iter": 3, "random_state": 0}
    classifier = DropoutMLPClassifier(batch_norm=True, **params)
    regressor = DropoutMLPRegressor(batch_norm=True, **params)
    models = (
        GridSearchCV(classifier, {"alpha": [0, 1]}, cv=2),
        CalibratedClassifierCV(classifier, cv=2),
        VotingClassifier(
            [("mlp", classifier), ("linear", LogisticRegression())],
            voting="soft",
            flatten_transform=False,  # skl2onnx has no other
        ),
        GridSearchCV(regressor, {"alpha": [0, 1]}, cv=2),
        VotingRegressor([("mlp", regressor), ("linear", LinearRegression())]),
    )
    for model in models:
        assert_converts(model.fit(X, y), X)


def test_what_skl2onnx_itself_cannot_convert(iris):
    model = TransformedTargetRegressor(DropoutMLPRegressor((4,), max_iter=2))
    with pytest.raises(skl2onnx.common.exceptions.MissingShapeCalculator):
        skl2onnx.to_onnx(model.fit(*iris), iris[0][:1])


@pytest.mark.parametrize(
    "options",
    [
        {"zipmap": True},
        {"zipmap": "columns"},
        {"zipmap": False, "output_class_labels": True},
    ],
    ids=str,
)
@pytest.mark.parametrize("of", ["two words", "words", "integers", "labels"])
def test_options_are_those_of_scikit_learns_own(iris, of, options):
    """Names, types and shapes of the outputs, and what stands in them."""
    if of == "labels" and "zipmap" in options and options["zipmap"]:
        pytest.skip("skl2onnx has no dictionaries of several labels")
    X, y = iris[0].astype(np.float32), KINDS_OF_CLASSES[of](iris[1])
    ours = fitted(DropoutMLPClassifier, X, y)
    outputs = [converted(est, X, **options)(X) for est in (ours, ours.to_sklearn())]
    assert list(outputs[0]) == list(outputs[1])
    for got, expected in zip(*(output.values() for output in outputs), strict=True):
        if isinstance(got, list):
            for one, another in zip(got, expected, strict=True):
                assert one == pytest.approx(another, abs=1e-6)
        elif got.dtype.kind == "f":
            np.testing.assert_allclose(got, expected, atol=1e-6)
        else:
            assert got.dtype == expected.dtype
            np.testing.assert_array_equal(got, expected)


@pytest.mark.parametrize("of", ["two words", "words", "integers"])
def test_numbers_in_place_of_classes(iris, of):
    X, y = iris[0].astype(np.float32), KINDS_OF_CLASSES[of](iris[1])
    est = fitted(DropoutMLPClassifier, X, y)
    labels = converted(est, X, nocl=True)(X)["label"]
    np.testing.assert_array_equal(est.classes_[labels], est.predict(X))


def test_activation_without_a_graph(iris):
    est = fitted(DropoutMLPClassifier, *iris)
    est._architecture_state["activation"] = "rleu"
    with pytest.raises(
        ValueError, match=r"activation='rleu'.*allowed are 'celu', .*'relu'"
    ):
        skl2onnx.to_onnx(est, iris[0][:1])


def test_scikit_learns_own_converts_without_ours(iris):
    """What to_sklearn returns, by the converter of skl2onnx."""
    X, y = iris[0].astype(np.float32), iris[1]
    for kind, theirs in (
        (DropoutMLPClassifier, MLPClassifier),
        (DropoutMLPRegressor, MLPRegressor),
    ):
        est = fitted(kind, X, y, batch_norm=True, input_batch_norm=True)
        mlp = est.to_sklearn()
        assert type(mlp) is theirs
        assert_converts(mlp, X)


IMPORTS = {
    "ours first": "import skdropout\nimport skl2onnx",
    "theirs first": "import skl2onnx\nimport skdropout",
    "by a part": "import skdropout\nfrom skl2onnx.common import data_types",
    "looked for only": """
import importlib.util
import skdropout
assert importlib.util.find_spec("skl2onnx") is not None
import skl2onnx
""",
}


@pytest.mark.parametrize("order", IMPORTS)
def test_registered_whichever_is_imported_first(order):
    code = f"""
import sys
{IMPORTS[order]}
from skdropout import DropoutMLPClassifier, DropoutMLPRegressor
from skl2onnx import get_model_alias
print(get_model_alias(DropoutMLPClassifier), get_model_alias(DropoutMLPRegressor))
assert "tensorflow" not in sys.modules
"""
    result = run_python(code)
    expected = "SkdropoutDropoutMLPClassifier SkdropoutDropoutMLPRegressor"
    assert result.stdout.strip() == expected


def test_without_skl2onnx():
    code = """
        import sys
        sys.modules["skl2onnx"] = None  # as if it were not installed
        import pytest
        import skdropout
        with pytest.raises(ImportError):
            import skl2onnx
    """
    run_python(code)


def test_ours_does_not_import_it():
    run_python('import skdropout, sys; assert "skl2onnx" not in sys.modules')

"""The fitted network as scikit-learn's own MLP, against our own predictions."""

import itertools
import pickle
from typing import ClassVar

import numpy as np
import pytest
import sklearn
from scipy import sparse
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.utils.estimator_checks import parametrize_with_checks
from sklearn.utils.fixes import parse_version

from helpers import run_python
from skdropout import DropoutMLPClassifier, DropoutMLPRegressor

pytestmark = [
    pytest.mark.filterwarnings("ignore:Stochastic Optimizer"),
    # What is compared is what a network predicts, however it has been trained.
    pytest.mark.usefixtures("without_xla"),
]

PLACES = (False, "before_activation", "after_activation", "after_dropout")
ACTIVATIONS = ("identity", "logistic", "tanh", "relu")
HAS_POISSON = parse_version(sklearn.__version__) >= parse_version("1.7")
needs_poisson = pytest.mark.skipif(not HAS_POISSON, reason="scikit-learn lacks the loss")

NETWORKS = [
    *(
        {"batch_norm": place, "input_batch_norm": of_inputs, "use_bias": use_bias}
        for place, of_inputs, use_bias in itertools.product(
            PLACES, (False, True), (False, True)
        )
    ),
    *({"activation": name, "batch_norm": "after_dropout"} for name in ACTIVATIONS),
    {"hidden_layer_sizes": (), "activation": "gelu"},
    {"hidden_layer_sizes": (), "input_batch_norm": True},
]


def fitted(kind, X, y, **params):
    params = {"hidden_layer_sizes": (9, 5), "max_iter": 3, "random_state": 0} | params
    return kind(**params).fit(X, y)


def assert_same_predictions(mlp, est, X):
    names = ["predict", "predict_proba", "predict_log_proba"]
    for name in names if hasattr(est, "predict_proba") else names[:1]:
        expected, got = getattr(est, name)(X), getattr(mlp, name)(X)
        if name == "predict" and hasattr(est, "classes_"):
            assert sparse.issparse(got) == sparse.issparse(expected)
            if sparse.issparse(got):
                got, expected = got.toarray(), expected.toarray()
            np.testing.assert_array_equal(got, expected)
        else:
            assert got.shape == expected.shape
            np.testing.assert_allclose(got, expected, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("params", NETWORKS, ids=str)
def test_every_network(iris, params, dtype):
    X, y = iris[0].astype(dtype), iris[1]
    for kind in (DropoutMLPClassifier, DropoutMLPRegressor):
        est = fitted(kind, X, y, **params)
        mlp = est.to_sklearn()
        assert type(mlp) in (MLPClassifier, MLPRegressor)
        assert_same_predictions(mlp, est, X)
        assert_same_predictions(mlp, est, X.astype(np.float64))
        assert mlp.score(X, y) == pytest.approx(est.score(X, y), abs=1e-6)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_nothing_to_fold(iris, dtype):
    est = fitted(DropoutMLPClassifier, iris[0].astype(dtype), iris[1])
    mlp = est.to_sklearn()
    for ours, theirs in zip(
        est.coefs_ + est.intercepts_, mlp.coefs_ + mlp.intercepts_, strict=True
    ):
        assert theirs.dtype == dtype
        np.testing.assert_array_equal(theirs, ours)
        assert not np.shares_memory(theirs, ours)


def test_inputs_far_from_zero(iris):
    X = iris[0] + np.array([1e3, -1e4, 1e5, 0])
    est = fitted(DropoutMLPRegressor, X, iris[1], input_batch_norm=True, max_iter=20)
    assert_same_predictions(est.to_sklearn(), est, X)


def multilabel(y):
    return (y[:, None] + np.arange(4)) % 3 > 0


KINDS_OF_CLASSES = {
    "two": lambda y: y > 1,
    "two words": lambda y: np.array(["no", "yes"])[(y > 1).astype(int)],
    "words": lambda y: np.array(["setosa", "versicolor", "virginica"])[y],
    "objects": lambda y: np.array(["a", "b", "c"], dtype=object)[y],
    "floats": lambda y: y.astype(float) - 1,
    "one": lambda y: np.full_like(y, 7),
    "many": lambda y: np.arange(len(y)) % 30,
    "labels": lambda y: multilabel(y).astype(int),
    "sparse labels": lambda y: sparse.csr_matrix(multilabel(y).astype(int)),
}


@pytest.mark.parametrize("of", KINDS_OF_CLASSES)
def test_classes(iris, of):
    X, y = iris[0], KINDS_OF_CLASSES[of](iris[1])
    est = fitted(DropoutMLPClassifier, X, y, batch_norm=True)
    mlp = est.to_sklearn()
    np.testing.assert_array_equal(mlp.classes_, est.classes_)
    assert mlp.classes_.dtype == est.classes_.dtype
    assert_same_predictions(mlp, est, X)
    assert_same_predictions(mlp, est, sparse.csr_matrix(X))


KINDS_OF_TARGETS = {
    "one": (lambda y: 1000 + 50.0 * y, {}),
    "several": (lambda y: np.column_stack([y, 100 * y + 5, -y]), {}),
    "constant": (lambda y: np.column_stack([y, np.full(len(y), 3.5)]), {}),
    "as they are": (lambda y: y, {"normalize_y": False}),
    "large": (lambda y: 1e60 * y, {}),
    "Huber": (lambda y: y, {"loss": "huber"}),
    "Poisson": pytest.param(lambda y: y, {"loss": "poisson"}, marks=needs_poisson),
}


@pytest.mark.parametrize(
    ("targets", "params"),
    [
        case if hasattr(case, "marks") else pytest.param(*case)
        for case in KINDS_OF_TARGETS.values()
    ],
    ids=KINDS_OF_TARGETS,
)
def test_targets(iris, targets, params):
    X, y = iris[0], targets(iris[1])
    est = fitted(DropoutMLPRegressor, X, y, batch_norm=True, **params)
    assert_same_predictions(est.to_sklearn(), est, X)


def test_has_what_scikit_learns_own_fit_sets(iris):
    """Apart from its optimizer and its random state, which a next fit makes."""
    X, y = iris
    for kind, theirs in (
        (DropoutMLPClassifier, MLPClassifier),
        (DropoutMLPRegressor, MLPRegressor),
    ):
        for early_stopping in (False, True):
            params = {"max_iter": 3, "early_stopping": early_stopping}
            mlp = fitted(kind, X, y, **params).to_sklearn()
            own = theirs(**params).fit(X, y)
            assert vars(mlp).keys() >= vars(own).keys() - {"_optimizer", "_random_state"}
            for name, value in vars(own).items():
                if name in vars(mlp) and name.endswith("_"):
                    # NumPy's numbers are Python's, too.
                    assert isinstance(value, type(getattr(mlp, name))), name
            assert mlp.early_stopping is early_stopping


def test_feature_names(iris):
    pd = pytest.importorskip("pandas")
    X = pd.DataFrame(iris[0], columns=list("abcd"))
    mlp = fitted(DropoutMLPClassifier, X, iris[1]).to_sklearn()
    assert list(mlp.feature_names_in_) == list("abcd")
    with pytest.raises(ValueError, match="feature names"):
        mlp.predict(X[list("dcba")])


def test_parameters(iris):
    X, y = iris
    est = fitted(
        DropoutMLPClassifier,
        X,
        y,
        activation="tanh",
        optimizer="SGD",
        alpha=0.01,
        batch_size=20,
        learning_rate_init=0.05,
        n_iter_no_change=np.inf,
        early_stopping=False,
    )
    # Of the layers, the fit's count.
    est.set_params(hidden_layer_sizes=(2,), activation="relu", max_iter=7)
    params = est.to_sklearn().get_params()
    expected = {
        "hidden_layer_sizes": (9, 5),
        "activation": "tanh",
        "solver": "sgd",
        "alpha": 0.01,
        "batch_size": 20,
        "learning_rate_init": 0.05,
        "n_iter_no_change": np.inf,
        "early_stopping": False,
        "max_iter": 7,
        "random_state": 0,
    }
    assert {name: params[name] for name in expected} == expected
    with pytest.warns(ConvergenceWarning):
        assert clone(est.to_sklearn()).fit(X, y).score(X, y) > 0.5


def test_keras_objects_as_parameters(iris):
    import keras

    schedule = keras.optimizers.schedules.ExponentialDecay(0.01, 10, 0.9)
    for optimizer, solver in (
        (keras.optimizers.SGD(0.1), "sgd"),
        (keras.optimizers.AdamW, "adam"),
    ):
        params = {"optimizer": optimizer, "learning_rate": schedule}
        mlp = fitted(DropoutMLPClassifier, *iris, **params).to_sklearn()
        assert (mlp.solver, mlp.learning_rate) == (solver, "constant")


def test_training_goes_on(iris):
    X, y = iris
    est = fitted(DropoutMLPClassifier, X, y, batch_norm=True, early_stopping=False)
    before = est.predict_proba(X)
    mlp = est.to_sklearn()
    first = mlp.loss_curve_[-1]
    for _ in range(20):
        mlp.partial_fit(X, y)
    assert mlp.loss_ < first
    assert len(mlp.loss_curve_) == 23
    warm = est.to_sklearn().set_params(warm_start=True, max_iter=30)
    with pytest.warns(ConvergenceWarning):
        assert warm.fit(X, y).loss_ < first
    np.testing.assert_array_equal(est.predict_proba(X), before)
    assert len(est.loss_curve_) == 3


@pytest.mark.parametrize("activation", ["gelu", "softmax", "leaky_relu"])
def test_activation_that_scikit_learn_lacks(iris, activation):
    est = fitted(DropoutMLPClassifier, *iris, activation=activation)
    with pytest.raises(ValueError, match=rf"activation='{activation}'.*'relu'.*to_keras"):
        est.to_sklearn()


@pytest.mark.skipif(HAS_POISSON, reason="scikit-learn has the loss")
def test_loss_that_scikit_learn_lacks(iris):
    est = fitted(DropoutMLPRegressor, *iris, loss="poisson")
    with pytest.raises(ValueError, match=r"loss='poisson'.*1\.7.*to_keras"):
        est.to_sklearn()


@pytest.mark.parametrize("kind", [DropoutMLPClassifier, DropoutMLPRegressor])
def test_not_fitted(kind):
    with pytest.raises(NotFittedError):
        kind().to_sklearn()


def test_pickle_needs_scikit_learn_alone(tmp_path, iris):
    X, y = iris
    est = fitted(DropoutMLPClassifier, X, y, batch_norm=True)
    path, rows = tmp_path / "mlp.pkl", tmp_path / "rows.npy"
    path.write_bytes(pickle.dumps(est.to_sklearn()))
    np.save(rows, X)
    code = """
        import pickle, sys
        for name in ("skdropout", "tensorflow", "keras", "scikeras"):
            sys.modules[name] = None  # any import of it would fail
        import numpy as np
        mlp = pickle.load(open(sys.argv[1], "rb"))
        np.save(sys.argv[2], mlp.predict_proba(np.load(sys.argv[2])))
    """
    run_python(code, path, rows)
    np.testing.assert_allclose(np.load(rows), est.predict_proba(X), atol=1e-6)


class _Exported:
    """scikit-learn's MLP with a fit of ours: what the checks see is what it returns."""

    ours: ClassVar[type]

    def fit(self, X, y):
        est = self.ours(
            self.hidden_layer_sizes,
            self.activation,
            batch_norm="after_activation",
            input_batch_norm=True,
            max_iter=self.max_iter,
            random_state=self.random_state,
            warm_start=self.warm_start,
        )
        exported = est.fit(X, y).to_sklearn()
        params = self.get_params()
        vars(self).update(
            {name: value for name, value in vars(exported).items() if name not in params}
        )
        return self


class ExportedClassifier(_Exported, MLPClassifier):
    ours = DropoutMLPClassifier


class ExportedRegressor(_Exported, MLPRegressor):
    ours = DropoutMLPRegressor


@pytest.mark.filterwarnings("ignore:.*batch_size:UserWarning")
@parametrize_with_checks(
    [
        ExportedClassifier((30,), max_iter=60),
        ExportedRegressor(hidden_layer_sizes=(30,), max_iter=60),
    ]
)
def test_scikit_learns_checks(estimator, check):
    check(estimator)

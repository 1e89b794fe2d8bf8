"""Monte Carlo dropout, and the measures made from its draws."""

import pickle
import tracemalloc

import numpy as np
import pytest
from scipy import sparse
from sklearn.exceptions import NotFittedError
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from helpers import run_python
from skdropout import DropoutMLPClassifier, DropoutMLPRegressor
from skdropout.network.monte_carlo import _keep_mask
from skdropout.uncertainty import mutual_information, predictive_entropy

pytestmark = [
    pytest.mark.filterwarnings("ignore:Stochastic Optimizer"),
    pytest.mark.filterwarnings("ignore:.*batch_size:UserWarning"),
]
N_DRAWS = 20_000
# How many standard errors a statistic may be off: once in two million for a normal one.
N_ERRORS = 5
BATCH_NORM = [False, "before_activation", "after_activation", "after_dropout"]


@pytest.fixture(scope="module")
def classifier(iris):
    return DropoutMLPClassifier((16, 8), max_iter=3, random_state=0).fit(*iris)


@pytest.fixture(scope="module")
def regressor(curve):
    est = DropoutMLPRegressor((16, 8), dropout_rate=0.2, max_iter=3, random_state=0)
    return est.fit(*curve)


def assert_same_moments(draws, others):
    """Compare the means and variances of two samples, by their standard errors."""
    assert_same_means(draws, others)
    assert_same_means(
        *((sample - sample.mean(axis=0)) ** 2 for sample in (draws, others))
    )


def assert_same_means(draws, others):
    error = np.sqrt(draws.var(axis=0) / len(draws) + others.var(axis=0) / len(others))
    difference = np.abs(draws.mean(axis=0) - others.mean(axis=0))
    assert (difference <= N_ERRORS * error).all()


def straightforward_draws(est, x, n_draws, rates):
    """Outputs for one row with a float mask for each layer, by the definition."""
    rng = np.random.default_rng(1)

    def dropped(values, rate):
        return values * (rng.random(values.shape) >= rate) / (1 - rate)

    def normalised(values, number):
        norm = est._batch_norms[number]
        deviation = np.sqrt(norm["moving_variance"] + 1e-3)
        centred = (values - norm["moving_mean"]) / deviation
        return centred * norm["gamma"] + norm["beta"]

    place = est.batch_norm
    values = np.repeat(x[None].astype(float), n_draws, axis=0)
    n_norms = 0
    if est.input_batch_norm:
        values, n_norms = normalised(values, 0), 1
    values = dropped(values, rates[0])
    for i, rate in enumerate(rates[1:]):
        values = values @ est.coefs_[i] + est.intercepts_[i]
        if place == "before_activation":
            values = normalised(values, n_norms + i)
        values = np.maximum(values, 0)
        if place == "after_activation":
            values = normalised(values, n_norms + i)
        values = dropped(values, rate)
        if place == "after_dropout":
            values = normalised(values, n_norms + i)
    return values @ est.coefs_[-1] + est.intercepts_[-1]


# Shapes and agreement with the other methods


def test_shapes_and_probabilities(classifier, iris):
    X, y = iris
    draws = classifier.mc_predict_proba(X, n_draws=7, random_state=0)
    assert draws.shape == (7, len(X), 3)
    np.testing.assert_allclose(draws.sum(axis=2), 1)
    assert classifier.mc_predict_proba(X[:2]).shape == (100, 2, 3)
    binary = DropoutMLPClassifier((8,), max_iter=1).fit(X, y == 1)
    draws = binary.mc_predict_proba(X, 5)
    assert draws.shape == (5, len(X), 2)
    np.testing.assert_array_equal(draws[..., 0], 1 - draws[..., 1])


def test_multilabel(iris):
    X, y = iris
    est = DropoutMLPClassifier((8,), dropout_rate=0.2, max_iter=5)
    est.fit(X, np.eye(3, dtype=int)[y][:, :2])
    draws = est.mc_predict_proba(X[:1], N_DRAWS, 0)
    assert draws.shape == (N_DRAWS, 1, 2)
    logits = straightforward_draws(est, X[0], N_DRAWS, [0.0, 0.2])
    assert_same_moments(draws[:, 0], 1 / (1 + np.exp(-logits)))


def test_regression_shapes(regressor, curve):
    X, y = curve
    assert regressor.mc_predict(X, 4).shape == (4, len(X))
    several = DropoutMLPRegressor((8,), max_iter=1).fit(X, np.c_[y, -y])
    assert several.mc_predict(X, 4).shape == (4, len(X), 2)
    mean, std = several.predict(X, return_std=True)
    assert mean.shape == std.shape == (len(X), 2)


@pytest.mark.parametrize("n_outputs", [1, 2])
def test_return_std_is_of_the_same_draws(curve, n_outputs):
    X, y = curve
    y = y if n_outputs == 1 else np.c_[y, -y]
    est = DropoutMLPRegressor((8,), max_iter=1, random_state=0).fit(X, y)
    draws = est.mc_predict(X, 30, random_state=3)
    mean, std = est.predict(X, return_std=True, n_draws=30, random_state=3)
    np.testing.assert_allclose(mean, draws.mean(axis=0), rtol=1e-12)
    np.testing.assert_allclose(std, draws.std(axis=0), rtol=1e-12)
    assert (std > 0).all()


def test_return_std_in_a_pipeline(curve):
    pipe = make_pipeline(StandardScaler(), DropoutMLPRegressor((8,), max_iter=1))
    mean, std = pipe.fit(*curve).predict(curve[0], return_std=True)
    assert mean.shape == std.shape == (200,)


@pytest.mark.parametrize("kind", [DropoutMLPClassifier, DropoutMLPRegressor])
def test_without_dropout_every_draw_is_the_prediction(iris, kind):
    X, y = iris
    est = kind((8,), dropout_rate=0.0, batch_norm=True, max_iter=2).fit(X, y)
    with pytest.warns(UserWarning, match="without dropout") as record:
        draws = (
            est.mc_predict_proba if kind is DropoutMLPClassifier else est.mc_predict
        )(X, 3)
    assert record[0].filename == __file__
    expected = est.predict_proba(X) if kind is DropoutMLPClassifier else est.predict(X)
    for draw in draws:
        np.testing.assert_allclose(draw, expected, rtol=1e-12, atol=1e-15)


# The distribution


@pytest.mark.parametrize("rate", [0.001, 0.2, 0.5, 0.9])
def test_moments_of_a_linear_network(rate):
    # The output is b + sum_j k_j h_j v_j / (1 - p), where k_j is 1 with probability
    # 1 - p. Its moments are sums of those of scaled Bernoulli variables.
    rng = np.random.default_rng(0)
    X = rng.normal(size=(5, 4))
    est = DropoutMLPRegressor(
        (32,), "identity", normalize_y=False, dropout_rate=rate, max_iter=1
    )
    est.fit(X, X[:, 0])
    draws = est.mc_predict(X, N_DRAWS, random_state=0)
    terms = (X @ est.coefs_[0] + est.intercepts_[0]) * est.coefs_[1][:, 0]
    mean = terms.sum(axis=1) + est.intercepts_[1]
    variance = rate / (1 - rate) * (terms**2).sum(axis=1)
    spread = rate * (1 - rate)
    kurtosis = ((terms / (1 - rate)) ** 4).sum(axis=1) * spread * (1 - 6 * spread)
    error = np.sqrt(variance / N_DRAWS)
    assert (np.abs(draws.mean(axis=0) - mean) <= N_ERRORS * error).all()
    error = np.sqrt((kurtosis + 2 * variance**2) / N_DRAWS)
    assert (np.abs(draws.var(axis=0) - variance) <= N_ERRORS * error).all()


def test_rows_are_drawn_by_themselves():
    X = np.ones((2, 3))
    est = DropoutMLPRegressor(
        (32,), normalize_y=False, dropout_rate=0.3, max_iter=1, random_state=0
    )
    draws = est.fit(X, X[:, 0]).mc_predict(X, N_DRAWS, random_state=0)
    assert abs(np.corrcoef(draws.T)[0, 1]) <= N_ERRORS / np.sqrt(N_DRAWS)


@pytest.mark.parametrize("input_batch_norm", [False, True])
@pytest.mark.parametrize("batch_norm", BATCH_NORM)
def test_distribution_of_a_deep_network(curve, batch_norm, input_batch_norm):
    X, y = curve
    est = DropoutMLPRegressor(
        (16, 8, 8),
        normalize_y=False,
        dropout_rate=[0.2, 0.5, 0.1],
        input_dropout_rate=0.1,
        batch_norm=batch_norm,
        input_batch_norm=input_batch_norm,
        batch_size=10,
        max_iter=5,
        random_state=0,
    ).fit(X, y)
    draws = est.mc_predict(X[:1], N_DRAWS, random_state=0)
    expected = straightforward_draws(est, X[0], N_DRAWS, [0.1, 0.2, 0.5, 0.1])
    assert_same_moments(draws, expected)


@pytest.mark.parametrize("rates", [[0.0, 0.4], [0.4, 0.0]])
def test_a_layer_without_dropout(curve, rates):
    est = DropoutMLPRegressor(
        (8, 8), normalize_y=False, dropout_rate=rates, max_iter=3, random_state=0
    )
    draws = est.fit(*curve).mc_predict(curve[0][:1], N_DRAWS, random_state=0)
    expected = straightforward_draws(est, curve[0][0], N_DRAWS, [0.0, *rates])
    assert_same_moments(draws, expected)


def test_batch_norm_keeps_its_statistics(iris):
    X, y = iris
    est = DropoutMLPClassifier((8,), batch_norm=True, max_iter=2).fit(X, y)
    before = pickle.dumps(est)
    draws = est.mc_predict_proba(X, 3, random_state=0)
    assert pickle.dumps(est) == before
    # A row's draws would depend on the other rows if batch statistics were used.
    assert_same_moments(
        est.mc_predict_proba(X[:1], N_DRAWS, 0)[:, 0],
        est.mc_predict_proba(X[:1].repeat(2, axis=0) * [[1], [9]], N_DRAWS, 1)[:, 0],
    )
    assert np.isfinite(draws).all()


@pytest.mark.parametrize("input_dropout_rate", [0.0, 0.3])
def test_sparse_rows(input_dropout_rate):
    rng = np.random.default_rng(0)
    X = sparse.csr_array(rng.random((40, 30)) * (rng.random((40, 30)) < 0.3))
    est = DropoutMLPRegressor(
        (8,), input_dropout_rate=input_dropout_rate, max_iter=3, random_state=0
    )
    est.fit(X, rng.normal(size=40))
    draws = est.mc_predict(X[:2], N_DRAWS, random_state=0)
    others = est.mc_predict(X[:2].toarray(), N_DRAWS, random_state=1)
    assert_same_moments(draws, others)
    assert est.mc_predict(X, 3).shape == (3, 40)


@pytest.mark.parametrize("threshold", [1, 255, 256, 13_107, 65_279, 65_281, 65_535])
def test_rate_of_the_masks(threshold):
    shape = (100, 3, 7001)  # no whole number of 64-bit words
    rate = threshold / 2**16
    dropped = 1 - _keep_mask(np.random.default_rng(0), threshold, shape).mean()
    n = np.prod(shape)
    assert abs(dropped - rate) <= N_ERRORS * np.sqrt(rate * (1 - rate) / n)


# Seeds, types, state


def test_seeds(classifier, iris):
    X, _ = iris
    draws = classifier.mc_predict_proba(X, 5, random_state=0)
    np.testing.assert_array_equal(classifier.mc_predict_proba(X, 5, 0), draws)
    assert not np.array_equal(classifier.mc_predict_proba(X, 5, 1), draws)
    assert len(np.unique(draws[:, 0, 0])) == 5
    stream = np.random.RandomState(0)
    first, second = (classifier.mc_predict_proba(X, 5, stream) for _ in range(2))
    assert not np.array_equal(first, second)
    np.testing.assert_array_equal(
        first, classifier.mc_predict_proba(X, 5, np.random.RandomState(0))
    )
    state = np.random.get_state()[1].copy()  # noqa: NPY002
    classifier.mc_predict_proba(X, 5, random_state=0)
    np.testing.assert_array_equal(np.random.get_state()[1], state)  # noqa: NPY002


@pytest.mark.parametrize("fitted", [np.float32, np.float64])
@pytest.mark.parametrize("given", [np.float32, np.float64, np.int64])
def test_types(iris, fitted, given):
    X, y = iris
    est = DropoutMLPClassifier((8,), max_iter=1).fit(X.astype(fitted), y)
    rows = X.astype(given)
    assert est.mc_predict_proba(rows, 2).dtype == est.predict_proba(rows).dtype


def test_data_frame(classifier, iris):
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame(iris[0], columns=list("abcd"))
    est = DropoutMLPClassifier((8,), max_iter=1).fit(frame, iris[1])
    np.testing.assert_array_equal(
        est.mc_predict_proba(frame, 2, 0), est.mc_predict_proba(frame, 2, 0)
    )
    with pytest.warns(UserWarning, match="feature names"):
        est.mc_predict_proba(iris[0], 2)


def test_the_rates_are_those_of_the_fit(regressor, curve):
    X, _ = curve
    expected = regressor.mc_predict(X, 3, random_state=0)
    restored = pickle.loads(pickle.dumps(regressor))
    restored.set_params(dropout_rate=0.9, input_dropout_rate=0.5)
    np.testing.assert_array_equal(restored.mc_predict(X, 3, random_state=0), expected)
    layers = restored.to_keras().layers
    assert [layer.rate for layer in layers if hasattr(layer, "rate")] == [0.2, 0.2]


def test_no_tensorflow(tmp_path, classifier, regressor, iris):
    (tmp_path / "fitted.pkl").write_bytes(pickle.dumps([classifier, regressor]))
    code = """
        import pickle, sys
        import numpy as np
        import skdropout.uncertainty
        classifier, regressor = pickle.load(open(sys.argv[1], "rb"))
        skdropout.uncertainty.mutual_information(
            classifier.mc_predict_proba(np.ones((2, 4)))
        )
        regressor.mc_predict(np.ones((2, 3)))
        regressor.predict(np.ones((2, 3)), return_std=True)
        assert not {"tensorflow", "keras", "matplotlib"} & set(sys.modules)
    """
    result = run_python(code, tmp_path / "fitted.pkl")
    assert result.stdout + result.stderr == ""


@pytest.mark.parametrize("as_given", [np.asarray, sparse.csr_array])
def test_memory(as_given):
    # The hidden layer of all rows takes 102 MB a draw.
    rng = np.random.default_rng(0)
    X = as_given(rng.normal(size=(50_000, 8)).astype(np.float32))
    y = np.arange(100) % 3
    est = DropoutMLPClassifier((512,), input_dropout_rate=0.1, max_iter=1)
    est.fit(X[:100], y)
    tracemalloc.start()
    try:
        draws = est.mc_predict_proba(X, 4)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < draws.nbytes + 16e6


# Bad input


def test_not_fitted(iris):
    with pytest.raises(NotFittedError):
        DropoutMLPClassifier().mc_predict_proba(iris[0])
    with pytest.raises(NotFittedError):
        DropoutMLPRegressor().mc_predict(iris[0])
    with pytest.raises(NotFittedError):
        DropoutMLPRegressor().predict(iris[0], return_std=True)


@pytest.mark.parametrize("n_draws", [0, -3, 2.0, "many", None])
def test_bad_n_draws(classifier, regressor, iris, curve, n_draws):
    calls = [
        lambda: classifier.mc_predict_proba(iris[0], n_draws),
        lambda: regressor.mc_predict(curve[0], n_draws),
        lambda: regressor.predict(curve[0], return_std=True, n_draws=n_draws),
    ]
    for call in calls:
        with pytest.raises(ValueError, match=r"'n_draws'.*range \[1, inf\)") as caught:
            call()
        assert repr(n_draws) in str(caught.value)


def test_other_bad_input(classifier, iris):
    X, _ = iris
    with pytest.raises(ValueError, match="random_state"):
        classifier.mc_predict_proba(X, random_state="zero")
    with pytest.raises(ValueError, match="features"):
        classifier.mc_predict_proba(X[:, :2])
    with pytest.raises(ValueError, match="NaN"):
        classifier.mc_predict_proba(X * np.nan)


# Entropy and mutual information


def random_draws(shape=(20, 30, 4)):
    return np.random.default_rng(0).dirichlet(np.full(shape[-1], 0.3), shape[:-1])


def test_entropy_of_known_distributions():
    p = np.array([[[1.0, 0.0, 0.0], [1 / 3, 1 / 3, 1 / 3], [0.5, 0.5, 0.0]]])
    expected = [0.0, np.log(3), np.log(2)]
    np.testing.assert_allclose(predictive_entropy(p), expected, atol=1e-15)
    np.testing.assert_allclose(predictive_entropy(p.repeat(5, axis=0)), expected)
    np.testing.assert_array_equal(mutual_information(p), 0)


def test_information_of_known_distributions():
    certain = np.eye(4)[:, None]  # four draws, each sure of another class
    np.testing.assert_allclose(mutual_information(certain), np.log(4))
    # Two draws with probabilities q and 1 - q: log 2 less the entropy of q.
    q = np.array([0.1, 0.25, 0.5])
    p = np.array([np.c_[q, 1 - q], np.c_[1 - q, q]])
    expected = np.log(2) + q * np.log(q) + (1 - q) * np.log(1 - q)
    np.testing.assert_allclose(mutual_information(p), expected, atol=1e-15)


def test_bounds_and_invariances():
    p = random_draws()
    entropy, information = predictive_entropy(p), mutual_information(p)
    assert entropy.shape == information.shape == (30,)
    assert (information >= 0).all()
    assert (information <= entropy).all()
    assert (entropy <= np.log(4)).all()
    rng = np.random.default_rng(1)
    for shuffled in (rng.permutation(p), p[..., ::-1]):
        np.testing.assert_allclose(mutual_information(shuffled), information)
    rows = rng.permutation(30)
    np.testing.assert_allclose(mutual_information(p[:, rows]), information[rows])


def test_single_precision_and_lists():
    p = random_draws()
    for measure in (predictive_entropy, mutual_information):
        np.testing.assert_allclose(measure(p.astype(np.float32)), measure(p), rtol=1e-4)
        np.testing.assert_array_equal(measure(p.tolist()), measure(p))
        assert measure(p.astype(np.float32)).dtype == np.float64


def test_measures_take_draws(classifier, iris):
    draws = classifier.mc_predict_proba(iris[0].astype(np.float32), 20, random_state=0)
    assert (mutual_information(draws) > 0).all()
    assert (mutual_information(draws) < predictive_entropy(draws)).all()


@pytest.mark.parametrize("measure", [predictive_entropy, mutual_information])
@pytest.mark.parametrize(
    ("probabilities", "message"),
    [
        (np.ones((3, 1)), r"\(n_draws, n_samples, n_classes\).*\(3, 1\)"),
        (np.ones((0, 2, 1)), r"\(0, 2, 1\)"),
        ([[["a", "b"]]], "numbers"),
        ([[[1.5, -0.5]]], "between 0 and 1.*-0.5 to 1.5"),
        ([[[np.nan, 0.5]]], "between 0 and 1.*nan"),
        ([[[0.5, 0.5], [0.5, 0.4]]], "sum to one.*0.9"),
        ([[[0.9, 0.9]]], "sum to one.*1.8.*labels"),
    ],
)
def test_bad_probabilities(measure, probabilities, message):
    with pytest.raises(ValueError, match=message):
        measure(probabilities)

"""What the displays show, and what they refuse."""

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib import pyplot as plt
from scipy.stats import loguniform
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV, RandomizedSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from helpers import run_python
from skdropout import DropoutMLPClassifier, DropoutMLPRegressor
from skdropout.plotting import LossCurveDisplay, SweepDisplay
from skdropout.plotting._values import scale_of

pytestmark = pytest.mark.filterwarnings("ignore:Stochastic Optimizer")
mpl.use("Agg")


@pytest.fixture(autouse=True)
def _close_figures():
    yield
    plt.close("all")


class Scored(BaseEstimator):
    """Scores by its parameters alone, so that a search takes no time."""

    def __init__(self, rate=0.2, norm=False, alpha=1.0, kind="a"):
        self.rate = rate
        self.norm = norm
        self.alpha = alpha
        self.kind = kind

    def fit(self, X, y):
        self.n_features_in_ = X.shape[1]
        return self

    def score(self, X, y):
        if self.rate == "fails":
            raise ArithmeticError
        of_kind = 0.01 * ord(str(self.kind)[0])
        return self.alpha - self.rate**2 + self.norm + of_kind + 0.1 * X[0, 0]


class ScoredClassifier(ClassifierMixin, Scored):
    score = Scored.score


class ScoredRegressor(RegressorMixin, Scored):
    score = Scored.score


def sweep(grid, estimator=None, **params):
    X = np.arange(12.0)[:, None] % 5
    estimator = Scored() if estimator is None else estimator
    return GridSearchCV(estimator, grid, cv=3, **params).fit(X, np.arange(12) % 2)


RATES = [0.0, 0.2, 0.5]


# Loss curves


@pytest.fixture(scope="module")
def stopping(iris):
    """By the accuracy, so that its best epoch need not be that of the least loss."""
    est = DropoutMLPClassifier(
        (8,), early_stopping=True, scoring=None, max_iter=9, random_state=0
    )
    return est.fit(*iris)


@pytest.fixture(scope="module")
def watched(curve):
    X, y = curve
    est = DropoutMLPRegressor((8,), max_iter=6, random_state=0)
    return est.fit(X[:150], y[:150], X_val=X[150:], y_val=y[150:])


@pytest.fixture(scope="module")
def unwatched(iris):
    return DropoutMLPClassifier((8,), max_iter=4, random_state=0).fit(*iris)


def test_curves_with_early_stopping(stopping):
    display = LossCurveDisplay.from_estimator(stopping)
    assert isinstance(display, LossCurveDisplay)
    training, validation = display.lines_
    epochs = np.arange(1, stopping.n_iter_ + 1)
    np.testing.assert_array_equal(training.get_xdata(), epochs)
    np.testing.assert_array_equal(training.get_ydata(), stopping.loss_curve_)
    np.testing.assert_array_equal(validation.get_ydata(), stopping.history_["val_loss"])
    best = np.argmax(stopping.validation_scores_) + 1
    assert display.best_epoch == best
    assert list(display.best_line_.get_xdata()) == [best, best]
    ax = display.ax_
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("epoch", "loss")
    labels = [text.get_text() for text in ax.get_legend().get_texts()]
    assert labels == ["training", "validation", f"best epoch: {best}"]
    assert display.figure_ is ax.figure
    assert training.get_linestyle() != validation.get_linestyle()  # for print
    assert display.best_points_ == []


def test_best_epoch_by_validation_loss(watched):
    display = LossCurveDisplay.from_estimator(watched, validation=True)
    assert display.best_epoch == np.argmin(watched.history_["val_loss"]) + 1
    alone = LossCurveDisplay.from_estimator(watched, validation=False)
    assert len(alone.lines_) == 1
    assert alone.best_line_ is None


def test_without_validation_figures(unwatched):
    display = LossCurveDisplay.from_estimator(unwatched)
    assert len(display.lines_) == 1
    assert display.best_epoch is None
    with pytest.raises(ValueError, match=r"X_val and y_val.*early_stopping=True.*=False"):
        LossCurveDisplay.from_estimator(unwatched, validation=True)


def test_validation_in_some_epochs_only(iris):
    X, y = iris
    est = DropoutMLPClassifier((8,), max_iter=2, warm_start=True)
    est.fit(X, y).fit(X, y, X_val=X, y_val=y)
    with pytest.raises(ValueError, match=r"2 of 4 epochs.*validation=False"):
        LossCurveDisplay.from_estimator(est)
    display = LossCurveDisplay.from_estimator(est, validation=False)
    assert len(display.lines_[0].get_xdata()) == 4


def test_pipeline_and_given_axes(iris):
    pipe = make_pipeline(StandardScaler(), DropoutMLPClassifier((8,), max_iter=1))
    _, ax = plt.subplots()
    display = LossCurveDisplay.from_estimator(pipe.fit(*iris), ax=ax)
    assert display.ax_ is ax
    assert len(plt.get_fignums()) == 1
    assert display.lines_[0].get_marker() == "o"  # a line of one point is invisible
    assert display.plot().ax_ is not ax


def test_what_has_no_loss_curve(iris):
    for est in (DropoutMLPClassifier(), make_pipeline(DropoutMLPRegressor())):
        with pytest.raises(NotFittedError):
            LossCurveDisplay.from_estimator(est)
    for est in (StandardScaler(), make_pipeline(StandardScaler()), None):
        with pytest.raises(TypeError, match="DropoutMLPRegressor or a Pipeline"):
            LossCurveDisplay.from_estimator(est)


# Loss curves of several networks


def texts(ax):
    return [text.get_text() for text in ax.get_legend().get_texts()]


def test_curves_of_several_estimators(stopping, watched, unwatched):
    pipe = make_pipeline(stopping)
    networks = {"stops": pipe, "watched": watched, "alone": unwatched}
    display = LossCurveDisplay.from_estimators(networks)
    assert display.name == ["stops", "watched", "alone"]
    found = {
        (line.get_color(), line.get_linestyle()): list(line.get_ydata())
        for line in display.lines_
    }
    colors = list(dict.fromkeys(line.get_color() for line in display.lines_))
    assert len(colors) == 3
    assert found == {
        (colors[0], "-"): stopping.loss_curve_,
        (colors[0], "--"): stopping.history_["val_loss"],
        (colors[1], "-"): watched.loss_curve_,
        (colors[1], "--"): watched.history_["val_loss"],
        (colors[2], "-"): unwatched.loss_curve_,
    }
    assert len({line.get_marker() for line in display.lines_}) == 3
    best = [
        np.argmax(stopping.validation_scores_) + 1,
        np.argmin(watched.history_["val_loss"]) + 1,
    ]
    assert display.best_epoch == [*best, None]
    for point, network, epoch in zip(
        display.best_points_, (stopping, watched), best, strict=True
    ):
        assert list(point.get_xdata()) == [epoch]
        assert list(point.get_ydata()) == [network.history_["val_loss"][epoch - 1]]
    assert display.best_line_ is None
    names = [*networks, "training", "validation", "best epoch"]
    assert texts(display.ax_) == names


def test_training_losses_of_several(stopping, watched):
    networks = [stopping, watched]
    display = LossCurveDisplay.from_estimators(
        networks, validation=False, name=["a", "b"]
    )
    assert [line.get_label() for line in display.lines_] == ["a", "b"]
    assert texts(display.ax_) == ["a", "b", "best epoch"]  # one stops by its scores
    (point,) = display.best_points_
    epoch = point.get_xdata()[0]
    assert list(point.get_ydata()) == [stopping.loss_curve_[epoch - 1]]


def test_names_by_default(iris):
    def fitted(**params):
        return DropoutMLPClassifier((4,), max_iter=1, **params).fit(*iris)

    networks = [fitted(dropout_rate=0.0), fitted(dropout_rate=0.5)]
    from_estimators = LossCurveDisplay.from_estimators
    assert from_estimators(networks).name == ["dropout_rate=0", "dropout_rate=0.5"]
    networks += [fitted(dropout_rate=0.5, batch_norm=True)]
    display = from_estimators(networks)
    assert display.name == ["False, 0", "False, 0.5", "True, 0.5"]
    title = display.ax_.get_legend().get_title().get_text()
    assert title == "batch_norm, dropout_rate"
    assert from_estimators(networks[:1]).name == ["DropoutMLPClassifier"]
    alike = from_estimators([networks[0], networks[0]])
    assert alike.name == ["DropoutMLPClassifier 1", "DropoutMLPClassifier 2"]


def test_names_of_two_classes(unwatched, watched):
    display = LossCurveDisplay.from_estimators([unwatched, watched])
    assert display.name == ["DropoutMLPClassifier", "DropoutMLPRegressor"]


def test_one_network_after_another(stopping, watched):
    first = LossCurveDisplay.from_estimator(stopping, name="first")
    second = LossCurveDisplay.from_estimator(watched, name="second", ax=first.ax_)
    assert first.lines_[0].get_color() != second.lines_[0].get_color()
    assert first.lines_[0].get_marker() != second.lines_[0].get_marker()
    labels = texts(first.ax_)
    assert sorted(labels) == sorted(
        ["first", "second", "training", "validation", "best epoch"]
    )


def test_constructor_of_several():
    losses = [[2.0, 1.0], np.array([3.0, 2.0, 1.0])]
    display = LossCurveDisplay(training_loss=losses).plot()
    assert [line.get_label() for line in display.lines_] == ["network 1", "network 2"]
    display = LossCurveDisplay(
        training_loss=losses, validation_loss=[None, [3, 1, 2]], best_epoch=[None, 2]
    ).plot()
    assert len(display.lines_) == 3
    assert list(display.best_points_[0].get_ydata()) == [1]
    for params, message in (
        ({"validation_loss": [[1.0, 2.0]]}, "validation_loss has 1 entries.*2 curves"),
        ({"best_epoch": 3}, "best_epoch has 1 entries"),
        ({"name": "ab"}, "name has 1 entries"),
        ({"name": ["a", "b", "c"]}, "name has 3 entries"),
    ):
        with pytest.raises(ValueError, match=message):
            LossCurveDisplay(training_loss=losses, **params).plot()


def test_many_networks_leave_room_for_their_legend():
    losses = [np.linspace(1, 0.5, 20 + i) for i in range(6)]
    names = [f"dropout {i} and a long name that goes on and on" for i in range(6)]
    display = LossCurveDisplay(
        training_loss=losses,
        validation_loss=losses,
        best_epoch=[i + 1 for i in range(6)],
        name=names,
    ).plot()
    figure = display.figure_
    figure.draw_without_rendering()
    legend = display.ax_.get_legend().get_window_extent()
    axes = display.ax_.get_tightbbox()
    width, height = plt.rcParams["figure.figsize"]
    assert display.ax_.get_window_extent().width > 0.7 * width * figure.dpi
    assert display.ax_.get_window_extent().height > 0.7 * height * figure.dpi
    assert not display.ax_.xaxis.label.get_window_extent().overlaps(legend)
    assert not display.ax_.get_window_extent().overlaps(legend)
    for box in (legend, axes):
        assert box.x0 >= 0
        assert box.y0 >= 0
        assert box.x1 <= figure.bbox.width


def test_what_has_no_loss_curves(stopping, unwatched):
    from_estimators = LossCurveDisplay.from_estimators
    for estimators in ({}, []):
        with pytest.raises(ValueError, match="estimators is empty"):
            from_estimators(estimators)
    with pytest.raises(TypeError, match="a dict of names and estimators or a list"):
        from_estimators(stopping)
    with pytest.raises(TypeError, match=r"must be a DropoutMLP.*StandardScaler"):
        from_estimators([stopping, StandardScaler()])
    with pytest.raises(NotFittedError):
        from_estimators({"a": stopping, "b": DropoutMLPClassifier()})
    for name in ("one", ["one"]):
        with pytest.raises(ValueError, match=r"name=.*as many names.*\(2\)"):
            from_estimators([stopping, unwatched], name=name)
    with pytest.raises(ValueError, match="fitted without validation rows"):
        from_estimators([stopping, unwatched], validation=True)


# Sweeps


def test_a_line_for_each_value_of_the_other_parameter():
    search = sweep({"rate": RATES, "norm": [False, True]})
    display = SweepDisplay.from_search(search, "rate")
    assert isinstance(display, SweepDisplay)
    results = search.cv_results_
    for line, norm in zip(display.lines_, [False, True], strict=True):
        chosen = np.array([params["norm"] is norm for params in results["params"]])
        np.testing.assert_array_equal(line.get_xdata(), RATES)
        np.testing.assert_array_equal(
            line.get_ydata(), results["mean_test_score"][chosen]
        )
    ax = display.ax_
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("rate", "mean test score")
    assert ax.get_legend().get_title().get_text() == "norm"
    labels = [text.get_text() for text in ax.get_legend().get_texts()]
    assert labels == ["False", "True", "best"]
    assert ax.get_xscale() == "linear"
    assert list(ax.get_xticks()) == RATES


def test_spread_over_the_folds():
    search = sweep({"rate": RATES})
    mean, std = (search.cv_results_[f"{name}_test_score"] for name in ("mean", "std"))
    assert std.min() > 0
    (band,) = SweepDisplay.from_search(search, "rate").ax_.collections
    heights = band.get_paths()[0].vertices[:, 1]
    np.testing.assert_allclose(heights.max(), (mean + std).max())
    np.testing.assert_allclose(heights.min(), (mean - std).min())
    display = SweepDisplay.from_search(search, "rate", std_display_style="errorbar")
    (bars,) = display.ax_.collections
    np.testing.assert_allclose(
        [path.vertices[:, 1] for path in bars.get_paths()], np.c_[mean - std, mean + std]
    )
    display = SweepDisplay.from_search(search, "rate", std_display_style=None)
    assert not display.ax_.collections
    labels = [text.get_text() for text in display.ax_.get_legend().get_texts()]
    assert labels == ["best"]
    with pytest.raises(ValueError, match="std_display_style='band'"):
        SweepDisplay.from_search(search, "rate", std_display_style="band")


def test_several_other_parameters():
    grid = {"rate": RATES, "norm": [False, True], "kind": ["b", "a"], "alpha": [1.0]}
    display = SweepDisplay.from_search(sweep(grid), "rate")
    assert len(display.lines_) == 4
    legend = display.ax_.get_legend()
    assert legend.get_title().get_text() == "kind,\nnorm"
    assert legend.get_texts()[0].get_text() == "b, False"


def test_values_of_a_number_are_in_order():
    search = sweep({"rate": RATES, "alpha": [10, 0.5, 2]})
    display = SweepDisplay.from_search(search, "rate")
    assert [line.get_label() for line in display.lines_] == ["0.5", "2", "10"]
    shades = [sum(line.get_color()[:3]) for line in display.lines_]
    assert shades == sorted(shades)


@pytest.mark.parametrize(
    ("values", "scale"),
    [
        ([1e-4, 1e-3, 1e-2], "log"),
        (np.logspace(-3, 0, 10), "log"),
        ([1, 10, 100], "log"),
        ([1, 10, 50], "linear"),  # less than two decades
        ([1, 50, 100], "linear"),
        (np.linspace(0.001, 1, 20), "linear"),
        (loguniform(1e-5, 1).rvs(30, random_state=0), "log"),
        (np.random.default_rng(0).uniform(1e-4, 1, 30), "linear"),
        ([0, 1e-4, 1e-3, 1e-2], "symlog"),
        ([0.0, 0.2, 0.5], "linear"),
        ([-1, 0.01, 1, 100], "linear"),
        ([3], "linear"),
        ([0], "linear"),
    ],
)
def test_scale(values, scale):
    assert scale_of(values) == scale


def test_logarithmic_axis():
    display = SweepDisplay.from_search(sweep({"alpha": [1e-4, 1e-2, 1.0]}), "alpha")
    assert display.ax_.get_xscale() == "log"
    display = SweepDisplay.from_search(sweep({"alpha": [0, 1e-4, 1e-2, 1.0]}), "alpha")
    assert display.ax_.get_xscale() == "symlog"


def test_categories():
    search = sweep({"kind": ["b", "a", None], "norm": [False, True]})
    display = SweepDisplay.from_search(search, "kind")
    labels = [text.get_text() for text in display.ax_.get_xticklabels()]
    assert labels == ["b", "a", "None"]
    assert len(display.lines_) == 2
    for line in display.lines_:
        np.testing.assert_array_equal(np.round(line.get_xdata()), [0, 1, 2])
        assert line.get_linestyle() == "None"
    first, second = (line.get_xdata() for line in display.lines_)
    assert (first < second).all()


def test_short_names(iris):
    pipe = make_pipeline(StandardScaler(), Scored())
    search = sweep({"scored__rate": RATES, "scored__norm": [False, True]}, pipe)
    for name in ("rate", "scored__rate"):
        display = SweepDisplay.from_search(search, name)
        assert display.ax_.get_xlabel() == "rate"
        assert display.ax_.get_legend().get_title().get_text() == "norm"
    with pytest.raises(ValueError, match="param='ate' was not swept"):
        SweepDisplay.from_search(search, "ate")


def test_ambiguous_names():
    pipe = make_pipeline(StandardScaler(), StandardScaler(), Scored())
    names = [f"standardscaler-{i}__with_mean" for i in (1, 2)]
    search = sweep({name: [False, True] for name in names}, pipe)
    with pytest.raises(ValueError, match="scaler-1__with_mean, standardscaler-2__with_m"):
        SweepDisplay.from_search(search, "with_mean")
    display = SweepDisplay.from_search(search, names[0])
    assert display.ax_.get_xlabel() == names[0]


def test_parameters_that_not_every_candidate_has():
    grids = [{"rate": RATES, "norm": [True]}, {"rate": RATES}, {"alpha": [2.0]}]
    display = SweepDisplay.from_search(sweep(grids), "rate")
    labels = [line.get_label() for line in display.lines_]
    assert labels == ["True", "not set"]


def test_random_search():
    X, y = np.arange(12.0)[:, None] % 5, np.arange(12) % 2
    distributions = {"alpha": loguniform(1e-4, 1), "rate": loguniform(0.1, 0.5)}
    search = RandomizedSearchCV(Scored(), distributions, n_iter=9, cv=3, random_state=0)
    display = SweepDisplay.from_search(search.fit(X, y), "alpha")
    (points,) = display.lines_
    assert len(points.get_xdata()) == 9
    assert points.get_linestyle() == "None"
    assert display.ax_.get_xscale() == "log"
    display = SweepDisplay.from_search(search, ("alpha", "rate"))
    assert display.image_.get_offsets().shape == (9, 2)
    assert (display.ax_.get_xscale(), display.ax_.get_yscale()) == ("log", "log")


def test_heat_map():
    search = sweep({"rate": RATES, "kind": ["b", "a"]})
    display = SweepDisplay.from_search(search, ("kind", "rate"))
    cells = display.image_.get_array()
    assert cells.shape == (3, 2)
    for params, mean in zip(
        search.cv_results_["params"], search.cv_results_["mean_test_score"], strict=True
    ):
        row, column = RATES.index(params["rate"]), ["b", "a"].index(params["kind"])
        assert cells[row, column] == mean
    ax = display.ax_
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("kind", "rate")
    assert [text.get_text() for text in ax.get_xticklabels()] == ["b", "a"]
    assert [text.get_text() for text in ax.get_yticklabels()] == ["0", "0.2", "0.5"]
    assert len(ax.texts) == 6
    assert display.image_.colorbar.ax.get_ylabel() == "mean test score"
    assert display.lines_ == []


def test_heat_map_of_the_best():
    search = sweep({"rate": RATES, "kind": ["b", "a"], "norm": [True, False]})
    display = SweepDisplay.from_search(search, ["kind", "rate"])
    assert display.image_.get_array().max() == search.cv_results_["mean_test_score"].max()
    assert "best over" in display.image_.colorbar.ax.get_ylabel()


def test_given_axes_and_drawing_again():
    _, ax = plt.subplots()
    display = SweepDisplay.from_search(sweep({"rate": RATES}), "rate", ax=ax)
    assert (display.ax_, display.figure_) == (ax, ax.figure)
    assert len(plt.get_fignums()) == 1
    assert display.plot().ax_ is not ax


@pytest.mark.parametrize(
    ("estimator", "scoring", "label"),
    [
        (ScoredClassifier(), None, "mean test accuracy"),
        (ScoredRegressor(), None, "mean test R²"),
        (Scored(), lambda est, X, y: 0.5, "mean test <lambda>"),
        (Scored(), {"one": Scored.score}, "mean test one"),
    ],
)
def test_name_of_the_score(estimator, scoring, label):
    search = sweep({"rate": RATES}, estimator, scoring=scoring, refit=False)
    assert SweepDisplay.from_search(search, "rate").ax_.get_ylabel() == label


def test_metrics():
    scoring = {"one": Scored.score, "two": lambda est, X, y: -est.rate}
    search = sweep({"rate": RATES}, scoring=scoring, refit=False)
    display = SweepDisplay.from_search(search, "rate", metric="two")
    np.testing.assert_allclose(display.lines_[0].get_ydata(), np.negative(RATES))
    assert display.ax_.get_ylabel() == "mean test two"
    with pytest.raises(ValueError, match="measured one, two; choose one by metric="):
        SweepDisplay.from_search(search, "rate")
    with pytest.raises(ValueError, match=r"metric='three' was not measured.*one, two"):
        SweepDisplay.from_search(search, "rate", metric="three")
    search = sweep({"rate": RATES}, scoring=scoring, refit="two")
    assert SweepDisplay.from_search(search, "rate").score_name == "two"


@pytest.mark.filterwarnings("ignore:Scoring failed", "ignore:One or more of the test")
def test_candidates_without_a_score():
    search = sweep({"rate": [0.1, "fails", 0.3]})
    display = SweepDisplay.from_search(search, "rate")
    np.testing.assert_array_equal(display.lines_[0].get_xdata(), [0.1, 0.3])
    with pytest.raises(ValueError, match="error_score='raise'"):
        SweepDisplay.from_search(sweep({"rate": ["fails"]}), "rate")


def test_what_cannot_be_drawn():
    search = sweep({"rate": RATES, "norm": [False, True]})
    with pytest.raises(ValueError, match=r"'alpha' was not swept.*swept: norm, rate"):
        SweepDisplay.from_search(search, "alpha")
    for pair in (("rate", "rate"), ("rate", "norm", "rate"), ()):
        with pytest.raises(ValueError, match="a pair of different ones"):
            SweepDisplay.from_search(search, pair)
    for unfitted in (GridSearchCV(Scored(), {}), Scored()):
        with pytest.raises(NotFittedError, match="fitted search"):
            SweepDisplay.from_search(unfitted, "rate")


def test_without_matplotlib():
    code = """
        import sys
        sys.modules["matplotlib"] = sys.modules["matplotlib.pyplot"] = None
        from skdropout.plotting import LossCurveDisplay
        try:
            LossCurveDisplay(training_loss=[1.0]).plot()
        except ImportError as error:
            assert "skdropout[plot]" in str(error), error
        else:
            raise AssertionError("no ImportError")
        assert "tensorflow" not in sys.modules
    """
    run_python(code)

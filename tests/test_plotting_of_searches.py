"""What a reader sees of searches: the best, the bad, rungs, scales, orders, histories."""

import shutil
import warnings

import keras
import numpy as np
import pytest
from cycler import cycler
from matplotlib import pyplot as plt
from matplotlib.colors import to_hex, to_rgb
from scipy.stats import lognorm, loguniform, norm, randint, uniform
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.exceptions import NotFittedError
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.model_selection import (
    GridSearchCV,
    HalvingGridSearchCV,
    HalvingRandomSearchCV,
    KFold,
    RandomizedSearchCV,
)

from skdropout import DropoutMLPClassifier, HistoryScorer, fused_training
from skdropout.plotting import LossCurveDisplay, SweepDisplay
from skdropout.plotting._style import lightness
from skdropout.plotting._values import floor_of


@pytest.fixture(autouse=True)
def closed_figures():
    plt.switch_backend("agg")
    yield
    plt.close("all")


def searched(kind, params, data, **options):
    mlp = DropoutMLPClassifier((4,), max_iter=2, random_state=0)
    with warnings.catch_warnings(), fused_training():
        warnings.simplefilter("ignore")
        return kind(mlp, params, cv=2, **options).fit(*data)


def drawn(search, param, **options):
    return SweepDisplay.from_search(search, param, **options)


def test_optimizers_are_told_by_what_was_given(iris):
    optimizers = [
        keras.optimizers.Adam(),
        keras.optimizers.SGD(0.1, momentum=0.9),
        keras.optimizers.SGD(0.1, momentum=0.5),
        "adam",
    ]
    display = drawn(searched(GridSearchCV, {"optimizer": optimizers}, iris), "optimizer")
    assert [text.get_text() for text in display.ax_.get_xticklabels()] == [
        "Adam()",
        "SGD(learning_rate=0.1, momentum=0.9)",
        "SGD(learning_rate=0.1, momentum=0.5)",
        "adam",
    ]


def test_a_line_for_each_rung_of_a_halving_search(iris):
    grid = {"alpha": [0.0, 0.1, 0.2, 0.3, 0.4, 0.5]}
    options = {"random_state": 0, "min_resources": 36, "factor": 2}
    search = searched(HalvingGridSearchCV, grid, iris, **options)
    display = drawn(search, "alpha")
    amounts = search.n_resources_
    assert len(amounts) > 1
    assert [line.get_label() for line in display.lines_] == list(map(str, amounts))
    assert [len(line.get_xdata()) for line in display.lines_] == search.n_candidates_
    assert display.ax_.get_legend().get_title().get_text() == "n_samples"


def test_last_rung_in_a_heat_map(iris):
    grid = {"alpha": [0.0, 0.1], "dropout_rate": [0.0, 0.5]}
    options = {"random_state": 0, "min_resources": 36, "factor": 2}
    search = searched(HalvingGridSearchCV, grid, iris, **options)
    cells = drawn(search, ("alpha", "dropout_rate")).image_.get_array()
    results = search.cv_results_
    last = {
        (p["dropout_rate"], p["alpha"]): score
        for p, score in zip(results["params"], results["mean_test_score"], strict=True)
    }
    assert cells.ravel().tolist() == [last[key] for key in sorted(last)]


@pytest.mark.parametrize(("low", "high"), [(0.01, 0.5), (0.4, 0.5)])
def test_log_uniform_values(iris, low, high):
    values = {"learning_rate_init": loguniform(low, high)}
    search = searched(RandomizedSearchCV, values, iris, n_iter=4, random_state=0)
    assert drawn(search, "learning_rate_init").ax_.get_xscale() == "log"


# Searches whose scores are given


class Given(ClassifierMixin, BaseEstimator):
    """Has the score that a table has for its two parameters, and loss curves."""

    def __init__(self, a=0, b=0, table=None):
        self.a = a
        self.b = b
        self.table = table

    def fit(self, X, y):
        self.classes_ = np.unique(y)
        n_epochs = 3 + int(X.min() > 0)  # those of one fold are more
        a = self.a if isinstance(self.a, (int, float)) else 0
        losses = [a + 1.0 / epoch for epoch in range(1, n_epochs + 1)]
        self.n_iter_, self.history_ = n_epochs, {"loss": losses}
        if self.b != "no validation":
            self.history_["val_loss"] = [a + 2.0, a + 1.0, a + 3.0, a + 4.0][:n_epochs]
        return self

    def score(self, X, y=None):
        value = self.a if self.table is None else self.table[self.a, self.b]
        return value + 1e-3 * len(X)


def given(grid, table=None, kind=GridSearchCV, cv=3, **options):
    X, y = np.arange(24.0)[:, None] // 4, np.arange(24) % 2
    estimator = Given(table=table)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return kind(estimator, grid, cv=cv, **options).fit(X, y)


def labels_of(display):
    return [text.get_text() for text in display.ax_.get_legend().get_texts()]


PAIRS = [(1, 1), (1, 2), (2, 1), (2, 2)]


def test_the_best_candidate_has_a_ring():
    table = {(a, b): s for (a, b), s in zip(PAIRS, [0.1, 0.4, 0.3, 0.2], strict=True)}
    search = given({"a": [1, 2], "b": [1, 2]}, table)
    assert search.best_params_ == {"a": 1, "b": 2}
    display = drawn(search, "a")
    x, y = display.best_.get_data()
    assert (list(x), list(y)) == ([1], [search.best_score_])
    assert labels_of(display)[-1] == "best"
    display = drawn(search, ("a", "b"))
    corner = np.array(display.best_.get_xy())
    assert np.all(np.round(corner + 0.46) == [0, 1])
    assert labels_of(display) == ["best"]


def test_the_best_by_the_score_that_is_drawn():
    scoring = {"up": Given.score, "down": lambda est, X, y: -est.score(X)}
    search = given({"a": [1, 2, 3]}, scoring=scoring, refit="up")
    for metric, best in ((None, 3), ("up", 3), ("down", 1)):
        display = drawn(search, "a", metric=metric)
        assert list(display.best_.get_xdata()) == [best]


def test_the_best_is_the_choice_of_refit():
    display = drawn(given({"a": [1, 2, 3]}, refit=lambda results: 1), "a")
    assert list(display.best_.get_xdata()) == [2]


def test_the_best_lacks_the_parameter():
    search = given([{"a": [1, 2]}, {"b": [5], "a": [9]}])
    assert drawn(search, "b").best_ is not None
    search = given([{"a": [9]}, {"b": [5, 6]}])
    assert drawn(search, "b").best_ is None


def test_ring_in_a_category():
    table = {("x", 1): 0.2, ("x", 2): 0.3, ("y", 1): 0.5, ("y", 2): 0.1}
    display = drawn(given({"a": ["x", "y"], "b": [1, 2]}, table), "a")
    assert list(display.best_.get_xdata()) == [display.lines_[0].get_xdata()[1]]


# What does not stretch a scale


@pytest.mark.parametrize(
    ("scores", "floor"),
    [
        ([0.96, 0.95, 0.1], 0.95),
        ([0.96, 0.95, 0.94, 0.1, -50], 0.94),
        ([0.96, 0.96, 0.96, 0.95, 0.1], 0.95),  # most are the best
        ([0.96, 0.96, 0.1], None),  # too few to tell
        ([0.9, 0.1], None),
        ([0.5], None),
        ([0.5, 0.5, 0.5], None),
        (np.linspace(0, 1, 20), None),
        (np.geomspace(1e-2, 1, 20), None),
        ([0.95, 0.9, 0.1, 0.1, 0.1], None),  # not the exception
        (-np.array([0.1, 0.12, 0.11, 900.0]), -0.12),
    ],
)
def test_floor_of_a_scale(scores, floor):
    assert floor_of(np.array(scores)) == floor


def test_a_bad_candidate_does_not_stretch_the_axis():
    table = {(a, 0): s for a, s in enumerate([0.90, 0.94, 0.95, 0.93, -7.0])}
    search = given({"a": [0, 1, 2, 3, 4], "b": [0]}, table)
    display = drawn(search, "a")
    means = search.cv_results_["mean_test_score"]
    low, high = display.ax_.get_ylim()
    assert means[:4].min() - 0.01 < low < means[:4].min()
    assert means.max() < high < means.max() + 0.01
    np.testing.assert_array_equal(display.lines_[0].get_ydata(), means)  # all are there
    assert list(display.outside_.get_xdata()) == [4]
    assert labels_of(display) == ["best", f"lower: {means[4]:.4g}"]
    plain = drawn(given({"a": [0, 1, 2, 3]}), "a")
    assert plain.outside_ is None


def test_several_bad_candidates():
    table = {(a, 0): s for a, s in enumerate([0.90, 0.94, 0.95, 0.93, -7.0, -3.0])}
    search = given({"a": list(range(6)), "b": [0]}, table)
    means = search.cv_results_["mean_test_score"]
    display = drawn(search, "a", std_display_style="errorbar")
    assert list(display.outside_.get_xdata()) == [4, 5]
    assert labels_of(display)[-1] == f"lower: {means[4]:.4g} to {means[5]:.4g}"


def test_axes_that_have_something_keep_their_limits():
    _, ax = plt.subplots()
    ax.plot([0, 4], [-8.0, 2.0])
    limits = ax.get_ylim()
    table = {(a, 0): s for a, s in enumerate([0.90, 0.94, 0.95, 0.93, -7.0])}
    display = drawn(given({"a": [0, 1, 2, 3, 4], "b": [0]}, table), "a", ax=ax)
    assert display.outside_ is None
    assert ax.get_ylim() == limits


@pytest.mark.parametrize(
    ("gap", "digits"), [(0.0, 3), (0.05, 3), (2e-3, 3), (4e-4, 4), (2e-5, 5), (1e-7, 5)]
)
def test_numbers_that_differ_are_written_so(gap, digits):
    search = given({"a": [0, 1], "b": [0]}, {(0, 0): 0.8, (1, 0): 0.8 + gap})
    display = drawn(search, ("a", "b"))
    means = search.cv_results_["mean_test_score"]
    texts = {text.get_text() for text in display.ax_.texts}
    assert texts == {f"{mean:#.{digits}g}" for mean in means}


@pytest.mark.parametrize("bad", [0.1, 0.89])
def test_a_bad_candidate_does_not_take_the_colours(bad):
    pairs = [(a, b) for a in range(3) for b in range(3)]
    scores = [0.90, 0.91, 0.92, 0.93, 0.94, 0.95, 0.92, 0.91, bad]
    search = given(
        {"a": [0, 1, 2], "b": [0, 1, 2]}, dict(zip(pairs, scores, strict=True))
    )
    display = drawn(search, ("a", "b"))
    means = np.sort(search.cv_results_["mean_test_score"])
    is_out = bad == 0.1
    assert display.image_.norm.vmin == means[1 if is_out else 0]
    assert display.image_.norm.vmax == means[-1]
    assert display.image_.colorbar.extend == ("min" if is_out else "neither")
    assert f"{means[0]:#.3g}" in {text.get_text() for text in display.ax_.texts}
    np.testing.assert_array_equal(np.sort(display.image_.get_array(), None), means)


def test_points_with_a_bad_candidate():
    pairs = [(a, a**2 % 7) for a in range(1, 10)]
    table = dict.fromkeys(pairs, 0.9) | {pairs[0]: 0.95, pairs[1]: 0.92, pairs[2]: -5.0}
    grid = [{"a": [a], "b": [b]} for a, b in pairs]
    search = given(grid, table)
    display = drawn(search, ("a", "b"))
    assert display.image_.get_offsets().shape == (9, 2)
    assert display.image_.norm.vmin == np.sort(search.cv_results_["mean_test_score"])[1]
    assert display.image_.colorbar.extend == "min"
    assert display.best_.get_xydata().tolist() == [list(pairs[0])]


# Order and scales


def test_sizes_of_layers_are_in_order():
    sizes = [(128,), (64, 64), (16, 512), (np.int64(64),), (64, 32, 16)]
    in_order = ["(64,)", "(128,)", "(16, 512)", "(64, 64)", "(64, 32, 16)"]
    table = {(size, b): 0.5 for size in sizes for b in ("z", "y")}
    search = given({"a": sizes, "b": ["z", "y"]}, table)
    ticks = drawn(search, "a").ax_.get_xticklabels()
    assert [text.get_text() for text in ticks] == in_order
    assert labels_of(drawn(search, "b"))[:5] == in_order
    ticks = drawn(search, ("b", "a")).ax_.get_yticklabels()
    assert [text.get_text() for text in ticks] == in_order
    assert labels_of(drawn(search, "a"))[:2] == ["z", "y"]  # texts as they come


@pytest.mark.parametrize(
    ("distribution", "scale"),
    [
        (loguniform(0.3, 0.5), "log"),
        (uniform(0.3, 0.2), "linear"),
        (randint(3, 9), "linear"),
        (norm(5, 0.1), "linear"),
        (lognorm(0.1), "linear"),
    ],
)
def test_scale_of_a_distribution(distribution, scale):
    options = {"kind": RandomizedSearchCV, "n_iter": 5, "random_state": 0}
    search = given({"a": distribution}, **options)
    assert drawn(search, "a").ax_.get_xscale() == scale
    search = given([{"a": distribution}, {"b": [1]}], **options)
    assert drawn(search, "a").ax_.get_xscale() == scale


# Halving


HALVING = {"factor": 2, "min_resources": 6, "random_state": 0}


def test_rungs_grow_and_those_that_dropped_out_are_hollow():
    grid = {"a": [1, 2, 3, 4, 5, 6, 7, 8]}
    search = given(grid, kind=HalvingGridSearchCV, **HALVING)
    display = drawn(search, "a")
    assert len(display.lines_) == len(search.n_candidates_) > 2
    sizes = [line.get_markersize() for line in display.lines_]
    assert sizes == sorted(sizes)
    assert len(set(sizes)) == len(sizes)
    darkness = [-lightness(line.get_color()) for line in display.lines_]
    assert darkness == sorted(darkness)
    hollow = [
        line
        for line in display.ax_.lines
        if to_hex(line.get_markerfacecolor()) == "#ffffff" and line is not display.best_
    ]
    hollow.sort(key=lambda line: line.get_markersize())
    for i, line in enumerate(hollow):
        gone = set(display.lines_[i].get_xdata()) - set(display.lines_[i + 1].get_xdata())
        assert set(line.get_xdata()) == gone
    assert len(hollow) == len(display.lines_) - 1
    assert list(display.best_.get_xdata()) == [search.best_params_["a"]]
    amounts = [str(amount) for amount in search.n_resources_]
    assert labels_of(display) == [*amounts, "dropped out", "best"]


def test_the_best_of_a_halving_search_is_in_its_last_rung():
    def score(estimator, X, y):
        return estimator.a - len(X)  # the first rung has the best scores

    search = given(
        {"a": [1, 2, 3, 4]}, kind=HalvingGridSearchCV, scoring=score, **HALVING
    )
    display = drawn(search, "a")
    assert list(display.best_.get_ydata()) == [search.best_score_]
    assert display.best_.get_ydata()[0] < display.lines_[0].get_ydata().max()


def test_rungs_of_a_search_over_several_parameters():
    values = {"a": loguniform(0.001, 1), "b": loguniform(0.001, 1)}
    search = given(
        values, kind=HalvingRandomSearchCV, n_candidates=8, scoring=total, **HALVING
    )
    display = drawn(search, "a")
    assert [len(line.get_xdata()) for line in display.lines_] == search.n_candidates_
    assert {line.get_linestyle() for line in display.lines_} == {"None"}
    assert display.ax_.get_xscale() == "log"
    display = drawn(search, ("a", "b"))
    assert len(display.image_.get_offsets()) == 8
    assert len(set(display.image_.get_sizes())) == len(search.n_resources_)
    first, *others = search.n_resources_
    assert labels_of(display) == [f"n_samples: {first}", *map(str, others), "best"]


def total(estimator, X, y):
    return estimator.a + estimator.b


# Histories


def test_histories_of_the_display():
    plain = given({"a": [1, 2]})
    assert drawn(plain, "a").histories is None
    scorer = HistoryScorer()
    search = given({"a": [1, 2]}, scoring=scorer)
    display = drawn(search, "a")
    assert display.histories == scorer.histories(search)
    assert display.ax_.get_ylabel() == "mean test accuracy"
    search = given({"a": [1, 2]}, scoring=HistoryScorer("balanced_accuracy"), refit=False)
    search.cv_results_["mean_test_score"] = np.array([np.nan, 1.0])
    display = drawn(search, "a")
    assert display.ax_.get_ylabel() == "mean test balanced accuracy"
    assert len(display.histories) == len(display.params) == 1


def curves(search, *args, **options):
    return LossCurveDisplay.from_search(search, *args, **options)


def test_mean_curves_of_the_best_candidates():
    search = given({"a": list(range(8))}, scoring=HistoryScorer(), cv=KFold(3))
    display = curves(search)
    assert display.name == [f"a={a}" for a in (7, 6, 5, 4, 3, 2)]  # the best first
    assert display.ax_.get_legend().get_title().get_text() == "best 6 of 8"
    lengths = {len(history["loss"]) for history in search.scoring.histories(search)[0]}
    assert lengths == {3, 4}
    for training, validation, a in zip(
        display.lines_[::2], display.lines_[1::2], (7, 6, 5, 4, 3, 2), strict=True
    ):
        np.testing.assert_allclose(training.get_ydata(), a + 1 / np.arange(1, 4))
        np.testing.assert_allclose(validation.get_ydata(), [a + 2, a + 1, a + 3])
    assert display.best_epoch == [2] * 6
    two = curves(search, n_candidates=2, validation=False)
    assert [line.get_label() for line in two.lines_] == ["a=7", "a=6"]
    assert two.best_points_ == []
    assert curves(search, n_candidates=8).ax_.get_legend().get_title().get_text() == ""


def test_mean_curves_by_a_parameter():
    table = {(a, b): a * (b - 2) for a in (1, 2) for b in (1, 3)}
    search = given({"a": [1, 2], "b": [3, 1]}, table, scoring=HistoryScorer())
    display = curves(search, "b")
    assert display.name == ["b=1", "b=3"]
    firsts = [line.get_ydata()[0] for line in display.lines_[::2]]
    assert firsts == [2.0, 3.0]  # 1 is the better a for b=1, and 2 for b=3
    display = curves(search, n_candidates=3)
    assert display.name == ["2, 3", "1, 3", "1, 1"]
    title = display.ax_.get_legend().get_title().get_text()
    assert title == "a, b\nbest 3 of 4"


def test_mean_curves_of_a_halving_search():
    options = {"kind": HalvingGridSearchCV, "scoring": HistoryScorer(), **HALVING}
    search = given({"a": [1, 2, 3, 4]}, **options)
    display = curves(search)
    assert display.name == ["a=4", "a=3", "a=2", "a=1"]
    assert len(search.cv_results_["params"]) > 4


def test_mean_curves_of_networks(iris):
    scoring = {"kept": HistoryScorer("accuracy"), "other": "balanced_accuracy"}
    search = searched(
        GridSearchCV, {"dropout_rate": [0.0, 0.5]}, iris, scoring=scoring, refit="kept"
    )
    display = curves(search, "dropout_rate", metric="other")
    for line, of_folds in zip(
        display.lines_, scoring["kept"].histories(search), strict=True
    ):
        losses = [history["loss"] for history in of_folds]
        np.testing.assert_allclose(line.get_ydata(), np.mean(losses, axis=0))


def test_searches_without_curves():
    plain, scorer = given({"a": [1, 2]}), HistoryScorer()
    with pytest.raises(ValueError, match=r"kept no loss curves.*HistoryScorer\(\)"):
        curves(plain)
    search = given({"a": [1, 2]}, scoring=scorer)
    for n_candidates in (0, -1, 1.5, None):
        with pytest.raises(ValueError, match=rf"n_candidates={n_candidates} must be"):
            curves(search, n_candidates=n_candidates)
    with pytest.raises(ValueError, match="param='b' was not swept"):
        curves(search, "b")
    with pytest.raises(NotFittedError):
        curves(GridSearchCV(Given(), {"a": [1]}, scoring=scorer))
    shutil.rmtree(scorer.folder)
    with pytest.raises(ValueError, match=r"No loss curves are left.*folder="):
        curves(search)
    mixed = {"a": [1], "b": ["no validation"]}
    search = given(mixed, scoring=HistoryScorer())
    assert len(curves(search).lines_) == 1
    with pytest.raises(ValueError, match=r"networks of 1, no validation.*without"):
        curves(search, validation=True)


# The user's style


def many_lines(n_lines, ax=None):
    table = {(a, f"v{b}"): a + b / 10 for a in (1, 2) for b in range(n_lines)}
    search = given({"a": [1, 2], "b": [f"v{b}" for b in range(n_lines)]}, table)
    return drawn(search, "a", ax=ax)


def stands_out(color, ax):
    return abs(lightness(to_rgb(color)) - lightness(to_rgb(ax.get_facecolor()))) > 0.2


STYLES = ["default", "dark_background", "ggplot", "seaborn-v0_8", "Solarize_Light2"]


@pytest.mark.parametrize("style", STYLES)
def test_marks_stand_out_in_every_style(style):
    table = {(a, 0): s for a, s in enumerate([0.90, 0.94, 0.95, 0.93, -7.0])}
    grid = {"a": [0, 1, 2, 3, 4], "b": [0]}
    losses = {"training_loss": [2.0, 1.0], "validation_loss": [2.0, 1.0], "best_epoch": 2}
    several = {name: [value] * 2 for name, value in losses.items()}
    with plt.style.context(style):
        display = drawn(given(grid, table), "a")
        one = LossCurveDisplay(**losses).plot()
        two = LossCurveDisplay(**several).plot()
        halving = drawn(given(grid, kind=HalvingGridSearchCV, **HALVING), "a")
        cells = drawn(given({"a": [1, 2], "b": [1, 2]}), ("a", "b"))
    colors = [
        (display, display.best_.get_markeredgecolor()),
        (display, display.outside_.get_color()),
        (one, one.best_line_.get_color()),
        (two, two.best_points_[0].get_markeredgecolor()),
        *((halving, line.get_color()) for line in halving.lines_),
    ]
    for shown, color in colors:
        assert stands_out(color, shown.ax_)
    for text in cells.ax_.texts:
        column, row = map(int, text.get_position())
        mean = cells.image_.get_array()[row, column]
        behind = lightness(cells.image_.cmap(cells.image_.norm(mean)))
        assert abs(lightness(to_rgb(text.get_color())) - behind) > 0.4
    assert not any(line.get_visible() for line in cells.ax_.get_xgridlines())
    for entry in cells.ax_.get_legend().legend_handles:
        figure = to_rgb(cells.figure_.get_facecolor())
        assert (
            abs(lightness(to_rgb(entry.get_markeredgecolor())) - lightness(figure)) > 0.2
        )


@pytest.mark.parametrize("behind", ["white", "black", "#222222", (1, 1, 1, 0)])
def test_seven_lines_on_any_background(behind):
    figure = plt.figure(layout="constrained", facecolor="white")
    ax = figure.subfigures(1, 2)[0].subplots()
    ax.set_facecolor(behind)
    lines = many_lines(7, ax).lines_
    colors = [line.get_color() for line in lines]
    assert len({to_hex(color) for color in colors}) == 7
    where = 1.0 if behind in ("white", (1, 1, 1, 0)) else lightness(to_rgb(behind))
    for color in colors:
        assert abs(lightness(to_rgb(color)) - where) > 0.2


@pytest.mark.parametrize("n_lines", [2, 7, 8])
def test_lines_differ_without_colours(n_lines):
    display = many_lines(n_lines)
    looks = {(line.get_marker(), line.get_linestyle()) for line in display.lines_}
    assert len(looks) == n_lines
    assert display.lines_[0].get_linestyle() != display.lines_[1].get_linestyle()


def test_sizes_that_the_user_has_set():
    def sizes():
        display = many_lines(2)
        legend, line = display.ax_.get_legend(), display.lines_[0]
        return (
            display.ax_.xaxis.label.get_size(),
            display.ax_.get_yticklabels()[0].get_size(),
            legend.get_texts()[0].get_size(),
            line.get_linewidth(),
        )

    assert sizes() == (14, 12, 12, 2)
    with plt.rc_context({"axes.labelsize": 9, "lines.linewidth": 5}):
        assert sizes() == (9, 12, 12, 5)
    with plt.rc_context({"font.size": 8}):
        assert sizes() == (8, 8, 8, 2)
    with plt.rc_context({"ytick.labelsize": 5, "legend.fontsize": 6}):
        assert sizes() == (14, 5, 6, 2)


def test_colours_that_the_user_has_set():
    with plt.rc_context({"axes.prop_cycle": cycler(color=["tab:red", "tab:pink"])}):
        assert [line.get_color() for line in many_lines(2).lines_] == [
            "tab:red",
            "tab:pink",
        ]
        assert len({line.get_color() for line in many_lines(3).lines_}) == 3
    with plt.rc_context({"image.cmap": "cividis"}):
        search = given({"a": [1, 2], "b": [1, 2]})
        assert drawn(search, ("a", "b")).image_.cmap.name == "cividis"

"""What a reader sees of optimizer instances, halving and distributions."""

import warnings

import keras
import pytest
from scipy.stats import loguniform
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.model_selection import (
    GridSearchCV,
    HalvingGridSearchCV,
    RandomizedSearchCV,
)

from skdropout import DropoutMLPClassifier, fused_training

plt = pytest.importorskip("matplotlib.pyplot")


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


def drawn(search, param):
    from skdropout.plotting import SweepDisplay

    return SweepDisplay.from_search(search, param)


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

"""The recipes for other search tools, where those are installed."""

import doctest
import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from helpers import trained_sizes
from skdropout import DropoutMLPClassifier, fused_training

PAGE = Path(__file__).parents[1] / "docs" / "search_tools.rst"
# Heading of a recipe, what it needs, and the stacks that it is to make.
RECIPES = {
    "Optuna": ("optuna", [48] * 4),
    "OptunaSearchCV": ("optuna_integration", [48] * 2),
    "scikit-optimize": ("skopt", [48] * 2),
    "sklearn-genetic-opt": ("sklearn_genetic", None),
    "Successive halving": ("sklearn", [54, 18, 6]),
    "MAPIE": ("mapie", [5]),
    "shap": ("shap", []),
}

pytestmark = [
    # Of the tools, as of the networks, which are not trained to the end.
    pytest.mark.filterwarnings("ignore"),
    pytest.mark.usefixtures("time_limit"),
]


def sections():
    """Text by heading; that above the first recipe is common to all."""
    parts = re.split(r"^(.+)\n-+\n", PAGE.read_text(encoding="utf-8"), flags=re.M)
    return parts[0], dict(zip(parts[1::2], parts[2::2], strict=True))


def test_there_is_a_recipe_for_each_tool():
    assert [*RECIPES] == [name for name in sections()[1] if name != "Who joins"]


@pytest.mark.parametrize("name", RECIPES)
def test_recipe(name, stacks):
    package, sizes = RECIPES[name]
    pytest.importorskip(package)
    common, recipes = sections()
    recipe = recipes[name].replace("fused_training()", "fused_training()")
    test = doctest.DocTestParser().get_doctest(common + recipe, {}, name, str(PAGE), 0)
    runner = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE)
    result = runner.run(test)
    assert result.failed == 0
    found = trained_sizes(stacks)
    if sizes is None:
        assert set(found) == {5}
    else:
        assert found == sizes


def test_threads_of_dask(iris, stacks):
    dask = pytest.importorskip("dask")

    def fit(i):
        return DropoutMLPClassifier((8,), max_iter=2, random_state=i).fit(*iris)

    tasks = [dask.delayed(fit)(i) for i in range(4)]
    with fused_training(), ThreadPoolExecutor(4) as pool:
        networks = dask.compute(*tasks, scheduler="threads", pool=pool)
    assert trained_sizes(stacks) == [4]
    assert [est.n_iter_ for est in networks] == [2] * 4

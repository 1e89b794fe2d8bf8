"""What the documentation says is run, and what it lists is there."""

import doctest
import os
import re
import sys
import tomllib
from pathlib import Path

import pytest

import skdropout
from helpers import run_python

ROOT = Path(__file__).parents[1]
ESTIMATORS = (skdropout.DropoutMLPClassifier, skdropout.DropoutMLPRegressor)

pytestmark = pytest.mark.filterwarnings("ignore:Stochastic Optimizer")


NEEDED = {"serving": ("onnxruntime", "skl2onnx", "skops.io")}
# Those whose code is run; that of search_tools has a test of its own.
PAGES = sorted(
    path.stem
    for path in (ROOT / "docs").glob("*.rst")
    if ">>> " in path.read_text(encoding="utf-8") and path.stem != "search_tools"
)


@pytest.mark.filterwarnings("ignore::DeprecationWarning:(skl2onnx|onnx)")
@pytest.mark.filterwarnings("ignore:FigureCanvasAgg is non-interactive")
@pytest.mark.slow
@pytest.mark.parametrize("page", PAGES)
def test_pages(page):
    for name in NEEDED.get(page, ()):
        pytest.importorskip(name)
    result = doctest.testfile(
        str(ROOT / "docs" / f"{page}.rst"),
        module_relative=False,
        optionflags=doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS,
    )
    assert result.attempted > 0
    assert result.failed == 0


def test_readme_code(capsys):
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```python\n(.*?)```", text, flags=re.DOTALL)
    assert len(blocks) == 2
    namespace: dict = {}
    for block in blocks:
        exec(compile(block, "README.md", "exec"), namespace)
    printed = capsys.readouterr().out
    assert "'dropoutmlpregressor__dropout_rate': 0.4" in printed
    assert "Dropout" in printed
    assert "BatchNormalization" in printed
    assert namespace["search"].best_score_ > 0.48


def test_every_parameter_is_documented():
    for kind in ESTIMATORS:
        documented = kind.__doc__.split("Attributes\n")[0]
        for parameter in kind().get_params():
            assert re.search(rf"^    (.*, )?{parameter}(,.*)? : ", documented, re.M)


def test_every_fitted_attribute_is_documented(iris):
    for kind in ESTIMATORS:
        est = kind((4,), max_iter=1).fit(*iris)
        for attribute in vars(est):
            if attribute.endswith("_") and not attribute.startswith("_"):
                assert f"    {attribute} : " in type(est).__doc__, attribute


def test_python_version_of_the_readme():
    with open(ROOT / "pyproject.toml", "rb") as file:
        project = tomllib.load(file)["project"]
    version = project["requires-python"].removeprefix(">=")
    assert f"Python {version} or later" in (ROOT / "README.md").read_text()


@pytest.mark.slow
def test_main_job(tmp_path):
    script = ROOT / "examples" / "plot_dropout_sweep.py"
    result = run_python(
        f"import os, runpy; os.chdir({str(tmp_path)!r}); runpy.run_path({str(script)!r})",
        env={"MPLBACKEND": "agg", "PYTHONPATH": os.pathsep.join(map(str, sys.path))},
    )
    lines = result.stdout.splitlines()
    rows = [line.replace("+-", "").split() for line in lines[1:6]]
    rates, plain, _, normalised, _ = zip(*(map(float, row) for row in rows), strict=True)
    assert rates == (0.0, 0.2, 0.4, 0.6, 0.8)
    assert max(plain) > plain[0] + 0.2
    assert max(normalised) > normalised[0] + 0.1
    best, ridge, fits = lines[6:]
    assert best == f"best: dropout rate 0.4, batch norm True, R2 {max(normalised):.3f}"
    assert ridge.startswith("a ridge regression: R2 0.4")
    assert re.fullmatch(r"51 fits in [\d.]+ s", fits)
    last = result.stderr.splitlines()[-1]
    assert re.fullmatch(r"skdropout: 51 networks in .* s, best score 0.4\d+", last)
    assert (tmp_path / "dropout_sweep.png").stat().st_size > 10_000

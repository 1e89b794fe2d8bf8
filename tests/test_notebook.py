"""At home in a notebook: the one of the examples, and what shows in others."""

import re
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

EXAMPLE = Path(__file__).parents[1] / "examples" / "first_sweep.ipynb"

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def own_backend_of_matplotlib(monkeypatch):
    """The notebook's own, whatever the environment asks for."""
    monkeypatch.delenv("MPLBACKEND", raising=False)


def run(notebook, folder):
    client = NotebookClient(
        notebook, timeout=300, resources={"metadata": {"path": str(folder)}}
    )
    return client.execute()


def outputs_of(notebook):
    return [out for cell in notebook.cells for out in cell.get("outputs", ())]


def test_the_example(tmp_path):
    notebook = run(nbformat.read(EXAMPLE, as_version=4), tmp_path)
    outputs = outputs_of(notebook)
    assert not [out for out in outputs if out.get("name") == "stderr"]
    data = [out["data"] for out in outputs if "data" in out]
    pages = [shown["text/html"] for shown in data if "text/html" in shown]
    links = re.findall(r'href="(https://skdropout[^"#]+)', "".join(pages))
    assert set(links) == {
        "https://skdropout.readthedocs.io/en/stable/generated/"
        "skdropout.DropoutMLPRegressor.html"
    }
    (bar,) = (shown for shown in data if "<progress" in shown.get("text/html", ""))
    assert re.fullmatch(
        r"skdropout: 51 networks in .*, best score 0\.4\d+", bar["text/plain"]
    )
    assert sum("image/png" in shown for shown in data) == 2


def test_what_is_kept_of_the_example():
    """It is kept with its outputs, as it has run."""
    notebook = nbformat.read(EXAMPLE, as_version=4)
    counts = [cell.execution_count for cell in notebook.cells if "outputs" in cell]
    assert counts == list(range(1, len(counts) + 1))


FIT = """
from sklearn.datasets import load_iris
from sklearn.model_selection import GridSearchCV
mlp = DropoutMLPClassifier((8,), max_iter=3, random_state=0)
search = GridSearchCV(mlp, {"alpha": [0.0, 0.1]}, cv=3)
search.fit(*load_iris(return_X_y=True))
"""


@pytest.mark.parametrize("first", ["keras", "skdropout"])
def test_no_chatter_and_one_warning(first, tmp_path):
    imports = ["from skdropout import DropoutMLPClassifier", "import keras"]
    if first == "keras":
        imports.reverse()
    cells = ["\n".join(imports), FIT]
    notebook = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_code_cell(text) for text in cells]
    )
    before, after = run(notebook, tmp_path).cells
    if first == "skdropout":  # else TensorFlow has come without us
        assert not before.outputs
    said = "".join(out.text for out in after.outputs if out.get("name") == "stderr")
    assert said.count("ConvergenceWarning") == 1
    lines = said.splitlines()
    assert len(lines) == 2, said
    assert "search.fit(" in lines[1]

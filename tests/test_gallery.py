"""The documentation's gallery: kept runs on its pages, notebooks that run anywhere."""

import html
import json
import os
import re
import shutil
import subprocess
import sys
import textwrap
import zipfile
from pathlib import Path

import pytest

pytest.importorskip("sphinx_gallery", reason="the extra `docs` brings Sphinx-Gallery")

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
EXAMPLES = ROOT / "examples"
NAMES = sorted(path.stem.removeprefix("plot_") for path in EXAMPLES.glob("plot_*.py"))
EXPERIMENTS = [name for name in NAMES if name != "dropout_sweep"]
HELPERS = ("datasets", "reporting")
CONF = """\
import runpy
import sys

sys.path.insert(0, {docs!r})
sphinx_gallery_conf = runpy.run_path({conf!r})["sphinx_gallery_conf"]
extensions = ["sphinx_gallery.gen_gallery", "gallery"]
"""


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """The gallery alone, built with the settings of the documentation."""
    root = tmp_path_factory.mktemp("gallery")
    docs = root / "docs"
    for name in ("_static", "images", "runs"):
        shutil.copytree(DOCS / name, docs / name)
    shutil.copytree(EXAMPLES, root / "examples")
    (docs / "conf.py").write_text(
        CONF.format(docs=str(DOCS), conf=str(DOCS / "conf.py")), encoding="utf-8"
    )
    text = "Gallery\n=======\n\n.. toctree::\n\n   auto_examples/index\n"
    (docs / "index.rst").write_text(text, encoding="utf-8")
    subprocess.run(
        [sys.executable, "-m", "sphinx", "-q", "-D", "plot_gallery=0", "docs", "html"],
        cwd=root,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(map(str, sys.path))},
        check=True,
        timeout=300,
    )
    return root


@pytest.fixture(scope="module")
def gallery():
    """The module with the documentation's hooks."""
    sys.path.insert(0, str(DOCS))
    try:
        import gallery
    finally:
        sys.path.remove(str(DOCS))
    return gallery


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_a_page_shows_the_kept_run_before_the_code(built, name):
    page = (built / "html" / "auto_examples" / f"plot_{name}.html").read_text("utf-8")
    printed = (DOCS / "runs" / f"{name}.txt").read_text(encoding="utf-8")
    text = html.unescape(re.sub(r"<[^>]+>", "", page))
    where = [
        page.index("<h1>"),
        page.index(f"_images/{name}.png"),
        page.index("The full run, "),
        page.index("highlight-Python"),
    ]
    assert where == sorted(where)
    assert text.index(printed) < text.index("import matplotlib.pyplot as plt")
    # What makes the thumbnail is not shown.
    assert "thumbnail" not in text


def test_the_index_has_every_example_with_its_thumbnail(built):
    page = (built / "html" / "auto_examples" / "index.html").read_text(encoding="utf-8")
    for name in NAMES:
        image = f"sphx_glr_plot_{name}_thumb.png"
        assert f"_images/{image}" in page
        thumbnail = built / "docs" / "auto_examples" / "images" / "thumb" / image
        # Sphinx-Gallery's placeholder has the same size for all.
        assert thumbnail.stat().st_size > 2_000
    sizes = {p.stat().st_size for p in thumbnail.parent.glob("*_thumb.png")}
    assert len(sizes) == len(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_downloads_carry_what_they_import(built, name):
    written = built / "docs" / "auto_examples"
    helpers = HELPERS if name in EXPERIMENTS else ()
    with zipfile.ZipFile(written / f"plot_{name}.zip") as archive:
        assert archive.namelist() == [
            f"plot_{name}.py",
            f"plot_{name}.ipynb",
            *(f"{helper}.py" for helper in helpers),
        ]
    page = (built / "html" / "auto_examples" / f"plot_{name}.html").read_text("utf-8")
    notebook = json.loads((written / f"plot_{name}.ipynb").read_text(encoding="utf-8"))
    sources = ["".join(cell["source"]) for cell in notebook["cells"]]
    for helper in HELPERS:
        code = (EXAMPLES / f"{helper}.py").read_text(encoding="utf-8")
        cell = f"%%writefile {helper}.py\n{code}"
        assert sources.count(cell) == (helper in helpers)
        assert (f"/{helper}.py" in page) == (helper in helpers)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["dropout_sweep", "spotify_grouped"])
# Jupyter's own, about its event loop and its folders.
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_notebook_runs_alone(built, name, tmp_path, monkeypatch):
    nbclient = pytest.importorskip("nbclient")
    nbformat = pytest.importorskip("nbformat")
    if name in EXPERIMENTS and not os.environ.get("SKDROPOUT_DATA"):
        pytest.skip("SKDROPOUT_DATA does not name the folder of the experiments' data")
    else:
        data = os.path.abspath(os.environ.get("SKDROPOUT_DATA", ""))
        monkeypatch.setenv("SKDROPOUT_DATA", data)
    monkeypatch.setenv("SKDROPOUT_QUICK", "1")
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.delenv("MPLBACKEND", raising=False)
    path = built / "docs" / "auto_examples" / f"plot_{name}.ipynb"
    notebook = nbformat.read(path, as_version=4)
    nbclient.NotebookClient(
        notebook, timeout=300, resources={"metadata": {"path": str(tmp_path)}}
    ).execute()
    outputs = [o for cell in notebook.cells for o in cell.get("outputs", ())]
    assert any("image/png" in output.get("data", {}) for output in outputs)
    assert (tmp_path / f"{name}.png").stat().st_size > 10_000
    if name in EXPERIMENTS:
        printed = "".join(output.get("text", "") for output in outputs)
        assert f"{name}: seed 0\nskdropout " in printed
        assert "QUICK RUN: " in printed


@pytest.mark.slow
@pytest.mark.skipif(
    not os.environ.get("SKDROPOUT_DATA"),
    reason="SKDROPOUT_DATA does not name the folder of the experiments' data",
)
def test_a_script_runs_as_its_archive_has_it(built, tmp_path):
    name = "spotify_grouped"
    archive = built / "docs" / "auto_examples" / f"plot_{name}.zip"
    shutil.unpack_archive(archive, tmp_path)
    subprocess.run(
        [sys.executable, f"plot_{name}.py", "--quick"],
        cwd=tmp_path,
        env={
            **os.environ,
            "MPLBACKEND": "agg",
            "PYTHONPATH": str(ROOT),
            "SKDROPOUT_DATA": os.path.abspath(os.environ["SKDROPOUT_DATA"]),
        },
        check=True,
        timeout=300,
    )
    assert (tmp_path / f"{name}.png").stat().st_size > 10_000


def notebook_of(*codes):
    return {
        "cells": [
            {"cell_type": "markdown", "metadata": {}, "source": ["title"]},
            *(
                {"cell_type": "code", "metadata": {}, "outputs": [], "source": [code]}
                for code in codes
            ),
        ]
    }


def test_modules_are_written_anew_not_twice(gallery, tmp_path):
    (tmp_path / "first.py").write_text("a = 1\n", encoding="utf-8")
    (tmp_path / "second.py").write_text("b = 2\n", encoding="utf-8")
    notebook = notebook_of("import numpy\nfrom second import b", "import first")
    for _ in range(2):
        gallery.add_modules(notebook, tmp_path)
    sources = ["".join(cell["source"]) for cell in notebook["cells"]]
    assert sources[0] == "title"
    assert "imports `first` and `second`" in sources[1]
    assert sources[2:4] == [
        "%%writefile first.py\na = 1\n",
        "%%writefile second.py\nb = 2\n",
    ]
    assert sources[4:] == ["import numpy\nfrom second import b", "import first"]
    (tmp_path / "first.py").write_text("a = 3\n", encoding="utf-8")
    gallery.add_modules(notebook, tmp_path)
    assert notebook["cells"][2]["source"] == ["%%writefile first.py\na = 3\n"]


def test_a_notebook_without_modules_is_left_as_it_is(gallery, tmp_path):
    notebook = notebook_of("import numpy")
    gallery.add_modules(notebook, tmp_path)
    assert notebook == notebook_of("import numpy")


@pytest.mark.parametrize("lost", ["GENERATED FROM", "_sphx_glr_download_"])
def test_a_page_of_another_form_is_refused(gallery, lost):
    page = textwrap.dedent(
        """\
        Title

        .. GENERATED FROM PYTHON SOURCE LINES 1-2

        .. _sphx_glr_download_auto_examples_plot_spotify_grouped.py:
        """
    )
    assert "/runs/spotify_grouped.txt" in gallery.page_of("spotify_grouped", page, [])
    with pytest.raises(Exception, match="must have a line that begins with"):
        gallery.page_of("spotify_grouped", page.replace(lost, ""), [])


def test_every_experiment_has_a_description_of_its_picture(gallery):
    assert sorted(gallery.PICTURES) == EXPERIMENTS

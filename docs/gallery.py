"""The gallery: pages show kept full runs, notebooks and archives carry their modules.

The experiments take minutes, so the gallery does not run them. ``python
examples/full_runs.py`` does, and keeps what they print in ``docs/runs`` and their
pictures in ``docs/images``.
"""

import json
import re
import zipfile
from pathlib import Path

from sphinx.errors import ExtensionError

# The experiments, and what their pictures show.
PICTURES = {
    "concrete_unscaled": "Learning curves with batch normalisation, and with a "
    "StandardScaler",
    "fashion_dropout_batchnorm": "Test accuracy by dropout rate, and learning curves, "
    "with and without batch normalisation",
    "fashion_learning_curves": "Learning curves without dropout and with it",
    "mnist_initializers_depth": "Test accuracies and first losses of nine systems",
    "mnist_keep_probability": "Costs by epoch at five dropout rates, and ten test digits",
    "spotify_grouped": "Learning curves without dropout and with it",
    "vanishing_gradients_ensembles": "Gradients by layer, and accuracies of ensembles "
    "and of their members",
    "wine_raw_features": "Learning curves of the published network and of one on scaled "
    "features",
}
_PREFIX = "auto_examples/plot_"
# Sphinx-Gallery writes this after the text that a script begins with.
_FIRST_CODE = ".. GENERATED FROM PYTHON SOURCE LINES"
_DOWNLOADS = ".. _sphx_glr_download_"
# The code takes the place of the list of headings.
_WIDE = ":html_theme.sidebar_secondary.remove: true\n\n"
_KEPT_RUN = """\
.. image:: /images/{name}.png
   :alt: {alt}
   :width: 100%
   :class: kept-run

The full run, ``python examples/plot_{name}.py``, prints:

.. literalinclude:: /runs/{name}.txt
   :language: text

"""
_MODULES_NEEDED = """\
The script imports {links}: put them beside it. The archive has them, and the notebook
writes them itself.

"""
_MODULES_WRITTEN = """\
This notebook needs skdropout with its extra `examples`, and imports {names}, which the
next {cells} into the current folder. The environment variable `SKDROPOUT_DATA` may name a
folder with the data; without it they are fetched. `%env SKDROPOUT_QUICK=1`, run first,
has it all done in seconds, on few rows and for few epochs."""
_TAG = "imported-module"


def imported_modules(code, examples):
    """The modules of the folder `examples` that `code` imports, sorted."""
    names = set(re.findall(r"^(?:from|import) (\w+)", code, flags=re.MULTILINE))
    return sorted(name for name in names if (examples / f"{name}.py").is_file())


def page_of(name, text, modules):
    """The page of an example with its kept run, if it has one, and its modules."""
    intro, mark, rest = text.partition(_FIRST_CODE)
    code, download_mark, downloads = rest.partition(_DOWNLOADS)
    if not mark or not download_mark:
        raise ExtensionError(
            f"The page of plot_{name} must have a line that begins with {_FIRST_CODE!r} "
            f"and one that begins with {_DOWNLOADS!r}, as Sphinx-Gallery writes them."
        )
    if name in PICTURES:
        intro += _KEPT_RUN.format(name=name, alt=PICTURES[name])
    if modules:
        links = " and ".join(f":download:`{module}.py`" for module in modules)
        code += _MODULES_NEEDED.format(links=links)
    return _WIDE + intro + mark + code + download_mark + downloads


def add_modules(notebook, examples):
    """Have a notebook write the modules that it imports, before its first code."""
    cells = [
        cell for cell in notebook["cells"] if _TAG not in cell["metadata"].get("tags", ())
    ]
    codes = [i for i, cell in enumerate(cells) if cell["cell_type"] == "code"]
    modules = imported_modules(
        "\n".join("".join(cells[i]["source"]) for i in codes), examples
    )
    notebook["cells"] = cells
    if not modules:
        return
    names = " and ".join(f"`{module}`" for module in modules)
    writing = "cell writes" if len(modules) == 1 else "cells write"
    added = [
        {
            "cell_type": "markdown",
            "metadata": {"tags": [_TAG]},
            "source": [_MODULES_WRITTEN.format(names=names, cells=writing)],
        }
    ]
    for module in modules:
        source = (examples / f"{module}.py").read_text(encoding="utf-8")
        added.append(
            {
                "cell_type": "code",
                "execution_count": None,
                # JupyterLab shows the cell folded up.
                "metadata": {"tags": [_TAG], "jupyter": {"source_hidden": True}},
                "outputs": [],
                "source": [f"%%writefile {module}.py\n{source}"],
            }
        )
    cells[codes[0] : codes[0]] = added


def complete_downloads(app):
    """Add what they import to the notebooks and archives that Sphinx-Gallery wrote."""
    examples = Path(app.srcdir, app.config.sphinx_gallery_conf["examples_dirs"])
    written = Path(app.srcdir, app.config.sphinx_gallery_conf["gallery_dirs"])
    for path in written.glob("plot_*.ipynb"):
        notebook = json.loads(path.read_text(encoding="utf-8"))
        add_modules(notebook, examples)
        path.write_text(json.dumps(notebook, indent=1) + "\n", encoding="utf-8")
        script = path.with_suffix(".py")
        modules = imported_modules(script.read_text(encoding="utf-8"), examples)
        with zipfile.ZipFile(path.with_suffix(".zip"), "w") as archive:
            for file in (script, path, *(examples / f"{name}.py" for name in modules)):
                archive.write(file, file.name)


def complete_page(app, docname, source):
    """Complete a page of the gallery when Sphinx reads it."""
    if docname.startswith(_PREFIX):
        examples = Path(app.srcdir, app.config.sphinx_gallery_conf["examples_dirs"])
        script = Path(app.srcdir, f"{docname}.py").read_text(encoding="utf-8")
        modules = imported_modules(script, examples)
        source[0] = page_of(docname.removeprefix(_PREFIX), source[0], modules)


def setup(app):
    """Register the hooks."""
    app.connect("builder-inited", complete_downloads, priority=900)
    app.connect("source-read", complete_page)
    app.config.html_static_path.append("_static")
    app.add_css_file("gallery.css")
    return {"parallel_read_safe": True}

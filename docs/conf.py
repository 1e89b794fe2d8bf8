"""Sphinx's settings."""

import sys
from pathlib import Path

from docutils import nodes

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parents[1]))

from api_pages import TYPE_LINKS

import skdropout

project = "skdropout"
author = "The skdropout developers"
copyright = author
version = release = skdropout.__version__

extensions = [
    "matplotlib.sphinxext.plot_directive",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "myst_parser",
    "numpydoc",
    "sphinx_design",
    "sphinx_gallery.gen_gallery",
    "api_pages",
    "gallery",
]
templates_path = ["_templates"]
exclude_patterns = [
    "_build",
    "quality_tables.md",
    "_templates",
    "generated/backreferences",
]
default_role = "literal"  # what it means in docstrings by numpydoc's conventions

smartquotes_action = "De"  # not quotes: those of types and defaults are Python's

autosummary_generate = True
autodoc_typehints = "none"
maximum_signature_line_length = 88
toc_object_entries_show_parents = "hide"
numpydoc_class_members_toctree = False
numpydoc_xref_aliases = TYPE_LINKS
numpydoc_xref_ignore = "all"  # but for those
numpydoc_xref_param_type = True

sphinx_gallery_conf = {
    "examples_dirs": "../examples",
    "gallery_dirs": "auto_examples",
    # The page of the main job runs it; those of the experiments show kept runs.
    "filename_pattern": "plot_dropout_sweep",
    "ignore_pattern": r"(datasets|full_runs|reporting)\.py$",
    "copyfile_regex": r"index\.rst|(datasets|reporting)\.py$",
    "backreferences_dir": "generated/backreferences",
    "doc_module": ("skdropout",),
    "download_all_examples": False,
    "remove_config_comments": True,
    "show_memory": False,
    "show_signature": False,
    "write_computation_times": False,
}

plot_include_source = True
plot_html_show_formats = False
plot_html_show_source_link = False
plot_formats = [("png", 150)]
plot_rcparams = {"figure.figsize": (7.0, 4.0)}
plot_apply_rcparams = True

html_theme = "pydata_sphinx_theme"
html_title = f"skdropout {version}"
html_show_sourcelink = False
html_static_path = ["_static"]
html_theme_options = {
    "footer_start": ["copyright"],
    "footer_end": [],
    "navigation_with_keys": False,
    "show_prev_next": False,
    "show_toc_level": 2,
}
_WIDE_PAGES = (
    "experiments",
    "coming_from_mlp",
    "coming_from_keras",
    "coming_from_skorch",
    "how_it_works",
)
html_sidebars = {page: [] for page in ("index", "quality", "api", *_WIDE_PAGES)}

# Labels and glossary terms in docstrings that are inherited from scikit-learn.
_SCIKIT_LEARN = "https://scikit-learn.org/stable"
_SCIKIT_LEARN_PAGES = {
    "accuracy_score": "modules/model_evaluation.html#accuracy-score",
    "meta-estimator": "glossary.html#term-meta-estimator",
    "metadata_routing": "metadata_routing.html",
    "r2_score": "modules/model_evaluation.html#r2-score",
}


def link_to_scikit_learn(app, env, node, contnode):
    """Resolve references to scikit-learn's pages without its inventory."""
    target = node["reftarget"]
    if node["refdomain"] == "py" and target.startswith("sklearn."):
        page = f"modules/generated/{target}.html"
    elif node["reftype"] in ("ref", "term") and target in _SCIKIT_LEARN_PAGES:
        page = _SCIKIT_LEARN_PAGES[target]
    else:
        return None
    uri = f"{_SCIKIT_LEARN}/{page}"
    return nodes.reference("", "", contnode, internal=False, refuri=uri)


def setup(app):
    """Register the hook above."""
    app.connect("missing-reference", link_to_scikit_learn)

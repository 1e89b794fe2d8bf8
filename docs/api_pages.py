"""How the pages of the API read: links of types, and what is inherited."""

import re

from docutils import nodes
from numpydoc.xref import DEFAULT_LINKS

# Types in the descriptions of parameters, and the pages that explain them.
_KERAS = "https://keras.io/api/"
_KERAS_PAGES = {
    "keras.Sequential": "models/sequential/",
    "keras.callbacks.Callback": "callbacks/base_callback/",
    "keras.initializers.Initializer": "layers/initializers/",
    "keras.optimizers.Optimizer": "optimizers/",
    "keras.optimizers.schedules.LearningRateSchedule": (
        "optimizers/learning_rate_schedules/"
    ),
}
_PYTHON = "https://docs.python.org/3/library/"
_PYTHON_PAGES = {
    "TimeoutError": "exceptions",
    "concurrent.futures.Executor": "concurrent.futures",
    "concurrent.futures.ThreadPoolExecutor": "concurrent.futures",
    "gc.freeze": "gc",
}
_SHORT_NAMES = {
    "DropoutMLPClassifier": "skdropout.DropoutMLPClassifier",
    "DropoutMLPRegressor": "skdropout.DropoutMLPRegressor",
    "GridSearchCV": "sklearn.model_selection.GridSearchCV",
    "MLPClassifier": "sklearn.neural_network.MLPClassifier",
    "MLPRegressor": "sklearn.neural_network.MLPRegressor",
    "Pipeline": "sklearn.pipeline.Pipeline",
    "RandomizedSearchCV": "sklearn.model_selection.RandomizedSearchCV",
}
TYPE_LINKS = {
    **{name: name for name in DEFAULT_LINKS},  # words that need no link
    **{name: f":class:`{name}`" for name in (*_KERAS_PAGES, *_PYTHON_PAGES)},
    **{short: f":class:`~{name}`" for short, name in _SHORT_NAMES.items()},
}

_VERSION_NOTE = re.compile(r"( *)\.\. version(added|changed)::")


def link_to_others(app, env, node, contnode):
    """Resolve references to Keras's and Python's pages without their inventories."""
    target = node["reftarget"]
    if node.get("refdomain") != "py":
        return None
    if target in _KERAS_PAGES:
        uri = _KERAS + _KERAS_PAGES[target]
    elif target in _PYTHON_PAGES:
        uri = f"{_PYTHON}{_PYTHON_PAGES[target]}.html#{target}"
    else:
        return None
    return nodes.reference("", "", contnode, internal=False, refuri=uri)


def drop_versions_of_others(app, what, name, obj, options, lines):
    """Take out of an inherited docstring in which version of its package it came."""
    if (getattr(obj, "__module__", None) or "skdropout").startswith("skdropout"):
        return
    kept, depth = [], None
    for line in lines:
        indent = len(line) - len(line.lstrip())
        if depth is not None and (not line.strip() or indent > depth):
            continue  # the text of a note that is dropped
        match = _VERSION_NOTE.match(line)
        depth = len(match[1]) if match else None
        if depth is None:
            kept.append(line)
    lines[:] = kept


def setup(app):
    """Register the hooks above; numpydoc's comes after them."""
    app.connect("missing-reference", link_to_others)
    app.connect("autodoc-process-docstring", drop_versions_of_others, priority=400)
    app.add_css_file("custom.css")
    return {"parallel_read_safe": True, "parallel_write_safe": True}

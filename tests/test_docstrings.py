"""Docstrings of what is public say what signatures say, and show how it is used."""

import doctest
import importlib
import inspect
import re
from pathlib import Path

import pytest
from numpydoc.docscrape import NumpyDocString
from numpydoc.validate import validate

ROOT = Path(__file__).parents[1]

# Of numpydoc's checks, those of form that a style of writing can't be at odds with.
CHECKS = {
    "GL03": "two blank lines",
    "GL06": "unknown section",
    "GL07": "order of sections",
    "GL08": "no docstring",
    "GL10": "directive without two colons",
    "SS01": "no summary",
    "SS02": "summary's capital letter",
    "SS03": "summary's full stop",
    "SS06": "summary of several lines",
    "PR01": "undocumented parameter",
    "PR02": "unknown parameter",
    "PR03": "order of parameters",
    "PR04": "parameter without a type",
    "PR07": "parameter without a description",
    "PR10": "space ahead of the colon",
    "RT01": "no Returns",
    "SA04": "See Also without a description",
}
# Called by the methods that make a display, which have the examples, and by scikit-learn.
SHOWN_ELSEWHERE = {"plot", "get_metadata_routing"}

pytestmark = pytest.mark.filterwarnings("ignore:Stochastic Optimizer")


def _names_of_the_page():
    """What `docs/api.rst` lists."""
    module, listed = None, []
    for line in (ROOT / "docs" / "api.rst").read_text(encoding="utf-8").splitlines():
        if match := re.match(r"\.\. currentmodule:: (\S+)", line):
            module = match[1]
        elif match := re.match(r"   (\w+)$", line):
            listed.append((module, match[1]))
    return listed


def _public_objects():
    """By their names: what the page lists, and the public methods that are ours."""
    for module, name in _names_of_the_page():
        value = getattr(importlib.import_module(module), name)
        yield f"{module}.{name}", value
        if not inspect.isclass(value):
            continue
        for attribute in dir(value):
            method = getattr(value, attribute)
            if (
                not attribute.startswith("_")
                and callable(method)
                and inspect.unwrap(method).__module__.startswith("skdropout.")
            ):
                yield f"{module}.{name}.{attribute}", method


OBJECTS = dict(_public_objects())


def _sections(name):
    return NumpyDocString(inspect.getdoc(OBJECTS[name]))


def test_the_page_lists_all_that_is_public():
    for module in ("skdropout", "skdropout.plotting", "skdropout.uncertainty"):
        listed = {name for place, name in _names_of_the_page() if place == module}
        assert listed == set(importlib.import_module(module).__all__)
    assert "skdropout.DropoutMLPClassifier.mc_predict_proba" in OBJECTS
    assert "skdropout.DropoutMLPRegressor.to_sklearn" in OBJECTS


@pytest.mark.parametrize("name", OBJECTS)
def test_sections_are_whole(name):
    faults = [fault for fault in validate(name)["errors"] if fault[0] in CHECKS]
    assert faults == []


@pytest.mark.parametrize("name", OBJECTS)
def test_defaults_are_those_of_the_signature(name):
    signature = inspect.signature(OBJECTS[name]).parameters
    for names, described, _ in _sections(name)["Parameters"]:
        names = names.split(", ")
        expected = tuple(signature[each].default for each in names)
        if inspect.Parameter.empty in expected:
            assert expected == (inspect.Parameter.empty,) * len(names), names
            assert "default=" not in described, names
            assert "optional" not in described, names
        elif described.endswith(", optional"):
            assert expected == (None,) * len(names), names
        else:
            stated = re.search(r"(?:^|[\s,])default=(.+)$", described)
            assert stated, f"{names}: no default in {described!r}"
            value = eval(stated[1], {"__builtins__": {}})
            has_one_each = len(names) > 1 and isinstance(value, tuple)
            values = value if has_one_each else (value,) * len(names)
            # By their texts, of which 0 is not 0.0.
            assert repr(values) == repr(expected), names


def _example(name):
    """The lines of a docstring that are run, with nothing but what they import."""
    parser = doctest.DocTestParser()
    return parser.get_doctest(inspect.getdoc(OBJECTS[name]), {}, name, None, None)


@pytest.mark.parametrize("name", OBJECTS)
def test_everything_has_an_example(name):
    """Of its own, or, of a method, in that of its class."""
    owner, _, method = name.rpartition(".")
    if method in SHOWN_ELSEWHERE:
        return
    of_class = _example(owner).examples if owner in OBJECTS else []
    calls = [line for line in of_class if f".{method}(" in line.source]
    assert _sections(name)["Examples"] or calls
    assert _example(name).examples or calls


def _with_examples():
    """Names whose docstrings have some, a method of two classes once."""
    by_function = {
        inspect.unwrap(value): name
        for name, value in OBJECTS.items()
        if _example(name).examples
    }
    return sorted(by_function.values())


@pytest.mark.slow
@pytest.mark.parametrize("name", _with_examples())
def test_examples_run(name):
    runner = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE)
    results = runner.run(_example(name))
    assert results.attempted > 0
    assert results.failed == 0

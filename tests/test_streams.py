"""Fits where standard output and error are missing, broken, or cannot be held back."""

import io
import sys

import numpy as np
import pytest
from sklearn.model_selection import cross_val_score

from helpers import run_python
from skdropout import DropoutMLPClassifier, fused_training


class WriteOnly:
    def __init__(self):
        self.text = ""

    def write(self, text):
        self.text += text


class LostReader:
    def write(self, text):
        raise BrokenPipeError

    flush = write


def closed():
    stream = io.StringIO()
    stream.close()
    return stream


STREAMS = {
    "None": lambda: None,
    "write only": WriteOnly,
    "no stream at all": object,
    "closed": closed,
    "lost reader": LostReader,
}


@pytest.mark.filterwarnings("ignore:.*Maximum iterations")
@pytest.mark.parametrize("kind", STREAMS)
@pytest.mark.parametrize("name", ["stdout", "stderr"])
def test_a_stream_of_another_kind(name, kind, iris, monkeypatch, without_xla):
    stream = STREAMS[kind]()
    with monkeypatch.context() as patch:
        patch.setattr(sys, name, stream)
        for params in ({"optimizer": "lamb"}, {"early_stopping": True}):
            est = DropoutMLPClassifier((8,), max_iter=2, verbose=True, **params)
            assert est.fit(*iris).n_iter_ == 2
        with fused_training(progress=True):
            scores = cross_val_score(est, *iris, cv=3, error_score="raise")
    assert np.isfinite(scores).all()
    if kind == "write only":
        shown = {
            "stdout": ["Iteration 2, loss = ", "Validation score: "],
            "stderr": ["skdropout: 3 networks in "],
        }
        assert all(words in stream.text for words in shown[name])


FIRST_FIT = """
    import os, sys, tempfile, warnings
    import numpy as np
    from skdropout import DropoutMLPClassifier
    X, y = np.random.default_rng(0).normal(size=(40, 3)), np.arange(40) % 3
    {before}
    est = DropoutMLPClassifier((4,), max_iter=2, verbose=True).fit(X, y)
    assert est.n_iter_ == 2
    os.write(out, b"fitted")
"""
# What is done before it. Most show a ConvergenceWarning after it.
PLACES = {
    "stderr None": "out = 1; sys.stderr = None",
    "stderr of one method": "class Log: write = print\nout = 1; sys.stderr = Log()",
    "stderr closed": "out = 1; sys.stderr.close()",
    "no streams": "out = os.dup(1); os.close(0); os.close(1); os.close(2)",
    "no folder": """
out, tempfile.tempdir = 1, "/nonexistent"
warnings.simplefilter("ignore")
""",
    "no file": """
def refused(*args, **kwargs):
    raise OSError("no file today")
out, os.memfd_create, tempfile.TemporaryFile = 1, refused, refused
""",
}


@pytest.mark.slow
@pytest.mark.parametrize("place", PLACES)
def test_the_first_fit_of_a_process(place):
    """TensorFlow is imported, of whose chatter there is perhaps no way to be rid."""
    before = PLACES[place].strip().replace("\n", "\n    ")
    code = FIRST_FIT.format(before=before)
    # Python itself may have to say, at its end, what it could not flush.
    result = run_python(code, env={"SKDROPOUT_XLA": "0"}, check=False)
    assert result.stdout.endswith("fitted")
    if place == "no folder" and sys.platform == "linux":
        assert not result.stderr


IMPORT = """
    import os, sys, tempfile
    from skdropout import DropoutMLPClassifier
    if sys.argv[1] == "no memory":
        del os.memfd_create
    class Finder:
        def find_spec(self, name, path=None, target=None):
            if name == "tensorflow":
                os.write(2, b"said while it is imported: \\xff\\n")
                os.write(2, b"2025-01-01 00:00:00.0: I tensorflow/core: chatter\\n")
                raise ImportError("broken installation", name=name)
    sys.meta_path.insert(0, Finder())
    before = dict(os.environ)
    try:
        DropoutMLPClassifier().fit([[0.0], [1.0]], [0, 1])
    except ImportError as error:
        assert (error.msg, error.name) == ("broken installation", "tensorflow")
        assert error.__cause__ is error.__context__ is None
    else:
        raise AssertionError("no error")
    assert dict(os.environ) == before
    os.write(2, b"said afterwards\\n")
"""


@pytest.mark.parametrize("memory", ["memory", "no memory"])
def test_an_import_that_fails(memory):
    if memory == "no memory" and sys.platform != "linux":
        pytest.skip("only Linux has files in memory to do without")
    result = run_python(IMPORT, memory, text=False)
    assert result.stderr == b"said while it is imported: \xff\nsaid afterwards\n"

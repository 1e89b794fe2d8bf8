"""What is shown of a search: one bar, in a terminal, a notebook or a log."""

import io
import os
import re
import sys
import textwrap
import time

import numpy as np
import pytest
from joblib import Parallel, delayed, parallel_config
from sklearn.ensemble import BaggingClassifier
from sklearn.model_selection import GridSearchCV, cross_val_score, cross_validate

from helpers import run_python
from skdropout import DropoutMLPClassifier, fused_training
from skdropout._progress_bar import Reading, make_bar

pytestmark = pytest.mark.filterwarnings("ignore:Stochastic Optimizer")


def classifier(**params):
    return DropoutMLPClassifier(
        **{"hidden_layer_sizes": (8,), "max_iter": 5, "random_state": 0} | params
    )


def search(**params):
    return GridSearchCV(classifier(), {"dropout_rate": [0.0, 0.2]}, cv=3, **params)


def summaries(text):
    """Numbers of networks, as said at the end of each bar."""
    lines = text.splitlines()
    assert all(re.match(r"skdropout: \d+ (of \d+ )?networks", line) for line in lines)
    return [int(n) for n in re.findall(r"skdropout: (\d+) networks in [\d.]+ s", text)]


def test_nothing_unless_asked(iris, capfd):
    with fused_training():
        search().fit(*iris)
    assert capfd.readouterr() == ("", "")


def test_of_a_context(iris, capfd):
    """All that is trained in it, refits too, is one bar."""
    with fused_training(progress=True):
        first = search().fit(*iris)
        second = search().fit(*iris)
        assert not capfd.readouterr().err
    shown = capfd.readouterr().err
    assert summaries(shown) == [14]
    assert first.best_score_ == second.best_score_
    assert shown.endswith(f"best score {first.best_score_:.4g}\n")


def test_of_a_verbose_search(iris, capfd):
    with fused_training():
        fitted = search(verbose=1).fit(*iris)
        captured = capfd.readouterr()
        assert captured.out.startswith("Fitting 3 folds for each of 2 candidates")
        assert summaries(captured.err) == [6]
        assert captured.err.endswith(f"best score {fitted.best_score_:.4g}\n")
        search().fit(*iris)
        assert not capfd.readouterr().err


def test_of_verbose_calls_of_joblib(iris, capfd):
    """The bar takes the place of joblib's lines."""
    with fused_training():
        cross_validate(classifier(), *iris, cv=3, verbose=1)
        assert summaries(capfd.readouterr().err) == [3]
        parallel = Parallel(verbose=10)
        parallel(delayed(classifier().fit)(*iris) for _ in range(4))
        assert summaries(capfd.readouterr().err) == [4]
        BaggingClassifier(classifier(), 3, verbose=1, n_jobs=2).fit(*iris)
        assert summaries(capfd.readouterr().err) == [3]
    assert parallel.verbose == 10


def test_of_the_backend_without_the_context(iris, capfd):
    with parallel_config(backend="skdropout", progress=True):
        for _ in range(2):
            search(refit=False).fit(*iris)
    assert summaries(capfd.readouterr().err) == [6, 6]


def test_of_a_generator(iris, capfd):
    with parallel_config(backend="skdropout", progress=True):
        tasks = (delayed(classifier().fit)(*iris) for _ in range(3))
        assert len(list(Parallel(return_as="generator")(tasks))) == 3
        until = time.monotonic() + 20
        while not (shown := capfd.readouterr().err) and time.monotonic() < until:
            time.sleep(0.05)
    assert summaries(shown) == [3]


def test_searches_within_a_cross_validation(iris, capfd):
    """No best score, as there are several searches at a time."""
    with fused_training(progress=True):
        cross_val_score(search(), *iris, cv=3)
    shown = capfd.readouterr().err
    assert summaries(shown) == [21]
    assert "best" not in shown


def test_what_fails_counts(iris, capfd):
    est = GridSearchCV(classifier(), {"dropout_rate": [0.1, 2.0]}, cv=3)
    with fused_training(progress=True), pytest.warns(match="fits failed|non-finite"):
        est.fit(*iris)
    shown = capfd.readouterr().err
    assert summaries(shown) == [4]
    assert shown.endswith(f"best score {est.best_score_:.4g}\n")


def test_several_metrics_have_no_best_score(iris, capfd):
    est = search(scoring=["accuracy", "neg_log_loss"], refit="accuracy", verbose=1)
    with fused_training():
        est.fit(*iris)
    assert "best" not in capfd.readouterr().err


def test_after_an_error(iris, capfd):
    with pytest.raises(ValueError, match="dropout_rate"), fused_training():
        cross_val_score(
            classifier(dropout_rate=2.0), *iris, error_score="raise", verbose=1
        )
    with fused_training():
        cross_val_score(classifier(), *iris, cv=3, verbose=1)
    assert summaries(capfd.readouterr().err)[-1] == 3


class SlowEpochs:
    """A scorer that takes its time, so that there is something to see."""

    def __init__(self, seconds):
        self.seconds = seconds

    def __call__(self, estimator, X, y, **_):
        time.sleep(self.seconds)
        return estimator.score(X, y) if hasattr(estimator, "score") else 0.5


def test_a_log_has_whole_lines(iris, monkeypatch):
    from skdropout import _progress_bar

    monkeypatch.setattr(_progress_bar, "_FIRST_LINE_SECONDS", 0.5)
    stream = io.StringIO()
    monkeypatch.setattr(sys, "stderr", stream)
    est = classifier(max_iter=60, early_stopping=True, scoring=SlowEpochs(0.01))
    est.set_params(n_iter_no_change=np.inf)
    with fused_training(progress=True):
        GridSearchCV(est, {"alpha": [0, 1e-3]}, cv=2, refit=False).fit(*iris)
    assert "\r" not in stream.getvalue()
    assert "\x1b" not in stream.getvalue()
    *lines, last = stream.getvalue().splitlines()
    assert lines
    how_far = r"(?:compiling|epoch (\d+) of 60)(?:, [\d.]+ s left)?"
    found = [re.fullmatch(rf"skdropout: 0 of 4 networks, {how_far}", n) for n in lines]
    assert all(found), lines
    epochs = [int(match[1] or 0) for match in found]
    assert epochs == sorted(epochs)
    assert last.startswith("skdropout: 4 networks in ")


# In a terminal, of which Python makes one for each process that asks.
IN_A_TERMINAL = """
    import os, pty, sys
    pid, terminal = pty.fork()
    if pid == 0:
        os.execv(sys.executable, [sys.executable, "-c", sys.argv[1]])
    shown = b""
    while True:
        try:
            shown += os.read(terminal, 4096)
        except OSError:
            break
    sys.stdout.buffer.write(shown)
    sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
"""
A_SEARCH = textwrap.dedent("""
    import warnings
    warnings.simplefilter("ignore")
    from sklearn.datasets import load_iris
    from sklearn.model_selection import GridSearchCV
    from skdropout import DropoutMLPClassifier, fused_training
    mlp = DropoutMLPClassifier((8,), max_iter=20, random_state=0)
    with fused_training(progress=True):
        GridSearchCV(mlp, {"dropout_rate": [0.0, 0.2]}).fit(*load_iris(return_X_y=True))
    print("after it")
""")


@pytest.mark.skipif(os.name != "posix", reason="needs a pseudo-terminal")
def test_a_terminal_has_one_line_that_is_drawn_again():
    shown = run_python(
        IN_A_TERMINAL, A_SEARCH, env={"TERM": "xterm", "COLUMNS": "100"}, text=False
    ).stdout.decode()
    assert "\r\x1b[2K" in shown
    plain = re.sub(r"\x1b\[[\d;?]*[a-zA-Z]", "", shown.replace("\r\n", "\n"))
    bar, after = [line.split("\r")[-1] for line in plain.rstrip("\n").split("\n")]
    assert re.fullmatch(
        r"skdropout \S+ 11 networks in [\d.]+ s, best score [\d.]+ *", bar
    )
    assert after == "after it"


@pytest.mark.parametrize(
    "stream", [None, object(), io.StringIO()], ids=lambda s: type(s).__name__
)
def test_no_bar_is_an_error(stream):
    bar = make_bar(stream)
    bar.show(Reading(1, 4, 0.25, 5, 20, None, 30.0))
    bar.end(Reading(4, 4, 1.0, 0, 0, 0.9, 40.0))
    if isinstance(stream, io.StringIO):
        assert stream.getvalue() == (
            "skdropout: 1 of 4 networks, epoch 5 of 20, 90 s left\n"
            "skdropout: 4 networks in 40 s, best score 0.9\n"
        )


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.04, "0.0 s"), (9.96, "10.0 s"), (99, "99 s"), (3000, "50 min"), (9000, "2 h 30")],
)
def test_durations(seconds, text):
    assert text in Reading(1, 1, 1.0, 0, 0, None, seconds).summary

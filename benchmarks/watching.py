"""What it costs to watch a sweep."""

import contextlib
import os
import pty
import sys
import threading
import time

from sklearn.datasets import load_digits
from sklearn.model_selection import GridSearchCV

from measure import Contestant, compare, timed
from ours import our_mlp
from skdropout import fused_training
from skdropout._progress_bar import Reading, make_bar

_GRID = {"dropout_rate": [0.0, 0.2, 0.5, 0.8], "alpha": [1e-4, 1e-2]}
_DRAWINGS = 200
_DRAWINGS_A_SECOND = 4


@contextlib.contextmanager
def _terminal():
    """A terminal as standard error, whose other end is read by a thread."""
    ours, theirs = pty.openpty()

    def read():
        with contextlib.suppress(OSError):
            while os.read(ours, 4096):
                pass

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    with open(theirs, "w") as stream, contextlib.redirect_stderr(stream):
        yield
    os.close(ours)
    reader.join(1)


def progress(rounds: int) -> None:
    """The same sweep with a bar and without, programs compiled."""
    X, y = load_digits(return_X_y=True)
    search = GridSearchCV(our_mlp((128, 128), max_iter=100), _GRID, cv=5, refit=False)

    def fit(**options):
        with fused_training(**options):
            search.fit(X / 16, y)

    def fit_watched():
        with _terminal():
            fit(progress=True)

    fit()
    figures = compare(
        "progress: 8 candidates, 5 folds, digits, (128, 128), 100 epochs",
        [
            Contestant("with a bar", timed(fit_watched), at_most=1.01),
            Contestant("without", timed(fit), at_most=1.01),
        ],
        rounds,
    )
    share = _seconds_a_drawing() * _DRAWINGS_A_SECOND
    print(
        f"  a drawing takes {1e3 * share / _DRAWINGS_A_SECOND:.2f} ms of a processor, "
        f"{_DRAWINGS_A_SECOND} a second {share:.4f} of one (at most 0.01); the sweep "
        f"uses {figures['without'].cpu / figures['without'].wall:.1f} processors"
    )


def _seconds_a_drawing() -> float:
    """Of processor time, in a terminal."""
    with _terminal():
        bar = make_bar(sys.stderr)
        start = time.thread_time()
        for i in range(_DRAWINGS):
            share = i / _DRAWINGS
            bar.show(Reading(i, _DRAWINGS, share, i, _DRAWINGS, share, float(i)))
        seconds = time.thread_time() - start
        bar.end(Reading(i, i, 1.0, i, i, 1.0, float(i)))
    return seconds / _DRAWINGS

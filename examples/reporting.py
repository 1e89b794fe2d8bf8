"""What all experiments share: the quick option, the seed, tables and pictures."""

import os
import sys
import time
import warnings
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from sklearn.exceptions import ConvergenceWarning

import skdropout
from skdropout.plotting._style import axes_of, draw_grid, line_styles

__all__ = [
    "FIXED_EPOCHS",
    "SEED",
    "Experiment",
    "budget_of_epochs",
    "line_styles",
    "set_style",
]

SEED = 0
# How the published networks are trained: all epochs, at a constant rate, whatever the
# validation rows say.
FIXED_EPOCHS = {
    "learning_rate": "constant",
    "early_stopping": False,
    "n_iter_no_change": np.inf,
}
_QUICK = "SKDROPOUT_QUICK"
_PACKAGES = ("tensorflow", "keras", "scikit-learn", "numpy")
# Letters and lines of a picture that is shown 200 pixels wide.
_THUMBNAIL = {
    "figure.figsize": (4, 2.8),
    "font.size": 18,
    "legend.fontsize": 17,
    "legend.frameon": False,
    "legend.handlelength": 1,
    "legend.labelspacing": 0.2,
    "lines.linewidth": 4,
    "lines.markersize": 11,
    "axes.linewidth": 1.5,
    "axes.prop_cycle": plt.cycler(color=[style["color"] for style in line_styles(3)]),
    "axes.spines.right": False,
    "axes.spines.top": False,
}


@contextmanager
def budget_of_epochs():
    """Fits that are to go on to their last epoch, however the loss still falls.

    Each ends with a ``ConvergenceWarning``, for nothing else ends it; in here that is no
    news.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        yield


class Experiment:
    """One run of a script or a notebook.

    Parameters
    ----------
    name : str
        That of the script without ``plot_``; pictures are named after it.

    Attributes
    ----------
    quick : bool
        Whether the script was given ``--quick``, or the environment variable
        ``SKDROPOUT_QUICK`` is 1: fewer rows and epochs, to see that it works.
    """

    def __init__(self, name):
        self.quick = _is_quick(name)
        self._name = name
        self._start = time.perf_counter()
        versions = ", ".join(f"{package} {version(package)}" for package in _PACKAGES)
        print(f"{self._name}: seed {SEED}")
        print(f"skdropout {skdropout.__version__}, {versions}", end="\n\n")

    def pick(self, full, quick):
        """The value for a full run, or for a quick one."""
        return quick if self.quick else full

    def table(self, header, rows):
        """Print rows under a header, columns aligned; floats with four digits."""
        rows = [[_text(value) for value in row] for row in rows]
        widths = [max(map(len, column)) for column in zip(header, *rows, strict=True)]
        if self.quick:
            print("QUICK RUN: fewer rows and epochs, figures are not comparable")
        for row in (header, *rows):
            first, *others = (
                value.rjust(width) if i else value.ljust(width)
                for i, (value, width) in enumerate(zip(row, widths, strict=True))
            )
            print("  ".join([first, *others]).rstrip())

    @contextmanager
    def thumbnail(self):
        """Axes of the picture that stands for the experiment in the gallery."""
        with plt.rc_context(_THUMBNAIL):
            figure, ax = plt.subplots(layout="constrained")
            yield ax
            figure.savefig(f"{self._name}_thumbnail.png", dpi=100)
            plt.close(figure)

    def save(self, figure):
        """Save the picture in the current folder, and say how long it all took."""
        if self.quick:
            figure.suptitle("Quick run: figures are not comparable", color="tab:red")
        path = f"{self._name}.png"
        figure.savefig(path, dpi=150)
        print(f"picture: {path}; {time.perf_counter() - self._start:.0f} s in all")


def set_style(ax):
    """Give axes that no display has drawn the displays' letters and grid."""
    draw_grid(axes_of(ax))


def _is_quick(name):
    arguments = sys.argv[1:]
    # In a notebook they are the kernel's.
    if Path(sys.argv[0]).stem == f"plot_{name}" and set(arguments) - {"--quick"}:
        sys.exit(f"plot_{name}.py takes --quick or nothing; got {' '.join(arguments)}")
    variable = os.environ.get(_QUICK, "")
    if variable not in ("", "0", "1"):
        raise ValueError(f"{_QUICK} must be 1, 0 or empty; got {variable!r}.")
    return "--quick" in arguments or variable == "1"


def _text(value) -> str:
    return f"{value:.4f}" if isinstance(value, float) else str(value)

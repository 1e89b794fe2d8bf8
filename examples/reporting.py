"""What all experiments share: the quick option, the seed, tables and pictures."""

import argparse
import sys
import time
import warnings
from importlib.metadata import version
from pathlib import Path

import numpy as np
from sklearn.exceptions import ConvergenceWarning

import skdropout
from skdropout.plotting._style import axes_of, draw_grid, line_styles

__all__ = ["FIXED_EPOCHS", "SEED", "Experiment", "line_styles", "set_style"]

SEED = 0
# How the published networks are trained: all epochs, at a constant rate, whatever the
# validation rows say.
FIXED_EPOCHS = {
    "learning_rate": "constant",
    "early_stopping": False,
    "n_iter_no_change": np.inf,
}
_PACKAGES = ("tensorflow", "keras", "scikit-learn", "numpy")


class Experiment:
    """One run of the script that was started.

    Attributes
    ----------
    quick : bool
        Whether ``--quick`` was given: fewer rows and epochs, to see that it works.
    """

    def __init__(self):
        parser = argparse.ArgumentParser()
        parser.add_argument(
            "--quick",
            action="store_true",
            help="fewer rows and epochs: shows that it runs, not what it shows",
        )
        self.quick = parser.parse_args().quick
        self._name = Path(sys.argv[0]).stem.removeprefix("plot_")
        self._start = time.perf_counter()
        # A fixed number of epochs is a budget here, no sign of trouble.
        warnings.simplefilter("ignore", ConvergenceWarning)
        versions = ", ".join(f"{name} {version(name)}" for name in _PACKAGES)
        own = skdropout.__version__
        print(f"{self._name}: seed {SEED}; skdropout {own}, {versions}")

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


def _text(value) -> str:
    return f"{value:.4f}" if isinstance(value, float) else str(value)

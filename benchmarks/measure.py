"""Measuring contestants in turn, and printing what came of it."""

import gc
import importlib
import importlib.metadata
import json
import os
import platform
import statistics
import subprocess
import sys
import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

_DISTRIBUTIONS = ("numpy", "scikit-learn", "tensorflow", "keras", "scikeras")
_CHILD = """
import importlib, json, sys
sys.path.insert(0, sys.argv[1])
from measure import silence_warnings
silence_warnings()
function = getattr(importlib.import_module(sys.argv[2]), sys.argv[3])
print(json.dumps(function(*json.loads(sys.argv[4]))))
"""


class Seconds(NamedTuple):
    """What one measurement took, by the clock and of the processors.

    Other processes distort the first much more than the second.
    """

    wall: float
    cpu: float


@dataclass
class Contestant:
    """Somebody to measure.

    Parameters
    ----------
    name : str
    measure : callable
        Takes one measurement.
    at_most : float, optional
        Target of our figure divided by this one's.
    rounds : int, optional
        Measurements at most, for a slow one that is there for information.
    """

    name: str
    measure: Callable[[], Seconds]
    at_most: float | None = None
    rounds: int | None = None


class Stopwatch:
    """Runs from when it is made; what child processes that have ended took counts."""

    def __init__(self):
        self._start = self._now()

    @staticmethod
    def _now() -> Seconds:
        times = os.times()
        children = times.children_user + times.children_system
        return Seconds(time.perf_counter(), time.process_time() + children)

    def seconds(self) -> Seconds:
        """Since the start."""
        now = self._now()
        return Seconds(now.wall - self._start.wall, now.cpu - self._start.cpu)


def timed(function: Callable[[], object], repeats: int = 1) -> Callable[[], Seconds]:
    """A measurement of `repeats` calls, in seconds a call."""

    def measure() -> Seconds:
        gc.collect()
        watch = Stopwatch()
        for _ in range(repeats):
            function()
        return Seconds(*(seconds / repeats for seconds in watch.seconds()))

    return measure


def measure_in_turn(
    contestants: Sequence[Contestant], rounds: int
) -> dict[str, list[Seconds]]:
    """Figures of each contestant; the order turns round from round to round."""
    figures: dict[str, list[Seconds]] = {c.name: [] for c in contestants}
    for i in range(rounds):
        for contestant in contestants[:: 1 if i % 2 == 0 else -1]:
            if contestant.rounds is None or i < contestant.rounds:
                figures[contestant.name].append(contestant.measure())
    return figures


def medians_of(figures: dict[str, list[Seconds]]) -> dict[str, Seconds]:
    """Medians of each contestant."""
    return {
        name: Seconds(*map(statistics.median, zip(*values, strict=True)))
        for name, values in figures.items()
    }


def compare(
    title: str, contestants: Sequence[Contestant], rounds: int
) -> dict[str, Seconds]:
    """Measure in turn and print a table; the first contestant is ours.

    Returns the medians.
    """
    figures = measure_in_turn(contestants, rounds)
    medians = medians_of(figures)
    ours = medians[contestants[0].name]
    is_short = max(median.wall for median in medians.values()) < 1
    unit, factor = ("ms", 1e3) if is_short else ("s", 1.0)
    rows = []
    for i, contestant in enumerate(contestants):
        median = medians[contestant.name]
        walls = [seconds.wall * factor for seconds in figures[contestant.name]]
        ratio, cpu_ratio = ours.wall / median.wall, ours.cpu / median.cpu
        row = [
            contestant.name,
            len(walls),
            f"{median.wall * factor:.4g}",
            f"{min(walls):.4g} - {max(walls):.4g}",
            f"{ratio:.3f}" if i else "",
            "" if contestant.at_most is None else f"{contestant.at_most:.3g}",
            f"{median.cpu * factor:.4g}",
            f"{cpu_ratio:.3f}" if i else "",
        ]
        rows.append(row)
    header = ["", "rounds", f"median {unit}", "min - max", "ours / this", "at most"]
    print_table(title, [*header, f"CPU {unit}", "CPU ours / this"], rows)
    return medians


def print_table(title: str, header: Sequence[str], rows: Sequence[Sequence]) -> None:
    """Print aligned columns, the first to the left and the others to the right."""
    cells = [[str(cell) for cell in row] for row in (header, *rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    print(f"\n{title}")
    for row in cells:
        first, *others = (
            cell.rjust(width) if i else cell.ljust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        print("  ".join(["", first, *others]).rstrip())
    sys.stdout.flush()


def load_backend() -> None:
    """Load TensorFlow, Keras and scikeras, which no measurement is to contain."""
    importlib.import_module("skdropout._backend")


def in_fresh_process(function: Callable, *args) -> Any:
    """Result of a benchmark module's function called in a new Python process."""
    folder = str(Path(__file__).parent)
    names = [function.__module__, function.__name__]
    finished = subprocess.run(
        [sys.executable, "-c", _CHILD, folder, *names, json.dumps(args)],
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    return json.loads(finished.stdout.splitlines()[-1])


def silence_warnings() -> None:
    """Every fit here ends at ``max_iter``, which needs no warning."""
    from sklearn.exceptions import ConvergenceWarning

    warnings.filterwarnings("ignore", category=ConvergenceWarning)
    # In the processes of joblib all of them: the variable knows no package's classes.
    os.environ["PYTHONWARNINGS"] = "ignore"


def print_versions(n_threads: int | None) -> None:
    """One line with the versions of all that is measured, and the number of cores."""
    import skdropout

    versions = [f"python {platform.python_version()}"]
    versions += [f"{name} {importlib.metadata.version(name)}" for name in _DISTRIBUTIONS]
    versions.append(f"skdropout {skdropout.__version__}")
    threads = "threads as installed" if n_threads is None else f"{n_threads} threads"
    print(", ".join(versions) + f"; {os.cpu_count()} cores, {threads}", flush=True)

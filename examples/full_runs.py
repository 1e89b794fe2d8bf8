"""Run the examples in full, and keep what they print and draw for the documentation.

    python examples/full_runs.py

takes a quarter of an hour on two cores. Of each experiment it keeps the printed tables
(``docs/runs/NAME.txt``), the picture (``docs/images/NAME.png``) and the thumbnail
(``docs/images/thumbnails/NAME.png``); of the main job, which the documentation runs
itself, the pictures. Names run those alone: ``full_runs.py spotify_grouped``. What has
failed leaves what was kept before.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

EXAMPLES = Path(__file__).resolve().parent
DOCS = EXAMPLES.parent / "docs"
MAIN_JOB = "dropout_sweep"
NAMES = sorted(path.stem.removeprefix("plot_") for path in EXAMPLES.glob("plot_*.py"))
# The main job has its figure alone, so that it needs nothing from here.
_RUN_AND_SHRINK = """
import runpy, sys
script, examples, path = sys.argv[1:]
sys.argv = [script]
runpy.run_path(script, run_name="__main__")
sys.path.insert(0, examples)
import full_runs
full_runs.save_shrunk(path)
"""


def run(script, into, quick=False):
    """Run a script of an example, and keep its results in the folder `into`.

    Raises
    ------
    RuntimeError
        If the script fails or does not leave a result; then `into` is as it was.
    """
    script, into = Path(script), Path(into)
    name = script.stem.removeprefix("plot_")
    with tempfile.TemporaryDirectory() as folder:
        picture = Path(folder, f"{name}.png")
        thumbnail = Path(folder, f"{name}_thumbnail.png")
        if name == MAIN_JOB:
            arguments = ["-c", _RUN_AND_SHRINK, script, EXAMPLES, thumbnail]
        else:
            arguments = [script, *(["--quick"] if quick else [])]
        result = subprocess.run(
            [sys.executable, *map(str, arguments)],
            cwd=folder,
            env=_environment(),
            stdout=subprocess.PIPE,
            text=True,
        )
        if result.returncode:
            raise RuntimeError(f"{script} ended with exit status {result.returncode}.")
        kept = {
            picture: into / "images" / f"{name}.png",
            thumbnail: into / "images" / "thumbnails" / f"{name}.png",
        }
        missing = [path.name for path in kept if not path.is_file()]
        if missing:
            raise RuntimeError(f"{script} has not written {', '.join(missing)}.")
        for path, goal in kept.items():
            goal.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, goal)
        if name != MAIN_JOB:
            printed = into / "runs" / f"{name}.txt"
            printed.parent.mkdir(parents=True, exist_ok=True)
            # How long it took says more of the machine, and of what else that did.
            tables = re.sub(r"^picture: .*\n\Z", "", result.stdout, flags=re.MULTILINE)
            printed.write_text(tables, encoding="utf-8")


def save_shrunk(path):
    """Save the last figure that was drawn, of one panel, to be read 200 pixels wide."""
    import matplotlib.pyplot as plt

    if not plt.get_fignums():
        raise RuntimeError("There is no figure to make a thumbnail of.")
    figure = plt.gcf()
    figure.set_size_inches(4, 2.8)
    for ax in figure.axes:
        ax.set_title("")
        ax.xaxis.label.set_size(15)
        ax.yaxis.label.set_size(15)
        ax.tick_params(labelsize=15)
        for line in ax.lines:
            line.set(linewidth=4, markersize=10)
        if legend := ax.get_legend():
            for text in (legend.get_title(), *legend.get_texts()):
                text.set_fontsize(14)
    figure.savefig(path, dpi=100)


def _environment():
    environment = {**os.environ, "MPLBACKEND": "agg"}
    environment.pop("SKDROPOUT_QUICK", None)
    # The scripts run in a folder of their own.
    if folder := environment.get("SKDROPOUT_DATA"):
        environment["SKDROPOUT_DATA"] = os.path.abspath(folder)
    return environment


def main(arguments=None):
    """Run what the command line names; the exit status tells whether all went well."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(NAMES))
    parser.add_argument("--into", type=Path, default=DOCS, help="folder of the results")
    parser.add_argument("--quick", action="store_true", help="quick runs, to try it out")
    options = parser.parse_args(arguments)
    if unknown := sorted(set(options.names) - set(NAMES)):
        parser.error(f"NAME must be of {', '.join(NAMES)}; got {', '.join(unknown)}")
    if options.quick and options.into.resolve() == DOCS:
        parser.error("--quick needs another folder by --into: docs has full runs only")
    failed = []
    for name in options.names or NAMES:
        start = time.perf_counter()
        try:
            run(EXAMPLES / f"plot_{name}.py", options.into, options.quick)
        except RuntimeError as error:
            print(error, file=sys.stderr)
            failed.append(name)
        else:
            print(f"{name}: {time.perf_counter() - start:.0f} s", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())

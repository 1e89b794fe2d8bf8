"""Every experiment runs, on few rows and for few epochs."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[1] / "examples"
EXPERIMENTS = (
    "concrete_unscaled",
    "fashion_dropout_batchnorm",
    "fashion_learning_curves",
    "mnist_initializers_depth",
    "mnist_keep_probability",
    "spotify_grouped",
    "vanishing_gradients_ensembles",
    "wine_raw_features",
)
# What TensorFlow prints while it loads, unless the package loads it.
CHATTER = re.compile(r"WARNING: All log messages|[IWE]\d{4} |To enable the following")


@pytest.mark.slow
@pytest.mark.skipif(
    not os.environ.get("SKDROPOUT_DATA"),
    reason="SKDROPOUT_DATA does not name the folder of the experiments' data",
)
@pytest.mark.parametrize("name", EXPERIMENTS)
def test_quick_run(name, tmp_path):
    script = EXAMPLES / f"plot_{name}.py"
    result = subprocess.run(
        [sys.executable, str(script), "--quick"],
        cwd=tmp_path,
        env={
            **os.environ,
            "MPLBACKEND": "agg",
            "PYTHONPATH": os.pathsep.join(map(str, sys.path)),
            "SKDROPOUT_DATA": os.path.abspath(os.environ["SKDROPOUT_DATA"]),
        },
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert result.returncode == 0, result.stderr
    printed = result.stderr.splitlines()
    if "\nimport keras\n" in script.read_text(encoding="utf-8"):
        printed = [line for line in printed if not CHATTER.match(line)]
    assert printed == []
    first, *lines = result.stdout.splitlines()
    assert first.startswith(f"{name}: seed 0; skdropout ")
    mark = next(i for i, line in enumerate(lines) if line.startswith("QUICK RUN: "))
    header, *rows = lines[mark + 1 : -1]
    assert "published" in header
    assert len(rows) > 1
    assert lines[-1].startswith(f"picture: {name}.png; ")
    assert (tmp_path / f"{name}.png").stat().st_size > 10_000


def test_every_experiment_is_listed():
    scripts = {path.stem.removeprefix("plot_") for path in EXAMPLES.glob("plot_*.py")}
    assert scripts - {"dropout_sweep"} == set(EXPERIMENTS)

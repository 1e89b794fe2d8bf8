"""A sweep that is killed again and again, and goes on from its cache."""

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from measure import in_fresh_process, load_backend, print_table
from ours import our_mlp
from skdropout import fused_training

_N_KILLS = 30
# From the start of a process to when it is killed; some 5 s of it are imports.
_SHORTEST_SECONDS, _LONGEST_SECONDS = 5.0, 30.0
_CHILD = """
import json, sys
sys.path.insert(0, sys.argv[1])
from measure import silence_warnings
silence_warnings()
import killing
print(json.dumps(killing.sweep(sys.argv[2])))
"""


def sweep(folder: str | None) -> dict:
    """Scores of a sweep, and the seconds that it takes; with a cache, if there is a
    folder for it."""
    load_backend()
    X, y = load_digits(return_X_y=True)
    pipe = make_pipeline(StandardScaler(), our_mlp((128, 128), max_iter=750))
    grid = {
        "dropoutmlpclassifier__dropout_rate": np.linspace(0.0, 0.5, 6),
        "dropoutmlpclassifier__alpha": np.logspace(-6, -1, 6),
    }
    search = GridSearchCV(pipe, grid, cv=3, refit=False)
    start = time.perf_counter()
    with fused_training(cache=folder):
        search.fit(X, y)
    seconds = time.perf_counter() - start
    scores = [search.cv_results_[f"split{i}_test_score"].tolist() for i in range(3)]
    return {"scores": scores, "seconds": seconds}


def killed(rounds: int) -> None:
    """How long a sweep takes that is killed at random moments, and what comes of it."""
    rng = np.random.default_rng(0)
    rows = []
    for _ in range(rounds):
        undisturbed = in_fresh_process(sweep, None)
        with tempfile.TemporaryDirectory() as folder:
            start, n_kills, result = time.perf_counter(), 0, None
            while result is None:
                seconds = rng.uniform(_SHORTEST_SECONDS, _LONGEST_SECONDS)
                result = _run(folder, seconds if n_kills < _N_KILLS else None)
                n_kills += result is None
            total = time.perf_counter() - start
            size = sum(path.stat().st_size for path in Path(folder).iterdir())
            again = _run(folder, None)
        difference = np.abs(np.subtract(result["scores"], undisturbed["scores"]))
        rows.append(
            [
                f"{undisturbed['seconds']:.0f}",
                n_kills,
                f"{total:.0f}",
                f"{again['seconds']:.1f}",
                f"{size / 1e6:.0f}",
                f"{np.mean(difference == 0):.3f}",
                f"{difference.max():.4f}",
            ]
        )
    print_table(
        "killed: 36 candidates x 3 folds of digits, (128, 128), 750 epochs",
        [
            "undisturbed, s",
            "kills",
            "all together, s",
            "once more, s",
            "cache, MB",
            "scores that are equal",
            "largest difference",
        ],
        rows,
    )


def _run(folder: str, seconds: float | None) -> dict | None:
    """What a process prints that is killed after some seconds; None if it was."""
    command = [sys.executable, "-c", _CHILD, str(Path(__file__).parent), folder]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            printed, _ = process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            return None
    return json.loads(printed.splitlines()[-1])

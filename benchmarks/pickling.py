"""Pickles: the time to use one in a new process, and their size."""

import pickle
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from sklearn.datasets import load_digits
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from data import standardised_digits
from measure import Contestant, compare, print_table, timed
from ours import our_mlp
from peers import sklearn_mlp

_SIZES = (128, 128)
_USE = """
import pickle, sys
with open(sys.argv[1], "rb") as file:
    pipe, row = pickle.load(file)
pipe.predict(row)
print([name for name in ("tensorflow", "keras") if name in sys.modules])
"""


def unpickle(rounds: int) -> None:
    """A whole process, imports included, that loads a pipeline and predicts a row."""
    X, y = load_digits(return_X_y=True)
    mlps = {
        "skdropout": our_mlp(_SIZES, max_iter=2),
        "scikit-learn MLP": sklearn_mlp(_SIZES, max_iter=2),
    }
    targets = {"skdropout": None, "scikit-learn MLP": 1.3}
    imported = {}
    with tempfile.TemporaryDirectory() as folder:
        contestants = []
        for i, (name, mlp) in enumerate(mlps.items()):
            pipe = make_pipeline(StandardScaler(), mlp).fit(X, y)
            path = Path(folder, f"{i}.pickle")
            path.write_bytes(pickle.dumps((pipe, X[:1])))

            def use(name=name, path=path):
                imported[name] = _run(path)

            use()  # so that every file is in the system's cache
            contestants.append(Contestant(name, timed(use), targets[name]))
        compare(
            "unpickle: a process that loads a pipeline and predicts one row",
            contestants,
            rounds,
        )
    print(f"  of tensorflow and keras imported by skdropout: {imported['skdropout']}")


def _run(path: Path) -> str:
    command = [sys.executable, "-c", _USE, str(path)]
    finished = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return finished.stdout.strip()


def pickle_size(rounds: int) -> None:
    """Bytes of a pickle and of the arrays that it must hold; measured once."""
    rows = []
    for dtype in (np.float64, np.float32):
        X, y = standardised_digits(dtype)
        for batch_norm in (False, True):
            mlp = our_mlp(_SIZES, max_iter=20, batch_size=32, batch_norm=batch_norm)
            mlp.fit(X, y)
            norms = [values for norm in mlp._batch_norms for values in norm.values()]
            arrays = [
                *mlp.coefs_,
                *mlp.intercepts_,
                *norms,
                *mlp._optimizer_state["arrays"],
            ]
            n_array_bytes = sum(np.asarray(values).nbytes for values in arrays)
            n_bytes = len(pickle.dumps(mlp))
            ratio = f"{n_bytes / n_array_bytes:.3f}"
            name = f"X {X.dtype}, batch_norm={batch_norm}"
            rows.append([name, n_bytes, n_array_bytes, ratio, "1.30"])
    header = ["", "pickle bytes", "weights and slots", "ratio", "at most"]
    print_table("pickle-size: digits, 128-128, adam", header, rows)

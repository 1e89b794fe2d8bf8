"""The ways to save a pipeline for a server: what each needs, and how fast it is.

Needs the extra ``onnx``, and skops.
"""

import json
import pickle
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import NamedTuple

import numpy as np
from packaging.requirements import Requirement
from sklearn.datasets import load_digits
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from measure import print_table
from ours import our_mlp

_SIZES = (128, 128)
_N_ROWS = 10_000
# Runs in a new process; `load` returns a function of rows.
_USE = """
import time
start = time.perf_counter()
import json, sys
{load}
predict = load(sys.argv[1])
loaded = time.perf_counter() - start
import numpy as np
X = np.load(sys.argv[2])

def seconds(rows, repeats):
    predict(rows)
    start = time.perf_counter()
    for _ in range(repeats):
        predict(rows)
    return (time.perf_counter() - start) / repeats

print(json.dumps([loaded, seconds(X[:1], 200), seconds(X, 5) / len(X)]))
"""
_LOAD_PICKLE = """
def load(path):
    import pickle
    with open(path, "rb") as file:
        return pickle.load(file).predict_proba
"""
_LOAD_SKOPS = """
def load(path):
    import skops.io
    trusted = ["skdropout.classifier.DropoutMLPClassifier"]
    return skops.io.load(path, trusted=trusted).predict_proba
"""
_LOAD_ONNX = """
def load(path):
    import onnxruntime
    session = onnxruntime.InferenceSession(path)
    return lambda rows: session.run(["probabilities"], {"X": rows})
"""
_LOAD_KERAS = """
def load(path):
    import os
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    import keras
    model = keras.models.load_model(path)
    return lambda rows: model.predict(rows, batch_size=1024, verbose=0)
"""


class _Way(NamedTuple):
    """A way to save a fitted pipeline: how it is written to a path, how it is loaded, and
    what has to be installed there."""

    write: Callable[[Pipeline, Path], object]
    load: str
    needs: tuple[str, ...]


def _as_pickle(pipe, path):
    path.write_bytes(pickle.dumps(pipe))


def _as_skops(pipe, path):
    import skops.io

    skops.io.dump(pipe, path)


def _as_sklearn(pipe, path):
    _as_pickle(make_pipeline(pipe[0], pipe[-1].to_sklearn()), path)


def _as_onnx(pipe, path):
    from skl2onnx import to_onnx

    row = np.zeros((1, pipe.n_features_in_), np.float32)
    model = to_onnx(pipe, row, options={"zipmap": False})
    path.write_bytes(model.SerializeToString())


def _as_keras(pipe, path):
    pipe[-1].to_keras().save(path)


_WAYS = {
    "pickle": _Way(_as_pickle, _LOAD_PICKLE, ("skdropout",)),
    "skops": _Way(_as_skops, _LOAD_SKOPS, ("skdropout", "skops")),
    "to_sklearn, pickle": _Way(_as_sklearn, _LOAD_PICKLE, ("scikit-learn",)),
    "ONNX Runtime": _Way(_as_onnx, _LOAD_ONNX, ("onnxruntime",)),
    "Keras (network alone)": _Way(_as_keras, _LOAD_KERAS, ("keras", "tensorflow")),
}


def serving(rounds: int) -> None:
    """A scaler and a network with batch normalisation, in single precision."""
    X, y = load_digits(return_X_y=True)
    X = X.astype(np.float32)
    mlp = our_mlp(_SIZES, max_iter=2, batch_norm=True)
    pipe = make_pipeline(StandardScaler(), mlp).fit(X, y)
    with tempfile.TemporaryDirectory() as folder:
        rows_path = Path(folder, "rows.npy")
        np.save(rows_path, np.resize(X, (_N_ROWS, X.shape[1])))
        paths = {}
        for i, (name, way) in enumerate(_WAYS.items()):
            paths[name] = Path(folder, f"{i}.keras" if "Keras" in name else str(i))
            way.write(pipe, paths[name])
        figures: dict[str, list] = {name: [] for name in _WAYS}
        for _ in range(rounds):
            for name, way in _WAYS.items():
                figures[name].append(_use(way, paths[name], rows_path))
        table = []
        for name, way in _WAYS.items():
            load, row, of_many = map(statistics.median, zip(*figures[name], strict=True))
            table.append(
                [
                    name,
                    " and ".join(way.needs),
                    f"{_installed_bytes(way.needs) / 1e6:,.0f}",
                    f"{load:.2f}",
                    f"{paths[name].stat().st_size / 1e3:.0f}",
                    f"{1e6 * row:,.0f}",
                    f"{1e6 * of_many:.2f}",
                ]
            )
    layers = "-".join(map(str, (X.shape[1], *_SIZES, 10)))
    print_table(
        f"serving: digits, {layers}, batch norm, X float32, medians of {rounds} rounds",
        [
            *("", "to install", "MB", "load s", "file kB", "us, one row"),
            f"us a row of {_N_ROWS:,}",
        ],
        table,
    )


def _use(way: _Way, path: Path, rows_path: Path) -> list[float]:
    code = _USE.replace("{load}", way.load)
    command = [sys.executable, "-W", "ignore", "-c", code, str(path), str(rows_path)]
    finished = subprocess.run(command, check=True, capture_output=True, text=True)
    return json.loads(finished.stdout)


def _installed_bytes(names: tuple[str, ...]) -> int:
    """Size of the installed files of distributions and of all that these require."""
    found, waiting = {}, list(names)
    while waiting:
        name = waiting.pop().lower().replace("_", "-")
        if name in found:
            continue
        try:
            installed = distribution(name)
        except PackageNotFoundError:  # needed elsewhere
            continue
        found[name] = sum(
            path.stat().st_size
            for path in map(installed.locate_file, installed.files or ())
            if path.is_file()
        )
        for text in installed.requires or ():
            requirement = Requirement(text)
            if not requirement.marker or requirement.marker.evaluate({"extra": ""}):
                waiting.append(requirement.name)
    return sum(found.values())

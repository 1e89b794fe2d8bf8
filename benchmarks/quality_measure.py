"""Errors and times of models on data sets, and how two models compare."""

import json
import math
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from joblib import Parallel, delayed

from measure import print_table
from quality_data import DATA_SETS, DEVELOPMENT, TableData
from quality_models import Model
from skdropout import fused_training

RESULTS = Path("quality.json")
_LARGE = 20_000  # rows from which on everything is measured once


def _error(y, predicted, is_regression: bool) -> float:
    """1 - R2, or the fraction of wrong labels."""
    if is_regression:
        return float(np.sum((y - predicted) ** 2) / np.sum((y - y.mean()) ** 2))
    return float(np.mean(y != predicted))


def fit_and_score(estimator, data: TableData, train, test) -> dict[str, float]:
    X, y = data.X, data.y
    estimator.fit(X.iloc[train], y[train])
    began = time.perf_counter()
    predicted = estimator.predict(X.iloc[test])
    per_row = (time.perf_counter() - began) / len(test)
    return {"error": _error(y[test], predicted, data.is_regression), "per_row": per_row}


def _measure(model: Model, data: TableData, folds: Sequence) -> dict[str, Any]:
    """Errors of all folds, seconds of a fit, and of predicting a row."""
    tasks = [
        delayed(fit_and_score)(model.make(data.is_regression), data, *fold)
        for fold in folds
    ]
    began = time.perf_counter()
    if model.n_jobs is None:
        with fused_training():
            results = Parallel()(tasks)
    else:
        results = Parallel(n_jobs=model.n_jobs)(tasks)
    seconds = (time.perf_counter() - began) / len(folds)
    return {
        "errors": [result["error"] for result in results],
        "seconds": seconds,
        "per_row": float(np.median([result["per_row"] for result in results])),
    }


def read(path: Path = RESULTS) -> dict[str, dict]:
    return json.loads(path.read_text()) if path.exists() else {}


def measure_all(
    models: Sequence[Model],
    names: Sequence[str],
    rounds: int,
    path: Path = RESULTS,
    most_rows: int | None = None,
) -> dict:
    """Results by data set; those in the file at `path` are not measured again."""
    for name in names:
        data = DATA_SETS[name]()
        if most_rows is not None:
            order = np.random.default_rng(0).permutation(len(data.y))
            data = data.part(order[:most_rows])
        folds = data.splits(1 if len(data.y) >= _LARGE else rounds)
        for model in models:
            results = read(path)
            of_data = results.setdefault(name, {"n_rows": len(data.y), "models": {}})
            if model.name in of_data["models"]:
                continue
            of_data["models"][model.name] = figures = _measure(model, data, folds)
            path.write_text(json.dumps(results, indent=1))
            print(
                f"{name}, {model.name}: error {np.mean(figures['errors']):.4f}, "
                f"{figures['seconds']:.3g} s a fit",
                flush=True,
            )
    return read(path)


def _errors_of_both(of_data: dict, ours: str, peer: str) -> np.ndarray:
    """Errors of two models on the folds that both have seen, of shape (2, n_folds)."""
    errors = [of_data["models"][model]["errors"] for model in (ours, peer)]
    n_folds = min(map(len, errors))
    return np.array([values[:n_folds] for values in errors])


def ratio(results: dict, names: Sequence[str], ours: str, peer: str) -> float:
    """Geometric mean of the ratio of the errors."""
    logs = []
    for name in names:
        means = _errors_of_both(results[name], ours, peer).mean(axis=1)
        # Half a row where there is no error, as ratios need.
        logs.append(np.log(np.maximum(means, 0.5 / results[name]["n_rows"])))
    return float(np.exp(np.mean([of_ours - of_peer for of_ours, of_peer in logs])))


def standing(of_data: dict, ours: str, peer: str) -> int:
    """1 for a win, -1 for a loss, 0 within a standard error of the difference."""
    difference = np.diff(_errors_of_both(of_data, ours, peer), axis=0)[0]
    mean, spread = difference.mean(), difference.std(ddof=1) if len(difference) > 1 else 0
    is_tie = abs(mean) <= spread / math.sqrt(len(difference))
    return 0 if is_tie else int(np.sign(mean))


def print_tables(results: dict, models: Sequence[str], peers: Sequence[str]) -> None:
    rows = []
    for name, of_data in results.items():
        cells = []
        for model in models:
            figures = of_data["models"][model]
            errors = figures["errors"]
            spread = np.std(errors) / math.sqrt(max(len(errors) - 1, 1))
            cells += [
                f"{np.mean(errors):.4f} ({spread:.4f})",
                f"{figures['seconds']:.2g}",
            ]
            cells.append(f"{1e6 * figures['per_row']:.2g}")
        mark = "*" if name in DEVELOPMENT else ""
        rows.append([f"{name}{mark}", of_data["n_rows"], *cells])
    header = ["", "rows"]
    for model in models:
        header += [model, "s a fit", "us a row"]
    print_table(
        "quality: error (1 - accuracy, 1 - R2) and its standard error over the folds; "
        "* by which defaults were chosen",
        header,
        rows,
    )
    halves = {
        "all": list(results),
        "chosen by": [name for name in results if name in DEVELOPMENT],
        "others": [name for name in results if name not in DEVELOPMENT],
    }
    rows = []
    for model in models:
        for peer in peers:
            if model == peer:
                continue
            ratios = [
                f"{ratio(results, names, model, peer):.3f}" if names else ""
                for names in halves.values()
            ]
            standings = [standing(of_data, model, peer) for of_data in results.values()]
            rows.append([f"{model} / {peer}", *ratios, *map(standings.count, (1, 0, -1))])
    header = ["geometric means of ratios of errors", *halves, "wins", "ties", "losses"]
    print_table("quality, in short; ties are within a standard error", header, rows)

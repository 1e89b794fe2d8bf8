"""Errors and times of models on data sets, and how two models compare."""

import json
import math
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from joblib import Parallel, delayed

from quality_data import DATA_SETS, DEVELOPMENT, TableData
from quality_models import Model
from skdropout import fused_training

RESULTS = Path("quality.json")
_LARGE = 3_000  # rows from which on everything is measured once


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


def measure(model: Model, data: TableData, folds: Sequence) -> dict[str, Any]:
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
            of_data["models"][model.name] = figures = measure(model, data, folds)
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


def relative_error(of_data: dict, ours: str, peer: str) -> float:
    """The ratio of the errors, where half a row stands for no error."""
    means = _errors_of_both(of_data, ours, peer).mean(axis=1)
    of_ours, of_peer = np.maximum(means, 0.5 / of_data["n_rows"])
    return of_ours / of_peer


def ratio(results: dict, names: Sequence[str], ours: str, peer: str) -> float:
    """Geometric mean of the ratio of the errors."""
    ratios = [relative_error(results[name], ours, peer) for name in names]
    return float(np.exp(np.mean(np.log(ratios))))


def standing(of_data: dict, ours: str, peer: str) -> int:
    """1 for a win, -1 for a loss, 0 within a standard error of the difference."""
    difference = np.diff(_errors_of_both(of_data, ours, peer), axis=0)[0]
    mean, spread = difference.mean(), difference.std(ddof=1) if len(difference) > 1 else 0
    is_tie = abs(mean) <= spread / math.sqrt(len(difference))
    return 0 if is_tie else int(np.sign(mean))


class Table(NamedTuple):
    """What `print_table` takes."""

    title: str
    header: list[str]
    rows: list[list]


def by_data_set(results: dict, models: Sequence[str]) -> list[Table]:
    """Errors of some models on each data set, and their seconds."""
    errors, times = [], []
    for name, of_data in results.items():
        figures = [of_data["models"][model] for model in models]
        mark = "*" if name in DEVELOPMENT else ""
        first = [f"{name}{mark}", of_data["n_rows"]]
        errors.append([*first, *(_mean_and_spread(f["errors"]) for f in figures)])
        times.append(
            [*first, *(f"{f['seconds']:.2g}, {1e6 * f['per_row']:.3g}" for f in figures)]
        )
    header = ["data", "rows", *models]
    marked = "* the defaults were chosen by this one"
    return [
        Table(
            "Errors (1 - accuracy, 1 - R2) and their standard errors over the folds; "
            + marked,
            header,
            errors,
        ),
        Table("Seconds to fit, microseconds to predict a row", header, times),
    ]


def _mean_and_spread(errors: Sequence[float]) -> str:
    if len(errors) == 1:
        return f"{errors[0]:.4f}"
    spread = np.std(errors, ddof=1) / math.sqrt(len(errors))
    return f"{np.mean(errors):.4f} ± {spread:.4f}"


def in_short(results: dict, models: Sequence[str], peers: Sequence[str]) -> Table:
    """How models stand beside their peers on all data sets and on both halves."""
    halves = {
        "all": list(results),
        "chosen by": [name for name in results if name in DEVELOPMENT],
        "others": [name for name in results if name not in DEVELOPMENT],
    }
    rows = []
    for peer in peers:
        for model in models:
            if model == peer:
                continue
            ratios = [
                f"{ratio(results, names, model, peer):.3f}" if names else ""
                for names in halves.values()
            ]
            standings = [standing(of_data, model, peer) for of_data in results.values()]
            counts = [standings.count(kind) for kind in (1, 0, -1)]
            seconds = np.mean([_log_seconds(d, model, peer) for d in results.values()])
            row = [f"{model} / {peer}", *ratios, *counts, f"{math.exp(seconds):.2g}"]
            rows.append(row)
    return Table(
        "Geometric means of error ratios; ties are within a standard error of the "
        "difference",
        ["error / error", *halves, "wins", "ties", "losses", "seconds / seconds"],
        rows,
    )


def _log_seconds(of_data: dict, model: str, peer: str) -> float:
    seconds = [of_data["models"][name]["seconds"] for name in (model, peer)]
    return math.log(seconds[0] / seconds[1])

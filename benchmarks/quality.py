"""How good the models are, beside their peers, and how long they take."""

import json
import math
import time
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from joblib import Parallel, cpu_count, delayed
from sklearn.base import clone
from sklearn.ensemble import (
    BaggingClassifier,
    BaggingRegressor,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.linear_model import LogisticRegression, RidgeCV
from sklearn.model_selection import RandomizedSearchCV
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline

from measure import print_table
from quality_data import DATA_SETS, DEVELOPMENT, TableData, scaled_columns
from skdropout import (
    DropoutMLPClassifier,
    DropoutMLPRegressor,
    fused_training,
    search_space,
)

RESULTS = Path("quality.json")
OURS, PEER, TREES = "skdropout", "scikit-learn MLP", "gradient boosting"
_LARGE = 20_000  # rows from which on everything is measured once
_N_CANDIDATES = 60
_SEARCH_ROWS = 2000
_N_TOGETHER = 8
_ONE_ROW_CALLS = 50


class Model(NamedTuple):
    """A model to compare.

    `make` takes whether it is regression; `n_jobs` is for the folds of those that do not
    use all cores by themselves, and None for ours, whose folds are fused.
    """

    name: str
    make: Callable[[bool], Any]
    n_jobs: int | None


def _network(is_regression: bool, **params):
    kind = DropoutMLPRegressor if is_regression else DropoutMLPClassifier
    return kind(random_state=0, **params)


def _peer(is_regression: bool, **params):
    return (MLPRegressor if is_regression else MLPClassifier)(random_state=0, **params)


def _together(network, is_regression: bool):
    """Several networks of other seeds, whose outputs are averaged."""
    kind = BaggingRegressor if is_regression else BaggingClassifier
    return kind(network, _N_TOGETHER, bootstrap=False, random_state=0)


def _linear(is_regression: bool):
    if is_regression:
        return RidgeCV(np.logspace(-2, 3, 11))
    return LogisticRegression(max_iter=1000)


def _forest(is_regression: bool):
    kind = RandomForestRegressor if is_regression else RandomForestClassifier
    return kind(n_jobs=-1, random_state=0)


def _boosting(is_regression: bool):
    kind = (
        HistGradientBoostingRegressor if is_regression else HistGradientBoostingClassifier
    )
    return kind(random_state=0)


def _scaled(make: Callable[[bool], Any]) -> Callable[[bool], Any]:
    return lambda is_regression: make_pipeline(scaled_columns(), make(is_regression))


BY_DEFAULT = (
    Model(OURS, _scaled(_network), None),
    Model(
        f"skdropout, {_N_TOGETHER}", _scaled(lambda r: _together(_network(r), r)), None
    ),
    Model(PEER, _scaled(_peer), cpu_count()),
    Model("linear", _scaled(_linear), cpu_count()),
    Model("random forest", _scaled(_forest), 1),
    Model(TREES, _boosting, 1),
)


def _error(y, predicted, is_regression: bool) -> float:
    """1 - R2, or the fraction of wrong labels."""
    if is_regression:
        return float(np.sum((y - predicted) ** 2) / np.sum((y - y.mean()) ** 2))
    return float(np.mean(y != predicted))


def _fit_and_score(estimator, data: TableData, train, test) -> dict[str, float]:
    X, y = data.X, data.y
    estimator.fit(X.iloc[train], y[train])
    began = time.perf_counter()
    predicted = estimator.predict(X.iloc[test])
    per_row = (time.perf_counter() - began) / len(test)
    return {"error": _error(y[test], predicted, data.is_regression), "per_row": per_row}


def _measure(model: Model, data: TableData, folds: Sequence) -> dict[str, Any]:
    """Errors of all folds, seconds of a fit, and of predicting a row."""
    tasks = [
        delayed(_fit_and_score)(model.make(data.is_regression), data, *fold)
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


def _read() -> dict[str, dict]:
    return json.loads(RESULTS.read_text()) if RESULTS.exists() else {}


def _measure_all(models: Sequence[Model], names: Sequence[str], rounds: int) -> dict:
    """Results by data set; those in the file `RESULTS` are not measured again."""
    for name in names:
        data = DATA_SETS[name]()
        folds = data.splits(1 if len(data.y) >= _LARGE else rounds)
        for model in models:
            results = _read()
            of_data = results.setdefault(name, {"n_rows": len(data.y), "models": {}})
            if model.name in of_data["models"]:
                continue
            of_data["models"][model.name] = figures = _measure(model, data, folds)
            RESULTS.write_text(json.dumps(results, indent=1))
            print(
                f"{name}, {model.name}: error {np.mean(figures['errors']):.4f}, "
                f"{figures['seconds']:.3g} s a fit",
                flush=True,
            )
    return _read()


def _errors_of_both(of_data: dict, ours: str, peer: str) -> np.ndarray:
    """Errors of two models on the folds that both have seen, of shape (2, n_folds)."""
    errors = [of_data["models"][model]["errors"] for model in (ours, peer)]
    n_folds = min(map(len, errors))
    return np.array([values[:n_folds] for values in errors])


def _ratio(results: dict, names: Sequence[str], ours: str, peer: str) -> float:
    """Geometric mean of the ratio of the errors."""
    logs = []
    for name in names:
        means = _errors_of_both(results[name], ours, peer).mean(axis=1)
        # Half a row where there is no error, as ratios need.
        logs.append(np.log(np.maximum(means, 0.5 / results[name]["n_rows"])))
    return float(np.exp(np.mean([of_ours - of_peer for of_ours, of_peer in logs])))


def _standing(of_data: dict, ours: str, peer: str) -> int:
    """1 for a win, -1 for a loss, 0 within a standard error of the difference."""
    difference = np.diff(_errors_of_both(of_data, ours, peer), axis=0)[0]
    mean, spread = difference.mean(), difference.std(ddof=1) if len(difference) > 1 else 0
    is_tie = abs(mean) <= spread / math.sqrt(len(difference))
    return 0 if is_tie else int(np.sign(mean))


def _print_tables(results: dict, models: Sequence[str], peers: Sequence[str]) -> None:
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
                f"{_ratio(results, names, model, peer):.3f}" if names else ""
                for names in halves.values()
            ]
            standings = [_standing(of_data, model, peer) for of_data in results.values()]
            rows.append([f"{model} / {peer}", *ratios, *map(standings.count, (1, 0, -1))])
    header = ["geometric means of ratios of errors", *halves, "wins", "ties", "losses"]
    print_table("quality, in short; ties are within a standard error", header, rows)


def quality(rounds: int) -> None:
    """Everybody by default, in `rounds` times five-fold cross-validation."""
    results = _measure_all(BY_DEFAULT, list(DATA_SETS), rounds)
    _print_tables(results, [m.name for m in BY_DEFAULT], [PEER, TREES])


def _peer_space(prefix: str) -> dict[str, Any]:
    """What scikit-learn's MLP has of our space, with its own way against overfitting."""
    shared = ("hidden_layer_sizes", "learning_rate_init", "alpha", "max_iter")
    ours = search_space()
    space = {name: ours[name] for name in shared} | {"early_stopping": [False, True]}
    return {prefix + name: values for name, values in space.items()}


class _Search(NamedTuple):
    """A random search, and what to make of the best candidate."""

    name: str
    network: Callable[[bool], Any]
    space: Callable[[bool, str], dict[str, Any]]
    n_jobs: int | None
    together: str  # name of the model of several


_SEARCHES = (
    _Search(
        f"{OURS}, tuned",
        _network,
        lambda is_regression, prefix: search_space(
            "regressor" if is_regression else "classifier", prefix
        ),
        None,
        f"{OURS}, tuned, {_N_TOGETHER}",
    ),
    _Search(f"{PEER}, tuned", _peer, lambda _, prefix: _peer_space(prefix), 2, ""),
)


def _fused_if(is_ours: bool):
    return fused_training() if is_ours else nullcontext()


def _tune(search: _Search, data: TableData, train, test) -> dict[str, dict]:
    """Search on some of the training rows, fit the best on all; errors and seconds."""
    is_regression, is_ours = data.is_regression, search.n_jobs is None
    network = search.network(is_regression)
    rows = np.random.default_rng(0).permutation(train)[:_SEARCH_ROWS]
    part = data.part(rows)
    prefix = f"{type(network).__name__.lower()}__"
    searching = RandomizedSearchCV(
        make_pipeline(scaled_columns(), network),
        search.space(is_regression, prefix),
        n_iter=_N_CANDIDATES,
        cv=part.splits(1, n_folds=3),
        n_jobs=search.n_jobs,
        random_state=0,
        refit=False,
        error_score=-np.inf,  # a candidate that diverges is a bad one
    )
    began = time.perf_counter()
    with _fused_if(is_ours):
        searching.fit(part.X, part.y)
    seconds = time.perf_counter() - began
    found = {k.removeprefix(prefix): v for k, v in searching.best_params_.items()}
    best = clone(network).set_params(**found)
    models = {search.name: best}
    if search.together:
        models[search.together] = _together(best, is_regression)
    figures = {}
    for name, model in models.items():
        began = time.perf_counter()
        with _fused_if(is_ours):
            of_fold = _fit_and_score(
                make_pipeline(scaled_columns(), model), data, train, test
            )
        of_fold["seconds"] = seconds + time.perf_counter() - began
        figures[name] = of_fold
    return figures


def quality_tuned(rounds: int) -> None:
    """The same number of candidates for ours and scikit-learn's MLP; the rounds are
    folds. Needs what `quality` has measured for the comparison with trees."""
    for name, load in DATA_SETS.items():
        data = load()
        folds = data.splits(1)[:rounds]
        for search in _SEARCHES:
            results = _read()
            of_data = results.setdefault(name, {"n_rows": len(data.y), "models": {}})
            if search.name in of_data["models"]:
                continue
            by_fold = [_tune(search, data, *fold) for fold in folds]
            for model in by_fold[0]:
                of_data["models"][model] = {
                    "errors": [fold[model]["error"] for fold in by_fold],
                    "seconds": float(
                        np.mean([fold[model]["seconds"] for fold in by_fold])
                    ),
                    "per_row": float(
                        np.median([fold[model]["per_row"] for fold in by_fold])
                    ),
                }
                print(f"{name}, {model}: {of_data['models'][model]}", flush=True)
            RESULTS.write_text(json.dumps(results, indent=1))
    results = _read()
    names = [m for s in _SEARCHES for m in (s.name, s.together) if m]
    _print_tables(results, names, [f"{PEER}, tuned", TREES])
    seconds = [
        [of_data["models"][name]["seconds"] for name in (names[0], names[-1])]
        for of_data in results.values()
    ]
    of_ours, of_peer = np.log(seconds).mean(axis=0)
    ratio = np.exp(of_ours - of_peer)
    print(f"seconds with the search, {names[0]} / {names[-1]}: {ratio:.3f}")

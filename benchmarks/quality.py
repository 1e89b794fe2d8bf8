"""How good the models are, beside their peers, and how long they take."""

import json
import time
from collections.abc import Callable
from contextlib import nullcontext
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from joblib import cpu_count
from scipy.stats import loguniform
from sklearn.base import clone
from sklearn.compose import TransformedTargetRegressor
from sklearn.model_selection import RandomizedSearchCV

from measure import print_table
from quality_data import DATA_SETS, DEVELOPMENT, TableData
from quality_measure import (
    RESULTS,
    Table,
    by_data_set,
    fit_and_score,
    in_short,
    measure,
    measure_all,
    ratio,
    read,
    standing,
)
from quality_models import (
    BY_DEFAULT,
    N_TOGETHER,
    OURS,
    PEER,
    TREES,
    Model,
    network,
    peer,
    peer_of_scaled_targets,
    scaled,
    squashed,
    together,
)
from skdropout import fused_training, search_space
from skdropout._backend import keras

ABLATION = Path("quality-ablation.json")
_ABLATION_ROWS = 4000
_N_CANDIDATES = 60
_SEARCH_ROWS = 1000


def print_tables(*tables: Table) -> None:
    for table in tables:
        print_table(*table)


def quality(rounds: int) -> None:
    """Everybody by default, in `rounds` times five-fold cross-validation."""
    results = measure_all(BY_DEFAULT, list(DATA_SETS), rounds)
    names = [model.name for model in BY_DEFAULT]
    print_tables(*by_data_set(results, names), in_short(results, names, [PEER, TREES]))


def quality_same(rounds: int) -> None:
    """R2 where both are given the same arguments, and ours a dropout rate."""
    same = {"max_iter": 1000}
    models = (
        Model(OURS, scaled(partial(network, dropout_rate=0.2, **same)), None),
        Model(PEER, scaled(partial(peer, **same)), cpu_count()),
    )
    rows = []
    for name in ("concrete", "diabetes", "red-wine"):
        data = DATA_SETS[name]()
        folds = data.splits(rounds)
        errors = [np.mean(measure(m, data, folds)["errors"]) for m in models]
        rows.append([name, *(f"{1 - error:.3f}" for error in errors)])
    print_table(
        f"quality-same: R2, max_iter=1000, our dropout rate 0.2, {rounds} times 5 folds",
        ["", *(model.name for model in models)],
        rows,
    )


def _peer_space(prefix: str) -> dict[str, Any]:
    """What scikit-learn's MLP has of our space, with its own way against overfitting."""
    ours = search_space()
    space = {
        **{name: ours[name] for name in ("hidden_layer_sizes", "alpha")},
        # Around its default, with its default number of epochs.
        "learning_rate_init": loguniform(5e-4, 5e-3),
        "early_stopping": [False, True],
    }
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
        network,
        lambda is_regression, prefix: search_space(
            "regressor" if is_regression else "classifier", prefix
        ),
        None,
        f"{OURS}, tuned, {N_TOGETHER}",
    ),
    _Search(
        f"{PEER}, tuned",
        peer_of_scaled_targets,
        lambda _, prefix: _peer_space(prefix),
        cpu_count(),
        "",
    ),
)


def _fused_if(is_ours: bool):
    return fused_training() if is_ours else nullcontext()


def _tune(search: _Search, data: TableData, train, test) -> dict[str, dict]:
    """Search on some of the training rows, fit the best on all; errors and seconds."""
    is_regression, is_ours = data.is_regression, search.n_jobs is None
    mlp = search.network(is_regression)
    rows = np.random.default_rng(0).permutation(train)[:_SEARCH_ROWS]
    part = data.part(rows)
    prefix = f"{type(mlp).__name__.lower()}__"
    inner = "regressor__" if isinstance(mlp, TransformedTargetRegressor) else ""
    searching = RandomizedSearchCV(
        squashed(lambda _: mlp)(is_regression),
        search.space(is_regression, prefix + inner),
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
    best = clone(mlp).set_params(**found)
    models = {search.name: best}
    if search.together:
        models[search.together] = together(best, is_regression)
    figures = {}
    for name, model in models.items():
        began = time.perf_counter()
        with _fused_if(is_ours):
            pipe = squashed(lambda _, model=model: model)(is_regression)
            of_fold = fit_and_score(pipe, data, train, test)
        of_fold["seconds"] = seconds + time.perf_counter() - began
        figures[name] = of_fold
    return figures


#: Names of what `quality_tuned` measures, the peer last.
TUNED = [m for s in _SEARCHES for m in (s.name, s.together) if m]


def quality_tuned(rounds: int) -> None:
    """The same number of candidates for ours and scikit-learn's MLP, both on squashed
    inputs and standardised targets; the rounds are folds. Needs what `quality` has
    measured for the comparison with trees."""
    for name, load in DATA_SETS.items():
        data = load()
        folds = data.splits(1)[:rounds]
        for search in _SEARCHES:
            results = read()
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
    results = read()
    print_tables(
        *by_data_set(results, TUNED), in_short(results, TUNED, [TUNED[-1], TREES])
    )


_BASE = "by default"
# Each differs from the defaults in this alone, where the estimator has it.
_VARIANTS: dict[str, dict[str, Any]] = {
    _BASE: {},
    "hidden_layer_sizes=(100,)": {"hidden_layer_sizes": (100,)},
    "hidden_layer_sizes=(512,)": {"hidden_layer_sizes": (512,)},
    "hidden_layer_sizes=(256, 256)": {"hidden_layer_sizes": (256, 256)},
    "dropout_rate=0": {"dropout_rate": 0.0},
    "dropout_rate=0.1": {"dropout_rate": 0.1},
    "dropout_rate=0.2": {"dropout_rate": 0.2},
    "dropout_rate=0.5": {"dropout_rate": 0.5},
    "input_dropout_rate=0.1": {"input_dropout_rate": 0.1},
    "batch_norm=True": {"batch_norm": True},
    "batch_size='auto'": {"batch_size": "auto"},
    "learning_rate='constant'": {"learning_rate": "constant"},
    "learning_rate_init=0.003": {"learning_rate_init": 0.003},
    "max_iter=500": {"max_iter": 500},
    "early_stopping=False": {"early_stopping": False},
    "early_stopping=True": {"early_stopping": True},
    "early_stopping=True, scoring='loss'": {"early_stopping": True, "scoring": "loss"},
    "normalize_y=False": {"normalize_y": False},
    "label_smoothing=0.1": {"label_smoothing": 0.1},
    "clipnorm=1": {"optimizer": keras.optimizers.Adam(0.001, clipnorm=1)},
    "weight_decay=0.1": {"weight_decay": 0.1},
    "beta_2=0.95": {"beta_2": 0.95},
}


def _variant(changes: dict[str, Any]) -> Callable[[bool], Any]:
    def make(is_regression: bool):
        mlp = network(is_regression)
        known = mlp.get_params()
        return mlp.set_params(**{k: v for k, v in changes.items() if k in known})

    return make


def quality_ablation(rounds: int) -> None:
    """What each hyperparameter is worth, on the half of the sets that is for choosing."""
    models = [
        Model(name, scaled(_variant(changes)), None)
        for name, changes in _VARIANTS.items()
    ]
    models.append(Model("inputs squashed", squashed(network), None))
    results = measure_all(models, DEVELOPMENT, rounds, ABLATION, _ABLATION_ROWS)
    print_tables(ablation_table(results))


def ablation_table(results: dict) -> Table:
    """What each variant makes of the error."""
    of_regression = [name for name in results if DATA_SETS[name]().is_regression]
    kinds = {
        "all": list(results),
        "regression": of_regression,
        "classification": [name for name in results if name not in of_regression],
    }
    rows = []
    for name in next(iter(results.values()))["models"]:
        if name == _BASE:
            continue
        ratios = [f"{ratio(results, sets, name, _BASE):.3f}" for sets in kinds.values()]
        of_sets = [standing(of_data, name, _BASE) for of_data in results.values()]
        rows.append([name, *ratios, *map(of_sets.count, (1, 0, -1))])
    return Table(
        "Geometric means of the error, divided by that of the defaults",
        ["changed", *kinds, "wins", "ties", "losses"],
        rows,
    )

"""Searches that Optuna leads, and searches over other estimators in the context."""

import contextlib
from functools import partial

import optuna
from sklearn.datasets import load_digits
from sklearn.ensemble import RandomForestClassifier
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from measure import (
    Contestant,
    Seconds,
    Stopwatch,
    compare,
    in_fresh_process,
    load_backend,
    timed,
)
from ours import our_mlp
from skdropout import fused_training

_N_TRIALS = 64


def _objective(trial: optuna.Trial, X, y) -> float:
    mlp = our_mlp(
        (64,),
        max_iter=100,
        batch_size=32,
        dropout_rate=trial.suggest_float("dropout_rate", 0.0, 0.6),
        alpha=trial.suggest_float("alpha", 1e-6, 1e-1, log=True),
        learning_rate_init=trial.suggest_float("rate", 1e-4, 1e-2, log=True),
    )
    return cross_val_score(make_pipeline(StandardScaler(), mlp), X, y, cv=3).mean()


def search_by_optuna(n_jobs: int, is_joined: bool) -> list[float]:
    """Seconds of a search in this process, with all compiling."""
    load_backend()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(
        direction="maximize", sampler=optuna.samplers.TPESampler(seed=0)
    )
    X, y = load_digits(return_X_y=True)
    objective = partial(_objective, X=X, y=y)
    watch = Stopwatch()
    with fused_training() if is_joined else contextlib.nullcontext():
        study.optimize(objective, n_trials=_N_TRIALS, n_jobs=n_jobs)
    return [*watch.seconds()]


def optuna_search(rounds: int) -> None:
    """Trials by Optuna, joined in threads and alone."""

    def contestant(name, *args, **kwargs):
        def measure():
            return Seconds(*in_fresh_process(search_by_optuna, *args))

        return Contestant(name, measure, **kwargs)

    compare(
        f"optuna: {_N_TRIALS} trials x 3 folds of digits, (64,), 100 epochs, new process",
        [
            contestant("joined, 16 threads", 16, True),
            contestant("alone, one thread", 1, False, at_most=0.25),
            contestant("alone, two threads", 2, False),
        ],
        rounds,
    )


def _search_over(est, grid: dict) -> None:
    """Another estimator's candidates, and one network that is hardly trained."""
    X, y = load_digits(return_X_y=True)
    pipe = Pipeline([("scale", StandardScaler()), ("last", est)])
    of_others = {f"last__{name}": values for name, values in grid.items()}
    ours = {"last": [our_mlp((8,), max_iter=1)]}
    GridSearchCV(pipe, [{"last": [est], **of_others}, ours], cv=3, refit=False).fit(X, y)


def others(rounds: int) -> None:
    """Searches over other estimators beside ours, within the context and outside."""
    searches = {
        "nearest neighbours by trees": partial(
            _search_over,
            KNeighborsClassifier(algorithm="kd_tree"),
            {"n_neighbors": range(1, 9)},
        ),
        "random forest": partial(
            _search_over,
            RandomForestClassifier(60, random_state=0),
            {"max_features": [2, 4, 8, 16]},
        ),
    }
    load_backend()
    for name, search in searches.items():

        def within(search=search):
            with fused_training():
                search()

        search()
        compare(
            f"others: {name} and one network, 3 folds of digits",
            [
                Contestant("within fused_training", timed(within)),
                Contestant("outside", timed(search), at_most=1.1),
            ],
            rounds,
        )

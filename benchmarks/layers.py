"""Sweeps over layers and over numbers of features, of which each needs other programs."""

from collections.abc import Callable

import numpy as np
from joblib import cpu_count
from scipy.stats import loguniform, randint
from sklearn.datasets import load_breast_cancer, load_digits
from sklearn.feature_selection import RFECV, SelectKBest
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, RandomizedSearchCV
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from measure import Seconds, Stopwatch, in_fresh_process, load_backend, print_table
from ours import our_mlp
from peers import sklearn_mlp
from skdropout import DropoutMLPClassifier, fused_training

_LOADERS = {"breast cancer": load_breast_cancer, "digits": load_digits}
_N_CHUNKS = 60


def _data(name: str):
    X, y = _LOADERS[name](return_X_y=True)
    return StandardScaler().fit_transform(X), y


class _OneUnit:
    """Sizes of one hidden layer, as a distribution of tuples."""

    def __init__(self, low: int, high: int):
        self._units = randint(low, high + 1)

    def rvs(self, random_state=None):
        return (int(self._units.rvs(random_state=random_state)),)


def _widths(mlp, seed: int, n_jobs):
    X, y = _data("breast cancer")
    space = {
        "hidden_layer_sizes": _OneUnit(8, 256),
        "alpha": loguniform(1e-5, 1e-1),
        "learning_rate_init": loguniform(1e-4, 1e-2),
    }
    mlp = mlp((100,), max_iter=50)
    search = RandomizedSearchCV(
        mlp, space, n_iter=60, cv=3, random_state=seed, n_jobs=n_jobs, refit=False
    )
    search.fit(X, y)


def _web_grid(data: str, n_epochs: int, mlp, seed: int, n_jobs):
    X, y = _data(data)
    mlp = mlp((100,), max_iter=n_epochs)
    optimizer = "optimizer" if hasattr(mlp, "optimizer") else "solver"
    grid = {
        "hidden_layer_sizes": [(50, 50, 50), (50, 100, 50), (100,)],
        "activation": ["tanh", "relu"],
        optimizer: ["sgd", "adam"],
        "alpha": [0.0001, 0.05],
        "learning_rate": ["constant", "adaptive"],
    }
    # scikit-learn's own rule for when to stop.
    mlp.set_params(tol=1e-4, n_iter_no_change=10)
    GridSearchCV(mlp, grid, cv=3, n_jobs=n_jobs, refit=False).fit(X, y)


def _web_grid_breast_cancer(mlp, seed: int, n_jobs):
    _web_grid("breast cancer", 100, mlp, seed, n_jobs)


def _web_grid_digits(mlp, seed: int, n_jobs):
    _web_grid("digits", 30, mlp, seed, n_jobs)


def _chunks(mlp, seed: int, n_jobs):
    X, y = _data("breast cancer")
    lengths = np.random.default_rng(seed).integers(1, 200, _N_CHUNKS)
    mlp = mlp((100,), max_iter=1)
    for length in lengths:
        mlp.partial_fit(X[:length], y[:length], classes=[0, 1])


def _select_k_best(mlp, seed: int, n_jobs):
    X, y = _data("breast cancer")
    pipe = make_pipeline(SelectKBest(), mlp((32,), max_iter=30))
    grid = {"selectkbest__k": range(1, 16)}
    GridSearchCV(pipe, grid, cv=3, n_jobs=n_jobs, refit=False).fit(X, y)


def _rfecv(mlp, seed: int, n_jobs):
    X, y = _data("breast cancer")
    # Who is eliminated is not what is measured, but how long the networks take.
    mlp = mlp((32,), max_iter=30)
    ranked = _Ranked if isinstance(mlp, MLPClassifier) else _OurRanked
    RFECV(ranked(**mlp.get_params()), step=1, cv=3, n_jobs=n_jobs).fit(X, y)


class _Importances:
    """Importances of a linear model, which networks do not have."""

    def fit(self, X, y, **kwargs):
        super().fit(X, y, **kwargs)
        self.coef_ = LogisticRegression(max_iter=1000).fit(X, y).coef_
        return self


class _Ranked(_Importances, MLPClassifier):
    pass


class _OurRanked(_Importances, DropoutMLPClassifier):
    pass


_SWEEPS: dict[str, Callable] = {
    "60 widths from 8 to 256 x 3 folds, breast cancer, 50 epochs": _widths,
    "the web's grid x 3 folds, breast cancer, 100 epochs": _web_grid_breast_cancer,
    "the web's grid x 3 folds, digits, 30 epochs": _web_grid_digits,
    f"{_N_CHUNKS} calls of partial_fit with 1 to 199 rows": _chunks,
    "SelectKBest with k = 1 to 15 x 3 folds": _select_k_best,
    "RFECV, step=1, 3 folds, breast cancer": _rfecv,
}
# Of the time of scikit-learn's MLP, divided by ours: in a new process, and again.
_AT_LEAST = [("1.5", "4"), ("1.5", "4"), ("1.8", "4"), ("", ""), ("", ""), ("", "")]


def ours(name: str) -> dict:
    """Seconds of a sweep in this process, and again with other values, and the number of
    programs that these made."""
    load_backend()
    from skdropout.training import program

    n_programs = 0
    make = program.Program.__init__

    def counted(self, *args):
        nonlocal n_programs
        n_programs += 1
        make(self, *args)

    program.Program.__init__ = counted
    figures: dict[str, list] = {"seconds": [], "programs": []}
    for seed in range(2):
        watch, before = Stopwatch(), n_programs
        with fused_training():
            _SWEEPS[name](_without_dropout_if_web(name), seed, None)
        figures["seconds"].append(watch.seconds())
        figures["programs"].append(n_programs - before)
    return figures


def _without_dropout_if_web(name: str):
    """Without dropout where scikit-learn's rule ends training, that both do the same."""
    dropout_rate = 0.0 if "web" in name else 0.2
    return lambda sizes, **params: our_mlp(sizes, dropout_rate=dropout_rate, **params)


def peer(name: str) -> dict:
    """Seconds of a sweep of scikit-learn's MLP; workers are started before."""
    n_jobs = cpu_count()
    mlp = sklearn_mlp((8,), max_iter=1)
    X, y = _data("breast cancer")
    GridSearchCV(mlp, {"alpha": [0, 1]}, n_jobs=n_jobs, refit=False).fit(X, y)
    seconds = []
    for seed in range(2):
        watch = Stopwatch()
        _SWEEPS[name](sklearn_mlp, seed, n_jobs)
        seconds.append(watch.seconds())
    return {"seconds": seconds}


def fused_layers(rounds: int) -> None:
    """Sweeps over layers beside scikit-learn's MLP, in turn, each in a new process."""
    rows = []
    for (name, _), at_least in zip(_SWEEPS.items(), _AT_LEAST, strict=True):
        figures: dict[str, list] = {"ours": [], "peer": []}
        programs: list = []
        for i in range(rounds):
            for function in (ours, peer)[:: 1 if i % 2 == 0 else -1]:
                result = in_fresh_process(function, name)
                walls = [Seconds(*seconds).wall for seconds in result["seconds"]]
                figures[function.__name__].append(walls)
                programs = result.get("programs", programs)
        of_ours, of_peer = (np.median(figures[who], axis=0) for who in ("ours", "peer"))
        row = [name, f"{of_peer[0]:.2f}"]
        for i, goal in enumerate(at_least):
            ratio = of_peer[i] / of_ours[i]
            row += [f"{of_ours[i]:.2f}", f"{ratio:.2f}", goal, programs[i]]
        rows.append(row)
    header = ["", "scikit-learn's MLP, s"]
    for when in ("new process", "again"):
        header += [f"{when}, s", "times sooner", "at least", "programs"]
    print_table(
        "fused-layers: compiling included; scikit-learn's MLP with as many jobs as cores",
        header,
        rows,
    )

"""Fused training: searches in which all networks are trained as a few stacks."""

import contextlib
import importlib.util
import resource
from itertools import pairwise
from pathlib import Path

import numpy as np
from sklearn.datasets import load_breast_cancer, load_digits
from sklearn.model_selection import GridSearchCV, ParameterGrid
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from data import fashion_mnist
from grid import (
    BATCH_SIZE,
    GRID,
    N_EPOCHS,
    N_FOLDS,
    SIZES,
    our_pipeline,
    search_with_scikeras,
)
from measure import (
    Contestant,
    Seconds,
    Stopwatch,
    compare,
    in_fresh_process,
    load_backend,
    measure_in_turn,
    medians_of,
    print_table,
    timed,
)
from ours import our_mlp
from peers import sklearn_mlp
from skdropout import fused_training

N_CANDIDATES = 8
GROWTH_PICTURE = Path("fused_growth.png")


def _prefixed(grid: dict) -> dict:
    return {f"dropoutmlpclassifier__{name}": values for name, values in grid.items()}


def _our_search() -> GridSearchCV:
    return GridSearchCV(our_pipeline(), _prefixed(GRID), cv=N_FOLDS)


def _context(is_fused: bool):
    return fused_training() if is_fused else contextlib.nullcontext()


def search_fused() -> dict:
    """Seconds of the main job's search in this process, with all compiling."""
    load_backend()
    X, y = load_digits(return_X_y=True)
    watch = Stopwatch()
    with fused_training():
        _our_search().fit(X, y)
    return {"seconds": watch.seconds()}


def search_with_skorch() -> dict:
    """The same candidates by skorch on PyTorch."""
    from peers import skorch_classifier

    X, y = load_digits(return_X_y=True)
    pipe = make_pipeline(StandardScaler(), skorch_classifier(SIZES, N_EPOCHS, BATCH_SIZE))
    grid = {f"neuralnetclassifier__module__{name}": v for name, v in GRID.items()}
    search = GridSearchCV(pipe, grid, cv=N_FOLDS)
    watch = Stopwatch()
    search.fit(X.astype(np.float32), y)
    return {"seconds": watch.seconds()}


def _sklearn_search(n_jobs: int) -> GridSearchCV:
    """As many fits of scikit-learn's MLP, which has neither dropout nor batch norm."""
    pipe = make_pipeline(
        StandardScaler(), sklearn_mlp(SIZES, max_iter=N_EPOCHS, batch_size=BATCH_SIZE)
    )
    grid = {f"{MLPClassifier.__name__.lower()}__random_state": range(N_CANDIDATES)}
    return GridSearchCV(pipe, grid, cv=N_FOLDS, n_jobs=n_jobs)


def search_with_sklearn(n_jobs: int) -> dict:
    """Seconds of scikit-learn's search; workers are started before."""
    X, y = load_digits(return_X_y=True)
    if n_jobs > 1:
        _sklearn_search(n_jobs).set_params(
            estimator__mlpclassifier__max_iter=1,
            estimator__mlpclassifier__n_iter_no_change=1,
        ).fit(X, y)
    watch = Stopwatch()
    _sklearn_search(n_jobs).fit(X, y)
    return {"seconds": watch.seconds()}


def _in_new_process(function, *args):
    return lambda: Seconds(*in_fresh_process(function, *args)["seconds"])


def fused_grid(rounds: int) -> None:
    """The main job in a new process, compiling included."""
    contestants = [
        Contestant("skdropout, fused", _in_new_process(search_fused)),
        Contestant(
            "scikeras",
            _in_new_process(search_with_scikeras),
            at_most=1 / 30,
            rounds=1,
        ),
        *(
            Contestant(
                f"scikit-learn's MLP, n_jobs={n_jobs}",
                _in_new_process(search_with_sklearn, n_jobs),
                at_most=1 / 2,
            )
            for n_jobs in (1, 2)
        ),
    ]
    if importlib.util.find_spec("skorch"):
        contestants.append(
            Contestant("skorch", _in_new_process(search_with_skorch), at_most=1 / 8)
        )
    else:
        print('skorch is left out: pip install ".[benchmark,peers]" brings it.')
    compare(
        "fused-grid: 8 candidates x 5 folds on digits, 128-128, batch 32, 20 epochs, and "
        "the refit, in a new process, compiling included",
        contestants,
        rounds,
    )


def _peak_flops() -> float:
    """Operations a second of a large product of float32 matrices in NumPy."""
    n, repeats = 2048, 5
    a = np.random.default_rng(0).random((n, n), dtype=np.float32)
    seconds = min(timed(lambda: a @ a, repeats)().wall for _ in range(3))
    return 2.0 * n**3 / seconds


def _grid_operations(n_samples: int) -> float:
    """Multiplications and additions of the main job's training."""
    units = (64, *SIZES, 10)
    n_weights = sum(a * b for a, b in pairwise(units))
    n_rows = N_CANDIDATES * (N_FOLDS - 1) * n_samples + n_samples
    return 6.0 * n_weights * n_rows * N_EPOCHS


def fused_warm(rounds: int) -> None:
    """The main job once its programs have been compiled."""
    X, y = load_digits(return_X_y=True)

    def fused():
        with fused_training():
            _our_search().fit(X, y)

    fused()
    contestants = [
        Contestant("skdropout, fused", timed(fused)),
        Contestant("skdropout, plain", timed(lambda: _our_search().fit(X, y))),
        *(
            Contestant(
                f"scikit-learn's MLP, n_jobs={n_jobs}",
                timed(lambda n=n_jobs: _sklearn_search(n).fit(X, y)),
                at_most=1 / 4,
            )
            for n_jobs in (1, 2)
        ),
    ]
    for contestant in contestants[1:]:
        contestant.measure()
    figures = compare(
        "fused-warm: the same, programs compiled and workers started",
        contestants,
        rounds,
    )
    peak, operations = _peak_flops(), _grid_operations(len(X))
    limit, ours = operations / peak, figures["skdropout, fused"].wall
    print(
        f"  {operations / 1e9:.0f} GFLOP at {peak / 1e9:.0f} GFLOP/s are {limit:.2f} s: "
        f"share of the arithmetic limit {limit / ours:.2f} (at least 0.35)"
    )


def fused_scores(rounds: int) -> None:
    """Whether fused and plain searches come to the same."""
    X, y = load_digits(return_X_y=True)
    plain, fused = _our_search(), _our_search()
    plain.fit(X, y)
    with fused_training():
        fused.fit(X, y)
    scores = [s.cv_results_["mean_test_score"] for s in (plain, fused)]
    rows = [
        [candidate["batch_norm"], candidate["dropout_rate"], f"{p:.4f}", f"{f:.4f}"]
        for candidate, p, f in zip(ParameterGrid(GRID), *scores, strict=True)
    ]
    print_table(
        "fused-scores: mean test score of each candidate of the main job",
        ["batch norm", "dropout rate", "plain", "fused"],
        rows,
    )
    difference = np.abs(scores[0] - scores[1]).max()
    print(
        f"  largest difference {100 * difference:.2f} percentage points (at most 0.50); "
        f"same best_params_: {plain.best_params_ == fused.best_params_}"
    )


def _small_search() -> GridSearchCV:
    mlp = our_mlp((32,), max_iter=30)
    grid = {
        "learning_rate_init": [1e-4, 1e-3, 1e-2, 1e-1],
        "dropout_rate": [0.0, 0.2, 0.5, 0.8],
        "alpha": [1e-5, 1e-4, 1e-3, 1e-2],
    }
    return GridSearchCV(make_pipeline(StandardScaler(), mlp), _prefixed(grid), cv=5)


def fused_small(rounds: int) -> None:
    """Many small fits, where what a fit costs besides training decides."""
    X, y = load_breast_cancer(return_X_y=True)

    def search(is_fused):
        with _context(is_fused):
            _small_search().fit(X, y)

    for is_fused in (False, True):
        search(is_fused)
    compare(
        "fused-small: 64 candidates x 5 folds on breast cancer, (32,), 30 epochs, and "
        "the refit, programs compiled",
        [
            Contestant("skdropout, fused", timed(lambda: search(True))),
            Contestant("skdropout, plain", timed(lambda: search(False)), at_most=1 / 5),
        ],
        rounds,
    )


def large_search(is_fused: bool) -> dict:
    """Seconds of a search over large networks, and the process's peak memory in GB."""
    load_backend()
    X, y = fashion_mnist("train", 20_000)
    mlp = our_mlp((512, 512), max_iter=3, batch_size=128)
    grid = {"dropout_rate": [0.0, 0.2, 0.5, 0.8]}
    search = GridSearchCV(mlp, grid, cv=3, refit=False)
    watch = Stopwatch()
    with _context(is_fused):
        search.fit(X, y)
    seconds = watch.seconds()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9
    return {"seconds": seconds, "peak": peak}


def fused_large(rounds: int) -> None:
    """Large networks, of which one alone nearly keeps the cores busy."""
    peaks: dict[bool, float] = {}

    def measure(is_fused):
        result = in_fresh_process(large_search, is_fused)
        peaks[is_fused] = max(peaks.get(is_fused, 0.0), result["peak"])
        return Seconds(*result["seconds"])

    compare(
        "fused-large: 4 dropout rates x 3 folds on 20,000 images of Fashion-MNIST, "
        "512-512, batch 128, 3 epochs, in a new process, compiling included",
        [
            Contestant("skdropout, fused", lambda: measure(True)),
            Contestant("skdropout, plain", lambda: measure(False), at_most=1 / 1.15),
        ],
        rounds,
    )
    print(
        f"  peak memory: fused {peaks[True]:.2f} GB (at most 2), plain {peaks[False]:.2f}"
    )


def search_of_size(n_candidates: int) -> dict:
    """Seconds of a search over as many dropout rates, compiling included."""
    load_backend()
    X, y = load_digits(return_X_y=True)
    grid = {"dropout_rate": np.linspace(0, 0.8, n_candidates).tolist()}
    search = GridSearchCV(our_pipeline(), _prefixed(grid), cv=N_FOLDS, refit=False)
    watch = Stopwatch()
    with fused_training():
        search.fit(X, y)
    return {"seconds": watch.seconds()}


def fused_growth(rounds: int) -> None:
    """Seconds by the number of candidates."""
    sizes = [2**i for i in range(8)]
    contestants = [Contestant(str(n), _in_new_process(search_of_size, n)) for n in sizes]
    medians = medians_of(measure_in_turn(contestants, rounds))
    seconds = [medians[str(n)].wall for n in sizes]
    rows = [
        [n, 5 * n, f"{s:.2f}", f"{s / n:.3f}", f"{s / seconds[0]:.1f}"]
        for n, s in zip(sizes, seconds, strict=True)
    ]
    print_table(
        "fused-growth: dropout rates x 5 folds on digits, 128-128, batch 32, 20 epochs, "
        "in a new process, compiling included",
        ["candidates", "fits", "median s", "s a candidate", "times that of one"],
        rows,
    )
    ratio = seconds[sizes.index(64)] / seconds[0]
    print(f"  64 candidates take {ratio:.1f} times the time of one (at most 30)")
    _draw_growth(sizes, seconds)
    print(f"  picture: {GROWTH_PICTURE.resolve()}")


def _draw_growth(sizes: list[int], seconds: list[float]) -> None:
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(layout="constrained")
    axes.loglog(sizes, seconds, "o-", base=2, label="measured")
    axes.loglog(sizes, [n * seconds[0] for n in sizes], "--", base=2, label="one by one")
    axes.set_xticks(sizes, map(str, sizes))
    ticks = [2.0**i for i in range(0, 10)]
    axes.set_yticks(ticks, [f"{t:g}" for t in ticks])
    axes.minorticks_off()
    axes.set_xlabel("candidates (five fits each)")
    axes.set_ylabel("seconds, compiling included")
    axes.set_title("A fused search by its number of candidates")
    axes.legend()
    figure.savefig(GROWTH_PICTURE, dpi=120)
    plt.close(figure)

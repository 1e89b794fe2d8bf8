"""Measure this package beside its peers: ``python benchmarks/run.py [NAME | all]``."""

import argparse
import importlib
import os
from typing import NamedTuple

from measure import print_versions, silence_warnings

# Read by OpenBLAS, OpenMP and TensorFlow when they are loaded, here and in new processes.
_THREAD_VARIABLES = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "TF_NUM_INTRAOP_THREADS",
)


class Benchmark(NamedTuple):
    """A function ``module.function(rounds)`` that prints what it measures."""

    module: str
    function: str
    rounds: int
    summary: str


BENCHMARKS = {
    "fit-digits": Benchmark(
        "fitting", "fit_digits", 5, "one fit of a small network, programs compiled"
    ),
    "fit-default": Benchmark(
        "fitting", "fit_default", 5, "one fit with everything by default"
    ),
    "fit-fashion": Benchmark(
        "fitting", "fit_fashion", 5, "one fit of a larger network, programs compiled"
    ),
    "grid": Benchmark(
        "grid", "grid", 3, "GridSearchCV over dropout and batch norm, new process"
    ),
    "fused-grid": Benchmark(
        "fused", "fused_grid", 3, "the same fused, beside its peers, new process (slow)"
    ),
    "fused-warm": Benchmark(
        "fused", "fused_warm", 3, "the same fused, programs compiled"
    ),
    "fused-scores": Benchmark("fused", "fused_scores", 1, "the same, fused and plain"),
    "fused-small": Benchmark("fused", "fused_small", 3, "320 small fits, fused or not"),
    "fused-large": Benchmark(
        "fused", "fused_large", 3, "12 large fits, fused and plain, and the memory"
    ),
    "fused-layers": Benchmark(
        "layers", "fused_layers", 3, "sweeps over layers and features, new process (slow)"
    ),
    "fused-growth": Benchmark(
        "fused", "fused_growth", 3, "seconds by the number of candidates (slow)"
    ),
    "progress": Benchmark(
        "watching", "progress", 7, "a fused sweep with a bar in a terminal, and without"
    ),
    "killed": Benchmark(
        "killing", "killed", 1, "a sweep that is killed 30 times, with a cache (slow)"
    ),
    "cluster": Benchmark(
        "cluster", "cluster", 3, "a search on two workers of dask's, and in one process"
    ),
    "optuna": Benchmark(
        "search_tools", "optuna_search", 3, "64 trials by Optuna, joined and alone (slow)"
    ),
    "others": Benchmark(
        "search_tools", "others", 5, "searches over other estimators in the context"
    ),
    "predict": Benchmark(
        "predicting", "predict", 5, "predict_proba of one row and of 10,000 rows"
    ),
    "predict-busy": Benchmark(
        "predicting", "predict_busy", 5, "1 to 60,000 rows, quiet and beside a busy core"
    ),
    "monte-carlo": Benchmark(
        "predicting", "monte_carlo", 5, "100 draws with dropout on, 10,000 rows"
    ),
    "unpickle": Benchmark(
        "pickling", "unpickle", 9, "load a pickle and predict one row, new process"
    ),
    "serving": Benchmark(
        "serving", "serving", 5, "load, size and predictions of each way to save one"
    ),
    "memory": Benchmark("memory", "memory", 3, "memory kept per fit, new process"),
    "shapes": Benchmark(
        "memory", "shapes", 1, "memory of a process that fits 2,000 shapes (slow)"
    ),
    "pickle-size": Benchmark(
        "pickling", "pickle_size", 1, "size of a pickle beside its arrays"
    ),
    "quality": Benchmark(
        "quality", "quality", 2, "errors and times on 23 data sets, by default (slow)"
    ),
    "quality-same": Benchmark(
        "quality", "quality_same", 2, "R2 where both are given the same arguments"
    ),
    "quality-ablation": Benchmark(
        "quality", "quality_ablation", 1, "what each hyperparameter is worth (slow)"
    ),
    "quality-tuned": Benchmark(
        "quality", "quality_tuned", 2, "the same after searches of 60 candidates (slow)"
    ),
    "quality-report": Benchmark(
        "quality_report", "quality_report", 1, "tables and a picture of these three"
    ),
    "coverage": Benchmark(
        "coverage", "coverage", 2, "how often intervals hold, and what is certain (slow)"
    ),
    "accuracy": Benchmark(
        "accuracy", "accuracy", 1, "cross-validated accuracy beside plain Keras (slow)"
    ),
}


def main() -> None:
    """Run one benchmark or all, or list them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name", nargs="?", choices=[*BENCHMARKS, "all"])
    parser.add_argument("--rounds", type=int, help="measurements of each contestant")
    parser.add_argument(
        "--threads",
        type=int,
        help="threads of everybody's arithmetic (default: as they are installed)",
    )
    arguments = parser.parse_args()
    for option in ("rounds", "threads"):
        value = getattr(arguments, option)
        if value is not None and value < 1:
            parser.error(f"--{option} must be at least 1")
    if arguments.name is None:
        width = max(map(len, BENCHMARKS))
        for name, benchmark in BENCHMARKS.items():
            print(f"{name:{width}} {benchmark.summary}; rounds: {benchmark.rounds}")
        print(f"{'all':{width}} all of these, one after the other")
        return
    if arguments.threads is not None:
        os.environ.update(dict.fromkeys(_THREAD_VARIABLES, str(arguments.threads)))
    silence_warnings()
    print_versions(arguments.threads)
    for name, benchmark in BENCHMARKS.items():
        if arguments.name in (name, "all"):
            function = getattr(
                importlib.import_module(benchmark.module), benchmark.function
            )
            function(arguments.rounds or benchmark.rounds)


if __name__ == "__main__":
    main()

"""A grid search over dropout rates and batch normalisation, in a new process."""

from sklearn.datasets import load_digits
from sklearn.model_selection import GridSearchCV, StratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from measure import (
    Contestant,
    Seconds,
    Stopwatch,
    compare,
    in_fresh_process,
    load_backend,
)
from ours import our_mlp
from peers import scikeras_classifier

GRID = {"dropout_rate": [0.0, 0.2, 0.5, 0.8], "batch_norm": [False, True]}
SIZES, N_EPOCHS, BATCH_SIZE, N_FOLDS = (128, 128), 20, 32, 5


def our_pipeline(random_state: int = 0):
    """The pipeline whose last step the grid is over."""
    mlp = our_mlp(
        SIZES, max_iter=N_EPOCHS, batch_size=BATCH_SIZE, random_state=random_state
    )
    return make_pipeline(StandardScaler(), mlp)


def search_with_ours() -> dict:
    """Seconds of the whole search and its scores."""
    load_backend()
    X, y = load_digits(return_X_y=True)
    grid = {f"dropoutmlpclassifier__{name}": values for name, values in GRID.items()}
    search = GridSearchCV(our_pipeline(), grid, cv=N_FOLDS, n_jobs=1)
    watch = Stopwatch()
    search.fit(X, y)
    seconds = watch.seconds()
    return {
        "seconds": seconds,
        "mean": float(search.cv_results_["mean_test_score"].mean()),
        "best": float(search.best_score_),
        "best_params": {k.split("__")[1]: v for k, v in search.best_params_.items()},
    }


def search_with_scikeras() -> dict:
    """Seconds of the same search by scikeras, and its mean score."""
    X, y = load_digits(return_X_y=True)
    fit = {"hidden_layer_sizes": SIZES, "max_iter": N_EPOCHS, "batch_size": BATCH_SIZE}
    warm_up = scikeras_classifier(SIZES, dropout_rate=0.2, max_iter=1, batch_size=200)
    warm_up.fit(X, y).predict(X)
    pipe = make_pipeline(StandardScaler(), scikeras_classifier(**fit, dropout_rate=0.0))
    grid = {f"kerasclassifier__{name}": values for name, values in GRID.items()}
    # The folds by name: scikit-learn does not take scikeras's for a classifier.
    search = GridSearchCV(pipe, grid, cv=StratifiedKFold(N_FOLDS))
    watch = Stopwatch()
    search.fit(X, y)
    seconds = watch.seconds()
    mean = float(search.cv_results_["mean_test_score"].mean())
    return {"seconds": seconds, "mean": mean}


def grid(rounds: int) -> None:
    """Compare the searches."""
    results: dict[str, dict] = {}

    def seconds_of(search) -> Seconds:
        results[search.__name__] = result = in_fresh_process(search)
        return Seconds(*result["seconds"])

    compare(
        "grid: 8 candidates x 5 folds on digits, 128-128, batch 32, 20 epochs, and the "
        "refit, X float64, compiling included",
        [
            Contestant("skdropout", lambda: seconds_of(search_with_ours)),
            Contestant(
                "scikeras",
                lambda: seconds_of(search_with_scikeras),
                at_most=0.10,
            ),
        ],
        rounds,
    )
    ours, peer = results["search_with_ours"], results["search_with_scikeras"]
    print(
        f"  accuracy, mean of the candidates: skdropout {ours['mean']:.4f}, scikeras "
        f"{peer['mean']:.4f}\n"
        f"  accuracy, best candidate of skdropout over all folds: {ours['best']:.4f} "
        f"with {ours['best_params']}"
    )

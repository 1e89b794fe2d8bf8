"""Cross-validated accuracy beside plain Keras."""

import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import ParameterGrid, StratifiedKFold
from sklearn.preprocessing import StandardScaler

from grid import BATCH_SIZE, GRID, N_EPOCHS, N_FOLDS, SIZES, our_pipeline
from measure import print_table
from peers import keras_model


def accuracy(rounds: int) -> None:
    """Each candidate of the grid on the same folds; the rounds are seeds."""
    X, y = load_digits(return_X_y=True)
    folds = list(StratifiedKFold(N_FOLDS).split(X, y))
    rows, all_ours, all_keras = [], [], []
    for candidate in ParameterGrid(GRID):
        seeds = range(rounds)
        ours = np.mean([_our_scores(X, y, folds, candidate, s) for s in seeds], axis=0)
        plain = np.mean([_keras_scores(X, y, folds, candidate, s) for s in seeds], axis=0)
        all_ours.append(ours)
        all_keras.append(plain)
        name = ", ".join(f"{key}={value}" for key, value in candidate.items())
        rows.append([name, *_summary(ours, plain)])
    means = np.mean(all_ours, axis=0), np.mean(all_keras, axis=0)
    rows.append(["mean of all", *_summary(*means)])
    print_table(
        f"accuracy: digits, {N_FOLDS} folds, 128-128, adam, batch {BATCH_SIZE}, "
        f"{N_EPOCHS} epochs, seeds: {rounds}, X float64",
        ["", "skdropout", "Keras", "difference", "its std. error", "no worse"],
        rows,
    )


def _seed_of(seed: int, fold: int) -> int:
    """Another one for each fold, so that the spread over folds has that over seeds."""
    return N_FOLDS * seed + fold


def _our_scores(X, y, folds, candidate: dict, seed: int) -> list[float]:
    scores = []
    for i, (train, test) in enumerate(folds):
        pipe = our_pipeline(random_state=_seed_of(seed, i))
        pipe[-1].set_params(**candidate)
        scores.append(pipe.fit(X[train], y[train]).score(X[test], y[test]))
    return scores


def _keras_scores(X, y, folds, candidate: dict, seed: int) -> list[float]:
    from skdropout._backend import keras

    scores = []
    for i, (train, test) in enumerate(folds):
        keras.utils.set_random_seed(_seed_of(seed, i))
        scaler = StandardScaler().fit(X[train])
        model = keras_model(
            X.shape[1], SIZES, alpha=1e-4, batch_size=BATCH_SIZE, **candidate
        )
        model.fit(
            scaler.transform(X[train]),
            y[train],
            batch_size=BATCH_SIZE,
            epochs=N_EPOCHS,
            verbose=0,
        )
        predicted = model.predict(scaler.transform(X[test]), verbose=0).argmax(axis=1)
        scores.append(float(np.mean(predicted == y[test])))
    return scores


def _summary(ours: np.ndarray, plain: np.ndarray) -> list[str]:
    """Means over the folds, and their difference with its standard error."""
    difference = ours - plain
    error = difference.std(ddof=1) / np.sqrt(len(difference))
    figures = [ours.mean(), plain.mean(), difference.mean(), error]
    verdict = "yes" if difference.mean() >= -error else "no"
    return [*(f"{value:.4f}" for value in figures), verdict]

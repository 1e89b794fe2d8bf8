"""How often intervals hold the target, and whether what seems certain is right."""

import importlib.util
import sys
from typing import NamedTuple

import numpy as np
from joblib import Parallel, delayed
from scipy.stats import norm
from sklearn.metrics import log_loss
from sklearn.model_selection import KFold, cross_val_predict
from sklearn.pipeline import make_pipeline

from measure import print_table
from quality_data import DATA_SETS, TableData, scaled_columns
from quality_models import network
from skdropout import fused_training
from skdropout.uncertainty import mutual_information, predictive_entropy

_REGRESSION = ("concrete", "diabetes")
_CLASSIFICATION = ("digits", "red-wine-classes")
_LEVEL = 0.9
_DEFAULT_RATE = 0.3
# Rows may lie in some order.
_FOLDS = KFold(5, shuffle=True, random_state=0)
# Standard deviations on either side that hold this share of a normal distribution.
_REACH = norm.ppf((1 + _LEVEL) / 2)


class _OfIntervals(NamedTuple):
    """Shares of targets that are held, and the mean width in deviations of the target."""

    held: float
    held_where_spread_is_great: float
    width: float


class _OfProbabilities(NamedTuple):
    accuracy: float
    accuracy_of_certain_half: float
    log_loss: float
    confidence: float


def coverage(rounds: int) -> None:
    """Both halves, by repeated five-fold cross-validation; the rounds are repeats."""
    if importlib.util.find_spec("mapie") is None:
        sys.exit('This needs MAPIE: pip install ".[benchmark,search]"')
    for name in _REGRESSION:
        print_table(
            f"coverage, {name}: intervals of nominal {_LEVEL:.0%}, {rounds} x 5 folds",
            ["", "held", "in the quarter of greatest spread", "width / std of y"],
            _rows(DATA_SETS[name](), _intervals, rounds),
        )
    for name in _CLASSIFICATION:
        print_table(
            f"coverage, {name}: what is certain, {rounds} x 5 folds",
            ["", "accuracy", "of the most certain half", "log loss", "mean confidence"],
            _rows(DATA_SETS[name](), _probabilities, rounds),
        )


def _rows(data: TableData, measure, rounds: int) -> list[list[str]]:
    """For each method the means over the folds, with their standard errors."""
    tasks = [delayed(measure)(data, *fold) for fold in data.splits(rounds)]
    with fused_training():
        results = Parallel()(tasks)
    rows = []
    for method in results[0]:
        figures = np.array([result[method] for result in results])
        errors = figures.std(axis=0, ddof=1) / np.sqrt(len(figures))
        cells = zip(figures.mean(axis=0), errors, strict=True)
        rows.append([method, *(f"{mean:.3f} ± {error:.3f}" for mean, error in cells)])
    return rows


def _model(is_regression: bool, **params):
    return make_pipeline(scaled_columns(), network(is_regression, **params))


def _intervals(data: TableData, train, test) -> dict[str, _OfIntervals]:
    X, y = data.X.iloc[train], data.y[train]
    X_test, y_test = data.X.iloc[test], data.y[test]
    methods = {}
    for rate in (0.1, 0.5, _DEFAULT_RATE):  # what follows is about the last
        pipe = _model(True, dropout_rate=rate).fit(X, y)
        mean, spread = pipe.predict(X_test, return_std=True, random_state=0)
        methods[f"draws alone, dropout_rate={rate}"] = mean, _REACH * spread
    of_training = pipe.predict(X, return_std=True, random_state=0)[1]
    residuals = y - cross_val_predict(pipe, X, y, cv=_FOLDS)
    variance = np.mean(residuals**2)
    methods["residuals alone"] = mean, _REACH * np.sqrt(variance)
    noise = max(variance - np.mean(of_training**2), 0)
    methods["draws and noise"] = mean, _REACH * np.sqrt(spread**2 + noise)
    intervals = {name: (mid - half, mid + half) for name, (mid, half) in methods.items()}
    intervals |= _conformal(pipe, X, y, X_test)
    is_uncertain = spread >= np.quantile(spread, 0.75)
    results = {}
    for name, (low, high) in intervals.items():
        is_held = (low <= y_test) & (y_test <= high)
        width = np.mean(high - low) / y.std()
        results[name] = _OfIntervals(is_held.mean(), is_held[is_uncertain].mean(), width)
    return results


def _conformal(pipe, X, y, X_test) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    from mapie.conformity_scores import AbsoluteConformityScore, StdConformityScore
    from mapie.regression import CrossConformalRegressor

    intervals = {}
    for name, score in {
        "conformal, by residuals": AbsoluteConformityScore(),
        "conformal, by residuals / spread": StdConformityScore(),
    }.items():
        mapie = CrossConformalRegressor(
            pipe, confidence_level=_LEVEL, conformity_score=score, cv=_FOLDS
        )
        found = mapie.fit_conformalize(X, y).predict_interval(X_test)[1]
        intervals[name] = found[:, 0, 0], found[:, 1, 0]
    return intervals


def _probabilities(data: TableData, train, test) -> dict[str, _OfProbabilities]:
    X_test, y_test = data.X.iloc[test], data.y[test]
    pipe = _model(False).fit(data.X.iloc[train], data.y[train])
    plain = pipe.predict_proba(X_test)
    draws = pipe[-1].mc_predict_proba(pipe[:-1].transform(X_test), random_state=0)
    mean = draws.mean(axis=0)
    methods = {
        "predict_proba": (plain, predictive_entropy(plain[np.newaxis])),
        "mean of draws": (mean, predictive_entropy(draws)),
        "mean of draws, by mutual information": (mean, mutual_information(draws)),
    }
    results = {}
    for name, (p, uncertainty) in methods.items():
        is_right = pipe.classes_[p.argmax(axis=1)] == y_test
        certain = np.argsort(uncertainty, kind="stable")[: len(p) // 2]
        results[name] = _OfProbabilities(
            is_right.mean(),
            is_right[certain].mean(),
            log_loss(y_test, p, labels=pipe.classes_),
            p.max(axis=1).mean(),
        )
    return results

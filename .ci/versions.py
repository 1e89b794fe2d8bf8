"""Pickles that one set of versions dumps and another loads.

``python .ci/versions.py dump FOLDER`` fits estimators and writes them with what they
predict and the loss of the next epoch; ``load`` compares.
"""

import pickle
import sys
import warnings
from importlib.metadata import version
from pathlib import Path

import numpy as np
from sklearn.datasets import load_iris
from sklearn.exceptions import ConvergenceWarning, InconsistentVersionWarning
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skdropout import DropoutMLPClassifier, DropoutMLPRegressor
from skdropout._backend import keras

PARAMETERS = {
    "default": dict,
    "batch norm": lambda: {"batch_norm": True, "input_batch_norm": True},
    "optimizer": lambda: {"optimizer": keras.optimizers.AdamW(0.01, clipnorm=1.0)},
    "schedule": lambda: {
        "optimizer": keras.optimizers.SGD(
            keras.optimizers.schedules.ExponentialDecay(0.1, 10, 0.9)
        )
    },
    "class of optimizers": lambda: {"optimizer": keras.optimizers.Nadam},
    "by Keras's fit": lambda: {"optimizer": keras.optimizers.Lamb(0.01)},
    "initializer": lambda: {"initializer": keras.initializers.HeNormal(seed=1)},
    "activation": lambda: {"activation": keras.activations.gelu},
    "warm start": lambda: {"warm_start": True, "early_stopping": True},
}


def models(X, y):
    """Fitted estimators by name."""
    for kind in (DropoutMLPClassifier, DropoutMLPRegressor):
        for name, params in PARAMETERS.items():
            mlp = kind((8,), max_iter=3, random_state=0, **params())
            yield f"{kind.__name__}, {name}", mlp.fit(X, y)
    mlp = DropoutMLPClassifier((8,), max_iter=3, random_state=0)
    grid = {"dropoutmlpclassifier__alpha": [0.0, 0.1]}
    search = GridSearchCV(make_pipeline(StandardScaler(), mlp), grid, cv=2)
    yield "GridSearchCV of a pipeline", search.fit(X, y)


def predictions(model, X):
    return (model.predict_proba if hasattr(model, "predict_proba") else model.predict)(X)


def next_loss(model, X, y):
    """Of one more fit's first epoch, by the parameters that were saved."""
    mlp = model.best_estimator_[-1] if hasattr(model, "best_estimator_") else model
    n_before = len(mlp.loss_curve_) if mlp.warm_start else 0
    return mlp.fit(X, y).loss_curve_[n_before]


def dump(folder: Path) -> None:
    X, y = load_iris(return_X_y=True)
    for i, (name, model) in enumerate(models(X, y)):
        record = name, pickle.dumps(model), predictions(model, X), next_loss(model, X, y)
        (folder / f"{i:02}.pickle").write_bytes(pickle.dumps(record))
    print(f"dumped {i + 1} models by {_versions()}")


def load(folder: Path) -> None:
    X, y = load_iris(return_X_y=True)
    paths = sorted(folder.glob("*.pickle"))
    for path in paths:
        name, pickled, expected, loss = pickle.loads(path.read_bytes())
        model = pickle.loads(pickled)
        np.testing.assert_array_equal(predictions(model, X), expected, err_msg=name)
        # Training rounds otherwise in another version of XLA.
        np.testing.assert_allclose(next_loss(model, X, y), loss, rtol=1e-3, err_msg=name)
    print(f"loaded {len(paths)} models by {_versions()}")


def _versions() -> str:
    names = ("scikit-learn", "keras", "tensorflow", "numpy")
    return ", ".join(f"{name} {version(name)}" for name in names)


if __name__ == "__main__":
    warnings.simplefilter("ignore", ConvergenceWarning)
    warnings.simplefilter("ignore", InconsistentVersionWarning)
    {"dump": dump, "load": load}[sys.argv[1]](Path(sys.argv[2]))

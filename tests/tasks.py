"""Tasks for the trainer, as the estimators make them."""

import numpy as np
from keras import optimizers

from skdropout._hyperparameters import PROGRAM_INPUTS
from skdropout.network.architecture import Architecture
from skdropout.training.optimizers import OptimizerRecipe
from skdropout.training.task import OptimizerState, Progress, Rows, Settings, Task

OPTIMIZERS = {
    "Adadelta": optimizers.Adadelta(0.5),
    "Adagrad": optimizers.Adagrad(0.05),
    "Adam": optimizers.Adam(0.01),
    "AdamW": optimizers.AdamW(0.01, weight_decay=0.1, amsgrad=True),
    "Adamax": optimizers.Adamax(0.01),
    "Ftrl": optimizers.Ftrl(0.05, l2_shrinkage_regularization_strength=0.01),
    "Lion": optimizers.Lion(0.003),
    "Nadam": optimizers.Nadam(0.01),
    "RMSprop": optimizers.RMSprop(0.003, momentum=0.5, centered=True),
    "SGD": optimizers.SGD(0.05, momentum=0.9, nesterov=True),
}


def rows_of(n_rows, n_features=5, seed=0):
    """Rows of three classes, with weights."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n_rows, n_features)).astype(np.float32)
    y = X[:, :3].argmax(axis=1)[:, None].astype(np.float32)
    return Rows(X, y, rng.uniform(0.5, 2, n_rows).astype(np.float32))


def task_of(
    layer_units,
    optimizer="Adam",
    place=None,
    activation="relu",
    n_rows=50,
    seed=0,
    hyperparameters=None,
    **changes,
):
    """A task with all that a program takes as an input, and `changes` of its settings.

    The optimizer is one of Keras's, or a name in `OPTIMIZERS`; the seed is that of the
    weights.
    """
    # The gradient of a bias before batch normalisation is zero but for rounding.
    use_bias = place != "before_activation"
    architecture = Architecture(
        layer_units, activation, "softmax", use_bias, place, place is not None
    )
    optimizer = OPTIMIZERS.get(optimizer, optimizer)
    made = OptimizerRecipe(type(optimizer), optimizer.get_config())
    rng = np.random.default_rng([seed, *layer_units])
    weights = [
        np.full(spec.shape, float(spec.role in ("gamma", "moving_variance")), np.float32)
        + (spec.role == "kernel") * rng.normal(0, 0.3, spec.shape).astype(np.float32)
        for spec in architecture.weight_specs
    ]
    settings = {
        "hyperparameters": {
            **{row.name: 0.0 for row in PROGRAM_INPUTS},
            "dropout_rate": [0.2] * (len(layer_units) - 2),
            "input_dropout_rate": 0.1,
            "alpha": 0.01,
            "weight_decay": 0.01,
            "label_smoothing": 0.1,
            **made.hyperparameters,
            "clipnorm": 0.5,
            **(hyperparameters or {}),
        },
        "loss": "categorical",
        "batch_size": 16,
        "max_iter": 6,
        "shuffle": True,
        "tol": 0.0,
        "n_iter_no_change": np.inf,
        "early_stopping": False,
        "learning_rate": "constant",
        "power_t": 0.5,
        "verbose": False,
        "device": "/CPU:0",
        "by_xla": False,
        **changes,
    }
    return Task(
        architecture,
        made,
        Settings(**settings),
        Progress(7),
        weights,
        OptimizerState("", []),
        rows_of(n_rows, layer_units[0]),
    )

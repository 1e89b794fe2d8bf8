"""Stacks of several networks against each network by itself."""

import keras
import numpy as np
import pytest

from skdropout.training.task import Progress
from skdropout.training.trainer import train
from tasks import rows_of, task_of

RATES, LEARNING_RATES, ALPHAS = (0.0, 0.3, 0.8), (0.01, 0.003, 0.03), (0.0, 0.1, 1.0)


def task(network, rows, seed, optimizer, batch_norm=None, validation=None, **changes):
    made = task_of(
        (5, 12, 8, 3),
        optimizer(LEARNING_RATES[network]),
        batch_norm,
        seed=network,
        hyperparameters={
            "dropout_rate": [RATES[network], RATES[-1 - network]],
            "alpha": ALPHAS[network],
        },
        early_stopping=validation is not None,
        **{"by_xla": True, "max_iter": 4, **changes},
    )
    made.progress = Progress(seed)
    made.rows, made.validation = rows, validation
    return made


OPTIMIZERS = {
    "sgd": lambda rate: keras.optimizers.SGD(rate, momentum=20 * rate, nesterov=True),
    "adam": keras.optimizers.Adam,
    "nadam": keras.optimizers.Nadam,
}


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("batch_norm", [None, "after_activation"])
@pytest.mark.parametrize("sharing", ["rows and seed", "rows", "seed"])
def test_stack_equals_each_alone(optimizer, batch_norm, sharing):
    shared = rows_of(90)
    # Folds of unequal length, with the same number of steps.
    folds = [rows_of(90 - i, seed=i) for i in range(3)]

    def tasks():
        return [
            task(
                i,
                folds[i] if sharing == "seed" else shared,
                i if sharing == "rows" else 7,
                OPTIMIZERS[optimizer],
                batch_norm,
                validation=folds[-1 - i],
                max_iter=4 + i,
            )
            for i in range(3)
        ]

    together = train(tasks())
    for one, alone in zip(together, tasks(), strict=True):
        (expected,) = train([alone])
        assert one.n_iter == expected.n_iter
        np.testing.assert_allclose(
            one.progress.loss_curve, expected.progress.loss_curve, rtol=1e-4
        )
        np.testing.assert_allclose(
            one.progress.history["val_loss"],
            expected.progress.history["val_loss"],
            rtol=1e-4,
        )
        for a, b in zip(one.weights, expected.weights, strict=True):
            np.testing.assert_allclose(a, b, rtol=2e-3, atol=2e-5)


def test_one_diverging_network_leaves_the_others_alone():
    adam = OPTIMIZERS["adam"]
    tasks = [task(i, rows_of(90), 7, adam) for i in range(3)]
    tasks[1].weights[0][:] = np.nan
    results = train(tasks)
    assert isinstance(results[1], ValueError)
    (alone,) = train([task(2, rows_of(90), 7, adam)])
    np.testing.assert_allclose(results[2].weights[0], alone.weights[0], atol=1e-5)

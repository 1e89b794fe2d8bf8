"""scikit-learn's own checks, in several configurations of both estimators."""

import pytest
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils.estimator_checks import parametrize_with_checks

from skdropout import DropoutMLPClassifier, DropoutMLPRegressor

# Few epochs, as scikit-learn runs its own MLP; the networks must learn something, though.
CONFIGURATIONS = [
    {},
    {
        "early_stopping": True,
        "scoring": None,
        "learning_rate": "constant",
        "validation_fraction": 0.2,
        "learning_rate_init": 0.05,
        "batch_size": 10,
    },
]
MORE_CONFIGURATIONS = [
    {
        "dropout_rate": 0.0,
        "batch_size": "auto",
        "learning_rate": "constant",
        "learning_rate_init": 0.001,
    },
    {"batch_norm": "after_dropout", "input_batch_norm": True, "batch_size": 20},
    # Each like one of the others, but for one thing.
    {"batch_norm": "before_activation", "dropout_rate": 0.1, "batch_size": 20},
    {"batch_norm": "after_activation", "dropout_rate": 0.1, "batch_size": 20},
    {"optimizer": "sgd", "learning_rate_init": 0.01, "dropout_rate": 0.0},
]


def estimators(configurations):
    return [
        kind((100,), max_iter=100, **configuration)
        for configuration in configurations
        for kind in (DropoutMLPClassifier, DropoutMLPRegressor)
    ]


WEIGHTS_REASON = (
    "asks for 1e-7 equality of a network fitted with sample weights and of one fitted "
    "with repeated rows: mini-batch training in float32 rounds differently, and dropout "
    "drops other units; test_weights.py tests that it holds closely"
)
EXPECTED_FAILURES = {
    "check_sample_weight_equivalence_on_dense_data": WEIGHTS_REASON,
    "check_sample_weight_equivalence_on_sparse_data": WEIGHTS_REASON,
}


def checks_of(configurations):
    return parametrize_with_checks(
        estimators(configurations), expected_failed_checks=lambda _: EXPECTED_FAILURES
    )


pytestmark = [
    pytest.mark.filterwarnings(
        f"ignore::{ConvergenceWarning.__module__}.ConvergenceWarning"
    ),
    pytest.mark.filterwarnings("ignore:.*batch_size:UserWarning"),
]


@checks_of(CONFIGURATIONS)
def test_estimator(estimator, check):
    check(estimator)


@pytest.mark.slow
@checks_of(MORE_CONFIGURATIONS)
def test_more_configurations(estimator, check):
    check(estimator)

"""Data that are no numbers, or no weights, are refused by name."""

import numpy as np
import pandas as pd
import pytest

from skdropout import DropoutMLPClassifier, DropoutMLPRegressor

pytestmark = pytest.mark.filterwarnings("ignore:Stochastic Optimizer")

ROWS = np.arange(12.0).reshape(6, 2)
TARGETS = {
    "text": np.array(list("abcdef")),
    "numbers as text": ["1", "2"] * 3,
    "objects": np.array([1, "a", *range(4)], object),
    "series of text": pd.Series(list("abcdef")),
    "missing": np.array([1.0, None, *range(4)], object),
    "complex": np.arange(6) * 1j,
    "dates": np.arange(6).astype("M8[D]"),
}


@pytest.mark.parametrize("kind", TARGETS)
def test_targets_that_are_no_numbers(kind):
    est = DropoutMLPRegressor((4,), max_iter=2)
    with pytest.raises(ValueError, match=r"\by\b|Complex data"):
        est.fit(ROWS, TARGETS[kind])
    with pytest.raises(ValueError, match=r"\by_val\b|Complex data"):
        est.fit(ROWS, ROWS[:, 0], X_val=ROWS, y_val=TARGETS[kind])


def test_targets_among_objects():
    ours, plain = (DropoutMLPRegressor((4,), max_iter=2, random_state=0) for _ in "ab")
    y = [1, 2.5, np.float32(3), np.int8(4), True, 0]
    ours.fit(ROWS, np.array(y, object))
    np.testing.assert_array_equal(
        ours.predict(ROWS), plain.fit(ROWS, np.array(y, float)).predict(ROWS)
    )


@pytest.mark.parametrize("labels", [[1, "a"] * 3, [None] * 6, ["a", None] * 3])
def test_labels_of_several_types(labels):
    y = np.array(labels, object)
    with pytest.raises(ValueError, match=r"y must hold class labels.*(int|NoneType)"):
        DropoutMLPClassifier().fit(ROWS, y)


@pytest.mark.parametrize(
    "weight", [["a"] * 6, np.ones((6, 2)), np.ones(5), np.zeros(6), [1j] * 6]
)
@pytest.mark.parametrize("kind", [DropoutMLPClassifier, DropoutMLPRegressor])
def test_weights(kind, weight):
    with pytest.raises(ValueError, match=r"sample_weight|Complex data"):
        kind().fit(ROWS, [0, 1] * 3, sample_weight=weight)


@pytest.mark.parametrize("kind", [DropoutMLPClassifier, DropoutMLPRegressor])
def test_rows_of_text_are_predicted_as_they_are_fitted(kind):
    est = kind((4,), max_iter=2).fit(ROWS.astype(str), [0, 1] * 3)
    np.testing.assert_array_equal(est.predict(ROWS.astype(str)), est.predict(ROWS))

"""The learning rate of ``partial_fit``, to which rows may come without end."""

import pytest

from helpers import BatchHook
from skdropout import DropoutMLPClassifier

RATE = 0.01


@pytest.fixture(params=[None, BatchHook()], ids=["stacked", "keras"])
def estimator(request):
    """Whose adaptive rate is divided each second epoch in `fit`."""
    return DropoutMLPClassifier(
        (4,),
        learning_rate="adaptive",
        learning_rate_init=RATE,
        tol=10.0,
        n_iter_no_change=1,
        max_iter=5,
        callbacks=request.param,
        random_state=0,
    )


def test_an_adaptive_rate_is_constant(iris, estimator):
    for _ in range(5):
        estimator.partial_fit(*iris, classes=[0, 1, 2])
    assert estimator.history_["learning_rate"] == pytest.approx([RATE] * 5)


@pytest.mark.filterwarnings("ignore:Stochastic Optimizer")
def test_it_does_not_go_on_at_the_last_rate_of_a_fit(iris, estimator):
    estimator.fit(*iris)
    assert estimator.history_["learning_rate"][-1] < RATE / 4
    estimator.partial_fit(*iris)
    assert estimator.history_["learning_rate"][-1] == pytest.approx(RATE)

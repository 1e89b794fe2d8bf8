"""Subclasses with fewer, more or other constructor parameters."""

import copy
import pickle

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV

from helpers import assert_same_network
from skdropout import DropoutMLPClassifier, DropoutMLPRegressor, fused_training

pytestmark = pytest.mark.filterwarnings("ignore:Stochastic Optimizer")


class SmallClassifier(DropoutMLPClassifier):
    """Fewer parameters."""

    def __init__(self, dropout_rate=0.2, random_state=None):
        super().__init__(
            (8,), "tanh", dropout_rate=dropout_rate, max_iter=5, random_state=random_state
        )


class SmallRegressor(DropoutMLPRegressor):
    def __init__(self, dropout_rate=0.2, random_state=None):
        super().__init__(
            (8,),
            "tanh",
            loss="huber",
            dropout_rate=dropout_rate,
            max_iter=5,
            random_state=random_state,
        )


class ScalingClassifier(DropoutMLPClassifier):
    """A parameter more, with no constraint, beside those of the parent."""

    def __init__(self, factor=1.0, **params):
        super().__init__(**params)
        self.factor = factor

    @classmethod
    def _get_param_names(cls):
        return sorted([*DropoutMLPClassifier._get_param_names(), "factor"])

    def fit(self, X, y, **others):
        return super().fit(X * self.factor, y, **others)


class RenamingClassifier(DropoutMLPClassifier):
    """Other parameters, of which one has the name of something of Keras's ``fit``."""

    def __init__(self, steps_per_epoch=5, initial_epoch=0, random_state=None):
        super().__init__((8,), "tanh", max_iter=5, random_state=random_state)
        self.steps_per_epoch = steps_per_epoch
        self.initial_epoch = initial_epoch


PARENTS = {
    SmallClassifier: DropoutMLPClassifier((8,), "tanh", dropout_rate=0.2, max_iter=5),
    SmallRegressor: DropoutMLPRegressor(
        (8,), "tanh", loss="huber", dropout_rate=0.2, max_iter=5
    ),
    ScalingClassifier: DropoutMLPClassifier(),
    RenamingClassifier: DropoutMLPClassifier((8,), "tanh", max_iter=5),
}


@pytest.mark.parametrize("kind", PARENTS)
def test_fits_as_its_parent(iris, kind):
    X, y = iris
    parent = PARENTS[kind]
    if kind is ScalingClassifier:
        X, parent = X * 3, parent.set_params(max_iter=5)
        child = kind(factor=3.0, max_iter=5, random_state=0).fit(iris[0], y)
    else:
        child = kind(random_state=0).fit(X, y)
    parent = clone(parent).set_params(random_state=0).fit(X, y)
    assert_same_network(child, parent)
    for twin in (pickle.loads(pickle.dumps(child)), copy.deepcopy(child)):
        assert type(twin) is kind
        assert twin.get_params() == child.get_params()
        np.testing.assert_array_equal(twin.predict(X), parent.predict(X))
    assert clone(child).get_params() == child.get_params()
    assert_same_network(clone(child).fit(iris[0], y), parent)
    child.set_params(random_state=1).fit(iris[0], y)
    assert not np.array_equal(child.coefs_[0], parent.coefs_[0])


@pytest.mark.parametrize("kind", [SmallClassifier, SmallRegressor])
def test_goes_on(iris, kind):
    X, y = iris
    parent = clone(PARENTS[kind]).set_params(random_state=0)
    classes = {"classes": [0, 1, 2]} if kind is SmallClassifier else {}
    child = kind(random_state=0)
    for est in (parent, child):
        est.partial_fit(X, y, **classes).partial_fit(X, y)
    assert_same_network(child, parent)


@pytest.mark.parametrize("is_fused", [False, True])
def test_in_a_search(iris, is_fused):
    X, y = iris
    scores = []
    for est in (SmallClassifier(random_state=0), PARENTS[SmallClassifier]):
        est = clone(est).set_params(random_state=0)
        search = GridSearchCV(
            est, {"dropout_rate": [0.0, 0.5]}, cv=2, error_score="raise"
        )
        if is_fused:
            with fused_training():
                search.fit(X, y)
        else:
            search.fit(X, y)
        scores.append(search.cv_results_["mean_test_score"])
    np.testing.assert_allclose(*scores, atol=0.05)


def test_its_parameters_are_still_checked(iris):
    with pytest.raises(ValueError, match=r"dropout_rate.*1.5"):
        SmallClassifier(dropout_rate=1.5).fit(*iris)
    with pytest.raises(ValueError, match="Invalid parameter 'alpha'"):
        SmallClassifier().set_params(alpha=1.0)

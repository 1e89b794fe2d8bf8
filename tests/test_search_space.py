"""The search space that is offered: of parameters, for scikit-learn's searches."""

from collections import Counter

import numpy as np
import pytest
from sklearn.model_selection import ParameterSampler, RandomizedSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from helpers import trained_sizes
from skdropout import (
    DropoutMLPClassifier,
    DropoutMLPRegressor,
    fused_training,
    search_space,
)

KINDS = {"classifier": DropoutMLPClassifier, "regressor": DropoutMLPRegressor}
each_estimator = pytest.mark.parametrize("estimator", KINDS)


@each_estimator
def test_names_are_parameters(estimator):
    mlp = KINDS[estimator]()
    assert set(search_space(estimator)) <= set(mlp.get_params())
    pipe = make_pipeline(StandardScaler(), mlp)
    prefix = f"{pipe.steps[-1][0]}__"
    with_prefix = search_space(estimator, prefix=prefix)
    assert set(with_prefix) <= set(pipe.get_params())
    assert list(with_prefix) == [prefix + name for name in search_space(estimator)]


def test_the_classifier_is_the_default():
    assert set(search_space()) == set(search_space("classifier"))
    assert set(search_space()) - set(search_space("regressor")) == {"label_smoothing"}


def test_a_space_may_be_changed():
    space = search_space()
    space["hidden_layer_sizes"].append((8,))
    space["alpha"] = [3]
    assert (8,) not in search_space()["hidden_layer_sizes"]
    assert search_space()["alpha"] != [3]


@pytest.mark.parametrize("value", ["Classifier", "", "regression", None, 1])
def test_another_estimator_is_refused(value):
    words = rf"estimator={value!r} must be one of \('classifier', 'regressor'\)"
    with pytest.raises(ValueError, match=words):
        search_space(value)


@each_estimator
def test_every_draw_is_allowed(estimator, iris):
    """Parameters are checked before rows, of which there are none."""
    for params in ParameterSampler(search_space(estimator), 50, random_state=0):
        with pytest.raises(ValueError, match="Found array with 0 sample"):
            KINDS[estimator](**params).fit(iris[0][:0], iris[1][:0])


@pytest.mark.filterwarnings("ignore:Stochastic Optimizer")
@each_estimator
def test_fused_search(estimator, iris, curve, stacks, without_xla):
    X, y = iris if estimator == "classifier" else curve
    pipe = make_pipeline(StandardScaler(), KINDS[estimator](random_state=0))
    prefix = f"{pipe.steps[-1][0]}__"
    space = search_space(estimator, prefix=prefix) | {f"{prefix}max_iter": [3]}
    search = RandomizedSearchCV(
        pipe, space, n_iter=4, cv=2, random_state=0, error_score="raise"
    )
    with fused_training():
        search.fit(X, y)
    results = search.cv_results_
    assert np.isfinite(results["mean_test_score"]).all()
    assert len(np.unique(results[f"param_{prefix}dropout_rate"])) == 4
    # Networks of one size are one stack, though they differ in all the rest.
    n_fits = Counter(2 * list(results[f"param_{prefix}hidden_layer_sizes"]))
    assert sorted(trained_sizes(stacks)) == sorted(n_fits.values())
    assert search.best_estimator_[-1].n_iter_ == 3

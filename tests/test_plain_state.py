"""A fitted estimator is arrays and plain values, so that no pickle needs our code."""

import io
import pickle

import numpy as np
import pytest

from skdropout import DropoutMLPClassifier, DropoutMLPRegressor

PLAIN = (type(None), bool, int, float, str, bytes)

FITS = {
    "early stopping": lambda est, X, y: est.set_params(early_stopping=True).fit(X, y),
    "validation rows": lambda est, X, y: est.fit(X, y, X_val=X, y_val=y),
    "by Keras": lambda est, X, y: est.set_params(optimizer="lamb").fit(X, y),
    "further": lambda est, X, y: est.set_params(warm_start=True).fit(X, y).fit(X, y),
    "no hidden layer": lambda est, X, y: est.set_params(hidden_layer_sizes=()).fit(X, y),
}


def assert_plain(value, path):
    if isinstance(value, dict):
        for key, part in value.items():
            assert type(key) in PLAIN, path
            assert_plain(part, f"{path}[{key!r}]")
    elif isinstance(value, (list, tuple)):
        assert type(value) in (list, tuple), path
        for i, part in enumerate(value):
            assert_plain(part, f"{path}[{i}]")
    elif isinstance(value, (np.ndarray, np.generic)):
        assert value.dtype.kind in "biufUS", path
    else:
        assert type(value) in PLAIN, f"{path} is a {type(value)}"


class OnlyNamed(pickle.Unpickler):
    """Loads none of our classes but the two public ones."""

    def find_class(self, module, name):
        ours = {DropoutMLPClassifier, DropoutMLPRegressor}
        found = super().find_class(module, name)
        if module.startswith("skdropout") and found not in ours:
            raise pickle.UnpicklingError(f"{module}.{name} is not to be trusted")
        return found


@pytest.mark.filterwarnings("ignore:Stochastic Optimizer")
@pytest.mark.parametrize("fit", FITS)
@pytest.mark.parametrize("kind", [DropoutMLPClassifier, DropoutMLPRegressor])
def test_the_state_is_plain(kind, fit, iris):
    X, y = iris
    est = kind((8,), batch_norm=True, max_iter=3, random_state=0)
    FITS[fit](est, X, y.astype(float) if kind is DropoutMLPRegressor else y)
    for name, value in vars(est).items():
        assert_plain(value, name)
    loaded = OnlyNamed(io.BytesIO(pickle.dumps(est))).load()
    np.testing.assert_array_equal(loaded.predict(X), est.predict(X))

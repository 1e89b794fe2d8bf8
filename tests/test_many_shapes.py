"""A process that meets more shapes than it may have programs for."""

import warnings

import pytest

from helpers import assert_same_network, run_python
from skdropout import DropoutMLPClassifier, DropoutMLPRegressor
from skdropout._caching import once_for_each
from skdropout.training import program, supply
from skdropout.training.program import Program

SHAPES = [(5,), (40,), (5, 6), (40, 7, 3), (70, 70)]


def classifiers():
    return [
        DropoutMLPClassifier(
            sizes, batch_norm=True, use_bias=False, max_iter=3, random_state=0
        )
        for sizes in SHAPES
    ]


@pytest.mark.filterwarnings("ignore:.*Maximum iterations")
@pytest.mark.parametrize("by_xla", ["0", "1"])
def test_they_are_trained_all_the_same_with_one_warning(iris, monkeypatch, by_xla):
    monkeypatch.setenv("SKDROPOUT_XLA", by_xla)
    expected = [est.fit(*iris) for est in classifiers()]
    monkeypatch.setattr(supply, "_n_programs", {"xla": 0, "graph": 0, "none": 0})
    monkeypatch.setattr(supply, "_MOST", {"xla": 1, "graph": 1})
    monkeypatch.setattr(supply, "_MANY", 1)
    monkeypatch.setattr(supply, "_has_warned", False)
    monkeypatch.setattr(supply, "_known", set())
    anew = once_for_each(program._compiled_if_granted)
    monkeypatch.setattr(program, "_compiled_program", anew)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        regressor = DropoutMLPRegressor((9,), max_iter=2, random_state=0)
        regressor.fit(*iris)
        found = [est.fit(*iris) for est in classifiers()]
    messages = [str(w.message) for w in caught if "programs" in str(w.message)]
    assert len(messages) == 1
    assert "without compiling" in messages[0]
    for one, other in zip(expected, found, strict=True):
        assert_same_network(one, other, rtol=1e-3, atol=1e-4)


@pytest.mark.filterwarnings("ignore:.*Maximum iterations")
def test_what_has_a_program_keeps_it(iris, monkeypatch):
    """Also when there are so many that sizes become coarser."""
    made, make = [], Program.__init__

    def recorded(self, key, *args):
        made.append(key.kind.frame.layer_units)
        make(self, key, *args)

    monkeypatch.setattr(Program, "__init__", recorded)
    est = DropoutMLPClassifier((70, 20), max_iter=2, random_state=0).fit(*iris)
    monkeypatch.setattr(supply, "_MANY", 0)
    est.fit(*iris)
    assert made == [(32, 128, 32, 3)]
    est.set_params(hidden_layer_sizes=(20, 70)).fit(*iris)
    assert made[1:] == [(64, 256, 256, 3)]


@pytest.mark.slow
def test_two_thousand_shapes_in_one_process():
    """Within 4 GB, and half of the memory maps that the kernel grants."""
    code = """
        import resource, warnings
        from pathlib import Path
        import numpy as np
        from skdropout import DropoutMLPClassifier

        warnings.simplefilter("ignore")
        rng = np.random.default_rng(0)
        X = rng.normal(size=(60, 10))
        y = (X[:, 0] > 0).astype(int)
        optimizers = ["adam", "sgd", "rmsprop", "nadam", "adagrad", "adamax", "lion"]
        for _ in range(2000):
            sizes = tuple(rng.integers(1, 300, rng.integers(1, 5)).tolist())
            est = DropoutMLPClassifier(
                sizes,
                optimizer=optimizers[rng.integers(len(optimizers))],
                batch_norm=bool(rng.integers(2)),
                max_iter=1,
                random_state=0,
            )
            n_features = rng.integers(1, 11)
            est.fit(X[:, :n_features], y)
            assert np.isfinite(est.loss_)
        maps = Path("/proc/self/maps")
        n_maps = len(maps.read_text().splitlines()) if maps.exists() else 0
        print(n_maps, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6)
    """
    n_maps, gigabytes = map(float, run_python(code, timeout=1200).stdout.split())
    assert n_maps < 65530 / 2
    assert gigabytes < 4

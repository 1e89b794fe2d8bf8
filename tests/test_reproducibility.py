"""The same random_state gives the same network, and nothing else is touched."""

import os
import random
import sys

import numpy as np
import pytest
from joblib import parallel_config
from sklearn.model_selection import cross_validate

from helpers import assert_same_network, run_python
from skdropout import DropoutMLPClassifier

pytestmark = pytest.mark.filterwarnings("ignore:Stochastic Optimizer")


def classifier(**params):
    defaults = {"max_iter": 3, "batch_size": 16, "batch_norm": True, "random_state": 0}
    return DropoutMLPClassifier((8,), **{**defaults, **params})


def test_same_seed_same_network(iris):
    assert_same_network(classifier().fit(*iris), classifier().fit(*iris))
    other = classifier(random_state=1).fit(*iris)
    assert not np.array_equal(other.coefs_[0], classifier().fit(*iris).coefs_[0])


def test_random_state_instances_and_none(iris):
    shared = np.random.RandomState(0)
    first = classifier(random_state=shared).fit(*iris)
    second = classifier(random_state=shared).fit(*iris)
    assert not np.array_equal(first.coefs_[0], second.coefs_[0])
    again = classifier(random_state=np.random.RandomState(0)).fit(*iris)
    assert_same_network(first, again)
    unseeded = [classifier(random_state=None).fit(*iris) for _ in range(2)]
    assert not np.array_equal(unseeded[0].coefs_[0], unseeded[1].coefs_[0])


def test_no_global_state_is_touched(iris):
    import tensorflow as tf

    def state():
        return random.getstate(), np.random.get_state()[1].tolist(), dict(os.environ)  # noqa: NPY002

    def tensorflow_draws_after(fit):
        tf.random.set_seed(7)
        fit()
        return tf.random.uniform((3,)).numpy().tolist()

    def fit():
        for params in ({}, {"optimizer": "lamb"}, {"initializer": "orthogonal"}):
            est = classifier(early_stopping=True, **params).fit(*iris)
            est.predict(iris[0])
            est.to_keras()

    before = state()
    assert tensorflow_draws_after(fit) == tensorflow_draws_after(lambda: None)
    assert state() == before


@pytest.mark.slow
@pytest.mark.parametrize("order", ["seeded unseeded", "unseeded seeded"])
def test_seeded_and_unseeded_in_a_fresh_process(order):
    code = """
        import sys, warnings
        warnings.simplefilter("ignore")
        import numpy as np
        from skdropout import DropoutMLPClassifier
        X, y = np.random.default_rng(0).normal(size=(40, 3)), np.arange(40) % 3
        for name in sys.argv[1].split():
            seed = 0 if name == "seeded" else None
            est = DropoutMLPClassifier((4,), max_iter=2, random_state=seed).fit(X, y)
            if seed is not None:
                print(est.coefs_[0].ravel().tolist())
        import tensorflow as tf
        tf.random.uniform((2,)) + tf.random.shuffle(tf.range(2.0))  # as ever
    """
    X, y = np.random.default_rng(0).normal(size=(40, 3)), np.arange(40) % 3
    here = DropoutMLPClassifier((4,), max_iter=2, random_state=0).fit(X, y)
    result = run_python(code, order)
    np.testing.assert_array_equal(np.array(eval(result.stdout)), here.coefs_[0].ravel())


@pytest.mark.slow
def test_nothing_is_printed():
    code = """
        import sys, warnings
        warnings.simplefilter("ignore")
        import numpy as np
        from skdropout import DropoutMLPClassifier
        assert not {"tensorflow", "keras"} & set(sys.modules)
        X, y = np.random.default_rng(0).normal(size=(40, 3)), np.arange(40) % 3
        for optimizer in ("adam", "lamb"):
            DropoutMLPClassifier((4,), max_iter=2, optimizer=optimizer).fit(X, y)
        print("to stderr", file=sys.stderr)
    """
    result = run_python(code)
    assert (result.stdout, result.stderr) == ("", "to stderr\n")
    chatty = run_python(code, env={"TF_CPP_MIN_LOG_LEVEL": "0"})
    assert len(chatty.stderr) > len("to stderr\n")


def test_another_keras_backend_is_an_error():
    code = "import skdropout._backend"
    result = run_python(code, env={"KERAS_BACKEND": "numpy"}, check=False)
    assert "KERAS_BACKEND" in result.stderr.splitlines()[-1]


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_jobs_in_processes_and_threads(iris):
    def coefs(n_jobs, backend):
        with parallel_config(backend=backend):
            result = cross_validate(
                classifier(), *iris, cv=3, n_jobs=n_jobs, return_estimator=True
            )
        return result["estimator"], result["test_score"]

    alone, scores = coefs(1, "loky")
    # Twice in one process: the workers are used again.
    for n_jobs, backend in ((2, "loky"), (2, "loky"), (2, "threading")):
        others, other_scores = coefs(n_jobs, backend)
        np.testing.assert_array_equal(other_scores, scores)
        for a, b in zip(alone, others, strict=True):
            assert_same_network(a, b, rtol=1e-4, atol=1e-6)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no module resource")
def test_memory_does_not_grow():
    code = """
        import resource, sys, warnings
        warnings.simplefilter("ignore")
        import numpy as np
        from skdropout import DropoutMLPClassifier
        X, y = np.random.default_rng(0).normal(size=(200, 20)), np.arange(200) % 3
        for i in range(140):
            params = {"dropout_rate": i / 200, "learning_rate_init": 1e-3 + i * 1e-5}
            DropoutMLPClassifier((32,), max_iter=2, **params).fit(X, y)
            if i in (39, 139):
                print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
    """
    before, after = (int(line) for line in run_python(code).stdout.split())
    kilobytes = 1024 if sys.platform == "darwin" else 1
    assert (after - before) / kilobytes / 100 < 50

"""No fit changes what belongs to the whole process: seeds, environment, locale."""

import pytest

from helpers import run_python

COMMON = """
import locale, os, random, sys, warnings
import joblib
import numpy as np
from sklearn.datasets import load_iris
from skdropout import DropoutMLPClassifier, fused_training

warnings.simplefilter("ignore")
X, y = load_iris(return_X_y=True)

def network(**params):
    return DropoutMLPClassifier((4,), max_iter=2, random_state=0, **params)

def fused(est):
    with fused_training():
        joblib.Parallel()(joblib.delayed(est.fit)(X, y) for _ in range(2))

def by_keras():
    return network(optimizer="lamb", dropout_rate=0.3).fit(X, y)

def state():
    kind, keys, *rest = np.random.get_state()
    environment = dict(os.environ)
    return (random.getstate(), kind, keys.tobytes(), rest, environment,
            locale.setlocale(locale.LC_ALL), sys.getrecursionlimit(), os.getcwd(),
            sys.stdout, sys.stderr, list(warnings.filters), np.geterr())
"""

WORK = {
    "plain": "network().fit(X, y)",
    "fused": "fused(network())",
    "by keras": "by_keras()",
    "as keras": "network().fit(X, y).to_keras()",
    "in parallel": "joblib.Parallel(backend='skdropout')([joblib.delayed(by_keras)()])",
    "Monte Carlo": "network(dropout_rate=0.3).fit(X, y).mc_predict_proba(X, 3, 0)",
}


@pytest.mark.slow
@pytest.mark.parametrize("work", WORK.values(), ids=WORK)
def test_process_after_the_first_fit(work):
    """Which loads TensorFlow."""
    run_python(
        COMMON
        + f"""
before = state()
assert "tensorflow" not in sys.modules
{work}
assert "tensorflow" in sys.modules
for a, b in zip(before, state(), strict=True):
    assert a == b, (a, b)
""",
        env={"SKDROPOUT_XLA": "0"},
    )


def test_random_numbers_go_on_as_if_nothing_had_been_fitted():
    """Python's, NumPy's, TensorFlow's and Keras's."""
    output = run_python(
        COMMON
        + f"""
import keras, tensorflow as tf

def draw():
    return (random.random(), np.random.random(), float(tf.random.uniform([])),
            float(keras.random.uniform([])), float(tf.random.normal([])))

def numbers(work):
    keras.utils.set_random_seed(1)
    first = draw()
    work()
    return *first, *draw()

undisturbed = numbers(lambda: None)
assert numbers(lambda: None) == undisturbed
for name, work in {WORK!r}.items():
    assert numbers(lambda: eval(work)) == undisturbed, name
    print(name)
""",
        env={"SKDROPOUT_XLA": "0"},
    )
    assert output.stdout.split("\n")[:-1] == list(WORK)

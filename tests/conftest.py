"""Small data sets that the tests share."""

import contextlib
import faulthandler
import logging
import sys

import numpy as np
import pytest
from joblib.externals.loky import get_reusable_executor
from sklearn.datasets import load_digits, load_iris
from sklearn.preprocessing import scale

from helpers import Stacks


@pytest.fixture(scope="session")
def iris():
    """150 rows, 4 features, 3 classes, in an order without structure."""
    X, y = load_iris(return_X_y=True)
    order = np.random.default_rng(0).permutation(len(y))
    return scale(X)[order], y[order]


@pytest.fixture(scope="session")
def digits():
    """The first 500 digits, standardised."""
    X, y = load_digits(return_X_y=True)
    return scale(X[:500]), y[:500]


@pytest.fixture(scope="session")
def curve():
    """200 rows, 3 features, a smooth target."""
    X = np.random.default_rng(0).normal(size=(200, 3))
    return X, np.sin(X[:, 0]) + X[:, 1] * X[:, 2]


@pytest.fixture(scope="session", autouse=True)
def ample_programs():
    """What one process trains here, nobody trains in one process."""
    from skdropout.training import supply

    supply._MOST = {"xla": 10_000, "graph": 10_000}
    supply._MANY = 10_000


@pytest.fixture
def stacks():
    """The stacks that are trained while the test runs."""
    logger, handler = logging.getLogger("skdropout"), Stacks()
    logger.addHandler(handler)
    logger.setLevel(logging.DEBUG)
    yield handler
    logger.removeHandler(handler)
    logger.setLevel(logging.NOTSET)


@pytest.fixture
def time_limit():
    """Ends the process, which fails the test, where threads wait for each other."""
    faulthandler.dump_traceback_later(240, exit=True, file=sys.__stderr__)
    yield
    faulthandler.cancel_dump_traceback_later()


@pytest.fixture
def without_xla(monkeypatch):
    """Without XLA, rounding does not depend on how many networks there are."""
    monkeypatch.setenv("SKDROPOUT_XLA", "0")
    with _own_workers():
        yield


@contextlib.contextmanager
def _own_workers():
    """joblib keeps worker processes, with the environment in which they were started."""
    get_reusable_executor().shutdown()
    yield
    get_reusable_executor().shutdown()

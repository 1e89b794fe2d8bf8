"""Interrupts at any line, and by real signals: the context serves again."""

import pytest

from helpers import run_python

# Each in a process of its own, which ends where it hangs.
COMMON = """
import faulthandler, os, signal, sys, threading, time, warnings

faulthandler.dump_traceback_later(280, exit=True)
warnings.simplefilter("ignore")

import joblib
import numpy as np
from sklearn.datasets import load_iris
from sklearn.model_selection import cross_val_score
from skdropout import DropoutMLPClassifier, fused_training, fusion

X, y = load_iris(return_X_y=True)
mlp = DropoutMLPClassifier((4,), max_iter=2, batch_size=50, random_state=0)

def sweep():
    return cross_val_score(mlp, X, y, cv=3)

expected = sweep()
last_errors = []  # kept as IPython does, with the frames of their tracebacks

def assert_serves_again():
    np.testing.assert_array_equal(sweep(), expected)

def assert_threads_end():
    deadline = time.monotonic() + 20
    while left := [t for t in threading.enumerate() if t.name.startswith("skdropout")]:
        assert time.monotonic() < deadline, left
        time.sleep(0.01)
"""

AT_ANY_LINE = """
class InterruptAt:
    '''Raises at the n-th line of our code that the main thread comes to.'''

    folder = os.path.dirname(fusion.__file__)

    def __init__(self, n):
        self.n_left = n

    def __call__(self, frame, event, _):
        if os.path.dirname(frame.f_code.co_filename) == self.folder:
            return self.see_line
        return None

    def see_line(self, frame, event, _):
        if event == "line":
            self.n_left -= 1
            if self.n_left == 0:
                raise KeyboardInterrupt
        return self.see_line

def interrupted_sweep(n):
    try:
        sys.settrace(InterruptAt(n))
        return sweep()
    except KeyboardInterrupt as error:
        last_errors[:] = [error]
        return None
    finally:
        sys.settrace(None)

n = 0
while True:
    n += 1
    with fused_training():
        result = interrupted_sweep(n)
        assert_serves_again()
    assert_threads_end()
    if result is not None:
        np.testing.assert_array_equal(result, expected)
        break
print(n - 1)
"""

BY_SIGNALS = """
def interrupt(*_):
    raise KeyboardInterrupt

signal.signal(signal.SIGALRM, interrupt)
rng = np.random.default_rng(0)
n_interrupted = 0

def hand_in(seconds):
    try:
        signal.setitimer(signal.ITIMER_REAL, seconds)
        joblib.Parallel(n_jobs=2)(joblib.delayed(int)(i) for i in range(100))
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)

for _ in range(47):
    with fused_training():
        for _ in range(10):
            try:
                hand_in(rng.uniform(1e-4, 1e-2))
            except KeyboardInterrupt as error:
                n_interrupted += 1
                last_errors[:] = [error]
        assert_serves_again()
    assert_threads_end()
print(n_interrupted)
"""

TWICE = """
def interrupt_in_abort(frame, event, _):
    if frame.f_code.co_name == "abort_everything":
        raise KeyboardInterrupt("second")

def wait(i):
    if i == 1:
        signal.raise_signal(signal.SIGINT)
    begun.append(i)
    time.sleep(0.5)

begun = []
signal.signal(signal.SIGINT, signal.default_int_handler)
with fused_training():
    try:
        sys.settrace(interrupt_in_abort)
        joblib.Parallel(n_jobs=1)(joblib.delayed(wait)(i) for i in range(100))
    except KeyboardInterrupt as error:
        last_errors[:] = [error]
        assert str(error) == "second", error
    finally:
        sys.settrace(None)
    assert_serves_again()
assert_threads_end()
print(len(begun))
"""


def run(code):
    return int(run_python(COMMON + code, env={"SKDROPOUT_XLA": "0"}).stdout)


@pytest.mark.slow
def test_interrupt_at_any_line():
    assert run(AT_ANY_LINE) > 50


@pytest.mark.slow
def test_signals_while_tasks_are_handed_in():
    assert run(BY_SIGNALS) > 100


def test_interrupt_that_ends_the_handling_of_another():
    """As by an impatient user: joblib does not come to tell that the call has ended."""
    assert run(TWICE) < 10

"""Tasks that fail, wait for each other, fit oddly or are given up: nothing is left."""

import _thread
import gc
import signal
import threading
import time
import weakref

import joblib
import keras
import numpy as np
import pytest
import tensorflow as tf
from joblib.parallel import get_active_backend
from sklearn.base import clone
from sklearn.ensemble import BaggingClassifier
from sklearn.exceptions import FitFailedWarning
from sklearn.model_selection import GridSearchCV, cross_val_score

from helpers import assert_same_network, trained_sizes
from skdropout import DropoutMLPClassifier, DropoutMLPRegressor, fused_training
from skdropout.fusion import cores, gathering, stack_trainer
from skdropout.training.program import Program

pytestmark = [
    pytest.mark.filterwarnings("ignore:.*Maximum iterations"),
    pytest.mark.usefixtures("time_limit", "without_xla", "threads_end"),
]

RATES = {"dropout_rate": [0.0, 0.3, 0.6]}


@pytest.fixture
def threads_end():
    """Whatever happened, no task's thread stays behind."""
    yield
    assert_threads_end()


def assert_threads_end():
    deadline = time.monotonic() + 60
    while left := [t for t in threading.enumerate() if t.name == "skdropout-participant"]:
        assert time.monotonic() < deadline, left
        time.sleep(0.02)


def classifier(seed=0, **params):
    params = {"max_iter": 3, "batch_size": 25, "random_state": seed, **params}
    return DropoutMLPClassifier((8,), dropout_rate=0.3, **params)


def regressor(seed=0, **params):
    params = {"max_iter": 3, "batch_size": 25, "random_state": seed, **params}
    return DropoutMLPRegressor((8,), dropout_rate=0.3, **params)


def parallel(function, n=4, **params):
    return joblib.Parallel(**params)(joblib.delayed(function)(i) for i in range(n))


def assert_same_networks(some, others):
    for one, other in zip(some, others, strict=True):
        assert_same_network(one, other)
        assert one.history_ == other.history_


@pytest.fixture
def alone(iris):
    """Of each seed, the network trained by itself."""
    return [classifier(seed).fit(*iris) for seed in range(6)]


def scores(search):
    return search.cv_results_["mean_test_score"]


def in_two_threads(function):
    """Run it at the same time with 0 and with 1."""
    threads = [threading.Thread(target=function, args=(i,)) for i in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


# Errors


def caught(function):
    """The function, which returns its error rather than raise it."""

    def run(i):
        try:
            return function(i)
        except Exception as error:
            return error

    return run


@pytest.mark.parametrize("when", ["before", "inside", "after"])
def test_error_of_one_task(when, iris, alone, stacks):
    X, y = iris

    def fit(i):
        rows = X
        if i == 1:
            if when == "before":
                raise ZeroDivisionError("mine")
            if when == "inside":
                rows = np.where(X > 1, np.nan, X)
        est = classifier(i).fit(rows, y)
        if i == 1 and when == "after":
            raise ZeroDivisionError("mine")
        return est

    kind, message = ZeroDivisionError, "mine"
    if when == "inside":
        kind, message = ValueError, "NaN"
    with fused_training():
        results = parallel(caught(fit))
        with pytest.raises(kind, match=message):
            parallel(fit)
        assert_threads_end()
        assert_same_network(parallel(fit, 1)[0], alone[0])
    error = results.pop(1)
    assert type(error) is kind
    assert message in str(error)
    assert_same_networks(results, [alone[0], *alone[2:4]])
    assert trained_sizes(stacks)[0] == (4 if when == "after" else 3)


def test_network_that_diverges(curve, stacks):
    """It is told of its own divergence, and those in the same stack of nothing."""

    def fit(i):
        rate = 1e30 if i in (0, 3) else 0.01
        return regressor(i, optimizer="sgd", learning_rate_init=rate).fit(*curve)

    alone = [caught(fit)(i) for i in range(5)]
    with fused_training():
        fused = parallel(caught(fit), 5)
    assert trained_sizes(stacks) == [5]
    for i in (0, 3):
        assert isinstance(fused[i], ValueError)
        assert "diverged" in str(fused[i])
        assert str(fused[i]) == str(alone[i])
    assert_same_networks([fused[i] for i in (1, 2, 4)], [alone[i] for i in (1, 2, 4)])


@pytest.mark.filterwarnings("ignore:One or more of the test scores:UserWarning")
@pytest.mark.parametrize(
    "grid",
    [
        {"learning_rate_init": [0.001, 1e30, 0.1]},  # fails in training
        {"dropout_rate": [0.0, 2.0, 0.4]},  # fails before
    ],
    ids=["in", "before"],
)
def test_failed_candidates_of_a_search(grid, curve, stacks):
    search = GridSearchCV(regressor(optimizer="sgd"), grid, cv=3)
    with pytest.warns(FitFailedWarning, match="3 fits failed"):
        plain = clone(search).fit(*curve)
    with (
        fused_training(),
        pytest.warns(FitFailedWarning, match="3 fits failed"),
    ):
        fused = clone(search).fit(*curve)
    assert max(trained_sizes(stacks)) > 1
    np.testing.assert_array_equal(scores(fused), scores(plain))
    assert np.isnan(scores(fused)).tolist() == [False, True, False]
    assert fused.best_params_ == plain.best_params_


def test_search_that_raises(curve):
    grid = {"learning_rate_init": [0.001, 1e30, 0.1]}
    search = GridSearchCV(regressor(optimizer="sgd"), grid, cv=3, error_score="raise")
    with fused_training():
        with pytest.raises(ValueError, match="diverged"):
            search.fit(*curve)
        assert_threads_end()
        search.set_params(param_grid={"learning_rate_init": [0.001, 0.1]}).fit(*curve)
    plain = clone(search).fit(*curve)
    np.testing.assert_array_equal(scores(search), scores(plain))


def failing_callback(event):
    def fail(self, *_, **__):
        raise ZeroDivisionError(event)

    return type("Failing", (keras.callbacks.Callback,), {event: fail})()


@pytest.mark.parametrize(
    "event", ["on_train_begin", "on_epoch_begin", "on_epoch_end", "on_train_end"]
)
def test_error_in_a_callback(event, iris, alone, stacks):
    def fit(i):
        callbacks = failing_callback(event) if i == 1 else None
        return classifier(i, callbacks=callbacks).fit(*iris)

    with fused_training():
        fused = parallel(caught(fit))
    assert trained_sizes(stacks) == [4]
    error = fused.pop(1)
    assert isinstance(error, ZeroDivisionError)
    assert str(error) == event
    assert_same_networks(fused, [alone[0], *alone[2:4]])


def test_error_in_every_callback(iris):
    def fit(i):
        return classifier(i, callbacks=failing_callback("on_epoch_begin")).fit(*iris)

    with fused_training():
        errors = parallel(caught(fit))
    assert [type(error) for error in errors] == [ZeroDivisionError] * 4


@pytest.mark.parametrize("event", ["on_train_begin", "on_epoch_begin", "on_epoch_end"])
@pytest.mark.parametrize("is_parallel", [False, True])
@pytest.mark.parametrize("max_memory", [None, 1.0])
def test_fits_in_a_callback(max_memory, is_parallel, event, iris, alone, monkeypatch):
    """Also where the stack that waits for them has the only core and all memory."""
    monkeypatch.setattr(stack_trainer, "cpu_count", lambda: 1)
    monkeypatch.setattr(cores, "_compiled", set())
    inner = []

    def fit_inner(*_):
        def fit(i):
            return classifier(i).fit(*iris)

        inner.append(parallel(fit, 3) if is_parallel else list(map(fit, range(3))))

    kind = type("Fitting", (keras.callbacks.Callback,), {event: fit_inner})

    def fit(i):
        est = classifier(i, callbacks=kind() if i < 2 else None)
        return est.set_params(hidden_layer_sizes=5 + i % 2).fit(*iris)  # two stacks

    with fused_training(max_memory=max_memory):
        fused = parallel(fit, 4)
    assert len(inner) == (2 if event == "on_train_begin" else 6)
    for networks in inner:
        assert_same_networks(networks, alone[:3])
    inner.clear()
    assert_same_networks(fused, [fit(i) for i in range(4)])


def test_error_in_the_generator_of_tasks(iris):
    def tasks():
        for i in range(2):
            yield joblib.delayed(classifier(i).fit)(*iris)
        raise ZeroDivisionError("mine")

    with fused_training(), pytest.raises(ZeroDivisionError, match="mine"):
        joblib.Parallel()(tasks())


# Odd tasks


def test_different_numbers_of_fits(iris, alone, stacks):
    def fit(i):
        """Seeds 0 ... i - 1."""
        return [classifier(seed).fit(*iris) for seed in range(i)]

    with fused_training():
        fused = parallel(fit, 5)
    assert [len(networks) for networks in fused] == [0, 1, 2, 3, 4]
    for networks in fused:
        assert_same_networks(networks, alone[: len(networks)])
    assert trained_sizes(stacks) == [4, 3, 2, 1]


def test_fit_in_a_thread_of_its_own(iris, alone):
    def fit(i):
        fitted = []
        thread = threading.Thread(target=lambda: fitted.append(classifier(i).fit(*iris)))
        thread.start()
        thread.join()
        return [*fitted, classifier(i + 1).fit(*iris)]

    with fused_training():
        fused = parallel(fit, 3)
    for i, networks in enumerate(fused):
        assert_same_networks(networks, alone[i : i + 2])


@pytest.mark.parametrize("n_jobs", [None, 2])
def test_lock_held_during_a_fit(n_jobs, iris, alone):
    lock = threading.Lock()

    def fit(i):
        with lock:
            return classifier(i).fit(*iris)

    with fused_training():
        assert_same_networks(parallel(fit, 3, n_jobs=n_jobs), alone[:3])


@pytest.mark.parametrize("first", [0, 1])
def test_task_that_waits_for_another(first, iris, alone):
    """Also for one that has not even begun, as only one runs at a time."""
    is_done = threading.Event()

    def fit(i):
        if i == first:
            est = classifier(i).fit(*iris)
            is_done.set()
            return est
        assert is_done.wait(120)
        return classifier(i).fit(*iris)

    with fused_training():
        assert_same_networks(parallel(fit, 3), alone[:3])


def test_tasks_that_meet(iris, alone):
    barrier = threading.Barrier(3)

    def fit(i):
        barrier.wait(120)
        est = classifier(i).fit(*iris)
        barrier.wait(120)
        return est

    with fused_training():
        assert_same_networks(parallel(fit, 3), alone[:3])


def test_nested_parallel_code(iris, alone, stacks):
    def fit(i):
        return classifier(i).fit(*iris)

    def fit_two(i):
        return parallel(lambda j: fit(i + j), 2)

    def fit_four(i):
        before = fit(i)
        return [before, *parallel(lambda j: fit_two(i + j), 2)]

    with fused_training():
        fused = parallel(fit_four, 3)
    sizes = trained_sizes(stacks)
    assert sum(sizes) == 15
    assert min(sizes) >= 3  # as there is at least one of each outer task
    for i, (before, pairs, others) in enumerate(fused):
        assert_same_networks(
            [before, *pairs, *others], [alone[i + j] for j in (0, 0, 1, 1, 2)]
        )


@pytest.mark.parametrize("max_networks", [1, 2])
def test_nested_parallel_code_with_little_room(max_networks, iris, alone):
    def fit(i):
        before = classifier(i).fit(*iris)
        return [before, *parallel(lambda j: classifier(i + j).fit(*iris), 2)]

    with fused_training(max_networks=max_networks):
        fused = parallel(fit, 3)
    for i, networks in enumerate(fused):
        assert_same_networks(networks, [alone[i], alone[i], alone[i + 1]])


def test_error_in_nested_parallel_code(iris, alone):
    """It ends the inner call; the outer goes on if its task does."""

    def fit(i):
        def fit_inner(j):
            if (i, j) == (1, 2):
                raise ZeroDivisionError("inner")
            return classifier(j).fit(*iris)

        return parallel(fit_inner, 3)

    with fused_training():
        with pytest.raises(ZeroDivisionError, match="inner"):
            parallel(fit, 3)
        assert_threads_end()
        fused = parallel(caught(fit), 3)
    assert isinstance(fused[1], ZeroDivisionError)
    assert_same_networks(fused[0] + fused[2], alone[:3] + alone[:3])


def test_search_over_an_ensemble(iris):
    def run():
        ensemble = BaggingClassifier(classifier(), 2, random_state=0)
        grid = {"estimator__dropout_rate": [0.0, 0.6]}
        return GridSearchCV(ensemble, grid, cv=2, n_jobs=2).fit(*iris)

    plain = run()
    with fused_training():
        fused = run()
    np.testing.assert_array_equal(scores(fused), scores(plain))


def test_nested_contexts(iris, alone):
    def fit(i):
        with fused_training():
            inner = parallel(lambda j: classifier(j).fit(*iris), 2)
        return [*inner, classifier(i).fit(*iris)]

    with fused_training():
        with fused_training():
            assert_same_networks(
                parallel(lambda i: classifier(i).fit(*iris), 3), alone[:3]
            )
        fused = parallel(fit, 3)
    for i, networks in enumerate(fused):
        assert_same_networks(networks, [*alone[:2], alone[i]])


def test_contexts_of_two_threads(iris):
    plain = [GridSearchCV(classifier(seed), RATES, cv=3).fit(*iris) for seed in range(2)]
    fused = {}

    def run(seed):
        with fused_training():
            fused[seed] = GridSearchCV(classifier(seed), RATES, cv=3).fit(*iris)

    in_two_threads(run)
    for seed in range(2):
        np.testing.assert_array_equal(scores(fused[seed]), scores(plain[seed]))


def test_threads_that_share_a_context(iris):
    """A backend may be used by several callers."""
    plain = [cross_val_score(classifier(seed), *iris, cv=3) for seed in range(2)]
    results = {}
    with fused_training():
        backend = get_active_backend()[0]

        def run(seed):
            with joblib.parallel_config(backend=backend):
                results[seed] = cross_val_score(classifier(seed), *iris, cv=3)

        in_two_threads(run)
    for seed in range(2):
        np.testing.assert_array_equal(results[seed], plain[seed])


def test_one_parallel_for_several_calls(iris, alone, stacks):
    with fused_training(), joblib.Parallel() as runner:
        for _ in range(2):
            fused = runner(joblib.delayed(classifier(i).fit)(*iris) for i in range(3))
            assert_same_networks(fused, alone[:3])
    assert trained_sizes(stacks) == [3, 3]


@pytest.mark.parametrize("pre_dispatch", [1, "all", "2*n_jobs"])
def test_tasks_that_are_handed_in_late(pre_dispatch, iris, alone):
    with fused_training():
        fused = parallel(lambda i: classifier(i).fit(*iris), 4, pre_dispatch=pre_dispatch)
    assert_same_networks(fused, alone[:4])


def test_no_tasks_at_all():
    with fused_training():
        assert parallel(print, 0) == []


# Interrupts


@pytest.fixture
def ctrl_c():
    """Processes in the background of a shell ignore it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    Interrupt.is_pressed = False
    yield
    signal.signal(signal.SIGINT, before)


class Interrupt(keras.callbacks.Callback):
    """Presses Ctrl-C, once, in the second epoch."""

    is_pressed = False

    def on_epoch_end(self, epoch, logs=None):
        if epoch == 1 and not Interrupt.is_pressed:
            Interrupt.is_pressed = True
            _thread.interrupt_main()


@pytest.mark.usefixtures("ctrl_c")
def test_interrupt_in_training(iris, alone):
    endless = {"max_iter": 100_000, "n_iter_no_change": np.inf}
    with fused_training():
        search = GridSearchCV(classifier(callbacks=Interrupt(), **endless), RATES, cv=3)
        with pytest.raises(KeyboardInterrupt):
            search.fit(*iris)
        assert_threads_end()
        fused = parallel(lambda i: classifier(i).fit(*iris))
    assert_same_networks(fused, alone[:4])


@pytest.mark.usefixtures("ctrl_c")
def test_interrupt_in_nested_parallel_code(iris):
    endless = {"max_iter": 100_000, "n_iter_no_change": np.inf}

    def fit(i):
        est = classifier(callbacks=Interrupt(), **endless)
        return BaggingClassifier(est, 2, random_state=i).fit(*iris)

    with fused_training(), pytest.raises(KeyboardInterrupt):
        parallel(fit, 2)
    assert_threads_end()


@pytest.mark.usefixtures("ctrl_c")
def test_interrupt_while_tasks_run(iris):
    """Some wait for their training and some have not begun."""
    ended = []

    def fit(i):
        if i == 2:
            _thread.interrupt_main()
            time.sleep(0.5)  # so that the main thread comes first
        classifier(i).fit(*iris)
        ended.append(i)

    with fused_training():
        with pytest.raises(KeyboardInterrupt):
            parallel(fit, 6)
        assert_threads_end()
    assert ended == []


@pytest.mark.usefixtures("ctrl_c")
def test_search_after_an_interrupted_one(iris):
    """One context, an interrupted search, and another that knows nothing of it."""
    plain = cross_val_score(classifier(), *iris, cv=3)
    with fused_training():
        with pytest.raises(KeyboardInterrupt):
            cross_val_score(
                classifier(callbacks=Interrupt(), max_iter=100_000, tol=0.0), *iris, cv=3
            )
        fused = cross_val_score(classifier(), *iris, cv=3)
    np.testing.assert_array_equal(fused, plain)


# Generators


def test_generator(iris, alone, stacks):
    with fused_training():
        fused = parallel(lambda i: classifier(i).fit(*iris), 4, return_as="generator")
        assert_same_networks(fused, alone[:4])
    assert trained_sizes(stacks) == [4]


def test_generator_out_of_order(iris, alone):
    def fit(i):
        return i, classifier(i).fit(*iris)

    with fused_training():
        fused = dict(parallel(fit, 4, return_as="generator_unordered"))
    assert_same_networks([fused[i] for i in range(4)], alone[:4])


def test_generator_consumed_after_the_context(iris, alone):
    with fused_training():
        fused = parallel(lambda i: classifier(i).fit(*iris), 4, return_as="generator")
    assert_same_networks(fused, alone[:4])


@pytest.mark.parametrize("n_consumed", [0, 1])
def test_abandoned_generator(n_consumed, iris, alone):
    """joblib warns of it."""

    def fit(i):
        max_iter = 3 if i == 0 else 100_000
        return classifier(i, max_iter=max_iter, n_iter_no_change=np.inf).fit(*iris)

    with fused_training(max_networks=1):
        fused = parallel(fit, 4, return_as="generator")
        for _ in range(n_consumed):
            assert_same_network(next(fused), alone[0])
        with pytest.warns(UserWarning, match="tasks? (which were still|have been)"):
            del fused
        assert_threads_end()
        assert_same_network(parallel(fit, 1)[0], alone[0])


def test_generator_within_a_task(iris, alone):
    """Between two results the task runs, and may fit itself."""

    def fit(i):
        fitted = []
        inner = parallel(lambda j: classifier(j).fit(*iris), 2, return_as="generator")
        for est in inner:
            fitted += [est, classifier(i).fit(*iris)]
        return fitted

    with fused_training():
        fused = parallel(fit, 3)
    for i, networks in enumerate(fused):
        assert_same_networks(networks, [alone[0], alone[i], alone[1], alone[i]])


# Limits


def lack_memory(monkeypatch, is_too_much):
    """Training raises the error of a lack of memory where `is_too_much` of a program."""
    run = Program.run

    def run_or_fail(self, *args, **kwargs):
        if is_too_much(self):
            raise tf.errors.ResourceExhaustedError(None, None, "no memory")
        return run(self, *args, **kwargs)

    monkeypatch.setattr(Program, "run", run_or_fail)


def test_out_of_memory_is_trained_in_parts(iris, alone, monkeypatch):
    failed = []

    def is_too_much(program):
        is_too_wide = program.key.shape.n_networks > 2
        failed.append(is_too_wide)
        return is_too_wide

    lack_memory(monkeypatch, is_too_much)
    with fused_training():
        fused = parallel(lambda i: classifier(i).fit(*iris), 6)
    assert any(failed)
    assert_same_networks(fused, alone)


class Epochs(keras.callbacks.Callback):
    """Takes down the epochs' numbers; the learning rate depends on them."""

    def on_train_begin(self, logs=None):
        self.seen = []

    def on_epoch_begin(self, epoch, logs=None):
        self.seen.append(epoch)
        self.model.optimizer.learning_rate = 0.01 / (1 + epoch)


@pytest.mark.parametrize("n_calls", [0, 1, 2])
def test_out_of_memory_begins_anew(n_calls, iris, monkeypatch):
    """Nothing of the epochs before is left, in history or for callbacks."""

    def fit(i):
        epochs = Epochs()
        est = classifier(i, callbacks=epochs, max_iter=4).fit(*iris)
        return est, epochs.seen

    alone = [fit(i) for i in range(3)]
    calls = []

    def is_too_much(program):
        if program.key.shape.n_networks == 3:
            calls.append(program)
        return len(calls) == n_calls + 1 and program.key.shape.n_networks == 3

    lack_memory(monkeypatch, is_too_much)
    with fused_training():
        fused = parallel(fit, 3)
    assert len(calls) == n_calls + 1
    for (one, seen), (other, expected) in zip(fused, alone, strict=True):
        assert seen == expected
        assert_same_network(one, other)
        assert one.history_ == other.history_


def test_out_of_memory_for_one(iris, monkeypatch):
    lack_memory(monkeypatch, lambda program: True)
    with fused_training():
        fused = parallel(caught(lambda i: classifier(i).fit(*iris)))
        with pytest.raises(tf.errors.ResourceExhaustedError, match="no memory"):
            parallel(lambda i: classifier(i).fit(*iris))
    assert [type(e) for e in fused] == [tf.errors.ResourceExhaustedError] * 4


@pytest.mark.parametrize(
    "limits",
    [
        {"max_networks": 1},
        {"max_networks": 2},
        {"max_networks": np.int64(3)},
        {"max_memory": 1.0},
        {"max_memory": 5000},
        {"max_memory": np.inf},
        {"max_networks": 1, "max_memory": 1e-3},
    ],
    ids=str,
)
def test_limits(limits, iris, alone, stacks):
    with fused_training(**limits):
        fused = parallel(lambda i: classifier(i).fit(*iris), 6, n_jobs=2)
    assert_same_networks(fused, alone)
    sizes = trained_sizes(stacks)
    assert sum(sizes) == 6
    assert max(sizes) <= limits.get("max_networks", 6)


@pytest.fixture
def large_rows(monkeypatch):
    """Rows count as large, and there is one core to train on."""
    monkeypatch.setattr(gathering, "_AMPLE_BYTES", 0)
    monkeypatch.setattr(stack_trainer, "cpu_count", lambda: 1)


def test_large_rows_are_held_only_when_needed(large_rows, iris):
    under_way, most = 0, 0

    def fit(i):
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        est = classifier(i % 6).fit(*iris)
        under_way -= 1
        return est

    expected = [fit(i) for i in range(16)]
    with fused_training(max_networks=2):
        fused = parallel(fit, 16, pre_dispatch="all")
    assert_same_networks(fused, expected)
    # Those of the stack that is trained; more begin only when it has ended.
    assert most <= 3


def test_large_rows_in_nested_parallel_code(large_rows, iris):
    def fit_some(i):
        return parallel(lambda j: classifier(j, batch_size=20 + 5 * (i % 2)).fit(*iris))

    expected = [fit_some(i) for i in range(4)]
    with fused_training(max_networks=2):
        fused = parallel(fit_some, 4, n_jobs=2, pre_dispatch="all")
    for some, others in zip(fused, expected, strict=True):
        assert_same_networks(some, others)


@pytest.mark.parametrize(
    ("limits", "kind"),
    [
        ({"max_networks": 0}, ValueError),
        ({"max_networks": -1}, ValueError),
        ({"max_networks": 1.5}, TypeError),
        ({"max_networks": "a"}, TypeError),
        ({"max_networks": True}, TypeError),
        ({"max_networks": None}, TypeError),
        ({"max_memory": 0}, ValueError),
        ({"max_memory": -1}, ValueError),
        ({"max_memory": np.nan}, ValueError),
        ({"max_memory": "1 GB"}, TypeError),
        ({"max_memory": True}, TypeError),
    ],
    ids=str,
)
def test_bad_limits(limits, kind):
    ((name, value),) = limits.items()
    with pytest.raises(kind) as raised, fused_training(**limits):
        pytest.fail("entered")
    assert name in str(raised.value)
    assert repr(value) in str(raised.value)
    assert not is_fusing()


# The context


def is_fusing():
    return type(get_active_backend()[0]).__name__ == "FusionBackend"


def test_outside_nothing_has_changed():
    before = type(get_active_backend()[0])
    with fused_training():
        assert is_fusing()
    assert type(get_active_backend()[0]) is before
    with pytest.raises(ZeroDivisionError), fused_training():
        raise ZeroDivisionError
    assert type(get_active_backend()[0]) is before
    assert not is_fusing()


@pytest.fixture
def no_collection():
    """Python's garbage collector does nothing."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def test_nothing_is_left_for_the_garbage_collector(no_collection, iris):
    """Rows and fitted networks go when nobody needs them."""
    references = []

    def score(est, X, y):
        est.fit(X, y)
        references.extend(map(weakref.ref, (X, est, est.coefs_[0])))
        return est.score(X, y)

    def tasks():
        for i in range(6):
            X = (iris[0] + i).astype(np.float32)  # trained on as it is
            yield joblib.delayed(score)(classifier(i), X, iris[1])
            del X

    with fused_training():
        assert len(joblib.Parallel()(tasks())) == 6
    assert_threads_end()
    assert len(references) == 18
    assert [reference() for reference in references] == [None] * 18


def test_what_was_there_before_is_not_collected():
    """So that TensorFlow's objects are not gone through again and again."""

    class Cycle:
        def __init__(self):
            self.itself = self

    def is_collected(reference):
        gc.collect()
        return reference() is None

    gc.collect()
    before = weakref.ref(Cycle())
    with fused_training():
        assert not is_collected(before)
        with fused_training():
            new = weakref.ref(Cycle())
            assert is_collected(new)
        assert not is_collected(before)
    assert is_collected(before)


def test_what_somebody_else_has_frozen_stays_so():
    gc.freeze()
    try:
        with pytest.raises(ZeroDivisionError), fused_training():
            raise ZeroDivisionError
        assert gc.get_freeze_count()
    finally:
        gc.unfreeze()


def test_no_jobs():
    with fused_training(), pytest.raises(ValueError, match="n_jobs == 0"):
        parallel(print, 1, n_jobs=0)


def test_as_a_decorator(iris, alone, stacks):
    @fused_training()
    def fit_all():
        return parallel(lambda i: classifier(i).fit(*iris), 3)

    for _ in range(2):
        assert_same_networks(fit_all(), alone[:3])
    assert trained_sizes(stacks) == [3, 3]
    assert not is_fusing()


def test_plain_fit_in_the_context(iris, alone):
    with fused_training():
        assert_same_network(classifier().fit(*iris), alone[0])


@pytest.mark.parametrize(("n_jobs", "most"), [(None, 1), (1, 1), (2, 2)])
def test_number_of_tasks_that_run_at_a_time(n_jobs, most):
    n_running, largest, lock = 0, 0, threading.Lock()

    def count(i):
        nonlocal n_running, largest
        with lock:
            n_running += 1
            largest = max(largest, n_running)
        time.sleep(0.02)
        with lock:
            n_running -= 1
        return i

    with fused_training():
        assert parallel(count, 12, n_jobs=n_jobs) == list(range(12))
    assert largest <= most
    if joblib.cpu_count() >= most:
        assert largest == most


def test_tasks_without_fits_may_be_many():
    """More than may wait, in fewer threads than there are tasks."""
    threads = set()

    def note(i):
        threads.add(threading.active_count())
        return i

    with fused_training(max_networks=4):
        assert parallel(note, 200) == list(range(200))
    assert max(threads) < 100

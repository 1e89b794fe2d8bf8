"""Networks of several sizes and activations as one stack, against each by itself."""

import numpy as np
import pytest

from skdropout.network.activations import ACTIVATIONS
from skdropout.network.architecture import Architecture
from skdropout.training.frames import is_of_whole_layers
from skdropout.training.program import Program
from skdropout.training.trainer import train
from tasks import OPTIMIZERS, task_of

# Features, two hidden layers, outputs.
SIZES = ((5, 12, 8, 3), (4, 3, 20, 3), (7, 9, 1, 3))
PLACES = (None, "before_activation", "after_activation", "after_dropout")
OF_UNITS = [
    name
    for name in ACTIVATIONS
    if not is_of_whole_layers(Architecture((1, 1), name, "softmax"))
]


@pytest.fixture
def last_states(monkeypatch):
    """What the last call of each program has returned, by program."""
    states, run = {}, Program.run

    def recorded(program, *args, **kwargs):
        result = run(program, *args, **kwargs)
        states[program] = result[0]
        return result

    monkeypatch.setattr(Program, "run", recorded)
    return states


def assert_rest_is_zero(program, state, tasks):
    """All that a stack has beyond the weights of its networks is zero."""
    architecture = program.key.kind.architecture
    is_any_smaller = False
    for place, task in enumerate(tasks):
        whole = program.packer.weights_of(state, place, architecture)
        for values, spec in zip(whole, task.architecture.weight_specs, strict=True):
            is_any_smaller |= values.shape != spec.shape
            rest = values.copy()
            rest[tuple(map(slice, spec.shape))] = 0
            np.testing.assert_array_equal(rest, 0, err_msg=spec.role)
    assert is_any_smaller


def assert_equals_each_alone(tasks_of, rtol=2e-4, atol=2e-5):
    for one, alone in zip(train(tasks_of()), tasks_of(), strict=True):
        (expected,) = train([alone])
        np.testing.assert_allclose(
            one.progress.loss_curve, expected.progress.loss_curve, rtol=1e-4
        )
        for kind in ("weights", "state"):
            values, expected_values = (
                o.weights if kind == "weights" else o.optimizer_state.arrays
                for o in (one, expected)
            )
            for a, b in zip(values, expected_values, strict=True):
                np.testing.assert_allclose(a, b, rtol=rtol, atol=atol)


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_several_sizes_and_activations(optimizer, place, last_states):
    if place is not None and optimizer not in ("Adam", "SGD"):
        place = PLACES[1 + list(OPTIMIZERS).index(optimizer) % 3]

    def tasks():
        return [
            task_of(sizes, optimizer, place, activation)
            for sizes, activation in zip(SIZES, ("relu", "sigmoid", "tanh"), strict=True)
        ]

    outcomes = train(tasks())
    ((program, state),) = last_states.items()
    assert_rest_is_zero(program, state, tasks())
    shapes = [[w.shape for w in task.weights] for task in tasks()]
    assert [[w.shape for w in outcome.weights] for outcome in outcomes] == shapes
    assert_equals_each_alone(tasks)


@pytest.mark.parametrize("activation", OF_UNITS)
def test_each_activation_in_a_larger_frame(activation, last_states):
    def tasks():
        return [task_of(sizes, activation=activation) for sizes in SIZES]

    train(tasks())
    ((program, state),) = last_states.items()
    assert_rest_is_zero(program, state, tasks())


def test_all_activations_in_one_stack():
    def tasks():
        return [task_of(SIZES[0], activation=name) for name in OF_UNITS]

    assert_equals_each_alone(tasks)


@pytest.mark.parametrize("by_xla", [False, True])
def test_rows_and_seed_that_some_share(by_xla):
    def tasks():
        all_tasks = [
            task_of((5, n_units, 3), by_xla=by_xla, batch_size=64, n_rows=n_rows)
            for n_units in (3, 8, 20)
            for n_rows in (50, 50, 37)
        ]
        for task in all_tasks:
            first = next(t for t in all_tasks if len(t.rows) == len(task.rows))
            task.rows = first.rows
        return all_tasks

    assert_equals_each_alone(tasks)


def test_goes_on_in_another_frame():
    """The state of the optimizer of each network is that of its own shapes."""

    def trained(tasks):
        return [train([task])[0] for task in tasks]

    def next_call(outcomes):
        tasks = [task_of(sizes) for sizes in SIZES]
        for task, outcome in zip(tasks, outcomes, strict=True):
            task.weights, task.optimizer_state = outcome.weights, outcome.optimizer_state
            task.progress = outcome.progress.next_call()
        return tasks

    together = train(next_call(train([task_of(sizes) for sizes in SIZES])))
    alone = trained(next_call(trained([task_of(sizes) for sizes in SIZES])))
    for one, expected in zip(together, alone, strict=True):
        for a, b in zip(one.weights, expected.weights, strict=True):
            np.testing.assert_allclose(a, b, rtol=2e-4, atol=2e-5)

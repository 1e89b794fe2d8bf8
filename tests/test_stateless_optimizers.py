"""What we lean on of Keras's private names; says what has changed where one is gone."""

import inspect

import keras
import numpy as np
import pytest
import tensorflow as tf

from skdropout.training import stateless

OPTIMIZER = keras.optimizers.Optimizer


def changed(what):
    return (
        f"Keras {keras.__version__} has changed: {what}. skdropout/training/stateless.py "
        "leans on it to apply Keras's optimizers to stacks of networks."
    )


def test_the_general_class_has_the_methods():
    general = vars(stateless.general_optimizer())
    for name in stateless.GENERAL_METHODS:
        assert callable(general.get(name)), changed(f"its optimizers' general {name}")
    assert OPTIMIZER.__mro__[-2] is not OPTIMIZER, changed(
        "the optimizer for TensorFlow is itself the general one"
    )


@pytest.mark.parametrize("name", ["momentums", "_get_variable_index", "nesterov"])
def test_sgd_has_what_a_momentum_for_each_network_uses(name):
    optimizer = keras.optimizers.SGD(0.1, momentum=0.9)
    optimizer.build([keras.Variable(np.zeros((2, 3), np.float32))])
    assert hasattr(optimizer, name), changed(f"SGD no longer has {name}")


def test_sgd_updates_by_update_step():
    names = list(inspect.signature(keras.optimizers.SGD.update_step).parameters)
    assert names == ["self", "gradient", "variable", "learning_rate"], changed(
        f"SGD.update_step takes {names}"
    )


def test_a_missing_method_is_named(monkeypatch):
    general = stateless.general_optimizer()
    monkeypatch.delattr(general, "_backend_update_step")
    with pytest.raises(RuntimeError, match=r"Keras .* _backend_update_step"):
        stateless.general_optimizer()


@pytest.mark.parametrize("name", ["Adam", "SGD", "Ftrl"])
def test_is_a_function_of_its_state(name):
    kind = getattr(keras.optimizers, name)
    value, gradient = np.full((2, 3), 0.5, np.float32), np.ones((2, 3), np.float32)
    variable = keras.Variable(value)
    stock = kind(0.1)
    stock.apply([gradient], [variable])

    optimizer = stateless.stateless(kind)(0.1)
    optimizer.build([keras.Variable(value)])
    before = [v.numpy() for v in optimizer.variables]
    (weights,), state = optimizer.stateless_apply(
        [tf.constant(v) for v in before], [tf.constant(gradient)], [tf.constant(value)]
    )
    np.testing.assert_allclose(weights, variable.numpy(), rtol=1e-6)
    # Its own variables are as they were; the new state is that of the stock optimizer.
    for own, old in zip(optimizer.variables, before, strict=True):
        np.testing.assert_array_equal(own.numpy(), old)
    for new, theirs in zip(state, stock.variables, strict=True):
        np.testing.assert_allclose(new, theirs.numpy(), rtol=1e-6)

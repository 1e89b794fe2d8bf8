"""Keras's optimizers as functions of their state.

The one place that leans on names that Keras keeps private. On TensorFlow, Keras puts
methods that need variables in front of its general ones; a stateless optimizer is a stock
one with the general methods.
"""

import functools
from typing import Any

from .._backend import keras

#: Methods that Keras has both in general and for TensorFlow.
GENERAL_METHODS = (
    "stateless_apply",
    "assign",
    "assign_add",
    "assign_sub",
    "_apply_weight_decay",
    "_backend_update_step",
    "_var_key",
)


class RateOfStep(keras.optimizers.schedules.LearningRateSchedule):
    """Hands the optimizer whatever tensor the step has set."""

    current: Any = None

    def __call__(self, step):
        return self.current


class NetworkMomentumSGD(keras.optimizers.SGD):
    """SGD with a momentum for each network of a stack."""

    network_momentum: Any = None

    def update_step(self, gradient, variable, learning_rate):
        rate = keras.ops.cast(learning_rate, variable.dtype)
        velocity = self.momentums[self._get_variable_index(variable)]
        momentum, step = self.network_momentum, rate * gradient
        new_velocity = velocity * momentum - step
        self.assign(velocity, new_velocity)
        if self.nesterov:
            new_velocity = new_velocity * momentum - step
        self.assign_add(variable, new_velocity)


def general_optimizer() -> type:
    """The class in which Keras has the general methods.

    Raises
    ------
    RuntimeError
        If this version of Keras has none, or has renamed some of them.
    """
    bases = keras.optimizers.Optimizer.__mro__
    general = [base for base in bases if "stateless_apply" in vars(base)]
    missing = [
        name for name in GENERAL_METHODS if general and name not in vars(general[-1])
    ]
    if missing or not general:
        what = ", ".join(missing) or "stateless_apply"
        raise RuntimeError(
            f"Keras {keras.__version__} no longer has {what} in the class that all "
            "backends' optimizers derive from, so its optimizers cannot be applied to "
            "stacks of networks."
        )
    return general[-1]


@functools.cache
def stateless(kind: type) -> type:
    """A class of optimizers like `kind` whose ``stateless_apply`` works on TensorFlow."""
    general = vars(general_optimizer())
    methods = {name: general[name] for name in GENERAL_METHODS}
    base = type("Optimizer", (keras.optimizers.Optimizer,), methods)
    return type(kind.__name__, (kind, base), {})

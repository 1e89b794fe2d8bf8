"""Keras optimizers for stacks: which can be stacked, and how their state is kept."""

import functools
import json
from typing import Any

import numpy as np

from .._backend import keras, tf

# Their update of a weight depends on that weight's own gradient and slots alone.
_ELEMENT_WISE = (
    "Adadelta",
    "Adagrad",
    "Adam",
    "AdamW",
    "Adamax",
    "Ftrl",
    "Lion",
    "Nadam",
    "RMSprop",
    "SGD",
)
# Options that look at more than one weight or keep a count of their own.
_STACK_BREAKERS = (
    "clipnorm",
    "global_clipnorm",
    "use_ema",
    "gradient_accumulation_steps",
    "loss_scale_factor",
)


class _RateOfStep(keras.optimizers.schedules.LearningRateSchedule):
    """Hands the optimizer whatever tensor the step has set."""

    current: Any = None

    def __call__(self, step):
        return self.current


class _StackedSGD(keras.optimizers.SGD):
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


class OptimizerRecipe:
    """A Keras optimizer that is to be made: its class and its configuration.

    The optimizer itself is made only where Keras needs one: TensorFlow keeps tens of
    kilobytes of each, and it is a good part of the time of a small fit.

    Parameters
    ----------
    kind : type
    config : dict
        As of ``get_config``; the learning rate may also be a schedule itself.

    Attributes
    ----------
    key : tuple or None
        Equal for optimizers that one stack can hold; None where it cannot be stacked.
    momentum : float
        Set for each network of a stack.
    learning_rate : float or keras.optimizers.schedules.LearningRateSchedule
    """

    def __init__(self, kind: type, config: dict):
        self.kind = kind
        self.config = config
        rate = config["learning_rate"]
        if isinstance(rate, dict):
            rate = keras.saving.deserialize_keras_object(rate)
        self.learning_rate = rate
        self.momentum = 0.0
        self.key = self._stack_key()

    def _stack_key(self) -> tuple | None:
        names = vars(keras.optimizers)
        if not any(names.get(name) is self.kind for name in _ELEMENT_WISE):
            return None
        if any(self.config.get(name) for name in _STACK_BREAKERS):
            return None
        config = dict(self.config)
        del config["name"], config["learning_rate"]
        if self.kind is keras.optimizers.SGD:
            self.momentum = config["momentum"]
            config["momentum"] = 0.9 if self.momentum else 0.0
        return self.kind.__name__, json.dumps(config, sort_keys=True)

    def make(self):
        """A fresh optimizer."""
        return self.kind.from_config(self.config)


@functools.cache
def recipe_type(kind: type) -> type[OptimizerRecipe]:
    """Recipes of one class of optimizer, made from the arguments of its constructor."""

    class RoutedRecipe(OptimizerRecipe):
        def __init__(self, learning_rate, **arguments):
            config = _config_of(kind, tuple(sorted(arguments.items())))
            super().__init__(kind, {**config, "learning_rate": learning_rate})

    return RoutedRecipe


@functools.lru_cache
def _config_of(kind: type, arguments: tuple) -> dict:
    return kind(**dict(arguments)).get_config()


class StackOptimizer:
    """A stock Keras optimizer over variables with networks along the first axis.

    Variables and slots are only scratch space inside the compiled program: the state
    comes in and goes out as tensors.

    Parameters
    ----------
    key : tuple
        An `OptimizerRecipe.key`.
    variables : list of tf.Variable of shape (n_networks, ., .)
    """

    def __init__(self, key: tuple, variables: list):
        name, config = key
        kind = getattr(keras.optimizers, name)
        config = json.loads(config)
        self._has_momentum = kind is keras.optimizers.SGD and config["momentum"] > 0
        if self._has_momentum:
            kind = _StackedSGD
        self._rate = _RateOfStep()
        self._optimizer = kind(learning_rate=self._rate, **config)
        self._optimizer.build(variables)
        self._variables = variables
        state = [v.value for v in self._optimizer.variables]
        self._counts = [v for v in state if v.shape.rank == 0]
        self._slots = [v for v in state if v.shape.rank > 0]
        self._initial = [v.numpy() for v in (*self._counts, *self._slots)]

    def specs(self) -> tuple[list, list]:
        """Types of the slots and of the counts."""
        return (
            [tf.TensorSpec(v.shape, v.dtype) for v in self._slots],
            [tf.TensorSpec(v.shape, v.dtype) for v in self._counts],
        )

    def begin(self, slots: list, counts: list, momentum) -> None:
        """Take over a state; `momentum` has shape (n_networks,)."""
        for variable, value in zip(
            (*self._counts, *self._slots), (*counts, *slots), strict=True
        ):
            variable.assign(value)
        if self._has_momentum:
            self._optimizer.network_momentum = momentum[:, None, None]

    def apply(self, gradients: list, rates) -> None:
        """One step with `rates` of shape (n_networks,)."""
        self._rate.current = rates[:, None, None]
        self._optimizer.apply(gradients, self._variables)

    def end(self) -> tuple[list, list]:
        """The slots and the counts after the steps."""
        return (
            [v.read_value() for v in self._slots],
            [v.read_value() for v in self._counts],
        )

    def stack_state(self, states: list[list[np.ndarray]]) -> tuple[list, list]:
        """Slots and counts of the stack from its networks' states; fresh where empty.

        The counts, of steps above all, are common to the networks of a stack.
        """
        n_counts = len(self._counts)
        shapes = [v.shape for v in self._initial[:n_counts]]
        shapes += [v.shape[1:] for v in self._initial[n_counts:]]
        # Options such as amsgrad change what there is to keep.
        states = [s if [v.shape for v in s] == shapes else [] for s in states]
        first = states[0] or self._initial
        slots = [
            np.stack(
                [
                    state[i] if state else self._initial[i][network]
                    for network, state in enumerate(states)
                ]
            )
            for i in range(n_counts, len(self._initial))
        ]
        return (
            [tf.constant(v, tf.float32) for v in slots],
            [
                tf.constant(value, variable.dtype)
                for value, variable in zip(first[:n_counts], self._counts, strict=True)
            ],
        )

    @staticmethod
    def state_of(slots: list, counts: list, network: int) -> list[np.ndarray]:
        """State of one network of the stack: counts, then slots."""
        return [
            *(value.numpy() for value in counts),
            *(value[network].numpy() for value in slots),
        ]

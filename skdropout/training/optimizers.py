"""Keras optimizers for stacks: which can be stacked, and how their state is kept."""

import functools
import json
import math
from collections import Counter
from typing import Any, NamedTuple

import numpy as np

from .._backend import keras, tf
from .operations import clipped, sum_of_squares
from .optimizer_copies import made_from
from .stateless import NetworkMomentumSGD, RateOfStep, stateless

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
# Options that keep averages, sums or a scale of their own.
_STACK_BREAKERS = ("use_ema", "gradient_accumulation_steps", "loss_scale_factor")
_MAX_FLOAT32 = float(np.finfo(np.float32).max)


class OptimizerRecipe:
    """A Keras optimizer that is to be made: its class and its configuration.

    The optimizer itself is made only where Keras needs one: TensorFlow keeps tens of
    kilobytes of each, and it is a good part of the time of a small fit.

    Parameters
    ----------
    kind : type
    config : dict
        As of ``get_config``; the learning rate may also be a schedule itself.
    spared : str, optional
        Pattern of the names of variables that its own weight decay spares.
    attributes : dict, optional
        Of the instance, where they need not be in its configuration.

    Attributes
    ----------
    key : tuple or None
        Equal for optimizers that one stack can hold; None where it cannot be stacked.
    hyperparameters : dict
        Those of its settings of which a program takes one value for each network.
    learning_rate : float or keras.optimizers.schedules.LearningRateSchedule
    """

    def __init__(
        self,
        kind: type,
        config: dict,
        spared: str | None = None,
        attributes: dict | None = None,
    ):
        self.kind = kind
        self.config = config
        self.spared = spared if config.get("weight_decay") else None
        self.attributes = attributes or {}
        rate = config["learning_rate"]
        if isinstance(rate, dict):
            rate = keras.saving.deserialize_keras_object(rate)
        self.learning_rate = rate
        self.hyperparameters = {"momentum": 0.0, "clipnorm": _clipnorm_of(config)}
        self.key = self._stack_key()

    def _stack_key(self) -> tuple | None:
        names = vars(keras.optimizers)
        if not any(names.get(name) is self.kind for name in _ELEMENT_WISE):
            return None
        if self.spared or any(self.config.get(name) for name in _STACK_BREAKERS):
            return None
        rate = self.learning_rate
        if callable(rate) and not isinstance(
            rate, keras.optimizers.schedules.LearningRateSchedule
        ):
            return None
        config = dict(self.config)
        del config["name"], config["learning_rate"], config["clipnorm"]
        if self.kind is keras.optimizers.SGD:
            momentum = config["momentum"]
            self.hyperparameters["momentum"] = momentum
            config["momentum"] = 0.9 if momentum else 0.0
        return self.kind.__name__, json.dumps(config, sort_keys=True)

    def without_own_decay(self) -> "OptimizerRecipe":
        """The same without a weight decay of the optimizer's own."""
        if not self.config.get("weight_decay"):
            return self
        config = {**self.config, "weight_decay": 0.0}
        attributes = {k: v for k, v in self.attributes.items() if k != "weight_decay"}
        return OptimizerRecipe(self.kind, config, attributes=attributes)

    def __reduce__(self):
        # Those of `recipe_type` are of classes that cannot be pickled.
        return OptimizerRecipe, (self.kind, self.config, self.spared, self.attributes)

    def make(self):
        """A fresh optimizer."""
        return made_from(
            {
                "class": self.kind,
                "config": self.config,
                "spared": self.spared,
                "attributes": self.attributes,
            }
        )


def _clipnorm_of(config: dict) -> float:
    """Most that a gradient's norm may be; infinity for no bound, or none in float32."""
    clipnorm = config.get("clipnorm") or 0
    return clipnorm if 0 < clipnorm <= _MAX_FLOAT32 else math.inf


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


class Slot(NamedTuple):
    """An array that an optimizer keeps for a weight.

    Attributes
    ----------
    kind : int
        Which of those that it keeps for each weight.
    weight : int
    initial : float
        The value of all its elements before the first step.
    """

    kind: int
    weight: int
    initial: float


class StackOptimizer:
    """A stock Keras optimizer for weights with networks along the first axis.

    It keeps no state; that comes in and goes out as tensors: the slots of each weight,
    and counts, of steps above all, that are common to the stack.

    Parameters
    ----------
    key : tuple
        An `OptimizerRecipe.key`.
    shapes : list of tuple
        Shapes of the weights, (n_networks, ., .).

    Attributes
    ----------
    initial_counts : list of scalar ndarrays
    slots : list of Slot
        In the order in which the optimizer keeps them.
    """

    def __init__(self, key: tuple, shapes: list[tuple[int, ...]]):
        self._global_clipnorm = json.loads(key[1])["global_clipnorm"] or 0
        self._rate = RateOfStep()
        self._optimizer: Any = _stateless_optimizer(key, self._rate)
        self._optimizer.build([keras.Variable(tf.zeros(shape)) for shape in shapes])
        self._has_momentum = isinstance(self._optimizer, NetworkMomentumSGD)
        self._shapes = shapes
        self._is_count, self.initial_counts, self.slots = _kept(key, len(shapes))

    def specs(self) -> tuple[list, list]:
        """Types of the slots and of the counts."""
        return (
            [tf.TensorSpec(self._shapes[slot.weight], tf.float32) for slot in self.slots],
            [tf.TensorSpec((), v.dtype) for v in self.initial_counts],
        )

    def apply(
        self, weights: list, slots: list, counts: list, gradients: list, rates, momentum
    ) -> tuple[list, list, list]:
        """Weights, slots and counts after a step.

        `rates` and `momentum` have shape (n_networks,).
        """
        self._rate.current = tf.reshape(rates, (-1, 1, 1))
        if self._has_momentum:
            self._optimizer.network_momentum = tf.reshape(momentum, (-1, 1, 1))
        if self._global_clipnorm > 0:
            squares = tf.add_n([sum_of_squares(values) for values in gradients])
            gradients = [clipped(v, squares, self._global_clipnorm) for v in gradients]
        of_weights, of_stack = iter(slots), iter(counts)
        state = [next(of_stack if c else of_weights) for c in self._is_count]
        weights, state = self._optimizer.stateless_apply(state, gradients, weights)
        parts = list(zip(state, self._is_count, strict=True))
        return (
            weights,
            [value for value, is_count in parts if not is_count],
            [value for value, is_count in parts if is_count],
        )

    def release(self) -> None:
        """Give back the memory of what only `apply` needs, once that has been traced."""
        self._optimizer = None


def _stateless_optimizer(key: tuple, rate: RateOfStep):
    """The optimizer of an `OptimizerRecipe.key`; with momentum, that of each network."""
    name, config = key[0], json.loads(key[1])
    del config["global_clipnorm"]
    kind = getattr(keras.optimizers, name)
    if kind is keras.optimizers.SGD and config["momentum"] > 0:
        kind = NetworkMomentumSGD
    return stateless(kind)(learning_rate=rate, **config)


@functools.lru_cache
def _kept(key: tuple, n_weights: int) -> tuple[list[bool], list[np.ndarray], list[Slot]]:
    """What an optimizer keeps: which of its variables are counts, their values before the
    first step, and its slots."""
    optimizer = _stateless_optimizer(key, RateOfStep())
    # Each slot has the shape of its weight, which tells whose it is.
    optimizer.build([keras.Variable(tf.zeros((1, i + 1))) for i in range(n_weights)])
    initial = [v.numpy() for v in optimizer.variables]
    is_count = [v.ndim == 0 for v in initial]
    n_of_weight: Counter[int] = Counter()
    slots = []
    for values in initial:
        if values.ndim > 0:
            weight = values.shape[1] - 1
            slots.append(Slot(n_of_weight[weight], weight, float(values[0, 0])))
            n_of_weight[weight] += 1
    return is_count, [v for v in initial if v.ndim == 0], slots

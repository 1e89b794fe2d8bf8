"""Keras's own objects among the parameters of a saved estimator, as plain values.

So who loads one need not trust classes of Keras's, and a file can ask for none but those
of the parameter's kind. Objects of somebody else's classes are saved as they are.
"""

import inspect
from typing import Any

import numpy as np

from .network.activations import ACTIVATIONS

_PLAIN = (bool, int, float, str, type(None), np.bool_, np.number)
# Where Keras has what a parameter may be.
_MODULES = {
    "activation": "activations",
    "initializer": "initializers",
    "learning_rate": "optimizers.schedules",
    "optimizer": "optimizers",
}
_BASES = {
    "initializer": "initializers.Initializer",
    "learning_rate": "optimizers.schedules.LearningRateSchedule",
    "optimizer": "optimizers.Optimizer",
}


def as_saved(state: dict[str, Any]) -> dict[str, Any]:
    """An estimator's state with plain values in the place of Keras's own objects."""
    return state | {name: _saved(name, state[name]) for name in _MODULES if name in state}


def as_given(state: dict[str, Any]) -> dict[str, Any]:
    """The inverse of `as_saved`.

    Raises
    ------
    ValueError
        If a saved value is none that `as_saved` makes.
    """
    return state | {
        name: _given(name, state[name])
        for name in _MODULES
        if isinstance(state.get(name), dict)
    }


def _saved(name: str, value: Any) -> Any:
    if isinstance(value, _PLAIN):
        return value
    if name == "optimizer" and is_optimizer(value):
        return _saved_optimizer(value)
    kind = value if isinstance(value, type) or name == "activation" else type(value)
    own = _own_name(name, kind)
    if own is None:
        return value
    if kind is value:
        return {"keras": own}
    attributes = dict(vars(value))
    is_plain = all(_is_plain(part) for part in attributes.values())
    return {"keras": own, "attributes": attributes} if is_plain else value


def _saved_optimizer(optimizer) -> dict[str, Any]:
    from .training.optimizer_copies import state_of

    state = state_of(optimizer)
    rate = state["config"].get("learning_rate")
    return state | {
        "class": _own_name("optimizer", state["class"]) or state["class"],
        "config": state["config"] | {"learning_rate": _saved("learning_rate", rate)},
    }


def is_optimizer(value: Any) -> bool:
    """Whether an optimizer is a configured instance, as far as parameters go."""
    return hasattr(value, "get_config") and not isinstance(value, type)


def _given(name: str, saved: dict[str, Any]) -> Any:
    if name == "optimizer" and "config" in saved:
        return _given_optimizer(saved)
    if not saved.keys() <= {"keras", "attributes"}:
        raise _refused(name, saved, "keras")
    kind = _own(name).get(str(saved.get("keras")))
    if kind is None:
        raise _refused(name, saved, "keras")
    attributes = saved.get("attributes")
    if attributes is None:
        return kind
    if not isinstance(kind, type) or not _has_plain_values(attributes):
        raise _refused(name, saved, "attributes")
    # Another version of Keras may have other attributes, so it first makes its own.
    taken = inspect.signature(kind).parameters
    try:
        value = kind(**{key: attributes[key] for key in taken if key in attributes})
    except (TypeError, ValueError) as error:
        raise _refused(name, saved, "attributes") from error
    vars(value).update(attributes)
    return value


def _given_optimizer(saved: dict[str, Any]):
    from ._backend import keras
    from .training.optimizer_copies import made_from

    kind, config = saved.get("class"), saved["config"]
    own = _own("optimizer").get(kind) if isinstance(kind, str) else None
    # A class of somebody else's has been trusted by whoever loads this.
    if own is None and not (
        isinstance(kind, type) and issubclass(kind, keras.optimizers.Optimizer)
    ):
        raise _refused("optimizer", saved, "class")
    if not isinstance(config, dict):
        raise _refused("optimizer", saved, "config")
    config = as_given(config)
    # Keras takes a dictionary for the name of any class in any module.
    rate = config.get("learning_rate")
    rest = {name: part for name, part in config.items() if name != "learning_rate"}
    if not (_is_plain(rate) or callable(rate)) or (own and not _has_plain_values(rest)):
        raise _refused("optimizer", saved, "config")
    if not _has_plain_values(saved.get("attributes")):
        raise _refused("optimizer", saved, "attributes")
    if not isinstance(saved.get("spared"), (str, type(None))):
        raise _refused("optimizer", saved, "spared")
    if own is None:
        return made_from(saved | {"config": config})
    try:
        return made_from(saved | {"class": own, "config": config})
    except ValueError as error:
        raise _refused("optimizer", saved, "config") from error


def _own(name: str) -> dict[str, Any]:
    """Keras's own classes, or functions, of a parameter's kind, by their names."""
    from ._backend import keras

    found = keras
    for part in _MODULES[name].split("."):
        found = getattr(found, part)
    if name == "activation":
        return {known: getattr(found, known) for known in ACTIVATIONS}
    base = keras
    for part in _BASES[name].split("."):
        base = getattr(base, part)
    return {
        known: kind
        for known, kind in vars(found).items()
        if isinstance(kind, type) and issubclass(kind, base) and kind is not base
    }


def _own_name(name: str, kind: Any) -> str | None:
    """The name of something of Keras's own; None for anybody else's."""
    if not str(getattr(kind, "__module__", "")).startswith("keras."):
        return None  # without importing Keras
    own_name = getattr(kind, "__name__", "")
    return own_name if _own(name).get(own_name) is kind else None


def _is_plain(value: Any) -> bool:
    if isinstance(value, (list, tuple)):
        return all(isinstance(part, _PLAIN) for part in value)
    return isinstance(value, _PLAIN)


def _has_plain_values(values: Any) -> bool:
    return isinstance(values, dict) and all(
        isinstance(name, str) and _is_plain(value) for name, value in values.items()
    )


def _refused(name: str, saved: dict[str, Any], key: str) -> ValueError:
    allowed = {
        "keras": f"one of {sorted(_own(name))}",
        "class": f"one of {sorted(_own(name))}, or a class of optimizers",
        "config": "what the class takes: numbers, strings, a schedule",
        "attributes": "numbers and strings",
        "spared": "a string or None",
    }[key]
    return ValueError(
        f"This estimator was not saved by skdropout: its {name} is {saved!r}; as {key!r} "
        f"allowed is {allowed}."
    )

"""Copies of optimizer instances, with what their configuration lacks.

Keras copies and pickles an optimizer by its configuration, which does not hold what is
spared from weight decay, and cannot be read back where a class or a schedule in it is not
registered with Keras.
"""

from typing import Any

from .._backend import keras

_PLAIN = (bool, int, float, str, type(None))


def state_of(optimizer) -> dict[str, Any]:
    """All that makes up a fresh optimizer like this one, as what can be pickled.

    Raises
    ------
    ValueError
        If variables of a model are spared from its weight decay, by which none of another
        network can be found.
    """
    config = optimizer.get_config()
    rate = optimizer._learning_rate
    if callable(rate) and not isinstance(rate, keras.Variable):
        config["learning_rate"] = rate  # itself, as its class need not be registered
    pattern = getattr(optimizer, "_exclude_from_weight_decay_pattern", None)
    if config.get("weight_decay") and getattr(
        optimizer, "_exclude_from_weight_decay", None
    ):
        raise ValueError(
            f"optimizer={optimizer!r}: exclude_from_weight_decay(var_list=...) names "
            "variables of another model, not of the network that is to be trained. Name "
            "them by a part of their names instead, as in "
            'exclude_from_weight_decay(var_names=["bias", "gamma", "beta"]).'
        )
    kind = type(optimizer)
    return {
        "class": kind,
        "config": config,
        "spared": None if pattern is None else pattern.pattern,
        "attributes": {} if is_stock(kind) else _plain_attributes(optimizer),
    }


def made_from(state: dict[str, Any]):
    """A fresh optimizer."""
    kind = state["class"]
    try:
        optimizer = kind.from_config(dict(state["config"]))
    except TypeError as error:
        raise ValueError(
            f"optimizer: no {kind.__name__} can be made from what its get_config "
            f"returns ({error}). Have get_config return each argument of its constructor."
        ) from error
    known = _plain_attributes(optimizer)
    for name, value in state["attributes"].items():
        if name not in known or known[name] != value:
            setattr(optimizer, name, value)
    if state["spared"] is not None:
        optimizer.exclude_from_weight_decay(var_names=[state["spared"]])
    return optimizer


def is_stock(kind: type) -> bool:
    """Whether a class is one of Keras's own."""
    return vars(keras.optimizers).get(kind.__name__) is kind


def _plain_attributes(optimizer) -> dict[str, Any]:
    return {
        name: value
        for name, value in vars(optimizer).items()
        if isinstance(value, _PLAIN) and not name.startswith("_") and name != "built"
    }

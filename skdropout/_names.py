"""Names of activations, initializers, optimizers and scorers, and errors about them."""

import difflib
from collections.abc import Iterable
from numbers import Real
from typing import Any

import numpy as np
from sklearn.utils._param_validation import InvalidParameterError

from .network.activations import ACTIVATIONS
from .network.architecture import BATCH_NORM_PLACES

#: scikit-learn's name -> Keras's, where they differ.
SKLEARN_ACTIVATIONS = {"identity": "linear", "logistic": "sigmoid"}
_LEARNING_RATES = ("constant", "invscaling", "adaptive")
_LBFGS = (
    " L-BFGS goes by the loss of all rows, which with dropout or batch normalisation "
    "differs from step to step; scikit-learn's own MLP has it."
)
# PyTorch's names, after the authors of the methods.
_INITIALIZER_PREFIXES = {"xavier_": "glorot_", "kaiming_": "he_"}


def unknown_name(
    parameter: str, value: Any, known: Iterable[Any], hint: str = ""
) -> Exception:
    """The error for a value that is not among `known`, which are names for the most
    part; suggests the closest, and ends with the hint."""
    known = sorted({str(name).lower(): name for name in known}.values(), key=str)
    return InvalidParameterError(
        f"The {parameter!r} parameter must be one of {known}. Got {value!r} instead."
        + _suggestion(value, known)
        + hint
    )


def _suggestion(value: Any, known: Iterable[Any]) -> str:
    """A sentence that names the closest, or those that begin so, if there are any."""
    by_text = {str(name).lower(): name for name in known}
    text = value.lower() if isinstance(value, str) else ""
    close = difflib.get_close_matches(text, by_text, n=1)
    if not close and text:
        close = [name for name in sorted(by_text) if name.startswith(text)]
    if not close:
        return ""
    return f" Did you mean {' or '.join(repr(by_text[name]) for name in close)}?"


def resolve_batch_norm(value: Any) -> str | None:
    """Place of the batch normalisation; None for none."""
    if value is None:
        return None
    if isinstance(value, (bool, np.bool_)):
        return "before_activation" if value else None
    if isinstance(value, str) and value in BATCH_NORM_PLACES:
        return value
    raise unknown_name("batch_norm", value, (*BATCH_NORM_PLACES, True, False))


def resolve_learning_rate(value: Any):
    """A policy's name, or a Keras schedule as it is."""
    if isinstance(value, str):
        if value in _LEARNING_RATES:
            return value
        raise unknown_name("learning_rate", value, _LEARNING_RATES)
    from ._backend import keras

    if isinstance(value, keras.optimizers.schedules.LearningRateSchedule):
        return value
    message = (
        f"The 'learning_rate' parameter must be one of {sorted(_LEARNING_RATES)} or an "
        "instance of keras.optimizers.schedules.LearningRateSchedule. "
        f"Got {value!r} instead."
    )
    if isinstance(value, Real):
        message += f" For a rate, write learning_rate_init={value!r}."
    elif callable(value):
        message += (
            " For a schedule of your own, derive a class from LearningRateSchedule whose "
            "__call__(self, step) returns the rate, and pass an instance of it."
        )
    raise InvalidParameterError(message)


def resolve_scoring(value: Any):
    """A scorer, given by name or as it is; None and ``"loss"`` as they are."""
    if value is None or (isinstance(value, str) and value == "loss"):
        return value
    from sklearn.metrics import get_scorer, get_scorer_names

    names = get_scorer_names()
    if isinstance(value, str) and value in names:
        return get_scorer(value)
    module = getattr(value, "__module__", None) or ""
    is_metric = module.startswith("sklearn.metrics") and not module.endswith("_scorer")
    if callable(value) and not isinstance(value, type) and not is_metric:
        return value
    message = (
        "The 'scoring' parameter must be None, 'loss', a name of "
        "sklearn.metrics.get_scorer_names() or a scorer, called as "
        f"scorer(estimator, X, y). Got {value!r} instead."
    )
    if is_metric:
        message += " For a metric, pass sklearn.metrics.make_scorer(...) of it."
    raise InvalidParameterError(message + _suggestion(value, ["loss", *names]))


def resolve_activation(value: Any) -> str:
    """Keras's name of an activation given by scikit-learn's or Keras's, or as Keras's
    function."""
    name = value if isinstance(value, str) else getattr(value, "__name__", None)
    known = {*ACTIVATIONS, *SKLEARN_ACTIVATIONS}
    if name in known and not isinstance(value, str):
        from ._backend import keras

        if getattr(keras.activations, name, None) is not value:
            name = None
    if name not in known:
        raise unknown_name("activation", value, known)
    return SKLEARN_ACTIVATIONS.get(name, name)


def _keras_classes(module, base) -> dict[str, type]:
    return {
        name.lower(): value
        for name, value in vars(module).items()
        if isinstance(value, type) and issubclass(value, base) and value is not base
    }


def resolve_optimizer(value: Any):
    """The class of an optimizer given by name or class; an instance as it is."""
    from ._backend import keras

    base = keras.optimizers.Optimizer
    if isinstance(value, base) or (isinstance(value, type) and issubclass(value, base)):
        return value
    known = _keras_classes(keras.optimizers, base)
    for wrapper in ("lossscaleoptimizer", "multioptimizer"):  # they need an optimizer
        known.pop(wrapper, None)
    if not isinstance(value, str) or value.lower() not in known:
        is_lbfgs = isinstance(value, str) and value.lower().replace("-", "") == "lbfgs"
        raise unknown_name("optimizer", value, known, _LBFGS if is_lbfgs else "")
    return known[value.lower()]


def resolve_initializer(value: Any):
    """The class of an initializer given by name; an instance or function as it is."""
    from ._backend import keras

    base = keras.initializers.Initializer
    if isinstance(value, str):
        name = value
        for prefix, replacement in _INITIALIZER_PREFIXES.items():
            if name.startswith(prefix):
                name = replacement + name.removeprefix(prefix)
        known = {
            name: kind
            for name, kind in vars(keras.initializers).items()
            if isinstance(kind, type) and issubclass(kind, base) and kind is not base
        }
        if name in known:
            return known[name]
        theirs = [
            prefix + name.removeprefix(replacement)
            for prefix, replacement in _INITIALIZER_PREFIXES.items()
            for name in known
            if name.startswith(replacement)
        ]
        names = [name for name in known if name.islower()]
        raise unknown_name("initializer", value, names + theirs)
    if isinstance(value, type) and issubclass(value, base):
        return value
    if callable(value):
        return value
    raise InvalidParameterError(
        "The 'initializer' parameter must be a Keras initializer or its name. "
        f"Got {value!r} instead."
    )

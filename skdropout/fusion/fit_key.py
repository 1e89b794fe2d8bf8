"""What tells one fit from every other: all that its result depends on."""

import hashlib
import inspect
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np

from ..training.task import Rows, Task

# Of whom an object's name and settings tell what it does.
_TRUSTED = ("keras", "sklearn")


class _Unknown(Exception):
    """Nothing tells what a part does, such as a function of the user's."""


def fit_key(task: Task) -> bytes | None:
    """Equal for fits that have the same result, up to the rounding of their stacks; None
    if nothing can tell that of this one.

    The versions of the libraries are not part of it.
    """
    if task.hook is not None:
        return None
    settings = {f.name: getattr(task.settings, f.name) for f in fields(task.settings)}
    del settings["verbose"]
    scoring, validation = settings["scoring"], task.validation
    if callable(scoring):
        # With targets as the scorer sees them, who may go by the names of classes.
        assert validation is not None
        settings["scoring"] = scoring.scorer, scoring.targets(validation)
    optimizer = task.optimizer
    digest = hashlib.blake2b(digest_size=32)
    try:
        _take_in(
            digest,
            [
                task.architecture.to_state(),
                settings,
                optimizer.key,
                optimizer.learning_rate,
                optimizer.hyperparameters,
                task.progress,
                task.weights,
                list(task.optimizer_state),
                task.rows,
                validation,
            ],
        )
    except _Unknown:
        return None
    return digest.digest()


def _take_in(digest, value: Any) -> None:
    """Of each part its kind and its size, so that no two make the same bytes."""
    if value is None or isinstance(value, (bool, int, float, str, bytes)):
        text = repr(value).encode()
        digest.update(b"%s %d:%s" % (type(value).__name__.encode(), len(text), text))
    elif isinstance(value, Rows):
        digest.update(b"rows" + value.fingerprint())
    elif isinstance(value, (np.ndarray, np.generic)):
        values = np.asarray(value)
        if values.dtype == object:
            _take_in(digest, values.tolist())
            return
        digest.update(f"array {values.dtype.str} {values.shape}".encode())
        digest.update(np.ascontiguousarray(values).data)
    elif isinstance(value, (list, tuple)):
        digest.update(b"list %d" % len(value))
        for part in value:
            _take_in(digest, part)
    elif isinstance(value, Mapping):
        _take_in(digest, sorted(value.items()))
    elif is_dataclass(value) and not isinstance(value, type):
        _take_in(digest, {f.name: getattr(value, f.name) for f in fields(value)})
    else:
        _take_in_object(digest, value)


def _take_in_object(digest, value: Any) -> None:
    """A schedule of Keras's, a scorer of scikit-learn's or a function of theirs."""
    is_named = inspect.isfunction(value) or isinstance(value, type)
    kind = value if is_named else type(value)
    if (kind.__module__ or "").partition(".")[0] not in _TRUSTED:
        raise _Unknown
    digest.update(f"object {kind.__module__} {kind.__qualname__}".encode())
    if is_named:
        return
    if hasattr(value, "get_config"):
        _take_in(digest, value.get_config())
    else:
        _take_in(digest, vars(value))

"""Callbacks that can be copied and pickled after training, as before it."""

import contextlib
import copy
import io
import pickle
from collections.abc import Iterator
from types import FunctionType
from typing import Any

from .._backend import keras, tf

_OF_KERAS = (keras.layers.Layer, keras.optimizers.Optimizer, keras.Variable, tf.Variable)
_CONTAINERS = (list, dict, set)
_PLAIN = (bool, int, float, str, bytes, type(None))


@contextlib.contextmanager
def left_copyable(callbacks: list) -> Iterator[None]:
    """Put back what the callbacks have taken up meanwhile that cannot be copied: the
    model, open files, threads. What they have measured stays."""
    everyone = _with_inner(callbacks)
    found = [_snapshot(callback) for callback in everyone]
    try:
        yield
    finally:
        everyone_now = {id(callback) for callback in _with_inner(everyone)}
        for callback, (values, contents) in zip(everyone, found, strict=True):
            _put_back(callback, values, contents, everyone_now)


def _with_inner(callbacks: list) -> list:
    """The callbacks, and those that they hold in turn."""
    everyone = {id(callback): callback for callback in callbacks}
    to_see = list(everyone.values())
    while to_see:
        for value in vars(to_see.pop()).values():
            members = value.values() if isinstance(value, dict) else value
            if not isinstance(value, (list, tuple, dict)):
                members = [value]
            for inner in members:
                if isinstance(inner, keras.callbacks.Callback) and id(inner) not in (
                    everyone
                ):
                    everyone[id(inner)] = inner
                    to_see.append(inner)
    return list(everyone.values())


def _snapshot(callback) -> tuple[dict[str, Any], dict[str, Any]]:
    """A callback's attributes, and copies of those that are containers."""
    values = dict(vars(callback))
    contents = {k: copy.copy(v) for k, v in values.items() if type(v) in _CONTAINERS}
    return values, contents


def _put_back(callback, values: dict, contents: dict, callbacks: set[int]) -> None:
    # Of a class that cannot be pickled, only copies can be asked for.
    is_lenient = not _is_importable(type(callback))
    attributes = vars(callback)
    for name, value in list(attributes.items()):
        is_same = name in values and values[name] is value
        if (is_same and name not in contents) or _is_copyable(
            value, callbacks, is_lenient
        ):
            continue
        if is_same:
            if _is_copyable(contents[name], callbacks, is_lenient):
                _refill(value, contents[name])
            continue
        if isinstance(value, io.IOBase):
            with contextlib.suppress(Exception):
                value.close()
        if name in values:
            attributes[name] = values[name]
        else:
            del attributes[name]


def _refill(container, contents) -> None:
    container.clear()
    if isinstance(container, list):
        container.extend(contents)
    else:
        container.update(contents)


class _Probe(pickle.Pickler):
    """Fails for what cannot be pickled, and for a part of a model."""

    def __init__(self, callbacks: set[int], is_lenient: bool):
        super().__init__(_Nowhere(), protocol=5, buffer_callback=lambda buffer: None)
        self._callbacks, self._is_lenient = callbacks, is_lenient

    def persistent_id(self, value):
        # Callbacks are looked at by themselves.
        return "callback" if id(value) in self._callbacks else None

    def reducer_override(self, value):
        if isinstance(value, _OF_KERAS):
            raise pickle.PicklingError("part of a model")
        if self._is_lenient and isinstance(value, (type, FunctionType)):
            return NotImplemented if value is str else (str, ())
        return NotImplemented


class _Nowhere:
    def write(self, data) -> int:
        return len(data)


def _is_copyable(value, callbacks: set[int], is_lenient: bool) -> bool:
    if isinstance(value, _PLAIN):
        return True
    try:
        _Probe(callbacks, is_lenient).dump(value)
    except Exception:
        return False
    return True


def _is_importable(kind: type) -> bool:
    try:
        pickle.dumps(kind)
    except Exception:
        return False
    return True

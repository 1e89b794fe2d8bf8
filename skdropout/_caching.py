"""Calls whose results are kept."""

import threading
from collections import defaultdict
from collections.abc import Callable, Hashable
from typing import TypeVar

_Key = TypeVar("_Key", bound=Hashable)
_Value = TypeVar("_Value")


def once_for_each(make: Callable[[_Key], _Value]) -> Callable[[_Key], _Value]:
    """Decorate a function of a key to be called once for each, also by many threads.

    Those that come with the same key wait for the first; different keys are served at
    the same time.
    """
    lock = threading.Lock()
    locks: defaultdict[_Key, threading.Lock] = defaultdict(threading.Lock)
    made: dict[_Key, _Value] = {}

    def get(key: _Key) -> _Value:
        with lock:
            own = locks[key]
        with own:
            if key not in made:
                made[key] = make(key)
            return made[key]

    return get

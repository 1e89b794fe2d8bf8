"""What is said to people, which is never worth an error.

``sys.stdout`` and ``sys.stderr`` are None without a console, and in notebooks, services
and tests any object at all, which may be closed or have lost its other end.
"""

import contextlib
import sys
import warnings
import weakref
from contextvars import ContextVar
from types import FrameType
from typing import Any, NamedTuple

# Whose code calls ours on behalf of the user's.
_BETWEEN = frozenset(
    ("skdropout", "sklearn", "scikeras", "imblearn", "joblib", "contextlib", "functools")
)
# Below these there is nobody's code who has asked for a fit.
_OF_THREADS = frozenset(("threading", "concurrent", "multiprocessing"))


def write_line(stream: Any, line: str) -> None:
    """Write a line to what stands for `sys.stdout` or `sys.stderr`, if it can be done.

    Parameters
    ----------
    stream : object
    line : str
    """
    with contextlib.suppress(Exception):
        stream.write(line + "\n")  # at once, as other threads write too


class Place(NamedTuple):
    """A line of somebody's code, as warnings have it.

    Attributes
    ----------
    filename : str
    line : int
    module : str
    registry : dict
        In which Python notes what has been said of that module.
    said : set of str or None
        What has been said in the search, or the call of joblib, that leads here.
    """

    filename: str
    line: int
    module: str
    registry: dict
    said: set[str] | None


_of_call: ContextVar[Place | None] = ContextVar("_of_call", default=None)


class _Said(NamedTuple):
    """What has been said since an estimator has begun a call of joblib."""

    call: weakref.ref
    texts: set[str]


# By the estimator, as a search refits after its call; else by joblib's `Parallel`.
_said_by: weakref.WeakKeyDictionary[Any, _Said] = weakref.WeakKeyDictionary()


def note_call() -> None:
    """Have what follows in this context of variables belong to the call of joblib that
    is being made."""
    if _of_call.get() is None:
        _of_call.set(_place())


def warn(
    message: str, category: type[Warning] = UserWarning, topic: str | None = None
) -> None:
    """Warn of something, from the user's own line, and of the same but once a search.

    As Python does by default of the same line; but scikit-learn has it forget what has
    been said in each fit of a search. Errors of a `sys.stderr` that cannot be written to
    are left out.

    Parameters
    ----------
    message : str
    category : type, default=UserWarning
    topic : str, optional
        Equal for messages that are the same but for figures; by default the message.
    """
    place = _place()
    if place.said is not None and _is_said_once(message, category, place):
        if (topic or message) in place.said:
            return
        place.said.add(topic or message)
    with contextlib.suppress(AttributeError, ValueError):
        warnings.warn_explicit(
            message, category, place.filename, place.line, place.module, place.registry
        )


def _place() -> Place:
    """The user's line, in the innermost function that is neither ours nor of those
    between; where this thread has none, that which has made the call of joblib."""
    of_call = _of_call.get()
    frame: FrameType | None = sys._getframe(1)
    nearest = user = owner = call = None
    while frame is not None:
        name = frame.f_globals.get("__name__", "")
        package = name.partition(".")[0]
        if package in _OF_THREADS:
            break
        if nearest is None and package != "skdropout":
            nearest = frame
        if user is None and package not in _BETWEEN:
            user = frame
        if name == "joblib.parallel" and frame.f_code.co_name == "__call__":
            owner, call = None, frame.f_locals.get("self")
        elif package == "sklearn" and "self" in frame.f_locals:
            owner = frame.f_locals["self"]
        frame = frame.f_back
    said = _said(owner, call) if of_call is None else of_call.said
    if user is None and of_call is not None:
        return of_call
    found = user or nearest
    if found is None:  # a thread of ours
        return Place("sys", 1, "sys", {}, said)
    return Place(
        found.f_code.co_filename,
        found.f_lineno,
        found.f_globals.get("__name__", "<unknown>"),
        found.f_globals.setdefault("__warningregistry__", {}),
        said,
    )


def _said(owner: Any, call: Any) -> set[str] | None:
    """What has been said in a call of joblib, or else since the last one of its owner.

    Parameters
    ----------
    owner : object or None
        Within whose method of scikit-learn's all else happens.
    call : joblib.Parallel or None
        The outermost, within that.
    """
    key = call if owner is None else owner
    if key is None:
        return None
    try:
        said = _said_by.get(key)
        if call is not None and (said is None or said.call() is not call):
            said = _said_by[key] = _Said(weakref.ref(call), set())
    except TypeError:  # an owner without a hash, or that cannot be referred to weakly
        return None
    return None if said is None else said.texts


def _is_said_once(message: str, category: type[Warning], place: Place) -> bool:
    """Whether the filters ask for this warning once a line, module or process."""
    for action, text, kind, module, line in warnings.filters:
        if (
            issubclass(category, kind)
            and line in (0, place.line)
            and (text is None or text.match(message))
            and (module is None or module.match(place.module))
        ):
            return action in ("default", "module", "once")
    return True

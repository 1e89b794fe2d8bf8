"""What is said to people, which is never worth an error.

``sys.stdout`` and ``sys.stderr`` are None without a console, and in notebooks, services
and tests any object at all, which may be closed or have lost its other end.
"""

import contextlib
import warnings
from typing import Any


def write_line(stream: Any, line: str) -> None:
    """Write a line to what stands for `sys.stdout` or `sys.stderr`, if it can be done.

    Parameters
    ----------
    stream : object
    line : str
    """
    with contextlib.suppress(Exception):
        stream.write(line + "\n")  # at once, as other threads write too


def warn(
    message: str, category: type[Warning] = UserWarning, stacklevel: int = 1
) -> None:
    """``warnings.warn``, without the errors of a `sys.stderr` that cannot be written to.

    Parameters
    ----------
    message : str
    category : type, default=UserWarning
    stacklevel : int, default=1
        1 is the caller.
    """
    with contextlib.suppress(AttributeError, ValueError):
        warnings.warn(message, category, stacklevel=stacklevel + 1)

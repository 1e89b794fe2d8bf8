"""Who makes a call of joblib, and what he is doing."""

import threading
from collections.abc import Callable
from types import GeneratorType


class Caller:
    """The thread that makes a call of joblib, as far as it can be seen from others.

    An interrupt may end the call at any line, so that joblib does not get to tell of it.

    Parameters
    ----------
    output : callable, optional
        Returns joblib's generator of results, within which the tasks are handed in, or
        None if it is gone.

    Attributes
    ----------
    thread : int
        Its identifier.
    """

    def __init__(self, output: Callable[[], GeneratorType | None] | None = None):
        self.thread = threading.get_ident()
        self._output = output

    @property
    def is_at_work(self) -> bool:
        """Whether joblib's code runs; if not, no tasks are handed in."""
        if self._output is None:
            return True
        output = self._output()
        return output is not None and output.gi_running

    @property
    def has_left(self) -> bool:
        """Whether nobody will ask for results any more."""
        if self._output is None:
            return False
        output = self._output()
        return output is None or output.gi_frame is None

"""A time after which nothing more is trained."""

import time
from typing import NamedTuple

from ..training.task import OutOfTime


class TimeLimit(NamedTuple):
    """So many seconds from a start, which is one of ``time.monotonic``."""

    seconds: float
    start: float

    def check(self) -> None:
        """Raise OutOfTime once the time is over."""
        if time.monotonic() - self.start > self.seconds:
            raise OutOfTime(
                f"The time_limit of {self.seconds:g} s was over before this network was "
                "trained."
            )

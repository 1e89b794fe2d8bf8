"""A time after which nothing more is trained."""

import time
from typing import NamedTuple

from ..training.task import OutOfTime


class TimeLimit(NamedTuple):
    """So many seconds from a start, which is one of ``time.monotonic``."""

    seconds: float
    start: float

    @property
    def seconds_left(self) -> float:
        return self.start + self.seconds - time.monotonic()

    def check(self) -> None:
        """Raise OutOfTime once the time is over."""
        if self.seconds_left < 0:
            raise OutOfTime(
                f"The time_limit of {self.seconds:g} s was over before this network was "
                "trained."
            )

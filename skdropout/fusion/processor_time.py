"""How much threads have computed, as others can see it."""

import threading
import time
from collections.abc import Iterable
from contextlib import suppress


def of_threads(identifiers: Iterable[int]) -> dict[int, float] | None:
    """Seconds of processor time that threads have used, of those that are alive; None
    where the system does not tell."""
    if not hasattr(time, "pthread_getcpuclockid"):
        return None
    alive = {thread.ident or 0 for thread in threading.enumerate()}
    seconds = {}
    for thread in alive.intersection(identifiers):
        with suppress(OSError):  # it may have ended since
            seconds[thread] = time.clock_gettime(time.pthread_getcpuclockid(thread))
    return seconds

"""How many programs this process has, and what a further one may be.

TensorFlow gives back nothing of a program, and one that XLA has compiled takes some
hundred memory maps, of which the kernel grants a process a limited number: whoever asks
for more is ended.
"""

from collections.abc import Hashable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from .._output import warn

Compilation = Literal["xla", "graph", "none"]

# Programs of each kind, at most: those by XLA take about 15 MB each.
_MOST: dict[Compilation, int] = {"xla": 100, "graph": 64}
# From so many on, programs are for coarser sizes, of which there are fewer.
_MANY = 48
# Memory maps of a program that XLA compiles, generously.
_MAPS_OF_PROGRAM = 256
_MAPS, _MOST_MAPS = Path("/proc/self/maps"), Path("/proc/sys/vm/max_map_count")

# Several threads may count at a time: a program more or less does not matter.
_known: set[Hashable] = set()
_n_programs: dict[Compilation, int] = {"xla": 0, "graph": 0, "none": 0}
_has_warned = False


def are_many() -> bool:
    """Whether there are so many programs that further ones are for coarser sizes."""
    return _n_programs["xla"] + _n_programs["graph"] >= _MANY


def has(key: Hashable) -> bool:
    """Whether there is a program of this key, for some number of networks."""
    return key in _known


@contextmanager
def taken(key: Hashable, by_xla: bool) -> Iterator[Compilation]:
    """How a further program is to be compiled, which counts unless making it fails.

    Warns once if it is not as was asked for.
    """
    kinds: tuple[Compilation, ...] = ("xla", "graph") if by_xla else ("graph",)
    for kind in kinds:
        if _n_programs[kind] < _MOST[kind] and (kind == "graph" or _has_maps()):
            break
    else:
        kind = "none"
    if kind != kinds[0]:
        _warn_once()
    _n_programs[kind] += 1
    try:
        yield kind
    except BaseException:
        _n_programs[kind] -= 1
        raise
    if kind != "none":
        _known.add(key)


def _has_maps() -> bool:
    """Whether the kernel grants the memory maps of one more program; half of what it
    grants is left to others."""
    try:
        most = int(_MOST_MAPS.read_text())
        with _MAPS.open("rb") as lines:
            n_maps = sum(1 for _ in lines)
    except OSError:  # another kernel
        return True
    return n_maps + _MAPS_OF_PROGRAM < most / 2


def _warn_once() -> None:
    global _has_warned
    if _has_warned:
        return
    _has_warned = True
    n_programs = _n_programs["xla"] + _n_programs["graph"]
    warn(
        f"This process has compiled {n_programs} training programs, each of which takes "
        "memory until the process ends. What would need a further one, such as a network "
        "of another depth or with another optimizer, is from now on trained without "
        "compiling it, which gives the same results more slowly. A new process, such as "
        "those of joblib's n_jobs, compiles anew.",
    )

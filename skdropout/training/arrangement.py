"""Which network of a stack has which place, so that few programs serve many stacks."""

from collections.abc import Hashable, Sequence
from typing import NamedTuple

# Rather than fill up more places than this with copies, networks share no rows.
_MOST_PLACES = 1.25


class Shape(NamedTuple):
    """What a program depends on of the networks that it trains.

    Attributes
    ----------
    n_networks : int
    n_inputs, n_targets : int
        Streams of input rows and of targets. Each serves equally many networks, the first
        stream the first of them.
    n_seeds : int
        One seed for all networks, or one for each.
    """

    n_networks: int
    n_inputs: int
    n_targets: int
    n_seeds: int


class Arrangement(NamedTuple):
    """Who fills a shape.

    Attributes
    ----------
    places : list of int
        The network in each place. One that comes again is padding.
    inputs, targets : list of int
        For each stream, a network that uses it.
    """

    places: list[int]
    inputs: list[int]
    targets: list[int]


def arrange(
    inputs: Sequence[Hashable],
    targets: Sequence[Hashable],
    seeds: Sequence[Hashable],
    size: int = 0,
) -> tuple[Shape, Arrangement]:
    """The shape that suits some networks best, and who has which place in it.

    Parameters
    ----------
    inputs, targets, seeds : sequence
        Equal for networks that see the same input rows in each step, the same targets,
        and the same noise.
    size : int
        A shape as for so many networks at least: those of another stack.
    """
    columns = group_equal(inputs)
    n = max(len(inputs), size)
    height = padded_size(max(-(-size // len(columns)), *map(len, columns)))
    if n > 1 and (height == 1 or height * len(columns) > _MOST_PLACES * n):
        columns = [[i] for column in columns for i in column]
        columns += columns[:1] * (padded_size(n) - len(columns))
        height = 1
    first = [column[0] for column in columns]
    places = [i for c in columns for i in c + c[:1] * (height - len(c))]
    has_common_targets = all(len({targets[i] for i in c}) == 1 for c in columns)
    arrangement = Arrangement(places, first, first if has_common_targets else places)
    shape = Shape(
        n_networks=len(places),
        n_inputs=len(first),
        n_targets=len(arrangement.targets),
        n_seeds=1 if len(set(seeds)) == 1 else len(places),
    )
    return shape, arrangement


def group_equal(values: Sequence[Hashable]) -> list[list[int]]:
    """Positions of equal values together, in the order in which they first come."""
    groups: dict[Hashable, list[int]] = {}
    for i, value in enumerate(values):
        groups.setdefault(value, []).append(i)
    return list(groups.values())


def padded_size(n: int) -> int:
    """The next of eight sizes per power of two."""
    step = max(1, 2 ** (n.bit_length() - 4))
    return -(-n // step) * step

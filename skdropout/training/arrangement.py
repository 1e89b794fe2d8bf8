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
    n_noises : int
        Streams of noise: that of a place is the remainder of its number by this.
    """

    n_networks: int
    n_inputs: int
    n_targets: int
    n_noises: int


class Arrangement(NamedTuple):
    """Who fills a shape.

    Attributes
    ----------
    places : list of int
        The network in each place. One that comes again is padding.
    inputs, targets, noises : list of int
        For each stream, a network that uses it.
    """

    places: list[int]
    inputs: list[int]
    targets: list[int]
    noises: list[int]


def arrange(
    inputs: Sequence[Hashable],
    targets: Sequence[Hashable],
    noises: Sequence[Hashable],
    size: int = 0,
    is_noise_common: bool = True,
) -> tuple[Shape, Arrangement]:
    """The shape that suits some networks best, and who has which place in it.

    Parameters
    ----------
    inputs, targets, noises : sequence
        Equal for networks that see the same input rows in each step, the same targets,
        and the same noise.
    size : int
        A shape as for so many networks at least: those of another stack.
    is_noise_common : bool
        Whether one stream of noise is enough where all of it is equal. Not so in stacks
        that share a program with others.
    """
    columns = group_equal(inputs)
    n = max(len(inputs), size)
    height = padded_size(max(-(-size // len(columns)), *map(len, columns)))
    if n > 1 and (height == 1 or height * len(columns) > _MOST_PLACES * n):
        columns = [[i] for column in columns for i in column]
        columns += columns[:1] * (padded_size(n) - len(columns))
        height = 1
    numbers = {noise: number for number, noise in enumerate(dict.fromkeys(noises))}
    columns = [sorted(column, key=lambda i: numbers[noises[i]]) for column in columns]
    columns = [column + column[:1] * (height - len(column)) for column in columns]
    first = [column[0] for column in columns]
    places = [i for column in columns for i in column]
    has_common_targets = all(len({targets[i] for i in c}) == 1 for c in columns)
    of_targets = first if has_common_targets else places
    of_noises = places
    if is_noise_common and len(numbers) == 1:
        of_noises = places[:1]
    elif len({tuple(noises[i] for i in column) for column in columns}) == 1:
        of_noises = columns[0]
    shape = Shape(len(places), len(first), len(of_targets), len(of_noises))
    return shape, Arrangement(places, first, of_targets, of_noises)


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

"""Which network of a stack has which place, so that few programs serve many stacks."""

from collections.abc import Hashable, Sequence
from typing import NamedTuple

# Rather than fill up more places than this with copies, networks share no rows.
_MOST_PLACES = 1.25


class Arrangement(NamedTuple):
    """The places of a stack.

    Attributes
    ----------
    places : list of int
        The network in each place. One that comes again is padding.
    inputs, targets : list of int
        For each stream of input rows and of targets, a network that uses it. Each stream
        serves equally many places, the first stream the first of them.
    """

    places: list[int]
    inputs: list[int]
    targets: list[int]


def padded_size(n: int) -> int:
    """The next of eight sizes per power of two."""
    step = max(1, 2 ** (n.bit_length() - 4))
    return -(-n // step) * step


def arrange(
    inputs: Sequence[Hashable], targets: Sequence[Hashable], size: int = 0
) -> Arrangement:
    """Places for networks.

    Parameters
    ----------
    inputs, targets : sequence
        Equal for networks that see the same input rows, and the same targets, in each
        step.
    size : int
        Places as for so many networks at least: those of another stack.
    """
    networks: dict[Hashable, list[int]] = {}
    for network, stream in enumerate(inputs):
        networks.setdefault(stream, []).append(network)
    n = max(len(inputs), size)
    width = max(-(-size // len(networks)), *map(len, networks.values()))
    width = padded_size(width)
    if n > 1 and (width == 1 or width * len(networks) > _MOST_PLACES * n):
        places = [*range(len(inputs)), *[0] * (padded_size(n) - len(inputs))]
        return Arrangement(places, places, places)
    places, first = [], []
    for members in networks.values():
        places += [*members, *[members[0]] * (width - len(members))]
        first.append(members[0])
    is_shared = all(len({targets[i] for i in m}) == 1 for m in networks.values())
    return Arrangement(places, first, first if is_shared else places)

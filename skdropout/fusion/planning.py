"""Which sizes of networks share a program."""

from collections.abc import Sequence

import numpy as np

from ..training.arrangement import group_equal
from ..training.frames import batch_rows
from ..training.task import WORTH_COMPILING, Task

# What an epoch of one more stack costs besides arithmetic, as operations that could be
# done meanwhile.
_WORK_OF_EPOCH = 1e8
# What one more activation costs, as a share of the other arithmetic.
_SHARE_OF_ACTIVATION = 0.2
# Networks with so many times the weights of the smallest have a program of their own,
# whatever it costs.
_MOST_TIMES_THE_WEIGHTS = 64


def share_programs(groups: Sequence[Sequence[Task]]) -> list[list[int]]:
    """Put groups of tasks together for which one program costs less than several.

    A program costs what the cores could compute while it is traced and compiled, and in
    each epoch the work of a stack besides arithmetic. A common one has the largest sizes
    of its groups, and the arithmetic on the units and rows that the others lack is what
    it costs instead; if it has several activations, so is computing all of them. With the
    groups ordered by their numbers of weights, the cheapest cut of that order is found by
    dynamic programming: of all groups, and of those of each activation by themselves. It
    depends on the tasks alone.

    Parameters
    ----------
    groups : sequence of sequence of Task
        Of one family, each of one size and activation.

    Returns
    -------
    list of list of int
        Positions of the groups that share a program.
    """
    together = range(len(groups))
    by_activation = group_equal([group[0].architecture.activation for group in groups])
    whole, cost_of_whole = _cheapest_cut(groups, together, len(by_activation))
    apart = [_cheapest_cut(groups, part, 1) for part in by_activation]
    if sum(cost for _, cost in apart) < cost_of_whole:
        return [part for parts, _ in apart for part in parts]
    return whole


def _cheapest_cut(
    groups: Sequence[Sequence[Task]], positions: Sequence[int], n_activations: int
) -> tuple[list[list[int]], float]:
    """The cheapest cut of some groups, ordered by their numbers of weights, and what it
    costs."""
    firsts = [group[0] for group in groups]
    order = sorted(
        positions,
        key=lambda i: (
            firsts[i].architecture.n_kernel_weights,
            firsts[i].architecture.layer_units,
            batch_rows(firsts[i]),
        ),
    )
    units = np.array([firsts[i].architecture.layer_units for i in order], float)
    rows = np.array([batch_rows(firsts[i]) for i in order], float)
    work = np.array([sum(task.work for task in groups[i]) for i in order])
    n_epochs = np.array([max(t.settings.max_iter for t in groups[i]) for i in order])
    amounts = work / (_n_weights(units) * rows)
    amounts *= 1 + _SHARE_OF_ACTIVATION * (n_activations - 1)
    n = len(order)
    costs = np.full(n + 1, np.inf)  # of the cheapest cut of the first groups
    costs[0] = 0.0
    starts = np.zeros(n + 1, int)  # of the last part of that cut
    for start in range(n):
        weights = _n_weights(np.maximum.accumulate(units[start:]))
        places = weights * np.maximum.accumulate(rows[start:])
        cost = WORTH_COMPILING + places * np.cumsum(amounts[start:])
        cost += _WORK_OF_EPOCH * np.maximum.accumulate(n_epochs[start:])
        cost[weights > _MOST_TIMES_THE_WEIGHTS * weights[0]] = np.inf
        is_better = costs[start] + cost < costs[start + 1 :]
        costs[start + 1 :][is_better] = (costs[start] + cost)[is_better]
        starts[start + 1 :][is_better] = start
    parts, stop = [], n
    while stop:
        parts.append(order[starts[stop] : stop])
        stop = int(starts[stop])
    return parts[::-1], float(costs[-1])


def _n_weights(units: np.ndarray) -> np.ndarray:
    """Of kernels, from the units of each layer, (n_networks, n_layers)."""
    return (units[:, :-1] * units[:, 1:]).sum(axis=1)

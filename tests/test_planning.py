"""Which networks share a program, against trying all ways to put them together."""

import itertools

import numpy as np
import pytest

from skdropout.fusion.planning import share_programs
from skdropout.training.task import WORTH_COMPILING
from tasks import task_of


def group(*hidden, n_tasks=3, max_iter=50, n_features=30, **changes):
    changes = {"n_rows": 5_000, "max_iter": max_iter, **changes}
    return [task_of((n_features, *hidden, 3), **changes)] * n_tasks


def cost(groups):
    """Of one program for some groups, in operations."""
    tasks = [task for tasks in groups for task in tasks]
    sizes = np.max([task.architecture.layer_units for task in tasks], axis=0)
    n_weights = np.sum(sizes[:-1] * sizes[1:])
    n_rows = sum(len(task.rows) * task.settings.max_iter for task in tasks)
    n_epochs = max(task.settings.max_iter for task in tasks)
    return WORTH_COMPILING + 1e8 * n_epochs + 6.0 * n_weights * n_rows


def partitions(items):
    if not items:
        yield []
        return
    first, *others = items
    for rest in partitions(others):
        yield [[first], *rest]
        for i, part in enumerate(rest):
            yield [*rest[:i], [first, *part], *rest[i + 1 :]]


@pytest.mark.parametrize("max_iter", [5, 50, 500, 5_000])
def test_no_other_way_costs_less(max_iter):
    groups = [
        group(n, n_tasks=n_tasks, max_iter=max_iter)
        for n, n_tasks in ((100, 3), (20, 9), (256, 3), (64, 6), (30, 3), (200, 1))
    ]
    plan = share_programs(groups)
    assert sorted(itertools.chain(*plan)) == list(range(len(groups)))
    found = sum(cost([groups[i] for i in part]) for part in plan)
    least = min(
        sum(cost([groups[i] for i in part]) for part in parts)
        for parts in partitions(list(range(len(groups))))
    )
    assert found == pytest.approx(least)
    if max_iter == 5:
        assert len(plan) == 1
    if max_iter == 5_000:
        assert len(plan) > 3


def test_the_order_in_which_they_come_does_not_matter():
    sizes = [(100, 20), (20, 100), (60, 60), (8, 200), (256, 8)]
    plans = set()
    for order in itertools.permutations(sizes):
        groups = [group(*hidden, max_iter=100) for hidden in order]
        plan = share_programs(groups)
        plans.add(frozenset(frozenset(order[i] for i in part) for part in plan))
    assert len(plans) == 1


def test_networks_much_larger_than_others_have_their_own_program():
    groups = [group(16, max_iter=1), group(4000, max_iter=1), group(20, max_iter=1)]
    assert sorted(map(sorted, share_programs(groups))) == [[0, 2], [1]]


def test_activations_share_a_program_where_there_is_little_to_do():
    def plan(max_iter):
        return share_programs(
            [
                group(n, activation=activation, max_iter=max_iter)
                for activation in ("relu", "tanh")
                for n in (120, 128)
            ]
        )

    assert len(plan(5)) == 1
    assert sorted(map(sorted, plan(5_000))) == [[0, 1], [2, 3]]

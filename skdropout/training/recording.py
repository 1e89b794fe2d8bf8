"""Handing over what has been trained while training goes on."""

from collections.abc import Callable, Sequence
from typing import Any

from .network_run import NetworkRun
from .task import Checkpoint, Record


def keep(
    record: Record | None,
    runs: Sequence[NetworkRun],
    checkpoint_of: Callable[[NetworkRun], Checkpoint] | None = None,
) -> None:
    """Have a record keep the results that it has not, and checkpoints of those that run.

    Parameters
    ----------
    record : Record or None
    runs : sequence of NetworkRun
    checkpoint_of : callable, optional
        Makes a checkpoint; without it, those that run are left out.
    """
    if record is None:
        return
    finished = [run for run in runs if not run.is_running and not run.is_kept]
    results: dict[NetworkRun, Any] = {run: run.result for run in finished}
    if checkpoint_of is not None:
        results |= {run: checkpoint_of(run) for run in runs if run.is_running}
    record.keep([run.task for run in results], list(results.values()))
    for run in finished:
        run.is_kept = True

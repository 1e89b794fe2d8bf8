"""Handing over what has been trained while training goes on."""

from collections.abc import Callable, Sequence

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
    runs = [
        run
        for run in runs
        if (checkpoint_of is not None if run.is_running else not run.is_kept)
    ]
    results = [
        checkpoint_of(run) if checkpoint_of is not None and run.is_running else run.result
        for run in runs
    ]
    record.keep([run.task for run in runs], results)
    for run in runs:
        run.is_kept = not run.is_running

"""Results of fits as bytes, of which none are taken for code."""

import io
import json
from typing import Any

import numpy as np

from ..training.task import Checkpoint, OptimizerState, Outcome, Progress

_KINDS: dict[str, type] = {"outcome": Outcome, "checkpoint": Checkpoint}
_ARRAYS = ("weights", "best_weights")


def to_bytes(result: Outcome | Checkpoint) -> bytes:
    """An outcome or a checkpoint as the bytes of an ``.npz`` file."""
    kind = next(name for name, kind in _KINDS.items() if type(result) is kind)
    values = dict(result._asdict() if isinstance(result, Checkpoint) else vars(result))
    arrays = {"optimizer": values["optimizer_state"].arrays}
    for name in _ARRAYS:
        if values.get(name) is not None:
            arrays[name] = values.pop(name)
    progress = dict(vars(values["progress"]))
    if progress["scored_on"] is not None:
        progress["scored_on"] = progress["scored_on"].hex()
    plain = {
        **values,
        "kind": kind,
        "optimizer_state": values["optimizer_state"].kind,
        "progress": progress,
        "lengths": {name: len(values) for name, values in arrays.items()},
    }
    file = io.BytesIO()
    np.savez(
        file,
        plain=np.frombuffer(json.dumps(plain, default=_as_number).encode(), np.uint8),
        **{
            f"{name}_{i}": array
            for name, values in arrays.items()
            for i, array in enumerate(values)
        },
    )
    return file.getvalue()


def from_bytes(data: bytes) -> Outcome | Checkpoint:
    """What `to_bytes` was given.

    Raises
    ------
    Exception
        If the bytes are not of that.
    """
    with np.load(io.BytesIO(data), allow_pickle=False) as file:
        plain = json.loads(file["plain"].tobytes())
        arrays = {
            name: [file[f"{name}_{i}"] for i in range(n)]
            for name, n in plain.pop("lengths").items()
        }
    progress = plain["progress"]
    if progress["scored_on"] is not None:
        progress["scored_on"] = bytes.fromhex(progress["scored_on"])
    plain["progress"] = Progress(**progress)
    plain["optimizer_state"] = OptimizerState(
        plain["optimizer_state"], arrays.pop("optimizer")
    )
    return _KINDS[plain.pop("kind")](**plain, **arrays)


def _as_number(value: Any):
    """NumPy's numbers, which JSON does not know."""
    return value.item()

"""Rows that are equal are held once, in memory of which nobody else knows."""

import zlib
from collections.abc import Hashable
from mmap import mmap
from typing import Any
from weakref import WeakValueDictionary

import numpy as np
from scipy import sparse

from ..training.task import Rows


class SharedRows:
    """Finds rows that are equal to rows seen before, and gives back those.

    What it gives back are copies. The arrays that it is given belong to tasks, which may
    write to them as soon as their fits are over, or to several tasks, one of which may do
    so while the fit of another waits. The copies go when nobody uses them.
    """

    def __init__(self) -> None:
        self._arrays: dict[Hashable, WeakValueDictionary[int, Any]] = {}
        self._rows: WeakValueDictionary[Hashable, Rows] = WeakValueDictionary()

    def share(self, rows: Rows) -> Rows:
        """The same rows in arrays that equal rows have in common."""
        parts = [self._share(values) for values in (rows.X, rows.y, rows.weight)]
        return self._rows.setdefault(tuple(map(id, parts)), Rows(*parts))

    def _share(self, values):
        if values is None:
            return None
        alike = self._arrays.setdefault(_fingerprint(values), WeakValueDictionary())
        for other in alike.values():
            if _is_equal(values, other):
                return other
        own = values if _is_constant(values) else values.copy()
        alike[id(own)] = own
        return own


def _fingerprint(values) -> Hashable:
    """Of some of the values; the rest is compared."""
    is_sparse = sparse.issparse(values)
    dense = values.data if is_sparse else values
    some = np.ascontiguousarray(dense[:: max(1, len(dense) // 8)])
    return is_sparse, values.shape, dense.shape, zlib.crc32(some.tobytes())


def _is_equal(a, b) -> bool:
    if sparse.issparse(a):
        parts = ("data", "indices", "indptr")
        return all(np.array_equal(getattr(a, p), getattr(b, p)) for p in parts)
    return np.array_equal(a, b)


def _is_constant(values) -> bool:
    """Whether an array is a file mapped into memory to be read: nobody can write to it,
    and it may be larger than the memory."""
    while isinstance(values, np.ndarray) and not values.flags.writeable:
        values = values.base
    return isinstance(values, mmap)

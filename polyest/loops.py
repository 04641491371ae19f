"""This module has loops that numba compiles (extra `fast`) and stores on disk for later processes.

Importing this module takes a third of a second.  The first call of a loop takes half a second, or one second
if no earlier process has stored it.  A batch of 1,024 prompts of 16 completions is then counted some .16 ms
faster, so that some four thousand batches are needed to make up for it.  Hence only `polyest.compiled`
imports this module, and rewards count with `in_pool` only in a process that has imported `polyest.compiled`
(benchmarks/batch_cost.py).
"""

from collections.abc import Callable
from contextlib import suppress

import numpy as np
from numpy.typing import NDArray

from polyest.arrays import Ints
from polyest.errors import NotInstalled

try:
    import numba
except ModuleNotFoundError:
    raise NotInstalled(
        "compiled loops need numba, which is not installed: pip install 'polyest[fast]'"
    ) from None

MOST_COLUMNS = 64  # up to which `in_pool`, which compares all pairs, is faster than to sort


class Kept:
    """A loop as an earlier process compiled it, or compiled here where no cache exists or can.

    The loop raises nothing itself: an error comes from numba's files, which are truncated or cannot be
    written on a full disk.
    """

    def __init__(self, loop: Callable[..., object]) -> None:
        """Compile when it is first called."""
        self.anew = self.stored = numba.njit(nogil=True)(loop)
        # A RuntimeError says that numba can write neither beside this file nor in the user's home.
        with suppress(RuntimeError):
            self.stored = numba.njit(cache=True, nogil=True)(loop)

    def __call__(self, *arrays: NDArray[np.number]) -> object:
        """Run the loop."""
        try:
            return self.stored(*arrays)
        except Exception:  # numba and pickle raise many kinds for a spoiled cache, the loop none
            return self.anew(*arrays)


def in_pool(wanted: Ints, pool: Ints) -> Ints:
    """How often each integer of an int64 array (rows, n) occurs in the row of a pool (rows, m).

    >>> in_pool(np.array([[7, 7, 3]]), np.array([[7, 3, 7, 7]])).tolist()
    [[3, 3, 1]]
    """
    counts = np.empty(wanted.shape, np.int64)
    count_pairs(wanted, pool, counts)
    return counts


def _gather(
    entries: NDArray[np.float32 | np.float64],
    counts: NDArray[np.int32 | np.int64],
    out: NDArray[np.float32 | np.float64],
) -> bool:
    """Write entries[counts] to `out`, and return whether all counts were in range."""
    K = np.uint64(len(entries) - 1)
    greatest = np.uint64(0)
    for i in range(counts.size):
        X = np.uint64(counts[i])  # a negative count becomes a large one
        greatest = max(greatest, X)
        out[i] = entries[min(X, K)]
    return bool(greatest <= K)


def _count_pairs(wanted: Ints, pool: Ints, out: Ints) -> None:
    for i in range(wanted.shape[0]):
        row, drawn = wanted[i], pool[i]
        for j in range(row.size):
            equal = 0
            for k in range(drawn.size):
                equal += drawn[k] == row[j]
            out[i, j] = equal


gather = Kept(_gather)
count_pairs = Kept(_count_pairs)

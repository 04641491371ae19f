"""A look-up in one pass over the counts, with its range check, compiled by numba (extra `fast`).

`t[counts]` passes twice over its counts, once for their range and once for the entries.  Here one loop
does both.  It reads an entry at min(X, K), with X taken as unsigned, and keeps the greatest X, so that a
count outside 0..K, also a negative one, is detected at the end.  This is faster from about a million counts
on.  A batch of a trainer is far smaller, and `t[counts]` is as fast there (benchmarks/online_cost.py).
"""

from contextlib import suppress

import numpy as np
from numpy.typing import NDArray

from polyest.errors import CountOutOfRange, InvalidProblem, NotInstalled
from polyest.tables.table import Table
from polyest.values import shown

try:
    import numba
except ModuleNotFoundError:
    raise NotInstalled(
        "compiled look-ups need numba, which is not installed: pip install 'polyest[fast]'"
    ) from None


def look_up(
    table: Table,
    counts: NDArray[np.int32 | np.int64],
    out: NDArray[np.float32 | np.float64] | None = None,
) -> NDArray[np.float32 | np.float64]:
    """Look counts up in one pass, as `table[counts]` does in two.

    An `out` that is used again spares new memory, which takes longer than the look-up.

    Parameters
    ----------
    table : Table
        A table with a list of entries.
    counts : int32 or int64 array
        Counts in 0..K, of any shape, contiguous.
    out : float32 or float64 array, or None
        What the entries are written into, of the same shape, contiguous; a new float64 array by default.

    Returns
    -------
    float array
        The entries, in the shape of the counts: `out` where it is given.

    Raises
    ------
    CountOutOfRange
        If a count is outside 0..K, after which `out` holds nothing of use, or the arrays are others.
    InvalidProblem
        If `table` has no list of entries.

    Examples
    --------
    >>> import polyest
    >>> look_up(polyest.load(14), np.array([0, 14])).round(3).tolist()
    [-5.051, -0.003]
    """
    if not isinstance(table, Table):
        raise InvalidProblem(f"table is {shown(table)}: expected one with a list of entries")
    plain = isinstance(counts, np.ndarray) and not isinstance(counts, np.ma.MaskedArray)
    if not plain or not isinstance(out, np.ndarray | None):
        raise CountOutOfRange(
            f"counts are {shown(counts)}, out is {shown(out)}: expected arrays of numpy; for others use "
            "table[counts]"
        )
    result = np.empty(counts.shape) if out is None else out
    if counts.dtype not in (np.int32, np.int64) or result.dtype not in (np.float32, np.float64):
        raise CountOutOfRange(
            f"counts of type {counts.dtype}, out of type {result.dtype}: expected int32 or int64, float32 or "
            "float64; for others use table[counts]"
        )
    if result.shape != counts.shape or not (
        counts.flags.c_contiguous and result.flags.c_contiguous
    ):
        raise CountOutOfRange(
            f"counts of shape {counts.shape}, out of shape {result.shape}: expected the same, contiguous"
        )
    entries = table.coefficients.astype(result.dtype, copy=False)
    if not _gathered(entries, counts.reshape(-1), result.reshape(-1)):
        table[counts]  # raises an error that names the count out of range
    return result


def _gather(
    entries: NDArray[np.float32 | np.float64],
    counts: NDArray[np.int32 | np.int64],
    out: NDArray[np.float32 | np.float64],
) -> bool:
    K = np.uint64(len(entries) - 1)
    greatest = np.uint64(0)
    for i in range(counts.size):
        X = np.uint64(counts[i])  # a negative count becomes a large one
        greatest = max(greatest, X)
        out[i] = entries[min(X, K)]
    return bool(greatest <= K)


_compiled = _kept = numba.njit(nogil=True)(_gather)
# A RuntimeError says that numba can write neither beside this file nor in the user's home.
with suppress(RuntimeError):
    _kept = numba.njit(cache=True, nogil=True)(_gather)


def _gathered(*arrays: NDArray[np.number]) -> bool:
    """Run the loop as an earlier process compiled it, or compile it here where no cache exists or can.

    The loop raises nothing itself: an error comes from numba's files, which are truncated or cannot be
    written on a full disk.
    """
    try:
        return bool(_kept(*arrays))
    except Exception:
        # Numba and pickle raise many kinds for a spoiled cache; the loop itself raises none.
        return bool(_compiled(*arrays))

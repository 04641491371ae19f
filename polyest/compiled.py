"""A look-up in one pass over the counts, with its range check, compiled by numba (extra `fast`).

`t[index]`, with index = counts.in_group(answers).index, passes twice over the counts, once for their range
and once for the entries.  Here one loop does both.  It reads an entry at min(X, K), with X taken as
unsigned, and keeps the greatest X, so that a count outside 0..K, also a negative one, is detected at the
end.  This is faster from about a million counts on.  A batch of a trainer is far smaller, and `t[index]` is
as fast there (benchmarks/online_cost.py).

In a process that has imported this module, rewards of numpy arrays, and of torch's on the CPU, count by a
compiled loop too: their result is the same to the bit, 2 times as soon.  Nothing else uses numba, as its
import and the first call cost more than some ten thousand batches gain (benchmarks/batch_cost.py).
"""

import numpy as np
from numpy.typing import NDArray

from polyest.errors import CountOutOfRange, InvalidProblem
from polyest.loops import gather
from polyest.tables.table import Table
from polyest.values import shown


def look_up(
    table: Table,
    counts: NDArray[np.int32 | np.int64],
    out: NDArray[np.float32 | np.float64] | None = None,
) -> NDArray[np.float32 | np.float64]:
    """Look up counts among K draws, an index of `polyest.counts`, in one pass, as `table[index]` does in two.

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
            "table[index]"
        )
    result = np.empty(counts.shape) if out is None else out
    if counts.dtype not in (np.int32, np.int64) or result.dtype not in (np.float32, np.float64):
        raise CountOutOfRange(
            f"counts of type {counts.dtype}, out of type {result.dtype}: expected int32 or int64, float32 or "
            "float64; for others use table[index]"
        )
    if result.shape != counts.shape or not (
        counts.flags.c_contiguous and result.flags.c_contiguous
    ):
        raise CountOutOfRange(
            f"counts of shape {counts.shape}, out of shape {result.shape}: expected the same, contiguous"
        )
    entries = table.coefficients.astype(result.dtype, copy=False)
    if not gather(entries, counts.reshape(-1), result.reshape(-1)):
        table[counts]  # raises an error that names the count out of range
    return result

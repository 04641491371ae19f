"""This module looks counts up in one pass, with a loop that numba compiles (extra `fast`).

`t[index]`, with index = counts.in_group(answers).index, passes over the counts twice: once to check their
range and once to read the entries.  Here one loop does both.  It reads the entry at min(X, K), with X taken
as unsigned, and keeps the greatest X, so that any count outside 0..K, including a negative one, is detected
at the end.  This is faster from about a million counts on.  A batch of a trainer is far smaller, and
`t[index]` is as fast there (benchmarks/online_cost.py).

Once this module is imported, the rewards of numpy arrays and of torch tensors on the CPU are counted by a
compiled loop too.  The result is the same to the last bit and takes half the time.  Nothing else uses
numba, because its import and the first call take more time than is gained in some thousand batches
(benchmarks/batch_cost.py).
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
    """Look up the entries of counts in one pass, with the result of `table[index]`.

        out[i] = c_X,    X = counts[i]

    Reuse `out` where you can: allocating a new array takes longer than the look-up.

    Parameters
    ----------
    table : Table
        A table with a list of entries.
    counts : int32 or int64 array
        Counts in 0..K, such as `counts.in_group(answers).index`; a contiguous array of any shape.
    out : float32 or float64 array, or None
        The contiguous array, in the shape of `counts`, that the entries are written into; a new float64
        array by default.

    Returns
    -------
    float array
        The entries, in the shape of the counts: `out` where it is given.

    Raises
    ------
    CountOutOfRange
        If a count is outside 0..K, in which case the content of `out` is undefined, or an array has
        another type or shape.
    InvalidProblem
        If `table` has no list of entries, as the universal table of K > 1024 has none.

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

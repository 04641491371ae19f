"""This module counts in rows using only functions of the array API standard, which any library has.

The functions can be compiled into a graph, for example by `jax.jit`: shapes depend on shapes only, nothing
is written in place, and no value is read.  numpy and torch have faster ways (tallies.py); tests compare the
two.
"""

from types import ModuleType

from polyest.arrays import Array, concat, device_of, int64

FEW = 64  # columns of which all pairs are compared


def in_rows(xp: ModuleType, answer: Array) -> Array:
    """Return how often each integer of an array (rows, n) occurs in its row."""
    rows, n = answer.shape
    if n <= FEW:
        return matches(xp, answer, answer)
    device = device_of(answer)
    order = xp.argsort(answer, axis=1)
    order = xp.reshape(
        order + n * xp.arange(rows, dtype=order.dtype, device=device)[:, None], (-1,)
    )
    ordered = xp.take(xp.reshape(answer, (-1,)), order, axis=0)
    first = xp.arange(rows * n, device=device) % n == 0
    first = concat([first[:1], first[1:] | (ordered[1:] != ordered[:-1])])
    label = xp.cumulative_sum(int64(first))
    length = xp.searchsorted(label, label, side="right") - xp.searchsorted(label, label)
    return int64(xp.reshape(xp.take(length, xp.argsort(order), axis=0), (rows, n)))


def matches(xp: ModuleType, wanted: Array, pool: Array) -> Array:
    """Return how often each of the integers (rows, n) occurs in the row of a pool (rows, m)."""
    return xp.sum(int64(wanted[:, :, None] == pool[:, None, :]), axis=2)

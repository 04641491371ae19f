"""Answers as integers, and their frequencies, in functions that work for numpy and torch alike.

The functions sort and count without a loop, and copy nothing from a device to the host.  Each takes the
library `xp` of its arrays, as `arrays.library` returns it.
"""

from types import ModuleType
from typing import Any, SupportsIndex

import numpy as np

from polyest.arrays import Array, Bools, Ints, library
from polyest.errors import CountOutOfRange
from polyest.values import clipped, shown, whole

NO_ANSWER = -1
LARGEST_ID = 2**63 - 1


def integers(name: str, values: object, like: Array) -> Array:
    """Return values as int64, of the library and on the device of `like`, or raise CountOutOfRange."""
    xp = library(like)
    given: Any
    if isinstance(values, np.ma.MaskedArray):
        raise CountOutOfRange(
            f"{name} are a masked array: fill it with no_answer ({NO_ANSWER}) where it is masked"
        )
    try:
        given = np.asarray(values) if xp is np else xp.as_tensor(values, device=like.device)
    except (TypeError, ValueError, OverflowError, RuntimeError) as error:
        raise CountOutOfRange(
            f"{name} are no rectangular array ({clipped(str(error))}): expected integers, every prompt "
            "with as many completions; where numbers differ pass flat answers with groups="
        ) from None
    if 0 in given.shape:
        raise CountOutOfRange(
            f"{name} of shape {tuple(given.shape)}: expected at least one completion"
        )
    if not _integral(xp, given):
        raise CountOutOfRange(
            f"{name} of type {given.dtype}: expected integers; number the distinct values and mark "
            f"a missing answer by no_answer ({NO_ANSWER}), not by NaN"
        )
    converted: Array = given.astype(np.int64) if xp is np else given.long().contiguous()
    if given.dtype == xp.uint64 and (converted < 0).any():
        raise CountOutOfRange(f"{name} hold a number above 2^63 - 1: number the values from 0 on")
    return converted


def _integral(xp: ModuleType, values: Array) -> bool:
    if xp is np:
        return values.dtype.kind in "iu"
    return not (values.is_floating_point() or values.is_complex() or values.dtype == xp.bool)


def marker(no_answer: SupportsIndex) -> int:
    """Return the integer that marks a missing answer; raise CountOutOfRange if it is not valid."""
    if not whole(no_answer, -LARGEST_ID, LARGEST_ID):
        raise CountOutOfRange(
            f"no_answer is {shown(no_answer)}: expected the integer that marks it"
        )
    return int(no_answer)


def in_rows(xp: ModuleType, answer: Array) -> Array:
    """Return how often each integer of an array (prompts, G) occurs in its row."""
    if xp is not np:
        ordered = answer.sort(1).values
        upto, below = (xp.searchsorted(ordered, answer, side=side) for side in ("right", "left"))
        return upto - below
    order, first = _in_order(answer)
    length = np.diff(np.append(np.flatnonzero(first), answer.size))
    counted = np.empty(answer.shape, np.int64)
    np.put_along_axis(counted, order, np.repeat(length, length).reshape(answer.shape), 1)
    return counted


def kinds(xp: ModuleType, answer: Array) -> Array:
    """Return integers (rows, n) below rows n that are equal exactly where row and answer are both equal."""
    if xp is not np:
        first = xp.searchsorted(answer.sort(1).values, answer.contiguous())
        return first + answer.shape[1] * row_numbers(xp, answer)
    order, starts = _in_order(answer)
    labels = np.empty(answer.shape, np.int64)
    np.put_along_axis(labels, order, starts.cumsum().reshape(answer.shape) - 1, 1)
    return labels


def _in_order(answer: Ints) -> tuple[Ints, Bools]:
    """Return the order that sorts each row, and whether each sorted entry is the first of its value."""
    order = answer.argsort(1, kind="stable")
    ordered = np.take_along_axis(answer, order, 1)
    first = np.ones(answer.shape, bool)
    first[:, 1:] = ordered[:, 1:] != ordered[:, :-1]
    return order, first


def tallied(xp: ModuleType, cells: Array, length: int) -> Array:
    """Return how often each of the integers 0..length-1 occurs in a flat array."""
    if xp is np:
        return np.bincount(cells, minlength=length)
    return cells.new_zeros(length).scatter_add_(0, cells, xp.ones_like(cells))


def ranks(xp: ModuleType, group: Array, answer: Array) -> Array:
    """Return integers (N,) that are equal exactly where group and answer are both equal."""
    order = _order(answer)
    order = order[_order(group[order])]
    group, answer = group[order], answer[order]
    rank = xp.zeros_like(order)
    rank[order[1:]] = ((group[1:] != group[:-1]) | (answer[1:] != answer[:-1])).cumsum(0)
    return rank


def times(xp: ModuleType, wanted: Array, pool: Array) -> Array:
    """Return how often each wanted integer occurs in the pool."""
    pool = pool[_order(pool)]
    upto, below = (xp.searchsorted(pool, wanted, side=side) for side in ("right", "left"))
    return upto - below


def row_numbers(xp: ModuleType, answer: Array) -> Array:
    """Return row numbers in the shape of `answer`, on its device."""
    return xp.ones_like(answer).cumsum(0) - 1


def _order(values: Array) -> Array:
    return values.argsort(kind="stable") if library(values) is np else values.argsort(stable=True)

"""This module converts answers to integers and counts them, with fast ways for numpy and torch.

The functions count without a loop, and copy nothing from a device to the host.  Each takes the library `xp`
of its arrays, as `arrays.library` returns it.
"""

import sys
from collections.abc import Sequence
from itertools import cycle
from types import ModuleType
from typing import Any, NamedTuple, SupportsIndex

import numpy as np

from polyest import standard
from polyest.arrays import (
    Array,
    Ints,
    concat,
    converted,
    holds,
    host_reads,
    int64,
    kind_of,
    library,
    mixture,
    own,
    to_numpy,
    traced,
)
from polyest.errors import CountOutOfRange
from polyest.values import clipped, shown, whole

NO_ANSWER = -1
LARGEST_ID = 2**63 - 1
INTEGERS = ("i", "u")  # as `arrays.kind_of` calls them
FEW = 16  # columns of which all pairs are compared
FEW_IN_POOL = 255  # the same of a pool, where few are wanted
UNROLLED = 64  # the same in a graph, which is larger for each
PAIRS = 2**17  # of numpy that are compared at once, so that they stay in the cache of a processor
ROOMY = 16  # cells to count in, for each answer, that are cheaper than to compare or sort
MIX = -7046029254386353131  # 2^64 over the golden ratio, mod 2^64: multiples of it lie far apart


class Pool(NamedTuple):
    """Earlier completions, in place of M and W: beside a group that the host reads one pass counts both.

    answers: int64 (prompts, m) in numpy, filled up with what is no answer; number: W, int or (prompts, 1).
    """

    answers: Ints
    number: int | Ints


def integers(name: str, values: object, like: Array) -> Array:
    """Return values as int64, of the library and on the device of `like`, or raise CountOutOfRange.

    Another library than numpy and torch may have shorter integers; then they are of its longest.
    """
    if isinstance(values, np.ma.MaskedArray):
        raise CountOutOfRange(
            f"{name} are a masked array: fill it with no_answer ({NO_ANSWER}) where it is masked"
        )
    if mixed := mixture(values, like):
        raise CountOutOfRange(f"{name}: {mixed}")
    try:
        given = converted(values, like)
    except (TypeError, ValueError, OverflowError, RuntimeError) as error:
        raise CountOutOfRange(
            f"{name} are not a rectangular array ({clipped(str(error))}): expected integers, and "
            "the same number of completions for every prompt; if the numbers differ, pass flat "
            "answers with groups="
        ) from None
    if 0 in given.shape:
        raise CountOutOfRange(
            f"{name} of shape {tuple(given.shape)}: expected at least one completion"
        )
    kind = kind_of(given)
    if kind not in INTEGERS:
        raise CountOutOfRange(
            f"{name} of type {given.dtype}: expected integers; number the distinct values and mark "
            f"a missing answer by no_answer ({NO_ANSWER}), not by NaN"
        )
    numbers = int64(given)
    if kind == "u":
        xp = library(numbers)
        bits = xp.iinfo(numbers.dtype).bits
        fit = xp.iinfo(given.dtype).bits < bits or holds(xp.all(numbers >= 0))
        if not fit:
            can = "may hold, as no graph can tell," if fit is None else "hold"
            raise CountOutOfRange(
                f"{name} of type {given.dtype} {can} a number above 2^{bits - 1} - 1: "
                "number the values from 0 on"
            )
    return numbers


def marker(no_answer: SupportsIndex) -> int:
    """Return the integer that marks a missing answer; raise CountOutOfRange if it is not valid."""
    if not whole(no_answer, -LARGEST_ID, LARGEST_ID):
        raise CountOutOfRange(
            f"no_answer is {shown(no_answer)}: expected the integer that marks it"
        )
    return int(no_answer)


def in_rows(xp: ModuleType, answer: Array, earlier: object = None) -> Array:
    """Return how often each integer of an array (prompts, G) occurs in its row, and in that of a `Pool`."""
    if isinstance(earlier, Pool):
        return in_pool(xp, answer, answer, earlier.answers)
    rows, G = answer.shape
    if host_reads(answer):
        counts = _in_rows_of_host(to_numpy(answer))
        return counts if xp is np else xp.from_numpy(counts)
    if not own(xp):
        return standard.in_rows(xp, answer)
    if _few(answer, G):
        return matches(xp, answer, answer)
    return _run_lengths(xp, *_rows_in_order(xp, answer)).reshape(rows, G)


def in_pairs(xp: ModuleType, group: Array, answer: Array) -> Array:
    """Return how often each pair of integers, of two arrays (N,), occurs."""
    if host_reads(answer):
        counts = _in_pairs_of_host(to_numpy(group), to_numpy(answer))
        return counts if xp is np else xp.from_numpy(counts)
    return _run_lengths(xp, *_pairs_in_order(xp, group, answer))


def _in_rows_of_host(answer: Array) -> Array:
    """`in_rows` in numpy, which knows the range of the integers, or by numba where that was asked for."""
    rows, G = answer.shape
    if loops := _loops_of(G):
        return loops.in_pool(answer, answer)
    least = int(answer.min())
    span = int(answer.max()) - least + 1
    if span <= ROOMY * G:
        cells = (answer - least + np.arange(0, rows * span, span)[:, None]).reshape(-1)
        return tallied(np, cells, rows * span)[cells].reshape(rows, G)
    if G <= FEW:
        return matches(np, answer, answer)
    return _run_lengths(np, *_rows_in_order(np, answer)).reshape(rows, G)


def _loops_of(columns: int) -> Any:
    """Return the compiled loops where they were imported, to the end, and are faster for so many columns."""
    loops: Any = sys.modules.get("polyest.loops")
    return loops if hasattr(loops, "count_pairs") and columns <= loops.MOST_COLUMNS else None


def _in_pairs_of_host(group: Array, answer: Array) -> Array:
    """`in_pairs` in numpy, which knows the range of the integers.

    One sort, of MIX group + answer mod 2^64, nearly always makes equal pairs neighbours: within a group equal
    answers alone are equal there.  Two groups that meet in a number are seen in the sorted list.
    """
    low, least = int(group.min()), int(answer.min())
    groups, span = int(group.max()) - low + 1, int(answer.max()) - least + 1
    if groups * span <= ROOMY * answer.size:
        cells = (group - low) * span + (answer - least)
        return tallied(np, cells, groups * span)[cells]
    mixed = group * MIX + answer
    order = mixed.argsort()
    first = _changes(mixed[order])
    if (_changes(group[order]) & ~first).any():
        order, first = _pairs_in_order(np, group, answer)
    return _run_lengths(np, order, first)


def _few(wanted: Array, columns: int) -> bool:
    """Return whether a pool has so few columns that all pairs are compared."""
    if traced(wanted):
        return columns <= UNROLLED
    return bool(columns <= (FEW_IN_POOL if wanted.shape[1] <= FEW else FEW))


def matches(xp: ModuleType, wanted: Array, *pools: Array) -> Array:
    """Return how often each of the integers (rows, n) occurs in the row of pools (rows, m), m < 256 in all.

    Every pair is compared: for few columns this is faster than to sort.  Rows are the last axis, along which
    a processor compares several at once.
    """
    if traced(wanted):  # a compiler makes one pass of this
        counts = xp.zeros_like(wanted)
        for pool in pools:
            for j in range(pool.shape[1]):
                counts = counts + (wanted == pool[:, j : j + 1])
        return counts
    if xp is not np:
        return int64(_in_columns(xp, wanted, pools).T)
    counts = np.empty(wanted.shape, np.int64)
    block = PAIRS // (wanted.shape[1] * sum(pool.shape[1] for pool in pools)) + 1
    for start in range(0, len(wanted), block):
        rows = slice(start, start + block)
        some = wanted[rows]
        drawn = [some if pool is wanted else pool[rows] for pool in pools]
        counts[rows] = _in_columns(np, some, drawn).T
    return counts


def _in_columns(xp: ModuleType, wanted: Array, pools: Sequence[Array]) -> Array:
    """Return what `matches` does as uint8 (n, rows)."""
    sought = int64(wanted.T)
    drawn = [sought if pool is wanted else pool.T for pool in pools]
    equal = _turns(xp, drawn, wanted.shape[1]) == sought
    return equal.view(xp.uint8).sum(0, dtype=xp.uint8)


def _turns(xp: ModuleType, drawn: list[Array], n: int) -> Array:
    """Return windows (m, n, rows) of n successive draws, from each of m draws (rows,) on, in a circle.

    Beside n integers each of them meets every draw once, as in a table of all pairs; but a window is one
    piece of memory, which is compared in one go.
    """
    m, rows, pieces, beyond = sum(map(len, drawn)), drawn[0].shape[1], [*drawn], n - 1
    for piece in cycle(drawn):
        if beyond <= 0:
            break
        pieces.append(piece[:beyond])
        beyond -= len(piece)
    circle = concat(pieces) if len(pieces) > 1 else int64(drawn[0])
    if xp is np:
        row, place = circle.strides
        return np.ndarray((m, n, rows), circle.dtype, circle, strides=(row, row, place))
    return circle.as_strided((m, n, rows), (rows, rows, 1))


def in_pool(xp: ModuleType, wanted: Array, *pools: Array) -> Array:
    """Return how often each of the integers (rows, n) occurs in the row of pools (rows, m), in all of them.

    One of the pools may be `wanted` itself.
    """
    n, columns = wanted.shape[1], sum(pool.shape[1] for pool in pools)
    if host_reads(wanted) and xp is not np:
        host = to_numpy(wanted)
        given = [host if pool is wanted else to_numpy(pool) for pool in pools]
        return xp.from_numpy(in_pool(np, host, *given))
    if not columns:
        return xp.zeros_like(wanted)
    if xp is np and (loops := _loops_of(columns)):
        return loops.in_pool(wanted, concat([*pools], 1))
    if own(xp) and _few(wanted, columns):
        return matches(xp, wanted, *pools)
    if not own(xp) and columns <= standard.FEW:
        return standard.matches(xp, wanted, concat([*pools], 1))
    others = [pool for pool in pools if pool is not wanted]
    both = in_rows(xp, concat([wanted, *others], 1))[:, :n]
    return both if len(others) < len(pools) else both - in_rows(xp, wanted)


def tallied(xp: ModuleType, cells: Array, length: int) -> Array:
    """Return how often each of the integers 0..length-1 occurs in a flat array."""
    if xp is np:
        return np.bincount(cells, minlength=length)
    return cells.new_zeros(length).scatter_add_(0, cells, xp.ones_like(cells))


def _rows_in_order(xp: ModuleType, answer: Array) -> tuple[Array, Array]:
    """Return the flat places that sort every row, and whether each of them begins a run of equal ones."""
    rows, G = answer.shape
    places = (
        np.arange(0, rows * G, G) if xp is np else xp.arange(0, rows * G, G, device=answer.device)
    )
    order = (answer.argsort(1) + places[:, None]).reshape(-1)
    ordered = answer.reshape(-1)[order]
    first = _changes(ordered)
    first[::G] = True
    return order, first


def _pairs_in_order(xp: ModuleType, group: Array, answer: Array) -> tuple[Array, Array]:
    """Return places by which equal pairs are neighbours, and whether each of them begins a run of those."""
    order = answer.argsort()
    order = order[_stable(group[order])]
    return order, _changes(group[order]) | _changes(answer[order])


def _changes(ordered: Array) -> Array:
    """Return whether each entry differs from the one before it; the first one does."""
    first = ordered == ordered
    first[1:] = ordered[1:] != ordered[:-1]
    return first


def _run_lengths(xp: ModuleType, order: Array, first: Array) -> Array:
    """Return the length of its run at each place."""
    if xp is np:
        ends = np.flatnonzero(np.append(first, True))
        length = ends[1:] - ends[:-1]
        each = length.repeat(length)
    else:
        label = first.cumsum(0) - 1
        each = tallied(xp, label, len(label))[label]
    lengths = xp.empty_like(order)
    lengths[order] = each
    return lengths


def _stable(values: Array) -> Array:
    return values.argsort(kind="stable") if library(values) is np else values.argsort(stable=True)

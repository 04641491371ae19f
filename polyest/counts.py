"""Answers -> counts: the one place that knows how many draws a count has.

A table of K draws is read with a count X ~ Binomial(K, p), p the probability of the rewarded
trace's answer z.  Which K that is depends on where the count comes from and on what the trainer
subtracts; a wrong K makes the best table worse than the plain log.

in-group      X counts z among the G traces of its own prompt, itself included.  Since
              p B_{j,G-1}(p) = ((j+1)/G) B_{j+1,G}(p),  X - 1 ~ Binomial(G-1, p) given z:
              the index is X - 1 and K = G - 1.
group mean    Subtracting the group's mean reward costs one draw more.  The centred reward is an
              average of differences R_i - R_j; where z_i = z_j they vanish, and where z_i != z_j
              trace j is no occurrence of z_i, which leaves the G - 2 others.  So c[X-1] minus the
              mean, times G/(G-1), has expected gradient sum_z Q(p_z) grad p_z, Q the mean of the
              table of K = G - 2 draws with the entries c_0..c_(G-2).  X = G means that all traces
              agree: all rewards are equal and the centred ones 0 whatever that entry is.  So its
              index G - 1 is clipped to G - 2, and the table needs no entry for it.
independent   X counts z in K reference draws of the same prompt that do not contain the trace; the
              index is X.  Given the reference, the other traces' rewards do not depend on this
              trace, so subtracting their mean costs nothing: K is the same under every baseline.

A trace without an answer is a draw that is not z: it stays in K and has no count of its own.
Counts of different prompts are never pooled: a sum of binomials of different p is not binomial, and
no table's certificate holds for it: a table of certified bias .0025 errs by about .45 on the pooled
counts of an answer that is certain on one of two prompts and absent on the other.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from polyest.arrays import Array, library, static_int
from polyest.errors import CountOutOfRange, InvalidProblem
from polyest.values import MOST, among, clipped, shown, whole

__all__ = [
    "Counts",
    "draws",
    "in_group",
    "independent",
    "occurrences",
]


SPENT = {"group-mean": 2, "none": 1, "exact": 1}  # traces of a group that are no draws of its table
COUNTINGS = ("in-group", "independent")
NO_ANSWER = -1
LARGEST_ID = 2**63 - 1
MOST_SIZES = 1024  # that a batch may promise: a table is read for each


@dataclass(frozen=True, eq=False)
class Counts:
    """What a table is read with: `table[counts.index]`, shaped like the answers it came from.

    index: integers in 0..K, 0 where there is no answer.  draws: K, the table to load; in a ragged
    batch integers of the same shape, the K of each trace's group.  answered: whether the trace has
    an answer and hence a reward.  distinct: every K that occurs, ascending, on the host.
    """

    index: Array
    draws: Any
    answered: Array
    distinct: tuple[int, ...]


def draws(group: Any, baseline: str = "group-mean", counting: str = "in-group") -> int:
    """Number of draws K of the table that a group of traces needs.

    in-group, of `group` = G traces: K = G - 2 under the baseline "group-mean" (what most trainers
    subtract), K = G - 1 under "none" and "exact".  independent, of `group` reference draws: K is
    their number, whatever the baseline.

    Raises CountOutOfRange where no draw is left, InvalidProblem for an unknown keyword.

    >>> draws(16), draws(16, baseline="none"), draws(16, counting="independent")
    (14, 15, 16)
    """
    if not among(counting, COUNTINGS):
        raise InvalidProblem(
            f"counting {shown(counting)} is unknown: use one of {', '.join(COUNTINGS)}"
        )
    spent = _spent(baseline)
    if not whole(group, -MOST):
        raise CountOutOfRange(f"group is {shown(group)}: expected an integer, up to 2^53 samples")
    if counting == "independent":
        if group < 1:
            raise CountOutOfRange(f"{group} reference draws: expected at least 1 a prompt")
        return static_int(group)
    if group <= spent:
        raise CountOutOfRange(_too_small(f"a group of {group}", baseline))
    return static_int(group) - spent


def in_group(
    answers: Array,
    *,
    groups: Array | None = None,
    sizes: tuple[int, int] | None = None,
    baseline: str = "group-mean",
    no_answer: int = NO_ANSWER,
) -> Counts:
    """Counts of every trace's answer among the traces of its own prompt.

    index = min(X - 1, K),  X = #{j in the group: z_j = z_i},  K = draws(G, baseline)

    answers: integers (prompts, G); or (N,) with `groups`, integer ids (N,) of the groups, whose
    sizes may differ and whose traces need not be neighbours.  Equal integers are equal answers,
    within a prompt only; `no_answer` marks a trace without one.  Returns torch for torch, on the
    same device, else numpy.

    Answers on a device are never read by the host.  Ids of groups are, once, as sizes say which tables to
    load, unless they are a list or a numpy array, or `sizes` promises the least and most traces of a
    group: then a group of another size has no count (`answered` is False), and torch.compile takes the
    whole as one graph.

    Raises CountOutOfRange for answers that are not integers, a wrong shape, and a group too small
    for its baseline (a ragged batch names the group); InvalidProblem for an unknown baseline.

    >>> found = in_group([[42, 42, 42, 7, -1]])
    >>> found.index.tolist(), found.draws, found.answered.tolist()
    ([[2, 2, 2, 0, 0]], 3, [[True, True, True, True, False]])
    >>> in_group([5, 5, 9, 9, 9, 8, 9], groups=[0, 0, 0, 1, 1, 1, 1]).draws.tolist()
    [1, 1, 1, 2, 2, 2, 2]
    """
    xp, spent = library(answers), _spent(baseline)
    answer = integers("answers", answers, answers)
    if groups is None:
        if answer.ndim != 2:
            raise CountOutOfRange(
                f"answers of shape {tuple(answer.shape)}: expected (prompts, G); "
                "give a flat batch its group ids with groups="
            )
        if sizes is not None:
            raise CountOutOfRange(
                f"sizes {shown(sizes)} of (prompts, G): the shape has the size; leave them out"
            )
        K: Any = draws(answer.shape[1], baseline)
        distinct: tuple[int, ...] = (K,)
        others = _in_rows(xp, answer) - 1
    else:
        ids = integers("groups", groups, groups)
        if answer.ndim != 1 or answer.shape != ids.shape:
            raise CountOutOfRange(
                f"answers of shape {tuple(answer.shape)}, groups of shape {tuple(ids.shape)}: "
                "expected (N,) and (N,), one group id per trace; leave groups out for (prompts, G)"
            )
        size = _occurrences(library(ids), ids, ids)
        distinct = _distinct(ids, size, baseline) if sizes is None else _promised(sizes, baseline)
        group, K = (integers("groups", x, answers) for x in (ids, size - spent))
        rank = _ranks(xp, group, answer)
        others = _occurrences(xp, rank, rank) - 1
        if sizes is not None:
            kept = (distinct[0] <= K) & (distinct[-1] >= K)
            K = K.clip(distinct[0], distinct[-1])
    answered = answer != _marker(no_answer)
    if sizes is not None:
        answered = answered & kept
    return Counts(others.clip(max=K) * answered, K, answered, distinct)


def occurrences(answers: Array, *, no_answer: int = NO_ANSWER) -> tuple[Array, Array]:
    """How often each trace's answer occurs in its row, 0 where there is none, and whether there is one.

    answers: integers (rows, n); int64 and bool of the same shape.  Raises CountOutOfRange otherwise.

    >>> occurrences([[4, 4, -1]])[0].tolist()
    [[2, 2, 0]]
    """
    answer = integers("answers", answers, answers)
    if answer.ndim != 2:
        raise CountOutOfRange(f"answers of shape {tuple(answer.shape)}: expected (rows, n)")
    answered = answer != _marker(no_answer)
    return _in_rows(library(answers), answer) * answered, answered


def independent(answers: Array, reference: Array, *, no_answer: int = NO_ANSWER) -> Counts:
    """Counts of every trace's answer in reference draws of its prompt, the trace not among them.

    index = X = #{j: w_j = z_i},  w_1..w_K the reference draws of the prompt of trace i

    answers: integers (prompts, G).  reference: integers (prompts, K), the same answers numbered
    alike, brought to the library and device of `answers`.  Draws without an answer stay in K.  That
    the draws are independent of the traces cannot be seen from them: traces counted among
    themselves belong in `in_group`.

    Raises CountOutOfRange for values that are not integers, wrong shapes, different prompts.

    >>> found = independent([[42, 7, -1]], [[42, 42, -1, 13]])
    >>> found.index.tolist(), found.draws, found.answered.tolist()
    ([[2, 0, 0]], 4, [[True, True, False]])
    """
    xp = library(answers)
    answer = integers("answers", answers, answers)
    drawn = integers("reference", reference, answers)
    if answer.ndim != 2 or drawn.ndim != 2 or len(answer) != len(drawn):
        raise CountOutOfRange(
            f"answers of shape {tuple(answer.shape)}, reference of shape {tuple(drawn.shape)}: "
            "expected (prompts, G) and (prompts, K), row by row the same prompts"
        )
    rank = _ranks(
        xp,
        xp.concatenate([_prompt(xp, answer).reshape(-1), _prompt(xp, drawn).reshape(-1)]),
        xp.concatenate([answer.reshape(-1), drawn.reshape(-1)]),
    )
    traces = answer.shape[0] * answer.shape[1]
    index = _occurrences(xp, rank[:traces], rank[traces:]).reshape(answer.shape)
    answered = answer != _marker(no_answer)
    K = static_int(drawn.shape[1])
    return Counts(index * answered, K, answered, (K,))


def across(answers: Array, *, baseline: str = "group-mean", no_answer: int = NO_ANSWER) -> Counts:
    """Counts of every trace's answer on its own prompt and on each other one of its orbit.

    answers: integers (orbits, m, G).  index: (orbits, m, G, m), that of `in_group` first, for the table of
    K = draws(G, baseline), then the counts among the G draws of the m - 1 others.  draws: K.

    >>> across(np.array([[[7, 7, 7, 3], [3, 7, 5, -1]]])).index[0, 0].tolist()
    [[2, 1], [2, 1], [2, 1], [0, 1]]
    """
    xp = library(answers)
    orbits, m, G = answers.shape
    K = draws(G, baseline)
    rows = answers.reshape(orbits, m * G)
    kind = _kinds(xp, rows).reshape(-1)
    prompt = ((xp.ones_like(rows).cumsum(1) - 1) // G).reshape(-1)
    times = _tallied(xp, kind * m + prompt, m * kind.shape[0])
    own = (times[kind * m + prompt] - 1).clip(max=K)
    others = [times[kind * m + (prompt + step) % m] for step in range(1, m)]
    answered = answers != _marker(no_answer)
    index = xp.stack([own, *others], -1).reshape(orbits, m, G, m) * answered[..., None]
    return Counts(index, K, answered, (K,))


# The computation, in verbs that numpy and torch share: sorts and tallies, no loop, nothing read back.


def _in_rows(xp: Any, answer: Array) -> Array:
    """How often each integer (prompts, G) occurs in its row."""
    if xp is not np:
        ordered = answer.sort(1).values
        upto, below = (xp.searchsorted(ordered, answer, side=side) for side in ("right", "left"))
        return upto - below
    order, first = _in_order(answer)
    length = np.diff(np.append(np.flatnonzero(first), answer.size))
    found = np.empty(answer.shape, np.int64)
    np.put_along_axis(found, order, np.repeat(length, length).reshape(answer.shape), 1)
    return found


def _kinds(xp: Any, answer: Array) -> Array:
    """Integers (rows, n) below rows n that are equal exactly where row and answer both are."""
    if xp is not np:
        first = xp.searchsorted(answer.sort(1).values, answer.contiguous())
        return first + answer.shape[1] * _prompt(xp, answer)
    order, starts = _in_order(answer)
    found = np.empty(answer.shape, np.int64)
    np.put_along_axis(found, order, starts.cumsum().reshape(answer.shape) - 1, 1)
    return found


def _in_order(answer: Array) -> tuple[Array, Array]:
    """What sorts each row of a numpy array, and whether each in that order is the first of its kind."""
    order = answer.argsort(1, kind="stable")
    ordered = np.take_along_axis(answer, order, 1)
    first = np.ones(answer.shape, bool)
    first[:, 1:] = ordered[:, 1:] != ordered[:, :-1]
    return order, first


def _tallied(xp: Any, cells: Array, length: int) -> Array:
    """How often each of the integers 0..length-1 is in a flat array."""
    if xp is np:
        return np.bincount(cells, minlength=length)
    return cells.new_zeros(length).scatter_add_(0, cells, xp.ones_like(cells))


def _ranks(xp: Any, group: Array, answer: Array) -> Array:
    """Integers (N,) that are equal exactly where group and answer both are."""
    order = _order(answer)
    order = order[_order(group[order])]
    group, answer = group[order], answer[order]
    rank = xp.zeros_like(order)
    rank[order[1:]] = ((group[1:] != group[:-1]) | (answer[1:] != answer[:-1])).cumsum(0)
    return rank


def _occurrences(xp: Any, wanted: Array, pool: Array) -> Array:
    """How often each wanted integer occurs in the pool."""
    pool = pool[_order(pool)]
    upto, below = (xp.searchsorted(pool, wanted, side=side) for side in ("right", "left"))
    return upto - below


def _prompt(xp: Any, answer: Array) -> Array:
    """Row numbers in the shape of `answer`, on its device."""
    return xp.ones_like(answer).cumsum(0) - 1


def _order(values: Array) -> Array:
    return values.argsort(kind="stable") if library(values) is np else values.argsort(stable=True)


# The shells: which library, and what is no answer, no group, no baseline.


def integers(name: str, values: Any, like: Any) -> Array:
    """Values as int64, of the library and on the device of `like`; CountOutOfRange where they are none."""
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
            "with as many traces; where numbers differ pass flat answers with groups="
        ) from None
    if 0 in given.shape:
        raise CountOutOfRange(f"{name} of shape {tuple(given.shape)}: expected at least one trace")
    if not _integral(xp, given):
        raise CountOutOfRange(
            f"{name} of type {given.dtype}: expected integers; number the distinct values and mark "
            f"a missing answer by no_answer ({NO_ANSWER}), not by NaN"
        )
    found: Array = given.astype(np.int64) if xp is np else given.long().contiguous()
    if given.dtype == xp.uint64 and (found < 0).any():
        raise CountOutOfRange(f"{name} hold a number above 2^63 - 1: number the values from 0 on")
    return found


def _integral(xp: Any, values: Array) -> bool:
    if xp is np:
        return values.dtype.kind in "iu"
    return not (values.is_floating_point() or values.is_complex() or values.dtype == xp.bool)


def _distinct(ids: Array, size: Array, baseline: str) -> tuple[int, ...]:
    """Every K of groups of these sizes; CountOutOfRange where one is too small."""
    spent = _spent(baseline)
    if (size <= spent).any():
        least = size.argmin()
        named = f"group {int(ids[least])} of {int(size[least])}"
        raise CountOutOfRange(_too_small(named, baseline))
    return tuple(int(G) - spent for G in library(ids).unique(size))


def _promised(sizes: tuple[int, int], baseline: str) -> tuple[int, ...]:
    """Every K of groups of sizes[0] to sizes[1] traces."""
    pair = isinstance(sizes, tuple | list) and len(sizes) == 2
    least, most = (draws(size, baseline) for size in sizes) if pair else (1, 0)
    if not least <= most < least + MOST_SIZES:
        raise CountOutOfRange(
            f"sizes are {shown(sizes)}: expected the least and the most traces of a group, no more than "
            f"{MOST_SIZES} apart"
        )
    return tuple(range(least, most + 1))


def _spent(baseline: str) -> int:
    if not among(baseline, SPENT):
        raise InvalidProblem(
            f"baseline {shown(baseline)} is unknown: use one of {', '.join(SPENT)}"
        )
    return SPENT[baseline]


def _marker(no_answer: Any) -> int:
    if not whole(no_answer, -LARGEST_ID, LARGEST_ID):
        raise CountOutOfRange(
            f"no_answer is {shown(no_answer)}: expected the integer that marks it"
        )
    return int(no_answer)


def _too_small(named: str, baseline: str) -> str:
    repair = "sample more traces a prompt"
    if baseline == "group-mean":
        repair += ', or subtract no group mean: baseline "none" and "exact" need 2'
    return (
        f'{named} under baseline "{baseline}": expected at least {_spent(baseline) + 1}, else no '
        f"draw is left; {repair}"
    )

"""This module counts answers and decides the sample size K of the table in which a count is looked up.

A table of sample size K is made for a count X ~ Binomial(K, p), where p is the probability of the answer z
of the rewarded completion.  The right K depends on where the count comes from and on what the trainer
subtracts.  With a wrong K the best table is worse than the plug-in log, log(count/G).

in-group     X counts z among all G completions of its prompt, the completion included.
             Since p B_{j,G-1}(p) = ((j+1)/G) B_{j+1,G}(p), X - 1 ~ Binomial(G-1, p)
             given z: the index is X - 1 and K = G - 1.
group mean   Subtracting the group's mean reward lowers K by one more.  The centred
             reward is an average of differences R_i - R_j.  Where z_i = z_j they vanish;
             where z_i != z_j completion j does not count for z_i, and the other G - 2
             completions remain.  So c[X-1] minus the mean, times G/(G-1), has the expected
             gradient sum_z Q(p_z) grad p_z, where Q is the mean of the table of K = G - 2
             with the entries c_0..c_(G-2).  X = G means that all completions agree, and
             centred rewards are 0: its index G - 1 is clipped to G - 2.
exact        The mean of the others, counted again without the completion (advantages.exact),
             does not depend on the completion, and K = G - 1.  Its advantages have more variance
             than those of the group mean with K = G - 2: 1.03 to 1.41 times at noise=8.
independent  X counts z in K reference draws of the same prompt that do not contain the
             completion; the index is X.  Given the reference, the other completions'
             rewards do not depend on this completion, so subtracting their mean costs
             nothing: K is the same under every baseline.
earlier      M counts z among W earlier completions of its prompt (`polyest.History`): M is added
             to either index and W to its K, exact if the policy has not moved since.

A completion without an answer is a draw that is not z: it is included in K and has no count of its own.
Counts of different prompts are never pooled, because a sum of binomials of different p is not binomial and
no certificate of a table holds for it.  For an answer that is certain on one of two prompts and absent on
the other, a table of certified bias .0025 has an error of about .45 on the pooled counts.
"""

from dataclasses import dataclass
from typing import Any, Literal, SupportsIndex

import numpy as np

from polyest import tallies
from polyest.arrays import Array, concat, library, mixture, own, static_int, to_numpy
from polyest.errors import CountOutOfRange, InvalidProblem
from polyest.tallies import NO_ANSWER as NO_ANSWER
from polyest.tallies import integers as integers
from polyest.tallies import marker as marker
from polyest.values import MOST, among, shown, whole

__all__ = ["Counts", "draws", "in_group", "independent", "occurrences"]

Baseline = Literal["group-mean", "none", "exact"]
Counting = Literal["in-group", "independent"]
SPENT = {"group-mean": 2, "none": 1, "exact": 1}  # completions that are no draws for the table
COUNTINGS = ("in-group", "independent")
MOST_SIZES = 1024  # most sample sizes of a batch: a table is read for each


@dataclass(frozen=True, eq=False)
class Counts:
    """The counts of a batch of answers, from which rewards are looked up as `table[counts.index]`.

    Attributes
    ----------
    index : Array
        Integers in 0..K, in the shape of the answers; 0 where a completion has no answer.
    draws : int or Array
        The sample size K of the table to load.  A batch of groups of several sizes has an integer array in
        the shape of the answers, with the K of each completion's group.
    answered : Array
        Whether each completion has an answer, and hence a reward: bool, in the shape of the answers.
    distinct : tuple of int
        Every K that occurs, ascending, on the host.
    """

    index: Array
    draws: Any
    answered: Array
    distinct: tuple[int, ...]


def draws(
    group: SupportsIndex, baseline: Baseline = "group-mean", counting: Counting = "in-group"
) -> int:
    """Return the sample size K of the table for a group of completions.

        in-group       K = G - 2 under baseline "group-mean", G - 1 under "none" and "exact"
        independent    K = the number of reference draws, under every baseline

    Parameters
    ----------
    group : int
        The number G of completions of a prompt, or of its reference draws where `counting` is "independent".
    baseline : {"group-mean", "none", "exact"}
        What the trainer subtracts from the rewards of a group.  Most trainers subtract its mean.
    counting : {"in-group", "independent"}
        Whether a completion is counted in its own group or in independent reference draws.

    Returns
    -------
    int
        The sample size K.

    Raises
    ------
    CountOutOfRange
        If `group` is not an integer, or so small that no draw is left.
    InvalidProblem
        If `baseline` or `counting` is unknown.

    Examples
    --------
    >>> draws(16), draws(16, baseline="none"), draws(16, counting="independent")
    (14, 15, 16)
    """
    if not among(counting, COUNTINGS):
        raise InvalidProblem(
            f"counting {shown(counting)} is unknown: use one of {', '.join(COUNTINGS)}"
        )
    spent = _spent(baseline)
    if not whole(group, -MOST):
        raise CountOutOfRange(f"group is {shown(group)}: expected an integer, at most 2^53")
    size: Any = group
    if counting == "independent":
        if size < 1:
            raise CountOutOfRange(f"{size} reference draws: expected at least 1 per prompt")
        return static_int(size)
    if size <= spent:
        raise CountOutOfRange(_too_small(f"a group of {size}", baseline))
    return static_int(size) - spent


def in_group(
    answers: Array,
    *,
    groups: Array | None = None,
    sizes: tuple[int, int] | None = None,
    baseline: Baseline = "group-mean",
    no_answer: int = NO_ANSWER,
    earlier: tuple[Array, Any] | None = None,
) -> Counts:
    """Count every completion's answer among the completions of its own prompt.

        index = min(M + X - 1, K),  X = #{j in the group: z_j = z_i},  K = W + draws(G, baseline)

    The host never reads answers from a device.  It reads the ids in `groups` once: their sizes decide which
    tables are loaded.  Give `sizes` to avoid this; torch.compile then makes a single graph.

    Parameters
    ----------
    answers : integer Array, (prompts, G) or (N,)
        The answer of each completion: (N,) with `groups`.  Equal ids in a prompt are equal answers.
    groups : integer Array (N,) or None
        The id of each completion's group.  Groups may differ in size, and their completions need not be
        neighbours.
    sizes : pair of int or None
        The smallest and the largest number of completions of a group, as promised by the caller.  A group
        of any other size is treated as if it had no answers: its `answered` is False.
    baseline : {"group-mean", "none", "exact"}
        What the trainer subtracts from the rewards of a group.
    no_answer : int
        The integer that marks a completion without an answer.
    earlier : pair or None
        The pair (M, W) of `History.counted`: how often each answer occurs among W earlier completions.

    Returns
    -------
    Counts
        The counts, in the array library and on the device of the answers; numpy for lists.

    Raises
    ------
    CountOutOfRange
        If answers are not integers, shapes do not match, or a group is too small for its baseline.
    InvalidProblem
        If `baseline` is unknown.

    Examples
    --------
    >>> seen = in_group([[42, 42, 42, 7, -1]])
    >>> seen.index.tolist(), seen.draws, seen.answered.tolist()
    ([[2, 2, 2, 0, 0]], 3, [[True, True, True, True, False]])
    >>> in_group([5, 5, 9, 9, 9, 8, 9], groups=[0, 0, 0, 1, 1, 1, 1]).draws.tolist()
    [1, 1, 1, 2, 2, 2, 2]
    """
    spent = _spent(baseline)
    answer = integers("answers", answers, answers)
    xp = library(answer)
    if groups is None:
        if answer.ndim != 2:
            raise CountOutOfRange(
                f"answers of shape {tuple(answer.shape)}: expected (prompts, G); "
                "give a flat batch its group ids with groups="
            )
        if sizes is not None:
            raise CountOutOfRange(
                f"sizes is {shown(sizes)}, but answers of shape (prompts, G) say the size of a group "
                "themselves: leave sizes out"
            )
        K: Any = draws(answer.shape[1], baseline)
        distinct: tuple[int, ...] = (K,)
        others = tallies.in_rows(xp, answer, earlier) - 1
    else:
        if mixed := mixture(groups, answer):
            raise CountOutOfRange(f"groups: {mixed}")
        if not own(xp):
            raise CountOutOfRange(
                f"groups= with answers of {xp.__name__}: a flat batch is counted in numpy and torch only; "
                "give (prompts, G), or arrays of numpy, outside of any graph"
            )
        ids = integers("groups", groups, groups)
        if answer.ndim != 1 or answer.shape != ids.shape:
            raise CountOutOfRange(
                f"answers of shape {tuple(answer.shape)}, groups of shape {tuple(ids.shape)}: "
                "expected (N,) and (N,), one group id per completion; leave groups out for (prompts, G)"
            )
        size = tallies.in_rows(library(ids), ids[None])[0]
        distinct = _distinct(ids, size, baseline) if sizes is None else _promised(sizes, baseline)
        group, K = (integers("groups", x, answers) for x in (ids, size - spent))
        others = tallies.in_pairs(xp, group, answer) - 1
        if sizes is not None:
            kept = (distinct[0] <= K) & (distinct[-1] >= K)
            K = K.clip(distinct[0], distinct[-1])
    if earlier is not None:
        others, K, distinct = continued(others, K, distinct, earlier)
    answered = _answered(answer, no_answer)
    if sizes is not None:
        answered = answered & kept
    return Counts(xp.where(answered, xp.clip(others, None, K), 0), K, answered, distinct)


def occurrences(answers: Array, *, no_answer: int = NO_ANSWER) -> tuple[Array, Array]:
    """Count how often the answer of each completion occurs in its row.

        times_i = #{j in the row: z_j = z_i}

    Parameters
    ----------
    answers : integer Array (rows, n)
        The answers; equal integers are equal answers.
    no_answer : int
        The integer that marks a completion without an answer.

    Returns
    -------
    times : int64 Array (rows, n)
        How often the answer occurs in the row, itself included; 0 where there is no answer.
    answered : bool Array (rows, n)
        Whether there is an answer.

    Raises
    ------
    CountOutOfRange
        If answers are not integers or not of two dimensions.

    Examples
    --------
    >>> occurrences([[4, 4, -1]])[0].tolist()
    [[2, 2, 0]]
    """
    answer = integers("answers", answers, answers)
    if answer.ndim != 2:
        raise CountOutOfRange(f"answers of shape {tuple(answer.shape)}: expected (rows, n)")
    answered = _answered(answer, no_answer)
    xp = library(answer)
    return xp.where(answered, tallies.in_rows(xp, answer), 0), answered


def independent(answers: Array, reference: Array, *, no_answer: int = NO_ANSWER) -> Counts:
    """Count every completion's answer among independent reference draws of its prompt.

        index = X = #{j: w_j = z_i},  w_1..w_K the reference draws of the prompt of completion i

    The draws have to be independent of the completions; `in_group` counts completions among themselves.

    Parameters
    ----------
    answers : integer Array (prompts, G)
        The answer of each completion.
    reference : integer Array (prompts, K)
        The answers of the draws, with the same ids, of any library; draws without an answer are in K.
    no_answer : int
        The integer that marks a completion or a draw without an answer.

    Returns
    -------
    Counts
        The counts, in the array library and on the device of the answers; numpy for lists.

    Raises
    ------
    CountOutOfRange
        If values are not integers, shapes do not match, or the numbers of prompts differ.

    Examples
    --------
    >>> seen = independent([[42, 7, -1]], [[42, 42, -1, 13]])
    >>> seen.index.tolist(), seen.draws, seen.answered.tolist()
    ([[2, 0, 0]], 4, [[True, True, False]])
    """
    answer = integers("answers", answers, answers)
    drawn = integers("reference", reference, answers)
    if answer.ndim != 2 or drawn.ndim != 2 or answer.shape[0] != drawn.shape[0]:
        raise CountOutOfRange(
            f"answers of shape {tuple(answer.shape)}, reference of shape {tuple(drawn.shape)}: "
            "expected (prompts, G) and (prompts, K), row by row the same prompts"
        )
    answered = _answered(answer, no_answer)
    xp, K = library(answer), static_int(drawn.shape[1])
    index = tallies.in_pool(xp, answer, drawn)
    return Counts(xp.where(answered, index, 0), K, answered, (K,))


def across(
    answers: Array, *, baseline: Baseline = "group-mean", no_answer: int = NO_ANSWER
) -> Counts:
    """Return counts of every completion's answer on its own prompt and on each other one of its orbit.

    The answers are integers (orbits, m, G).  The index (orbits, m, G, m) has the index of `in_group` first,
    for the table of K = draws(G, baseline), then the counts among the G draws of each of the m - 1 other
    prompts.  The field `draws` is K.

    >>> import numpy as np
    >>> across(np.array([[[7, 7, 7, 3], [3, 7, 5, -1]]])).index[0, 0].tolist()
    [[2, 1], [2, 1], [2, 1], [0, 1]]
    """
    xp = library(answers)
    orbits, m, G = answers.shape
    K = draws(G, baseline)
    rows = xp.reshape(answers, (orbits * m, G))
    index = [xp.clip(tallies.in_rows(xp, rows) - 1, None, K)]
    for step in range(1, m):  # each prompt beside the one that many places on
        pool = concat([answers[:, step:, :], answers[:, :step, :]], 1)
        index.append(tallies.in_pool(xp, rows, xp.reshape(pool, rows.shape)))
    answered = _answered(answers, no_answer)
    stacked = xp.reshape(xp.stack(index, axis=-1), (orbits, m, G, m))
    return Counts(xp.where(answered[..., None], stacked, 0), K, answered, (K,))


def continued(
    index: Array, K: Any, distinct: tuple[int, ...], earlier: tuple[Array, Any]
) -> tuple[Array, Any, tuple[int, ...]]:
    """Return index, K and every K of `Counts` with M and W of earlier completions added."""
    times, W = earlier
    if not isinstance(earlier, tallies.Pool):  # which is counted already
        index = index + integers("earlier", times, index)
    if whole(W, 0):
        return index, K + W, tuple(k + W for k in distinct)
    K = K + integers("earlier", W, index)
    every = tuple(np.unique(to_numpy(K)).tolist())
    return index, library(K).broadcast_to(K, index.shape), every


def _answered(answer: Array, no_answer: int) -> Array:
    """Return whether each integer is another than the marker of a missing answer."""
    missing, xp = marker(no_answer), library(answer)
    if not own(xp) and abs(missing) > xp.iinfo(answer.dtype).max:
        return answer == answer  # none of these short integers is the marker
    return answer != missing


# The functions below refuse invalid groups and baselines.


def _distinct(ids: Array, size: Array, baseline: str) -> tuple[int, ...]:
    """Return every K of groups of these sizes; raise CountOutOfRange if a group is too small."""
    spent = _spent(baseline)
    if (size <= spent).any():
        least = size.argmin()
        named = f"group {int(ids[least])} of {int(size[least])}"
        raise CountOutOfRange(_too_small(named, baseline))
    xp = library(ids)
    occurring = xp.where(tallies.tallied(xp, size, int(size.max()) + 1))[0]
    return tuple(G - spent for G in occurring.tolist())


def _promised(sizes: tuple[int, int], baseline: Baseline) -> tuple[int, ...]:
    """Return every K of groups of sizes[0] to sizes[1] completions; raise CountOutOfRange for bad sizes."""
    pair = isinstance(sizes, tuple | list) and len(sizes) == 2
    least, most = (draws(size, baseline) for size in sizes) if pair else (1, 0)
    if not least <= most < least + MOST_SIZES:
        raise CountOutOfRange(
            f"sizes is {shown(sizes)}: expected the smallest and the largest number of completions of a "
            f"group, less than {MOST_SIZES} apart"
        )
    return tuple(range(least, most + 1))


def _spent(baseline: str) -> int:
    if not among(baseline, SPENT):
        raise InvalidProblem(
            f"baseline {shown(baseline)} is unknown: use one of {', '.join(SPENT)}"
        )
    return SPENT[baseline]


def _too_small(named: str, baseline: str) -> str:
    repair = "sample more completions per prompt"
    if baseline == "group-mean":
        repair += ', or do not subtract the group mean (baseline "none" and "exact" need 2)'
    return (
        f'{named} under baseline "{baseline}": expected at least {_spent(baseline) + 1} completions, '
        f"because K is their number minus {_spent(baseline)}; {repair}"
    )

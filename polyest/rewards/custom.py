"""Rewards that are the caller's own function of counts.

    of_counts    beta c[index],  c_0..c_K given, or f(X, K): a function of the own count, hence a table
    of_group     beta f(X_1..X_G): a function of all counts of the group, for which no theorem holds

Many published rewards are such functions.  A function of the count of the own answer is a table: its mean
at an answer of probability nu is sum_k c_k B_{k,K}(nu), where B_{k,K} are the binomial probabilities.  A
function that depends on other counts too, such as a majority vote or a sum over the group, has no mean of
this kind.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from contextlib import suppress
from math import isfinite
from typing import SupportsFloat, Unpack

import numpy as np

from polyest import counts
from polyest.arrays import Array, Bools, Floats, Ints, converted, placed, to_numpy
from polyest.errors import CountOutOfRange, InvalidReward, Mismatch
from polyest.reals import looked_at, on_host
from polyest.rewards.estimates import counted, looked_up, summable
from polyest.rewards.gate import right_of, warn_of_penalty
from polyest.rewards.options import COUNTED, LOWEST, OWN, TABLES, Options, parse_options
from polyest.values import plain, real, shown

OfCount = Callable[[int, int], SupportsFloat]
OfGroup = Callable[..., object]


def of_counts(
    answers: Array,
    entries: Sequence[SupportsFloat] | OfCount,
    *,
    beta: float = 1.0,
    **options: Unpack[Options],
) -> Array:
    """Reward each completion with a function of the count of its answer that you supply.

        r_i = beta c[X],    X = index_i,    E[r_i | z_i = z] = beta sum_k c_k B_{k,K}(nu(z))

    Here B_{k,K} are the binomial probabilities.  X counts the other completions with the same answer, so it
    is 0 if no other completion has it.  Under a group mean K = G - 2, and an answer that all G completions
    have is paid like one that G - 1 of them have.

    Parameters
    ----------
    answers : integer Array, (prompts, G) or (N,)
        The id of each completion's answer: (N,) with groups=.
    entries : sequence of float (K+1,), or callable
        The entries c_0..c_K, or a function f(X, K) of two integers that returns c_X for sample size K.
    beta : float
        The factor of the rewards, a positive number.
    **options : Options
        All of `Options` except those that choose a table.

    Returns
    -------
    float64 Array
        The rewards r, in the shape of the answers; nan for a completion without an answer, unless
        unanswered="lowest".

    Raises
    ------
    CountOutOfRange
        If answers are not integers, shapes do not match, or a group is too small for its baseline.
    InvalidProblem
        If baseline or counting is unknown.
    InvalidReward
        If the entries are not finite numbers, the function raises an error or returns anything but a finite
        number, or beta or an option is not valid.
    Mismatch
        If there are not K + 1 entries.
    UnknownOption
        If a keyword is not one of the options.

    Examples
    --------
    >>> of_counts([[7, 7, 7, 3]], lambda X, K: 1 / (X + 1)).round(3).tolist()  # K = 2
    [[0.333, 0.333, 0.333, 1.0]]
    >>> of_counts([[7, 7, 7, 3]], (0, 0, 1)).tolist()  # a threshold: two others agree
    [[1.0, 1.0, 1.0, 0.0]]
    """
    given = None if callable(entries) else parsed_entries(entries)
    known = {} if given is None else {len(given) - 1: given}
    named = getattr(entries, "__qualname__", "") if given is None else given
    how = parse_options((OWN, tuple(known.items()), named), beta, 1, options, but=TABLES)
    seen = counted(answers, options, how)
    rows = tuple((K, known[K] if K in known else _asked(entries, K)) for K in seen.distinct)
    return looked_up(how._replace(target=(OWN, rows, named)), seen, answers, options)


def of_group(
    answers: Array,
    f: OfGroup,
    *,
    beta: float = 1.0,
    **options: Unpack[Options],
) -> Array:
    """Reward the completions of a group with a function of all its counts that you supply.

        r_i = beta f(X)_i,    X = (X_1, .., X_G),  X_i = how often answer i occurs in its group

    f is called once per group with the counts X, integers (G,).  Each count includes the completion itself,
    and is 0 for a completion without an answer.  With where=, it is called as f(X, right), where right is a
    bool array (G,).  It has to return G finite numbers.  No theorem holds for such a reward: its mean is
    not that of a table, and nothing is certified.

    Parameters
    ----------
    answers : integer Array, (prompts, G) or (N,)
        The id of each completion's answer: (N,) with groups=.
    f : callable
        The function of numpy arrays.
    beta : float
        The factor of the rewards, a positive number.
    **options : Options
        Of `Options`: groups, dyadic, no_answer, unanswered, where and bonus.

    Returns
    -------
    float64 Array
        The rewards r, in the shape of the answers.  A completion without an answer earns nan, or with
        unanswered="lowest" the least value that f returned for its group.

    Raises
    ------
    CountOutOfRange
        If answers are not integers, or shapes do not match.
    InvalidReward
        If f is not a function, raises an error, or returns anything but one finite number per completion;
        if beta or an option is not valid; or if the answers are in a graph and have no values yet.
    UnknownOption
        If a keyword is not one of those options.

    Examples
    --------
    >>> of_group([[7, 7, 7, 3]], lambda X: X == X.max()).tolist()  # the majority
    [[1.0, 1.0, 1.0, 0.0]]
    >>> right = [[True, True, True, False]]
    >>> of_group([[7, 7, 7, 3]], lambda X, right: 1 - right.mean() + 0 * X, where=right).tolist()
    [[0.25, 0.25, 0.25, 0.0]]
    """
    if not callable(f):
        raise InvalidReward(f"f is {shown(f)}: expected a function of the counts of a group")
    how = parse_options((OWN, (), getattr(f, "__qualname__", "")), beta, 1, options, but=COUNTED)
    answer = counts.integers("answers", answers, answers)
    said, group = _on_host(answer, options.get("groups"))
    answered = said != counts.marker(options.get("no_answer", counts.NO_ANSWER))
    gate = right_of(answer, converted(answered, answer), options, how.named())
    right = None if gate is None else to_numpy(gate).reshape(-1)
    paid, lowest = np.zeros((2, said.size))
    order = np.argsort(group, kind="stable")
    each = np.split(order, np.flatnonzero(np.diff(group[order])) + 1)
    for rows in each:
        have = answered.reshape(-1)[rows]
        gave = _of(f, said.reshape(-1)[rows], have, None if right is None else right[rows])
        with np.errstate(over="ignore"):
            gave = how.beta * gave
        paid[rows], lowest[rows] = gave, gave.min()
    if right is None:
        silent = lowest if options.get("unanswered") == LOWEST else np.nan
        paid = np.where(answered.reshape(-1), paid, silent)
    else:
        if (least := paid[right].min(initial=0.0)) + how.bonus < 0:
            warn_of_penalty(how.named(), -float(least))
        paid = np.where(right, paid + how.bonus, 0.0)
    most = float(np.abs(paid[~np.isnan(paid)]).max(initial=0.0))
    if most == np.inf:
        raise InvalidReward(
            f"beta is {shown(beta)}: its product with the values of f is beyond float64; use a smaller beta"
        )
    paid = summable(paid.reshape(said.shape), most, max(map(len, each)), options)
    return placed(paid + 0.0, answer)


def parsed_entries(entries: object) -> tuple[float, ...]:
    """Entries c_0..c_K as floats; InvalidReward where they are not finite numbers."""
    given: tuple[float, ...] = ()
    if isinstance(entries, Iterable) and not isinstance(entries, Mapping | Set):
        with suppress(TypeError):  # of an array without dimensions
            given = tuple(map(_number, entries))
    if not given or not all(isfinite(c) for c in given):
        raise InvalidReward(
            f"entries are {shown(entries)}: expected finite numbers c_0..c_K, K + 1 of them, or a function "
            "f(X, K)"
        )
    return given


def _asked(f: object, K: int) -> tuple[float, ...]:
    """What a function of a count gives for the counts 0..K; entries of another length are refused."""
    if not callable(f):
        n = len(parsed_entries(f))
        raise Mismatch(
            f"entries are {n} numbers, but the counts have K = {K} draws: expected K + 1 = {K + 1}, or a "
            "function f(X, K)"
        )
    values = []
    for X in range(K + 1):
        try:
            given = f(X, K)
        except Exception as error:
            raise InvalidReward(
                f"f({X}, {K}) raised {type(error).__name__} ({error!s:.60}): expected a function of two "
                "integers, the count X in 0..K and K"
            ) from error
        value = _number(given)
        if not isfinite(value):
            raise InvalidReward(f"f({X}, {K}) is {shown(given)}: expected a finite number")
        values.append(value)
    return tuple(values)


def _number(value: object) -> float:
    """A real number as float, 0 and 1 for a condition; nan for anything else."""
    one = plain(value)
    return float(one) if isinstance(one, bool | np.bool_) else real(one)


def _on_host(answer: Array, groups: object) -> tuple[Ints, Ints]:
    """The answers, and the group of each completion (N,), in numpy."""
    if not looked_at(answer):
        raise InvalidReward(
            "answers in a graph, or without values: expected answers whose values can be read, "
            "because f is called "
            "with their counts"
        )
    said = to_numpy(answer)
    if groups is None:
        if said.ndim != 2:
            raise CountOutOfRange(
                f"answers of shape {said.shape}: expected (prompts, G); give a flat batch its "
                "group ids with "
                "groups="
            )
        return said, np.repeat(np.arange(len(said)), said.shape[1])
    ids = to_numpy(counts.integers("groups", groups, groups))
    if said.ndim != 1 or said.shape != ids.shape:
        raise CountOutOfRange(
            f"answers of shape {said.shape}, groups of shape {ids.shape}: expected (N,) and (N,), "
            "one group "
            "id per completion; leave groups out for (prompts, G)"
        )
    return said, ids


def _of(f: OfGroup, said: Ints, have: Bools, right: Bools | None) -> Floats:
    """What f gives for one group, float64 (G,).

    said: the answers; have: whether each completion has one; right: whether it is right, None without a
    gate.
    """
    _, which, number = np.unique(said, return_inverse=True, return_counts=True)
    times = np.where(have, number[which.reshape(-1)], 0)
    try:
        given = f(times) if right is None else f(times, right.copy())
    except Exception as error:
        raise InvalidReward(
            f"f raised {type(error).__name__} ({error!s:.60}): expected a function of the counts (G,)"
            f"{'' if right is None else ' and of a bool array (G,), right'}"
        ) from error
    values = on_host("what f gave", given)
    if values.shape != times.shape or not np.isfinite(values).all():
        raise InvalidReward(
            f"f gave {shown(given)} for a group of {len(times)} completions: expected a finite number for "
            "each, also for one without an answer, whose count is 0"
        )
    return values

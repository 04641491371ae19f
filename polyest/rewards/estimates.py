"""From counts to estimates of phi(nu): which table the counts ask for, its entries, one look-up.

What all rewards share.  Counts know their K (counts.py); the released table of K draws is read once
for each device and then indexed, and nothing is read back: counts made by `counts` are in 0..K and
not checked a second time.  Nothing is solved for here.
"""

from collections.abc import Callable
from functools import lru_cache
from typing import Any, TypeVar

import numpy as np

from polyest import closed_forms, counts
from polyest.arrays import Array, Floats, library, static_int
from polyest.errors import InvalidReward, Mismatch
from polyest.rewards import dyadic
from polyest.rewards.options import LOWEST, TABLES, Estimator, Options, Target, parse_options
from polyest.tables.lookup import Lookup
from polyest.tables.release import load
from polyest.tables.table import Table
from polyest.values import shown

Made = TypeVar("Made", bound=Callable[..., Any])


def constant(function: Made) -> Made:
    """Marks what torch.compile is to call while tracing, and to keep what it returns: it reads files.

    As torch.compiler.assume_constant_result does, without importing torch.
    """
    vars(function)["_dynamo_marked_constant"] = True
    return function


def table(how: Estimator, K: int) -> Lookup:
    """The table of K draws.

    Raises TableNotFound where none is released, Mismatch for the caller's table of other draws.
    """
    if isinstance(how.table, Lookup):
        if how.table.K != K:
            raise Mismatch(
                f"{how.table!r} where the counts have K = {K} draws: load the table of K = {K}, or give "
                "criterion and noise and let the counts choose"
            )
        return how.table
    closed = (how.table,) if isinstance(how.table, str) else how.target
    if not isinstance(closed, str):
        found: Table = getattr(closed_forms, closed[0])(K, *closed[1:])
        return found
    return load(
        K, closed, **{n: value for n in TABLES[:-1] if (value := getattr(how, n)) is not None}
    )


def rewarded(how: Estimator, K: int, traces: int = 0) -> Floats:
    """Rewards sign beta c of the counts 0..K, float64 (K+1,), finite.

    traces: of a group, whose rewards are to sum exactly in float32 (dyadic); 0 for as they are.
    """
    found = table(how, K)
    entries = found.coefficients if isinstance(found, Table) else found[np.arange(K + 1)]
    with np.errstate(over="ignore"):
        paid = how.beta * entries
    if not np.isfinite(paid).all():
        raise InvalidReward(f"beta is {how.beta:g}: times the entries of {found!r} it is no double")
    if traces:
        paid = dyadic.of_table(found, paid, how.beta, traces)
    return np.asarray(how.sign * paid + 0.0)  # + 0.0 turns -0.0 into 0.0


def counted(answers: Array, options: Options) -> counts.Counts:
    """Counts of the answers as the options ask.

    Raises CountOutOfRange and InvalidProblem as `counts` does, InvalidReward for a reference without
    counting="independent", for the reverse, and for groups beside a reference.
    """
    counting, reference = options.get("counting", "in-group"), options.get("reference")
    baseline = options.get("baseline", "group-mean")
    no_answer = options.get("no_answer", counts.NO_ANSWER)
    counts.draws(3, baseline, counting)  # knows both words, or says which there are
    if (counting == "independent") != (reference is not None):
        raise InvalidReward(
            f"counting is {shown(counting)} and reference "
            f'{"given" if reference is not None else "missing"}: an "independent" count needs '
            'reference= with draws of the same prompts, "in-group" takes none'
        )
    groups, sizes = options.get("groups"), options.get("sizes")
    if reference is None:
        return counts.in_group(
            answers, groups=groups, sizes=sizes, baseline=baseline, no_answer=no_answer
        )
    if groups is not None or sizes is not None:
        raise InvalidReward(
            "groups or sizes beside reference: independent counts are of (prompts, G); reshape"
        )
    return counts.independent(answers, reference, no_answer=no_answer)


def estimated(
    answers: Array, target: Target, beta: Any, options: Options, sign: int = 1
) -> tuple[Array, counts.Counts]:
    """Rewards sign beta c[index], float64 in the shape of the answers, and the counts they came from.

    A trace without answer has nan, or the least of all sign beta c of its table.
    """
    how = parse_options(target, beta, sign, options)
    seen = counted(answers, options)
    traces = (
        group_sizes(seen, options) if options.get("dyadic", False) else (0,) * len(seen.distinct)
    )
    paying = entries(how, seen.distinct, traces, seen.index)
    if len(seen.distinct) == 1:
        paid, lowest = paying[0][seen.index], paying.min()
    else:
        row = _rows(seen)
        paid, lowest = paying[row, seen.index], library(paying).amin(paying, 1)[row]
    return filled(paid, seen.answered, lowest, options), seen


def group_sizes(seen: counts.Counts, options: Options) -> tuple[int, ...]:
    """How many traces the groups have of which every K is."""
    if options.get("reference") is not None:
        return (static_int(seen.index.shape[1]),)
    spent = counts.SPENT[options.get("baseline", "group-mean")]
    return tuple(K + spent for K in seen.distinct)


def filled(paid: Array, answered: Array, lowest: Any, options: Options) -> Array:
    """Rewards where answered, elsewhere nan, or `lowest` where the options ask for it."""
    xp = library(paid)
    return xp.where(answered, paid, xp.nan if options.get("unanswered") != LOWEST else lowest)


def doubles(values: Array) -> Array:
    """Values as float64."""
    return values.astype(np.float64) if library(values) is np else values.double()


def summable(paid: Array, most: float, traces: int, options: Options) -> Array:
    """Rewards of size `most` at most, on the dyadic grid for a group where the options ask for it."""
    return dyadic.on_grid(paid, most, traces) if options.get("dyadic", False) else paid


def extremes(how: Estimator, K: int) -> tuple[float, float]:
    """The least reward of the counts 0..K, and the greatest absolute one."""
    return _extremes((*how,), K)


def entries(
    how: Estimator, distinct: tuple[int, ...], traces: tuple[int, ...], like: Array
) -> Array:
    """Rewards of all counts, float64, a row for each K, filled up with its least; beside `like`."""
    device = None if library(like) is np else like.device
    return _constant((*how,), distinct, traces, device)


def _rows(seen: counts.Counts) -> Array:
    """Which of the distinct K is that of each trace."""
    xp = library(seen.draws)
    if xp is np:
        return np.searchsorted(seen.distinct, seen.draws)
    return xp.searchsorted(xp.tensor(seen.distinct, device=seen.draws.device), seen.draws)


@constant
def _constant(
    how: tuple[Any, ...], distinct: tuple[int, ...], traces: tuple[int, ...], device: Any
) -> Array:
    return _tabulated(Estimator(*how), distinct, traces, device)


@constant
def _extremes(how: tuple[Any, ...], K: int) -> tuple[float, float]:
    found = _tabulated(Estimator(*how), (K,), (0,), None)
    return float(found.min()), float(np.abs(found).max())


@lru_cache(maxsize=256)
def _tabulated(
    how: Estimator, distinct: tuple[int, ...], traces: tuple[int, ...], device: Any
) -> Array:
    rows = [rewarded(how, K, G) for K, G in zip(distinct, traces, strict=True)]
    most = max(distinct) + 1
    padded = np.array([np.append(row, np.full(most - row.size, row.min())) for row in rows])
    if device is None:
        padded.setflags(write=False)
        return padded
    import torch

    return torch.tensor(padded, device=device)

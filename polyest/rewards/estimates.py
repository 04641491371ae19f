"""From counts to estimates of phi(nu): which table the counts ask for, its entries, one look-up.

What all rewards share.  Counts know their K (counts.py); the released table of K draws is read once
for each device and then indexed, and nothing is read back: counts made by `counts` are in 0..K and
not checked a second time.  Nothing is solved for here.
"""

from collections.abc import Callable
from functools import lru_cache
from math import isfinite
from typing import Any, Literal, NamedTuple, TypedDict, TypeVar

import numpy as np

from polyest import closed_forms, counts
from polyest.errors import InvalidReward, Mismatch, UnknownOption
from polyest.problem.bernstein import Floats
from polyest.problem.grids import FINEST, GREATEST_BETA, LEAST_BETA, WHOLE
from polyest.tables.lookup import Lookup
from polyest.tables.release import load
from polyest.tables.table import Table
from polyest.values import among, real, shown

Made = TypeVar("Made", bound=Callable[..., Any])
Array = Any  # numpy array or torch tensor; recognised, not imported
Target = str | tuple[str, Any]  # released, or an exact closed form with what it takes beside K
CLOSED_FORMS = (
    "log_count", "log_smoothed", "miller_madow", "taylor", "harmonic", "jackknife", "schuermann",
)  # fmt: skip
UNANSWERED = ("exclude", "lowest")
TABLES = ("criterion", "bias", "bias_ratio", "noise", "table")  # keywords that say which table
# Keywords of no use to a reward that looks nothing up.
COUNTED = (*TABLES, "sizes", "counting", "reference", "baseline")


def constant(function: Made) -> Made:
    """Marks what torch.compile is to call while tracing, and to keep what it returns: it reads files.

    As torch.compiler.assume_constant_result does, without importing torch.
    """
    vars(function)["_dynamo_marked_constant"] = True
    return function


class Options(TypedDict, total=False):
    """Keywords that rewards from counts have in common.

    groups: integer ids (N,) where answers are flat; a list or a numpy array spares a wait for the device.
    sizes: the least and the most traces of such groups, which spares it too (counts.py).
    counting: "in-group" (default), or "independent" with reference=, integers (prompts, K).
    baseline: what the trainer subtracts, "group-mean" (default, K = G - 2), "none" or "exact" (K = G - 1).
    criterion, bias, bias_ratio, noise: those of a released table, as `polyest.load` takes them.
    table: a Table of K draws, or the name of a closed form, in place of a released one.
    dyadic: rewards are, in float32, multiples of 2^-b whose group sums are exact there (rounding.py).
    no_answer: marks a trace without answer, -1 by default; it stays among the draws.
    unanswered: "exclude" (default) rewards it with nan, which the functions of `advantages` leave out,
    "lowest" with the least reward that any count could earn.
    """

    groups: Any
    sizes: tuple[int, int]
    counting: Literal["in-group", "independent"]
    reference: Any
    baseline: str
    criterion: str
    bias: float
    bias_ratio: float
    noise: float
    table: Lookup | str
    dyadic: bool
    no_answer: int
    unanswered: Literal["exclude", "lowest"]


class Estimator(NamedTuple):
    """How counts become rewards: factor beta, sign, and the keywords of a table of any K."""

    target: Target
    beta: float = 1.0
    sign: int = 1
    criterion: str | None = None
    bias: float | None = None
    bias_ratio: float | None = None
    noise: float | None = None
    table: Lookup | str | None = None


def chosen(
    target: Target, beta: Any, sign: int, options: Options, but: tuple[str, ...] = ()
) -> Estimator:
    """The estimator that keywords ask for; `but` are those that the reward has no use for.

    Raises UnknownOption for a keyword that is none of these, InvalidReward for a bad value and for two ways
    to say which table, Mismatch for the table of another target.
    """
    known = [name for name in Options.__annotations__ if name not in but]
    unknown = [name for name in options if name not in known]
    if unknown:
        raise UnknownOption(f"keyword {', '.join(unknown)}: expected some of {', '.join(known)}")
    unanswered = options.get("unanswered", "exclude")
    if not among(unanswered, UNANSWERED):
        raise InvalidReward(
            f"unanswered is {shown(unanswered)}: expected one of {', '.join(UNANSWERED)}"
        )
    factor = real(beta)
    if not factor > 0:
        raise InvalidReward(f"beta is {shown(beta)}: expected a positive number")
    if not LEAST_BETA <= factor <= GREATEST_BETA:
        raise InvalidReward(
            f"beta is {shown(beta)}: expected a number from {LEAST_BETA:g} to {GREATEST_BETA:g}, so that "
            "rewards neither vanish nor overflow"
        )
    if not isinstance(dyadic := options.get("dyadic", False), bool | np.bool_):
        raise InvalidReward(f"dyadic is {shown(dyadic)}: expected True or False")
    asked: dict[str, Any] = {name: options.get(name) for name in TABLES}
    if not isinstance(asked["criterion"], str | None):
        raise InvalidReward(
            f"criterion is {shown(asked['criterion'])}: expected its name, such as minimax"
        )
    for name in ("bias", "bias_ratio", "noise"):
        if asked[name] is not None and not isfinite(real(asked[name])):
            raise InvalidReward(f"{name} is {shown(asked[name])}: expected a number")
    if not isinstance(asked["table"], Lookup | str | None):
        raise InvalidReward(
            f"table is {shown(asked['table'])}: expected a Table, or the name of a closed form"
        )
    how = Estimator(target, factor, sign, **asked)
    given = [name for name in TABLES if getattr(how, name) is not None]
    if given and not isinstance(target, str):
        raise InvalidReward(
            f"{', '.join(given)} with a polynomial, whose table is exactly unbiased: leave it out"
        )
    if len(given) > 1 and how.table is not None:
        raise InvalidReward(
            f"{', '.join(given)}: give a table, or say which one is wanted, not both"
        )
    if isinstance(how.table, str) and (target != "log" or how.table not in CLOSED_FORMS):
        raise InvalidReward(
            f"table {shown(how.table)} for {target}: expected a Table, or of the log one of "
            + ", ".join(CLOSED_FORMS)
        )
    if isinstance(how.table, Lookup) and how.table.target != target:
        raise Mismatch(
            f"{how.table!r} for a reward that estimates {target}: expected one of that target"
        )
    return how


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
    if traces:
        found = found.rounded("dyadic", group=traces, beta=how.beta)  # type: ignore[attr-defined]
    entries = found.coefficients if isinstance(found, Table) else found[np.arange(K + 1)]
    with np.errstate(over="ignore"):
        paid = np.asarray(how.sign * how.beta * entries + 0.0)  # + 0.0 turns -0.0 into 0.0
    if not np.isfinite(paid).all():
        raise InvalidReward(f"beta is {how.beta:g}: times the entries of {found!r} it is no double")
    if (
        traces
    ):  # the product is off the grid by an ulp of float64, float32 holds the multiple itself
        paid = paid.astype(np.float32).astype(np.float64)
    return paid


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
    how = chosen(target, beta, sign, options)
    seen = counted(answers, options)
    traces = (
        group_sizes(seen, options) if options.get("dyadic", False) else (0,) * len(seen.distinct)
    )
    paying = entries(how, seen.distinct, traces, seen.index)
    if len(seen.distinct) == 1:
        paid, lowest = paying[0][seen.index], paying.min()
    else:
        row = _rows(seen)
        paid, lowest = paying[row, seen.index], counts.library(paying).amin(paying, 1)[row]
    return filled(paid, seen.answered, lowest, options), seen


def group_sizes(seen: counts.Counts, options: Options) -> tuple[int, ...]:
    """How many traces the groups have of which every K is."""
    if options.get("reference") is not None:
        return (counts.fixed(seen.index.shape[1]),)
    spent = counts.SPENT[options.get("baseline", "group-mean")]
    return tuple(K + spent for K in seen.distinct)


def filled(paid: Array, answered: Array, lowest: Any, options: Options) -> Array:
    """Rewards where answered, elsewhere nan, or `lowest` where the options ask for it."""
    xp = counts.library(paid)
    return xp.where(answered, paid, xp.nan if options.get("unanswered") != "lowest" else lowest)


def doubles(values: Array) -> Array:
    """Values as float64."""
    return values.astype(np.float64) if counts.library(values) is np else values.double()


def summable(paid: Array, most: float, traces: int, options: Options) -> Array:
    """Rewards of size `most` at most, on the finest grid 2^-b, b <= 16, with traces most <= 2^(24-b).

    As they are unless the options ask for dyadic rewards.  A reward that is one look-up is not rounded
    here: its table is, and certified again.  This moves any other by 2^-(b+1) at most.
    """
    if not options.get("dyadic", False):
        return paid
    if most < 2.0**-FINEST:
        raise InvalidReward(
            f"rewards of size {most:g} vanish on the dyadic grid, whose step is 2^-{FINEST}: use a greater "
            "beta, or dyadic=False"
        )
    b = min(FINEST, int(np.floor(np.log2(WHOLE / (traces * most)))))
    whole = WHOLE // traces
    return counts.library(paid).round(paid * 2.0**b).clip(-whole, whole) / 2.0**b


def extremes(how: Estimator, K: int) -> tuple[float, float]:
    """The least reward of the counts 0..K, and the greatest absolute one."""
    return _extremes((*how,), K)


def entries(
    how: Estimator, distinct: tuple[int, ...], traces: tuple[int, ...], like: Array
) -> Array:
    """Rewards of all counts, float64, a row for each K, filled up with its least; beside `like`."""
    device = None if counts.library(like) is np else like.device
    return _constant((*how,), distinct, traces, device)


def _rows(seen: counts.Counts) -> Array:
    """Which of the distinct K is that of each trace."""
    xp = counts.library(seen.draws)
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

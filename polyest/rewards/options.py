"""This module checks the options of a reward and makes of them the estimator that it looks up."""

from math import isfinite
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple, TypedDict

import numpy as np

from polyest.closed_forms import LOGS
from polyest.counts import Baseline
from polyest.errors import InvalidReward, Mismatch, UnknownOption
from polyest.history.history import History
from polyest.problem.criteria import Name
from polyest.problem.grids import GREATEST_BETA, LEAST_BETA
from polyest.problem.shapes import SHAPES, Shape
from polyest.tables.lookup import Lookup
from polyest.values import among, either, real, shown

if TYPE_CHECKING:
    from polyest.problem.keywords import Bounded

    class Which(Bounded, total=False):
        """The keywords of `Options` that say which table."""

        table: Lookup | str | None


# Released, or an exact closed form with what it takes beside K, or entries that the caller gave (OWN).
Target = str | tuple[Any, ...]
OWN: Final = "own entries"
CLOSED_FORMS = tuple(form.__name__ for form in LOGS)
EXCLUDE: Final = "exclude"
LOWEST: Final = "lowest"
UNANSWERED = (EXCLUDE, LOWEST)
TABLES = (
    "criterion",
    "bias",
    "bias_ratio",
    "noise",
    "shape",
    "table",
)  # keywords that say which table
GATED = ("where", "bonus")  # keywords that pay right completions alone
# Keywords that mean nothing to a reward that looks nothing up.
COUNTED = (*TABLES, "sizes", "counting", "reference", "baseline", "history", "prompts")

ALL_NEGATIVE = (
    "where with rewards that are all negative: a right answer would earn less than a wrong one, which has 0; "
    "use diversity, or bonus=1"
)


class Options(TypedDict, total=False):
    """The keywords that all rewards from counts have in common; each of them is optional.

    Attributes
    ----------
    groups : integer Array (N,)
        The id of each completion's group, if the answers are a flat array.  Ids on a device are read by the
        host, which waits for the device; ids in a list or a numpy array need no wait.
    sizes : pair of int
        The sizes of the smallest and the largest of these groups; if given, ids are not read by the host.
    counting : {"in-group", "independent"}
        Whether a completion is counted in its own group (the default) or among independent reference draws.
    reference : integer Array (prompts, K)
        The answers of the reference draws, for "independent" only.
    baseline : {"group-mean", "none", "exact"}
        What the trainer subtracts from the rewards: K = G - 2 under "group-mean", the default, and K = G - 1
        under the others.
        Advantages of "exact" (`advantages.exact`) have more variance than those of the group mean.
    history : History
        Earlier completions of the prompts, W of each, which are counted too; K is larger by W.  A reward
        reads the history and does not change it.
    prompts : sequence of int or str
        The prompt ids for the history: one per row, or one per completion if the answers are flat.
    criterion : {"gradient-variance", "minimax", "variance", "second-moment", "squared-error"}
        The criterion of the released table, as in `polyest.load`.
    bias : float
        A budget of that table, the greatest worst-case weighted bias, as in `polyest.load`.
    bias_ratio : float
        A budget of that table, the same in units of the least attainable bias, as in `polyest.load`.
    noise : float
        A budget of that table, the variance ratio to the plug-in log, as in `polyest.load`; 8 by default.
    shape : {"monotone", "concave"}
        The shape of that table, as in `polyest.load`; with criterion="minimax" both are released.
    table : Lookup or str
        A Table of sample size K, or the name of a closed form, in place of a released table.
    dyadic : bool
        Whether rewards are rounded to multiples of a step 2^-b, so that sums over a group are exact in
        float32; False by default.
    no_answer : int
        The integer that marks a completion without an answer, -1 by default.  Such a completion is included
        in K.
    unanswered : {"exclude", "lowest"}
        The reward of a completion without an answer: nan with "exclude", the default, which the functions of
        `advantages` leave out; the least reward that any count could earn with "lowest".
    where : bool Array
        Which completions are right, in the shape of the answers; numbers have to be 0 or 1.  All others, and
        those without an answer, earn 0, whatever `unanswered` is.  It should be a function of the answer.
    bonus : float
        A number that is added to the reward of a right completion, 0 by default.
    """

    groups: Any
    sizes: tuple[int, int]
    counting: Literal["in-group", "independent"]
    reference: Any
    baseline: Baseline
    history: History | None
    prompts: Any
    criterion: Name
    bias: float
    bias_ratio: float
    noise: float
    shape: Shape
    table: Lookup | str
    dyadic: bool
    no_answer: int
    unanswered: Literal["exclude", "lowest"]
    where: Any
    bonus: float


class Estimator(NamedTuple):
    """The way from counts to rewards, for any K: factor beta, sign, bonus and the choice of a table."""

    target: Target
    beta: float = 1.0
    sign: int = 1
    criterion: Name | None = None
    bias: float | None = None
    bias_ratio: float | None = None
    noise: float | None = None
    shape: Shape | None = None
    table: Lookup | str | None = None
    bonus: float = 0.0

    @property
    def own_entries(self) -> dict[int, tuple[float, ...]] | None:
        """The caller's own entries c_0..c_K by K, none of a function not asked yet; None for a table."""
        target = self.target
        return None if isinstance(target, str) or target[0] != OWN else dict(target[1])

    def named(self) -> tuple[Any, ...]:
        """What a warning of this reward is remembered by: all but what a function gave for some K."""
        target = self.target if self.own_entries is None else (OWN, *self.target[2:])
        return tuple(self._replace(target=target))


def parse_options(
    target: Target, beta: object, sign: int, options: Options, but: tuple[str, ...] = ()
) -> Estimator:
    """The estimator that the keywords of a reward choose.

    but: names of `Options` that the reward does not take.

    Raises UnknownOption for a keyword that is not in `Options` or is in `but`, InvalidReward for a bad
    value, where table= is given beside the keywords of a released table, and where all rewards of a gate
    would be negative, Mismatch for the table of another target.
    """
    known = [name for name in Options.__annotations__ if name not in but]
    unknown = [name for name in options if name not in known]
    if "history" in unknown:
        raise UnknownOption(
            "history is given to a reward that counts no earlier completions: expected none, as orbits and "
            "functions of the whole group know the present groups alone; leave history and prompts out, or "
            "pay what one table of counts gives, such as log_probability"
        )
    if unknown:
        raise UnknownOption(
            f"unknown keyword {', '.join(unknown)}: expected some of {', '.join(known)}"
        )
    unanswered = options.get("unanswered", EXCLUDE)
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
    if asked["shape"] is not None and not among(asked["shape"], SHAPES):
        raise InvalidReward(f"shape is {shown(asked['shape'])}: expected {either(SHAPES)}")
    if not isinstance(asked["table"], Lookup | str | None):
        raise InvalidReward(
            f"table is {shown(asked['table'])}: expected a Table, or the name of a closed form"
        )
    how = Estimator(target, factor, sign, **asked, bonus=_bonus(options))
    given = [name for name in TABLES if getattr(how, name) is not None]
    if given and not isinstance(target, str):
        raise InvalidReward(
            f"{', '.join(given)} given for a polynomial, which has one exactly unbiased table, so "
            "that there is nothing to choose: leave it out"
        )
    if len(given) > 1 and how.table is not None:
        raise InvalidReward(
            f"{', '.join(given)} are given together: expected either table, or the keywords that choose a "
            "released one"
        )
    if isinstance(how.table, str) and (target != "log" or how.table not in CLOSED_FORMS):
        raise InvalidReward(
            f"table is {shown(how.table)} for target {target}: expected a Table, or for target log the name "
            f"of a closed form: {', '.join(CLOSED_FORMS)}"
        )
    if isinstance(how.table, Lookup) and how.table.target != target:
        raise Mismatch(
            f"table is {how.table!r} for a reward that estimates {target}: expected a table of that target"
        )
    if options.get("where") is not None and not how.bonus and _negative(how):
        raise InvalidReward(ALL_NEGATIVE)
    return how


def _negative(how: Estimator) -> bool:
    """Whether the function that is estimated is at most 0 everywhere: the logarithms of a probability."""
    log = isinstance(how.target, str) and how.target.partition(":")[0] in ("log", "tsallis")
    return log and how.sign > 0


def _bonus(options: Options) -> float:
    """The bonus of right completions, checked beside the gate that it needs."""
    bonus, where = options.get("bonus", 0.0), options.get("where")
    if not 0 <= real(bonus) <= GREATEST_BETA:
        raise InvalidReward(
            f"bonus is {shown(bonus)}: expected a number from 0 to {GREATEST_BETA:g}, which is "
            "added to the rewards of right completions"
        )
    if where is None and bonus:
        raise InvalidReward(
            f"bonus is {shown(bonus)} without where: expected both; say with where= which completions are "
            "right, or add a number to all rewards yourself"
        )
    if where is not None and among(options.get("baseline"), ("exact",)):
        raise InvalidReward(
            'baseline is "exact" with where: expected "group-mean" or "none", because the exact count '
            "baseline takes no gate"
        )
    return real(bonus)

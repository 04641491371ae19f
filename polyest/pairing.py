"""This module returns a table together with its baseline, and refuses a table with the wrong baseline.

    baseline           what is subtracted                          sample size of the table
    "group-mean"       the group's mean reward                     K = G - 2
    "leave-one-out"    the mean reward of the others               K = G - 2
    "standardised"     the mean; then divided by the std           K = G - 2, but biased; beta has no effect
    "exact"            the mean of the group recounted without i   K = G - 1, and G - 2 for the others
    "none"             nothing                                     K = G - 1

The advantages of "exact" have more variance than those of the group mean, 1.03 to 1.41 times at noise=8
(advantages.py).

The wrong pair is much worse: a table of K = G - 1 under a group mean has 1.8 to 13 times the bias
(test_group_mean.py).
"""

import warnings
from dataclasses import dataclass
from math import inf
from typing import TYPE_CHECKING

from polyest import advantages, counts
from polyest.arrays import Array, concat, library, taken
from polyest.errors import InvalidReward, Mismatch, ScaleLost
from polyest.rewards.estimates import entries, table
from polyest.rewards.options import TABLES, Estimator, Options, parse_options
from polyest.tables.lookup import Lookup
from polyest.values import among, real, shown

if TYPE_CHECKING:
    from typing import Unpack

    from polyest.rewards.options import Which


OF_COUNTS = tuple(name for name in Options.__annotations__ if name not in TABLES)
BASELINES = ("group-mean", "leave-one-out", "standardised", "exact", "none")


def draws(group: int, baseline: str) -> int:
    """Return the sample size K of the table for a group of completions under a baseline.

        K = G - 1 under "exact" and "none",  K = G - 2 under the others

    Parameters
    ----------
    group : int
        The number G of completions of a prompt.
    baseline : {"group-mean", "leave-one-out", "standardised", "exact", "none"}
        What is subtracted from the rewards of a group, as in the module.

    Returns
    -------
    int
        The sample size K.

    Raises
    ------
    CountOutOfRange
        If `group` is not an integer, or so small that no draw is left.
    InvalidReward
        If `baseline` is unknown.

    Examples
    --------
    >>> draws(16, "leave-one-out"), draws(16, "exact")
    (14, 15)
    """
    if not among(baseline, BASELINES):
        raise InvalidReward(
            f"baseline {shown(baseline)} is unknown: use one of {', '.join(BASELINES)}"
        )
    return counts.draws(group, _counted(baseline))


def _counted(baseline: str) -> counts.Baseline:
    """The baseline as `counts` knows it: all but two subtract a mean of the group."""
    if baseline == "exact":
        return "exact"
    return "none" if baseline == "none" else "group-mean"


@dataclass(frozen=True, eq=False)
class Pair:
    """A table for groups of G completions, together with the baseline that a trainer subtracts.

    Rewards are sign * beta * c for the table's entries c.  Mismatch is raised if the table, the baseline
    and the group do not belong together.

    Attributes
    ----------
    table : Lookup
        The table of K = draws(group, baseline) draws.
    baseline : {"group-mean", "leave-one-out", "standardised", "exact", "none"}
        What is subtracted from the rewards of a group, as in the module.
    group : int
        The number G of completions of a prompt.
    beta : float
        The factor of the rewards, a positive number.
    sign : {1, -1}
        The sign of the rewards.
    others : Lookup or None
        The table of G - 2 draws with which "exact" recounts the other completions; None under the others.

    Raises
    ------
    Mismatch
        If the table has another sample size than group and baseline need.
    InvalidReward
        If a table, the baseline, beta or sign is not valid.
    CountOutOfRange
        If the group is too small for its baseline.

    Warns
    -----
    ScaleLost
        If the baseline is "standardised" and beta is not 1.

    Examples
    --------
    >>> import polyest
    >>> Pair(polyest.load(14), "group-mean", 16).baseline
    'group-mean'
    """

    table: Lookup
    baseline: str
    group: int
    beta: float = 1.0
    sign: int = 1
    others: Lookup | None = None

    def __post_init__(self) -> None:
        """Check that table, baseline and group belong together."""
        if real(self.sign) not in (-1, 1) or not 0 < real(self.beta) < inf:
            raise InvalidReward(
                f"beta {shown(self.beta)}, sign {shown(self.sign)}: expected a positive factor, 1 or -1"
            )
        if not isinstance(self.table, Lookup) or not isinstance(self.others, Lookup | None):
            raise InvalidReward(
                f"table is {shown(self.table)}, others is {shown(self.others)}: expected tables of "
                "polyest, others None where the baseline needs none"
            )
        K = draws(self.group, self.baseline)
        if self.table.K != K:
            raise Mismatch(
                f'a table of K = {self.table.K} under baseline "{self.baseline}" with groups of '
                f"{self.group}: expected K = {K}; load that one, or let pairing.pair choose"
            )
        rest = self.group - 2 if self.baseline == "exact" and self.group > 2 else None
        if (self.others.K if self.others is not None else None) != rest:
            raise Mismatch(
                f'others {self.others!r} under baseline "{self.baseline}" with groups of {self.group}: '
                "expected " + ("none" if rest is None else f"a table of K = {rest}")
            )
        if self.baseline == "standardised" and self.beta != 1:
            warnings.warn(
                f"the division by the standard deviation cancels beta = {self.beta:g}: rewards of any scale "
                'give the same advantages; use baseline "group-mean"',
                ScaleLost,
                stacklevel=4,
            )

    def advantages(self, answers: Array, *, no_answer: int = counts.NO_ANSWER) -> Array:
        """Return the advantages of completions, which are their rewards minus the baseline.

            A_i = sign beta c[index_i] - baseline

        Parameters
        ----------
        answers : integer Array (prompts, G)
            The answer of each completion; G is the group size of this pair.
        no_answer : int
            The integer that marks a completion without an answer.

        Returns
        -------
        float64 Array (prompts, G)
            The advantages, in the array library of the answers; 0 for a completion without an answer.

        Raises
        ------
        CountOutOfRange
            If answers are not integers of two dimensions.
        Mismatch
            If groups have another number of completions than this pair.
        """
        seen = counts.in_group(answers, baseline=_counted(self.baseline), no_answer=no_answer)
        if seen.index.shape[1] != self.group:
            raise Mismatch(
                f"groups of {seen.index.shape[1]} completions: expected {self.group}, for which this pair is "
                "made; make a pair for each size"
            )
        xp = library(seen.index)
        paid = taken(self._entries(self.table, seen.index), seen.index)
        if self.baseline == "none":
            return xp.where(seen.answered, paid, 0.0)
        if self.baseline == "exact":
            zero = xp.zeros_like(paid[0, :1])
            rest = concat([zero] * (self.group + 1))
            if self.others is not None:
                rest = concat([zero, self._entries(self.others, seen.index), zero])
            return advantages.exact(paid, rest, seen.index + 1, seen.answered)
        paid = xp.where(seen.answered, paid, xp.nan)
        function = {
            "group-mean": advantages.group_mean,
            "leave-one-out": advantages.leave_one_out,
            "standardised": advantages.standardised,
        }[self.baseline]
        return function(paid)

    def _entries(self, lookup: Lookup, like: Array) -> Array:
        how = Estimator("log", self.beta, self.sign, table=lookup)
        return entries(how, (lookup.K,), (0,), like)[0, :]


def pair(
    group: int,
    baseline: str = "group-mean",
    *,
    target: str = "log",
    beta: float = 1.0,
    sign: int = 1,
    **keywords: "Unpack[Which]",
) -> Pair:
    """Return the table for a group of completions, together with its baseline.

    Rewards are sign * beta * c for the table's entries c.

    Parameters
    ----------
    group : int
        The number G of completions of a prompt.
    baseline : {"group-mean", "leave-one-out", "standardised", "exact", "none"}
        What is subtracted from the rewards of a group, as in the module.
    target : str
        What is estimated, as in `polyest.load`.
    beta : float
        The factor of the rewards, a positive number.
    sign : {1, -1}
        The sign of the rewards.
    **keywords : Which
        The keywords of `rewards.Options` that choose the table: criterion, bias, bias_ratio, noise and
        shape for a released one, or table= with a Table or the name of a closed form.

    Returns
    -------
    Pair
        The table and the baseline.

    Raises
    ------
    CountOutOfRange
        If the group is too small for its baseline.
    InvalidReward
        If an argument is not valid, or table= is given beside the keywords of a released table.
    UnknownOption
        If a keyword does not choose a table.
    InvalidProblem
        If target, criterion and budget do not go together.
    Mismatch
        If the Table given as table= has another target or another sample size.
    TableNotFound
        If no such table was released.
    CorruptTable
        If the table's file differs from the released one.

    Warns
    -----
    ScaleLost
        If the baseline is "standardised" and beta is not 1.

    Examples
    --------
    >>> found = pair(16, "exact", noise=4)
    >>> found.table.K, found.others.K, found.advantages([[7] * 16]).shape
    (15, 14, (1, 16))
    """
    if not isinstance(target, str):
        raise InvalidReward(
            f"target is {shown(target)}: expected its name, such as log or tsallis:0.5"
        )
    wanted: Options = keywords  # type: ignore[assignment]
    how = parse_options(target, beta, sign, wanted, but=OF_COUNTS)
    K = draws(group, baseline)
    others = table(how, group - 2) if baseline == "exact" and group > 2 else None
    return Pair(table(how, K), baseline, group, how.beta, sign, others)

"""This module computes rewards from a geometry: phi' of an answer's probability, estimated from its count.

    reward = -s beta phi'(q(z)),    q = nu estimated from counts

The sign is s = 1 for diversity (rare answers have a greater reward) and s = -1 for consistency.  A
polynomial phi of degree d + 1 has a reward of degree d, with an exactly unbiased table of sample size
K >= d (U-statistics).  Any other phi uses the table of its target: log for the negative entropy, tsallis:s
for Tsallis of order s.
"""

from typing import TYPE_CHECKING

import numpy as np

from polyest import closed_forms, counts
from polyest.arrays import Floats
from polyest.counts import Baseline, Counting
from polyest.errors import InvalidGame, TableNotFound
from polyest.games.bregman import Geometry
from polyest.games.goal import LARGEST
from polyest.tables.lookup import Lookup
from polyest.tables.release import load
from polyest.values import real, shown

if TYPE_CHECKING:
    from typing import Unpack

    from numpy.typing import ArrayLike

    from polyest.problem.keywords import Bounded


def table(
    geometry: Geometry,
    group: int,
    *,
    counting: Counting = "in-group",
    baseline: Baseline = "group-mean",
    **keywords: "Unpack[Bounded]",
) -> tuple[Lookup, float, float]:
    """Return the table for a group of completions, with the scale and shift that turn it into a reward.

        phi'(nu) ~ scale table[index] + shift

    The table is the released one if there is one; otherwise it is solved.

    Parameters
    ----------
    geometry : Geometry
        The geometry whose phi' is the reward.
    group : int
        The number of completions of a prompt, or of its reference draws where `counting` is
        "independent"; K follows as in `counts.draws`.
    counting : {"in-group", "independent"}
        Whether a completion is counted in its own group or in independent reference draws.
    baseline : {"group-mean", "none", "exact"}
        What the trainer subtracts from the rewards of a group.
    **keywords : Bounded
        Criterion and budget of the table, as in `polyest.load`; none for a polynomial, whose table is
        exactly unbiased.

    Returns
    -------
    table : Table or UniversalTable
        The table.
    scale : float
        The scale.
    shift : float
        The shift.

    Raises
    ------
    InvalidGame
        If keywords are given for a polynomial, or `geometry` is not a geometry.
    CountOutOfRange
        If the group is too small for its baseline.
    InvalidProblem
        If a keyword is invalid, or the keywords do not go together.

    Examples
    --------
    >>> from polyest.games.geometry import euclidean, negative_entropy
    >>> gini, scale, shift = table(euclidean(), 6)
    >>> gini.K, gini[3], scale, shift  # 3 others of 4 alike
    (4, 0.75, 1.0, 0.0)
    >>> table(negative_entropy(), 16, criterion="minimax")[0].K
    14
    """
    if not isinstance(geometry, Geometry):
        raise InvalidGame(f"geometry is {shown(geometry)}: expected one of polyest.games.geometry")
    K = counts.draws(group, baseline, counting)
    target, scale, shift = geometry.target
    if geometry.degree is None:
        try:
            return load(K, target, **keywords), scale, shift
        except TableNotFound:
            from polyest.make.pipeline import solve  # only used if no released table fits

            return solve(K, target, **keywords), scale, shift
    if keywords:
        raise InvalidGame(
            f"{', '.join(keywords)} with {geometry.name}: its reward is a polynomial of degree "
            f"{geometry.degree}, whose table is exactly unbiased; leave budgets out"
        )
    return closed_forms.polynomial(K, target.parameters), scale, shift


def rewards(
    geometry: Geometry,
    answers: "ArrayLike",
    *,
    beta: float = 1.0,
    sign: int = 1,
    reference: "ArrayLike | None" = None,
    baseline: Baseline = "group-mean",
    no_answer: int = counts.NO_ANSWER,
    **keywords: "Unpack[Bounded]",
) -> Floats:
    """Reward sampled answers by phi' of their estimated probabilities.

        -sign beta phi'(nu)

    Parameters
    ----------
    geometry : Geometry
        The geometry whose phi' is the reward.
    answers : integer array (prompts, G)
        The answer of each completion.
    beta : float
        The factor of the rewards, a positive number.
    sign : int
        1 for diversity, where rare answers earn more, and -1 for consistency.
    reference : integer array (prompts, K) or None
        The answers of independent draws of the same prompts, among which the answers are counted.  By
        default they are counted in their own group.
    baseline : {"group-mean", "none", "exact"}
        What the trainer subtracts from the rewards of a group.
    no_answer : int
        The integer that marks a completion without an answer.
    **keywords : Bounded
        As in `table`.

    Returns
    -------
    float64 array (prompts, G)
        The rewards, nan where there is no answer.

    Raises
    ------
    InvalidGame
        If `sign` or `beta` is not valid, or as in `table`.
    CountOutOfRange
        If answers are not integers, or the group is too small for its baseline.
    InvalidProblem
        If a keyword is invalid, or the keywords do not go together.

    Examples
    --------
    >>> from polyest.games.geometry import euclidean
    >>> rewards(euclidean(), [[7, 7, 3, -1]], beta=2.0).tolist()  # -2 times the share among 2 others
    [[-1.0, -1.0, 0.0, nan]]
    """
    if real(sign) not in (-1, 1):
        raise InvalidGame(f"sign is {shown(sign)}: expected 1 for diversity, -1 for consistency")
    if not 0 < real(beta) <= LARGEST:
        raise InvalidGame(f"beta is {shown(beta)}: expected a positive number")
    beta, sign = real(beta), int(sign)
    counting: Counting = "in-group"
    if reference is None:
        seen = counts.in_group(answers, baseline=baseline, no_answer=no_answer)
        group = seen.index.shape[1]
    else:
        seen = counts.independent(answers, reference, no_answer=no_answer)
        group, counting = seen.draws, "independent"
    lookup, scale, shift = table(geometry, group, counting=counting, baseline=baseline, **keywords)
    paid = -sign * beta * (scale * lookup[seen.index] + shift) + 0.0  # + 0.0 turns -0.0 into 0.0
    return np.where(seen.answered, paid, np.nan)

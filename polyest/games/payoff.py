"""From a geometry to rewards in one call: phi' of an answer's probability, through a table of its count.

    reward = -s beta phi'(q(z)),    q = nu estimated from counts

s = 1 for diversity (rare answers are worth more), s = -1 for consistency.  A polynomial phi of degree d + 1
has a reward of degree d with an exactly unbiased table of K >= d draws (U-statistics); for another phi the
table is the one of its target: log for the negative entropy, tsallis:s for Tsallis of order s.
"""

from typing import Any

import numpy as np

from polyest import closed_forms, counts
from polyest.arrays import Floats
from polyest.errors import InvalidGame, TableNotFound
from polyest.games.geometry import Geometry
from polyest.games.goals import LARGEST
from polyest.tables.lookup import Lookup
from polyest.tables.release import load
from polyest.values import real, shown


def table(
    geometry: Geometry,
    group: int,
    *,
    counting: str = "in-group",
    baseline: str = "group-mean",
    **keywords: Any,
) -> tuple[Lookup, float, float]:
    """The table for a group of traces, with scale and shift: phi'(nu) ~ scale table[index] + shift.

    group: traces a prompt, or reference draws where counting is "independent"; K follows as in
    `counts.draws`.  keywords: criterion and budget of the table as `polyest.load` takes them, none for a
    polynomial, which is met exactly.  The table is the released one where there is one, else it is
    solved.  Raises InvalidGame for keywords of a polynomial, CountOutOfRange and InvalidProblem.

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
            from polyest.make.pipeline import solve  # where nothing is released, and only there

            return solve(K, target, **keywords), scale, shift
    if keywords:
        raise InvalidGame(
            f"{', '.join(keywords)} with {geometry.name}: its reward is a polynomial of degree "
            f"{geometry.degree}, whose table is exactly unbiased; leave budgets out"
        )
    return closed_forms.polynomial(K, target.parameters), scale, shift


def rewards(
    geometry: Geometry,
    answers: Any,
    *,
    beta: float = 1.0,
    sign: int = 1,
    reference: Any = None,
    baseline: str = "group-mean",
    no_answer: int = counts.NO_ANSWER,
    **keywords: Any,
) -> Floats:
    """Rewards -sign beta phi'(nu) of sampled answers, float64 (prompts, G), nan where there is no answer.

    answers: integers (prompts, G), counted in their group; with `reference`, integers (prompts, K), in these
    independent draws of the same prompts.  baseline: what the trainer subtracts.  keywords: as in `table`.
    Raises CountOutOfRange, InvalidProblem and InvalidGame.

    >>> from polyest.games.geometry import euclidean
    >>> rewards(euclidean(), [[7, 7, 3, -1]], beta=2.0).tolist()  # -2 times the share among 2 others
    [[-1.0, -1.0, 0.0, nan]]
    """
    if real(sign) not in (-1, 1):
        raise InvalidGame(f"sign is {shown(sign)}: expected 1 for diversity, -1 for consistency")
    if not 0 < real(beta) <= LARGEST:
        raise InvalidGame(f"beta is {shown(beta)}: expected a positive number")
    beta, sign = real(beta), int(sign)
    if reference is None:
        seen = counts.in_group(answers, baseline=baseline, no_answer=no_answer)
        group, counting = seen.index.shape[1], "in-group"
    else:
        seen = counts.independent(answers, reference, no_answer=no_answer)
        group, counting = seen.draws, "independent"
    found, scale, shift = table(geometry, group, counting=counting, baseline=baseline, **keywords)
    paid = -sign * beta * (scale * found[seen.index] + shift) + 0.0  # + 0.0 turns -0.0 into 0.0
    return np.where(seen.answered, paid, np.nan)

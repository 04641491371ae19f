"""Entries rounded to a grid and measured there, tightened where rounding would overspend a noise budget.

A noise budget binds: a solved table leaves 4e-9 of it, and rounding moves the noise either way.  With
any m, and 0 <= s < 1, the entries m + (1-s)(c - m) have (1-s)^2 times the variance of c, with m = 0
(1-s)^2 times its moments.  So s of the size of what rounding adds keeps the budget, and no
solver is needed.  The bias moves by s p (m - P), least in the mean square for

    m = int p^2 P / int p^2 = sum_k 3 (k+1)(k+2) c_k / ((K+1)(K+2)(K+3)).

A bias budget binds too, and nothing short of another solution takes bias off a table: `pipeline.solve`
with a grid finds one.
"""

import warnings
from typing import NamedTuple

import numpy as np

from polyest.arrays import Floats
from polyest.errors import NotProved, RuinedByRounding
from polyest.precision.entrance import alone
from polyest.problem.claims import Bracket, Certificate
from polyest.problem.criteria import CRITERIA
from polyest.problem.grids import Rounding, loss, nearest
from polyest.problem.problem import Alternation, Dual, Problem
from polyest.problem.targets import Target
from polyest.proof.certify import in_units, measure, noise_unit, reached, spent

TRIALS = 24  # the share grows by half each time: from 1e-8 to 1e-4
RUIN = 2.0  # times the bias before: as much as doubling the noise budget takes off, from 2 to 4


Witness = Alternation | Dual | None


class Rounded(NamedTuple):
    """Entries on a grid, what is proved of them, and the witness of their problem."""

    grid: str
    coefficients: Floats
    claims: Certificate
    witness: Witness


def rounded(
    problem: Problem,
    claims: Certificate,
    coefficients: Floats,
    witness: Witness,
    rounding: Rounding,
) -> Rounded:
    """Entries of a table rounded and proved, with a warning where that ruins it.  Raises as `tightened`."""
    found = tightened(problem, claims, coefficients, rounding)
    warn_if_ruined(problem, found[0], claims, found[2], stacklevel=4)
    return Rounded(*found, reselected(problem.target, found[1], witness))


@alone
def tightened(
    problem: Problem, claims: Certificate, coefficients: Floats, rounding: Rounding
) -> tuple[str, Floats, Certificate]:
    """Grid, entries on it and their certificate, for a table of these claims and coefficients.

    Raises NotProved where the budget is missed, InvalidProblem where the grid does not hold them.
    """
    limit, share = _limit(problem, claims), 0.0
    for _ in range(TRIALS):
        entries = _contracted(problem.criterion, coefficients, share)
        grid = rounding.grid(entries)
        entries = nearest(entries, grid)
        measured = measure(problem.target, entries, problem.criterion)
        found = carried(problem, claims.optimum, measured)
        if limit is None or spent(problem, found) <= limit:
            return grid, entries, found
        if problem.direction == "bias":
            break
        share = max(1.5 * share, share + 0.55 * (spent(problem, found) / limit - 1))
    assert problem.budget is not None
    raise NotProved(
        f"K = {problem.K}: rounded to {grid} the table spends {spent(problem, found)!r} of {limit!r}, "
        f"its budget of {problem.budget.kind} {problem.budget.value:g}: solve it on the grid, which "
        f'tightens: polyest.solve(..., grid="{rounding.kind}")'
    )


def carried(problem: Problem, optimum: Bracket | None, measured: Certificate) -> Certificate:
    """The certificate of other entries for the same problem, from what was measured of them.

    What bounds the optimum below speaks of the problem and stays; the upper end is what the entries
    reach, but for minimax, where the alternation encloses the optimum from both sides.
    """
    if optimum is None or problem.is_minimax:
        return measured.__replace__(optimum=optimum)
    return measured.__replace__(optimum=Bracket(optimum.lower, reached(problem, measured)))


def ruined(target: Target, K: int, grid: str, before: float, after: float) -> bool:
    """Whether rounding ruins a table: sup|bias| is more than twice what it was before.

    A target that some table meets without bias has none before to speak of; there the measure is
    what rounding p phi(p) itself would lose where it is greatest.
    """
    if target.entries(K) is not None:
        before = max(before, loss(grid, measure(target, np.zeros(2)).bias.upper))
    return after > RUIN * before


def _limit(problem: Problem, claims: Certificate) -> float | None:
    """The budget as an absolute number, found without a solver.

    A budget in units of the least bias is taken to be what the table before rounding spends of it.
    """
    if problem.budget is None:
        return None
    if problem.budget.kind == "noise":
        return in_units(problem.budget, noise_unit(problem))
    return problem.budget.value if problem.budget.kind == "bias" else claims.bias.upper


def _contracted(criterion: str, c: Floats, share: float) -> Floats:
    """Entries drawn together by a share, towards 0 where a moment is bounded."""
    k, K = np.arange(c.size), c.size - 1
    weights = 3 * (k + 1) * (k + 2) / ((K + 1) * (K + 2) * (K + 3))
    row = CRITERIA.get(criterion)  # None for a closed form, which has no budget
    m = 0.0 if row is not None and row.centre == "zero" else float(weights @ c)
    return c - share * (c - m)


def warn_if_ruined(
    problem: Problem, grid: str, before: Certificate, after: Certificate, stacklevel: int
) -> None:
    """Warn RuinedByRounding if a table on a grid has much more sup|bias| than before it was rounded."""
    if ruined(problem.target, problem.K, grid, before.bias.upper, after.bias.upper):
        warnings.warn(
            f"K = {problem.K}, {problem.criterion}: rounding to {grid} ruins the table, its sup|bias| "
            f"goes from {before.bias.upper:.4g} to {after.bias.upper:.4g}: use a finer grid, or a table "
            "of smaller entries, such as one of less noise",
            RuinedByRounding,
            stacklevel=stacklevel,
        )


@alone
def reselected(target: Target, coefficients: Floats, witness: Witness) -> Witness:
    """The witness of a problem, with the tie-break's value of these coefficients in it."""
    from polyest.exact.tie_break import value

    if not isinstance(witness, Dual):
        return witness
    return witness.__replace__(selection=float(value(target, coefficients)))

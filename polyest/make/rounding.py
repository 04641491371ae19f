"""This module rounds tables to a grid and certifies them; entries shrink if a noise budget is exceeded.

A solved table uses all but 4e-9 of its noise budget, and rounding may increase the noise.  For any m
and 0 <= s < 1 the entries m + (1-s)(c - m) have (1-s)^2 times the variance of c, and for m = 0 they have
(1-s)^2 times its moments.  A share s as large as the relative increase thus keeps the budget
without a solver.  The bias changes by s p (m - P), whose mean square is least for

    m = int p^2 P / int p^2 = sum_k 3 (k+1)(k+2) c_k / ((K+1)(K+2)(K+3)).

If rounding exceeds a bias budget, another solution is needed, which `pipeline.solve` with a grid finds.
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
from polyest.problem.shapes import direction
from polyest.problem.targets import Target
from polyest.proof.certify import in_units, limited, measure, noise_unit, reached, spent

TRIALS = 24  # the share grows by a half at each trial, from about 1e-8 to 1e-4
RUIN = 2.0  # a greater growth of the bias is a ruin: doubling the noise budget, 2 to 4, halves the bias


Witness = Alternation | Dual | None


class Rounded(NamedTuple):
    """Entries on a grid, the claims that are proved of them, and the witness of their problem."""

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
    """Round the entries of a table and certify them; warn RuinedByRounding if that ruins the table.

    Raises what `tightened` raises.
    """
    grid, entries, proved = tightened(problem, claims, coefficients, rounding)
    warn_if_ruined(problem, grid, claims, proved, stacklevel=4)
    return Rounded(grid, entries, proved, reselected(problem.target, entries, witness))


@alone
def tightened(
    problem: Problem, claims: Certificate, coefficients: Floats, rounding: Rounding
) -> tuple[str, Floats, Certificate]:
    """Return a grid, the entries rounded to it and their certificate.

    claims, coefficients: those of the table before rounding.  Raises NotProved if the rounded table misses
    its budget, InvalidProblem if the grid cannot hold the entries.
    """
    limit, share = _limit(problem, claims), 0.0
    for _ in range(TRIALS):
        entries = _contracted(problem.criterion, coefficients, share)
        grid = rounding.grid(entries)
        entries = in_order(problem, nearest(entries, grid))
        measured = measure(problem.target, entries, problem.criterion)
        proved = carried(problem, claims.optimum, measured)
        if limit is None or spent(problem, proved) <= limit:
            return grid, entries, proved
        if problem.direction == "bias":
            break
        share = max(1.5 * share, share + 0.55 * (spent(problem, proved) / limit - 1))
    assert problem.budget is not None
    raise NotProved(
        f"K = {problem.K}: rounded to {grid}, the table's {limited(problem)} is "
        f"{spent(problem, proved)!r}, above the {limit!r} that its budget, {problem.budget.kind} "
        f"{problem.budget.value:g}, allows: solve it on the grid, which keeps the budget: "
        f'polyest.solve(..., grid="{rounding.kind}")'
    )


def carried(problem: Problem, optimum: Bracket | None, measured: Certificate) -> Certificate:
    """Return the certificate of new entries for the same problem, from the optimum and their measures.

    The lower end of the optimum depends on the problem alone and is kept.  The upper end becomes the
    value that the new entries reach.  A minimax problem without a shape keeps both ends, as its alternation
    proves both.
    """
    if optimum is None or (problem.is_minimax and problem.shape is None):
        return measured.__replace__(optimum=optimum)
    return measured.__replace__(optimum=Bracket(optimum.lower, reached(problem, measured)))


def ruined(target: Target, K: int, grid: str, before: float, after: float) -> bool:
    """Return whether rounding ruins a table: whether its sup|e| has more than doubled.

    A table for a target with an unbiased estimate has almost no bias before rounding.  There the bias is
    compared with the error of rounding the greatest value of |p phi(p)|, if that is larger.
    """
    if target.entries(K) is not None:
        before = max(before, loss(grid, measure(target, np.zeros(2)).bias.upper))
    return after > RUIN * before


def in_order(problem: Problem, entries: Floats) -> Floats:
    """Return entries near those of a table with a shape that go nowhere against it; others as they are.

    Rounding to the nearest keeps order and ties, but for entries that were drawn together before.
    """
    if problem.shape is None:
        return entries
    sign = direction(problem.target)
    return np.asarray(sign * np.maximum.accumulate(sign * entries))


def _limit(problem: Problem, claims: Certificate) -> float | None:
    """Return the budget as an absolute number, found without a solver; None without a budget.

    A budget in units of the least bias is replaced by the bias of the table before rounding.
    """
    if problem.budget is None:
        return None
    if problem.budget.kind == "noise":
        return in_units(problem.budget, noise_unit(problem))
    return problem.budget.value if problem.budget.kind == "bias" else claims.bias.upper


def _contracted(criterion: str, c: Floats, share: float) -> Floats:
    """Move the entries by a share towards their mean m, or towards 0 if a moment is bounded."""
    k, K = np.arange(c.size), c.size - 1
    weights = 3 * (k + 1) * (k + 2) / ((K + 1) * (K + 2) * (K + 3))
    row = CRITERIA.get(criterion)  # None for a closed form, which has no budget
    m = 0.0 if row is not None and row.centre == "zero" else float(weights @ c)
    return c - share * (c - m)


def warn_if_ruined(
    problem: Problem, grid: str, before: Certificate, after: Certificate, stacklevel: int
) -> None:
    """Warn RuinedByRounding if rounding to the grid more than doubles the sup|e| of a table."""
    if ruined(problem.target, problem.K, grid, before.bias.upper, after.bias.upper):
        warnings.warn(
            f"K = {problem.K}, {problem.criterion}: rounding to {grid} ruins the table, whose worst-case "
            f"bias grows from {before.bias.upper:.4g} to {after.bias.upper:.4g}: use a finer grid, or a "
            "table of smaller entries, such as one of less noise",
            RuinedByRounding,
            stacklevel=stacklevel,
        )


@alone
def reselected(target: Target, coefficients: Floats, witness: Witness) -> Witness:
    """Return the witness with the tie-break's value of these coefficients in it (exact/tie_break.py)."""
    from polyest.exact.tie_break import value

    if not isinstance(witness, Dual):
        return witness
    return witness.__replace__(selection=float(value(target, coefficients)))

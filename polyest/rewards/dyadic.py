"""This module rounds rewards to whole multiples of a step h = 2^-b, so that float32 adds them exactly.

Let the rewards of a group of G be m_i h, with m_i whole and G max|m_i| <= 2^24.  Then float32 holds every
sum of them, and equal rewards leave advantages of exactly 0 (problem/grids.py).  b is the greatest for which
that holds, at most 16.

The rewards beta c_X are rounded here, in float64; the table is not.  They change by at most h/2, so that
the claims about a table grow by a known term.  With delta = h/(2 beta), in units of the reward divided by
beta,

    sup |p (E c_X - phi(p))|    grows by at most delta
    sup p Var c_X = V           becomes at most V + 2 delta sqrt(V) + delta^2

so that a noise budget may be exceeded by that much.  `Table.rounded` keeps the budget and certifies the
rounded table anew.
"""

import warnings
from fractions import Fraction
from math import floor, log2, nextafter, sqrt

import numpy as np

from polyest.arrays import Array, Floats, library
from polyest.errors import InvalidReward, NotPromised, RuinedByRounding
from polyest.problem.bernstein import pmf
from polyest.problem.claims import Certificate
from polyest.problem.grids import FINEST, WHOLE
from polyest.tables.lookup import Lookup
from polyest.tables.table import Table

POINTS = 257  # values of p at which a table is compared before and after rounding
PRODUCT = 1 + 2.0**-28  # beta c is rounded to a double before it is rounded to the grid


def step(most: float, group: int) -> float:
    """The step h for rewards of absolute value `most` at most, of which `group` are summed.

    Raises InvalidReward where all of them would be rounded to 0.

    >>> step(5.0, group=16), step(5.0, group=1024)
    (1.52587890625e-05, 0.00048828125)
    """
    if not most:
        return 2.0**-FINEST
    if most < 2.0**-FINEST:
        raise InvalidReward(
            f"rewards of size {most:g} vanish on the dyadic grid, whose step is 2^-{FINEST}: use a greater "
            "beta, or dyadic=False"
        )
    b = min(FINEST, floor(log2(WHOLE / (group * most))) + 1)
    while (
        group * round(most * 2.0**b) > WHOLE
    ):  # the greatest reward is rounded, and may be rounded up
        b -= 1
    return 2.0**-b


def on_grid(paid: Array, most: float, group: int) -> Array:
    """Rewards of absolute value `most` at most, rounded to the nearest multiple of their `step`."""
    h, whole = step(most, group), WHOLE // group
    xp = library(paid)
    return xp.clip(xp.round(paid / h), -whole, whole) * h


def of_table(table: Lookup | None, paid: Floats, beta: float, group: int) -> Floats:
    """Rewards of the counts 0..K, float64 (K+1,), rounded to the grid of a group.

    table: what they were looked up in, None for entries of the caller's; paid: sign beta c and a bonus, in
    float64; group: the size of the group.

    A table that is on a grid already was made for a group: its rewards are paid as float32 holds them.
    Warns NotPromised where sums of those are not exact, RuinedByRounding where rounding more than doubles
    sup|bias|.
    """
    if isinstance(table, Table) and table.grid is not None:
        held: Floats = paid.astype(np.float32).astype(np.float64)
        if not _sums_exactly(held, group):
            warnings.warn(
                f"{table!r}: float32 sums of {group} of its rewards are not exact, and equal rewards may "
                "leave advantages that are not 0: use the table that it was made from",
                NotPromised,
                stacklevel=2,
            )
        return held
    most = float(np.abs(paid).max())
    rounded: Floats = on_grid(paid, most, group)
    if isinstance(table, Table) and table.claims is not None:
        _warn_if_ruined(table, table.claims, (rounded - paid) / beta, step(most, group), beta)
    return rounded


def claimed(table: Certificate, h: float, beta: float) -> tuple[float, float]:
    """Upper bounds of sup|bias| and of sup p Var of what is paid, divided by beta, on a grid of step h.

    table: what is claimed of the table; the bounds are its own and the term that the module explains.

    >>> import polyest
    >>> t = polyest.load(14)
    >>> bias, noise = claimed(t.certificate, 2.0**-16, beta=0.1)
    >>> round(bias - t.bias.upper, 7), round(noise / t.gradient_variance, 4)
    (7.63e-05, 1.0003)
    """
    delta = h / (2 * beta) * PRODUCT
    noise = table.gradient_variance + 2 * delta * sqrt(table.gradient_variance) + delta * delta
    return nextafter(table.bias.upper + delta, np.inf), noise * (1 + 2.0**-50)


def _sums_exactly(paid: Floats, group: int) -> bool:
    exact = [Fraction(float(x)) for x in paid]
    finest = max(x.denominator for x in exact)  # a power of two
    return group * max(abs(x) for x in exact) * finest <= WHOLE


def _warn_if_ruined(
    table: Table, claims: Certificate, moved: Floats, h: float, beta: float
) -> None:
    """Warns RuinedByRounding where rounding adds more to sup|bias| than the table has.

    moved: what rounding added to the rewards, divided by beta, (K+1,).
    """
    p = np.sin(np.linspace(0, np.pi / 2, POINTS)) ** 2
    added = float(np.abs(p * (pmf(table.K, p) @ moved)).max())
    if added > claims.bias.upper > 0:
        warnings.warn(
            f"{table!r}: rewards with beta = {beta:g} are rounded to multiples of {h:g}, which adds "
            f"{added:.2g} to its worst-case bias: use a greater beta, or dyadic=False",
            RuinedByRounding,
            stacklevel=2,
        )

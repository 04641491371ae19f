"""This module computes entries that are the doubles nearest to a formula, and makes their table.

Rational entries are computed exactly and rounded once.  Logarithms are computed in decimals, with more and
more digits until the nearest double is determined.
"""

from collections.abc import Callable, Iterable, Sequence
from decimal import Context, Decimal
from fractions import Fraction
from typing import SupportsIndex

import numpy as np

from polyest.arrays import Floats
from polyest.decimals import context
from polyest.errors import InvalidProblem
from polyest.problem.problem import LARGEST_LISTED, Problem, check_draws
from polyest.problem.targets import Target
from polyest.tables.table import Table

START_DIGITS = 40
SAFETY = 10**5  # error bound in ulps: some thousand terms, each with an error of a few ulps

Sized = tuple[Decimal, Decimal]  # a number, and the sum of the sizes of its terms


def checked(K: SupportsIndex) -> int:
    """Return K as an int; raise InvalidProblem unless it is in 1..1024, above which a proof takes minutes."""
    draws = check_draws(K)
    if draws > LARGEST_LISTED:
        raise InvalidProblem(
            f"K is {draws}: closed forms are written out and proved up to K = {LARGEST_LISTED}; use a "
            "smaller K, or polyest.load, whose universal table is for any K"
        )
    return draws


def table_of(name: str, target: Target, entries: Floats) -> Table:
    """Return the table of a closed form, whose certificate is proved when it is first requested."""
    problem = Problem(len(entries) - 1, target, name)
    return Table(problem, entries, None, None, "closed_form")


def rounded(exact: Sequence[Fraction]) -> Floats:
    """Return the doubles nearest to fractions; Python rounds a quotient of integers correctly."""
    return np.array([float(c) for c in exact])


def sums(rows: Iterable[tuple[list[tuple[int, int, int]], tuple[int, int]]]) -> Floats:
    """Return the doubles nearest to sums of terms n log(a/b) and a fraction.

    A row is the list of its (n, a, b), and its fraction as numerator and denominator.
    """
    given = list(rows)
    return nearest(lambda digits: [_sum(logs, fraction, digits) for logs, fraction in given])


def _sum(logs: list[tuple[int, int, int]], fraction: tuple[int, int], digits: Context) -> Sized:
    value = digits.divide(*map(Decimal, fraction))
    size = value.copy_abs()
    for n, a, b in logs:
        if n and a != b:
            log = digits.ln(digits.divide(Decimal(a), Decimal(b)))
            value = digits.fma(Decimal(n), log, value)
            off = digits.add(Decimal(1), log.copy_abs())  # the 1 is for the rounding of a/b
            size = digits.fma(Decimal(abs(n)), off, size)
    return value, size


def nearest(values: Callable[[Context], list[Sized]]) -> Floats:
    """Return the doubles nearest to the numbers that `values` computes with the digits of a context.

    Each number has a size, the sum of the absolute values of its terms, and its error is at most SAFETY ulps
    of that size.  The digits are doubled until both ends of this interval round to the same double.  The
    loop ends: a sum of rational multiples of logarithms of rationals is 0 or transcendental (Lindemann).
    Where it is 0, the entry is 0 or a difference of harmonic numbers, and none of these lies halfway between
    two doubles.
    """
    digits, settled = START_DIGITS, False
    while not settled:
        few = context(digits)
        ulps = few.scaleb(Decimal(SAFETY), -digits)
        either = (ulps.copy_negate(), ulps)
        computed = values(few)
        ends = np.array(
            [[float(few.fma(off, size, value)) for off in either] for value, size in computed]
        )
        settled = bool((ends[:, 0] == ends[:, 1]).all())
        digits *= 2
    return np.asarray(ends[:, 0] + 0.0)  # + 0.0 turns -0.0 into 0.0

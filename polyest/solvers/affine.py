"""This module finds the scale and offset with which a table best estimates a target (linear program).

    min over u and v of  sup_p |p (u P(p) - v - phi(p))|,   scale = 1/u, offset = v/u

on points of [0, 1], through HiGHS.  The result is a number and proves nothing.
"""

from functools import lru_cache

import numpy as np
from scipy.optimize import linprog

from polyest.arrays import Floats
from polyest.errors import NotConverged
from polyest.problem.bernstein import pmf
from polyest.problem.targets import Target
from polyest.record import Record

POINTS, MOST_POINTS = (
    16,
    1200,
)  # for each entry and in all, equally spaced in theta, p = sin^2 theta
FINE = 12  # times as many for a fit that is kept
NEAREST, NEAR = -12, 60  # power of ten of the least point, and the number of points towards it
TOLERANCE = 1e-10  # the least that HiGHS accepts
FLAT = 1e-9  # with a smaller u, relative to the entries, the table says nothing of phi


class Affine(Record):
    """Scale and offset, 0 where there is none, and the bias as a share of that of the best constant."""

    scale: float
    offset: float
    share: float


def least_affine(entries: Floats, target: Target, free: bool, fine: int = FINE) -> Affine:
    """Return the fit of least bias; free: whether there is an offset; fine: times the usual points.

    >>> from polyest.problem.targets import parse
    >>> fit = least_affine(np.array([3.0, 5.0]), parse("power:1"), True)
    >>> round(fit.scale, 6), round(fit.offset, 6), abs(round(fit.share, 6))
    (2.0, 3.0, 0.0)
    """
    p, mean = _means(tuple(entries), fine)
    unit = float(np.abs(entries).max())
    f = target.weighted(p)
    columns = [-p] if free else []
    alone, _ = _least(columns, f)
    least, x = _least([mean / unit, *columns], f)
    if abs(x[0]) < FLAT:
        return Affine(0.0, 0.0, 1.0)
    scale = unit / float(x[0])
    return Affine(scale, float(x[1]) * scale if free else 0.0, least / alone)


@lru_cache(maxsize=8)
def _means(entries: tuple[float, ...], fine: int) -> tuple[Floats, Floats]:
    """Return the points p and the values p P(p) there."""
    count = fine * min(POINTS * len(entries), MOST_POINTS)
    spaced = np.sin(np.linspace(0, np.pi / 2, count + 1)[1:]) ** 2
    p = np.union1d(spaced, np.logspace(NEAREST, 0, NEAR))
    return p, p * (pmf(len(entries) - 1, p) @ np.array(entries))


def _least(columns: list[Floats], f: Floats) -> tuple[float, Floats]:
    """Return the least max |sum_j x_j columns_j - f|, and the x; raise NotConverged where HiGHS has none."""
    if not columns:
        return float(np.abs(f).max()), np.zeros(0)
    A = np.stack(columns, axis=1)
    one = np.ones((len(f), 1))
    outcome = linprog(
        np.append(np.zeros(A.shape[1]), 1.0),
        A_ub=np.block([[A, -one], [-A, -one]]),
        b_ub=np.concatenate([f, -f]),
        bounds=[(None, None)] * A.shape[1] + [(0, None)],
        options={
            "primal_feasibility_tolerance": TOLERANCE,
            "dual_feasibility_tolerance": TOLERANCE,
        },
    )
    if outcome.x is None:
        raise NotConverged(
            f"HiGHS ends the program of a fit with status {outcome.status}: give simpler entries"
        )
    return float(outcome.x[-1]), np.asarray(outcome.x[:-1])

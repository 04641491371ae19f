"""This module finds the constant table of least weighted bias, a convex problem in one number c.

    min over c of  sup_p |p c - p phi(p)|

Each p gives two lines in c, of slopes p and -p.  The optimum is where a rising and a falling line of the
upper envelope meet: (c p_i - f_i) = -(c p_j - f_j), f = p phi, so c = (f_i + f_j)/(p_i + p_j).  From any c
the highest line of each kind gives the next c, and the height at which they meet rises from step to step.
This is the exchange of Remez, for which p alone is a Haar system on (0, 1].  It runs on points of [0, 1],
and points are added around the two active ones.  It only evaluates phi, whose error may have any number
of extrema.  The result is a number and proves nothing.
"""

import numpy as np

from polyest.arrays import Floats
from polyest.problem.targets import Target

POINTS = 4096  # equally spaced in theta, p = sin^2 theta
# The power of ten of the least point: a power with an exponent near -1 bends far below the first of POINTS.
SMALLEST = -300
DECADE = 8  # points in each power of ten
ZOOMS, AROUND = 6, 64  # rounds in which points are added around the active ones, and their number
MOST_STEPS = 200


def best_constant(target: Target) -> float:
    """Return the constant c, a double, of nearly the least sup |p (c - phi(p))| over [0, 1].

    >>> from polyest.problem.targets import parse
    >>> round(best_constant(parse("power:1")), 9)  # sup |p (c - p)| is c^2/4 or 1 - c
    0.828427125
    """
    spaced = np.sin(np.linspace(0, np.pi / 2, POINTS + 1)[1:]) ** 2
    p = np.union1d(spaced, np.logspace(SMALLEST, 0, 1 - DECADE * SMALLEST))
    for _ in range(ZOOMS):
        _, active = _exchanged(p, target.weighted(p))
        close = [np.linspace(p[max(i - 1, 0)], p[min(i + 1, p.size - 1)], AROUND) for i in active]
        p = np.union1d(p, close)
    return _exchanged(p, target.weighted(p))[0]


def _exchanged(p: Floats, f: Floats) -> tuple[float, tuple[int, int]]:
    """Return the best c on ascending points, and the indices of the two where its error is greatest."""
    c, height = float(f[-1]), -np.inf
    active = (0, p.size - 1)
    for _ in range(MOST_STEPS):
        error = c * p - f
        i, j = int(error.argmax()), int(error.argmin())
        met = float((f[i] + f[j]) / (p[i] + p[j]))
        now = float(met * p[i] - f[i])
        if not now > height:  # rounding keeps the height from rising further
            break
        c, height, active = met, now, (i, j)
    return c, active

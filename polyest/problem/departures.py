"""This module has the entries of the universal table: harmonic numbers, with departures for small counts.

For large K and p = lambda/K, counts are nearly Poisson, and a table for log is -log K + g[X] in the limit.
At p = 1 this limit alone has an error of 1/(2K), as large as that of the plug-in log.  Two terms in 1/K
suffice: g[X] + h[X]/K with

    h[X] = X(X-1)/2 (g[X] - 2 g[X-1] + g[X-2]),    E h[X] = lambda^2/2 E (second difference of g at X),

which corrects the mean of g under Binomial(K, lambda/K) to first order.  Where g is the digamma function
psi(X+1), the sum is a harmonic table, H_X - H_K, whose mean is known exactly.  The entries are therefore

    c_X = H_X - H_K + u_X + w_X/K,    w_X = X(X-1)/2 (u_X - 2 u_{X-1} + u_{X-2}),    w_0 = w_1 = 1/2,

where the departures u_X are doubles in the file for the first N counts, and 0 beyond.

Such w_X would destroy a shape.  A table with a shape therefore has two lists of levels g_X and h_X for the
first N counts, both of the shape, and its entries lie between them:

    c_X = (1 - 1024/K) g_X + (1024/K) h_X - H_K,    so that u_X = g_X - H_X, w_X = 1024 (h_X - g_X),

and c_X = H_X - H_K beyond.  Because both lists have the shape and the harmonic numbers continue it, all c_X
have it.
"""

from fractions import Fraction
from itertools import accumulate, pairwise

import numpy as np

from polyest.arrays import Floats
from polyest.problem.problem import LARGEST_LISTED
from polyest.problem.shapes import check_shape

MOST_DRAWS = 2**53  # above, not every count is a double
ROUNDING = Fraction(1, 2**53) * (1 + Fraction(1, 2**40))  # relative error of a looked-up entry


def head(departures: Floats) -> list[tuple[Fraction, Fraction]]:
    """Return u_X and w_X, exact, of the first counts X; both are 0 beyond.

    departures: the u_X, (N,), which give N + 2 counts, or two rows of levels, (2, N), which give N.

    >>> import numpy as np
    >>> head(np.array([0.0, 0.0, 1.0]))[2]
    (Fraction(1, 1), Fraction(1, 1))
    >>> head(np.array([[-1.0, 1.0], [-1.0, 1.5]]))
    [(Fraction(-1, 1), Fraction(0, 1)), (Fraction(0, 1), Fraction(512, 1))]
    """
    if departures.ndim == 2:
        limit, last = (list(map(Fraction, row)) for row in departures.tolist())
        harmonic = harmonic_numbers(len(limit))
        return [
            (g - H, LARGEST_LISTED * (h - g)) for g, h, H in zip(limit, last, harmonic, strict=True)
        ]
    u = [*map(Fraction, departures.tolist()), Fraction(0), Fraction(0)]
    second = [u[X] - 2 * u[X - 1] + u[X - 2] for X in range(2, len(u))]
    w = [Fraction(1, 2)] * 2 + [X * (X - 1) * d / 2 for X, d in enumerate(second, 2)]
    return list(zip(u, w, strict=True))


def selection(departures: Floats) -> Fraction:
    """Return sum (X+1) u_X^2, or sum (X+1) (g_X^2 + h_X^2) of levels: a number that shows every change.

    The first is the tie-break of free entries.

    >>> import numpy as np
    >>> selection(np.array([1.0, 2.0])), selection(np.array([[-1.0, 1.0], [-1.0, 1.5]]))
    (Fraction(9, 1), Fraction(17, 2))
    """
    rows = [[*map(Fraction, row)] for row in np.atleast_2d(departures).tolist()]
    return sum(((X + 1) * u * u for row in rows for X, u in enumerate(row)), Fraction(0))


def keep_shape(levels: Floats, shape: str) -> bool:
    """Return whether the exact c_X have the shape for every K of 1024 or more.

    They have where both lists do, the harmonic numbers behind them included; a combination of two tables
    of a shape has it.

    >>> import numpy as np
    >>> rising = np.array([[-1.0, 1.0], [-1.0, 1.5]])
    >>> keep_shape(rising, "monotone"), keep_shape(rising, "concave"), keep_shape(-rising, "monotone")
    (True, False, False)
    """
    check_shape(shape)
    beyond = harmonic_numbers(levels.shape[1] + 2)[-2:]
    for row in levels.tolist():
        steps = [b - a for a, b in pairwise([*map(Fraction, row), *beyond])]
        if any(step < 0 for step in steps):
            return False
        if shape == "concave" and any(b > a for a, b in pairwise(steps)):
            return False
    return True


def harmonic_numbers(count: int) -> list[Fraction]:
    """Return H_0, H_1, ..., as many as are asked for.

    >>> harmonic_numbers(3)
    [Fraction(0, 1), Fraction(1, 1), Fraction(3, 2)]
    """
    return list(accumulate((Fraction(1, X) for X in range(1, count)), initial=Fraction(0)))

"""The entries of the universal table: harmonic, with departures for small counts, to two terms in 1/K.

Where K is large and p = lambda/K, counts are Poisson and a table for log is -log K + g[X].  On its own this
limit is off by 1/(2K) at p = 1, as much as the plug-in log itself.  Two terms suffice: g[X] + h[X]/K with

    h[X] = X(X-1)/2 (g[X] - 2 g[X-1] + g[X-2]),    E h[X] = lambda^2/2 E (second difference of g at X),

which corrects the mean of g under Binomial(K, lambda/K) to first order.  Where g is the digamma function
psi(X+1), the sum is a harmonic table, H_X - H_K, whose mean is known exactly.  The entries are therefore

    c_X = H_X - H_K + u_X + w_X/K,    w_X = X(X-1)/2 (u_X - 2 u_{X-1} + u_{X-2}),    w_0 = w_1 = 1/2,

where the departures u_X are doubles in the file for the first N counts, and 0 beyond.
"""

from fractions import Fraction

from polyest.arrays import Floats

MOST_DRAWS = 2**53  # above, not every count is a double
ROUNDING = Fraction(1, 2**53) * (1 + Fraction(1, 2**40))  # relative error of a looked-up entry


def head(departures: Floats) -> list[tuple[Fraction, Fraction]]:
    """Return u_X and w_X, exact, for the counts X = 0..N+1; both are 0 beyond.

    >>> import numpy as np
    >>> head(np.array([0.0, 0.0, 1.0]))[2]
    (Fraction(1, 1), Fraction(1, 1))
    """
    u = [*(Fraction(float(x)) for x in departures), Fraction(0), Fraction(0)]
    second = [u[X] - 2 * u[X - 1] + u[X - 2] for X in range(2, len(u))]
    w = [Fraction(1, 2)] * 2 + [X * (X - 1) * d / 2 for X, d in enumerate(second, 2)]
    return list(zip(u, w, strict=True))

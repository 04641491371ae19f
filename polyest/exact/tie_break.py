"""This module has the tie-break, which selects one table among those that are optimal up to a tolerance.

The optimum of a variance-optimal program is flat in c: some tables within 1e-6 of the optimum differ by 0.5
in their middle coefficients.  Among the tables within about `SLACK` of the optimum tau*, the selected one
minimises tau + rho T(c), with rho = SLACK tau* / (T - 2 min T), min T < 0, and

    T(c) = int_0^1 p E(c_X - phi(p))^2 dp = sum_k W_k c_k^2 - 2 sum_k b_k c_k + const,
    W_k = int p B_k = (k+1)/((K+1)(K+2)),   b_k = int p phi B_k.

T is strictly convex, so that tables are smooth and reproducible.  `value` computes T without the constant.
Unlike a supremum, it depends on every coefficient.  The proof compares it with the stored value, so that
an altered entry is noticed even where it changes no bound.
"""

from typing import TYPE_CHECKING

import numpy as np

from polyest.arrays import Floats
from polyest.precision import working
from polyest.problem.targets import Target

if TYPE_CHECKING:
    from flint import arb

SLACK = 2e-8  # rho widens the certified bracket of the optimum by a few times this relative amount


def quadratic(target: Target, K: int) -> tuple[Floats, Floats]:
    """Return W and b of the sum T, float64 (K+1,) each."""
    k = np.arange(K + 1)
    return (k + 1) / ((K + 1) * (K + 2)), np.array([float(b) for b in target.moments(K)])


def weight(W: Floats, b: Floats, c: Floats, tau: float, share: float = SLACK) -> float:
    """Return the rho for which rho T is the given share of tau, for a table c with the value tau.

    T(0) - min T is added to T - min T, so that rho stays small even if c nearly minimises T.
    """
    return float(share * tau / (W @ (c * c) - 2 * (b @ c) + 2 * (b @ (b / W))))


def value(target: Target, coefficients: Floats) -> "arb":
    """Return a ball around sum_k W_k c_k^2 - 2 b_k c_k of the stored doubles."""
    from flint import arb

    K = len(coefficients) - 1
    with working(160):
        entries = [arb(float(c)) for c in coefficients]
        terms = (
            c * c * (k + 1) / ((K + 1) * (K + 2)) - 2 * b * c
            for k, (c, b) in enumerate(zip(entries, target.moments(K), strict=True))
        )
        return sum(terms, arb(0))

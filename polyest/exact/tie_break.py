"""The tie-break: which one of the tables of nearly equal merit is the table.

The optimum of a variance-optimal program is flat in c: middle coefficients move by a half within
1e-6 of it.  Among the tables within about `SLACK` of the optimum tau* the one is taken that makes least
tau + rho T(c), with rho = SLACK tau* / (T - 2 min T), min T < 0, and

    T(c) = int_0^1 p E(c_X - phi(p))^2 dp = sum_k W_k c_k^2 - 2 sum_k b_k c_k + const,
    W_k = int p B_k = (k+1)/((K+1)(K+2)),   b_k = int p phi B_k.

T is strictly convex, so that tables are smooth and reproducible.  `value` is that sum without
the constant.  It moves with every single coefficient, which no supremum does; a certificate compares
it, and an altered entry cannot hide where no bound is active.
"""

from typing import TYPE_CHECKING

import numpy as np

from polyest.arrays import Floats
from polyest.precision import working
from polyest.problem.targets import Target

if TYPE_CHECKING:
    from flint import arb

SLACK = 2e-8  # relative; what rho costs the proved bracket of the optimum is a few times that


def quadratic(target: Target, K: int) -> tuple[Floats, Floats]:
    """W and b, float64 (K+1,) each."""
    k = np.arange(K + 1)
    return (k + 1) / ((K + 1) * (K + 2)), np.array([float(b) for b in target.moments(K)])


def weight(W: Floats, b: Floats, c: Floats, tau: float, share: float = SLACK) -> float:
    """rho for a table c of value tau, so that rho T is a share of tau.

    T(0) - min T is added to T - min T, so that rho stays small where c all but minimises T itself.
    """
    return float(share * tau / (W @ (c * c) - 2 * (b @ c) + 2 * (b @ (b / W))))


def value(target: Target, coefficients: Floats) -> "arb":
    """Ball around sum_k W_k c_k^2 - 2 b_k c_k of the stored doubles."""
    from flint import arb

    K = len(coefficients) - 1
    with working(160):
        entries = [arb(float(c)) for c in coefficients]
        terms = (
            c * c * (k + 1) / ((K + 1) * (K + 2)) - 2 * b * c
            for k, (c, b) in enumerate(zip(entries, target.moments(K), strict=True))
        )
        return sum(terms, arb(0))

"""Dense interior-point method for the cone programs of variance-optimal tables.

    minimise  x'Hx/2 + g'x,  x = (c, tau) or c,  subject to
    |A_i c - f_i| <= tau or eps         bias points i, two half-lines each
    |F_m c - d_m| <= tau or radius      noise points m, one second-order cone of size K+2 each

with F_m = sqrt(w_m) diag(sqrt B_m) (I - 1 B_m') for variances and without the bracket for moments.
Primal-dual, Nesterov-Todd scaling, Mehrotra's predictor and corrector (Vandenberghe, The CVXOPT linear
and quadratic cone program solvers, 2010).  A sparse solver factors one KKT matrix with every cone in
it and fills in; here F_m'F_m = w_m (diag B_m - B_m B_m') and the rank-one part of each scaling are
summed by two matrix products into the (K+2)-square Schur complement, which is factored densely.
"""

from dataclasses import dataclass

import numpy as np
from scipy.linalg import cho_factor, cho_solve

from polyest.bernstein import Floats
from polyest.errors import NotConverged

STEPS = 80
GAP = 1e-10


@dataclass(frozen=True)
class Program:
    """Data of one cone program; `free` names what tau bounds: "bias", "noise" or "neither"."""

    A: Floats  # (I, n) rows p_i B(p_i)
    f: Floats  # (I,) p_i phi(p_i)
    eps: float
    B: Floats  # (M, n) rows B(p_m)
    w: Floats  # (M,) weight of each noise point
    d: Floats  # (M,) subtracted from c before the norm: phi(p_m) for squared-error, else 0
    centred: bool  # variance, else moment
    radius: float
    free: str
    H: Floats  # (n,) diagonal
    g: Floats  # (n,)


@dataclass(frozen=True)
class Optimum:
    """Coefficients, tau (nan without), multipliers of half-lines (2, I) and of cone heights (M,)."""

    c: Floats
    tau: float
    line: Floats
    cone: Floats
    gap: float


@dataclass
class _Point:
    """Half-lines (2, I) beside cones: heights (M,), bodies (M, n)."""

    l: Floats
    h: Floats
    b: Floats

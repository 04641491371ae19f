"""This module derives a lower bound of the optimum from Lagrange multipliers, in ball arithmetic.

For weights lambda_i of any sign at bias points and mu_m >= 0 at noise points, let

    L = min_c  sum_i lambda_i e_c(p_i) + sum_m mu_m q_m(c),

where q_m is the criterion at p_m.  Every table with |e| <= eps and q <= v has
L <= eps sum|lambda| + v sum mu, so that

    least bias at V <= v      is at least (L - v sum mu) / sum|lambda|,
    least V at |e| <= eps     is at least (L - eps sum|lambda|) / sum mu,
    least V without a budget  is at least L / sum mu.

The Lagrangian is a quadratic c'Sc + b'c + a.  If q is a moment, S is diagonal and L = a - b'S^{-1}b / 4.
If q is a variance, S = sum_m w_m (diag(B_m) - B_m B_m') is the Laplacian of a graph on 0..K whose edges
have the weights W_kj = sum_m w_m B_mk B_mj >= 0.  Then S1 = 0, and L is finite only if
b'1 = sum lambda_i p_i = 0.  The stored weights satisfy this up to rounding.  The weight with the greatest
p|lambda| is replaced by the real number that satisfies it exactly.  No linear system is solved in balls.
At any c, with the residual g = 2Sc + b,

    L >= c'Sc + b'c + a - sum_k (g_0 + ... + g_k)^2 / (4 W_{k,k+1}),

because a Laplacian is at least the Laplacian of some of its edges, and the flow on the path 0, 1, ..., K
with sources g consists of the partial sums of g.  The last sum is quadratic in the error of c.  So c is
refined until the sum is negligible: residuals are balls, and corrections use a float64 factor of S.

Tables with a shape have Dc >= 0, D being the steps of the shape in the direction of phi (problem/shapes.py).
For any nu >= 0 the least L of them is no less than the least L - nu'Dc of all tables, which is the same
problem with b - D'nu in place of b.  D does not see constants, so the balance is as before.
"""

from collections.abc import Callable, Sequence
from itertools import accumulate
from math import inf, isfinite

import numpy as np
from flint import arb, arb_mat
from scipy.linalg import LinAlgError, cho_factor, cho_solve
from threadpoolctl import threadpool_limits

from polyest.arrays import Floats
from polyest.errors import NotProved
from polyest.precision import working
from polyest.problem.bernstein import pmf
from polyest.problem.criteria import CRITERIA
from polyest.problem.problem import Dual, Problem
from polyest.problem.shapes import direction

REFINEMENTS = 12  # greatest number of corrections of c
SPARE_BITS = 130  # relative accuracy of the least value, before it cancels against other terms
GOOD_BITS = 90  # relative accuracy of the bound; its double is then the same on every machine
ROUNDING = 1e-15  # relative rounding error allowed in the balance of the bias weights


def lower_bound(problem: Problem, dual: Dual) -> arb:
    """Return a ball whose lower end bounds the optimum below.

    Raises NotProved if the weights are invalid or give no finite bound.
    """
    _check(dual)
    steps = 0 if problem.shape is None else problem.K
    if len(dual.step_weights) != steps or not _non_negative(dual.step_weights):
        raise NotProved(
            f"the dual witness has {len(dual.step_weights)} weights of steps: expected {steps} of "
            "them, finite and of at least 0; a weight or the shape is altered"
        )
    for bits in (160, 320, 640, 1280, 2560, 5120):
        with working(bits):
            bound = _bound(problem, dual)
        if bound.rel_accuracy_bits() > GOOD_BITS:
            return bound
    raise NotProved(
        f"K = {problem.K}: the weights of the witness prove no finite bound: a weight is altered"
    )


def _bound(problem: Problem, dual: Dual) -> arb:
    """Return the lower bound at the working precision."""
    K, target, criterion = problem.K, problem.target, CRITERIA[problem.criterion]
    heights = [arb(w) for w in dual.noise_weights]
    points = [arb(p) for p in dual.noise_points]
    weights = [w * p if criterion.by_p else w for w, p in zip(heights, points, strict=True)]
    places = [arb(p) for p in dual.bias_points]
    signed = [arb(w) for w in dual.bias_weights]
    if criterion.centred:
        _balance(places, signed)

    rows = arb_mat(_pmf(K, points))
    b = arb_mat(1, K + 1)
    constant = arb(0)
    if places:
        b = arb_mat([[w * p for w, p in zip(signed, places, strict=True)]]) * arb_mat(
            _pmf(K, places)
        )
        constant -= sum(w * p * target.ball(p) for w, p in zip(signed, places, strict=True))
    if criterion.fitted:
        phi = [target.ball(p) for p in points]
        b -= arb_mat([[2 * w * f for w, f in zip(weights, phi, strict=True)]]) * rows
        constant += sum(w * f * f for w, f in zip(weights, phi, strict=True))
    if problem.shape is not None:
        b -= arb_mat([_of_steps(problem.shape, direction(target), dual.step_weights)])
    if criterion.centred:
        least = constant + _least_of_laplacian(points, weights, rows, b.entries())
    else:
        diagonal = (arb_mat([weights]) * rows).entries()
        forms = (x * x / d for x, d in zip(b.entries(), diagonal, strict=True))
        least = constant - sum(forms, arb(0)) / 4

    total = sum((abs(w) for w in signed), arb(0))
    height = sum(heights, arb(0))
    limit = arb(problem.limit or 0.0)
    if problem.minimises_bias:
        return (least - limit * height) / total
    return (least - limit * total) / height


def _least_of_laplacian(points: list[arb], weights: list[arb], rows: arb_mat, b: list[arb]) -> arb:
    """Return a ball whose lower end is at most min_c c'Sc + b'c, where S is the Laplacian.

    The ball is nan if no bound is found.
    """
    turned = rows.transpose()
    diagonal = (arb_mat([weights]) * rows).entries()
    w, B = np.array([float(x) for x in weights]), pmf(len(b) - 1, [float(p) for p in points])
    solve = _solver(w, B)
    # The greatest term of the sum W_{k,k+1} is a lower bound of it.
    heaviest = (w[:, None] * B[:, :-1] * B[:, 1:]).argmax(axis=0).tolist()
    path = [weights[m] * rows[m, k] * rows[m, k + 1] for k, m in enumerate(heaviest)]
    c, best = [arb(0)] * len(b), arb("nan")
    for _ in range(REFINEMENTS):
        means = (rows * arb_mat([[x] for x in c])).entries()
        drawn = turned * arb_mat([[w * mean] for w, mean in zip(weights, means, strict=True)])
        half = [d * x - y for d, x, y in zip(diagonal, c, drawn.entries(), strict=True)]  # S c
        residual = [2 * x + y for x, y in zip(half, b, strict=True)]
        value = sum((x * (h + y) for x, h, y in zip(c, half, b, strict=True)), arb(0))
        flows = accumulate(residual[:-1])
        slack = sum((f * f / w for f, w in zip(flows, path, strict=True)), arb(0)) / 4
        bound = value - slack
        if best.is_nan() or bound.lower() > best.lower():
            best = bound
        if not slack.upper() > abs(value) * 2.0**-SPARE_BITS:
            return value + arb(0, slack.upper())
        change = solve([float(g) for g in residual])
        c = [(x - float(d) / 2).mid() for x, d in zip(c, change, strict=True)]
    return best


def _solver(w: Floats, B: Floats) -> Callable[[list[float]], Floats]:
    """Return an approximate solver of S x = g with x_K = 0, from the edges of the graph in float64."""
    with threadpool_limits(1), np.errstate(over="ignore", under="ignore"):
        edges = B.T @ (w[:, None] * B)
        np.fill_diagonal(edges, 0.0)
        S = (np.diag(edges.sum(axis=0)) - edges)[:-1, :-1]
        if not (np.diag(S) > 0).all():
            raise NotProved(
                f"K = {B.shape[1] - 1}: the noise weights of the witness leave some entries without a "
                "bound: a weight is altered"
            )
        scale = 1 / np.sqrt(np.diag(S))
        try:
            factor = cho_factor(S * scale[:, None] * scale, lower=True)
        except LinAlgError:
            raise NotProved(
                f"K = {B.shape[1] - 1}: the noise weights of the witness bound some entries too weakly for "
                "float64: a weight is altered"
            ) from None

    def solve(g: list[float]) -> Floats:
        with np.errstate(over="ignore", invalid="ignore"):
            return np.append(scale * cho_solve(factor, scale * np.array(g[:-1])), 0.0)

    return solve


def _balance(places: list[arb], signed: list[arb]) -> None:
    """Change one weight so that sum lambda_i p_i is exactly 0; raise NotProved if it is not nearly 0."""
    if not places:
        return
    moments = [p * w for p, w in zip(places, signed, strict=True)]
    total, size = sum(moments, arb(0)), sum((abs(x) for x in moments), arb(0))
    if not abs(total) <= ROUNDING * size:
        raise NotProved(
            f"the bias weights of the witness do not balance: sum w p is {float(total):.3g}, expected 0 "
            f"within {ROUNDING:g} of {float(size):.3g}; a weight or a point is altered"
        )
    i = max(range(len(places)), key=lambda j: float(abs(places[j] * signed[j])))
    others = sum(
        (p * w for j, (p, w) in enumerate(zip(places, signed, strict=True)) if j != i), arb(0)
    )
    signed[i] = -others / places[i]


def _pmf(K: int, points: list[arb]) -> list[list[arb]]:
    """Return the binomial probabilities of 0..K at each ball p in [0, 1]."""
    steps = [arb(K - k) / (k + 1) for k in range(K)]
    rows = []
    for p in points:
        if p == 1:
            rows.append([arb(0)] * K + [arb(1)])
            continue
        odds = p / (1 - p)
        row = [(1 - p) ** K]
        for step in steps:
            row.append(row[-1] * (step * odds))
        rows.append(row)
    return rows


def _check(dual: Dual) -> None:
    """Raise NotProved if the points or the weights of a dual witness are invalid."""
    for points, weights in (
        (dual.bias_points, dual.bias_weights),
        (dual.noise_points, dual.noise_weights),
    ):
        bounded = all(0 <= p <= 1 for p in points) and all(map(isfinite, weights))
        if len(points) != len(weights) or not bounded:
            raise NotProved(
                f"the dual witness has {len(points)} points and {len(weights)} weights: expected as many "
                "finite weights as points, and points in [0, 1]"
            )
    if not dual.noise_points or not _non_negative(dual.noise_weights):
        raise NotProved(
            "the dual witness has no noise points, or a negative weight: expected noise points with "
            "weights of at least 0"
        )


def _of_steps(shape: str, direction: int, weights: Sequence[float]) -> list[arb]:
    """Return D'nu for the multipliers nu of the steps of a shape."""
    nu = [direction * arb(w) for w in weights]
    if shape == "concave":  # the multipliers are those of d_j - d_(j+1), and of the last d_j
        nu = [b - a for a, b in zip([arb(0), *nu], nu, strict=False)]
    return [a - b for a, b in zip([arb(0), *nu], [*nu, arb(0)], strict=True)]


def _non_negative(weights: Sequence[float]) -> bool:
    return all(0 <= w < inf for w in weights)

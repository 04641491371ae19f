"""This module proves a lower bound of the least sup|e| of any table with a shape, in ball arithmetic.

Weak duality.  Let phi rise (else turn signs), lambda_i be weights of any sign at points p_i, and

    s_k = sum_i lambda_i p_i B_k(p_i),   M_j = s_0 + ... + s_j.

Then mu_j = -M_j is the multiplier of the step d_j = c_(j+1) - c_j, and every table c that rises, with
|e| <= E, has

    E sum|lambda| >= sum_i lambda_i e(p_i) = -sum_i lambda_i p_i phi(p_i) + c_K M_K + sum_(j<K) mu_j d_j.

If M_K = 0 and mu >= 0 held exactly, the last two terms could be dropped.  With stored weights this holds up
to rounding, and what remains is bounded: |c_K| <= |phi(1)| + E, because e(1) = c_K - phi(1), and for any q

    sum d_j = c_K - c_0 <= (phi(1) - phi(q) + E (1 + 1/q)) / (1-q)^K,

because P(q) <= c_0 (1-q)^K + c_K (1 - (1-q)^K).  With V = max_j max(0, -mu_j) this gives a bound of E that
is linear and true for any weights and points: an altered witness can only give a smaller bound.

A concave table is c_k = c_K - sum_j g_j max(0, j+1-k), g >= 0, with sum_j (j+1) g_j = c_K - c_0: there
the multiplier of g_j is nu_j = mu_0 + ... + mu_j, and V = max_j max(0, -nu_j)/(j+1).
"""

from itertools import accumulate
from math import isfinite

from flint import arb, arb_poly

from polyest.errors import NotProved
from polyest.precision import working
from polyest.precision.entrance import alone
from polyest.problem.problem import Dual
from polyest.problem.shapes import check_shape, direction
from polyest.problem.targets import Target

BITS = 160
GOOD_BITS = 90  # relative accuracy of the bound; its double is then the same on every machine
DOUBLINGS = 4  # of the bits, where weights cancel
REACHES = (0.5, 1.0, 2.0, 4.0)  # q, in units of 1/(K+1)


@alone
def lower_bound(target: Target, K: int, shape: str, dual: Dual) -> arb:
    """Return a ball whose lower end no table of K draws with the shape beats in sup|e|.

    Raise NotProved for points outside (0, 1], weights that are not finite or all 0, and noise points.

    >>> from polyest.problem.targets import LOG
    >>> half = Dual((0.15, 0.7, 1.0), (0.69, -0.225, 0.085), (), (), 0.0)
    >>> 0.06 < float(lower_bound(LOG, 1, "monotone", half)) < 0.0772019924667605
    True
    """
    _check(dual, shape)
    sign = direction(target)
    for doubling in range(DOUBLINGS):
        with working(BITS << doubling):
            bound = _bound(target, sign, K, shape, dual)
        if bound.rel_accuracy_bits() > GOOD_BITS:
            return bound
    raise NotProved(
        f"K = {K}: the weights of the witness cancel in {BITS << DOUBLINGS - 1} bits: a weight is altered"
    )


def multipliers(K: int, shape: str, dual: Dual) -> list[arb]:
    """Return balls of the multipliers of the K steps (concave: of what they shrink by), for rising phi."""
    return [-M for M in _sums(K, shape, dual)[0]]


def _bound(target: Target, sign: int, K: int, shape: str, dual: Dual) -> arb:
    """Return the lower bound at the working precision."""
    points, weights = [arb(p) for p in dual.bias_points], [arb(w) for w in dual.bias_weights]
    value = -sum(
        (sign * w * p * target.ball(p) for w, p in zip(weights, points, strict=True)), arb(0)
    )
    total = sum((abs(w) for w in weights), arb(0))
    sums, rest = _sums(K, shape, dual)
    violation = arb(0)
    for j, M in enumerate(sums):
        violation = violation.max(M / (j + 1) if shape == "concave" else M)
    last = sign * target.ball(arb(1))
    bounds = []
    for reach in REACHES:
        q = arb(reach) / (K + 1)
        if not q < 1:
            continue
        share = (1 - q) ** K
        free = violation * (last - sign * target.ball(q)) / share + abs(rest * last)
        bounds.append((value - free) / (total + abs(rest) + violation * (1 + 1 / q) / share))
    return max(bounds, key=lambda bound: float(bound.lower()))


def _sums(K: int, shape: str, dual: Dual) -> tuple[list[arb], arb]:
    """Return M_j, j = 0..K-1, or for "concave" their running sums, and M_K."""
    s = arb_poly([arb(0)])
    for point, weight in zip(dual.bias_points, dual.bias_weights, strict=True):
        p = arb(point)
        s += arb(weight) * p * arb_poly([1 - p, p]) ** K
    terms = s.coeffs()
    sums = list(accumulate(terms + [arb(0)] * (K + 1 - len(terms))))
    steps, rest = sums[:K], sums[K]
    return (list(accumulate(steps)) if shape == "concave" else steps), rest


def _check(dual: Dual, shape: str) -> None:
    """Raise NotProved for a witness that bounds nothing."""
    check_shape(shape)
    points, weights = dual.bias_points, dual.bias_weights
    if len(points) != len(weights) or not points:
        raise NotProved(
            f"a witness of {len(points)} points and {len(weights)} weights: expected as many of one as "
            "of the other, and at least one"
        )
    if not all(0 < p <= 1 for p in points) or not all(map(isfinite, weights)) or not any(weights):
        raise NotProved("a witness needs points in (0, 1] and finite weights that are not all 0")
    if dual.noise_points or dual.noise_weights or dual.step_weights:
        raise NotProved("a minimax table bounds no noise: its witness has bias points alone")

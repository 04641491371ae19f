"""A lower bound of an AQP's optimum from Lagrange multipliers, in balls.

For weights lambda_i of any sign at bias points and mu_m >= 0 at noise points,

    L = min_c  sum_i lambda_i e_c(p_i) + sum_m mu_m q_m(c),

q_m the criterion at p_m.  Every table with |e| <= eps and q <= v has L <= eps sum|lambda| + v sum mu, so

    least bias at V <= v      is at least (L - v sum mu) / sum|lambda|,
    least V at |e| <= eps     is at least (L - eps sum|lambda|) / sum mu,
    least squared error       is at least L / sum mu.

The Lagrangian is a quadratic c'Sc + b'c + a with S >= 0, so L = a - b'S^{-1}b / 4.  A variance does not
see constants: S1 = 0, and L is finite only if b'1 = sum lambda_i p_i = 0.  The stored weights make it
so to rounding; the one with the greatest p|lambda| is replaced by the real number that makes it so
exactly, and c_K is held at 0.
"""

from collections.abc import Sequence

from flint import arb, arb_mat, ctx

from polyest.errors import NotProved
from polyest.problem import Dual, Problem

GOOD_BITS = 90  # so that the bound, rounded to a double, is the same on every machine
ROUNDING = 1e-15  # relative


def lower_bound(problem: Problem, dual: Dual) -> arb:
    """Ball whose lower end no table beats.  Raises NotProved for weights that bound nothing."""
    _check(dual)
    for bits in (160, 320, 640, 1280, 2560, 5120):
        with ctx.workprec(bits + 2 * problem.K):
            found = _bound(problem, dual)
        if found.rel_accuracy_bits() > GOOD_BITS:
            return found
    raise NotProved(f"K = {problem.K}: the dual weights give no finite bound, they are altered")


def _bound(problem: Problem, dual: Dual) -> arb:
    K, target, criterion = problem.K, problem.target, problem.criterion
    points = [arb(p) for p in dual.noise_points]
    heights = [arb(w) for w in dual.noise_weights]
    rows = [_pmf(K, p) for p in points]
    by_p = criterion in ("gradient-variance", "squared-error")
    weights = [w * p if by_p else w for w, p in zip(heights, points, strict=True)]
    places = [arb(p) for p in dual.bias_points]
    signed = [arb(w) for w in dual.bias_weights]
    centred = criterion in ("variance", "gradient-variance")
    if centred:
        _balance(places, signed)

    b, constant = [arb(0)] * (K + 1), arb(0)
    for p, w in zip(places, signed, strict=True):
        constant -= w * p * target.ball(p)
        b = [x + w * p * y for x, y in zip(b, _pmf(K, p), strict=True)]
    if criterion == "squared-error":
        for p, w, row in zip(points, weights, rows, strict=True):
            phi = target.ball(p)
            constant += w * phi * phi
            b = [x - 2 * w * phi * y for x, y in zip(b, row, strict=True)]
    diagonal = (arb_mat([weights]) * arb_mat(rows)).entries()
    least = constant - _inverse_form(diagonal, weights, rows, b, centred) / 4

    total = sum((abs(w) for w in signed), arb(0))
    height = sum(heights, arb(0))
    limit = arb(problem.limit or 0.0)
    if problem.minimises_bias:
        return (least - limit * height) / total
    return (least - limit * total) / height


def _inverse_form(
    diagonal: list[arb], weights: list[arb], rows: list[list[arb]], b: list[arb], centred: bool
) -> arb:
    """b'S^{-1}b for S = diag(diagonal), less sum_m w_m B_m B_m' and with c_K = 0 if centred."""
    if not centred:
        return sum((x * x / d for x, d in zip(b, diagonal, strict=True)), arb(0))
    n = len(b) - 1
    if n == 0:
        raise NotProved("a table of K = 0 draws has no variance to bound")
    short = arb_mat([row[:n] for row in rows])
    scaled = arb_mat([[w * x for x in row[:n]] for w, row in zip(weights, rows, strict=True)])
    outer = short.transpose() * scaled
    S = arb_mat(
        [[(diagonal[k] if k == j else arb(0)) - outer[k, j] for j in range(n)] for k in range(n)]
    )
    right = arb_mat([[x] for x in b[:n]])
    try:
        solved = S.solve(right)
    except ZeroDivisionError:
        return arb("nan")
    return (right.transpose() * solved)[0, 0]


def _balance(places: list[arb], signed: list[arb]) -> None:
    """Make sum lambda_i p_i, which must be 0 to rounding, exactly 0."""
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


def _pmf(K: int, p: arb) -> list[arb]:
    """Binomial probabilities of 0..K at a ball p in [0, 1]."""
    q = 1 - p
    up, down = [arb(1)], [arb(1)]
    for _ in range(K):
        up.append(up[-1] * p)
        down.append(down[-1] * q)
    binomial, row = 1, []
    for k in range(K + 1):
        row.append(up[k] * down[K - k] * binomial)
        binomial = binomial * (K - k) // (k + 1)
    return row


def _check(dual: Dual) -> None:
    for points, weights in (
        (dual.bias_points, dual.bias_weights),
        (dual.noise_points, dual.noise_weights),
    ):
        if len(points) != len(weights) or not all(0 <= p <= 1 for p in points):
            raise NotProved(
                f"a dual witness of {len(points)} points and {len(weights)} weights: expected as "
                "many weights as points, and points in [0, 1]"
            )
    if not dual.noise_points or not _non_negative(dual.noise_weights):
        raise NotProved("a dual witness needs noise points with weights of at least 0")


def _non_negative(weights: Sequence[float]) -> bool:
    return all(w >= 0 for w in weights)

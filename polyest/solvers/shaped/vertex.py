"""This module computes a vertex in balls to all digits, and the doubles that are stored.

Places move to the extrema of the error by Newton's method, and the steps follow; after two iterations both
are known to some 30 digits.  Multipliers belong to the places as stored, rounded to doubles.  They decrease
so fast that they are solved for with more bits.  The sign of each is checked, and an error is raised if the
solver ended at another point.
"""

from fractions import Fraction
from itertools import accumulate, pairwise

from flint import arb, arb_mat, arb_poly

from polyest.arrays import Floats
from polyest.errors import NotConverged
from polyest.precision import working
from polyest.problem.shapes import rounded
from polyest.problem.targets import Target
from polyest.solvers.shaped.level import Level

BITS = 192  # of places and steps
FURTHER = 5  # bits more for each multiplier: they fall by half as much
DOUBLINGS = 4  # of these bits, where they do not decide a sign
NEWTON_STEPS = 8
STILL = 2.0**-90  # of a place: below this no step follows


def sharpened(vertex: Level) -> tuple[Floats, tuple[float, ...], tuple[float, ...]]:
    """Return the doubles c_0..c_K of a vertex, its places and their signed weights, of sum|lambda| = 1.

    Raise NotConverged where a step or a multiplier is of the wrong sign after all.
    """
    places = vertex.places
    target, sign, K = places.target, places.sign, places.K
    with working(BITS):
        p = [arb(float(x)) for x in places.p[vertex.at]]
        for _ in range(NEWTON_STEPS):
            rows = _pmf(K, p)
            x = [y.mid() for y in _solved(vertex, p, rows, sign)]
            c = _entries(vertex, x)
            moves = _moves(target, sign, p, rows, c)
            p = [(q + move).mid() for q, move in zip(p, moves, strict=True)]
            if all(abs(move) < STILL * q for q, move in zip(p, moves, strict=True)):
                break
        else:
            raise NotConverged("the extrema of the error do not converge")
        if not all(y > 0 for y in x[:-2]):
            raise NotConverged("a step of the vertex goes against the shape")
        stored = rounded([_fraction(y) for y in c], places.shape, sign)
    points = tuple(float(q) for q in p)
    for doubling in range(DOUBLINGS):
        with working((BITS + FURTHER * len(p)) << doubling):
            weights = _weights(vertex, [arb(q) for q in points])
        if weights is not None:
            return stored, points, weights
    raise NotConverged("the signs of the weights of the vertex are not decided")


def unbiased_entries(target: Target, K: int, sign: int, shape: str) -> Floats | None:
    """Return the stored table without bias, where there is one and it has the shape; else None."""
    exact = target.entries(K)
    if exact is None:
        return None
    steps = [sign * (b - a) for a, b in pairwise(exact)]
    falls = any(step < 0 for step in steps)
    grows = any(b > a for a, b in pairwise(steps))
    if falls or (shape == "concave" and grows):
        return None
    return rounded([sign * c for c in exact], shape, sign)


def _weights(vertex: Level, p: list[arb]) -> tuple[float, ...] | None:
    """Return weights that no step of the vertex sees; their signs and those of all multipliers are checked.

    Return None where the bits do not decide a sign.
    """
    K, steps = vertex.places.K, set(vertex.steps)
    rows = _pmf(K, p)
    n = len(p)
    A = arb_mat(_system(vertex, p, rows)).transpose()
    try:
        weights = A.solve(arb_mat(n, 1, [arb(0)] * (n - 1) + [arb(-1)])).entries()
    except ZeroDivisionError:
        return None
    if any(w.contains(0) for w in weights):
        return None
    if vertex.E < 0:
        weights = [-w for w in weights]
    positive = vertex.E > 0
    if not all((w > 0) if (i % 2 == 0) == positive else (w < 0) for i, w in enumerate(weights)):
        raise NotConverged("the weights of the vertex do not alternate")
    sums = (arb_mat([[w * q for w, q in zip(weights, p, strict=True)]]) * arb_mat(rows)).entries()
    multipliers = _means(vertex.places.shape, sums)
    if any(mu < 0 for j, mu in enumerate(multipliers) if j not in steps):
        raise NotConverged("a multiplier of the vertex is negative")
    return tuple(float(w) for w in weights)


def _pmf(K: int, p: list[arb]) -> list[list[arb]]:
    rows = []
    for q in p:
        row = (arb_poly([1 - q, q]) ** K).coeffs()
        rows.append(row + [arb(0)] * (K + 1 - len(row)))
    return rows


def _means(shape: str, row: list[arb]) -> list[arb]:
    """Return F_j, j = 0..K-1, of the probabilities in a row, or what is linear in them."""
    tails = list(accumulate(reversed(row[1:])))[::-1]
    return list(accumulate(tails)) if shape == "concave" else tails


def _system(vertex: Level, p: list[arb], rows: list[list[arb]]) -> list[list[arb]]:
    """Return rows p F_j(p) for the steps j, p, -(-1)^i."""
    system = []
    for i, (q, row) in enumerate(zip(p, rows, strict=True)):
        F = _means(vertex.places.shape, row)
        system.append([q * F[j] for j in vertex.steps] + [q, arb(1 if i % 2 else -1)])
    return system


def _solved(vertex: Level, p: list[arb], rows: list[list[arb]], sign: int) -> list[arb]:
    """Return sizes of the steps, the first entry and E of the table that is level at p."""
    wanted = [sign * q * vertex.places.target.ball(q) for q in p]
    system = arb_mat(_system(vertex, p, rows))
    try:
        solution: list[arb] = system.solve(arb_mat(len(p), 1, wanted)).entries()
    except ZeroDivisionError:
        raise NotConverged("the system of the vertex is singular") from None
    return solution


def _entries(vertex: Level, x: list[arb]) -> list[arb]:
    """Return the table c_0..c_K that rises, of these sizes."""
    sizes = [arb(0)] * vertex.places.K
    for j, size in zip(vertex.steps, x[:-2], strict=True):
        sizes[j] = size
    if vertex.places.shape == "concave":
        sizes = list(accumulate(reversed(sizes)))[::-1]
    return list(accumulate(sizes, initial=x[-2]))


def _moves(
    target: Target, sign: int, p: list[arb], rows: list[list[arb]], c: list[arb]
) -> list[arb]:
    """Return Newton's steps to the extrema of e = p (P - phi); none where p is 1, an end."""
    K = len(c) - 1
    # P' (1-p) = sum_k B_k (K-k) (c_(k+1) - c_k), and (1-p)^2 P'' likewise with second differences.
    first = [b - a for a, b in pairwise(c)]
    second = [b - a for a, b in pairwise(first)]
    zero = arb(0)
    columns = arb_mat(
        [
            [
                c[k],
                (K - k) * first[k] if k < K else zero,
                (K - k) * (K - k - 1) * second[k] if k < K - 1 else zero,
            ]
            for k in range(K + 1)
        ]
    )
    sums = (arb_mat(rows) * columns).entries()
    moves = []
    for i, q in enumerate(p):
        if q == 1:
            moves.append(zero)
            continue
        P, P1, P2 = sums[3 * i], sums[3 * i + 1] / (1 - q), sums[3 * i + 2] / (1 - q) ** 2
        phi, phi1, phi2 = (sign * y for y in target.jet(q))
        slope = P + q * P1 - phi - q * phi1
        bend = 2 * P1 + q * P2 - 2 * phi1 - q * phi2
        moves.append((-slope / bend).mid())
    return moves


def _fraction(y: arb) -> Fraction:
    mantissa, exponent = (int(part) for part in y.mid().man_exp())
    return mantissa * Fraction(2) ** exponent

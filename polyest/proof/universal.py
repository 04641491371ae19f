"""This module proves the limits of the universal table for every K >= 1024 at once, in ball arithmetic.

With x = 1/K, lambda = K p and d_X = u_X + w_X x, the bias of the table is

    K e(p) = lambda (R + sum_X d_X B_X),    R = sum_{j>K} (1-p)^j/j = int_lambda^{1/x} (1 - s x)^{1/x} ds/s

A constant added to the entries does not change the variance, so that K p Var c_X =
lambda (E a_X^2 - (E a_X)^2) with a_X = H_X - H_16 + d_X.  `poisson.py` expands the sums in powers of x,
whose coefficients are functions of lambda alone.  For every x in [0, 1/1024] a polynomial in x lies between
its Bernstein coefficients.  They are functions of lambda, and are bounded cell by cell (`supremum.highest`).
The steps are:

R   has the coefficients E_1(lambda), -int e^-s s/2 ds and int e^-s (s^3/8 - s^2/3) ds, with integrals
    from lambda to infinity.  With y = s + log(1 - s x)/x <= 0 the integrand is e^-s e^y/s, and e^y lies
    between its Taylor sums of order 2 and 3.  For s x <= 1/2 the error of these terms is at most
    x^3 (s^4/2 + 2 s^5/5 + s^6/12).  For s x > 1/2 all terms together are less than 2^-300, because s > 512.
near 0          |K e| <= lambda (log(1 + 1/lambda) + max|d_X|), for R <= E_1(lambda) < log(1 + 1/lambda).
lambda >= 128   |K e| <= lambda (E_1(lambda) + sum_X |d_X| pi_X), which decreases: B_X <= pi_X if
                S <= 0, and S <= lambda x (X - lambda (1 - X x)/2).
lambda <= 64    counts X >= 192 add at most 2 sum (a_X^2 + m^2) B_X to the variance, where m is the mean
                over the other counts.  By B_X <= pi_X e^(lambda x X) this is at most a geometric series.
lambda >= 64    the root of K p Var c_X is at most the root of 1 + 3/lambda, for the harmonic part, plus
                the root of lambda sum d_X^2 B_X, which decreases.  The harmonic part is bounded by the
                inequality of Efron and Stein, Var f(X) <= K p (1-p) E (f(X'+1) - f(X'))^2 for X' of K-1
                draws.  Here f(X'+1) - f(X') = 1/n with n = X'+1,
                1/n^2 <= 1/(n(n+1)) + 3/(n(n+1)(n+2)), E 1/(n(n+1)) <= 1/(K(K+1)p^2), and the second
                term is bounded alike.
squared error   K p E (c_X - log p)^2 = K p Var c_X + (K e)^2/lambda.
second moment   |c_X| <= |c_0|, so that E c_X^2 has its greatest value at p = 0.
shape           both lists of levels have it, and so has every c between them (problem/departures.py).
"""

from fractions import Fraction
from math import ceil, inf

from flint import arb, arb_poly, fmpq, fmpq_poly

from polyest.arrays import Floats
from polyest.errors import NotProved
from polyest.exact.balls import at_least, at_most
from polyest.precision import working
from polyest.precision.entrance import alone
from polyest.problem.claims import Bracket, Limits
from polyest.problem.criteria import DEFAULT, MINIMAX
from polyest.problem.departures import MOST_DRAWS, ROUNDING, head, keep_shape, selection
from polyest.problem.problem import Problem
from polyest.problem.targets import LOG
from polyest.proof.poisson import (
    LEAST,
    ORDER,
    STEP,
    Entries,
    between,
    decay,
    expand,
    exponential_integral,
    rests,
)
from polyest.proof.supremum import Place, highest, trimmed

BITS = 320  # precision of the proof
SMALL = 2.0**-60  # error that is allowed on a cell
NARROW = 1e-9  # times a supremum: a bound this close to the supremum is not improved
BIAS_REACH, NOISE_REACH = 128, 64  # greatest lambda in a cell; one bound covers all greater lambda
COUNTED = 192  # the variance is summed over the counts below this one
CENTRE = 16  # the harmonic number H_16 is subtracted from entries before they are squared
WIDEST = 0.5  # cells of a greater radius are halved at once
LOG_PLACE = fmpq(375, 16)  # lambda near which K p Var log((X+1)/(K+1)) is greatest for K = 1024
LARGEST = 64  # greatest absolute value of the first departure
UNIT_SLACK = Fraction(1, 2**25)  # share of the unit of noise; rounding log_count changes it by less
# The coefficients of x and x^2 in R, times e^lambda.
BEYOND_LOG = (
    fmpq_poly([-1, -1]) * fmpq(1, 2),
    fmpq_poly([6, 6, 3, 1]) * fmpq(1, 8) - fmpq_poly([2, 2, 1]) * fmpq(1, 3),
)


def check(problem: Problem, departures: Floats, limits: Limits, peak: float) -> None:
    """Prove every limit of a universal table again, and that it keeps its budget, or has its shape.

    Raises NotProved, which names the first claim that differs from the proved value.
    """
    proved = prove(departures, peak)
    for name in Limits.__annotations__:
        claim, fact = getattr(limits, name), getattr(proved, name)
        if claim != fact:
            raise NotProved(f"universal table: {name} is claimed to be {claim}, proved is {fact}")
    name, shape = problem.target.name, problem.shape
    expected = DEFAULT if shape is None else MINIMAX
    if name != LOG.name or problem.criterion != expected:
        raise NotProved(
            f"universal table for {name}, {problem.criterion}: expected target log and criterion "
            f"{expected}, the only one whose limits are proved"
        )
    if shape is not None:
        if not keep_shape(departures, shape):
            raise NotProved(
                f"universal table: the levels are not {shape} up to the harmonic numbers behind them: a "
                "level or the shape is altered"
            )
        return
    assert problem.budget is not None
    allowed = Fraction(problem.budget.value) * Fraction(proved.log_count) * (1 - UNIT_SLACK)
    spent = Fraction(proved.gradient_variance)
    # Rounding makes it at most K (sqrt(spent/K) + ROUNDING)^2, with K <= 2^53, 2 sqrt(spent) <= 1 + spent.
    grown = spent + (1 + spent) * ROUNDING * (1 << 27) + MOST_DRAWS * ROUNDING**2
    if grown > allowed:
        raise NotProved(
            f"universal table: K sup p Var is bounded by {float(grown)!r} only, expected at most its "
            f"budget of {float(allowed)!r}"
        )


@alone
def prove(departures: Floats, peak: float) -> Limits:
    """Return the limits of the universal table with these departures.

    peak: the lambda of its greatest bias.  Raises NotProved if a step of the proof fails, as for too many
    departures.
    """
    with working(BITS):
        exact = head(departures)
        entries = [(_rational(u), _rational(w)) for u, w in exact]
        _check(entries, peak)
        bias = _Bias(entries).bracket(peak)
        gradient, variance = _Noise(entries).suprema()
        if not max(bias.upper, gradient, variance) < inf:
            raise NotProved("universal table: no finite bound of its bias and noise is proved")
        top, size = Fraction(bias.upper), _greatest(entries)
        error = Fraction(gradient) + top * top  # for lambda >= 1
        low = Fraction(variance) + 64 * top * top  # for 1/64 <= lambda <= 1
        lowest = (Fraction(variance) + Fraction(at_most((arb(65).log() + size) ** 2))) / 64
        squared_error = at_most(_ball(max(error, low, lowest)))
        # The root of p E c^2 is at most that of p E (c - log p)^2 and that of p log^2 p, 2/e.
        if not (arb(squared_error) / LEAST).sqrt() + 2 / arb(1).exp() <= 1:
            raise NotProved(
                "universal table: p E c_X^2 is not proved to be at most 1, as the bound of rounding needs"
            )
        unit = at_least(_log_count())
    value = float(selection(departures))
    return Limits(bias, variance, gradient, squared_error, unit, value)


class _Bias:
    """The bias K e as a function of lambda and x."""

    def __init__(self, entries: Entries) -> None:
        self.entries = entries
        (coefficients,) = expand([entries])
        for k, more in enumerate(BEYOND_LOG, 1):
            coefficients[k] += more
        self.polys = [arb_poly(poly) for poly in between(coefficients)]
        self.rests = [self.rest(at) for at in _balls(BIAS_REACH)]

    def bracket(self, peak: float) -> Bracket:
        """Return a bracket of sup |K e| over lambda that holds for every x."""
        rest = self.rest(arb(peak))
        at_peak = [self.on(j, (peak, 0.0), rest)[0] for j in range(ORDER)]
        sign = 1 if at_peak[0] > 0 else -1
        lowest = min(at_least(sign * value) for value in at_peak)
        tops = [self.highest(j) for j in range(ORDER)]
        return Bracket(max(0.0, lowest), max(*tops, at_most(self.beyond())))

    def highest(self, j: int) -> float:
        """Return a bound of the j-th Bernstein coefficient in x for lambda <= BIAS_REACH."""
        half = BIAS_REACH / 2

        def on(place: Place, _: float) -> arb_poly | arb:
            m, r = place
            if r > WIDEST:
                return arb("+inf")
            if m == r:
                return 2 * r * (arb(1 + 1 / (2 * r)).log() + _greatest(self.entries))
            return self.on(j, place, _over(self.rests, place))

        return at_most(highest(on, (half, half), SMALL, NARROW, "the bias of a universal table")[1])

    def rest(self, at: arb) -> float:
        """Return a bound of the rest of the series of K e for lambda in a ball."""
        return at_most(at * (rests([self.entries], at)[0] + _beyond_log_rest(at)))

    def on(self, j: int, place: Place, rest: float) -> arb_poly:
        """Return the j-th Bernstein coefficient in x on a cell, with the rest in its radius."""
        m, r = place
        with working(BITS):
            lam = arb_poly([m, r])
            sums = trimmed(self.polys[j](lam) * decay(m, r, SMALL**3), SMALL)
            coefficient = trimmed((sums + exponential_integral(m, r, SMALL)) * lam, SMALL)
            return coefficient + arb(0, rest)

    def beyond(self) -> arb:
        """Return a bound of |K e| for lambda >= BIAS_REACH."""
        at, total = arb(BIAS_REACH), arb(BIAS_REACH).expint(arb(1))
        for X, size in enumerate(_sizes(self.entries)):
            total += size * (-at).exp() * at**X / arb(X).fac()
        return at * total


class _Noise:
    """The variance Var a_X as a function of lambda and x."""

    def __init__(self, entries: Entries) -> None:
        self.entries = entries
        total, listed = fmpq(0), []
        centre = sum((fmpq(1, i) for i in range(1, CENTRE + 1)), fmpq(0))
        for X in range(COUNTED):
            total += fmpq(1, X) if X else 0
            u, w = entries[X] if len(entries) > X else (fmpq(0), fmpq(0))
            listed.append((total - centre + u, w))
        squares = [(a * a, 2 * a * b, b * b) for a, b in listed]
        both = expand([listed, squares])
        self.means, self.squares = ([arb_poly(poly) for poly in polys] for polys in both)
        size = _greatest(listed)
        self.rests = []
        for at in _balls(NOISE_REACH):
            mean, square = rests([listed, squares], at)
            self.rests.append(at_most(square + mean * (2 * size + mean) + _uncounted(size)))
        self.cells: dict[Place, list[arb_poly]] = {}

    def suprema(self) -> tuple[float, float]:
        """Return bounds of sup K p Var and of sup Var over lambda that hold for every x."""
        gradient = max(self.highest(j, True) for j in range(ORDER))
        variance = max(self.highest(j, False) for j in range(ORDER))
        beyond = self.beyond()
        return max(gradient, at_most(beyond)), max(variance, at_most(beyond / NOISE_REACH))

    def highest(self, j: int, weighted: bool) -> float:
        """Return a bound of the j-th Bernstein coefficient in x of Var for lambda <= NOISE_REACH.

        weighted: bound that of lambda Var instead.
        """
        half = NOISE_REACH / 2

        def on(place: Place, _: float) -> arb_poly | arb:
            m, r = place
            if r > WIDEST:
                return arb("+inf")
            with working(BITS):
                variance = self.on(place)[j]
                return trimmed(variance * arb_poly([m, r]), SMALL) if weighted else variance

        what = "the noise of a universal table"
        return at_most(highest(on, (half, half), SMALL, NARROW, what)[1])

    def on(self, place: Place) -> list[arb_poly]:
        """Return the Bernstein coefficients in x of Var on a cell, with the rest in their radius."""
        if place not in self.cells:
            m, r = place
            lam, weight = arb_poly([m, r]), decay(m, r, SMALL**3)
            means = [trimmed(poly(lam) * weight, SMALL) for poly in self.means]
            variance = [trimmed(poly(lam) * weight, SMALL) for poly in self.squares]
            rest = arb(_over(self.rests, place))
            for i, first in enumerate(means):
                for k, second in enumerate(means, i):
                    if k < ORDER:
                        variance[k] -= first * second
                    else:
                        size = sum((abs(a) for a in (first * second).coeffs()), arb(0))
                        rest += size * arb(STEP) ** k
            variance[0] += arb(0, rest.upper())
            self.cells[place] = [trimmed(poly, SMALL) for poly in between(variance)]
        return self.cells[place]

    def beyond(self) -> arb:
        """Return a bound of K p Var for lambda >= NOISE_REACH."""
        at, total = arb(NOISE_REACH), arb(0)
        for X, size in enumerate(_sizes(self.entries)):
            above = max(fmpq(0), X - NOISE_REACH * (1 - X * STEP) / 2) * NOISE_REACH * STEP
            total += size * size * (arb(above) - at).exp() * at**X / arb(X).fac()
        root = (1 + 3 / at).sqrt() + (at * total).sqrt()
        return root * root


def _log_count() -> arb:
    """Return a lower bound of K p Var log((X+1)/(K+1)) at lambda = LOG_PLACE that holds for every x."""
    at = arb(LOG_PLACE)
    logs = [(((X + 1) / (at + 1)).log(),) for X in range(COUNTED)]
    squares = [(log * log,) for (log,) in logs]
    weight = (-at).exp()
    means, seconds = ([weight * a for a in row] for row in expand([logs, squares], LOG_PLACE))
    mean, second = rests([logs, squares], at)
    size = _greatest(logs)
    mean += _uncounted(size)
    rest, variance = second + mean * (2 * size + mean), seconds
    for i, a in enumerate(means):
        for k, b in enumerate(means, i):
            if k < ORDER:
                variance[k] -= a * b
            else:
                rest += abs(a * b) * arb(STEP) ** k
    least = min((value.lower() for value in between(variance)), key=float)
    return at * (least - rest)


def _uncounted(size: arb) -> arb:
    """Return a bound of 2 sum (a_X^2 + m^2) B_X over X >= COUNTED.

    It holds for lambda <= NOISE_REACH and |m| <= size.  For these X, a_X^2 <= X^2, and each term
    X^2 pi_X e^(lambda x X) is less than half of the term before it.
    """
    at, n = arb(NOISE_REACH), COUNTED
    first = (at * (n * arb(STEP) - 1)).exp() * at**n / arb(n).fac()
    return 2 * (n * n + size * size) * first * 2


def _beyond_log_rest(at: arb) -> arb:
    """Return a bound of |R - its three terms| for lambda in a ball."""

    def integral(n: int) -> arb:
        """Return the integral of e^-s s^n from lambda to infinity."""
        total, term = arb(0), arb(n).fac()
        for j in range(n + 1):
            total, term = total + term, term * at / (j + 1)
        return (-at).exp() * total

    left = integral(3) / 2 + integral(4) * 2 / 5 + integral(5) / 12
    return left * arb(STEP) ** 3 + arb(2) ** -300


def _check(entries: Entries, peak: float) -> None:
    """Raise NotProved for departures that the proof does not cover.

    It covers neither too many departures, nor a first departure above LARGEST, nor an entry of a greater
    absolute value than c_0.  The entries of all other counts lie in [1 - H_K, 0].
    """
    last = len(entries) - 1
    if not (last < NOISE_REACH and 2 * last <= BIAS_REACH * (1 - last * STEP)):
        raise NotProved(
            f"universal table: {last - 1} departures, more than the proof covers; use fewer"
        )
    if not 0 < peak < BIAS_REACH:
        raise NotProved(
            f"universal table: peak is {peak!r}: expected the lambda of the greatest bias, above 0 and "
            f"below {BIAS_REACH}"
        )
    harmonic = sum((fmpq(1, i) for i in range(1, LEAST + 1)), fmpq(0))
    total, first = fmpq(0), entries[0]
    if not abs(first[0]) <= LARGEST:
        raise NotProved(
            f"universal table: departure u_0 is {float(arb(first[0])):g}: expected a size of at most "
            f"{LARGEST}"
        )
    for X, (u, w) in enumerate(entries):
        total += fmpq(1, X) if X else 0
        for x in (fmpq(0), STEP):  # the entries are linear in x
            least, here = first[0] + first[1] * x, total + u + w * x
            if not (least <= 1 and least <= here <= 2 * harmonic - least):
                raise NotProved(
                    f"universal table: entry {X} is larger in absolute value than entry 0: expected none "
                    "that is"
                )


def _balls(reach: int) -> list[arb]:
    """Return the balls [i, i+1] that cover [0, reach]; a rest is bounded on each of them."""
    return [arb(i + 0.5, 0.5) for i in range(reach)]


def _over(bounds: list[float], place: Place) -> float:
    """Return the greatest of the bounds on the intervals [i, i+1] that meet the cell."""
    m, r = place
    return max(bounds[int(m - r) : ceil(m + r)])


def _sizes(entries: Entries) -> list[arb]:
    """Return bounds of |f_X| that hold for every x."""
    return [
        sum((abs(arb(a)) * arb(STEP) ** i for i, a in enumerate(row)), arb(0)) for row in entries
    ]


def _greatest(entries: Entries) -> arb:
    """Return a bound of all |f_X|."""
    return max(_sizes(entries), key=lambda size: float(size.upper())).upper()


def _rational(value: Fraction) -> fmpq:
    return fmpq(value.numerator, value.denominator)


def _ball(value: Fraction) -> arb:
    return arb(_rational(value))

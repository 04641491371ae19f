"""Means over binomial counts as power series in x = 1/K, with Poisson weights and a bounded rest.

With lambda = K p and X <= K, C(K,X) X!/K^X = prod_{i<X} (1 - i x), so that

    B_{X,K}(p) = pi_X e^S,    pi_X = e^-lambda lambda^X/X!,    S = sum_{k>=1} s_k x^k,
    s_k = -sum_{i<X} i^k/k + X lambda^k/k - lambda^(k+1)/(k+1).

e^S = sum_k E_k x^k has polynomials E_k(X, lambda), by k E_k = sum_{j<=k} j s_j E_{k-j}.  For entries
f_X = f_X0 + f_X1 x + ..., of finitely many counts,

    sum_X f_X B_X = sum_{k<ORDER} L_k x^k + rest,    L_k = sum_X pi_X sum_i f_Xi E_{k-i}.

L_k is e^-lambda times a polynomial in lambda with rational coefficients, which are kept exact.  The
rest: with |s_k| in place of s_k the series of e^S has coefficients that are no less in size, and all
positive.  So |e^S - sum_{k<n} E_k x^k| is at most the same difference of that series, which grows with x:
one evaluation at x = 1/LEAST bounds it for every K >= LEAST.
"""

from collections.abc import Sequence
from math import comb
from typing import Any

from flint import arb, arb_poly, fmpq, fmpq_poly

LEAST = 1024  # draws: whatever is said here holds for every K from LEAST on
ORDER = 8
STEP = fmpq(1, LEAST)
LAMBDA = fmpq_poly([0, 1])

Entries = Sequence[tuple[Any, ...]]  # by count: coefficients f_X0, f_X1, ... in x


def expand(functions: Sequence[Entries], at: Any = LAMBDA) -> list[list[Any]]:
    """e^lambda L_k of each function, k < ORDER: polynomials in lambda, or their values `at` a number."""
    totals = [[at * 0] * ORDER for _ in functions]
    sums, weight = [0] * ORDER, at * 0 + 1
    for X in range(max(map(len, functions))):
        series = _exponential(_exponents(X, sums, at))
        for f, total in zip(functions, totals, strict=True):
            for i, coefficient in enumerate(f[X] if len(f) > X else ()):
                for k in range(i, ORDER):
                    total[k] = total[k] + series[k - i] * weight * coefficient
        sums = [total + X**k for k, total in enumerate(sums)]
        weight = weight * at / (X + 1)
    return totals


def rests(functions: Sequence[Entries], at: arb) -> list[arb]:
    """Bounds of |sum_X f_X B_X - sum_{k<ORDER} L_k x^k|, for lambda in a ball and K >= LEAST."""
    x = arb(STEP)
    totals = [arb(0)] * len(functions)
    sums, weight = [0] * ORDER, (-at).exp()
    for X in range(max(map(len, functions))):
        sizes = [abs(s).upper() for s in _exponents(X, sums, at)]
        # The first exponent, the greatest, once more without its cancellation.
        sizes[1] = abs(((at - X) * (at - X) - X) / 2).upper()
        series = _exponential(sizes)
        known = [series[0]]
        for k in range(1, ORDER):
            known.append(known[-1] + series[k] * x**k)
        size = sum((s * x**k for k, s in enumerate(sizes)), _beyond(X, at.upper(), x))
        whole = size.exp()
        for j, f in enumerate(functions):
            for i, coefficient in enumerate(f[X] if len(f) > X else ()):
                left = whole - known[ORDER - 1 - i]
                totals[j] += weight * abs(arb(coefficient)) * x**i * left
        sums = [total + X**k for k, total in enumerate(sums)]
        weight = weight * at / (X + 1)
    return [total.upper() for total in totals]


def between(coefficients: Sequence[Any]) -> list[Any]:
    """Bernstein coefficients on 0 <= x <= 1/LEAST of sum_k a_k x^k, between which its values lie."""
    n = len(coefficients) - 1
    scaled = [a * (STEP**k / comb(n, k)) for k, a in enumerate(coefficients)]
    return [sum((scaled[k] * comb(j, k) for k in range(1, j + 1)), scaled[0]) for j in range(n + 1)]


def decay(m: float, r: float, allowed: float) -> arb_poly:
    """e^-(m + r t) for |t| <= 1, its remainder in the radius of the constant, of about `allowed`."""
    terms = [(-arb(m)).exp()]
    while float(abs(terms[-1]).upper()) > allowed:
        terms.append(terms[-1] * -r / len(terms))
    rest = abs(terms[-1]) * r / len(terms) * arb(r).exp()
    return arb_poly([terms[0] + arb(0, rest.upper()), *terms[1:]])


def exponential_integral(m: float, r: float, allowed: float) -> arb_poly:
    """E_1(m + r t) for |t| <= 1, r < m/2, its remainder in the radius of the constant.

    E_1^(k)(m) = (-1)^k int_1^inf s^(k-1) e^(-ms) ds = (-1)^k (k-1)! e^-m sum_{j<k} m^j/j! / m^k, and what
    is at most (k-1)!/m^k in size leaves a remainder of at most (r/(m-r))^k/k.
    """
    rho, ratio = arb(r) / m, arb(r) / (arb(m) - r)
    terms = [arb(m).expint(arb(1))]
    partial, term, power, left = arb(0), (-arb(m)).exp(), arb(1), ratio
    while float(left.upper()) > allowed:
        k = len(terms)
        partial, power = partial + term, -power * rho
        terms.append(partial * power / k)
        term = term * m / k
        left = ratio ** (k + 1) / (k + 1)
    return arb_poly([terms[0] + arb(0, left.upper()), *terms[1:]])


def _exponents(X: int, sums: Sequence[int], at: Any) -> list[Any]:
    """s_k for k < ORDER, s_0 = 0; sums: of i^k over i < X."""
    power, exponents = at * 0 + 1, [at * 0]
    for k in range(1, ORDER):
        power = power * at
        exponents.append(power * fmpq(X, k) - power * at / (k + 1) - fmpq(sums[k], k))
    return exponents


def _exponential(exponents: Sequence[Any]) -> list[Any]:
    """E_k for k < ORDER of the exponents s_k."""
    series = [exponents[0] + 1]
    for k in range(1, ORDER):
        terms = (series[k - j] * exponents[j] * j for j in range(1, k + 1))
        series.append(sum(terms, exponents[0]) / k)
    return series


def _beyond(X: int, top: arb, x: arb) -> arb:
    """Bound of sum_{k>=ORDER} |s_k| x^k, lambda <= top: sum i^k <= X^(k+1)/(k+1), a geometric series."""
    n, size = ORDER, arb(X)
    first = size ** (n + 1) / (n * (n + 1)) + size * top**n / n + top ** (n + 1) / (n + 1)
    return first * x**n / (1 - x * size.max(top))

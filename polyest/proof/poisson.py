"""This module expands means over binomial counts in powers of 1/K, with Poisson weights and a bounded rest.

With x = 1/K, lambda = K p and X <= K, C(K,X) X!/K^X = prod_{i<X} (1 - i x), so that

    B_{X,K}(p) = pi_X e^S,    pi_X = e^-lambda lambda^X/X!,    S = sum_{k>=1} s_k x^k,
    s_k = -sum_{i<X} i^k/k + X lambda^k/k - lambda^(k+1)/(k+1).

e^S = sum_k E_k x^k with polynomials E_k(X, lambda) that satisfy k E_k = sum_{j<=k} j s_j E_{k-j}.  For
entries f_X = f_X0 + f_X1 x + ... of finitely many counts,

    sum_X f_X B_X = sum_{k<ORDER} L_k x^k + rest,    L_k = sum_X pi_X sum_i f_Xi E_{k-i}.

L_k is e^-lambda times a polynomial in lambda with rational coefficients, which are exact here.  The rest
is bounded as follows.  If |s_k| replaces s_k, the coefficients of the series of e^S become positive and no
smaller in absolute value.  So |e^S - sum_{k<n} E_k x^k| is at most the same difference for the new series.
That difference increases with x, and its value at x = 1/LEAST is a bound for every K >= LEAST.
"""

from collections.abc import Sequence
from math import comb
from typing import TypeAlias

from flint import arb, arb_poly, fmpq, fmpq_poly

LEAST = 1024  # the bounds hold for every sample size K >= LEAST
ORDER = 8  # number of terms of the expansion in x
STEP = fmpq(1, LEAST)  # greatest x
LAMBDA = fmpq_poly([0, 1])  # the polynomial lambda

Term: TypeAlias = fmpq_poly | fmpq | arb  # a polynomial in lambda, or its value at a number
Entries = Sequence[
    tuple[fmpq | arb, ...]
]  # for each count X, the coefficients f_X0, f_X1, ... in x


def expand(functions: Sequence[Entries], at: Term = LAMBDA) -> list[list[Term]]:
    """Return e^lambda L_k of each function for k < ORDER: polynomials in lambda, or values `at` a number."""
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
    """Return bounds of |sum_X f_X B_X - sum_{k<ORDER} L_k x^k| for lambda in a ball and K >= LEAST."""
    x = arb(STEP)
    totals = [arb(0)] * len(functions)
    sums, weight = [0] * ORDER, (-at).exp()
    for X in range(max(map(len, functions))):
        sizes = [abs(s).upper() for s in _exponents(X, sums, at)]
        # The first exponent is the greatest; this form of it is a tighter ball, without cancellation.
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


def between(coefficients: Sequence[Term]) -> list[Term]:
    """Return the Bernstein coefficients of sum_k a_k x^k on [0, 1/LEAST]; its values lie between them."""
    n = len(coefficients) - 1
    scaled = [a * (STEP**k / comb(n, k)) for k, a in enumerate(coefficients)]
    return [sum((scaled[k] * comb(j, k) for k in range(1, j + 1)), scaled[0]) for j in range(n + 1)]


def decay(m: float, r: float, allowed: float) -> arb_poly:
    """Return e^-(m + r t) for |t| <= 1 as a polynomial in t.

    The remainder, of about the size `allowed`, is in the radius of the constant.
    """
    terms = [(-arb(m)).exp()]
    while float(abs(terms[-1]).upper()) > allowed:
        terms.append(terms[-1] * -r / len(terms))
    rest = abs(terms[-1]) * r / len(terms) * arb(r).exp()
    return arb_poly([terms[0] + arb(0, rest.upper()), *terms[1:]])


def exponential_integral(m: float, r: float, allowed: float) -> arb_poly:
    """Return E_1(m + r t) for |t| <= 1 and r < m/2 as a polynomial in t.

    The remainder is in the radius of the constant.  The derivatives are
    E_1^(k)(m) = (-1)^k int_1^inf s^(k-1) e^(-ms) ds = (-1)^k (k-1)! e^-m sum_{j<k} m^j/j! / m^k.
    Their absolute value is at most (k-1)!/m^k, so that the remainder is at most (r/(m-r))^k/k.
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


def _exponents(X: int, sums: Sequence[int], at: Term) -> list[Term]:
    """Return s_k for k < ORDER, with s_0 = 0; sums: the sums of i^k over i < X for each k."""
    power, exponents = at * 0 + 1, [at * 0]
    for k in range(1, ORDER):
        power = power * at
        exponents.append(power * fmpq(X, k) - power * at / (k + 1) - fmpq(sums[k], k))
    return exponents


def _exponential(exponents: Sequence[Term]) -> list[Term]:
    """Return E_k for k < ORDER from the exponents s_k."""
    series = [exponents[0] + 1]
    for k in range(1, ORDER):
        terms = (series[k - j] * exponents[j] * j for j in range(1, k + 1))
        series.append(sum(terms, exponents[0]) / k)
    return series


def _beyond(X: int, top: arb, x: arb) -> arb:
    """Return a bound of sum_{k>=ORDER} |s_k| x^k for lambda <= top.

    By sum_{i<X} i^k <= X^(k+1)/(k+1) the sum is at most a geometric series.
    """
    n, size = ORDER, arb(X)
    first = size ** (n + 1) / (n * (n + 1)) + size * top**n / n + top ** (n + 1) / (n + 1)
    return first * x**n / (1 - x * size.max(top))

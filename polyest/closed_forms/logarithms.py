"""This module has the closed forms of the log: the usual estimators of an entropy, as tables."""

from decimal import Context, Decimal
from fractions import Fraction
from math import exp
from typing import SupportsFloat, SupportsIndex

import numpy as np

from polyest.closed_forms.entries import Sized, checked, nearest, rounded, sums, table_of
from polyest.errors import InvalidProblem
from polyest.problem.problem import check_draws
from polyest.problem.targets import LOG
from polyest.tables.table import Table
from polyest.values import real, shown

SCHUERMANN_XI = exp(-0.5)  # the xi that Schuermann 2004 recommends


def log_count(K: SupportsIndex) -> Table:
    """Build the table of the plug-in log, the logarithm of an answer's share in its group.

        c_X = log((X+1)/(K+1))        = log(count/G), with count = X+1 and G = K+1

    Most trainers use it.  Its criteria are the units of noise budgets: a noise (variance ratio) of 8 is 8
    times its gradient-variance.

    Parameters
    ----------
    K : int
        Sample size, 1 to 1024.

    Returns
    -------
    Table
        The table of K+1 entries.

    Raises
    ------
    InvalidProblem
        If `K` is not an integer from 1 to 1024.

    Examples
    --------
    >>> log_count(3).coefficients.round(6).tolist()
    [-1.386294, -0.693147, -0.287682, 0.0]
    """
    N = checked(K) + 1
    return table_of("log_count", LOG, sums(([(1, j, N)], (0, 1)) for j in range(1, N + 1)))


def log_smoothed(K: SupportsIndex) -> Table:
    """Build the table of the log of a share among independent draws, smoothed at a count of 0.

        c_X = log(max(X, 1/2)/K)

    Parameters
    ----------
    K : int
        Sample size, 1 to 1024.

    Returns
    -------
    Table
        The table of K+1 entries.

    Raises
    ------
    InvalidProblem
        If `K` is not an integer from 1 to 1024.

    Examples
    --------
    >>> log_smoothed(2).coefficients.round(6).tolist()
    [-1.386294, -0.693147, 0.0]
    """
    K = checked(K)
    return table_of("log_smoothed", LOG, sums(([(1, m, 2 * K)], (0, 1)) for m in _doubled(K)))


def miller_madow(K: SupportsIndex) -> Table:
    """Build the table of the plug-in log minus its first-order bias (Miller and Madow).

        c_X = log(j/N) - (1 - j/N)/(2j),        j = X+1, N = K+1

    The corresponding estimator of the entropy is the plug-in entropy of N completions plus
    (number of distinct answers - 1)/(2N).

    Parameters
    ----------
    K : int
        Sample size, 1 to 1024.

    Returns
    -------
    Table
        The table of K+1 entries.

    Raises
    ------
    InvalidProblem
        If `K` is not an integer from 1 to 1024.

    References
    ----------
    Miller, Note on the bias of information estimates (1955).

    Examples
    --------
    >>> miller_madow(3).coefficients.round(6).tolist()
    [-1.761294, -0.818147, -0.329349, 0.0]
    """
    N = checked(K) + 1
    entries = sums(([(1, j, N)], (j - N, 2 * j * N)) for j in range(1, N + 1))
    return table_of("miller_madow", LOG, entries)


def taylor(K: SupportsIndex) -> Table:
    """Build the table of the log of a share among independent draws, with a first-order Taylor correction.

        c_X = log(x/K) + (1 - x/K)/(2x),        x = max(X, 1/2)

    The correction has the opposite sign to that of `miller_madow`: the log of a share among independent
    draws is too low on average, and that of a share in the own group too high.

    Parameters
    ----------
    K : int
        Sample size, 1 to 1024.

    Returns
    -------
    Table
        The table of K+1 entries.

    Raises
    ------
    InvalidProblem
        If `K` is not an integer from 1 to 1024.

    Examples
    --------
    >>> taylor(2).coefficients.round(6).tolist()
    [-0.636294, -0.443147, 0.0]
    """
    K = checked(K)
    entries = sums(([(1, m, 2 * K)], (2 * K - m, 2 * K * m)) for m in _doubled(K))
    return table_of("taylor", LOG, entries)


def harmonic(K: SupportsIndex) -> Table:
    """Build the table of harmonic numbers, which is unbiased for the first K terms of the series of log p.

        c_X = H_X - H_K,        E c_X = -sum_{j<=K} (1-p)^j/j

    Its mean is the objective of MaxRL.  The worst-case weighted bias, the supremum of p times the remaining
    terms, is near .2815/K.  Zhang's estimator and the digamma estimator psi(n) - psi(N) are the same table.
    So is inverse binomial sampling, which draws until the answer occurs, at the N-th draw, and pays
    -H_{N-1}: if it is stopped after K draws with -H_K, and averaged over the order of the draws, it has
    these entries.

    Parameters
    ----------
    K : int
        Sample size, 1 to 1024.

    Returns
    -------
    Table
        The table of K+1 entries.

    Raises
    ------
    InvalidProblem
        If `K` is not an integer from 1 to 1024.

    References
    ----------
    Zhang, Neural Computation 24 (2012).  Schuermann, Neural Computation 27 (2015).  MaxRL, arXiv
    2602.02710.  Inverse binomial sampling: van Opheusden, Acerbi, Ma, PLoS Computational Biology 16 (2020).

    Examples
    --------
    >>> harmonic(2).coefficients.tolist()
    [-1.5, -0.5, 0.0]
    """
    return table_of("harmonic", LOG, rounded(harmonic_entries(checked(K))))


def harmonic_entries(K: SupportsIndex) -> list[Fraction]:
    """Return the exact entries H_X - H_K, X = 0..K, of `harmonic`; raise as it does.

    >>> harmonic_entries(2)
    [Fraction(-3, 2), Fraction(-1, 2), Fraction(0, 1)]
    """
    entries = [Fraction(0)]
    for k in range(check_draws(K), 0, -1):
        entries.append(entries[-1] - Fraction(1, k))
    return entries[::-1]


def jackknife(K: SupportsIndex) -> Table:
    """Build the table of the jackknifed plug-in entropy of K+1 completions.

        c_{j-1} = -a_j N/j,    N = K+1,                h(j,n) = -(j/n) log(j/n),
        a_j = N h(j,N) - ((N-1)/N) (j h(j-1,N-1) + (N-j) h(j,N-1))

    The jackknife is N times the estimate minus N-1 times its mean with one completion left out.  Hence

        c_{j-1} = N log(j/N) - (j-1) log((j-1)/(N-1)) - (N-j) log(j/(N-1)).

    Parameters
    ----------
    K : int
        Sample size, 1 to 1024.

    Returns
    -------
    Table
        The table of K+1 entries.

    Raises
    ------
    InvalidProblem
        If `K` is not an integer from 1 to 1024.

    References
    ----------
    Zahl, Jackknifing an index of diversity (1977).

    Examples
    --------
    >>> jackknife(1).coefficients.round(6).tolist()
    [-1.386294, 0.0]
    """
    N = checked(K) + 1

    entries = sums(
        ([(N, j, N), (1 - j, max(j - 1, 1), N - 1), (j - N, j, N - 1)], (0, 1))
        for j in range(1, N + 1)
    )
    return table_of("jackknife", LOG, entries)


def schuermann(K: SupportsIndex, xi: SupportsFloat = SCHUERMANN_XI) -> Table:
    """Build the table of Schuermann's estimator of an entropy with the parameter xi.

        c_{j-1} = -a_j N/j,                            T = 1/xi - 1, N = K+1,
        a_j = (j/N) (psi(N) - psi(j) - (-1)^j int_0^T t^(j-1)/(1+t) dt)

    The integral I_j satisfies I_1 = -log xi and I_j + I_{j+1} = T^j/j.  Hence, at X = j-1,

        c_X = log xi - H_K + sum_{i<=X} (1 - (-T)^i)/i.

    Parameters
    ----------
    K : int
        Sample size, 1 to 1024.
    xi : float
        The parameter, a double in (0, 1]; by default exp(-1/2).  xi = 1 gives `harmonic`, and xi = 1/2
        Grassberger's estimator.  Below 1/2 the entries grow like T^K.

    Returns
    -------
    Table
        The table of K+1 entries.

    Raises
    ------
    InvalidProblem
        If `K` is not an integer from 1 to 1024, `xi` is out of range, or an entry is beyond the doubles.

    References
    ----------
    Schuermann, Journal of Physics A 37 (2004), L295.

    Examples
    --------
    >>> schuermann(2, xi=0.5).coefficients.round(6).tolist()
    [-2.193147, -0.193147, -0.193147]
    """
    K = checked(K)
    if not 0 < real(xi) <= 1:
        raise InvalidProblem(
            f"xi is {shown(xi)}: expected a number in (0, 1]; 1 gives the harmonic table, exp(-1/2) "
            "Schuermann's"
        )
    entries = nearest(lambda digits: _schuermann(K, Decimal(float(xi)), digits))
    if not np.isfinite(entries).all():
        raise InvalidProblem(
            f"xi is {shown(xi)}: at K = {K} the entries grow like (1/xi - 1)^K, beyond float64; use a "
            "greater xi, they stay small from 0.5 on"
        )
    return table_of("schuermann", LOG, entries)


def _schuermann(K: int, xi: Decimal, digits: Context) -> list[Sized]:
    T = digits.subtract(digits.divide(Decimal(1), xi), Decimal(1))
    entry = digits.ln(xi)
    size = entry.copy_abs()
    steps = [digits.divide(Decimal(1), Decimal(i)) for i in range(1, K + 1)]
    for step in steps:
        entry, size = digits.subtract(entry, step), digits.add(size, step)
    entries, power = [(entry, size)], Decimal(1)
    for step in steps:
        power = digits.multiply(power, T.copy_negate())
        entry = digits.fma(step, digits.subtract(Decimal(1), power), entry)
        size = digits.fma(step, digits.add(Decimal(1), power.copy_abs()), size)
        entries.append((entry, size))
    return entries


def _doubled(K: int) -> list[int]:
    """Return 2 max(X, 1/2) for X = 0..K."""
    return [max(2 * X, 1) for X in range(K + 1)]


LOGS = (log_count, log_smoothed, miller_madow, taylor, jackknife, harmonic, schuermann)

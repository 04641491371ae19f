"""This module has U-statistics: unbiased tables of polynomials, and means of a table over subsets of
draws."""

from collections.abc import Iterable
from fractions import Fraction
from itertools import islice
from math import comb
from typing import SupportsFloat, SupportsIndex

from polyest.closed_forms.entries import checked, rounded, table_of
from polyest.errors import InvalidProblem
from polyest.problem.bernstein import elevate
from polyest.problem.problem import pose
from polyest.problem.targets import HIGHEST
from polyest.tables.table import Table
from polyest.values import shown, whole

LARGEST_PASS = 56  # the last k for which all C(k, m) are doubles


def polynomial(K: SupportsIndex, coefficients: Iterable[SupportsFloat]) -> Table:
    """Build the only unbiased table of a polynomial, its U-statistic.

        phi(p) = sum_m a_m p^m,        c_X = sum_m a_m C(X,m)/C(K,m)

    The mean of a table of sample size K is a polynomial of degree at most K, so that no table is unbiased
    for a polynomial of higher degree.  `Target.entries` gives the entries as exact fractions.

    Parameters
    ----------
    K : int
        Sample size, 1 to 1024, at least the degree of the polynomial.
    coefficients : iterable of float
        The numbers a_0, a_1, ..., each taken as the nearest double, of size at most 1e100.

    Returns
    -------
    Table
        The table of K+1 entries.

    Raises
    ------
    InvalidProblem
        If `K` is not an integer from 1 to 1024 or below the degree, or a coefficient is not finite or too
        large.

    References
    ----------
    Hoeffding, A class of statistics with asymptotically normal distribution (1948).

    Examples
    --------
    >>> polynomial(4, [0, 0, 1]).coefficients.round(6).tolist()
    [0.0, 0.0, 0.166667, 0.5, 1.0]
    """
    try:
        words = [repr(float(a)) for a in islice(coefficients, HIGHEST + 2)]
    except (TypeError, ValueError, OverflowError):
        raise InvalidProblem(
            f"coefficients are {shown(coefficients)}: expected the numbers a_0, a_1, ... of a "
            "polynomial, as in [1, -1]"
        ) from None
    return _unbiased("polynomial", K, f"polynomial:{','.join(words)}")


def pass_at(K: SupportsIndex, k: SupportsIndex) -> Table:
    """Build the only unbiased table of pass@k, the probability that one of k draws is right.

        phi(p) = 1 - (1-p)^k,        c_X = 1 - C(K-X,k)/C(K,k)

    The target is stored by its coefficients -(-1)^m C(k,m), which are doubles up to k = 56.  A larger k is
    refused, because the coefficients would be rounded.

    Parameters
    ----------
    K : int
        Sample size, 1 to 1024.
    k : int
        The number of attempts, 1 to min(K, 56).

    Returns
    -------
    Table
        The table of K+1 entries.

    Raises
    ------
    InvalidProblem
        If `K` or `k` is not an integer in its range.

    References
    ----------
    Chen et al., Evaluating large language models trained on code (2021), arXiv 2107.03374.

    Examples
    --------
    >>> pass_at(4, k=2).coefficients.round(6).tolist()
    [0.0, 0.5, 0.833333, 1.0, 1.0]
    """
    K, k = checked(K), _positive_integer("k", k, "the number of attempts of pass@k")
    if k > K:
        raise InvalidProblem(
            f"k is {k}, above K = {K}: 1 - (1-p)^k has degree k, and no table of a smaller sample size "
            f"is unbiased for it; use K >= {k}"
        )
    if k > LARGEST_PASS:
        raise InvalidProblem(
            f"k is {k}: float64 holds the coefficients of 1 - (1-p)^k up to k = {LARGEST_PASS} only; "
            f"use k <= {LARGEST_PASS}"
        )
    powers = [0, *(-((-1) ** m) * comb(k, m) for m in range(1, k + 1))]
    return _unbiased("pass_at", K, "polynomial:" + ",".join(map(str, powers)))


def split(table: Table, blocks: SupportsIndex) -> Table:
    """Average a table over blocks of draws, as a table of the count of all draws.

        d_X = sum_j c_j C(K,j) C(N-K,X-j) / C(N,X),        N = blocks K

    Sample splitting evaluates the table in each block and averages the results.  Averaging over all orders
    of the draws too (Rao-Blackwell) gives these entries.  The mean P and the bias stay the same, and the
    variance is at most 1/blocks of that of the table.  `bernstein.elevate` gives the entries as exact
    fractions.

    Parameters
    ----------
    table : Table
        The table of one block, of sample size K.
    blocks : int
        The number of blocks, at least 1.

    Returns
    -------
    Table
        The table of N+1 entries for the same target.

    Raises
    ------
    InvalidProblem
        If `table` is not a table, `blocks` is not an integer of at least 1, or N is above 1024.

    Examples
    --------
    >>> from polyest import closed_forms
    >>> split(closed_forms.harmonic(1), 2).coefficients.tolist()
    [-1.0, -0.5, 0.0]
    """
    if not isinstance(table, Table):
        raise InvalidProblem(
            f"table is {shown(table)}: expected the table of one block, as in "
            "split(harmonic(4), blocks=2)"
        )
    number = _positive_integer("blocks", blocks, "the number of blocks of draws")
    return _elevated("split", table, checked(number * table.K))


def subsets(table: Table, K: SupportsIndex) -> Table:
    """Average a table of sample size k over all subsets of k among K draws, as a table of their count.

        d_X = sum_j c_j C(k,j) C(K-k,X-j) / C(K,X)

    This is the U-statistic whose kernel is the table.  The mean P and the bias stay the same.  If k divides
    K, the entries are those of `split`.  For a minimax table of k < K draws the result has the least bias
    E*(k) of k draws and, if k is much smaller than K, little variance.

    Parameters
    ----------
    table : Table
        The table of a subset, of sample size k.
    K : int
        Sample size, k to 1024.

    Returns
    -------
    Table
        The table of K+1 entries for the same target.

    Raises
    ------
    InvalidProblem
        If `table` is not a table, or `K` is not an integer from k to 1024.

    References
    ----------
    Hoeffding, A class of statistics with asymptotically normal distribution (1948).

    Examples
    --------
    >>> from polyest import closed_forms
    >>> subsets(closed_forms.harmonic(2), 3).coefficients.round(6).tolist()
    [-1.5, -0.833333, -0.333333, 0.0]
    """
    if not isinstance(table, Table):
        raise InvalidProblem(
            f"table is {shown(table)}: expected the table of a subset, as in subsets(harmonic(4), 10)"
        )
    if checked(K) < table.K:
        raise InvalidProblem(
            f"K is {K}: expected at least {table.K}, the sample size of {table!r}, which is averaged over "
            "subsets of so many draws"
        )
    return _elevated("subsets", table, int(K))


def _elevated(name: str, table: Table, K: int) -> Table:
    entries = elevate([Fraction(float(c)) for c in table.coefficients], K)
    return table_of(name, table.problem.target, rounded(entries))


def _unbiased(name: str, K: SupportsIndex, target: str) -> Table:
    posed = pose(checked(K), target, "minimax")
    entries = posed.target.entries(posed.K)
    assert entries is not None  # pose refuses a degree above K
    return table_of(name, posed.target, rounded(entries))


def _positive_integer(name: str, value: SupportsIndex, meaning: str) -> int:
    if not whole(value, 1):
        raise InvalidProblem(
            f"{name} is {shown(value)}: expected {meaning}, an integer of at least 1"
        )
    return int(value)

"""Tables with a formula: the estimators that people use, in the one form that a certificate reads.

A table is c_0..c_K, looked up at a count X ~ Binomial(K, p).  With N = K+1 traces that include
one's own, j = X+1 of them alike, every entropy estimator sum_z a_{n_z} with a_0 = 0 is a table,

    c_{j-1} = -a_j N/j,        E sum_z a_{n_z} = -sum_z p_z P(p_z),

because p B_{j-1,K}(p) = (j/N) B_{j,N}(p); H denotes the harmonic numbers.

    log_count       log(j/N)
    log_smoothed    log(max(X, 1/2)/K)
    miller_madow    log(j/N) - (1 - j/N)/(2j)
    taylor          log(x/K) + (1 - x/K)/(2x), x = max(X, 1/2)
    harmonic        H_X - H_K, the estimator of Zhang and the digamma estimator
    jackknife       a_j = N h(j,N) - ((N-1)/N) (j h(j-1,N-1) + (N-j) h(j,N-1))
    schuermann      log xi - H_K + sum_{i<=X} (1 - (-T)^i)/i, T = 1/xi - 1
    polynomial      U-statistics, unbiased up to degree K and not beyond; pass_at is 1 - (1-p)^k
    split           the mean of a small table over blocks of the draws, given the whole count
    subsets         the same over all subsets of its number of draws, which need not divide K

Rational entries are computed exactly and rounded once; logarithms are computed in decimals, with more and
more digits until only one double is nearest.  So every stored entry is the correctly rounded value of its
formula.  The certificate is about the stored entries, and is proved when it is first asked for.
"""

from collections.abc import Callable, Iterable, Sequence
from decimal import Context, Decimal
from fractions import Fraction
from itertools import islice
from math import comb, exp
from typing import Any

import numpy as np

from polyest.arrays import Floats
from polyest.decimals import context
from polyest.errors import InvalidProblem
from polyest.problem.bernstein import elevate
from polyest.problem.problem import LARGEST_LISTED, Problem, check_draws, pose
from polyest.problem.targets import HIGHEST, LOG, Target
from polyest.tables.table import Table
from polyest.values import real, shown, whole

__all__ = [
    "LOGS",
    "SCHUERMANN_XI",
    "harmonic",
    "jackknife",
    "log_count",
    "log_smoothed",
    "miller_madow",
    "pass_at",
    "polynomial",
    "schuermann",
    "split",
    "subsets",
    "taylor",
]
SCHUERMANN_XI = exp(-0.5)  # the xi that Schuermann 2004 recommends
LARGEST_PASS = 56  # the last k for which all C(k, m) are doubles
START_DIGITS = 40
SAFETY = 10**5  # ulps: some thousand terms, each off by a few

_Sized = tuple[Decimal, Decimal]  # a number, and the sum of the sizes of its terms


def log_count(K: Any) -> Table:
    """The log that trainers use, c_X = log((X+1)/(K+1)): log(n/G) of an in-group count, K = G-1.

    Its criteria are the unit in which noise budgets are given.  Returns a table of K+1 entries.
    Raises InvalidProblem unless K is an integer of at least 1.

    >>> log_count(3).coefficients.round(6).tolist()
    [-1.386294, -0.693147, -0.287682, 0.0]
    """
    N = _checked(K) + 1
    return _table("log_count", LOG, _sums(([(1, j, N)], (0, 1)) for j in range(1, N + 1)))


def log_smoothed(K: Any) -> Table:
    """The log of a share that is never 0, c_X = log(max(X, 1/2)/K), of an independent count.

    Returns a table of K+1 entries.  Raises InvalidProblem unless K is an integer of at least 1.

    >>> log_smoothed(2).coefficients.round(6).tolist()
    [-1.386294, -0.693147, 0.0]
    """
    K = _checked(K)
    return _table("log_smoothed", LOG, _sums(([(1, m, 2 * K)], (0, 1)) for m in _doubled(K)))


def miller_madow(K: Any) -> Table:
    """The log less its bias of first order, c_X = log(j/N) - (1 - j/N)/(2j), j = X+1, N = K+1.

    As an estimator: the plug-in entropy of N traces plus (answers seen - 1)/(2N), Miller 1955.
    Returns a table of K+1 entries.  Raises InvalidProblem unless K is an integer of at least 1.

    >>> miller_madow(3).coefficients.round(6).tolist()
    [-1.761294, -0.818147, -0.329349, 0.0]
    """
    N = _checked(K) + 1
    entries = _sums(([(1, j, N)], (j - N, 2 * j * N)) for j in range(1, N + 1))
    return _table("miller_madow", LOG, entries)


def taylor(K: Any) -> Table:
    """The slides' Taylor correction, c_X = log(x/K) + (1 - x/K)/(2x), x = max(X, 1/2), independent.

    Opposite in sign to `miller_madow`: the log of an independent share is too low on average, that
    of an in-group share too high.  Returns a table of K+1 entries.  Raises InvalidProblem unless K
    is an integer of at least 1.

    >>> taylor(2).coefficients.round(6).tolist()
    [-0.636294, -0.443147, 0.0]
    """
    K = _checked(K)
    entries = _sums(([(1, m, 2 * K)], (2 * K - m, 2 * K * m)) for m in _doubled(K))
    return _table("taylor", LOG, entries)


def harmonic(K: Any) -> Table:
    """The harmonic numbers, c_X = H_X - H_K, unbiased for the first K terms of the log's series.

    E c_X = -sum_{j<=K} (1-p)^j/j, the objective of MaxRL (arXiv 2602.02710); p times the rest has a
    supremum near .2815/K.  Zhang's estimator (Neural Computation 24, 2012), the digamma estimator
    psi(n) - psi(N) and this table are one and the same (Schuermann, Neural Computation 27, 2015).

    Returns a table of K+1 entries.  Raises InvalidProblem unless K is an integer of at least 1.

    >>> harmonic(2).coefficients.tolist()
    [-1.5, -0.5, 0.0]
    """
    return _table("harmonic", LOG, _rounded(harmonic_entries(_checked(K))))


def harmonic_entries(K: Any) -> list[Fraction]:
    """Exact entries H_X - H_K, X = 0..K, of `harmonic`; raises as it does.

    >>> harmonic_entries(2)
    [Fraction(-3, 2), Fraction(-1, 2), Fraction(0, 1)]
    """
    entries = [Fraction(0)]
    for k in range(check_draws(K), 0, -1):
        entries.append(entries[-1] - Fraction(1, k))
    return entries[::-1]


def jackknife(K: Any) -> Table:
    """The jackknifed plug-in entropy of N = K+1 traces as a table, c_{j-1} = -a_j N/j with

        a_j = N h(j,N) - ((N-1)/N) (j h(j-1,N-1) + (N-j) h(j,N-1)),    h(j,n) = -(j/n) log(j/n).

    That is N times the estimate less N-1 times its mean with one trace left out (Zahl 1977), whence

        c_{j-1} = N log(j/N) - (j-1) log((j-1)/(N-1)) - (N-j) log(j/(N-1)).

    Returns a table of K+1 entries.  Raises InvalidProblem unless K is an integer of at least 1.

    >>> jackknife(1).coefficients.round(6).tolist()
    [-1.386294, 0.0]
    """
    N = _checked(K) + 1

    entries = _sums(
        ([(N, j, N), (1 - j, max(j - 1, 1), N - 1), (j - N, j, N - 1)], (0, 1))
        for j in range(1, N + 1)
    )
    return _table("jackknife", LOG, entries)


def schuermann(K: Any, xi: Any = SCHUERMANN_XI) -> Table:
    """Schuermann's estimator (J. Phys. A 37, 2004, L295) as a table, c_{j-1} = -a_j N/j with

        a_j = (j/N) (psi(N) - psi(j) - (-1)^j int_0^T t^(j-1)/(1+t) dt),    T = 1/xi - 1, N = K+1.

    The integral I_j obeys I_1 = -log xi and I_j + I_{j+1} = T^j/j, whence, at X = j-1,

        c_X = log xi - H_K + sum_{i<=X} (1 - (-T)^i)/i.

    xi: in (0, 1], taken as the exact double; 1 is `harmonic`, 1/2 is Grassberger's estimator, and
    below that entries grow like T^K.  Returns a table of K+1 entries.  Raises InvalidProblem for K
    that is no integer of at least 1, for xi out of range and for entries beyond the doubles.

    >>> schuermann(2, xi=0.5).coefficients.round(6).tolist()
    [-2.193147, -0.193147, -0.193147]
    """
    K = _checked(K)
    if not 0 < real(xi) <= 1:
        raise InvalidProblem(
            f"xi is {shown(xi)}: a number in (0, 1], where 1 is the harmonic table; Schuermann's is "
            "exp(-1/2)"
        )
    entries = _nearest(lambda digits: _schuermann(K, Decimal(float(xi)), digits))
    if not np.isfinite(entries).all():
        raise InvalidProblem(
            f"xi is {shown(xi)}: entries of K = {K} draws grow like (1/xi - 1)^K, beyond the doubles; "
            "use a greater xi, from 0.5 on they stay small"
        )
    return _table("schuermann", LOG, entries)


def polynomial(K: Any, coefficients: Iterable[Any]) -> Table:
    """The one unbiased table of phi(p) = sum_m a_m p^m, c_X = sum_m a_m C(X,m)/C(K,m).

    A U-statistic (Hoeffding 1948); `Target.entries` gives the entries as exact fractions.  The mean
    of a table of K draws is a polynomial of degree <= K: beyond degree K none is unbiased.

    coefficients: a_0, a_1, ..., each taken as the nearest double.  Returns a table of K+1 entries.
    Raises InvalidProblem for a bad K, a degree above K, and numbers that are not finite or beyond
    1e100.

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


def pass_at(K: Any, k: Any) -> Table:
    """pass@k from K draws, the one unbiased table of 1 - (1-p)^k, c_X = 1 - C(K-X,k)/C(K,k).

    Chen et al. 2021 (arXiv 2107.03374).  The target is stored by its coefficients -(-1)^m C(k,m),
    all of them doubles up to k = 56; beyond that it is refused rather than rounded.

    k: how many draws may try, 1..min(K, 56).  Returns a table of K+1 entries.  Raises
    InvalidProblem otherwise.

    >>> pass_at(4, k=2).coefficients.round(6).tolist()
    [0.0, 0.5, 0.833333, 1.0, 1.0]
    """
    K, k = _checked(K), _positive_integer("k", k, "how many draws may try in pass@k")
    if k > K:
        raise InvalidProblem(
            f"k is {k}, above K = {K}: 1 - (1-p)^k has degree k and no table of {K} draws is "
            f"unbiased for it; use K >= {k}"
        )
    if k > LARGEST_PASS:
        raise InvalidProblem(
            f"k is {k}: the coefficients of 1 - (1-p)^k are doubles up to k = {LARGEST_PASS} only; "
            f"use k <= {LARGEST_PASS}"
        )
    powers = [0, *(-((-1) ** m) * comb(k, m) for m in range(1, k + 1))]
    return _unbiased("pass_at", K, "polynomial:" + ",".join(map(str, powers)))


def split(table: Table, blocks: Any) -> Table:
    """The mean of a table over `blocks` blocks of its K draws, given the count of all N = blocks K.

        d_X = sum_j c_j C(K,j) C(N-K,X-j) / C(N,X)

    Sample splitting, averaged and Rao-Blackwellised, is degree elevation: same mean P, same bias,
    at most 1/blocks of the variance.  `bernstein.elevate` gives the entries as exact fractions.

    table: the table of one block; blocks: an integer of at least 1.  Returns a table of N+1 entries
    for the same target.  Raises InvalidProblem otherwise.

    >>> split(harmonic(1), 2).coefficients.tolist()
    [-1.0, -0.5, 0.0]
    """
    if not isinstance(table, Table):
        raise InvalidProblem(
            f"table is {shown(table)}: the table of one block, as in split(harmonic(4), blocks=2)"
        )
    number = _positive_integer("blocks", blocks, "how many blocks the draws are split into")
    return _elevated("split", table, _checked(number * table.K))


def subsets(table: Table, K: Any) -> Table:
    """The mean of a table over all subsets of its k draws among K, given the count of all K.

    The U-statistic (Hoeffding 1948) whose kernel is the table: same mean P, same bias, entries as in
    `split`, to which it is equal where k divides K.  Of minimax tables of k < K draws it has the bias
    E*(k) and, for k well below K, little noise: noise lies in the high degrees.

    table: of k draws; K: an integer of at least k.  Returns a table of K+1 entries for the same
    target.  Raises InvalidProblem otherwise.

    >>> subsets(harmonic(2), 3).coefficients.round(6).tolist()
    [-1.5, -0.833333, -0.333333, 0.0]
    """
    if not isinstance(table, Table):
        raise InvalidProblem(
            f"table is {shown(table)}: the table of a subset, as in subsets(harmonic(4), 10)"
        )
    if _checked(K) < table.K:
        raise InvalidProblem(
            f"K is {K}: {K} draws have no subset of {table.K}, the draws of {table!r}; use K >= "
            f"{table.K}"
        )
    return _elevated("subsets", table, int(K))


def _elevated(name: str, table: Table, K: int) -> Table:
    entries = elevate([Fraction(float(c)) for c in table.coefficients], K)
    return _table(name, table.problem.target, _rounded(entries))


def _unbiased(name: str, K: Any, target: str) -> Table:
    posed = pose(_checked(K), target, "minimax")
    entries = posed.target.entries(posed.K)
    assert entries is not None  # pose refuses a degree above K
    return _table(name, posed.target, _rounded(entries))


def _checked(K: Any) -> int:
    """K as an int; InvalidProblem unless it is in 1..1024, beyond which a proof takes minutes."""
    draws = check_draws(K)
    if draws > LARGEST_LISTED:
        raise InvalidProblem(
            f"K is {draws}: closed forms are written out and proved up to K = {LARGEST_LISTED}; take fewer "
            "draws, or polyest.load, whose universal table is for any K"
        )
    return draws


def _table(name: str, target: Target, entries: Floats) -> Table:
    problem = Problem(len(entries) - 1, target, name)
    return Table(problem, entries, None, None, "closed_form")


def _rounded(exact: Sequence[Fraction]) -> Floats:
    return np.array([float(c) for c in exact])  # Python rounds a quotient of integers correctly


def _sums(rows: Iterable[tuple[list[tuple[int, int, int]], tuple[int, int]]]) -> Floats:
    """Doubles nearest to sums of n log(a/b), and a fraction: a row is the (n, a, b), and the fraction."""
    given = list(rows)
    return _nearest(lambda digits: [_sum(logs, fraction, digits) for logs, fraction in given])


def _sum(logs: list[tuple[int, int, int]], fraction: tuple[int, int], digits: Context) -> _Sized:
    value = digits.divide(*map(Decimal, fraction))
    size = value.copy_abs()
    for n, a, b in logs:
        if n and a != b:
            log = digits.ln(digits.divide(Decimal(a), Decimal(b)))
            value = digits.fma(Decimal(n), log, value)
            off = digits.add(Decimal(1), log.copy_abs())  # a/b is rounded too
            size = digits.fma(Decimal(abs(n)), off, size)
    return value, size


def _schuermann(K: int, xi: Decimal, digits: Context) -> list[_Sized]:
    T = digits.subtract(digits.divide(Decimal(1), xi), Decimal(1))
    entry = digits.ln(xi)
    size = entry.copy_abs()
    steps = [digits.divide(Decimal(1), Decimal(i)) for i in range(1, K + 1)]
    for step in steps:
        entry, size = digits.subtract(entry, step), digits.add(size, step)
    found, power = [(entry, size)], Decimal(1)
    for step in steps:
        power = digits.multiply(power, T.copy_negate())
        entry = digits.fma(step, digits.subtract(Decimal(1), power), entry)
        size = digits.fma(step, digits.add(Decimal(1), power.copy_abs()), size)
        found.append((entry, size))
    return found


def _nearest(values: Callable[[Context], list[_Sized]]) -> Floats:
    """Doubles nearest to numbers that `values` computes with the digits of a context.

    Each comes with its size, the sum of the absolute values of what was added up, of which it is off by at
    most SAFETY ulps.  The digits are doubled until both ends round to one double.  That happens: a sum
    of rational multiples of logarithms of rationals is 0 or transcendental (Lindemann), and where
    it is 0 the entry is 0 or a difference of harmonic numbers; none lies halfway between doubles.
    """
    digits, settled = START_DIGITS, False
    while not settled:
        few = context(digits)
        ulps = few.scaleb(Decimal(SAFETY), -digits)
        either = (ulps.copy_negate(), ulps)
        found = values(few)
        ends = np.array(
            [[float(few.fma(off, size, value)) for off in either] for value, size in found]
        )
        settled = bool((ends[:, 0] == ends[:, 1]).all())
        digits *= 2
    return np.asarray(ends[:, 0] + 0.0)  # + 0.0 turns -0.0 into 0.0


def _doubled(K: int) -> list[int]:
    """2 max(X, 1/2) for X = 0..K."""
    return [max(2 * X, 1) for X in range(K + 1)]


def _positive_integer(name: str, value: Any, meaning: str) -> int:
    if not whole(value, 1):
        raise InvalidProblem(f"{name} is {shown(value)}: {meaning}, an integer of at least 1")
    return int(value)


LOGS = (log_count, log_smoothed, miller_madow, taylor, jackknife, harmonic, schuermann)
FORMS = {"log": LOGS}  # by target, those that take K alone

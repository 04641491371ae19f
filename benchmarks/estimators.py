"""Entropy estimators in common use: tables where the count alone determines them, else functions of samples.

Of N = K+1 draws, j = X+1 are one answer.  An estimator sum_z a_{n_z} of the entropy with a_0 = 0 is the
table c_{j-1} = -a_j N/j (closed_forms has seven of them).  These are added from their papers:

    grassberger_1988  a_j = (j/N) (log N - psi(j) - (-1)^j/(j+1))
    grassberger       a_j = (j/N) (log N - G_j),  G_n = psi(n) + (-1)^n (psi((n+1)/2) - psi(n/2))/2
    bub               a by regularised least squares, Paninski 2003, with a_0 held at 0
    jvhw, wu_yang     a polynomial for rare answers, Miller-Madow for the others

Two more estimators depend on all counts at once, and are functions of a sample instead of tables:
`chao_shen`, and `jvhw_of`, which is `jvhw` with the interval that its authors choose by the number of
singletons.

Jiao, Venkat, Han, Weissman (IEEE-IT 61, 2015) and Wu, Yang (IEEE-IT 62, 2016) approximate p log p on
[0, T] by a polynomial with a constant term.  The constant is an a_0 for answers that do not occur, which no
reward can pay.  Here the polynomial is the best among those that vanish at 0, p P(p/T) + p log T with P the
minimax table of sample size L-1, and U-statistics estimate it.  Both papers add 1/(2N) for a frequent answer,
which is a bias of 1/(2N) at p = 1, where Miller-Madow has none; here the term is (1 - j/N)/(2N).  Sample
splitting, which their proofs need and their programs leave out, is left out.
"""

from collections.abc import Callable, Iterable, Sequence
from fractions import Fraction
from functools import lru_cache
from itertools import pairwise
from math import ceil, comb, fsum, log
from typing import Any

import numpy as np

import polyest
from polyest import closed_forms
from polyest.arrays import Floats
from polyest.errors import InvalidProblem
from polyest.problem.bernstein import falling, pmf
from polyest.problem.problem import Problem, check_draws
from polyest.problem.targets import LOG
from polyest.proof.certify import measure
from polyest.tables.table import Table

EULER = 0.5772156649015329
LARGEST_DEGREE = 22  # largest degree of the polynomials that JVHW ship
SHARE = 3.0  # c_1 of `jvhw`; with a smaller one the bias no longer falls like 1/N by N = 1025
MOST_FREE = 11  # coefficients that BUB fits, as its author advises
POINTS, REACH = 200, 30  # size of BUB's mesh, which goes from 1e-4/N to REACH/N
LARGE = (0.3303, 0.4679)  # coefficients of c_1 in log(N/f_1), as JVHW ship them
SMALL = (-0.530556484842359, 1.09787328176926, 0.184831781602259)


def grassberger_1988(K: Any) -> Table:
    """Grassberger 1988 (Physics Letters A 128): c_X = psi(j) + (-1)^j/(j+1) - log N, j = X+1, N = K+1.

    Returns a table of K+1 entries.  Raises InvalidProblem unless K is an integer of at least 1.

    >>> grassberger_1988(2).coefficients.round(6).tolist()
    [-2.175828, -0.342495, -0.425828]
    """
    N = check_draws(K) + 1
    steps = [1 / i for i in range(1, N)]
    return _table(
        "grassberger_1988",
        [fsum([-EULER, *steps[: j - 1], (-1) ** j / (j + 1), -log(N)]) for j in range(1, N + 1)],
    )


def grassberger(K: Any) -> Table:
    """Grassberger 2003 (arXiv physics/0307138): c_X = G_j - log N, j = X+1, N = K+1.

    G_1 = -gamma - log 2, G_{2n} = G_1 + 2 (1 + 1/3 + ... + 1/(2n-1)) = G_{2n+1}, which is the G_n
    above.  schuermann(xi=1/2) is the same with psi(N) for log N.  Returns a table of K+1 entries.
    Raises InvalidProblem unless K is an integer of at least 1.

    >>> grassberger(2).coefficients.round(6).tolist()
    [-2.368975, -0.368975, -0.368975]
    """
    N = check_draws(K) + 1
    odd = [2 / i for i in range(1, N, 2)]
    return _table(
        "grassberger",
        [fsum([-EULER, -log(2), -log(N), *odd[: j // 2]]) for j in range(1, N + 1)],
    )


def bub(K: Any, answers: int | None = None) -> Table:
    """Paninski's best upper bounds (Neural Computation 15, 2003, sect. 6, 7), c_{j-1} = -a_j N/j.

    a_k, a_{k+1}, ... are Miller-Madow's; a_1..a_{k-1} minimise, over a logarithmic mesh of p,

        m^2 sum_p (sum_j a_j B_{j,N}(p) + p log p)^2 + N sum_{j<k} (a_j - a_{j-1})^2 + N (a_{k-1} - b)^2,

    where b is Miller-Madow's a_{k-1}.  Of k = 1..11 it takes the one with the least bound of the mean square
    error,

        (m greatest bias)^2 + N min(max_j d_j^2, 4 max_p f(p) sum_j (j/N) d_j^2 B_{j,N}(p)),

    with d_j = a_j - a_{j-1} and f(p) = min(m, 1/p).  For m up to N this is k = 1, Miller-Madow, until N is
    near 129.  The author's program does the same with a finite multiplier of a_0, which the paper provides
    for; here it is infinite, because a_0 must be 0 or there is no table.  (Below N = 20 his program fits all
    a on another mesh; this does not.)

    answers: m, the number of answers there may be, N by default.  Returns a table of K+1 entries.
    Raises InvalidProblem unless K and m are integers of at least 1.

    >>> bub(8, 90).bias.upper < closed_forms.schuermann(8).bias.upper
    True
    """
    N = check_draws(K) + 1
    m = N if answers is None else answers
    if isinstance(m, bool) or not isinstance(m, int) or m < 1:
        raise InvalidProblem(f"answers is {m!r}: how many answers there may be, an integer above 0")
    share = np.arange(N + 1) / N
    a = np.append(0.0, share[1:] * -np.log(share[1:]) + (1 - share[1:]) / (2 * N))
    step = np.abs(np.diff(a)).max()
    p = np.geomspace(1e-4 / N, min(1.0, REACH / N), POINTS)
    wide = np.geomspace(1e-4 / m, min(1.0, REACH / m), POINTS)
    B, wanted, weight = pmf(N, p), -p * np.log(p), np.minimum(m, 1 / wide)
    best, least = a, np.inf
    for k in range(1, min(MOST_FREE, N) + 1):
        if k > 1:
            a = np.append(_fitted(B, wanted, a, k, m), a[k:])
        change = np.diff(a)
        noise = pmf(N, wide)[:, 1:] @ (share[1:] * change**2)
        steps = max(step, np.abs(change[: k + 1]).max())
        bound = m * m * np.abs(B @ a - wanted).max() ** 2
        bound += N * min(steps**2, 4 * (weight * noise).max())
        if bound < least:
            best, least = a, bound
    return _table("bub", -best[1:] / share[1:])


def _fitted(B: Floats, wanted: Floats, a: Floats, k: int, m: int) -> Floats:
    """a_0 = 0 and a_1..a_{k-1} by least squares, given a_{k-1}, a_k, ... of Miller-Madow."""
    root = np.sqrt(a.size - 1)
    differences, last = np.eye(k - 1) - np.eye(k - 1, k=-1), np.eye(k - 1)[-1:]
    rows = np.vstack([m * B[:, 1:k], root * differences, root * last])
    aims = np.concatenate([m * (wanted - B[:, k:] @ a[k:]), np.zeros(k - 1), [root * a[k - 1]]])
    return np.append(0.0, np.linalg.lstsq(rows, aims, rcond=None)[0])


def jvhw(K: Any, share: float = SHARE) -> Table:
    """Jiao, Venkat, Han, Weissman 2015 as a function of the count alone (see the module).

        c_X = r (log(j/N) - (1 - j/N)/(2j)) + (1-r) (log T + sum_m q_m T^-m X(X-1)...(X-m+1)/(K)_m)

    P = sum_m q_m p^m of degree L-1, L = min(4 + ceil(1.2 log N), 22, N) as shipped; r = 2j/(NT) - 1, cut to
    [0, 1], as shipped; T = min(1, 4 c_1 log(N)/N).  c_1 is shipped as a fit to the number of singletons,
    mostly between 0.3 and 3; here it is `share`, one number.  Returns a table of K+1 entries.  Raises
    InvalidProblem unless K is an integer of at least 1.

    >>> jvhw(16).bias.upper < closed_forms.jackknife(16).bias.upper
    True
    """
    N = check_draws(K) + 1
    return _table("jvhw", _blended(N, min(1.0, 4 * share * log(N) / N)))


def wu_yang(K: Any, answers: int | None = None) -> Table:
    """Wu, Yang 2016: the polynomial for counts up to 1.6 log k, and Miller-Madow above them.

    Degree L = 1.6 log k and T = min(1, 3.5 log(k)/N) as in the paper's experiments, L at least 2 and
    at most N.  answers: k, the number of answers there may be, N by default.  Returns a table of K+1
    entries.  Raises InvalidProblem unless K is an integer of at least 1 and k one of at least 2.

    >>> wu_yang(16).K
    16
    """
    N = check_draws(K) + 1
    k = N if answers is None else answers
    if isinstance(k, bool) or not isinstance(k, int) or k < 2:
        raise InvalidProblem(f"answers is {k!r}: how many answers there may be, an integer above 1")
    rare = int(1.6 * log(k))
    small = _polynomial(K, min(max(rare, 2), N), min(1.0, 3.5 * log(k) / N), min(rare, N))
    return _table("wu_yang", [*small, *(_miller_madow(j, N) for j in range(len(small) + 1, N + 1))])


@lru_cache(maxsize=1024)
def _blended(N: int, T: float) -> list[float]:
    """Entries of `jvhw`, with the polynomial that approximates on [0, T]."""
    large = [_miller_madow(j, N) for j in range(1, N + 1)]
    if not T:
        return large
    degree = min(4 + ceil(1.2 * log(N)), LARGEST_DEGREE, N)
    ratio = [min(max(2 * j / (N * T) - 1, 0.0), 1.0) for j in range(1, N + 1)]
    small = _polynomial(N - 1, degree, T, sum(r < 1 for r in ratio))
    blend = [r * c + (1 - r) * d for r, c, d in zip(ratio, large, small, strict=False)]
    return [*blend, *large[len(blend) :]]


def _polynomial(K: int, degree: int, T: float, number: int) -> list[float]:
    """The first entries of the unbiased table of log T + P(p/T); P is the minimax table of K = degree - 1."""
    entries = [Fraction(c) for c in _minimax(degree - 1)]
    powers = []  # P = sum_m C(n, m) (m-th difference of the entries) p^m
    for m in range(degree):
        powers.append(comb(degree - 1, m) * entries[0] / Fraction(T) ** m / falling(K, m))
        entries = [after - before for before, after in pairwise(entries)]
    return [
        log(T) + float(sum(q * falling(X, m) for m, q in enumerate(powers))) for X in range(number)
    ]


def _minimax(K: int) -> list[float]:
    return polyest.load(K, criterion="minimax").coefficients.tolist()


def _miller_madow(j: int, N: int) -> float:
    return log(j / N) - (1 - j / N) / (2 * j)


def _table(name: str, entries: Sequence[float] | Floats) -> Table:
    numbers = np.array(entries) + 0.0
    problem = Problem(numbers.size - 1, LOG, name)
    return Table(problem, numbers, measure(LOG, numbers), None, "peer")


TABLES: dict[str, Callable[[int], Table]] = {
    **{form.__name__: form for form in closed_forms.LOGS},
    **{form.__name__: form for form in (grassberger_1988, grassberger, bub, wu_yang, jvhw)},
}


def entropy(table: Table, counts: Iterable[int]) -> float:
    """The entropy -sum_z (n_z/N) c[n_z - 1] that a table estimates from a sample of N = K+1 draws, in nats.

    Raises InvalidProblem where the counts do not add up to K+1.

    >>> round(entropy(closed_forms.log_count(3), [2, 2]), 6)
    0.693147
    """
    n = np.array([count for count in counts if count], dtype=int)
    if n.sum() != table.K + 1 or (n < 0).any():
        raise InvalidProblem(
            f"counts {n.tolist()} add up to {n.sum()}: a table of K = {table.K} estimates from "
            f"{table.K + 1} draws"
        )
    return float(-(n * table.coefficients[n - 1]).sum() / (table.K + 1))


def chao_shen(counts: Iterable[int]) -> float:
    """Chao, Shen (Environmental and Ecological Statistics 10, 2003), in nats: no table.

        -sum_z q_z log q_z / (1 - (1 - q_z)^N),    q_z = C n_z/N, C = 1 - f_1/N, f_1 answers seen once

    the Horvitz-Thompson sum over the answers seen, C their coverage.  Where all are seen once C would be 0;
    f_1 is then N - 1, as is usual.

    >>> round(chao_shen([2, 2]), 6)
    0.739357
    """
    n = np.array([count for count in counts if count], dtype=float)
    N, once = n.sum(), float((n == 1).sum())
    q = (1 - (N - 1 if once == N else once) / N) * n / N
    with np.errstate(divide="ignore"):
        seen = -np.expm1(N * np.log1p(-q))
    return float(-(q * np.log(q) / seen).sum())


def jvhw_of(counts: Iterable[int]) -> float:
    """`jvhw` with the interval that its authors choose by the number f_1 of answers seen once, in nats.

    c_1 is their fit to log(N/f_1); without singletons T is 0 and this is Miller-Madow.

    >>> jvhw_of([8, 8]) == entropy(closed_forms.miller_madow(15), [8, 8])
    True
    """
    n = np.array([count for count in counts if count], dtype=int)
    N, once = int(n.sum()), int((n == 1).sum())
    entries = np.array(_blended(N, min(1.0, 4 * _fitted_share(N, once) * log(N) / N)))
    return float(-(n * entries[n - 1]).sum() / N)


def _fitted_share(N: int, once: int) -> float:
    """c_1 as JVHW's program has it, from N draws of which `once` are singletons."""
    if not once:
        return 0.0
    x = log(N / once)
    fit = SMALL if N >= 200 and x <= 1.5 else LARGE
    return max(float(np.polyval(fit, x)), 1 / (1.9 * log(N)))

"""This module defines the universal table: one table for every K > 1024, with two terms in 1/K.

The entries are those of problem/departures.py: harmonic, with departures u_X for the first N counts, which
are doubles in the file, or with a shape between two lists of levels.  proof/universal.py proves bounds of
the exact c_X, once for every K.  Here each c_X is rounded to the nearest double when it is looked up, so
that a table takes no memory.  Every claim includes a bound of this rounding.

With a shape no looked-up entry is below the one before it: c_X is the level H_X + u_X + w_X/K less H_K, and
each step from the exact level to the double, a quotient, a difference and a double, is rounded correctly,
which keeps order and ties.  Beyond 64 counts levels are log X + ..., whose errors of 1e-37 are nothing
beside steps of at least 1/K >= 2^-53.
"""

from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from functools import cached_property, lru_cache
from math import inf, nextafter, sqrt
from typing import TYPE_CHECKING

import numpy as np

from polyest.arrays import Array, Floats, library, own, placed, to_numpy, traced
from polyest.decimals import context
from polyest.errors import CorruptTable, CountOutOfRange, InvalidProblem, NotWrittenOut
from polyest.problem.claims import Bracket, Certificate, Limits
from polyest.problem.departures import MOST_DRAWS, ROUNDING, harmonic_numbers, head
from polyest.problem.problem import LARGEST_LISTED, Problem
from polyest.tables.lookup import Lookup
from polyest.tables.table import Table
from polyest.values import clipped, shown
from polyest.version import __version__

if TYPE_CHECKING:
    from numpy.typing import DTypeLike

METHOD = "universal, the Poisson limit in two terms"
EXACT = context(40)
DIRECT = 64  # for counts below, the harmonic number is computed as a sum
GAMMA = Decimal("0.5772156649015328606065120900824024310421593359")
# B_2k/(2k) with Bernoulli's numbers: H_n = log n + gamma + 1/(2n) - sum_k B_2k/(2k n^2k) + rest.  The rest
# is smaller than the first omitted term, 5e-38 for n >= 64.
BERNOULLI = tuple(
    EXACT.divide(Decimal(a), Decimal(b))
    for a, b in (
        (1, 12), (-1, 120), (1, 252), (-1, 240), (1, 132), (-691, 32760), (1, 12), (-3617, 8160),
        (43867, 14364), (-174611, 6600),
    )
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class UniversalTable(Lookup):
    """The universal table at one sample size K of at least 1024: harmonic except for small counts.

        c_X = H_X - H_K + u_X + w_X/K                       free entries
        c_X = (1 - 1024/K) g_X + (1024/K) h_X - H_K         with a shape; beyond the lists, H_X - H_K

    H_X are the harmonic numbers.  The departures u_X, or the levels g_X and h_X, are the same for every K;
    w_X follows from u.  Entries are computed when they are looked up, so that a table takes no memory.
    With either shape the doubles that are looked up never decrease; that the steps shrink holds for the
    exact c_X.

    Attributes
    ----------
    problem : Problem
        The question that the table answers: K, target, criterion, and budget or shape.
    departures : float64 array (N,) or (2, N)
        The departures u_X of the first N counts; with a shape their levels g_X and h_X.  Read-only.
    limits : Limits
        The claims that are proved about the exact entries for all K of at least 1024 at once.
    peak : float
        The Poisson mean lambda at which the lower end of the bias is reached.
    method : str
        The name of the method that made the departures.
    release : str or None
        The release that the table belongs to, such as "v1".
    version : str
        The version of polyest that made the table.

    Examples
    --------
    >>> import polyest
    >>> t = polyest.load(4094)
    >>> t[4094], t[[0, 7]].shape
    (0.0, (2,))
    """

    problem: Problem
    departures: Floats
    limits: Limits
    peak: float
    method: str = METHOD
    release: str | None = None
    version: str = __version__

    def __post_init__(self) -> None:
        departures = np.array(self.departures, dtype=np.float64)
        rows = () if self.problem.shape is None else (2,)
        few = departures.shape[:-1] == rows and 1 <= departures.size <= LARGEST_LISTED
        if not few or not np.isfinite(departures).all():
            raise CorruptTable(
                f"departures of shape {departures.shape}: expected a list of finite numbers, at most "
                f"{LARGEST_LISTED}"
            )
        if not LARGEST_LISTED <= self.problem.K <= MOST_DRAWS:
            raise InvalidProblem(
                f"K is {self.problem.K}: the universal table is for K from {LARGEST_LISTED} to 2^53"
            )
        departures.setflags(write=False)
        object.__setattr__(self, "departures", departures)

    @cached_property
    def certificate(self) -> Certificate:
        """Certificate of the entries: the limits for this sample size."""
        return _claims(self.K, self.limits, self._entry(0))

    @property
    def coefficients(self) -> Floats:
        """Always raises NotWrittenOut, because entries are computed when they are looked up."""
        raise NotWrittenOut(
            f"K = {self.K}: a universal table has no list of coefficients: look counts up, "
            "t[polyest.counts.in_group(answers).index]; "
            f"t[range({self.K + 1})] is all of them"
        )

    def rounded(self, grid: str, *, group: int | None = None, beta: float = 1.0) -> Table:
        """Always raises InvalidProblem: a grid is certified entry by entry, and there is no list of
        entries.

        Parameters
        ----------
        grid : str
            As in `Table.rounded`.
        group : int or None
            As in `Table.rounded`.
        beta : float
            As in `Table.rounded`.

        Returns
        -------
        Table
            Never returned.

        Raises
        ------
        InvalidProblem
            Always.  Round a table of K <= 1024, or the rewards (`dyadic=True`), instead.
        """
        raise InvalidProblem(
            f"grid {shown(grid)}: the universal table of K = {self.K} cannot be rounded to a grid; use a "
            f"table of K <= {LARGEST_LISTED}, or round the rewards"
        )

    def __array__(self, dtype: "DTypeLike | None" = None, copy: bool | None = None) -> Floats:
        """Raise NotWrittenOut, as `coefficients` does."""
        return self.coefficients

    def __eq__(self, other: object) -> bool:
        """Return whether problem, departures, limits and peak are equal."""
        if not isinstance(other, UniversalTable):
            return NotImplemented
        mine, theirs = ((one.problem, one.limits, one.peak) for one in (self, other))
        return mine == theirs and np.array_equal(self.departures, other.departures)

    def __hash__(self) -> int:
        return hash((self.problem, self.limits, self.peak))

    @cached_property
    def head(self) -> list[tuple[Fraction, Fraction]]:
        """Departures u_X and w_X, exact, of the counts X in 0..N+1 in which the table is not harmonic."""
        return head(self.departures)

    @cached_property
    def _levels(self) -> list[Fraction]:
        """H_X + u_X + w_X/K, exact, of these counts."""
        harmonic = harmonic_numbers(len(self.head))
        return [H + u + w / self.K for H, (u, w) in zip(harmonic, self.head, strict=True)]

    def _entry(self, count: int) -> float:
        if count < len(self.head):
            return float(EXACT.subtract(_decimal(self._levels[count]), _harmonic_number(self.K)))
        return float(_harmonic_gap(count, self.K))

    def _entries(self, counts: Array) -> Array:
        if traced(counts) and not own(library(counts)):
            raise CountOutOfRange(
                f"a look-up of K = {self.K} in a graph: the entries of a universal table are computed by the "
                "host; look the counts up outside"
            )
        index = to_numpy(counts)
        distinct, where = np.unique(index.ravel(), return_inverse=True)
        entries = np.array([self._entry(int(X)) for X in distinct])[where].reshape(index.shape)
        return placed(entries, counts)

    def __repr__(self) -> str:
        kept = self.shape if self.budget is None else f"{self.budget.kind}={self.budget.value:g}"
        return (
            f"<polyest universal table K={self.K}, {clipped(self.target)}, {self.criterion}, {kept}, "
            f"sup|bias| <= {self.bias.upper:.4g}>"
        )


def _claims(K: int, limits: Limits, first: float) -> Certificate:
    """Return the claims that the limits imply for K draws, with a relative error ROUNDING of every entry.

    E c_X^2 is greatest at p = 0, where it is c_0^2.  Rounding changes p E c_X by at most
    ROUNDING p E|c_X|, and the root of p Var c_X by at most ROUNDING times the root of p E c_X^2; neither
    moment is above 1.
    """
    least, most = Fraction(limits.bias.lower) / K, Fraction(limits.bias.upper) / K
    size = abs(Fraction(first))
    return Certificate(
        Bracket(max(0.0, nextafter(float(least - ROUNDING), 0.0)), _up(most + ROUNDING)),
        None,
        second_moment=_up(size * size),
        variance=_enlarged(Fraction(limits.variance), size),
        gradient_variance=_enlarged(Fraction(limits.gradient_variance) / K, 1),
        squared_error=_enlarged(Fraction(limits.squared_error) / K, 1),
    )


def _enlarged(square: Fraction, moment: Fraction | int) -> float:
    """Return an upper bound of (sqrt(square) + ROUNDING moment)^2."""
    root = Fraction(_up(Fraction(sqrt(_up(square))))) + ROUNDING * moment
    return _up(root * root)


def _up(value: Fraction) -> float:
    """Return a double above the value."""
    return nextafter(float(value), inf)


@lru_cache(maxsize=1 << 16)
def _harmonic_gap(X: int, K: int) -> Decimal:
    """Return H_X - H_K to at least 20 digits, for K >= 1024."""
    if X < DIRECT:
        return EXACT.subtract(_decimal(harmonic_numbers(X + 1)[X]), _harmonic_number(K))
    log = EXACT.ln(EXACT.divide(Decimal(X), Decimal(K)))
    return EXACT.add(log, EXACT.subtract(_after_log(X), _after_log(K)))


@lru_cache(maxsize=1 << 10)
def _harmonic_number(K: int) -> Decimal:
    """Return H_K, for K >= 64."""
    return EXACT.add(EXACT.add(EXACT.ln(Decimal(K)), GAMMA), _after_log(K))


def _decimal(value: Fraction) -> Decimal:
    return EXACT.divide(Decimal(value.numerator), Decimal(value.denominator))


def _after_log(n: int) -> Decimal:
    """Return H_n - log n - gamma, for n >= 64."""
    step = EXACT.divide(Decimal(1), Decimal(n))
    square, total = EXACT.multiply(step, step), Decimal(0)
    for term in reversed(BERNOULLI):
        total = EXACT.multiply(square, EXACT.add(term, total))
    return EXACT.subtract(EXACT.divide(step, Decimal(2)), total)

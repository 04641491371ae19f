"""A table: K+1 numbers to look counts up in, with the problem they answer and what is proved of them.

    t[X] = c_X,   E[c_X] = P(p) for X ~ Binomial(K, p)

format.py reads and writes tables, release.py finds released ones.  What only rounding and proof need is
imported there, as a look-up is to be quick.
"""

import sys
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from polyest.arrays import Floats
from polyest.errors import CorruptTable, InvalidProblem
from polyest.problem.claims import Certificate
from polyest.problem.problem import Alternation, Dual, Problem
from polyest.record import Record
from polyest.tables.lookup import Lookup
from polyest.values import clipped
from polyest.version import __version__

if TYPE_CHECKING:
    from polyest.make.rounding import Rounded


class Table(Record, Lookup):
    """Entries c_0..c_K with their problem, certificate and origin; `t[counts]` looks up.

    claims: what was proved when the table was made; None for a closed form, which is proved when its
    certificate is first asked for, as comparing, pickling and printing it do not.

    >>> import polyest
    >>> polyest.load(15)[[0, 3, 15]].shape
    (3,)
    """

    problem: Problem
    coefficients: Floats
    claims: Certificate | None
    witness: Alternation | Dual | None
    method: str
    release: str | None = None
    grid: str | None = None
    version: str = __version__

    def __post_init__(self) -> None:
        entries = np.array(self.coefficients, dtype=np.float64)
        if entries.shape != (self.problem.K + 1,) or not np.isfinite(entries).all():
            raise CorruptTable(
                f"a table of K = {self.problem.K} needs {self.problem.K + 1} finite coefficients, "
                f"got shape {entries.shape} with {np.count_nonzero(~np.isfinite(entries))} not finite"
            )
        entries.setflags(write=False)
        vars(self)["coefficients"] = entries

    @cached_property
    def certificate(self) -> Certificate:
        """What is proved of the entries."""
        if self.claims is not None:
            return self.claims
        from polyest.proof.certify import measure

        return measure(self.problem.target, self.coefficients)

    def rounded(self, grid: str, *, group: int | None = None, beta: float = 1.0) -> "Table":
        """The table with entries rounded to a grid, and a certificate of those entries.

        grid: "float32", "bfloat16" or "dyadic", on which beta c_X is a whole multiple of the finest
        2^-B, B <= 16, that sums `group` rewards beta c_X exactly in float32 (grids.py); group:
        traces, for dyadic only; beta: the factor between entry and reward.

        The budget is kept: where rounding would spend more noise, entries are drawn together by as
        much (make/rounding.py).  Warns RuinedByRounding where sup|bias| more than doubles.  Raises
        InvalidProblem for a bad grid, group or beta, entries that no such grid holds, and a table on
        another grid already; NotProved where a bias budget is missed: polyest.solve with that grid
        tightens it.

        >>> import polyest
        >>> polyest.load(14).rounded("dyadic", group=16).grid
        'dyadic:16'
        """
        from polyest.problem.grids import Rounding

        rounding = Rounding(grid, group, beta)
        if self.grid is not None:
            if rounding.made(self.coefficients, self.grid):
                return self
            raise InvalidProblem(
                f"the table is on grid {self.grid}: rounding it to {grid} would round twice; round the "
                "table that it was made from"
            )
        from polyest.make.rounding import rounded

        return on_grid(
            self,
            rounded(self.problem, self.certificate, self.coefficients, self.witness, rounding),
        )

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Any:
        """The entries c_0..c_K, float64 (K+1,), for numpy.asarray."""
        return np.array(self.coefficients, dtype=dtype, copy=True if copy is None else copy)

    def _entry(self, count: int) -> float:
        return float(self.coefficients[count])

    def _entries(self, counts: Any) -> Any:
        if isinstance(counts, np.ndarray):
            return self.coefficients[counts]
        torch = sys.modules["torch"]
        entries = torch.tensor(self.coefficients, dtype=torch.float64, device=counts.device)
        return entries[counts]

    def __eq__(self, other: object) -> bool:
        """Whether problem, grid, entries and claims are the same; of closed forms nothing is proved here."""
        if not isinstance(other, Table):
            return NotImplemented
        same = self._asked == other._asked and self.claims == other.claims
        return same and np.array_equal(self.coefficients, other.coefficients)

    def __hash__(self) -> int:
        return self._hash

    @cached_property
    def _asked(self) -> tuple[Any, ...]:
        """The question and the grid; the budget in absolute numbers, which files do not have, follows."""
        asked = self.problem
        return asked.K, asked.target, asked.criterion, asked.budget, self.grid

    @cached_property
    def _hash(self) -> int:
        return hash((self._asked, self.coefficients.tobytes()))

    def __repr__(self) -> str:
        budget = f", {self.budget.kind}={self.budget.value:g}" if self.budget else ""
        grid = f", {self.grid}" if self.grid else ""
        proved = vars(self).get("certificate", self.claims)
        bias = f", sup|bias| <= {proved.bias.upper:.4g}" if proved else ""
        return f"<polyest table K={self.K}, {clipped(self.target)}, {self.criterion}{budget}{grid}{bias}>"


def on_grid(table: Table, found: "Rounded") -> Table:
    """The table of other entries, on a grid, for the same problem."""
    grid, coefficients, claims, witness = found
    return Table(table.problem, coefficients, claims, witness, table.method, grid=grid)

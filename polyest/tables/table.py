"""This module defines a table: K+1 entries that are looked up by count, and what is certified about them.

    t[X] = c_X,   E[c_X] = P(p) for X ~ Binomial(K, p)

format.py reads and writes tables, and release.py finds released ones.  Modules that only rounding and proof
need are imported in the functions that use them, so that a first look-up is fast.
"""

from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from polyest.arrays import placed, taken
from polyest.errors import CorruptTable, InvalidProblem
from polyest.problem.claims import Certificate
from polyest.problem.problem import Alternation, Budget, Dual, Problem
from polyest.problem.targets import Target
from polyest.record import Record
from polyest.tables.lookup import Lookup
from polyest.values import clipped
from polyest.version import __version__

if TYPE_CHECKING:
    from numpy.typing import DTypeLike

    from polyest.arrays import Array, Floats
    from polyest.make.rounding import Rounded


class Table(Record, Lookup):
    """A table: the entries c_0..c_K with their problem, certificate and origin.

    Look rewards up as `table[counts.in_group(answers).index]`:

        t[X] = c_X,   E[c_X] = P(p) for X ~ Binomial(K, p)

    `np.asarray(table)` is the array of the entries.  Two tables are equal if their problems, grids, entries
    and claims are.  Comparing, pickling and printing a closed form do not prove its certificate.

    Attributes
    ----------
    problem : Problem
        The question that the table answers: K, target, criterion, budget and shape.
    coefficients : float64 array (K+1,)
        The entries c_0..c_K, read-only.
    claims : Certificate or None
        The claims that were proved when the table was made; None for a closed form, whose certificate is
        proved when it is first requested.
    witness : Alternation, Dual or None
        The data that prove the optimum: the alternation points of a minimax table with free entries, and
        Lagrange multipliers for other tables.
    method : str
        The name of the method that made the entries.
    release : str or None
        The release that the table belongs to, such as "v1"; None for a table that was made here.
    grid : str or None
        The grid that the entries are rounded to, such as "dyadic:16"; None for doubles.
    version : str
        The version of polyest that made the table.

    Examples
    --------
    >>> import polyest
    >>> polyest.load(15)[[0, 3, 15]].shape
    (3,)
    """

    problem: Problem
    coefficients: "Floats"
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
        """Certificate of the entries: the claims that are proved about the stored doubles."""
        if self.claims is not None:
            return self.claims
        from polyest.proof.certify import measure

        return measure(self.problem.target, self.coefficients)

    def rounded(self, grid: str, *, group: int | None = None, beta: float = 1.0) -> "Table":
        """Round the entries to a grid and certify the rounded entries.

        The noise budget is kept: if rounding would exceed it, the entries are drawn together by that much
                (make/rounding.py).  A monotone table stays monotone; of a concave table only that is claimed.

        Parameters
        ----------
        grid : {"float32", "bfloat16", "dyadic"}
            The grid.  On "dyadic" every beta c_X is a whole multiple of 2^-B, where B <= 16 is the greatest
            exponent for which float32 adds `group` such rewards exactly.
        group : int or None
            The number of completions whose rewards are summed, for "dyadic" only.
        beta : float
            The factor between entry and reward.

        Returns
        -------
        Table
            The rounded table for the same problem; the table itself if it is on that grid already.

        Raises
        ------
        InvalidProblem
            If `grid`, `group` or `beta` is not valid, the grid cannot hold the entries, or the table is on
            another grid.
        NotProved
            If the rounded entries exceed a bias budget; solve with that grid, which keeps the budget.

        Warns
        -----
        RuinedByRounding
            If rounding more than doubles the worst-case weighted bias.

        Examples
        --------
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

    def __array__(self, dtype: "DTypeLike | None" = None, copy: bool | None = None) -> "Floats":
        """Return the entries c_0..c_K, float64 (K+1,), for numpy.asarray."""
        return np.array(self.coefficients, dtype=dtype, copy=True if copy is None else copy)

    def _entry(self, count: int) -> float:
        return float(self.coefficients[count])

    def _entries(self, counts: "Array") -> "Array":
        return taken(placed(self.coefficients, counts), counts)

    def __eq__(self, other: object) -> bool:
        """Return whether problem, grid, entries and claims are equal; this proves no closed form."""
        if not isinstance(other, Table):
            return NotImplemented
        same = self._asked == other._asked and self.claims == other.claims
        return same and np.array_equal(self.coefficients, other.coefficients)

    def __hash__(self) -> int:
        return self._hash

    @cached_property
    def _asked(self) -> tuple[int, Target, str, Budget | None, str | None, str | None]:
        """The problem and the grid, without `limit`, which files do not have and which follows."""
        asked = self.problem
        return asked.K, asked.target, asked.criterion, asked.budget, asked.shape, self.grid

    @cached_property
    def _hash(self) -> int:
        return hash((self._asked, self.coefficients.tobytes()))

    def __repr__(self) -> str:
        budget = f", {self.budget.kind}={self.budget.value:g}" if self.budget else ""
        grid = f", {self.grid}" if self.grid else ""
        name = f"{self.criterion}, {self.shape}" if self.shape else self.criterion
        proved = vars(self).get("certificate", self.claims)
        bias = f", sup|bias| <= {proved.bias.upper:.4g}" if proved else ""
        return f"<polyest table K={self.K}, {clipped(self.target)}, {name}{budget}{grid}{bias}>"


def on_grid(table: Table, rounded: "Rounded") -> Table:
    """Return the table of the rounded entries, on a grid, for the same problem."""
    grid, coefficients, claims, witness = rounded
    return Table(table.problem, coefficients, claims, witness, table.method, grid=grid)

"""The one table of criteria: what is made least, or bounded by a budget.

A criterion of noise is  V(c) = sup_p w(p) E (c_X - t(p))^2,  with w in {1, p} and t the mean P(p), zero or
phi(p); minimax is the criterion without noise, sup|e| alone.  Solvers, proofs, files, commands and pages
take names, formulas and behaviour from here.  No numpy: the command line needs the names for its help.
"""

from collections.abc import Mapping
from typing import Any, Literal

from polyest.record import Record

# The names of the rows, for signatures; a test compares them.
Name = Literal["minimax", "gradient-variance", "variance", "second-moment", "squared-error"]
Budgeted = Literal["gradient-variance", "variance", "second-moment"]


class Criterion(Record):
    """One row of the table: the name, V(c), and how it is written.

    by_p: whether w(p) = p, else it is 1; centre: what t is, None for minimax, and "phi" only by_p, for phi is
    unbounded at 0; budgeted: whether a budget, of bias or of noise, belongs to it; formula: what the
    supremum is of, with {phi} for phi(p); tex: the same for a figure; meaning: what it is, in one sentence.
    """

    name: str
    by_p: bool
    centre: Literal["mean", "zero", "phi"] | None
    budgeted: bool
    formula: str
    tex: str
    meaning: str

    @property
    def attribute(self) -> str:
        """The name of its bound in Python and in files, such as `gradient_variance`."""
        return self.name.replace("-", "_")

    @property
    def centred(self) -> bool:
        """Whether it is a variance, which does not see constants."""
        return self.centre == "mean"

    @property
    def fitted(self) -> bool:
        """Whether distances are those to phi itself."""
        return self.centre == "phi"

    def part(self, p: Any, moment: Any, mean: Any, phi: Any) -> Any:
        """w E (c_X - t)^2 from p, E c_X^2, E c_X and phi(p), in their arithmetic; phi only where fitted.

        >>> CRITERIA["gradient-variance"].part(0.5, 2.0, 1.0, None)
        0.5
        """
        spread = moment
        if self.centred:
            spread = moment - mean * mean
        elif self.fitted:
            spread = moment - 2 * phi * mean + phi * phi
        return spread * p if self.by_p else spread


DEFAULT, MINIMAX = "gradient-variance", "minimax"
# In the order in which they are named to users.
CRITERIA: Mapping[str, Criterion] = {
    row.name: row
    for row in (
        Criterion(
            name=MINIMAX,
            by_p=True,
            centre=None,
            budgeted=False,
            formula="|p (E c_X - {phi})|",
            tex=r"|p\,(\mathrm{E}\,c_X - \phi(p))|",
            meaning="the bias alone, at whatever noise; no budget",
        ),
        Criterion(
            name=DEFAULT,
            by_p=True,
            centre="mean",
            budgeted=True,
            formula="p Var c_X",
            tex=r"p\,\mathrm{Var}\,c_X",
            meaning="one answer's share of the gradient's noise, the default",
        ),
        Criterion(
            name="variance",
            by_p=False,
            centre="mean",
            budgeted=True,
            formula="Var c_X",
            tex=r"\mathrm{Var}\,c_X",
            meaning="the worst case over answer distributions of sum_z p_z Var c_X",
        ),
        Criterion(
            name="second-moment",
            by_p=False,
            centre="zero",
            budgeted=True,
            formula="E c_X\N{SUPERSCRIPT TWO}",
            tex=r"\mathrm{E}\,c_X^2",
            meaning="binds at p = 0, where it is c_0^2 and there is no variance",
        ),
        Criterion(
            name="squared-error",
            by_p=True,
            centre="phi",
            budgeted=False,
            formula="p E(c_X - {phi})\N{SUPERSCRIPT TWO}",
            tex=r"p\,\mathrm{E}\,(c_X - \phi(p))^2",
            meaning="bias and noise in one number; no budget",
        ),
    )
}
BUDGETED = tuple(name for name, row in CRITERIA.items() if row.budgeted)

"""This module has the table of criteria, the quantities that are minimised or bounded by a budget.

A criterion of noise is  V(c) = sup_p w(p) E (c_X - t(p))^2,  with w in {1, p} and t the mean P(p), zero or
phi(p).  The criterion minimax has no noise: it is sup|e| alone.  Solvers, proofs, files, commands and pages
take names, formulas and behaviour from here.  This module does not import numpy, because the command line
needs the names for its help.
"""

from collections.abc import Mapping
from typing import Any, Literal

from polyest.record import Record

# The names of the rows, for signatures; a test compares them with the rows.
Name = Literal["minimax", "gradient-variance", "variance", "second-moment", "squared-error"]
Budgeted = Literal["gradient-variance", "variance", "second-moment"]


class Criterion(Record):
    """One row of the table: the name of a criterion, its V(c), and its formulas.

    by_p: true where w(p) = p, false where w(p) = 1; centre: the kind of t, None for minimax, and "phi" only
    with by_p, since phi may be unbounded at 0; budgeted: true where the criterion needs a budget, of bias or
    of noise; formula: the expression whose supremum it is, with {phi} for phi(p); tex: the same for a
    figure; meaning: its meaning in a few words.
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
        """The name of the criterion's bound in Python and in files, such as `gradient_variance`."""
        return self.name.replace("-", "_")

    @property
    def centred(self) -> bool:
        """True for a variance, which does not depend on a constant that is added to the entries."""
        return self.centre == "mean"

    @property
    def fitted(self) -> bool:
        """True where t is phi itself."""
        return self.centre == "phi"

    def part(self, p: Any, moment: Any, mean: Any, phi: Any) -> Any:
        """Return w E (c_X - t)^2 from p, E c_X^2, E c_X and phi(p), in their arithmetic.

        phi is used only where the criterion is fitted.

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
# The rows are in the order in which they are named to users.
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
            meaning="one answer's share of the gradient's variance, the default",
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
            meaning="bias and variance in one number; no limit of either",
        ),
    )
}
BUDGETED = tuple(name for name, row in CRITERIA.items() if row.budgeted)

"""This module has the words that pages share: definitions of bias and noise, and names of problems."""

from collections.abc import Sequence
from textwrap import wrap

from polyest.cli.pages.layout import WIDTH, entry
from polyest.problem.criteria import CRITERIA
from polyest.problem.targets import parse
from polyest.tables.lookup import Lookup
from polyest.tables.table import Table


def phi(name: str) -> str:
    """Return the formula of phi for a target.

    >>> phi("log"), phi("tsallis:2")
    ('log p', 'phi(p)')
    """
    return parse(name).written("p")


def plug_in_name(name: str) -> str:
    """Return the formula of the entries of the plug-in table, the unit of noise.

    >>> plug_in_name("log")
    'log((X+1)/(K+1))'
    """
    return parse(name).written("(X+1)/(K+1)")


def size(table: Lookup) -> str:
    """Name the target and the sample size of a table, for a title.

    >>> from polyest import load
    >>> size(load(14))
    'log, sample size K = 14'
    """
    return f"{table.target}, sample size K = {table.K}"


def bias_meaning(name: str) -> list[str]:
    """Return the entry that defines the bias of a table for a target, and sup|bias|."""
    return entry(
        "bias",
        f"p (E c_X - {phi(name)}), where X ~ Binomial(K, p)",
        "sup|bias|: its greatest size over all p from 0 to 1",
    )


def noise_meaning(name: str, criterion: str, r: str) -> list[str]:
    """Return two lines that define a noise of r: a bound of a criterion, for a target.

    >>> noise_meaning("log", "gradient-variance", "8")
    ['gradient-variance at most 8 times that', 'of the plug-in log((X+1)/(K+1))']
    """
    return [f"{criterion} at most {r} times that", f"of the plug-in {plug_in_name(name)}"]


def criteria_meaning(names: Sequence[str], target: str) -> list[str]:
    """Return lines that say what these criteria are, for a target.

    >>> criteria_meaning(["variance", "second-moment"], "log")
    ['variance: sup Var c_X; second-moment: sup E c_X^2']
    """
    formulas = {name: CRITERIA[name].formula.format(phi=phi(target)) for name in names}
    space = "\N{NO-BREAK SPACE}"  # lines are not broken within a formula
    parts = [f"{name}: sup {formula}".replace(" ", space) for name, formula in formulas.items()]
    said = "; ".join(parts).replace("\N{SUPERSCRIPT TWO}", "^2")
    lines = wrap(said, WIDTH, break_long_words=False, break_on_hyphens=False)
    return [line.replace(space, " ") for line in lines]


def asked(table: Lookup) -> str:
    """Describe the problem of a table: its criterion, shape, budget, kind of grid and release."""
    words = [table.criterion, *([] if table.shape is None else [table.shape])]
    if table.budget:
        words.append(f"{table.budget.kind} {table.budget.value:g}")
    if not isinstance(table, Table):
        words.append("universal")
    elif table.grid:
        words.append(table.grid.partition(":")[0])
    return ", ".join(words) + (f" (release {table.release})" if table.release else "")

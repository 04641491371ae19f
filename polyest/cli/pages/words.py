"""Descriptions of a problem that all pages share."""

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


def asked(table: Lookup) -> str:
    """Describe the problem of a table: its criterion, its budget, its kind of grid and its release."""
    words = [table.criterion]
    if table.budget:
        words.append(f"{table.budget.kind} {table.budget.value:g}")
    if not isinstance(table, Table):
        words.append("universal")
    elif table.grid:
        words.append(table.grid.partition(":")[0])
    return ", ".join(words) + (f" (release {table.release})" if table.release else "")

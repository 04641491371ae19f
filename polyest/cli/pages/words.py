"""Words for a problem, as every page has them."""

from polyest.problem.targets import parse
from polyest.tables.lookup import Lookup
from polyest.tables.table import Table


def phi(name: str) -> str:
    """What a target's weighted bias is measured from.

    >>> phi("log"), phi("tsallis:2")
    ('log p', 'phi(p)')
    """
    return parse(name).written("p")


def plug_in_name(name: str) -> str:
    """Entries of the plug-in table, the unit of noise.

    >>> plug_in_name("log")
    'log((X+1)/(K+1))'
    """
    return parse(name).written("(X+1)/(K+1)")


def asked(table: Lookup) -> str:
    """What a table was asked for: criterion, budget and kind of grid, and the release it is from."""
    words = [table.criterion]
    if table.budget:
        words.append(f"{table.budget.kind} {table.budget.value:g}")
    if not isinstance(table, Table):
        words.append("universal")
    elif table.grid:
        words.append(table.grid.partition(":")[0])
    return ", ".join(words) + (f" (release {table.release})" if table.release else "")

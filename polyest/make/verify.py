"""This module proves the claims of tables again, from the stored entries and the witness.

`verify` takes one table, `prove` a file of them.
"""

import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import BrokenExecutor
from contextlib import contextmanager
from pathlib import Path
from random import Random
from stat import S_ISBLK, S_ISCHR, S_ISSOCK

from polyest.errors import CorruptTable, InvalidProblem, NotProved
from polyest.make.pipeline import resolve
from polyest.make.workers import processes
from polyest.precision.entrance import alone
from polyest.problem.claims import Certificate, stated
from polyest.problem.criteria import CRITERIA
from polyest.problem.grids import on_grid
from polyest.problem.problem import Problem, pose
from polyest.proof import universal
from polyest.proof.certify import certify, measure
from polyest.tables import release
from polyest.tables.format import K_of, loads
from polyest.tables.table import Table
from polyest.tables.universal import UniversalTable
from polyest.values import shown

ALWAYS = 32  # a sample contains every line of K up to this

Line = tuple[bytes, str]  # the line, and the name of its file with its number


@alone
def verify(table: Table | UniversalTable) -> None:
    """Prove every claim of a table again, from its stored entries and its witness.

    The witness is the data that prove the optimum.  The proof gives the same doubles on every machine
    (exact/balls.py), so each claim has to be equal to the one that is proved.

    Parameters
    ----------
    table : Table or UniversalTable
        The table.

    Raises
    ------
    NotProved
        If a claim differs from the proved one, the table has no witness, or its budget was altered; the
        message names the first claim that fails.
    InvalidProblem
        If `table` is not a table.

    Examples
    --------
    >>> from polyest import load
    >>> verify(load(2))
    """
    if isinstance(table, UniversalTable):
        universal.check(table.problem, table.departures, table.limits, table.peak)
        return
    if not isinstance(table, Table):
        raise InvalidProblem(
            f"table is {shown(table)}: expected a table of polyest, as load and loads give it"
        )
    if table.grid is not None and not on_grid(table.coefficients, table.grid):
        raise NotProved(
            f"K = {table.K}: an entry is altered, because it does not lie on the grid {table.grid}"
        )
    if table.criterion in CRITERIA:
        if table.witness is None:
            raise NotProved(
                f"K = {table.K}: the table has no witness, without which its optimum cannot be proved; "
                "solve it again"
            )
        if (table.budget is None) == CRITERIA[table.criterion].budgeted:
            needed = "a budget" if CRITERIA[table.criterion].budgeted else "no budget"
            raise NotProved(
                f"K = {table.K}: the budget is {table.budget}, expected {needed} for criterion "
                f"{table.criterion}: one of them is altered"
            )
        budget, shape = _budget(table.problem), table.shape
        posed = pose(table.K, table.problem.target, table.criterion, **budget, shape=shape)
        proved = certify(resolve(posed), table.coefficients, table.witness, table.grid)
    else:
        proved = measure(table.problem.target, table.coefficients)
    _compare(table, proved)


def _compare(table: Table, proved: Certificate) -> None:
    """Raise NotProved for the first claim of the table that differs from the proved value."""
    claimed = table.certificate
    if (claimed.optimum is None) != (proved.optimum is None):
        raise NotProved(
            f"K = {table.K}: the optimum is claimed to be {claimed.optimum}, proved is {proved.optimum}"
        )
    pairs = [
        ("bias.lower", proved.bias.lower, claimed.bias.lower),
        ("bias.upper", claimed.bias.upper, proved.bias.upper),
    ]
    if claimed.optimum is not None and proved.optimum is not None:
        pairs.append(("optimum.lower", proved.optimum.lower, claimed.optimum.lower))
        pairs.append(("optimum.upper", claimed.optimum.upper, proved.optimum.upper))
    for name in stated(table.criterion):
        bounds = claimed.criterion(name), proved.criterion(name)
        pairs.append((CRITERIA[name].attribute, *bounds))
    for name, greater, less in pairs:
        if greater != less:
            claim, fact = (less, greater) if name.endswith("lower") else (greater, less)
            raise NotProved(f"K = {table.K}: {name} is claimed to be {claim!r}, proved is {fact!r}")


def _budget(problem: Problem) -> dict[str, float]:
    """Return the budget of a problem as the keyword of `solve`."""
    if problem.budget is None:
        return {}
    return {problem.budget.kind.replace("-", "_"): problem.budget.value}


def prove(
    path: str | os.PathLike[str],
    jobs: int = 1,
    progress: Callable[[int, int], None] | None = None,
    sample: int | None = None,
    seed: int = 0,
) -> int:
    """Prove every line of a table file and return the number of lines.

    jobs: number of processes that share the lines; progress: called with the number of proved lines and
    of all lines; sample: number of lines above K = 32 to prove, drawn at random from seed, beside all
    lines up to K = 32; None proves every line.  A file of the release must also have the released bytes.
    Raises CorruptTable or NotProved, with file, line and claim, at the first line that fails, CorruptTable
    if the path is a device, and OSError if it cannot be read.
    """
    lines = _lines(Path(path))
    if sample is not None:
        lines = _drawn(lines, sample, f"{seed} {Path(path).name}")
    with _mapping(min(jobs, max(1, len(lines)))) as mapped:
        for done, _ in enumerate(mapped(_prove, lines), 1):
            if progress is not None:
                progress(done, len(lines))
    return len(lines)


def _lines(path: Path) -> list[Line]:
    """Read the lines of a table file, with the place of each."""
    mode = os.stat(path).st_mode
    if S_ISCHR(mode) or S_ISBLK(mode) or S_ISSOCK(mode):
        raise CorruptTable(f"{path}: is a device or a socket: expected a file of tables, or a pipe")
    content = path.read_bytes()
    if path.resolve().parent in {Path(folder).resolve() for folder in release.folders()}:
        release.checked(str(path))
    if not content:
        raise CorruptTable(f"{path}: is empty: expected one table per line")
    lines = content.removesuffix(b"\n").split(b"\n")
    return [(line, f"{path}, line {number}") for number, line in enumerate(lines, 1)]


def _drawn(lines: list[Line], sample: int, seed: str) -> list[Line]:
    """Return the lines up to K = 32, those without a readable K, and a random sample of the others."""
    sizes = [K_of(line) for line, _ in lines]
    large = [i for i, K in enumerate(sizes) if K is not None and K > ALWAYS]
    kept = set(Random(seed).sample(large, min(sample, len(large)))).union(
        set(range(len(lines))).difference(large)
    )
    return [lines[i] for i in sorted(kept)]


def _prove(line: Line) -> None:
    """Verify the table of one line; raise NotProved with the place of the line."""
    table = loads(*line)
    try:
        verify(table)
    except (MemoryError, ImportError):
        raise  # these errors are not about the table
    except Exception as error:  # a malformed table may cause any error, and is then not proved
        raise NotProved(f"{line[1]}: {error or type(error).__name__}") from None


@contextmanager
def _mapping(
    jobs: int,
) -> "Iterator[Callable[[Callable[[Line], None], Iterable[Line]], Iterable[None]]]":
    """Yield a `map` that runs in `jobs` processes, or in this process for one job."""
    if jobs == 1:
        yield map
        return
    try:
        with processes(jobs) as pool:
            yield pool.map
    except BrokenExecutor:
        raise NotProved(
            f"one of {jobs} processes died (too little memory?): use fewer of them"
        ) from None

"""Released tables: where they lie, and how one is found, checked and loaded.

tables/v1/<target>-<criterion>[-<budget>].jsonl holds one line per K.  SHA256SUMS has a digest of every
file, LINE-SHA256SUMS one of every line; a file that fails the first is traced by the second, so
that the error names the line.  Nothing falls back on anything.  A family ending in -universal is
one line for every K above 1024 (universal.py).
"""

import re
from dataclasses import replace
from functools import lru_cache
from hashlib import sha256
from math import inf, nextafter
from pathlib import Path
from typing import Any, TypeVar

from polyest.certificate import Bracket
from polyest.errors import CorruptTable, TableNotFound
from polyest.lookup import Lookup
from polyest.problem import Problem, pose
from polyest.table import Table, loads
from polyest.universal import LARGEST_LISTED, UniversalTable
from polyest.universal import loads as load_line

RELEASE = "v1"
LARGEST_MINIMAX = 40
UNIVERSAL = "-universal"  # ends the name of a family that is one line for every large K

Found = TypeVar("Found", bound=Lookup)


def load(
    K: Any,
    target: Any = "log",
    criterion: str = "gradient-variance",
    bias: float | None = None,
    bias_ratio: float | None = None,
    noise: float | None = None,
) -> Table | UniversalTable:
    """The released table of these keywords (defaults: log, gradient-variance, noise = 8).

    K is the number of draws of the count: for a group of G traces G - 2 where the trainer subtracts
    the group mean, G - 1 where it does not (`counts.draws`).  Above K = 1024 that is the universal
    table, which takes no more memory for more draws.  Raises TableNotFound, listing what
    exists, where nothing was released; CorruptTable, naming file and line, where the file is not
    what was released; InvalidProblem for keywords that pose no problem.

    >>> load(14).K
    14
    """
    problem = pose(K, target, criterion, bias, bias_ratio, noise)
    folder = tables()
    if problem.K > LARGEST_LISTED:
        return _universal(problem, folder)
    path = folder / f"{family(problem)}.jsonl"
    if not path.is_file():
        raise TableNotFound(
            f"no released family {path.name}: released are {', '.join(families(folder))}; "
            "solve it with polyest.solve"
        )
    lines = checked_lines(path, path.stat().st_mtime_ns)
    if problem.K not in lines:
        raise TableNotFound(_absent(problem, path, sorted(lines)))
    number, line = lines[problem.K]
    return _of_family(loads(line, f"{path}, line {number}"), problem, f"{path}, line {number}")


def _universal(problem: Problem, folder: Path) -> UniversalTable:
    path = folder / f"{family(problem)}{UNIVERSAL}.jsonl"
    if not path.is_file():
        names = [name for name in families(folder) if name.endswith(UNIVERSAL)]
        raise TableNotFound(
            too_large(problem)
            or f"no released table for K = {problem.K} of {family(problem)}: above K = "
            f"{LARGEST_LISTED} there is {', '.join(names) or 'none'}"
        )
    lines = checked_lines(path, path.stat().st_mtime_ns)
    K, (number, line) = next(iter(lines.items()))
    table = load_line(line, f"{path}, line {number}")
    listed = _of_family(table, replace(problem, K=K), f"{path}, line {number}")
    if not isinstance(listed, UniversalTable):
        raise CorruptTable(f"{path}, line {number}: holds {table!r}, which is for one K only")
    return replace(listed, problem=problem)


def _of_family(table: Found, problem: Problem, where: str) -> Found:
    """The table, if it answers the problem."""
    if (table.K, table.target, table.criterion, table.budget) != (
        problem.K,
        problem.target.name,
        problem.criterion,
        problem.budget,
    ):
        raise CorruptTable(f"{where}: holds {table!r}, which is not of this family")
    return table


def too_large(problem: Problem) -> str | None:
    """Why a table of `problem` is not to be stored, and what is; None where it may be."""
    if problem.criterion != "minimax" or problem.K <= LARGEST_MINIMAX:
        return None
    return (
        f"K = {problem.K} is too large for a stored minimax table: its coefficients grow like 2^K and "
        f"float64 no longer holds the optimum above K = {LARGEST_MINIMAX}; use criterion "
        "gradient-variance"
    )


def listed_least_bias(K: int) -> Bracket | None:
    """Bracket of E*(K) for log from the release's list, rounded outward to doubles; None if not there.

    Raises CorruptTable where the list is not what was released.
    """
    path = tables() / "least-bias.csv"
    if not path.is_file():
        return None
    content = path.read_bytes()
    if sha256(content).hexdigest() != digests(path.parent / "SHA256SUMS").get(path.name):
        raise CorruptTable(f"{path}: not what was released; restore it")
    for row in content.decode().splitlines()[1:]:
        draws, lower, upper, *_ = row.split(",")
        if int(draws) == K:
            return Bracket(nextafter(float(lower), 0), nextafter(float(upper), inf))
    return None


def family(problem: Problem) -> str:
    """File name, without .jsonl, of the family that a problem belongs to."""
    name = f"{problem.target.name.replace(':', '')}-{problem.criterion}"
    if problem.budget is None:
        return name
    return f"{name}-{problem.budget.kind}{problem.budget.value!r}".removesuffix(".0")


def families(folder: Path) -> list[str]:
    """Names of the families that lie in a release folder."""
    return sorted(path.name.removesuffix(".jsonl") for path in folder.glob("*.jsonl"))


def tables() -> Path:
    """Folder of the released tables: inside the installed package, or beside it in a checkout."""
    here = Path(__file__).resolve().parent
    for folder in (here / "tables" / RELEASE, here.parent / "tables" / RELEASE):
        if folder.is_dir():
            return folder
    raise TableNotFound(f"no folder tables/{RELEASE} in {here} or beside it: reinstall polyest")


@lru_cache(maxsize=32)
def checked_lines(path: Path, _modified: int) -> dict[int, tuple[int, bytes]]:
    """Line number and text by K, of a file whose digest is the released one."""
    content = path.read_bytes()
    if sha256(content).hexdigest() != digests(path.parent / "SHA256SUMS").get(path.name):
        raise CorruptTable(
            f"{path}, line {_altered_line(path, content)}: not what was released; restore it"
        )
    found = {}
    for number, line in enumerate(content.splitlines(), 1):
        match = re.search(rb'"K": (\d+)', line)
        if match is None:
            raise CorruptTable(f"{path}, line {number}: no key K: the line is not a table")
        found[int(match[1])] = number, line
    return found


def _altered_line(path: Path, content: bytes) -> int:
    """First line whose digest is not the released one; one past the end where lines are missing."""
    known = digests(path.parent / "LINE-SHA256SUMS")
    lines = content.split(b"\n")
    for number, line in enumerate(lines, 1):
        if sha256(line + b"\n").hexdigest() != known.get(f"{path.name}:{number}"):
            return number
    return len(lines)


def digests(path: Path) -> dict[str, str]:
    """Digest by name, from a file of `digest  name` lines."""
    try:
        rows = [line.split("  ", 1) for line in path.read_text().splitlines()]
        return {name: digest for digest, name in rows}
    except (OSError, ValueError) as error:
        raise CorruptTable(
            f"{path}: {error}: the release is incomplete; reinstall polyest"
        ) from None


def _absent(problem: Problem, path: Path, released: list[int]) -> str:
    have = f"released in {path.name}: K = {_ranges(released)}"
    if too_large(problem):
        return f"{too_large(problem)} ({have})"
    return (
        f"no released table for K = {problem.K}; {have}; solve it with polyest.solve({problem.K})"
        + _above(path)
    )


def _above(path: Path) -> str:
    name = f"{path.stem}{UNIVERSAL}"
    there = name in families(path.parent)
    return f"; K above {LARGEST_LISTED} is in {name}.jsonl" if there else ""


def _ranges(numbers: list[int]) -> str:
    """Ascending integers as text, runs shortened: 1..40, 64."""
    runs: list[list[int]] = []
    for n in numbers:
        if runs and n == runs[-1][1] + 1:
            runs[-1][1] = n
        else:
            runs.append([n, n])
    return ", ".join(str(a) if a == b else f"{a}..{b}" for a, b in runs)

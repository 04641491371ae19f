"""This module finds, checks and loads released tables.

A release is a folder, tables/v1 or a later one, and a family is looked for in the newest one first.
<target>-<criterion>[-<shape>][-<budget>].jsonl holds one line per K.  SHA256SUMS has a digest of every file,
and LINE-SHA256SUMS a digest of every line.  Where a file does not match the first, the second gives
the line that the error names.  A missing table is never replaced by another one.  A family whose name ends
in -universal is one line for every K above 1024 (universal.py).

A trainer's first look-up waits for this import, so modules that `load` does not need are imported inside
the functions that use them.
"""

import os
from functools import lru_cache
from hashlib import sha256
from math import inf, nextafter
from typing import IO, TYPE_CHECKING, Any, SupportsIndex, TypeVar

from polyest.deprecation import meant_as_keywords
from polyest.errors import CorruptTable, PolyestError, TableNotFound
from polyest.problem.claims import Bracket
from polyest.problem.problem import LARGEST_LISTED, Problem, pose
from polyest.tables.format import K_of, loads, loads_listed
from polyest.tables.lookup import Lookup
from polyest.tables.table import Table

if TYPE_CHECKING:
    from polyest.counts import Baseline
    from polyest.problem.criteria import Name
    from polyest.problem.shapes import Shape
    from polyest.problem.targets import Target
    from polyest.tables.universal import UniversalTable

RELEASES = "v2", "v1"  # the newest first
BLOCK = 1 << 16  # bytes read at once: allocating megabytes takes longer than their digest
HEAD = 512  # leading bytes of a line that contain its K
UNIVERSAL = "-universal"  # ends the name of a family that is one line for every large K

Found = TypeVar("Found", bound=Lookup)


@meant_as_keywords(2, "criterion", "bias", "bias_ratio", "noise")
def load(
    K: SupportsIndex | None = None,
    target: "str | Target" = "log",
    *,
    criterion: "Name" = "gradient-variance",
    bias: float | None = None,
    bias_ratio: float | None = None,
    noise: float | None = None,
    shape: "Shape | None" = None,
    group: int | None = None,
    baseline: "Baseline" = "group-mean",
) -> "Table | UniversalTable":
    """Load the released table that these keywords describe.

    Give exactly one of K and `group`, and at most one of the budgets `bias`, `bias_ratio` and `noise`.
    Above K = 1024 the result is the universal table, whose entries are computed when they are looked up.

    Parameters
    ----------
    K : int or None
        Sample size: the number of binomial draws that a count is taken from.
    target : str
        The function phi(p) of an answer's probability that is estimated: "log", "power:A", "tsallis:Q",
        "polynomial:A0,A1,..." or "custom:EXPRESSION".
    criterion : {"gradient-variance", "minimax", "variance", "second-moment", "squared-error"}
        The quantity that the table minimises or keeps within its budget, as in `solve`.
    bias : float or None
        A budget: the greatest worst-case weighted bias, sup_p |p (E c_X - phi(p))|.
    bias_ratio : float or None
        A budget: the same in units of the least that any table attains.
    noise : float or None
        A budget, the variance ratio: the greatest criterion, in units of that of the plug-in log
        log((X+1)/(K+1)).  The default is 8 if no budget is given and the criterion needs one.
    shape : {"monotone", "concave"} or None
        A shape of the table, as in `solve`.  For the log, both are released for criterion "minimax", also
        at every K above 1024, and "monotone" for noise 2.
    group : int or None
        The number G of completions of a prompt, in place of K: K is G - 2 where the trainer subtracts the
        group mean, and G - 1 otherwise (`counts.draws`).
    baseline : {"group-mean", "none", "exact"}
        What the trainer subtracts from the rewards of a group; only beside `group`.

    Returns
    -------
    Table or UniversalTable
        The table, read from the released bytes.

    Raises
    ------
    TableNotFound
        If no such table was released; the message lists what exists.
    CorruptTable
        If the file differs from the released one; the message names file and line.
    CountOutOfRange
        If the group is too small for its baseline.
    InvalidProblem
        If a keyword is invalid, the keywords do not go together, or not exactly one of K and group is given.

    Examples
    --------
    >>> load(14).K, load(group=16).K, load(group=16, baseline="none").K
    (14, 14, 15)
    >>> monotone = load(14, criterion="minimax", shape="monotone")
    >>> sorted(monotone.coefficients.tolist()) == monotone.coefficients.tolist()
    True
    """
    if group is not None or K is None or baseline != "group-mean":
        from polyest.sizes import draws_of

        K = draws_of(K, group, baseline)
    problem = pose(K, target, criterion, bias, bias_ratio, noise, shape)
    if problem.K > LARGEST_LISTED:
        return _universal(problem)
    name = f"{family(problem)}.jsonl"
    path = _found(name)
    if path is None:
        raise TableNotFound(_absent(problem))
    with open(path, "rb", buffering=0) as stream:
        starts = checked(path)
        # There is one K per line, ascending from 1 or more, so K is in line K or before.
        number = min(problem.K, len(starts) - 1)
        while number and (draws := _draws_at(stream, starts[number - 1])) > problem.K:
            number -= 1
        if not number or draws != problem.K:
            raise TableNotFound(_absent(problem))
        stream.seek(starts[number - 1])
        line = stream.read(starts[number] - starts[number - 1])
    where = f"{path}, line {number}"
    return _of_family(loads_listed(line, where), problem, where)


def is_released(table: Table) -> bool:
    """Return whether `load` gives this very table, with the same entries.

    >>> is_released(load(14)), is_released(load(14).rounded("float32"))
    (True, False)
    """
    budget = table.budget
    stated: dict[str, Any] = {"criterion": table.criterion, "shape": table.shape}
    if budget is not None:
        stated[budget.kind.replace("-", "_")] = budget.value
    try:
        released = load(table.K, table.target, **stated)
    except PolyestError:
        return False
    same = isinstance(released, Table) and bool((released.coefficients == table.coefficients).all())
    return same and table.grid is None


def _draws_at(stream: IO[bytes], start: int) -> int:
    """Return K of the line that starts at this byte."""
    stream.seek(start)
    head = stream.read(HEAD)
    K = K_of(head)
    if K is None:
        raise CorruptTable(
            f"{stream.name}: no key K in what follows byte {start}: no line of a table"
        )
    return K


def _found(name: str) -> str | None:
    """Return the path of a file in the newest release that has it, None where none has it."""
    paths = (os.path.join(folder, name) for folder in folders())
    return next(filter(os.path.isfile, paths), None)


def _universal(problem: Problem) -> "UniversalTable":
    from dataclasses import replace

    from polyest.tables.universal import UniversalTable

    path = _found(f"{family(problem)}{UNIVERSAL}.jsonl")
    if path is None:
        raise TableNotFound(_absent(problem))
    checked(path)
    where = f"{path}, line 1"
    table = loads(_content(path), where)
    listed = _of_family(table, problem.__replace__(K=table.K), where)
    if not isinstance(listed, UniversalTable):
        raise CorruptTable(f"{where}: holds {listed!r}, which is for one K only")
    return replace(listed, problem=problem)


def _of_family(table: Found, problem: Problem, where: str) -> Found:
    """Return the table; raise CorruptTable unless it answers the problem."""
    if (table.K, table.target, table.criterion, table.budget, table.shape) != (
        problem.K,
        problem.target.name,
        problem.criterion,
        problem.budget,
        problem.shape,
    ):
        raise CorruptTable(f"{where}: holds {table!r}, which is not of this family")
    return table


def least_bias(K: int, target: str) -> Bracket | None:
    """Return the released bracket of E*(K), the least sup|bias| for K draws; None where there is none.

    For the log a list has it also where there is no minimax table.  Raise CorruptTable where a file is not
    the released one.
    """
    try:
        return load(K, target, criterion="minimax").optimum
    except TableNotFound:
        return listed_least_bias(K) if target == "log" else None


def listed_least_bias(K: int) -> Bracket | None:
    """Return the bracket of E*(K) for log from the release's list, rounded outward to doubles.

    Return None where the list does not have it.
    """
    path = _found("least-bias.csv")
    if path is None:
        return None
    checked(path)
    for row in _content(path).decode().splitlines()[1:]:
        draws, lower, upper, *_ = row.split(",")
        if int(draws) == K:
            return Bracket(nextafter(float(lower), 0), nextafter(float(upper), inf))
    return None


def family(problem: Problem) -> str:
    """Return the file name, without .jsonl, of the family of a problem."""
    target = problem.target.name.replace(":", "").replace("/", "_")  # an expression is no path
    name = f"{target}-{problem.criterion}"
    if problem.shape is not None:
        name += f"-{problem.shape}"
    if problem.budget is None:
        return name
    return f"{name}-{problem.budget.kind}{problem.budget.value!r}".removesuffix(".0")


def families(folder: str | os.PathLike[str]) -> list[str]:
    """Return the names of the families in a release folder."""
    names = (name.removesuffix(".jsonl") for name in os.listdir(folder) if name.endswith(".jsonl"))
    return sorted(names)


def all_families() -> list[str]:
    """Return the names of the families of all releases."""
    return sorted({name for folder in folders() for name in families(folder)})


def folders() -> list[str]:
    """Return the folders of the releases, the newest first.

    They are beside this file in an installation, and at the top of a checkout.
    """
    here = os.path.dirname(os.path.realpath(__file__))
    checkout = os.path.join(os.path.dirname(os.path.dirname(here)), "tables")
    for above in (here, checkout):
        there = [os.path.join(above, release) for release in RELEASES]
        if all(map(os.path.isdir, there)):
            return there
    raise TableNotFound(
        f"no folders {' and '.join(RELEASES)} in {here} or {checkout}: reinstall polyest"
    )


def checked(path: str) -> list[int]:
    """Return the byte positions at which the lines of a released file start, and that of its end.

    Raise CorruptTable, which names the line, where the digest of the file is not the released one.
    """
    return _checked(path, os.stat(path).st_mtime_ns)


@lru_cache(maxsize=32)
def _checked(path: str, _modified: int) -> list[int]:
    digest, starts, read, block = sha256(), [0], 0, bytearray(BLOCK)
    with open(path, "rb", buffering=0) as stream:
        while size := stream.readinto(block):
            digest.update(memoryview(block)[:size])
            end = block.find(b"\n", 0, size)
            while end >= 0:
                starts.append(read + end + 1)
                end = block.find(b"\n", end + 1, size)
            read += size
    if digest.hexdigest() != _digest(path):
        raise CorruptTable(f"{_altered(path)}: not what was released; restore it")
    return starts


def _content(path: str) -> bytes:
    with open(path, "rb") as stream:
        return stream.read()


def _altered(path: str) -> str:
    """Return the file and the first line whose digest is not the released one.

    Where lines are missing at the end, it is the first missing line.  Where every line is as it was
    released, the digest of the file itself was altered, and SHA256SUMS is returned.
    """
    folder, name = os.path.split(path)
    known = digests(os.path.join(folder, "LINE-SHA256SUMS"))
    lines = _content(path).split(b"\n")
    for number, line in enumerate(lines, 1):
        released = known.get(f"{name}:{number}")
        if number == len(lines) and not line and released is None:
            return os.path.join(folder, "SHA256SUMS")
        if sha256(line + b"\n").hexdigest() != released:
            return f"{path}, line {number}"
    return f"{path}, line {len(lines)}"


def check_sums(folder: str | os.PathLike[str]) -> None:
    """Raise CorruptTable unless every file that SHA256SUMS names is the released one."""
    for name in digests(os.path.join(folder, "SHA256SUMS")):
        path = os.path.join(folder, name)
        if name.endswith((".jsonl", ".csv")):
            checked(path)
        elif sha256(_content(path)).hexdigest() != _digest(path):
            raise CorruptTable(f"{path}: not what was released; restore it")


def _digest(path: str) -> str | None:
    folder, name = os.path.split(path)
    return digests(os.path.join(folder, "SHA256SUMS")).get(name)


def digests(path: str) -> dict[str, str]:
    """Return a mapping from names to digests, from a file of `digest  name` lines."""
    try:
        rows = [line.split("  ", 1) for line in _content(path).decode().splitlines()]
        return {name: digest for digest, name in rows}
    except (OSError, ValueError) as error:
        raise CorruptTable(
            f"{path}: {error}: the release is incomplete; reinstall polyest"
        ) from None


def _absent(problem: Problem) -> str:
    """Return the message that no table of a problem was released, with what was."""
    from polyest.tables.absent import absent

    released: list[tuple[Problem, list[int]]] = []
    universal: list[Problem] = []
    for name in all_families():
        path = _found(f"{name}.jsonl")
        assert path is not None
        starts = checked(path)
        with open(path, "rb", buffering=0) as stream:
            one = loads(stream.read(starts[1]), f"{path}, line 1").problem
            if name.endswith(UNIVERSAL):
                universal.append(one)
            else:
                released.append((one, [_draws_at(stream, start) for start in starts[:-1]]))
    return absent(problem, released, universal)

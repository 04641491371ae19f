"""This module writes solved tables to files: `write` stores one table, `sweep` a range of K, one per line.

A sweep is resumable.  It appends each table to FILE.part as soon as it is solved, and forces the line to
disk.  At the end it writes FILE, with the lines in the order of K.  If it is interrupted, the next call
continues after the last complete line.  FILE has the same bytes in the end, however often the sweep was
interrupted and however many processes or machines shared the work.
"""

import warnings
from collections.abc import Callable, Iterable
from concurrent.futures import Executor
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING, SupportsIndex

from polyest.counts import Baseline
from polyest.errors import CannotStore, InvalidProblem, WorkerLost
from polyest.make.growing import Growing, growing
from polyest.make.pipeline import solve
from polyest.make.storage import Name, attempt, draft_of, put, regular, replace
from polyest.make.workers import completed, refuse_unguarded
from polyest.precision import LOCK
from polyest.problem.grids import Rounding, asked
from polyest.problem.problem import Problem, pose, too_large
from polyest.sizes import sized
from polyest.solvers import methods
from polyest.tables.format import dumps, loads_listed, may_begin
from polyest.tables.table import Table
from polyest.values import shown, whole
from polyest.version import __version__

if TYPE_CHECKING:
    from typing import Unpack

    from polyest.problem.keywords import Posed, Solved

__all__ = [
    "sweep",
]

Progress = Callable[[int, int, Table | None], None]


def sweep(
    Ks: Iterable[SupportsIndex] | None,
    path: Name,
    progress: Progress | None = None,
    *,
    jobs: int = 1,
    executor: Executor | None = None,
    method: str | None = None,
    grid: str | None = None,
    group: int | None = None,
    beta: float = 1.0,
    baseline: Baseline = "group-mean",
    **keywords: "Unpack[Posed]",
) -> None:
    """Solve the tables of ascending sample sizes and write them to a JSON Lines file.

    A sweep is resumable: each table is appended to `path`.part when it is solved, and the next call
    continues from that file.  A `path`.part that belongs to another sweep is refused and kept.  If a table
    fails, those that are being solved are still stored.

    Parameters
    ----------
    Ks : iterable of int or None
        The sample sizes in ascending order; None for the K of a group, as in `solve`.
    path : str or PathLike
        The file.
    progress : callable or None
        A function that is called with the number of lines done, the number of all lines, and the table that
        was solved last (None at first).
    jobs : int
        The number of processes that share the tables.
    executor : concurrent.futures.Executor or None
        An executor that solves the tables in place of processes on this machine.  Threads of an executor
        take turns, because a proof needs the process to itself.
    method : str or None
        As in `solve`.
    grid : str or None
        As in `solve`.
    group : int or None
        As in `solve`.
    beta : float
        As in `solve`.
    baseline : str
        As in `solve`.
    **keywords : Posed
        Target, criterion, budget and shape, as in `solve`.

    Raises
    ------
    InvalidProblem
        If a keyword is invalid, the keywords do not go together, or the sample sizes do not ascend.
        `sweep` also raises the errors of `solve`.
    CannotStore
        If the file cannot be written, or is in use by another sweep.
    WorkerLost
        If processes die repeatedly.

    Warns
    -----
    NotPromised
        If the storage of the file has no locks, so that a second sweep into it would not be stopped, or
        cannot force writes to disk.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> from polyest.sweeping import sweep
    >>> with TemporaryDirectory() as folder:
    ...     path = Path(folder, "log-minimax.jsonl")
    ...     sweep(range(1, 4), path, criterion="minimax")
    ...     print(len(path.read_text().splitlines()))
    3
    """
    if not whole(jobs, 1):
        raise InvalidProblem(f"jobs is {shown(jobs)}: expected a number of processes, 1 or more")
    refuse_unguarded()
    if Ks is None or baseline != "group-mean":
        K, grid, group = sized(Ks, grid, group, baseline)
        assert isinstance(K, int)  # of the group, as sizes beside a baseline are refused
        Ks = (K,)
    rounding = asked(grid, group, beta)
    try:
        draws = list(Ks)
    except TypeError:
        raise InvalidProblem(f"Ks is {shown(Ks)}: expected integers, such as range(1, 9)") from None
    problems = [pose(K, **keywords) for K in draws]
    if not problems or any(a.K >= b.K for a, b in pairwise(problems)):
        raise InvalidProblem(
            f"Ks is {shown([problem.K for problem in problems])}: expected at least one K, in ascending "
            "order, such as range(1, 9)"
        )
    for problem in problems:
        check_storable(problem)
    final = regular(path)
    part = final.with_name(f"{final.name}.part")
    if progress is not None and not callable(progress):
        raise InvalidProblem(f"progress is {shown(progress)}: expected a function, or None")
    tell = progress or (lambda done, total, table: None)
    work = partial(solved, method=method, grid=grid, group=group, beta=beta, **keywords)
    sought, remarks = _Sought(problems, method, rounding), list[Warning | str]()
    with growing(part) as grown:
        # Without a lock another sweep may be writing the draft too, so the name must be random.
        draft = draft_of(final, "" if grown.unlocked else "sweep")
        if grown.unlocked:
            warnings.warn(grown.not_alone(), stacklevel=2)
        try:
            attempt(draft, final)
            lines = _resume(grown, sought)
            left = [problem.K for problem in problems if problem.K not in lines]
            tell(len(lines), len(problems), None)
            with closing(completed(work, left, jobs, executor)) as results:
                for K, (line, more) in results:
                    table = sought.read(line, f"what a worker made of K = {K}")
                    if table.K != K:
                        raise WorkerLost(
                            f"a worker returned {table!r}: expected the table of K = {K}; make sure that "
                            "all workers run this polyest, and run again"
                        )
                    grown.append(line + b"\n")
                    lines[K] = line
                    remarks += more
                    tell(len(lines), len(problems), table)
            content = b"".join(lines[problem.K] + b"\n" for problem in problems)
            remarks += replace(final, content, draft)
            grown.remove()
        except BaseException:  # also Ctrl-C: the lines that are kept may not have reached the disk
            remarks += grown.unforced
            raise
        finally:
            # Warn only now: a thread that is still solving may be recording warnings.
            for remark in remarks:
                warnings.warn(remark, stacklevel=2)


def solved(K: int, **keywords: "Unpack[Solved]") -> tuple[bytes, list[Warning | str]]:
    """Solve one table and return its line, without a line end, and the warnings that were raised.

    This is what a worker does and sends back.
    """
    with LOCK, warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        line = dumps(solve(K, **keywords)).encode()
    return line, [warning.message for warning in caught]


def write(table: Table, path: Name) -> None:
    """Write one table to the file `path`, completely or not at all; an existing file is replaced.

    The new file keeps the mode of the old one.  Raises CannotStore if the file cannot be written or is
    read-only, InvalidProblem for a minimax table above K = 40.  Warns NotPromised as `sweep` does.
    """
    check_storable(table.problem)
    put(_line(table), path)


def check_storable(problem: Problem) -> None:
    """Raise InvalidProblem for a minimax problem whose optimal entries float64 cannot hold."""
    reason = too_large(problem)
    if reason:
        raise InvalidProblem(f"{reason}, or name no file, so that the table is only printed")


@dataclass(frozen=True)
class _Sought:
    """The lines that a sweep should contain: its problems, its method and its rounding."""

    problems: list[Problem]
    method: str | None
    rounding: Rounding | None

    def read(self, line: bytes, where: str) -> Table:
        """Return the table of a line; raise CannotStore if it is not of this sweep.

        Raises CorruptTable if the line holds no table.
        """
        table = loads_listed(line, where)
        wanted = next((p for p in self.problems if p.K == table.K), None)
        if wanted is None or not self._belongs(table, line, wanted):
            raise CannotStore(
                f"{where}: holds {table!r}, made by {table.method} of polyest {table.version}: expected "
                f"one of this sweep, {self._asked(wanted)}; finish the other sweep first, or move its "
                "file away"
            )
        return table

    def _belongs(self, table: Table, line: bytes, wanted: Problem) -> bool:
        """Return whether this sweep would have written the table as this line."""
        makers = {self.method or methods(wanted)[0]}
        if wanted.direction == "noise":  # the minimax table is the answer if it meets the budget
            makers.add("remez" if wanted.shape is None else "shaped")
        held = (table.target, table.criterion, table.budget, table.shape, table.release)
        needed = (wanted.target.name, wanted.criterion, wanted.budget, wanted.shape, None)
        rounding = self.rounding
        made = rounding.made(table.coefficients, table.grid) if rounding else table.grid is None
        same_maker = table.method in makers and table.version == __version__
        return held == needed and made and same_maker and dumps(table).encode() == line

    def _asked(self, wanted: Problem | None) -> str:
        """Describe one problem of the sweep, or all of them for None, for a message."""
        problem = wanted or self.problems[0]
        budget = f", {problem.budget.kind}={problem.budget.value:g}" if problem.budget else ""
        grid = f", {self.rounding.kind}" if self.rounding else ""
        shape = f", {problem.shape}" if problem.shape else ""
        Ks = f"{problem.K}" if wanted else f"{problem.K}..{self.problems[-1].K}"
        what = f"{problem.target.name}, {problem.criterion}{shape}{budget}{grid}"
        return f"K={Ks}, {what}, polyest {__version__}"


def _resume(grown: Growing, sought: _Sought) -> dict[int, bytes]:
    """Return the complete lines by K, and cut an incomplete last line off the file.

    Raises CannotStore if a line does not belong to this sweep.
    """
    part, (whole, cut) = grown.path, grown.lines()
    lines: dict[int, bytes] = {}
    for number, line in enumerate(whole, 1):
        where = f"{part}, line {number}"
        K = sought.read(line, where).K
        if K in lines:
            raise CannotStore(
                f"{where}: is a second line for K = {K}, expected one; move the file away"
            )
        lines[K] = line
    if not may_begin(cut):
        raise CannotStore(
            f"{part}: ends in {cut[:20]!r}: expected the line of a table; move the file away"
        )
    if cut:
        grown.cut(sum(len(line) + 1 for line in whole))
    return lines


def _line(table: Table) -> bytes:
    return dumps(table).encode() + b"\n"

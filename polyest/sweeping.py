"""Tables in files: one table, or a range of K line by line; never half a file.

`write` puts a table, `put` any content, beside FILE under a temporary name and renames it.  `sweep`
solves a range of K into FILE.part, each line forced to disk when it is done, in the order in which
they are; at the end FILE has them in the order of K.  A sweep that was interrupted, at any moment,
keeps every whole line, and ends in the bytes of one that was not, however many processes or
machines shared the work.
"""

import os
import sys
import warnings
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from io import FileIO
from itertools import pairwise
from pathlib import Path
from typing import Any
from weakref import WeakSet

from polyest.balls import ALONE
from polyest.errors import CannotStore, InvalidProblem, WorkerLost
from polyest.making import solve
from polyest.problem import Problem, pose
from polyest.reading import too_large
from polyest.rounding import Rounding, asked
from polyest.table import Table, dumps, loads
from polyest.values import shown, whole
from polyest.version import __version__
from polyest.workers import completed, refuse_unguarded

__all__ = [
    "sweep",
]

Name = str | os.PathLike[str]
Progress = Callable[[int, int, Table | None], None]

HEAD = b'{"schema": 1, "release": null, "target": "'  # how our lines begin: nothing else is cut off


def sweep(
    Ks: Iterable[Any],
    path: Name,
    progress: Progress | None = None,
    *,
    jobs: int = 1,
    executor: Executor | None = None,
    method: str | None = None,
    grid: str | None = None,
    group: int | None = None,
    beta: float = 1.0,
    **keywords: Any,
) -> None:
    """Solve the tables of ascending Ks into the JSON Lines file `path`, in the order of K.

    method, grid, group, beta, keywords: those of `solve`; jobs: processes that share the tables;
    executor: any concurrent.futures.Executor to solve them instead, threads taking turns; progress:
    called with the number of lines done, of all lines, and the table that was solved last (None at
    first).  path.part grows by a line per table, and the next call goes on from there; a path.part
    that belongs to another sweep is refused and kept.  Where a table fails, those being solved are
    still stored.  Raises what `solve` raises, CannotStore, and WorkerLost where processes die again
    and again.
    """
    if not whole(jobs, 1):
        raise InvalidProblem(f"jobs is {shown(jobs)}: expected how many processes, 1 or more")
    refuse_unguarded()
    rounding = asked(grid, group, beta)
    try:
        draws = list(Ks)
    except TypeError:
        raise InvalidProblem(f"Ks is {shown(Ks)}: expected integers, such as range(1, 9)") from None
    problems = [pose(K, **keywords) for K in draws]
    if not problems or any(a.K >= b.K for a, b in pairwise(problems)):
        raise InvalidProblem(
            f"the range K = {shown([problem.K for problem in problems])} does not ascend: expected at "
            "least one K, and each above the one before"
        )
    for problem in problems:
        check_storable(problem)
    final = _regular(path)
    part = final.with_name(f"{final.name}.part")
    if progress is not None and not callable(progress):
        raise InvalidProblem(f"progress is {shown(progress)}: expected a function, or None")
    tell = progress or (lambda done, total, table: None)
    work = partial(solved, method=method, grid=grid, group=group, beta=beta, **keywords)
    sought = _Sought(problems, method, rounding)
    draft, remarks = _draft(final, "sweep"), list[Warning | str]()
    with _opened(part) as stream:
        try:
            _try(draft, final)
            lines = _resume(stream, part, sought)
            left = [problem.K for problem in problems if problem.K not in lines]
            tell(len(lines), len(problems), None)
            with closing(completed(work, left, jobs, executor)) as found:
                for K, (line, more) in found:
                    table = sought.read(line, f"what a worker made of K = {K}")
                    if table.K != K:
                        raise WorkerLost(f"a worker was asked for K = {K} and made {table!r}")
                    with _refusing(part):
                        _append(stream, line + b"\n")
                    lines[K] = line
                    remarks += more
                    tell(len(lines), len(problems), table)
            content = b"".join(lines[problem.K] + b"\n" for problem in problems)
            _replace(final, content, draft)
            part.unlink()
        finally:
            for remark in remarks:  # not sooner: a thread at work may be recording warnings
                warnings.warn(remark, stacklevel=2)
            if os.fstat(stream.fileno()).st_size == 0:
                part.unlink(missing_ok=True)


def solved(K: int, **keywords: Any) -> tuple[bytes, list[Warning | str]]:
    """The line of one table, without its end, and what was warned of: what a worker sends back."""
    with ALONE, warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        line = dumps(solve(K, **keywords)).encode()
    return line, [warning.message for warning in caught]


def write(table: Table, path: Name) -> None:
    """Write one table to the file `path`, replacing what is there, wholly or not at all.

    Raises CannotStore where that is impossible, InvalidProblem for a minimax table above K = 40.
    """
    check_storable(table.problem)
    put(_line(table), path)


def put(content: bytes, path: Name) -> None:
    """Make `content` the file `path`, wholly or not at all.  Raises CannotStore."""
    final = destination(path)
    _replace(final, content, _draft(final, os.getpid()))


def check_storable(problem: Problem) -> None:
    """Raise InvalidProblem for a minimax problem whose optimum float64 entries do not hold."""
    reason = too_large(problem)
    if reason:
        raise InvalidProblem(f"{reason}, or name no file and see the table on the screen")


def destination(path: Name) -> Path:
    """The file that `path` names, links followed, proved writable by a draft written beside it.

    Raises CannotStore; to be called before anything is solved.
    """
    final = _regular(path)
    _try(_draft(final, os.getpid()), final)
    return final


def _try(draft: Path, final: Path) -> None:
    """Raise CannotStore where no draft of a file can be written."""
    with _refusing(final):
        draft.unlink(missing_ok=True)
        FileIO(draft, "x").close()
        draft.unlink()


def _regular(path: Name) -> Path:
    """The file that `path` names, links followed, if that is one or can become one."""
    final = Path(os.path.realpath(path))
    with _refusing(final):
        if final.is_symlink() or (final.exists() and not final.is_file()):
            kind = "a folder" if final.is_dir() else "no regular file"
            raise OSError(0, f"this is {kind}")
    return final


@dataclass(frozen=True)
class _Sought:
    """The lines that an undisturbed sweep would write."""

    problems: list[Problem]
    method: str | None
    rounding: Rounding | None

    def read(self, line: bytes, where: str) -> Table:
        """The table of a line, by its keys one of those; CannotStore or CorruptTable where it is none."""
        table = loads(line, where)
        wanted = next((p for p in self.problems if p.K == table.K), None)
        if wanted is None or not self._belongs(table, line, wanted):
            raise CannotStore(
                f"{where}: holds {table!r} by {table.method} of polyest {table.version}, where this "
                f"sweep has {self._asked(wanted)}: finish that sweep first, or move its file away"
            )
        return table

    def _belongs(self, table: Table, line: bytes, wanted: Problem) -> bool:
        # Where a noise budget does not bind the table is the minimax one, whatever was asked for.
        methods = {self.method or ("remez" if wanted.criterion == "minimax" else "socp")}
        methods |= {"remez"} if wanted.direction == "noise" else set()
        found = (table.target, table.criterion, table.budget, table.release)
        needed = (wanted.target.name, wanted.criterion, wanted.budget, None)
        rounding = self.rounding
        made = rounding.made(table.coefficients, table.grid) if rounding else table.grid is None
        same_maker = table.method in methods and table.version == __version__
        return found == needed and made and same_maker and dumps(table).encode() == line

    def _asked(self, wanted: Problem | None) -> str:
        problem = wanted or self.problems[0]
        budget = f", {problem.budget.kind}={problem.budget.value:g}" if problem.budget else ""
        grid = f", {self.rounding.kind}" if self.rounding else ""
        Ks = f"{problem.K}" if wanted else f"{problem.K}..{self.problems[-1].K}"
        what = f"{problem.target.name}, {problem.criterion}{budget}{grid}"
        return f"K={Ks}, {what}, polyest {__version__}"


def _resume(stream: FileIO, part: Path, sought: _Sought) -> dict[int, bytes]:
    """The whole lines, by K, if all are of this sweep; a cut last line is taken off the file."""
    with _refusing(part):
        stream.seek(0)
        *whole, cut = stream.readall().split(b"\n")
    lines: dict[int, bytes] = {}
    for number, line in enumerate(whole, 1):
        where = f"{part}, line {number}"
        K = sought.read(line, where).K
        if K in lines:
            raise CannotStore(f"{where}: is a second line for K = {K}: move the file away")
        lines[K] = line
    if not (cut.startswith(HEAD) or HEAD.startswith(cut)):
        raise CannotStore(f"{part}: ends in {cut[:20]!r}, no line of a sweep: move the file away")
    os.truncate(stream.fileno(), sum(len(line) + 1 for line in whole))
    return lines


@contextmanager
def _opened(part: Path) -> Iterator[FileIO]:
    """The file that grows, open for this sweep alone until the block or the process ends."""
    while True:
        with _refusing(part):
            if part.is_symlink() or (part.exists() and not part.is_file()):
                raise OSError(0, "no regular file")
            stream = FileIO(part, "a+")
        with stream:
            _lock(stream, part)
            if _is_still(part, stream):  # and was not renamed or removed before it was locked
                yield stream
                return


def _is_still(part: Path, stream: FileIO) -> bool:
    with suppress(FileNotFoundError):
        return os.path.samestat(os.stat(part), os.fstat(stream.fileno()))
    return False


def _lock(stream: FileIO, part: Path) -> None:
    """Keep other sweeps out until the stream is closed or the process dies."""
    if sys.platform != "win32":
        import fcntl

        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
            _LOCKED.add(stream)
        except BlockingIOError:
            raise CannotStore(
                f"{part}: another sweep is writing it: wait for it, or name another file"
            ) from None


_LOCKED: "WeakSet[FileIO]" = WeakSet()


def _let_go() -> None:
    for stream in list(_LOCKED):
        stream.close()


if hasattr(os, "register_at_fork"):  # a forked worker of somebody's executor would keep the lock
    os.register_at_fork(after_in_child=_let_go)


def _line(table: Table) -> bytes:
    return dumps(table).encode() + b"\n"


def _append(stream: FileIO, content: bytes) -> None:
    """Write the content and force it to disk."""
    rest = memoryview(content)
    while rest:
        rest = rest[stream.write(rest) :]
    os.fsync(stream.fileno())


@contextmanager
def _refusing(path: Path) -> Iterator[None]:
    """Turn what the system says into one line with the path and the repair."""
    try:
        yield
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise CannotStore(
            f"{path}: {reason}: expected a file in a folder that can be written; name another"
        ) from None


def _replace(final: Path, content: bytes, draft: Path) -> None:
    """Put the content in the place of a file by way of a draft."""
    try:
        with _refusing(final):
            draft.unlink(missing_ok=True)  # of one that was killed; never followed, if it is a link
            with FileIO(draft, "x") as stream:
                _append(stream, content)
            os.replace(draft, final)
            _sync_folder(final.parent)
    finally:
        with suppress(OSError):
            draft.unlink()


def _draft(final: Path, owner: object) -> Path:
    return final.with_name(f".{final.name}.{owner}.tmp")


def _sync_folder(folder: Path) -> None:
    """Force a rename to disk, where the system lets a folder be opened."""
    with suppress(PermissionError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)

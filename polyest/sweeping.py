"""Tables in files: one table, or a range of K line by line; never half a file.

`write` puts a table, `put` any content, beside FILE under a temporary name and renames it.  `sweep`
solves a range of K into FILE.part, each line forced to disk when it is done, and renames that at the
end: a sweep that was interrupted goes on after its last whole line, and ends in the bytes of one
that was not.
"""

import os
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from io import FileIO
from itertools import pairwise
from pathlib import Path
from typing import Any

from polyest.errors import CannotStore, InvalidProblem
from polyest.making import solve
from polyest.problem import Problem, pose
from polyest.reading import too_large
from polyest.rounding import Rounding, asked
from polyest.table import Table, dumps, loads
from polyest.version import __version__

Name = str | os.PathLike[str]

HEAD = b'{"schema": '  # how a line of ours begins: nothing else is ever cut off a file


def sweep(
    Ks: Iterable[Any],
    path: Name,
    progress: Callable[[int, int], None] | None = None,
    *,
    method: str | None = None,
    grid: str | None = None,
    group: int | None = None,
    beta: float = 1.0,
    **keywords: Any,
) -> None:
    """Solve the tables of ascending Ks, one after the other, into the JSON Lines file `path`.

    method, grid, group, beta, keywords: those of `solve`; progress: called with the number of lines
    done and of all lines.  path.part grows by a line per table, and the next call goes on from
    there; a path.part that belongs to another sweep is refused and kept.  Raises what `solve`
    raises, and CannotStore.
    """
    rounding = asked(grid, group, beta)
    problems = [pose(K, **keywords) for K in Ks]
    if not problems or any(a.K >= b.K for a, b in pairwise(problems)):
        raise InvalidProblem(
            f"the range K = {[problem.K for problem in problems]} does not ascend: expected at "
            "least one K, and each above the one before"
        )
    for problem in problems:
        check_storable(problem)
    final = destination(path)
    part = final.with_name(f"{final.name}.part")
    tell = progress or (lambda done, total: None)
    with _refusing(part):
        stream = FileIO(part, "a+")
    with stream:
        _lock(stream, part)
        try:
            done = _resume(stream, part, problems, method, rounding)
            for number, problem in enumerate(problems[done:], done):
                tell(number, len(problems))
                table = solve(
                    problem.K, method=method, grid=grid, group=group, beta=beta, **keywords
                )
                with _refusing(part):
                    _append(stream, _line(table))
        finally:
            if os.fstat(stream.fileno()).st_size == 0:
                part.unlink(missing_ok=True)
    with _refusing(final):
        os.replace(part, final)
        _sync_folder(final.parent)
    tell(len(problems), len(problems))


def write(table: Table, path: Name) -> None:
    """Write one table to the file `path`, replacing what is there, wholly or not at all.

    Raises CannotStore where that is impossible, InvalidProblem for a minimax table above K = 40.
    """
    check_storable(table.problem)
    put(_line(table), path)


def put(content: bytes, path: Name) -> None:
    """Make `content` the file `path`, wholly or not at all.  Raises CannotStore."""
    final = destination(path)
    draft = _draft(final)
    try:
        with _refusing(final):
            with FileIO(draft, "x") as stream:
                _append(stream, content)
            os.replace(draft, final)
            _sync_folder(final.parent)
    finally:
        draft.unlink(missing_ok=True)


def check_storable(problem: Problem) -> None:
    """Raise InvalidProblem for a minimax problem whose optimum float64 entries do not hold."""
    reason = too_large(problem)
    if reason:
        raise InvalidProblem(f"{reason}, or name no file and see the table on the screen")


def destination(path: Name) -> Path:
    """The file that `path` names, links followed, proved writable by a draft written beside it.

    Raises CannotStore; to be called before anything is solved.
    """
    final = Path(os.path.realpath(path))
    with _refusing(final):
        if final.is_symlink() or (final.exists() and not final.is_file()):
            kind = "a folder" if final.is_dir() else "no regular file"
            raise OSError(0, f"this is {kind}")
        draft = _draft(final)
        FileIO(draft, "x").close()
        draft.unlink()
    return final


def _resume(
    stream: FileIO,
    part: Path,
    problems: list[Problem],
    method: str | None,
    rounding: Rounding | None,
) -> int:
    """Number of whole lines that belong to this sweep; a cut last line is taken off the file."""
    stream.seek(0)
    *lines, cut = stream.readall().split(b"\n")
    for number, line in enumerate(lines, 1):
        wanted = problems[number - 1] if number <= len(problems) else None
        table = loads(line, f"{part}, line {number}")
        if wanted is None or not _belongs(table, line, wanted, method, rounding):
            raise CannotStore(
                f"{part}, line {number}: holds {table!r} by {table.method}, where this sweep has "
                f"{_asked(wanted, rounding)}: finish that sweep first, or move its file away"
            )
    if not (cut.startswith(HEAD) or HEAD.startswith(cut)):
        raise CannotStore(f"{part}: ends in {cut[:20]!r}, no line of a sweep: move the file away")
    os.truncate(stream.fileno(), sum(len(line) + 1 for line in lines))
    return len(lines)


def _belongs(
    table: Table, line: bytes, wanted: Problem, method: str | None, rounding: Rounding | None
) -> bool:
    """Whether a line is the one that an undisturbed sweep would have written, by its keys."""
    # Where a noise budget does not bind the table is the minimax one, whatever was asked for.
    methods = {method or ("remez" if wanted.criterion == "minimax" else "socp")}
    methods |= {"remez"} if wanted.direction == "noise" else set()
    found = (table.K, table.target, table.criterion, table.budget, table.release)
    needed = (wanted.K, wanted.target.name, wanted.criterion, wanted.budget, None)
    made = rounding.made(table.coefficients, table.grid) if rounding else table.grid is None
    same_maker = table.method in methods and table.version == __version__
    return found == needed and made and same_maker and dumps(table).encode() == line


def _asked(problem: Problem | None, rounding: Rounding | None) -> str:
    if problem is None:
        return "no more lines"
    budget = f", {problem.budget.kind}={problem.budget.value:g}" if problem.budget else ""
    grid = f", {rounding.kind}" if rounding else ""
    return f"K={problem.K}, {problem.target.name}, {problem.criterion}{budget}{grid}"


def _lock(stream: FileIO, part: Path) -> None:
    """Keep other sweeps out until the stream is closed or the process dies."""
    if sys.platform != "win32":
        import fcntl

        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise CannotStore(
                f"{part}: another sweep is writing it: wait for it, or name another file"
            ) from None


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


def _draft(final: Path) -> Path:
    return final.with_name(f".{final.name}.{os.getpid()}.tmp")


def _sync_folder(folder: Path) -> None:
    """Force a rename to disk, where the system lets a folder be opened."""
    with suppress(PermissionError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)

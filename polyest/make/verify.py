"""Table files proved again: every claim of every line, from the coefficients and the witness.

`making.verify` proves one table; here are files of them, and processes to share the work.
"""

import os
import re
from collections.abc import Callable, Iterator
from concurrent.futures import BrokenExecutor
from contextlib import contextmanager
from pathlib import Path
from random import Random
from stat import S_ISBLK, S_ISCHR, S_ISSOCK
from typing import Any

from polyest.errors import CorruptTable, NotProved
from polyest.make.pipeline import verify
from polyest.make.workers import processes
from polyest.tables import release
from polyest.tables.universal import loads

ALWAYS = 32  # K up to which a sample has every line
K_OF_LINE = re.compile(rb'"K": (\d{1,9})\b')

Line = tuple[bytes, str]  # and where it stands: file and number


def prove(
    path: str | os.PathLike[str],
    jobs: int = 1,
    progress: Callable[[int, int], None] | None = None,
    sample: int | None = None,
    seed: int = 0,
) -> int:
    """Prove every line of a table file; returns how many were proved.

    jobs: processes to share the lines between; progress: called with the number of lines proved and
    of all lines; sample: proves only K up to 32, and so many more, drawn by seed.  A file of the
    release must also be what was released.  Raises CorruptTable, or NotProved with file, line and
    claim, at the first line that fails; CorruptTable for a device and OSError for what is no file.
    """
    lines = _lines(Path(path))
    if sample is not None:
        lines = _drawn(lines, sample, f"{seed} {Path(path).name}")
    with _mapping(min(jobs, max(1, len(lines)))) as spread:
        for done, _ in enumerate(spread(_prove, lines), 1):
            if progress is not None:
                progress(done, len(lines))
    return len(lines)


def _lines(path: Path) -> list[Line]:
    mode = os.stat(path).st_mode
    if S_ISCHR(mode) or S_ISBLK(mode) or S_ISSOCK(mode):
        raise CorruptTable(f"{path}: is a device or a socket: expected a file of tables, or a pipe")
    content = path.read_bytes()
    if path.resolve().parent == Path(release.tables()).resolve():
        release.checked(str(path))
    if not content:
        raise CorruptTable(f"{path}: is empty: expected one table per line")
    lines = content.removesuffix(b"\n").split(b"\n")
    return [(line, f"{path}, line {number}") for number, line in enumerate(lines, 1)]


def _drawn(lines: list[Line], sample: int, seed: str) -> list[Line]:
    """Lines of K up to 32, or of no K that can be seen, and a sample of the others."""
    found = [K_OF_LINE.search(line) for line, _ in lines]
    large = [i for i, K in enumerate(found) if K is not None and int(K[1]) > ALWAYS]
    kept = set(Random(seed).sample(large, min(sample, len(large)))).union(
        set(range(len(lines))).difference(large)
    )
    return [lines[i] for i in sorted(kept)]


def _prove(line: Line) -> None:
    table = loads(*line)
    try:
        verify(table)
    except (MemoryError, ImportError):
        raise  # which says nothing of the table
    except Exception as error:  # whatever a foreign file does to a proof, it is not proved
        raise NotProved(f"{line[1]}: {error or type(error).__name__}") from None


@contextmanager
def _mapping(jobs: int) -> Iterator[Any]:
    """`map`, over processes where there is more than one."""
    if jobs == 1:
        yield map
        return
    try:
        with processes(jobs) as pool:
            yield pool.map
    except BrokenExecutor:
        raise NotProved(f"one of {jobs} processes died: use fewer of them") from None

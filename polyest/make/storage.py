"""This module writes a file completely or not at all, and as durably as the storage allows.

`put` writes the content beside the file under a temporary name, forces it to disk and renames it.
Missing folders are made, and removed again where nothing came to lie in them.
Some storage cannot do all of this: CIFS and FUSE often cannot force a folder to disk, and FAT keeps no
mode.  The file is written there too, and the warning NotPromised says what is missing.  Any other
failure, such as a full or a broken disk, raises CannotStore.
"""

import errno
import os
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from io import FileIO
from pathlib import Path
from secrets import token_hex
from stat import S_IMODE

from polyest.errors import CannotStore, NotPromised
from polyest.values import reason_of

Name = str | os.PathLike[str]

# The error numbers that mean "this storage has no such operation", of a file and of a folder.
UNABLE = {errno.EINVAL, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS}
UNABLE_OF_FOLDER = UNABLE | {errno.EBADF, errno.EACCES, errno.EPERM, errno.EISDIR}
ANYBODY = 0o222  # permission to write of the owner, the group and all others


def put(content: bytes, path: Name) -> None:
    """Write `content` to the file `path`, completely or not at all.

    The new file keeps the mode of the file that it replaces, and its owner and group if the system
    allows that.  Raises CannotStore, also if the old file is read-only; warns NotPromised.
    """
    final = destination(path)
    for doubt in replace(final, content, draft_of(final)):
        warnings.warn(doubt, stacklevel=2)


def destination(path: Name) -> Path:
    """Follow links to the file that `path` names, and check that a draft can be written beside it.

    Call it before anything is solved.  Raises CannotStore.
    """
    final = regular(path)
    attempt(draft_of(final), final)
    return final


def regular(path: Name) -> Path:
    """Follow links to the file that `path` names; raise CannotStore if it may not be replaced."""
    final = Path(os.path.realpath(path))
    with refusing(final):
        if final.is_symlink() or (final.exists() and not final.is_file()):
            kind = "a folder" if final.is_dir() else "not a regular file"
            raise OSError(0, f"this is {kind}")
        _replaceable(final)
    return final


def draft_of(final: Path, owner: str = "") -> Path:
    """Return the temporary name of a draft of the file: random, or with the name of its owner in it."""
    return final.with_name(f".{final.name}.{owner or token_hex(4)}.tmp")


def attempt(draft: Path, final: Path) -> None:
    """Raise CannotStore if no draft of the file can be written; leave nothing, and no folder."""
    with folders_of(final), refusing(final):
        draft.unlink(missing_ok=True)
        FileIO(draft, "x").close()
        draft.unlink()


@contextmanager
def folders_of(final: Path) -> Iterator[list[Path]]:
    """Make the missing folders above a file for a block; yield them, and remove afterwards what is empty.

    Raises CannotStore if one cannot be made.
    """
    missing = list[Path]()
    try:
        with refusing(final):
            missing += [folder for folder in reversed(final.parents) if not folder.exists()]
            final.parent.mkdir(parents=True, exist_ok=True)
        yield missing
    finally:
        for folder in reversed(missing):
            with suppress(OSError):  # it holds something now, or was never made
                folder.rmdir()


def replace(final: Path, content: bytes, draft: Path) -> list[NotPromised]:
    """Replace the file by a draft with this content; return warnings of what is not guaranteed."""
    doubts = list[NotPromised]()
    with folders_of(final) as made, refusing(final):
        try:
            before = _replaceable(final)
            draft.unlink(missing_ok=True)  # left by a killed process; a link is not followed
            with FileIO(draft, "x") as stream:
                if before is not None:
                    doubts += _made_like(before, draft, final)
                reason = append(stream, content)
            os.replace(draft, final)
            for folder in (final.parent, *(folder.parent for folder in reversed(made))):
                reason = reason or _undone(partial(_sync_folder, folder), UNABLE_OF_FOLDER)
        finally:
            with suppress(OSError):
                draft.unlink()
    return [*doubts, unforced(final, reason)] if reason else doubts


def append(stream: FileIO, content: bytes) -> str:
    """Write the content and force it to disk; return why the storage cannot force it, or ""."""
    rest = memoryview(content)
    while rest:
        rest = rest[stream.write(rest) :]
    return _undone(partial(os.fsync, stream.fileno()), UNABLE)


def unforced(path: Path, reason: str) -> NotPromised:
    """Return the warning for a file that was not forced to disk."""
    return NotPromised(
        f"{path}: the file is written, but its storage cannot force it to disk (fsync: {reason}), and a "
        "power failure may lose it: keep a copy on a local disk"
    )


@contextmanager
def refusing(path: Path) -> Iterator[None]:
    """Turn an OSError of the block into a CannotStore with the path and the repair."""
    try:
        yield
    except CannotStore:
        raise
    except OSError as error:
        raise CannotStore(
            f"{path}: {reason_of(error)}: expected a file in a folder that can be written; name another file"
        ) from None


def _replaceable(final: Path) -> os.stat_result | None:
    """Return the status of the file that will be replaced, or None if there is none.

    Raises CannotStore if the file is read-only.
    """
    try:
        status = os.stat(final)
    except FileNotFoundError:
        return None
    # os.access alone is not enough: it calls every file writable for root.
    if not status.st_mode & ANYBODY or not os.access(final, os.W_OK):
        raise CannotStore(
            f"{final}: the file is read-only, and is not replaced: make it writable (chmod u+w), or name "
            "another file"
        )
    return status


def _made_like(before: os.stat_result, draft: Path, final: Path) -> list[NotPromised]:
    """Give the draft the owner, group and mode of the file it replaces; warn if the mode differs."""
    if hasattr(os, "chown"):
        with suppress(OSError):  # the file is another user's, or the storage has no owners
            os.chown(draft, -1, before.st_gid)
            os.chown(draft, before.st_uid, -1)
    mode = S_IMODE(before.st_mode)
    reason = _undone(partial(os.chmod, draft, mode), UNABLE | {errno.EACCES, errno.EPERM})
    now = S_IMODE(os.stat(draft).st_mode)
    if now == mode:
        return []
    return [
        NotPromised(
            f"{final}: the file had mode {mode:o} and now has mode {now:o}, because its storage does not "
            f"keep modes ({reason or 'chmod does nothing'}): check who may read it"
        )
    ]


def _undone(action: Callable[[], None], unable: set[int]) -> str:
    """Do the action and return "", or the reason if its error is one of `unable`; raise other errors."""
    try:
        action()
    except OSError as error:
        if error.errno not in unable:
            raise
        return reason_of(error)
    return ""


def _sync_folder(folder: Path) -> None:
    """Force a rename to disk, except on Windows, which cannot open a folder."""
    if os.name == "nt":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)

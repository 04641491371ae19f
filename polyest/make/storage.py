"""Files written wholly or not at all, as safe as their storage allows.

`put` writes beside FILE under a temporary name, forces that to disk and renames it.  Storage that
lacks a part of this (CIFS and FUSE often cannot force a folder to disk, FAT keeps no mode) gets the
file all the same, with a warning NotPromised that says what is missing.  What fails for another
reason, as on a full or a broken disk, is CannotStore.
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

Name = str | os.PathLike[str]

# How a system says that a storage has no such operation, and how it says so of a folder.
UNABLE = {errno.EINVAL, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS}
UNABLE_OF_FOLDER = UNABLE | {errno.EBADF, errno.EACCES, errno.EPERM, errno.EISDIR}
ANYBODY = 0o222  # who may write


def put(content: bytes, path: Name) -> None:
    """Make `content` the file `path`, wholly or not at all.

    The file has the mode of the one that it replaces, and its owner and group where the system
    allows that.  Raises CannotStore, also where that one is read-only; warns NotPromised.
    """
    final = destination(path)
    for doubt in replace(final, content, draft_of(final)):
        warnings.warn(doubt, stacklevel=2)


def destination(path: Name) -> Path:
    """The file that `path` names, links followed, proved writable by a draft written beside it.

    Raises CannotStore; to be called before anything is solved.
    """
    final = regular(path)
    attempt(draft_of(final), final)
    return final


def regular(path: Name) -> Path:
    """The file that `path` names, links followed, if that is one that may change, or can become one."""
    final = Path(os.path.realpath(path))
    with refusing(final):
        if final.is_symlink() or (final.exists() and not final.is_file()):
            kind = "a folder" if final.is_dir() else "no regular file"
            raise OSError(0, f"this is {kind}")
        _replaceable(final)
    return final


def draft_of(final: Path, owner: str = "") -> Path:
    """Where the content of a file is written first: a name that nobody else uses, or the owner's."""
    return final.with_name(f".{final.name}.{owner or token_hex(4)}.tmp")


def attempt(draft: Path, final: Path) -> None:
    """Raise CannotStore where no draft of a file can be written."""
    with refusing(final):
        draft.unlink(missing_ok=True)
        FileIO(draft, "x").close()
        draft.unlink()


def replace(final: Path, content: bytes, draft: Path) -> list[NotPromised]:
    """Put the content in the place of a file by way of a draft; what is not promised of it."""
    doubts = list[NotPromised]()
    try:
        with refusing(final):
            before = _replaceable(final)
            draft.unlink(missing_ok=True)  # of one that was killed; never followed, if it is a link
            with FileIO(draft, "x") as stream:
                if before is not None:
                    doubts += _made_like(before, draft, final)
                reason = append(stream, content)
            os.replace(draft, final)
            reason = reason or _undone(partial(_sync_folder, final.parent), UNABLE_OF_FOLDER)
    finally:
        with suppress(OSError):
            draft.unlink()
    return doubts + [unforced(final, reason)] * bool(reason)


def append(stream: FileIO, content: bytes) -> str:
    """Write the content and force it to disk; why its storage cannot be forced, or nothing."""
    rest = memoryview(content)
    while rest:
        rest = rest[stream.write(rest) :]
    return _undone(partial(os.fsync, stream.fileno()), UNABLE)


def unforced(path: Path, reason: str) -> NotPromised:
    """What is to be said of a file that was not forced to disk."""
    return NotPromised(
        f"{path}: is written, but its storage does not promise to keep it when the power fails "
        f"(fsync: {reason}): keep a copy on a local disk"
    )


@contextmanager
def refusing(path: Path) -> Iterator[None]:
    """Turn what the system says into one line with the path and the repair."""
    try:
        yield
    except CannotStore:
        raise
    except OSError as error:
        raise CannotStore(
            f"{path}: {said(error)}: expected a file in a folder that can be written; name another"
        ) from None


def said(error: OSError) -> str:
    """The reason that the system gives."""
    return (error.strerror or str(error)).lower()


def _replaceable(final: Path) -> os.stat_result | None:
    """What the system knows of the file that is to be replaced, None where there is none."""
    try:
        found = os.stat(final)
    except FileNotFoundError:
        return None
    # The bits are looked at too: to root every file is writable.
    if not found.st_mode & ANYBODY or not os.access(final, os.W_OK):
        raise CannotStore(
            f"{final}: is read-only, and is not replaced: make it writable (chmod u+w) or name another"
        )
    return found


def _made_like(before: os.stat_result, draft: Path, final: Path) -> list[NotPromised]:
    """Give a draft the owner, group and mode of what it replaces; whether the mode was not taken."""
    if hasattr(os, "chown"):
        with suppress(OSError):  # of somebody else's file, and where storage knows no owners
            os.chown(draft, -1, before.st_gid)
            os.chown(draft, before.st_uid, -1)
    mode = S_IMODE(before.st_mode)
    reason = _undone(partial(os.chmod, draft, mode), UNABLE | {errno.EACCES, errno.EPERM})
    now = S_IMODE(os.stat(draft).st_mode)
    if now == mode:
        return []
    return [
        NotPromised(
            f"{final}: had mode {mode:o} and now has {now:o}, as its storage keeps no other "
            f"({reason or 'chmod does nothing'}): see who may read it"
        )
    ]


def _undone(action: Callable[[], None], unable: set[int]) -> str:
    """Do it; why the storage is not able to, or nothing.  What fails for another reason is raised."""
    try:
        action()
    except OSError as error:
        if error.errno not in unable:
            raise
        return said(error)
    return ""


def _sync_folder(folder: Path) -> None:
    """Force a rename to disk, but on Windows, which opens no folder."""
    if os.name == "nt":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)

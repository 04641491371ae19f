"""This module opens a file to which one sweep at a time appends lines; a lock keeps other sweeps out.

The lock is the operating system's own (flock), on the file itself.  The system releases it when the
process ends, for whatever reason, so no stale lock is left behind.  Some storage has no locks (NFS or
Lustre mounted without them, Windows).  The file is written there too, and `unlocked` says why it has
no lock.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from io import FileIO
from pathlib import Path
from weakref import WeakSet

from polyest.errors import CannotStore, NotPromised
from polyest.make.storage import append, folders_of, refusing, unforced
from polyest.values import reason_of

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

OPENINGS = 100  # attempts to lock the file that the path names; no race fails so often


@dataclass
class Growing:
    """A file that is open for appending.

    fresh: whether the file did not exist before; unlocked: the reason why it has no lock, or "";
    unforced: the warning that its storage cannot force writes to disk, in a list that is empty otherwise.
    """

    path: Path
    stream: FileIO
    fresh: bool
    unlocked: str
    unforced: list[NotPromised] = field(default_factory=list)

    def lines(self) -> tuple[list[bytes], bytes]:
        """Return the complete lines, without their line ends, and the bytes after the last line end."""
        with refusing(self.path):
            self.stream.seek(0)
            *whole, rest = self.stream.readall().split(b"\n")
        return whole, rest

    def cut(self, size: int) -> None:
        """Truncate the file to `size` bytes."""
        with refusing(self.path):
            os.truncate(self.stream.fileno(), size)

    def append(self, content: bytes) -> None:
        """Append the content to the file and force it to disk."""
        with refusing(self.path):
            reason = append(self.stream, content)
        self.unforced = [unforced(self.path, reason)] if reason else []

    def remove(self) -> None:
        """Remove the file while it is still locked, so that no other sweep starts to write it."""
        if fcntl is None:
            self.stream.close()  # Windows cannot remove an open file
        with refusing(self.path):
            self.path.unlink(missing_ok=True)

    def remove_if_empty(self) -> None:
        """Remove the file if it is empty and no other sweep can have started to write it."""
        ours = self.fresh or not self.unlocked
        if ours and not self.stream.closed and os.fstat(self.stream.fileno()).st_size == 0:
            self.remove()

    def not_alone(self) -> NotPromised:
        """Return the warning for a file without a lock."""
        return NotPromised(
            f"{self.path}: the file cannot be locked ({self.unlocked}), so a second sweep into it would "
            "not be stopped: start none until this one has ended"
        )


@contextmanager
def growing(path: Path) -> Iterator[Growing]:
    """Open and lock the file for the duration of the block; remove it afterwards if it is empty.

    Missing folders are made, and removed again if nothing came to lie in them.
    """
    with folders_of(path), _opened(path) as grown:
        try:
            yield grown
        finally:
            with suppress(OSError):  # it would hide the error that ended the block
                grown.remove_if_empty()


@contextmanager
def _opened(path: Path) -> Iterator[Growing]:
    """Open and lock the file that the path names when it is locked."""
    openings = 0
    while True:
        openings += 1
        with refusing(path):
            if path.is_symlink() or (path.exists() and not path.is_file()):
                raise OSError(0, "this is not a regular file")
            fresh = not path.exists()
            stream = FileIO(path, "a+")
        with stream:
            unlocked = _locked(stream, path)
            if not unlocked and not _is_still(path, stream):
                if openings < OPENINGS:
                    continue  # the file was renamed or removed before it was locked
                unlocked = "its storage reports another file each time it is asked"
            yield Growing(path, stream, fresh, unlocked)
            return


def _is_still(path: Path, stream: FileIO) -> bool:
    """Return whether the path still names the open file."""
    with refusing(path), suppress(FileNotFoundError):
        return os.path.samestat(os.stat(path), os.fstat(stream.fileno()))
    return False


def _locked(stream: FileIO, path: Path) -> str:
    """Lock the file until the stream is closed or the process ends; return why it cannot be, or ""."""
    if fcntl is None:
        return "this system has no flock"
    try:
        fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise CannotStore(
            f"{path}: another sweep is writing to this file: wait until it has ended, or name another file"
        ) from None
    except OSError as error:  # a sweep does not need the lock and goes on without it
        return reason_of(error)
    _LOCKED.add(stream)
    return ""


_LOCKED: "WeakSet[FileIO]" = WeakSet()


def _let_go() -> None:
    """Close the locked files in a forked child, whose copies of them would keep the locks."""
    for stream in list(_LOCKED):
        stream.close()


if hasattr(os, "register_at_fork"):  # Windows does not fork
    os.register_at_fork(after_in_child=_let_go)

"""A file that grows piece by piece: one sweep at a time, as far as its storage has locks.

The lock is the system's own (flock) on the file itself: it ends with the process, however that ends,
and leaves nothing behind.  Where there is none (NFS or Lustre mounted without, Windows) the file
grows all the same, and is known to be `unlocked`.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from io import FileIO
from pathlib import Path
from weakref import WeakSet

from polyest.errors import CannotStore, NotPromised
from polyest.make.storage import append, refusing, said, unforced

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

OPENINGS = 100  # of a file that is another at each look: so many are no accident


@dataclass
class Growing:
    """A file open for appending.

    fresh: whether it was not there before; unlocked: why it has no lock, or nothing; unforced: the
    warning that its storage cannot be forced, or none.
    """

    path: Path
    stream: FileIO
    fresh: bool
    unlocked: str
    unforced: list[NotPromised] = field(default_factory=list)

    def lines(self) -> tuple[list[bytes], bytes]:
        """The lines that have their end, without it, and what follows the last of them."""
        with refusing(self.path):
            self.stream.seek(0)
            *whole, rest = self.stream.readall().split(b"\n")
        return whole, rest

    def cut(self, size: int) -> None:
        """Take off what is beyond so many bytes."""
        with refusing(self.path):
            os.truncate(self.stream.fileno(), size)

    def append(self, content: bytes) -> None:
        """Write the content behind what is there, and force it to disk."""
        with refusing(self.path):
            reason = append(self.stream, content)
        self.unforced = [unforced(self.path, reason)] * bool(reason)

    def remove(self) -> None:
        """Take the file away while it is still locked, so that nobody begins to write it."""
        if fcntl is None:
            self.stream.close()  # Windows removes no file that is open
        with refusing(self.path):
            self.path.unlink(missing_ok=True)

    def remove_if_empty(self) -> None:
        """Take the file away if nothing is in it and nobody else can have begun to write it."""
        ours = self.fresh or not self.unlocked
        if ours and not self.stream.closed and os.fstat(self.stream.fileno()).st_size == 0:
            self.remove()

    def not_alone(self) -> NotPromised:
        """What is to be said where it is unlocked."""
        return NotPromised(
            f"{self.path}: has no lock ({self.unlocked}), and nothing keeps a second sweep out: "
            "start none until this one has ended"
        )


@contextmanager
def growing(path: Path) -> Iterator[Growing]:
    """The file, open for this block alone; where nothing is in it at the end it is taken away."""
    openings = 0
    while True:
        openings += 1
        with refusing(path):
            if path.is_symlink() or (path.exists() and not path.is_file()):
                raise OSError(0, "no regular file")
            fresh = not path.exists()
            stream = FileIO(path, "a+")
        with stream:
            unlocked = _locked(stream, path)
            if not unlocked and not _is_still(path, stream):
                if openings < OPENINGS:
                    continue  # it was renamed or removed before it was locked
                unlocked = "its storage takes it for another at every look"
            grown = Growing(path, stream, fresh, unlocked)
            try:
                yield grown
            finally:
                with suppress(OSError):  # in whose place the reason for the end would be lost
                    grown.remove_if_empty()
            return


def _is_still(path: Path, stream: FileIO) -> bool:
    with refusing(path), suppress(FileNotFoundError):
        return os.path.samestat(os.stat(path), os.fstat(stream.fileno()))
    return False


def _locked(stream: FileIO, path: Path) -> str:
    """Keep others out until the stream is closed or the process dies; why that cannot be, or nothing."""
    if fcntl is None:
        return "this system has none that is used"
    try:
        fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise CannotStore(
            f"{path}: another sweep is writing it: wait for it, or name another file"
        ) from None
    except OSError as error:  # whatever it is: what does not need a lock goes on
        return said(error)
    _LOCKED.add(stream)
    return ""


_LOCKED: "WeakSet[FileIO]" = WeakSet()


def _let_go() -> None:
    for stream in list(_LOCKED):
        stream.close()


if hasattr(os, "register_at_fork"):  # a forked worker of somebody's executor would keep the lock
    os.register_at_fork(after_in_child=_let_go)

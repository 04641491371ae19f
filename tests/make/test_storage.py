"""Storage that does less than a local disk: the result is there, and a warning says what is missing.

Folders that cannot be forced to disk are those of CIFS and FUSE, files without locks those of some NFS
and Lustre, and of Windows.
"""

import errno
import os
import stat
import subprocess
import sys
import warnings
from contextlib import suppress
from pathlib import Path

import pytest
from commands import MINIMAX, names, refused, run

from polyest.errors import CannotStore, NotPromised
from polyest.make import growing, storage
from polyest.make import sweep as sweeping
from polyest.make.pipeline import solve
from polyest.make.storage import put
from polyest.make.sweep import sweep, write
from polyest.tables.format import dumps

KS = range(1, 4)
KEYWORDS = {"criterion": "minimax"}
EVERY = sorted(errno.errorcode)
ABSENT = {errno.EINVAL, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS}
ABSENT_OF_FOLDER = ABSENT | {errno.EBADF, errno.EACCES, errno.EPERM, errno.EISDIR}
HELD = {errno.EAGAIN, errno.EWOULDBLOCK, errno.EALREADY, errno.EINPROGRESS}


@pytest.fixture(scope="module")
def whole() -> bytes:
    """Bytes of an undisturbed sweep of KS."""
    return b"".join(dumps(solve(K, **KEYWORDS)).encode() + b"\n" for K in KS)


def failing(number):
    def fail(*given, **named):
        raise OSError(number, os.strerror(number))

    return fail


def unsynced(monkeypatch, number, *, folders):
    """fsync fails, of folders or of files."""
    real = os.fsync

    def sync(handle):
        if stat.S_ISDIR(os.fstat(handle).st_mode) == folders:
            failing(number)()
        real(handle)

    monkeypatch.setattr(os, "fsync", sync)


def warned(call, *given, **named):
    """What a call warns of."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        call(*given, **named)
    assert {warning.category for warning in caught} <= {NotPromised}
    return [str(warning.message) for warning in caught]


# What cannot be forced to disk


@pytest.mark.parametrize("number", EVERY)
@pytest.mark.parametrize("folders", [True, False], ids=["folder", "file"])
def test_what_cannot_be_forced_is_there_with_a_warning_and_what_fails_is_an_error(
    tmp_path, monkeypatch, whole, folders, number
):
    path, part = tmp_path / "t.jsonl", tmp_path / "t.jsonl.part"
    path.write_text("before")
    unsynced(monkeypatch, number, folders=folders)
    if number in (ABSENT_OF_FOLDER if folders else ABSENT):
        for call in (lambda: put(whole, path), lambda: sweep(KS, path, **KEYWORDS)):
            (said,) = warned(call)
            assert said.startswith(
                f"{path}: the file is written, but its storage cannot force it to disk"
            )
            assert os.strerror(number).lower() in said
            assert said.endswith("keep a copy on a local disk")
            assert path.read_bytes() == whole
            assert names(tmp_path) == ["t.jsonl"]
        return
    for call in (lambda: put(whole, path), lambda: sweep(KS, path, **KEYWORDS)):
        path.write_text("before")
        with pytest.raises(CannotStore, match=r"t\.jsonl.*: expected a file in a folder that can"):
            call()
        assert path.read_bytes() == (whole if folders else b"before")
    assert names(tmp_path) == ["t.jsonl", "t.jsonl.part"]
    assert whole.startswith(part.read_bytes())
    monkeypatch.undo()
    assert warned(sweep, KS, path, **KEYWORDS) == []
    assert names(tmp_path) == ["t.jsonl"]


def test_a_folder_that_cannot_be_opened_is_one_that_cannot_be_forced(tmp_path, monkeypatch):
    real = os.open

    def opened(path, flags, *rest, **named):
        if os.path.isdir(path):
            raise PermissionError(errno.EACCES, "Permission denied")
        return real(path, flags, *rest, **named)

    monkeypatch.setattr(os, "open", opened)
    (said,) = warned(write, solve(1, **KEYWORDS), tmp_path / "t.json")
    assert "fsync: permission denied" in said
    assert names(tmp_path) == ["t.json"]


def test_a_sweep_that_fails_says_that_its_lines_are_not_forced(tmp_path, monkeypatch, whole):
    def failing_at_3(K, **keywords):
        if K == 3:
            raise KeyError("mine")
        return solve(K, **keywords)

    monkeypatch.setattr(sweeping, "solve", failing_at_3)
    unsynced(monkeypatch, errno.EINVAL, folders=False)
    with (
        pytest.warns(NotPromised, match=r"t\.jsonl\.part: the file is written, but"),
        pytest.raises(KeyError),
    ):
        sweep(KS, tmp_path / "t.jsonl", **KEYWORDS)
    lines = whole.splitlines(keepends=True)
    assert (tmp_path / "t.jsonl.part").read_bytes() == lines[0] + lines[1]


@pytest.mark.parametrize("words", [("--K", 2), ("--K", "1:3")])
def test_a_command_says_it_in_one_line(tmp_path, monkeypatch, words):
    unsynced(monkeypatch, errno.EINVAL, folders=True)
    result = run("solve", *words, *MINIMAX, "--out", tmp_path / "t.json")
    assert result.exit_code == 0
    said = [line for line in result.stderr.splitlines() if "warning" in line]
    assert len(said) == 1
    assert said[0].startswith(f"polyest: warning: {tmp_path}/t.json: the file is written, but ")
    assert result.stderr.splitlines()[-1] == f"polyest: wrote {tmp_path}/t.json"


# What has no lock


@pytest.mark.parametrize("number", EVERY)
def test_without_a_lock_a_sweep_ends_and_says_that_it_is_not_alone(
    tmp_path, monkeypatch, whole, number
):
    path = tmp_path / "t.jsonl"
    monkeypatch.setattr(growing.fcntl, "flock", failing(number))
    if number in HELD:
        with pytest.raises(CannotStore, match="another sweep is writing to this file"):
            sweep(KS, path, **KEYWORDS)
        return
    (said,) = warned(sweep, KS, path, **KEYWORDS)
    assert said.startswith(
        f"{path}.part: the file cannot be locked ({os.strerror(number).lower()})"
    )
    assert said.endswith("start none until this one has ended")
    assert path.read_bytes() == whole
    assert names(tmp_path) == ["t.jsonl"]


def test_a_system_without_locks_says_so_too(tmp_path, monkeypatch, whole):
    """Such a system is Windows, where a file that is open cannot be removed either."""
    real = Path.unlink

    def unlink(path, missing_ok=False):
        if path.exists():
            descriptors = Path("/proc/self/fd").iterdir()
            assert path not in {Path(os.path.realpath(link)) for link in descriptors}
        real(path, missing_ok)

    monkeypatch.setattr(growing, "fcntl", None)
    if os.path.isdir("/proc/self/fd"):
        monkeypatch.setattr(Path, "unlink", unlink)
    (said,) = warned(sweep, KS, tmp_path / "t.jsonl", **KEYWORDS)
    assert "cannot be locked (this system has no flock)" in said
    assert (tmp_path / "t.jsonl").read_bytes() == whole
    assert names(tmp_path) == ["t.jsonl"]


def test_it_is_known_only_where_the_lock_is_missing_from_python():
    program = "import sys; sys.modules['fcntl'] = None\nfrom polyest.make.growing import fcntl\nprint(fcntl)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    assert done.stdout.split() == [b"None"]
    assert growing.fcntl is not None or sys.platform == "win32"


@pytest.mark.parametrize("raised", [True, False])
def test_nothing_empty_stays_where_there_is_no_lock(tmp_path, monkeypatch, raised):
    monkeypatch.setattr(growing.fcntl, "flock", failing(errno.ENOLCK))
    monkeypatch.setattr(sweeping, "solve", failing(errno.EIO))
    heard = pytest.raises(NotPromised) if raised else pytest.warns(NotPromised)
    with heard, suppress(OSError):
        sweep(KS, tmp_path / "t.jsonl", **KEYWORDS)
    assert names(tmp_path) == []


def test_an_empty_part_that_may_be_somebody_elses_stays_where_there_is_no_lock(
    tmp_path, monkeypatch
):
    (tmp_path / "t.jsonl.part").touch()
    monkeypatch.setattr(growing.fcntl, "flock", failing(errno.ENOLCK))
    monkeypatch.setattr(sweeping, "solve", failing(errno.EIO))
    with pytest.warns(NotPromised), pytest.raises(OSError, match="Input/output error"):
        sweep(KS, tmp_path / "t.jsonl", **KEYWORDS)
    assert names(tmp_path) == ["t.jsonl.part"]


def test_files_that_are_numbered_anew_at_each_look_do_not_hold_a_sweep_up(
    tmp_path, monkeypatch, whole
):
    """As of network drives that do not know the numbers of the server."""
    monkeypatch.setattr(os.path, "samestat", lambda a, b: False)
    (said,) = warned(sweep, KS, tmp_path / "t.jsonl", **KEYWORDS)
    assert "cannot be locked (its storage reports another file each time it is asked)" in said
    assert (tmp_path / "t.jsonl").read_bytes() == whole
    assert names(tmp_path) == ["t.jsonl"]


@pytest.mark.parametrize("when", KS)
def test_two_sweeps_that_nothing_keeps_apart_both_end_in_a_whole_file(
    tmp_path, monkeypatch, whole, when
):
    path, within = tmp_path / "t.jsonl", []

    def meanwhile(K, **keywords):
        if not within and when == K:
            within.append(K)
            sweep(KS, path, **KEYWORDS)
            assert path.read_bytes() == whole
        return solve(K, **keywords)

    monkeypatch.setattr(growing.fcntl, "flock", failing(errno.ENOLCK))
    monkeypatch.setattr(sweeping, "solve", meanwhile)
    with pytest.warns(NotPromised, match="cannot be locked"):
        sweep(KS, path, **KEYWORDS)
    assert within
    assert path.read_bytes() == whole
    assert names(tmp_path) == ["t.jsonl"]


def test_two_writers_of_one_file_do_not_share_a_draft(tmp_path, monkeypatch):
    """A writer that is overtaken, in a thread or on another machine, renames nothing half written."""
    path, real, within = tmp_path / "t", storage.append, []

    def overtaken(stream, content):
        if not within:
            within.append(stream)
            put(b"second", path)
            assert path.read_bytes() == b"second"
        return real(stream, content)

    monkeypatch.setattr(storage, "append", overtaken)
    put(b"first", path)
    assert path.read_bytes() == b"first"
    assert names(tmp_path) == ["t"]


# Who may read and write


@pytest.fixture(params=[0o022, 0o077, 0o002])
def umask(request):
    before = os.umask(request.param)
    yield request.param
    os.umask(before)


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


def test_a_new_file_has_the_mode_of_any_new_file(tmp_path, umask):
    put(b"new", tmp_path / "t")
    sweep(KS, tmp_path / "t.jsonl", **KEYWORDS)
    assert mode(tmp_path / "t") == mode(tmp_path / "t.jsonl") == 0o666 & ~umask


@pytest.mark.parametrize("given", [0o600, 0o640, 0o644, 0o664, 0o666, 0o755, 0o200])
def test_a_file_that_is_replaced_leaves_its_mode(tmp_path, umask, whole, given):
    path = tmp_path / "t.jsonl"
    for call in (
        lambda: put(whole, path),
        lambda: sweep(KS, path, **KEYWORDS),
        lambda: run("solve", "--K", "1:3", *MINIMAX, "--out", path),
    ):
        path.write_text("before")
        path.chmod(given)
        call()
        assert path.stat().st_size == len(whole)
        assert mode(path) == given


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="root gives files away")
def test_a_file_that_is_replaced_leaves_its_owner_where_that_is_allowed(tmp_path):
    path = tmp_path / "t"
    path.write_text("before")
    os.chown(path, 4321, 1234)
    path.chmod(0o640)
    put(b"after", path)
    assert (path.stat().st_uid, path.stat().st_gid, mode(path)) == (4321, 1234, 0o640)


@pytest.mark.parametrize("call", [failing(errno.EPERM), failing(errno.ENOTSUP), lambda *_: None])
def test_a_mode_that_the_storage_does_not_keep_is_said(tmp_path, monkeypatch, call):
    path = tmp_path / "t"
    path.write_text("before")
    path.chmod(0o606)
    monkeypatch.setattr(os, "chmod", call)
    (said,) = warned(put, b"after", path)
    assert said.startswith(f"{path}: the file had mode 606 and now has mode {mode(path):o}")
    assert said.endswith("check who may read it")
    assert path.read_bytes() == b"after"


@pytest.mark.parametrize("given", [0o444, 0o400, 0o555, 0])
def test_a_read_only_file_is_not_replaced_without_a_word(tmp_path, monkeypatch, given):
    path = tmp_path / "t.jsonl"
    path.write_text("precious")
    path.chmod(given)
    table = solve(1, **KEYWORDS)
    # Whoever solves nevertheless fails with another error than the one expected here.
    monkeypatch.setattr(sweeping, "solve", None)
    monkeypatch.setattr("polyest.make.pipeline._run", None)
    repair = "make it writable (chmod u+w), or name another file"
    message = f"{path}: the file is read-only, and is not replaced: {repair}"
    for call in (
        lambda: write(table, path),
        lambda: put(b"other", path),
        lambda: sweep(KS, path, **KEYWORDS),
    ):
        with pytest.raises(CannotStore) as caught:
            call()
        assert str(caught.value) == message
    assert refused("solve", "--K", 1, *MINIMAX, "--out", path) == message
    assert refused("solve", "--K", "1:3", *MINIMAX, "--out", path) == message
    path.chmod(0o644)
    assert path.read_text() == "precious"
    assert names(tmp_path) == ["t.jsonl"]


def test_a_file_that_became_read_only_meanwhile_is_not_replaced_either(
    tmp_path, monkeypatch, whole
):
    path = tmp_path / "t.jsonl"
    path.write_text("precious")

    def protecting(K, **keywords):
        path.chmod(0o444)
        return solve(K, **keywords)

    monkeypatch.setattr(sweeping, "solve", protecting)
    with pytest.raises(CannotStore, match="is read-only, and is not replaced"):
        sweep(KS, path, **KEYWORDS)
    assert path.read_text() == "precious"
    assert (tmp_path / "t.jsonl.part").read_bytes() == whole
    assert names(tmp_path) == ["t.jsonl", "t.jsonl.part"]


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="needs users")
def test_a_file_that_somebody_else_may_write_is_read_only_too(tmp_path, monkeypatch):
    path = tmp_path / "t"
    path.write_text("precious")
    monkeypatch.setattr(os, "access", lambda *_: False)
    with pytest.raises(CannotStore, match="is read-only, and is not replaced"):
        put(b"other", path)
    assert path.read_text() == "precious"

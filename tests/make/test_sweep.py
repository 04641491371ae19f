"""`sweep` and `write`: whole lines only, resumed after an interruption, and what is refused beforehand."""

import errno
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from commands import hearing
from copies import replace

import polyest
from polyest.errors import CorruptTable, InvalidProblem, PolyestError, Unattainable
from polyest.make import sweep as sweeping
from polyest.make.pipeline import solve
from polyest.make.sweep import CannotStore, sweep, write
from polyest.tables.format import dumps, loads

KS = range(1, 6)
MINIMAX = {"criterion": "minimax"}


@pytest.fixture(scope="module")
def whole() -> bytes:
    """Bytes of an undisturbed sweep of KS."""
    return b"".join(dumps(solve(K, **MINIMAX)).encode() + b"\n" for K in KS)


@pytest.fixture
def counted(monkeypatch):
    """The K that are solved, in order."""
    solved = []

    def counting(K, **keywords):
        solved.append(K)
        return solve(K, **keywords)

    monkeypatch.setattr(sweeping, "solve", counting)
    return solved


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_sweep_writes_one_line_per_K_and_leaves_nothing_else(tmp_path, whole):
    seen = []

    def report(done, total, table):
        seen.append((done, total, table and table.K))

    sweep(KS, tmp_path / "t.jsonl", report, **MINIMAX)
    assert (tmp_path / "t.jsonl").read_bytes() == whole
    assert [loads(line).K for line in whole.splitlines()] == list(KS)
    assert names(tmp_path) == ["t.jsonl"]
    assert seen == [(0, 5, None), *((K, 5, K) for K in KS)]


@pytest.mark.parametrize("kept", [0, 1, 4, 5])
@pytest.mark.parametrize("cut", [b"", b"{", b'{"schema": 1, "rel', "half"])
def test_sweep_goes_on_after_the_last_whole_line(tmp_path, whole, counted, kept, cut):
    lines = whole.splitlines(keepends=True)
    if cut == "half":
        cut = lines[min(kept, 4)][:-1]  # a whole object, but the line never ended
    (tmp_path / "t.jsonl.part").write_bytes(b"".join(lines[:kept]) + cut)
    sweep(KS, tmp_path / "t.jsonl", **MINIMAX)
    assert counted == list(KS)[kept:]
    assert (tmp_path / "t.jsonl").read_bytes() == whole
    assert names(tmp_path) == ["t.jsonl"]


@pytest.mark.parametrize("order", [[2], [4, 1], [3, 5, 1, 2], [5, 4, 3, 2, 1]])
def test_lines_are_kept_in_any_order_and_end_in_that_of_K(tmp_path, whole, counted, order):
    """Processes end in any order, and the file has its lines in that of K."""
    lines = whole.splitlines(keepends=True)
    (tmp_path / "t.jsonl.part").write_bytes(b"".join(lines[K - 1] for K in order) + lines[4][:70])
    sweep(KS, tmp_path / "t.jsonl", **MINIMAX)
    assert counted == [K for K in KS if K not in order]
    assert (tmp_path / "t.jsonl").read_bytes() == whole
    assert names(tmp_path) == ["t.jsonl"]


def _other_K(K: int) -> bytes:
    return dumps(solve(K, **MINIMAX)).encode() + b"\n"


def _with_other(line: bytes, **changes) -> bytes:
    return dumps(replace(loads(line), **changes)).encode() + b"\n"


SPOILED = {
    "goes further than this range": lambda lines: [*lines, _other_K(6)],
    "a K twice": lambda lines: [lines[2], lines[0], lines[2]],
    "another criterion": lambda lines: [dumps(solve(1, noise=2)).encode() + b"\n"],
    "another target": lambda lines: [dumps(solve(1, "power:0.5", **MINIMAX)).encode() + b"\n"],
    "another method": lambda lines: [_with_other(lines[0], method="lp")],
    "another release": lambda lines: [_with_other(lines[0], release="v1")],
    "another version": lambda lines: [lines[0].replace(b'"polyest": "', b'"polyest": "9.')],
    "other spacing": lambda lines: [lines[0].replace(b": ", b":")],
    "a broken line before whole ones": lambda lines: [lines[0], lines[1][:50] + b"\n", lines[2]],
    "an empty line": lambda lines: [b"\n", *lines],
    "somebody's notes": lambda lines: [b"buy milk\n"],
    "somebody's notes without a line end": lambda lines: [b"buy milk"],
    "zeros after a crash": lambda lines: [lines[0], b"\0" * 100],
}


@pytest.mark.parametrize("spoil", SPOILED.values(), ids=SPOILED.keys())
def test_a_part_of_something_else_is_refused_and_kept(tmp_path, whole, counted, spoil):
    part = tmp_path / "t.jsonl.part"
    content = b"".join(spoil(whole.splitlines(keepends=True)))
    part.write_bytes(content)
    with pytest.raises((CannotStore, CorruptTable), match=r"t\.jsonl\.part"):
        sweep(KS, tmp_path / "t.jsonl", **MINIMAX)
    assert part.read_bytes() == content
    assert names(tmp_path) == ["t.jsonl.part"]
    assert counted == []


def test_the_message_of_a_foreign_part_has_value_expectation_and_repair(tmp_path, whole):
    (tmp_path / "t.jsonl.part").write_bytes(whole)
    with pytest.raises(CannotStore) as caught:
        sweep(range(2, 4), tmp_path / "t.jsonl", **MINIMAX)
    message = str(caught.value)
    assert "line 1: holds <polyest table K=1, log, minimax" in message
    assert "one of this sweep, K=2..3, log, minimax, polyest" in message
    assert message.endswith("finish the other sweep first, or move its file away")


def test_a_noise_budget_that_does_not_bind_is_resumed_too(tmp_path, counted):
    # there the table is the minimax one, of another method than was asked for
    line = dumps(solve(1)).encode() + b"\n"
    assert loads(line).method == "remez"
    (tmp_path / "t.jsonl.part").write_bytes(line)
    sweep(range(1, 2), tmp_path / "t.jsonl")
    assert (tmp_path / "t.jsonl").read_bytes() == line
    assert counted == []


def test_two_sweeps_do_not_write_one_file(tmp_path, whole, monkeypatch):
    def meanwhile(K, **keywords):
        if K == 2:
            with pytest.raises(CannotStore, match="another sweep is writing to this file"):
                sweep(KS, tmp_path / "t.jsonl", **MINIMAX)
        return solve(K, **keywords)

    monkeypatch.setattr(sweeping, "solve", meanwhile)
    sweep(KS, tmp_path / "t.jsonl", **MINIMAX)
    assert (tmp_path / "t.jsonl").read_bytes() == whole


@pytest.mark.parametrize("Ks", [[], [3, 2], [2, 2], [0, 1], [1, 2.5]])
def test_a_range_that_does_not_ascend_is_refused(tmp_path, Ks):
    with pytest.raises(InvalidProblem):
        sweep(Ks, tmp_path / "t.jsonl", **MINIMAX)
    assert names(tmp_path) == []


def test_a_bad_K_at_the_end_is_refused_before_the_first_is_solved(tmp_path, counted):
    with pytest.raises(InvalidProblem, match="K = 41 is too large for a stored minimax table"):
        sweep(range(1, 42), tmp_path / "t.jsonl", **MINIMAX)
    assert counted == []
    assert names(tmp_path) == []


def test_an_error_leaves_the_finished_lines_and_no_empty_file(tmp_path, whole, monkeypatch):
    with pytest.raises(Unattainable, match="the least that a table of"):
        sweep(KS, tmp_path / "t.jsonl", bias=1e-6)
    assert names(tmp_path) == []

    def failing(K, **keywords):
        if K == 3:
            raise Unattainable("no")
        return solve(K, **keywords)

    monkeypatch.setattr(sweeping, "solve", failing)
    with pytest.raises(Unattainable):
        sweep(KS, tmp_path / "t.jsonl", **MINIMAX)
    assert names(tmp_path) == ["t.jsonl.part"]
    lines = whole.splitlines(keepends=True)
    assert (tmp_path / "t.jsonl.part").read_bytes() == lines[0] + lines[1]


@pytest.mark.parametrize("K", [1, 8])
def test_write_then_load_gives_the_same_table(tmp_path, K):
    table = solve(K, **MINIMAX)
    (tmp_path / "t.json").write_text("what was there before")
    write(table, tmp_path / "t.json")
    line = (tmp_path / "t.json").read_text()
    assert line == dumps(table) + "\n"
    assert loads(line).coefficients.tolist() == table.coefficients.tolist()
    assert names(tmp_path) == ["t.json"]


def test_write_refuses_a_minimax_table_above_40(tmp_path):
    with pytest.raises(InvalidProblem, match=r"too large for a stored minimax table.*2\^K"):
        write(solve(41, **MINIMAX), tmp_path / "t.json")
    write(solve(40, **MINIMAX), tmp_path / "t.json")
    assert names(tmp_path) == ["t.json"]


PLACES = {
    "a folder": ".",
    "below a file": "file/t.json",
    "a folder below a file": "file/folder/t.json",
    "a device": "/dev/full",
    "a folder that takes no files": "/proc/t.json",
    "a name too long": "t" * 300,
    "a loop of links": "loop",
}


@pytest.mark.parametrize("place", PLACES.values(), ids=PLACES.keys())
def test_a_place_that_takes_no_file_is_refused_before_solving(tmp_path, counted, place):
    (tmp_path / "file").write_text("x")
    (tmp_path / "loop").symlink_to("loop")
    path, before = tmp_path / place, names(tmp_path)
    with pytest.raises(CannotStore, match="name another"):
        sweep(KS, path, **MINIMAX)
    with pytest.raises(CannotStore, match="name another") as caught:
        write(solve(1, **MINIMAX), path)
    assert isinstance(caught.value, OSError)
    assert isinstance(caught.value, PolyestError)
    assert "\n" not in str(caught.value)
    assert counted == []
    assert names(tmp_path) == before
    assert os.path.exists("/dev/full")


def test_missing_folders_are_made_and_taken_back_where_nothing_was_written(tmp_path):
    sweep(KS, tmp_path / "a" / "b" / "t.jsonl", **MINIMAX)
    write(solve(1, **MINIMAX), tmp_path / "c" / "d" / "t.json")
    assert names(tmp_path / "a" / "b") == ["t.jsonl"]
    assert names(tmp_path / "c" / "d") == ["t.json"]
    with pytest.raises(CannotStore):
        write(solve(1, **MINIMAX), tmp_path / "e" / ("t" * 300))
    with pytest.raises(CannotStore):
        sweep(KS, tmp_path / "f" / "g" / ("t" * 300), **MINIMAX)
    assert names(tmp_path) == ["a", "c"]


def test_a_link_is_followed_and_stays(tmp_path):
    (tmp_path / "there").mkdir()
    (tmp_path / "t.json").symlink_to(tmp_path / "there" / "t.json")
    write(solve(1, **MINIMAX), tmp_path / "t.json")
    assert (tmp_path / "t.json").is_symlink()
    assert names(tmp_path / "there") == ["t.json"]


def test_a_full_disk_ends_in_one_error_and_no_half_file(tmp_path, whole, monkeypatch):
    real, left = os.fsync, [2]

    def full(handle):
        left[0] -= 1
        if left[0] < 0:
            raise OSError(errno.ENOSPC, "No space left on device")
        real(handle)

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(CannotStore, match="no space left on device"):
        sweep(KS, tmp_path / "t.jsonl", **MINIMAX)
    assert names(tmp_path) == ["t.jsonl.part"]
    with pytest.raises(CannotStore, match="no space left on device"):
        write(solve(1, **MINIMAX), tmp_path / "one.json")
    assert names(tmp_path) == ["t.jsonl.part"]
    monkeypatch.undo()
    sweep(KS, tmp_path / "t.jsonl", **MINIMAX)
    assert (tmp_path / "t.jsonl").read_bytes() == whole


@pytest.mark.skipif(sys.platform == "win32", reason="Windows knows no SIGKILL")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_a_killed_sweep_leaves_only_the_part_and_ends_in_the_same_bytes(tmp_path, number):
    words = ["solve", "--K", "1:40", "--criterion", "minimax", "--out", "t.jsonl"]
    command = [sys.executable, "-m", "polyest.cli", *words]
    environment = {**os.environ, "PYTHONPATH": str(Path(polyest.__file__).parents[1])}
    running = subprocess.Popen(
        command, cwd=tmp_path, stderr=subprocess.PIPE, env=environment, preexec_fn=hearing
    )
    part = tmp_path / "t.jsonl.part"
    for _ in range(6000):
        if part.exists() and part.read_bytes().count(b"\n") >= 3:
            break
        time.sleep(0.005)
    running.send_signal(number)
    words_left = running.communicate(timeout=30)[1]
    if number == signal.SIGINT:
        assert running.returncode == 130
        assert words_left.splitlines()[-1] == b"polyest: interrupted"
    else:
        assert running.returncode == -signal.SIGKILL
    assert names(tmp_path) == ["t.jsonl.part"]
    done = part.read_bytes().count(b"\n")
    assert 3 <= done < 40

    again = subprocess.run(command, cwd=tmp_path, capture_output=True, env=environment, check=True)
    assert again.stdout == b""
    first, *solved, last = again.stderr.decode().splitlines()
    assert first == f"polyest: t.jsonl.part has {done} of 40 already"
    assert len(solved) == 40 - done
    assert solved[-1].startswith("polyest: K = 40: sup|bias| <= 0.000")
    assert solved[-1].endswith(", 40 of 40 done")
    assert last == "polyest: wrote t.jsonl"
    assert names(tmp_path) == ["t.jsonl"]
    sweep(range(1, 41), tmp_path / "undisturbed.jsonl", **MINIMAX)
    undisturbed = (tmp_path / "undisturbed.jsonl").read_bytes()
    assert (tmp_path / "t.jsonl").read_bytes() == undisturbed

"""What computes says so: a bar on a terminal, of which nothing is left, and a word about a pipe."""

import os
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from commands import refused, run

import polyest
from polyest.errors import CorruptTable
from polyest.make.verify import prove
from polyest.tables.format import dumps

pty = pytest.importorskip("pty")  # not on Windows

ROOT = Path(polyest.__file__).parents[1]
COMMANDS = {
    "show": (("show", "--K", "16"), ("closed forms", "7")),
    "show another target": (("show", "--K", "8", "--target", "tsallis:0.5"), ("plug_in",)),
    "solve": (("solve", "--K", "3"), ("K = 3", "closed forms", "E*(3)")),
    "solve to json": (("solve", "--K", "3", "--json"), ("K = 3",)),
    "solve a range": (("solve", "--K", "2:3"), ("K = 2:3", "E*", "/2")),
    "compare": (("compare", "--K", "2"), ("tables of K = 2", "/14")),
    "recommend": (("recommend", "--group", "8", "--prompts", "8"), ("baselines",)),
    "frontier": (("frontier", "--K", "1"), ("the curve", "closed forms")),
    "frontier to files": (
        ("frontier", "--K", "1", "--json", "--plot", "f.svg", "--html", "f.html"),
        ("the curve", "marks", "the figure", "the page"),
    ),
    "verify": (("verify", "tables.jsonl"), ("tables.jsonl", "1/1")),
}


def at_a_terminal(words, folder):
    """Exit code, stdout, and what a terminal got as stderr."""
    ours, its = pty.openpty()
    running = subprocess.Popen(
        [sys.executable, "-m", "polyest.cli", *words],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=its,
        env={**os.environ, "PYTHONPATH": str(ROOT), "TERM": "xterm", "COLUMNS": "100"},
    )
    os.close(its)
    said = []
    reader = threading.Thread(target=lambda: said.append(_all_of(ours)))
    reader.start()
    printed = running.communicate(timeout=300)[0]
    reader.join(timeout=60)
    os.close(ours)
    return running.returncode, printed.decode(), said[0].decode()


def _all_of(terminal):
    """What is written on a terminal until nobody holds it any more."""
    parts = []
    try:
        while part := os.read(terminal, 65536):
            parts.append(part)
    except OSError:  # how Linux says that it is over
        pass
    return b"".join(parts)


@pytest.mark.parametrize(("words", "told"), COMMANDS.values(), ids=COMMANDS.keys())
def test_every_command_says_what_it_does_on_a_terminal_and_there_only(tmp_path, words, told):
    (tmp_path / "tables.jsonl").write_text(dumps(polyest.load(2)) + "\n")
    code, printed, said = at_a_terminal(words, tmp_path)
    assert code == 0
    for part in told:
        assert part in said
    quiet = subprocess.run(
        [sys.executable, "-m", "polyest.cli", *words],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        check=True,
    )
    assert "closed forms" not in quiet.stderr
    assert "\x1b" not in quiet.stderr
    if words[0] != "verify":  # which prints how long it took
        assert quiet.stdout == printed


def test_the_wait_for_a_scheduler_is_said_too(tmp_path):
    pytest.importorskip("distributed")
    words = ("solve", "--K", "1:2", "--scheduler", "tcp://127.0.0.1:1")
    code, printed, said = at_a_terminal(words, tmp_path)
    assert (code, printed) == (1, "")
    assert "scheduler tcp://127.0.0.1:1" in said
    assert "polyest: error: tcp://127.0.0.1:1: no Dask scheduler answers" in said


# What `verify` may be pointed at


def piped(path, content):
    """Write into a pipe, as soon as somebody reads it."""
    writer = threading.Thread(target=Path(path).write_bytes, args=(content,), daemon=True)
    writer.start()
    return writer


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_verify_says_that_it_waits_for_a_pipe_and_reads_it(tmp_path):
    path = tmp_path / "pipe"
    os.mkfifo(path)
    piped(path, f"{dumps(polyest.load(2))}\n".encode())
    result = run("verify", path)
    assert result.exit_code == 0
    assert result.stderr == (
        f"polyest: {path} is a pipe: reading until the program that writes into it closes it\n"
    )
    assert result.stdout.startswith(f"{path}: 1 table proved in ")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_the_word_about_a_pipe_comes_before_anybody_has_written(tmp_path):
    path = tmp_path / "pipe"
    os.mkfifo(path)
    running = subprocess.Popen(
        [sys.executable, "-m", "polyest.cli", "verify", path],
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    said = running.stderr.readline()  # and not for ever: the command waits for the pipe
    assert b"is a pipe" in said
    assert running.poll() is None
    piped(path, b"no table\n").join(timeout=60)
    words = running.communicate(timeout=60)[1].decode()
    assert running.returncode == 1
    assert words.startswith(f"polyest: error: {path}, line 1: ")


def test_verify_refuses_what_never_ends(tmp_path):
    place = tmp_path / "socket"
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(place))
        for path in ("/dev/zero", "/dev/null", str(place)):
            message = f"{path}: is a device or a socket: expected a file of tables, or a pipe"
            assert refused("verify", path) == message
            with pytest.raises(CorruptTable, match="is a device or a socket"):
                prove(path)


@pytest.mark.parametrize("error", [MemoryError(), ImportError("libm: failed to map segment")])
def test_a_table_is_not_said_to_be_false_for_want_of_memory(tmp_path, monkeypatch, error):
    def wanting(table):
        raise error

    monkeypatch.setattr("polyest.make.verify.verify", wanting)
    path = tmp_path / "t.jsonl"
    path.write_text(dumps(polyest.load(2)) + "\n")
    assert refused("verify", path).startswith("memory ran out: ")

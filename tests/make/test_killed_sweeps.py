"""Sweeps killed at random moments, a hundred times: no finished line is lost, the bytes stay the same."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import polyest
from polyest.make.sweep import sweep

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform == "win32", reason="Windows knows no SIGKILL"),
]

LAST = 24
KEYWORDS = {"noise": 2}
EARLY = 0.25  # share of the kills that may fall before another line is begun
SWEEP = f"""
import sys
from polyest.sweeping import sweep
if __name__ == "__main__":
    sweep(range(1, {LAST + 1}), sys.argv[1], jobs=int(sys.argv[2]), noise=2)
"""


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    path = tmp_path_factory.mktemp("undisturbed") / "t.jsonl"
    sweep(range(1, LAST + 1), path, **KEYWORDS)
    return path.read_bytes()


def started(folder, jobs):
    (folder / "sweep.py").write_text(SWEEP)
    root = str(Path(polyest.__file__).parents[1])
    return subprocess.Popen(
        [sys.executable, folder / "sweep.py", folder / "t.jsonl", str(jobs)],
        stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": root},
    )


def size(path):
    return path.stat().st_size if path.exists() else 0


def whole_lines(path):
    """Lines of a file that have their end."""
    lines = path.read_bytes().splitlines(keepends=True) if path.exists() else []
    return {line for line in lines if line.endswith(b"\n")}


@pytest.mark.parametrize(("jobs", "kills"), [(1, 50), (2, 50)])
def test_no_kill_loses_a_finished_line_or_changes_a_byte(tmp_path, whole, jobs, kills):
    rng, path, part = random.Random(jobs), tmp_path / "t.jsonl", tmp_path / "t.jsonl.part"
    killed = grown = 0
    kept = set()
    while killed < kills:
        running = started(tmp_path, jobs)
        before, until = size(part), time.monotonic()
        until += rng.uniform(0, 2) if rng.random() < EARLY else 60
        while running.poll() is None and size(part) == before and time.monotonic() < until:
            time.sleep(0.002)
        time.sleep(rng.uniform(0, 0.08))
        running.send_signal(signal.SIGKILL)
        words = running.communicate(timeout=60)[1]
        if running.returncode == 0:  # it was done before
            assert path.read_bytes() == whole
        else:
            assert running.returncode == -signal.SIGKILL, words
            killed += 1
        if path.exists():
            assert path.read_bytes() == whole
            path.unlink()
            part.unlink(missing_ok=True)
            kept = set()
        else:
            now = whole_lines(part)
            assert kept <= now
            assert now <= set(whole.splitlines(keepends=True))
            grown += len(now) > len(kept)
            kept = now
    sweep(range(1, LAST + 1), path, **KEYWORDS)
    assert path.read_bytes() == whole
    left = {file.name for file in tmp_path.iterdir()}
    assert left == {"t.jsonl", "sweep.py"}
    assert grown > kills // 2  # most kills fell after another line was finished


@pytest.mark.parametrize("round_", range(6))
def test_of_two_processes_one_refuses_or_both_end_correct(tmp_path, whole, round_):
    """The second is started anywhere from at once to after the first has ended."""
    first = started(tmp_path, 1)
    time.sleep(round_ * 0.2)
    second = started(tmp_path, 1 + round_ % 2)
    results = [(p.communicate(timeout=60)[1].decode(), p.returncode) for p in (first, second)]
    assert sorted(code for _, code in results)[0] == 0
    for words, code in results:
        if code:
            assert words.splitlines()[-1].endswith("wait until it has ended, or name another file")
            assert "another sweep is writing to this file" in words
    assert (tmp_path / "t.jsonl").read_bytes() == whole
    assert {file.name for file in tmp_path.iterdir()} == {"t.jsonl", "sweep.py"}


def test_a_disk_that_is_full_keeps_every_finished_line(tmp_path, whole):
    """A limit on the size of files stands for it; the error comes from the system itself."""
    lines = whole.splitlines(keepends=True)
    room = sum(map(len, lines[:9])) + 100
    limit = "import resource, signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN); "
    limit += f"resource.setrlimit(resource.RLIMIT_FSIZE, ({room}, {room}))\n"
    (tmp_path / "full.py").write_text(limit + SWEEP)
    command = [sys.executable, tmp_path / "full.py", tmp_path / "t.jsonl", "1"]
    root = str(Path(polyest.__file__).parents[1])
    done = subprocess.run(command, capture_output=True, env={**os.environ, "PYTHONPATH": root})
    assert done.returncode == 1
    assert b"CannotStore" in done.stderr.splitlines()[-1]
    assert b"file too large" in done.stderr.splitlines()[-1]
    (tmp_path / "full.py").unlink()
    assert [file.name for file in tmp_path.iterdir()] == ["t.jsonl.part"]
    assert whole_lines(tmp_path / "t.jsonl.part") == set(lines[:9])
    sweep(range(1, LAST + 1), tmp_path / "t.jsonl", **KEYWORDS)
    assert (tmp_path / "t.jsonl").read_bytes() == whole

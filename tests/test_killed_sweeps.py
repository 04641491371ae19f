"""Sweeps killed at random moments, a hundred times: no finished line is lost, the bytes stay the same."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from polyest import sweeping
from polyest.sweeping import sweep

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows knows no SIGKILL")

LAST = 24
KEYWORDS = {"noise": 2}
AT_ANY_TIME = 0.001  # odds, every 2 ms, of a kill before another line is begun
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
    root = str(Path(sweeping.__file__).parents[1])
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
        before = size(part)
        while running.poll() is None and size(part) == before and rng.random() > AT_ANY_TIME:
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

"""Sweeps that share: threads, forked and misbehaving executors, Ctrl-C, and other people's files."""

import multiprocessing
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path

import pytest
from commands import hearing, refused, run

import polyest
from polyest.errors import CannotStore, InvalidProblem, RuinedByRounding, WorkerLost
from polyest.make import sweep as sweeping
from polyest.make.sweep import sweep
from polyest.tables.format import dumps

KS = range(1, 17)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    path = tmp_path_factory.mktemp("undisturbed") / "t.jsonl"
    sweep(KS, path)
    return path.read_bytes()


def names(folder):
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize("threads", [2, 3])
def test_threads_give_the_same_bytes(tmp_path, whole, threads):
    """The precision of ball arithmetic belongs to the process: one thread at a time has it."""
    with ThreadPoolExecutor(threads) as pool:
        sweep(KS, tmp_path / "t.jsonl", executor=pool)
    assert (tmp_path / "t.jsonl").read_bytes() == whole


def test_solve_and_verify_take_turns_in_threads(whole):
    """`solve` and `verify` take turns also where no sweep was called before them."""
    with ThreadPoolExecutor(3) as pool:
        tables = list(pool.map(polyest.solve, KS))
        assert "".join(f"{dumps(table)}\n" for table in tables).encode() == whole
        list(pool.map(polyest.verify, tables))


def test_every_warning_of_a_thread_arrives(tmp_path):
    keywords = {"criterion": "minimax", "grid": "bfloat16"}
    with ThreadPoolExecutor(3) as pool, pytest.warns(RuinedByRounding) as caught:
        sweep(range(12, 18), tmp_path / "t.jsonl", executor=pool, **keywords)
    with pytest.warns(RuinedByRounding) as expected:
        sweep(range(12, 18), tmp_path / "t.jsonl", **keywords)
    assert {str(w.message) for w in caught} == {str(w.message) for w in expected}
    assert len({str(w.message) for w in expected}) == 5


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_forked_workers_do_not_keep_the_lock(tmp_path, whole):
    def failing(done, total, table):
        if done == 3:
            raise KeyError("mine")

    with ProcessPoolExecutor(2, multiprocessing.get_context("fork")) as pool:
        with pytest.raises(KeyError):
            sweep(KS, tmp_path / "t.jsonl", failing, executor=pool)
        sweep(KS, tmp_path / "t.jsonl")
    assert (tmp_path / "t.jsonl").read_bytes() == whole


class Swapping(Executor):
    """Gives the work of the next item for each."""

    def submit(self, work, K):
        future = Future()
        future.set_result(work(K % 16 + 1))
        return future


class Broken(Executor):
    def submit(self, work, K):
        raise RuntimeError("cannot schedule new futures after shutdown")


@pytest.mark.parametrize(
    ("executor", "said"),
    [
        (Swapping(), "a worker returned <polyest table K=2"),
        (Broken(), r"takes no work \(cannot"),
    ],
)
def test_an_executor_that_misbehaves_is_refused(tmp_path, executor, said):
    with pytest.raises(WorkerLost, match=said):
        sweep(KS, tmp_path / "t.jsonl", executor=executor)
    assert names(tmp_path) == []


@pytest.mark.parametrize("jobs", [0, -1, 1.5, "2", True])
def test_jobs_is_a_number_of_processes(tmp_path, jobs):
    with pytest.raises(InvalidProblem, match=r"jobs is .*expected a number of processes"):
        sweep(KS, tmp_path / "t.jsonl", jobs=jobs)


@pytest.mark.parametrize("kind", ["fifo", "link", "link to a device", "folder"])
def test_a_part_that_is_no_regular_file_is_refused_and_kept(tmp_path, kind):
    part = tmp_path / "t.jsonl.part"
    if kind == "fifo":
        os.mkfifo(part)
    elif kind == "folder":
        part.mkdir()
    else:
        part.symlink_to("/dev/null" if "device" in kind else tmp_path / "other")
    with pytest.raises(CannotStore, match=r"t\.jsonl\.part: .*name another"):
        sweep(KS, tmp_path / "t.jsonl")
    assert names(tmp_path) == ["t.jsonl.part"]


def test_a_foreign_line_without_an_end_is_no_cut_line(tmp_path):
    part, content = tmp_path / "t.jsonl.part", '{"schema": "my own file", "precious": 1}'
    part.write_text(content)
    with pytest.raises(CannotStore, match="ends in"):
        sweep(KS, tmp_path / "t.jsonl")
    assert part.read_text() == content


def test_a_link_where_a_draft_goes_is_not_followed(tmp_path, whole):
    (tmp_path / "target").write_text("precious")
    (tmp_path / ".t.jsonl.sweep.tmp").symlink_to(tmp_path / "target")
    sweep(KS, tmp_path / "t.jsonl")
    assert (tmp_path / "target").read_text() == "precious"
    assert (tmp_path / "t.jsonl").read_bytes() == whole
    assert not (tmp_path / "t.jsonl").is_symlink()
    assert names(tmp_path) == ["t.jsonl", "target"]


@pytest.mark.parametrize("name", ["n" * 246, "n" * 251])
def test_a_name_that_leaves_no_room_for_a_draft_is_refused_before_solving(
    tmp_path, monkeypatch, name
):
    monkeypatch.setattr(sweeping, "solve", None)
    with pytest.raises(CannotStore, match="name too long"):
        sweep(KS, tmp_path / name)
    assert names(tmp_path) == []


@pytest.mark.skipif(sys.platform == "win32", reason="a group of processes has no signals there")
@pytest.mark.parametrize("delay", [0.3, 0.45, 0.6, 0.75, 0.9])
def test_ctrl_c_ends_all_processes_without_a_traceback(tmp_path, delay):
    command = [sys.executable, "-m", "polyest.cli", "solve", "--K", "1:128", "--jobs", "2"]
    running = subprocess.Popen(
        [*command, "--out", "t.jsonl"],
        cwd=tmp_path,
        stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(Path(polyest.__file__).parents[1])},
        start_new_session=True,
        preexec_fn=hearing,
    )
    time.sleep(delay)
    os.killpg(running.pid, signal.SIGINT)
    words = running.communicate(timeout=60)[1].decode()
    if "Traceback" in words and "polyest: interrupted" not in words:
        return  # Python itself was still starting
    assert running.returncode == 130
    assert words.splitlines()[-1] == "polyest: interrupted"
    assert "Traceback" not in words


def test_a_script_without_a_guard_is_told_of_it(tmp_path):
    script = "from polyest.sweeping import sweep\nsweep(range(1, 4), 't.jsonl', jobs=2)\n"
    (tmp_path / "script.py").write_text(script)
    root = str(Path(polyest.__file__).parents[1])
    done = subprocess.run(
        [sys.executable, "script.py"],
        cwd=tmp_path,
        capture_output=True,
        env={**os.environ, "PYTHONPATH": root},
    )
    assert done.returncode == 1
    assert b"under `if __name__ == '__main__':`" in done.stderr.splitlines()[-1]


@pytest.mark.parametrize("jobs", [0, 2**31, 3 * 10**9])
def test_a_number_of_processes_that_no_machine_has_is_usage(tmp_path, jobs):
    assert run("solve", "--K", "1:3", "--jobs", jobs).exit_code == 2
    assert run("verify", "--jobs", jobs).exit_code == 2


def test_numbers_that_doubles_do_not_hold_are_one_line():
    for target in ("polynomial:1e308,1e308", "tsallis:1e300", "power:1e101"):
        assert "has a number beyond 1e+100" in refused("solve", "--K", 3, "--target", target)

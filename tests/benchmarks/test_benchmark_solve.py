"""benchmarks/solve.py: the quick run writes its columns, and what fails is a row."""

import csv
import importlib.util
import os
import subprocess
import sys
import time
from io import StringIO
from pathlib import Path

import numpy as np
import pytest
import solver_peers

import polyest

FILE = Path(__file__).parents[2] / "benchmarks" / "solve.py"
COLUMNS = [
    *("problem", "K", "method", "status", "seconds", "runs", "claimed", "width", "returned"),
    *("optimum", "claimed_error", "returned_error", "budget_error", "note", "machine", "versions"),
]
CONES = ("Clarabel", "ECOS", "SCS")


@pytest.fixture
def benchmark(monkeypatch):
    spec = importlib.util.spec_from_file_location("benchmark_solve", FILE)
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "benchmark_solve", module)  # dataclasses look it up
    spec.loader.exec_module(module)
    sizes = dict.fromkeys((module.MINIMAX, module.MONOTONE, module.VARIANCE, module.MOMENT), (5,))
    module.SCALE = module.Scale(sizes, 20.0, 100, 1)
    monkeypatch.setattr(module, "_cold", lambda: module.Row("cold process", 16, "none"))
    return module


@pytest.fixture
def installed(monkeypatch):
    monkeypatch.setattr(solver_peers, "find_spec", lambda name: name)


def read(text):
    return list(csv.DictReader(StringIO(text)))


def by_method(rows, problem="minimax"):
    return {row["method"]: row for row in rows if row["problem"] == problem}


def asked(problem, K=5, limit=None, timeout=20.0, grid=100):
    return solver_peers.Question(problem, K, limit, timeout, grid)


def test_quick_run_writes_sorted_rows_of_all_methods(tmp_path):
    out = tmp_path / "solve.csv"
    subprocess.run([sys.executable, FILE, "--quick", "--out", out], check=True, timeout=120)
    lines = read(out.read_text())
    assert list(lines[0]) == COLUMNS
    keys = [(row["problem"], int(row["K"]), row["method"]) for row in lines]
    assert keys == sorted(keys)
    assert {key[2] for key in keys} >= {"polyest", *solver_peers.NAMES}
    assert {row["status"] for row in lines} <= {"solved", "inaccurate", "absent"}
    for row in lines:
        assert "numpy" in row["versions"]
        assert row["machine"]
        if row["method"].startswith("polyest,") or row["method"] == "polyest":
            assert row["status"] == "solved"
            assert float(row["width"]) < 1e-5
            assert abs(float(row["returned_error"])) < 1e-6
            assert float(row["budget_error"] or 0) <= 0
        elif row["method"] in ("linprog", "HiGHS", *CONES) and row["status"] == "solved":
            # The optimum of a grid is less than the optimum.  The table has more than that, of what
            # was to be least or of its budget.
            assert float(row["claimed_error"]) < 0
            over = "budget_error" if row["problem"] == "second-moment" else "returned_error"
            assert float(row[over]) > 0


def test_absent_peers_are_rows_that_say_so(benchmark, monkeypatch):
    monkeypatch.setattr(solver_peers.shutil, "which", lambda name: None)
    monkeypatch.setitem(sys.modules, "cvxpy", None)
    lines = read(benchmark.written(list(benchmark.rows())))
    for name, note in (("Sollya", "not on the path"), ("HiGHS", "not installed")):
        row = by_method(lines)[name]
        assert row["status"] == "absent"
        assert note in row["note"]
        assert row["seconds"] == ""
    assert by_method(lines)["polyest"]["status"] == "solved"
    for problem in ("gradient-variance", "second-moment"):
        rows = by_method(lines, problem)
        assert {rows[name]["status"] for name in CONES} == {"absent"}
        assert rows["polyest"]["status"] == "solved"


def test_absent_solver_is_told_from_absent_cvxpy(monkeypatch):
    monkeypatch.setattr(solver_peers, "find_spec", lambda name: name == "cvxpy" or None)
    with pytest.raises(solver_peers.AbsentError, match="ecos is not installed"):
        solver_peers.conic("ECOS", asked("second-moment", limit=1.0))


def test_spoiled_table_and_claim_show_in_the_error_columns(benchmark):
    def spoiled(problem, K):
        table = polyest.solve(K, criterion="minimax")
        return benchmark.Answer(
            2 * table.optimum.upper, table.coefficients + np.where(np.arange(K + 1) == 2, 0.1, 0)
        )

    row = benchmark.Row(benchmark.MINIMAX, 5, "HiGHS")
    benchmark._fill(row, spoiled)
    assert row.status == "solved"
    assert row.claimed_error == pytest.approx(1, rel=1e-9)
    assert row.returned_error > 1
    assert row.budget_error is None


@pytest.mark.parametrize("problem", ["gradient-variance", "second-moment"])
def test_budget_error_is_what_the_table_spends_over_its_budget(benchmark, problem):
    bounds = {
        "gradient-variance": lambda c: c.gradient_variance,
        "second-moment": lambda c: c.bias.upper,
    }
    right = benchmark.by_polyest(problem, 5).entries
    for spoil in (0.0, 3.0):
        row = benchmark.Row(problem, 5, "peer")
        entries = right + spoil * np.arange(6)
        benchmark._fill(row, lambda problem, K, c=entries: benchmark.Answer(1.0, c))
        limit = benchmark._posed(problem, 5).limit
        spends = bounds[problem](
            polyest.proof.certify.measure(polyest.problem.targets.LOG, entries)
        )
        assert row.budget_error == spends / limit - 1
        assert (row.budget_error > 0) == (spoil > 0)


def test_plain_second_moment_is_the_aqp_with_zero_among_its_points(benchmark):
    problem = benchmark._posed("second-moment", 4)
    answer = solver_peers.solved("Clarabel", asked("second-moment", 4, problem.limit, grid=400))
    optimum = benchmark._optimum("second-moment", 4)
    # Without p = 0 nothing would hold c_0, and the bound would stay far below c_0^2.
    assert answer.claimed >= answer.entries[0] ** 2 * (1 - 1e-6)
    assert optimum * (1 - 1e-3) < answer.claimed < optimum


@pytest.mark.parametrize("program", ["linear", "solved"])
def test_plain_monotone_program_is_monotone_and_more_than_the_minimax_one(program):
    solve = {
        "linear": solver_peers.linear,
        "solved": lambda question: solver_peers.solved("HiGHS", question),
    }[program]
    free, monotone = solve(asked("minimax", 8)), solve(asked("monotone", 8))
    assert np.diff(monotone.entries).min() > -1e-9
    assert np.diff(free.entries).min() < -0.1
    known = polyest.solve(8, criterion="minimax", shape="monotone").optimum.upper
    assert known * (1 - 0.01) < monotone.claimed < known


def test_rows_of_one_problem_replace_only_those_of_the_file(benchmark):
    old = benchmark.written([benchmark.Row("minimax", 8, "a"), benchmark.Row("monotone", 8, "b")])
    new = read(benchmark.beside([benchmark.Row("monotone", 16, "c")], old))
    assert [(row["problem"], row["K"], row["method"]) for row in new] == [
        ("minimax", "8", "a"),
        ("monotone", "16", "c"),
    ]
    assert list(new[0]) == COLUMNS
    assert {row.problem for row in benchmark.rows("monotone")} == {"monotone"}


def test_the_committed_times_of_monotone_tables_are_within_bounds():
    """Certificate included; HiGHS on a grid claims too little, and returns too much."""
    with (FILE.parent / "results" / "solve.csv").open(newline="") as stream:
        rows = [row for row in csv.DictReader(stream) if row["problem"] == "monotone"]
    ours = {int(row["K"]): row for row in rows if row["method"] == "polyest"}
    for K, seconds, width in ((16, 0.05, 1e-9), (64, 0.2, 1e-9), (256, 2, 1e-6), (1024, 60, 1e-6)):
        assert float(ours[K]["seconds"]) < seconds
        assert float(ours[K]["width"]) < width
    grids = [
        row for row in rows if row["method"] in ("HiGHS", "linprog") and row["status"] == "solved"
    ]
    assert {int(row["K"]) for row in grids} >= {8, 16, 32}
    assert all(float(row["claimed_error"]) < 0 < float(row["returned_error"]) for row in grids)
    assert min(float(row["claimed_error"]) for row in grids) > -5e-4
    assert max(float(row["returned_error"]) for row in grids) == pytest.approx(0.003, abs=0.0005)
    assert all("against the order" in row["note"] for row in grids)
    theirs = {int(row["K"]): float(row["seconds"]) for row in grids if row["method"] == "HiGHS"}
    times = [f"{float(ours[K]['seconds']):.2g}".lstrip("0") for K in (16, 64, 256, 1024)]
    peers = [f"{theirs[K]:.2g}".lstrip("0") for K in (16, 64, 256, 1024)]
    text = (FILE.parents[1] / "docs" / "experiments.md").read_text()
    assert (
        "Monotone minimax tables take {} s at K = 16, {} s at 64, {} s at 256 and {} s at 1024".format(
            *times
        )
        in text
    )
    assert "HiGHS on 2000 points takes {}, {}, {} and {} s".format(*peers) in text


def test_failure_is_a_row_and_stops_larger_sizes_only_where_time_ran_out(benchmark, monkeypatch):
    def failing(problem, K):
        if K > 3:
            raise solver_peers.FailedError("status user_limit")
        return right(problem, K)

    right = benchmark.by_alternation
    monkeypatch.setattr(benchmark, "METHODS", {benchmark.MINIMAX: {"peer": failing}})
    sizes = {benchmark.MINIMAX: (2, 4, 5)}
    monkeypatch.setattr(benchmark, "SCALE", benchmark.Scale(sizes, 20.0, 50, 1))
    assert [row.status for row in benchmark.rows()][:3] == ["solved", "failed", "failed"]
    monkeypatch.setattr(benchmark, "SCALE", benchmark.Scale(sizes, 0.0, 50, 1))
    lines = list(benchmark.rows())
    assert [row.status for row in lines][:3] == ["solved", "failed", "not run"]
    assert lines[1].note == "FailedError: status user_limit"
    assert lines[2].note == "out of time at K = 4"


def test_peer_that_used_its_time_stops_also_where_it_answered(benchmark, monkeypatch):
    slow = benchmark.by_alternation
    methods = {benchmark.MINIMAX: {"SCS": slow, "polyest, slow": slow}}
    monkeypatch.setattr(benchmark, "METHODS", methods)
    sizes = {benchmark.MINIMAX: (2, 4)}
    monkeypatch.setattr(benchmark, "SCALE", benchmark.Scale(sizes, 0.0, 50, 1))
    statuses = [row.status for row in benchmark.rows()][:4]
    assert statuses == ["solved", "not run", "solved", "solved"]


def test_inaccurate_answer_is_not_called_solved(benchmark):
    right = polyest.solve(5, criterion="minimax")
    for accurate, status in ((True, "solved"), (False, "inaccurate")):
        answer = benchmark.Answer(right.optimum.upper, right.coefficients, accurate=accurate)
        row = benchmark.Row(benchmark.MINIMAX, 5, "SCS")
        benchmark._fill(row, lambda problem, K, answer=answer: answer)
        assert row.status == status


def test_program_too_large_for_the_memory_is_not_run(benchmark, installed):
    row = benchmark.Row(benchmark.MOMENT, 5, "ECOS")
    benchmark.SCALE = benchmark.Scale({}, 20.0, 10**8, 1)
    benchmark._fill(row, benchmark.METHODS[benchmark.MOMENT]["ECOS"])
    assert row.status == "not run"
    assert row.note.startswith("too large: about ")
    assert row.seconds is None


def test_process_that_says_nothing_is_ended_and_the_next_call_answered():
    with pytest.raises(solver_peers.FailedError, match="no answer in"):
        solver_peers.apart(time.sleep, 600, seconds=0.1)
    assert solver_peers.apart(abs, -2, seconds=60) == 2


def test_process_that_dies_is_a_failure_and_the_next_call_answered():
    with pytest.raises(solver_peers.FailedError, match="ended with 7"):
        solver_peers.apart(os._exit, 7, seconds=60)
    assert solver_peers.apart(abs, -3, seconds=60) == 3


def test_what_is_raised_in_the_other_process_is_a_failure_here():
    with pytest.raises(solver_peers.FailedError, match=r"TypeError: .*abs"):
        solver_peers.apart(abs, "three", seconds=60)


def test_refusal_is_told_from_failure(benchmark):
    row = benchmark.Row(benchmark.MINIMAX, 512, "polyest, method lp")
    benchmark._fill(row, benchmark.METHODS[benchmark.MINIMAX]["polyest, method lp"])
    assert row.status == "refused"
    assert "use method remez" in row.note


def test_sollya_that_says_nothing_is_a_failure(monkeypatch):
    monkeypatch.setattr(solver_peers.shutil, "which", lambda name: "true")
    with pytest.raises(solver_peers.FailedError, match="Sollya says"):
        solver_peers.sollya(asked("minimax", 3))

"""benchmarks/solve.py: the quick run writes its columns, and what fails is a row."""

import csv
import importlib.util
import subprocess
import sys
from io import StringIO
from pathlib import Path

import numpy as np
import pytest

FILE = Path(__file__).parents[1] / "benchmarks" / "solve.py"
COLUMNS = [
    *("problem", "K", "method", "status", "seconds", "runs", "claimed", "width", "returned"),
    *("optimum", "claimed_error", "returned_error", "noise_error", "note", "machine", "versions"),
]


@pytest.fixture
def benchmark(monkeypatch):
    spec = importlib.util.spec_from_file_location("benchmark_solve", FILE)
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "benchmark_solve", module)  # dataclasses look it up
    spec.loader.exec_module(module)
    module.SCALE = module.Scale({module.MINIMAX: (5,), module.AQP: (5,)}, 20.0, 100, 1)
    return module


def read(text):
    return list(csv.DictReader(StringIO(text)))


def by_method(found, problem="minimax"):
    return {row["method"]: row for row in found if row["problem"] == problem}


def test_quick_run_writes_sorted_rows_of_all_methods(tmp_path):
    out = tmp_path / "solve.csv"
    subprocess.run([sys.executable, FILE, "--quick", "--out", out], check=True, timeout=120)
    found = read(out.read_text())
    assert list(found[0]) == COLUMNS
    keys = [(row["problem"], int(row["K"]), row["method"]) for row in found]
    assert keys == sorted(keys)
    assert {key[2] for key in keys} >= {"polyest", "Sollya", "HiGHS", "Clarabel"}
    assert {row["status"] for row in found} <= {"solved", "absent"}
    for row in found:
        assert "numpy" in row["versions"]
        assert row["machine"]
        if row["method"].startswith("polyest,") or row["method"] == "polyest":
            assert float(row["width"]) < 1e-5
            assert abs(float(row["returned_error"])) < 1e-6
        elif row["method"] in ("HiGHS", "Clarabel"):
            # The optimum of a grid is less than the optimum, and the table has more than that.
            assert float(row["claimed_error"]) < 0 < float(row["returned_error"])


def test_absent_peers_are_rows_that_say_so(benchmark, monkeypatch):
    monkeypatch.setattr(benchmark.shutil, "which", lambda name: None)
    monkeypatch.setitem(sys.modules, "cvxpy", None)
    found = read(benchmark.written(list(benchmark.rows())))
    for name, note in (("Sollya", "not on the path"), ("HiGHS", "not installed")):
        row = by_method(found)[name]
        assert row["status"] == "absent"
        assert note in row["note"]
        assert row["seconds"] == ""
    assert by_method(found)["polyest"]["status"] == "solved"


def test_spoiled_peer_is_measured(benchmark, monkeypatch):
    right = benchmark.by_highs

    def spoiled(problem, K):
        found = right(problem, K)
        return benchmark.Found(
            found.claimed, found.entries + np.where(np.arange(K + 1) == 2, 0.1, 0)
        )

    row = benchmark.Row(benchmark.MINIMAX, 5, "HiGHS")
    benchmark._fill(row, spoiled)
    assert row.status == "solved"
    assert abs(row.claimed_error) < 0.05
    assert row.returned_error > 1


def test_failure_is_a_row_and_stops_larger_sizes_only_where_time_ran_out(benchmark, monkeypatch):
    def failing(problem, K):
        if K > 3:
            raise benchmark.FailedError("status user_limit")
        return right(problem, K)

    right = benchmark.by_alternation
    monkeypatch.setattr(benchmark, "METHODS", {benchmark.MINIMAX: {"peer": failing}})
    monkeypatch.setattr(benchmark, "_cold", lambda: benchmark.Row("cold process", 16, "none"))
    sizes = {benchmark.MINIMAX: (2, 4, 5)}
    monkeypatch.setattr(benchmark, "SCALE", benchmark.Scale(sizes, 20.0, 50, 1))
    assert [row.status for row in benchmark.rows()][:3] == ["solved", "failed", "failed"]
    monkeypatch.setattr(benchmark, "SCALE", benchmark.Scale(sizes, 0.0, 50, 1))
    found = list(benchmark.rows())
    assert [row.status for row in found][:3] == ["solved", "failed", "not run"]
    assert found[1].note == "FailedError: status user_limit"
    assert found[2].note == "out of time at K = 4"


def test_refusal_is_told_from_failure(benchmark):
    row = benchmark.Row(benchmark.MINIMAX, 512, "polyest, method lp")
    benchmark._fill(row, benchmark.METHODS[benchmark.MINIMAX]["polyest, method lp"])
    assert row.status == "refused"
    assert "use method remez" in row.note


def test_sollya_that_says_nothing_is_a_failure(benchmark, monkeypatch):
    monkeypatch.setattr(benchmark.shutil, "which", lambda name: "true")
    with pytest.raises(benchmark.FailedError, match="Sollya says"):
        benchmark.by_sollya(benchmark.MINIMAX, 3)

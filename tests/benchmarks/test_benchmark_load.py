"""benchmarks/load.py: times cold starts of their own, and its file is what docs/experiments.md says."""

import csv

import load

import polyest


def test_every_statement_is_started_as_often_as_asked(monkeypatch):
    seen = []
    monkeypatch.setattr(load, "seconds", lambda statement: seen.append(statement) or 0.0125)
    rows = load.rows(2)
    assert sorted(seen) == sorted(list(load.STATEMENTS.values()) * 3)  # one more writes bytecode
    assert [row["what"] for row in rows] == list(load.STATEMENTS)
    assert {row["least_ms"] for row in rows} == {row["median_ms"] for row in rows} == {"12.50"}


def test_a_start_is_timed_without_numpy_itself():
    bare = load.seconds("pass")
    assert 0 <= bare < 0.01 < load.seconds("time.sleep(0.02)")
    assert load.seconds("import polyest; polyest.load(14)") > bare


def test_the_committed_file_is_of_this_version_and_below_twelve_milliseconds():
    with load.FILE.open() as stream:
        rows = {row["what"]: row for row in csv.DictReader(stream)}
    assert set(rows) == set(load.STATEMENTS)
    assert all(f"polyest {polyest.__version__}" in row["versions"] for row in rows.values())
    default = rows["K = 14, noise 8"]
    assert float(default["median_ms"]) < 12
    text = (load.FILE.parents[2] / "docs" / "experiments.md").read_text()
    assert (
        f"{float(default['median_ms']):.1f} ms to `import numpy` (median of {default['starts']}"
        in text
    )

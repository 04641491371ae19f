"""Grids on the command line and in sweeps: named on the page, resumed only on the same grid."""

import re

import pytest
from commands import MINIMAX, names, refused, run

import polyest
from polyest.errors import CannotStore
from polyest.make import sweep as sweeping
from polyest.make.sweep import sweep
from polyest.tables.format import dumps, loads

CHEBYSHEV = "polynomial:1,-128,2688,-21504,84480,-180224,212992,-131072,32768"  # T_8(1 - 2p)


@pytest.mark.parametrize(
    "words",
    [
        ("--grid", "float32"),
        ("--grid", "bfloat16", *MINIMAX),
        ("--grid", "dyadic", "--group", 8, "--beta", 0.1),
        ("--grid", "dyadic", "--group", 100, "--criterion", "variance", "--bias-ratio", 2),
    ],
    ids=lambda words: " ".join(map(str, words)),
)
def test_a_page_names_the_grid_and_its_code_gives_its_table(words):
    page = run("solve", "--K", 6, *words)
    assert (page.exit_code, page.stderr) == (0, "")
    assert max(map(len, page.stdout.splitlines())) <= 80
    code = re.search(r"^code +t = (.*(?:\n {14}.*)*)", page.stdout, re.M)[1]
    table = eval(code, {"polyest": polyest})
    assert f", {words[1]}\n" in page.stdout
    assert f"grid      {table.grid}: " in page.stdout
    assert "ruins" not in page.stdout
    shown = page.stdout[page.stdout.index("coefficients c_0") :]
    assert all(f" {float(c)}" in shown for c in table.coefficients)
    lines = run("solve", "--K", 6, *words, "--lines").stdout
    assert lines == dumps(table) + "\n"


def test_the_page_and_one_line_say_that_rounding_ruins_a_table():
    page = run("solve", "--K", 16, *MINIMAX, "--grid", "bfloat16")
    assert page.exit_code == 0
    assert page.stderr.count("\n") == 1
    assert page.stderr.startswith("polyest: warning: K = 16, minimax: rounding to bfloat16 ruins")
    assert "rounding ruins this table: sup|bias| is 44.2 times the least\n" in page.stdout
    exact = run("solve", "--K", 8, *MINIMAX, "--grid", "bfloat16", "--target", CHEBYSHEV)
    assert "rounding ruins this table: sup|bias| is not 0 any more\n" in exact.stdout


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--grid", "dyadic"), "--group is missing"),
        (("--group", 8), "without a grid"),
        (("--grid", "dyadic", "--group", 8, "--beta", "nan"), "beta is nan"),
        (("--grid", "bfloat16", "--bias-ratio", 1.01), "to grid bfloat16, none of"),
    ],
)
def test_bad_grids_end_in_one_line_and_no_file(tmp_path, words, said):
    assert said in refused("solve", "--K", 8, *words, "--out", tmp_path / "t.json")
    assert said in refused("solve", "--K", "8:9", *words, "--out", tmp_path / "t.json")
    assert names(tmp_path) == []


def test_a_sweep_on_a_grid_is_resumed_on_the_same_grid_only(tmp_path, monkeypatch):
    asked = {"grid": "dyadic", "group": 70}
    path, part = tmp_path / "t.jsonl", tmp_path / "t.jsonl.part"
    sweep(range(2, 6), path, **asked)
    whole = path.read_bytes()
    assert [loads(line).grid for line in whole.splitlines()] == ["dyadic:16"] * 3 + ["dyadic:15"]
    solved = []

    def counting(K, **keywords):
        solved.append(K)
        return polyest.solve(K, **keywords)

    monkeypatch.setattr(sweeping, "solve", counting)
    part.write_bytes(b"".join(whole.splitlines(keepends=True)[:2]))
    sweep(range(2, 6), path, **asked)
    assert solved == [4, 5]
    assert path.read_bytes() == whole
    polyest.verify(loads(whole.splitlines()[-1]))
    for other in ({}, {"grid": "float32"}, asked | {"group": 1000}, asked | {"beta": 0.5}):
        part.write_bytes(whole)
        with pytest.raises(CannotStore, match="K=2, log, gradient-variance, noise=8, dyadic:16"):
            sweep(range(2, 6), path, **other)
        assert part.read_bytes() == whole
    part.write_bytes(dumps(polyest.solve(2)).encode() + b"\n")
    with pytest.raises(
        CannotStore, match=r"one of this sweep, K=2, .*, dyadic, polyest .*; finish"
    ):
        sweep(range(2, 6), path, **asked)

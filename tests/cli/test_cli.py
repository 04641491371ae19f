"""The commands: what they write and where, what they refuse, and how they end."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from commands import KEYWORDS, MINIMAX, names, refused, run

import polyest
from polyest.errors import NotConverged
from polyest.make import pipeline, sweep
from polyest.tables.format import dumps, loads

# What is written


def test_a_range_is_a_row_per_K_and_one_object_per_table():
    page = run("solve", "--K", "1:3", *MINIMAX)
    assert [line[:6] for line in page.stdout.splitlines() if line.startswith("K =")] == [
        "K = 1 ",
        "K = 2 ",
        "K = 3 ",
    ]
    lines = run("solve", "--K", "1:3", *MINIMAX, "--json")
    assert lines.stderr == ""
    assert [json.loads(line)["K"] for line in lines.stdout.splitlines()] == [1, 2, 3]


@pytest.mark.parametrize("words", KEYWORDS[:3])
def test_lines_read_back_to_the_same_table(words):
    result = run("solve", "--K", 6, *words, "--lines")
    assert result.exit_code == 0
    assert result.stdout.count("\n") == 1
    table = loads(result.stdout)
    assert dumps(table) + "\n" == result.stdout
    polyest.verify(table)


def test_out_writes_the_line_and_prints_the_page_with_the_line_that_reads_it(tmp_path):
    path = tmp_path / "t.json"
    page = run("solve", "--K", 4, *MINIMAX, "--out", path)
    assert page.stderr == f"polyest: wrote {path}\n"
    assert path.read_text() == run("solve", "--K", 4, *MINIMAX, "--lines").stdout
    code = re.search(r"^code +t = (.*)$", page.stdout, re.M)[1]
    assert code == f"polyest.loads(open({str(path)!r}).read())"
    with_lines = run("solve", "-K", 4, *MINIMAX, "--lines", "-o", path)
    assert with_lines.stdout == path.read_text()


def test_a_range_goes_to_the_file_and_with_lines_to_stdout_too(tmp_path):
    path = tmp_path / "t.jsonl"
    quiet = run("solve", "--K", "2:4", *MINIMAX, "--out", path)
    assert quiet.stdout == ""
    assert quiet.stderr.splitlines() == [
        "polyest: K = 2: sup|bias| <= 0.03524, 1 of 3 done",
        "polyest: K = 3: sup|bias| <= 0.02003, 2 of 3 done",
        "polyest: K = 4: sup|bias| <= 0.01288, 3 of 3 done",
        f"polyest: wrote {path}",
    ]
    loud = run("solve", "--K", "2:4", *MINIMAX, "--lines", "--out", path)
    assert loud.stdout == path.read_text()
    assert [loads(line).K for line in loud.stdout.splitlines()] == [2, 3, 4]
    assert names(tmp_path) == ["t.jsonl"]


def test_a_large_minimax_table_is_shown_with_a_warning_and_not_stored(tmp_path):
    page = run("solve", "--K", 64, *MINIMAX)
    assert page.exit_code == 0
    assert page.stderr.count("\n") == 1
    assert page.stderr.startswith("polyest: warning: K = 64 is too large for a minimax table")
    assert "143 times the least" in page.stderr
    assert "coefficients c_0 .. c_64" in page.stdout
    for K in ("41", "64", "1:41"):
        message = refused("solve", "--K", K, *MINIMAX, "--out", tmp_path / "t.json")
        assert "too large for a stored minimax table" in message
        assert "2^K" in message
        assert "gradient-variance" in message
    assert names(tmp_path) == []


# Bad input


BAD_INPUT = {
    "K 0": (("--K", "0"), "K is 0: expected the sample size, an integer of at least 1"),
    "K negative": (("--K", "-3"), "K is -3: expected the sample size"),
    "K a fraction": (("--K", "2.5"), "K is '2.5': expected an integer of at least 1"),
    "K a word": (("--K", "x"), "K is 'x': expected an integer of at least 1"),
    "K nothing": (("--K", ""), "K is '': expected an integer"),
    "range upside down": (("--K", "5:2"), "an empty range: expected the smaller end first, 2:5"),
    "range with a step": (("--K", "1:256:3"), "K is '1:256:3': expected a range with both"),
    "range from 0": (("--K", "0:4"), "K is 0: expected the sample size"),
    "range without an end": (("--K", "3:"), "K is '3:': expected a range with both"),
    "K beyond what is solved": (("--K", "1000000000"), "tables are solved up to K = 1024"),
    "range beyond": (("--K", "1:1000000000"), "tables are solved up to K = 1024"),
    "K of 5000 digits": (("--K", "9" * 5000), "expected an integer of at least 1"),
    "two budgets": (
        ("--K", "8", "--bias", "0.1", "--noise", "2"),
        "two budgets, bias 0.1 and noise 2: give exactly one of bias, bias-ratio, noise",
    ),
    "a budget for minimax": (("--K", "8", *MINIMAX, "--noise", "2"), "takes no budget"),
    "a bias below the least": (
        ("--K", "8", "--bias", "0.004"),
        "bias 0.004 is below 0.00400158, the least that a table of sample size K = 8 attains",
    ),
    "a ratio below 1": (("--K", "8", "--bias-ratio", "0.9"), "bias-ratio 0.9 is below 1"),
    "a negative budget": (
        ("--K", "8", "--noise", "-1"),
        "expected a budget, a finite number above 0",
    ),
    "a budget of nan": (
        ("--K", "8", "--bias", "nan"),
        "expected a budget, a finite number above 0",
    ),
    "an unknown target": (("--K", "8", "--target", "sin"), "target 'sin' is unknown: use log"),
    "a target out of range": (("--K", "8", "--target", "power:-1"), "exponent above -1"),
    "a target without number": (("--K", "8", "--target", "tsallis:"), "needs finite numbers"),
    "degree above K": (
        ("--K", "2", "--target", "polynomial:0,0,0,1", *MINIMAX),
        "has degree 3, above K = 2",
    ),
    "an unfit method": (("--K", "8", "--method", "remez"), "method remez does not solve"),
}


@pytest.mark.parametrize(("words", "said"), BAD_INPUT.values(), ids=BAD_INPUT.keys())
@pytest.mark.parametrize("out", [False, True], ids=["", "out"])
def test_bad_input_is_one_line_and_leaves_nothing(tmp_path, words, said, out):
    message = refused("solve", *words, *(["--out", tmp_path / "t.json"] if out else []))
    assert said in message
    assert names(tmp_path) == []


@pytest.mark.parametrize("K", ["4", "4:6"])
@pytest.mark.parametrize("place", ["file/t.json", ".", "/dev/full"])
def test_an_unwritable_out_is_refused_before_solving(tmp_path, monkeypatch, K, place):
    monkeypatch.setattr(pipeline, "_run", None)  # whoever solves fails otherwise than refused
    (tmp_path / "file").touch()
    message = refused("solve", "--K", K, *MINIMAX, "--out", tmp_path / place)
    assert "expected a file in a folder that can be written; name another" in message
    assert names(tmp_path) == ["file"]


@pytest.mark.parametrize("K", ["4", "4:5"])
def test_missing_folders_of_a_file_are_made_and_not_left_by_a_failure(tmp_path, monkeypatch, K):
    path = tmp_path / "some" / "where" / "t.jsonl"
    assert run("solve", "-K", K, *MINIMAX, "-o", path).exit_code == 0
    assert names(tmp_path / "some" / "where") == ["t.jsonl"]
    other = tmp_path / "else" / "where" / "t.jsonl"
    monkeypatch.setattr(pipeline, "_run", None)
    assert run("solve", "-K", K, *MINIMAX, "-o", other).exit_code == 1
    assert names(tmp_path) == ["some"]


def test_an_error_in_a_range_prints_what_was_solved(monkeypatch):
    real = pipeline.solve

    def failing(K, *rest, **keywords):
        if K == 3:
            raise NotConverged("reached nothing")
        return real(K, *rest, **keywords)

    monkeypatch.setattr(sweep, "solve", failing)
    result = run("solve", "--K", "1:4", *MINIMAX)
    assert result.exit_code == 1
    assert result.stderr == "polyest: error: reached nothing\n"
    assert "K = 2 " in result.stdout
    assert "K = 3 " not in result.stdout


@pytest.mark.parametrize("K", ["0", "2.5", "x", "1:4", "2000"])
@pytest.mark.parametrize("command", ["compare", "show"])
def test_compare_and_show_take_one_K(released, command, K):
    refused(command, "--K", K)


# Usage


@pytest.mark.parametrize(
    "words",
    [
        ("solve",),
        ("solve", "--K"),
        ("solve", "--K", "8", "--bias", "x"),
        ("solve", "--K", "8", "--wrong"),
        ("show",),
        ("compare", "--K", "8", "--noise", "2"),
        ("solve", "--K", "8", "--criterion", "best"),
        ("solve", "--K", "8", "--method", "magic"),
        ("solve", "--K", "8", "--grid", "float16"),
        ("show", "--K", "8", "--shape", "convex"),
        ("frontier", "--K", "8", "--criterion", "minimax"),
        ("verify", "--jobs", "0"),
        ("unknown",),
    ],
    ids=" ".join,
)
def test_usage_is_click_s_and_exit_2(words):
    result = run(*words)
    assert result.exit_code == 2
    assert result.stdout == ""
    assert "Error: " in result.stderr


# The real command.


def _command(*words, **keywords):
    root = Path(polyest.__file__).parents[1]
    return subprocess.run(
        [sys.executable, "-m", "polyest", *words],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(root)},
        **keywords,
    )


@pytest.mark.parametrize(
    ("words", "code", "start"),
    [
        (("solve", "--K", "2", *MINIMAX, "--json"), 0, ""),
        (("--version",), 0, ""),
        (("solve", "--K", "0"), 1, "polyest: error: K is 0: "),
        (("solve",), 2, "Usage: polyest solve"),
    ],
)
def test_exit_codes_of_the_real_command(words, code, start):
    result = _command(*words)
    assert result.returncode == code
    assert result.stderr.startswith(start)
    assert "Traceback" not in result.stderr
    assert bool(result.stdout) == (code == 0)


def test_a_reader_who_leaves_early_sees_no_traceback():
    root = Path(polyest.__file__).parents[1]
    words = f"{sys.executable} -m polyest.cli solve --K 3:6 --criterion minimax --json | true"
    environment = {**os.environ, "PYTHONPATH": str(root)}
    result = subprocess.run(words, shell=True, capture_output=True, text=True, env=environment)
    assert "Traceback" not in result.stderr
    assert "error" not in result.stderr


def test_ctrl_c_ends_in_130_and_one_line(monkeypatch):
    def interrupted(*words, **keywords):
        raise KeyboardInterrupt

    monkeypatch.setattr(pipeline, "solve", interrupted)
    result = run("solve", "--K", 4)
    assert (result.exit_code, result.stdout) == (130, "")
    assert result.stderr == "polyest: interrupted\n"

"""`polyest explain`: its page, its JSON, what it refuses; targets that are expressions in the commands."""

import json

import pytest
from commands import refused, run

import polyest


def test_the_page_says_what_is_paid_what_is_estimated_and_what_is_better():
    page = run("explain", "--expression", "1/X", "--group", 8).stdout
    explanation = polyest.explain("1/X", 8)
    for words in (
        "groups of 8: sample size K = 6",
        f"estimates {explanation.best.target}, the best",
        f'polyest.solve(6, "{explanation.best.target}", noise=',
        f"{explanation.mean(0.5):.4g}",
        f"{explanation.functional(0.1):.4g}",
        "not proved",
    ):
        assert words in page, words
    assert all(len(line) <= 80 and line.isascii() for line in page.splitlines())


def test_the_json_has_the_numbers_of_python():
    record = json.loads(
        run(
            "explain", "--entries", "1,0.5,0.25,0", "--group", 4, "--baseline", "none", "--json"
        ).stdout
    )
    explanation = polyest.explain([1, 0.5, 0.25, 0], 4, baseline="none")
    assert (record["K"], record["entries"]) == (3, [1, 0.5, 0.25, 0])
    assert record["fits"][0]["target"] == explanation.best.target
    assert record["fits"][0]["bias"]["upper"] == explanation.best.bias.upper
    assert record["paid"][0] == {
        "p": 0.01, "mean": explanation.mean(0.01), "functional": explanation.functional(0.01),
    }  # fmt: skip
    assert record["better"]["entries"] == explanation.better.coefficients.tolist()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--group", 4, "--entries", "1,x"), "expected numbers separated by commas"),
        (("--group", 4, "--entries", "1,nan,2,3"), "reward of count 2 is nan"),
        (("--group", 4, "--entries", "1,2"), "2 entries for a group of 4"),
        (("--group", 4, "--expression", "Y"), "'Y' is unknown"),
        (("--group", 2, "--expression", "X"), "expected at least 3 completions"),
    ],
)
def test_what_is_no_reward_is_refused_in_one_line(words, said):
    assert said in refused("explain", *words)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--group", 4), "exactly one of --expression"),
        (("--group", 4, "--expression", "X", "--entries", "1,2"), "exactly one of --expression"),
        (("--expression", "X"), "--group"),
    ],
)
def test_wrong_usage_says_what_is_expected(words, said):
    result = run("explain", *words)
    assert (result.exit_code, result.stdout) == (2, "")
    assert said in result.stderr


def test_a_target_may_be_an_expression(tmp_path):
    path = tmp_path / "t.jsonl"
    page = run("solve", "--K", 3, "--target", "custom:(p + 1e-2)**-.5", "--out", path).stdout
    assert "custom:1/sqrt(p+0.01), sample size K = 3" in page
    assert "p (E c_X - 1/sqrt(p+0.01))" in page
    assert json.loads(path.read_text())["schema"] == 2
    assert "1 table" in run("verify", path).stdout


def test_a_range_of_an_expression_is_solved_and_resumed(tmp_path):
    path = tmp_path / "t.jsonl"
    run("solve", "--K", "2:4", "--target", "custom:log(p)", "--out", path)
    whole = path.read_text()
    lines = whole.splitlines(keepends=True)
    path.unlink()
    (tmp_path / "t.jsonl.part").write_text(lines[0] + lines[1][:30])
    run("solve", "--K", "2:4", "--target", "custom:log(p)", "--out", path)
    assert path.read_text() == whole


def test_the_help_lists_the_functions_of_expressions():
    assert "sqrt, log, log1p, exp, expm1, pow" in " ".join(run("explain", "--help").stdout.split())
    said = " ".join(run("solve", "--help").stdout.split())
    assert "custom:EXPRESSION" in said
    assert "sqrt, log, log1p, exp, expm1, pow" in said

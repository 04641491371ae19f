"""`--shape` in the commands: pages, JSON, and what is refused."""

import json

import pytest
from commands import refused, run

import polyest
from polyest.problem.shapes import SHAPES

MINIMAX = ("--criterion", "minimax")


def page(*words):
    result = run(*words)
    assert result.exit_code == 0, result.output
    assert max(map(len, result.stdout.splitlines())) <= 110
    return result.stdout


@pytest.mark.parametrize("shape", SHAPES)
def test_solve_prints_the_optimum_of_the_shape_and_its_code(shape):
    text = page("solve", "--K", 9, *MINIMAX, "--shape", shape)
    assert text.startswith(f"log, sample size K = 9: minimax, {shape}\n")
    assert f"the least sup|bias| of any {shape} table, relative width" in text
    assert "the least sup|bias| of any table of K = 9" in text  # E*, of all tables
    assert f'polyest.load(9, criterion="minimax", shape="{shape}")' in text
    assert "(release v2)" in page("show", "--K", 9, *MINIMAX, "--shape", shape)


def test_a_budget_of_a_shape_says_what_it_bounds_and_when_it_buys_nothing():
    text = " ".join(page("solve", "--K", 14, "--noise", 2.5, "--shape", "monotone").split())
    assert "the least sup|bias| of any monotone table within the budget" in text
    assert 'polyest.solve(14, shape="monotone", noise=2.5)' in text
    assert "buys nothing" not in text
    text = page("solve", "--K", 14, "--noise", 8, "--shape", "monotone")
    assert "more buys nothing: this is the minimax monotone table" in text
    assert "used: 49% of it" in text
    assert "buys nothing" not in page("solve", "--K", 14, "--noise", 8)


def test_no_warning_that_a_minimax_table_with_a_shape_is_too_large(tmp_path):
    result = run("solve", "--K", 64, *MINIMAX, "--shape", "monotone", "--out", tmp_path / "t")
    assert result.exit_code == 0
    assert "too large" not in result.stderr
    assert polyest.loads((tmp_path / "t").read_text()).shape == "monotone"


def test_ranges_and_lines_have_the_shape(tmp_path):
    text = page("solve", "--K", "3:5", *MINIMAX, "--shape", "concave")
    assert text.startswith("log: minimax, concave\n")
    lines = run(
        "solve", "--K", "3:5", *MINIMAX, "--shape", "concave", "--lines"
    ).stdout.splitlines()
    assert [json.loads(line)["shape"] for line in lines] == ["concave"] * 3
    path = tmp_path / "t.jsonl"
    run("solve", "--K", "3:5", *MINIMAX, "--shape", "concave", "--out", path)
    assert path.read_text().splitlines() == lines
    assert run("verify", path).stdout.startswith(f"{path}: 3 tables proved")
    (line,) = run(
        "show", "--K", 4, "--noise", 2, "--shape", "monotone", "--lines"
    ).stdout.splitlines()
    assert polyest.loads(line) == polyest.load(4, noise=2, shape="monotone")


def test_compare_has_both_shapes_and_takes_one():
    plain = page("compare", "--K", 14)
    for words in ("monotone       0.004386", "concave        0.005141", "noise 8        0.002880"):
        assert words in plain
    assert "noise r here" not in plain
    shaped = page("compare", "--K", 14, "--shape", "monotone")
    assert "noise 8        0.004386" in shaped
    assert "noise r here: of monotone tables" in shaped
    records = [
        json.loads(line)
        for line in run("compare", "--K", 4, "--shape", "concave", "--json").stdout.splitlines()
    ]
    assert [r.get("shape") for r in records if r["budget"]] == ["concave"] * 4


def test_recommend_shows_the_shapes_beside_the_noises():
    text = page("recommend", "--group", 16, "--prompts", 16)
    assert text.count("\nmonotone ") == text.count("\nconcave ") == 2
    assert 'shape="monotone"' in text
    (first, _) = run("recommend", "--group", 16, "--prompts", 16, "--json").stdout.splitlines()
    assert {"monotone", "concave"} < json.loads(first)["errors"].keys()


def test_frontier_traces_the_curve_of_a_shape(tmp_path):
    html = tmp_path / "page.html"
    text = page("frontier", "--K", 6, "--shape", "monotone", "--html", html)
    assert text.startswith(
        "log, sample size K = 6: the least bias of monotone tables at each noise\n"
    )
    assert "at noise 4.94, the minimax monotone table" in " ".join(text.split())
    content = html.read_text()
    assert "the minimax monotone table, noise 4.94" in content
    assert "the least sup|e| of any monotone table at this noise" in content
    assert 'shape=\\"monotone\\"' in content
    lines = run("frontier", "--K", 6, "--shape", "concave", "--json").stdout.splitlines()
    curve = [item for item in map(json.loads, lines) if item["series"] == "optimal"]
    assert {item["shape"] for item in curve} == {"concave"}
    assert len(curve) < len(lines)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("solve", "--K", 5, "--bias", 0.1, "--shape", "monotone"), "takes a noise budget but got bias 0.1"),
        (
            ("solve", "--K", 5, "--target", "polynomial:0,1,-1", *MINIMAX, "--shape", "monotone"),
            "target polynomial:0,1,-1 rises and falls between p = 0 and 1",
        ),
        (("show", "--K", 130, *MINIMAX, "--shape", "monotone"), "minimax, monotone: released are K = 1..128"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_one_line(words, said):
    assert said in refused(*words)


def test_a_frontier_of_a_shape_says_that_the_least_bias_of_all_is_of_other_tables():
    """Beside monotone tables, whose least sup|bias| is another one, and estimators without a shape."""
    shaped = page("frontier", "--K", 6, "--shape", "monotone")
    free = page("frontier", "--K", 6)
    assert "the least sup|bias| of any table, of whatever shape\n" in shaped
    assert "least at this noise: sup|bias| of the best table, of whatever shape\n" in shaped
    assert "at any noise" not in shaped
    assert "the least sup|bias| at any noise\n" in free
    assert "shape" not in free

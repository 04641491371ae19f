"""What the commands print: every number on a page proved, every line plain and of 80 columns."""

import re
from hashlib import sha256

import pytest
from cases import LEAST_BIAS
from commands import KEYWORDS, MINIMAX, refused, run

import polyest
from polyest import counts
from polyest.cli.pages import layout
from polyest.closed_forms import LOGS
from polyest.errors import NotConverged
from polyest.make import pipeline
from polyest.problem.bias import place
from polyest.solvers import socp
from polyest.tables.format import loads

# solve


def test_the_page_of_16_shows_what_the_issue_asks_for():
    page = run("solve", "--K", 16)
    assert (page.exit_code, page.stderr) == (0, "")
    text = page.stdout
    low, high = re.search(r"^E\*\(16\) +(\S+) \.\. (\S+), proved$", text, re.M).groups()
    assert float(low) <= float(LEAST_BIAS[16]) <= float(high)
    assert float(high) - float(low) < 1e-14
    table = polyest.solve(16)
    least = polyest.solve(16, criterion="minimax").optimum
    rows = {line.split()[0]: line.split()[1:] for line in text.splitlines() if line}
    for name, cells in (
        ("this", rows["this"][1:]),
        ("log_count", rows["log_count"]),
        ("schuermann", rows["schuermann"]),
    ):
        proved = table if name == "this" else getattr(polyest.closed_forms, name)(16)
        claims = (
            proved.bias.upper,
            proved.bias.upper / least.lower,
            proved.gradient_variance,
            proved.variance,
            proved.second_moment,
            proved.squared_error,
        )
        for i, (printed, claim) in enumerate(zip(map(float, cells), claims, strict=True)):
            assert printed == pytest.approx(claim, rel=1.001e-3)
            assert i == 1 or printed >= claim  # still proved
    coefficients = text[text.index("coefficients c_0 .. c_16") :].splitlines()[1:]
    entries = re.findall(r"(\d+) +(-?[\d.]+(?:e-?\d+)?)", "\n".join(coefficients))
    assert sorted((int(k), float(c)) for k, c in entries) == list(enumerate(table.coefficients))
    for part in (
        "noise 8",
        "groups    G = 18 completions where the group mean is subtracted, K = G - 2",
        "G = 17 completions where it is not, K = G - 1",
        "relative width",
        "used: all but",
        "schuermann: of the closed forms for log p, the one of least sup|bias|",
    ):
        assert part in text


@pytest.mark.parametrize("K", [5, 8])
@pytest.mark.parametrize(
    "words", KEYWORDS, ids=lambda words: " ".join(map(str, words)) or "default"
)
def test_a_page_is_plain_ascii_of_80_columns_and_its_code_gives_its_table(K, words):
    page = run("solve", "--K", K, *words)
    assert (page.exit_code, page.stderr) == (0, "")
    assert page.stdout.isascii()
    assert "\x1b" not in page.stdout
    assert max(map(len, page.stdout.splitlines())) <= 80
    assert not any(line.endswith(" ") for line in page.stdout.splitlines())
    code = re.search(r"^code +t = (.*)$", page.stdout, re.M)[1]
    table = eval(code, {"polyest": polyest})
    shown = page.stdout[page.stdout.index("coefficients") :]
    assert all(f" {float(c)}" in shown for c in table.coefficients)


def test_the_groups_of_a_page_are_those_that_need_its_table():
    text = run("solve", "--K", 5, *MINIMAX).stdout
    sizes = re.findall(r"G = (\d+) completions where .*, K = G - (\d+)$", text, re.M)
    for (G, spent), baseline in zip(sizes, ("group-mean", "none"), strict=True):
        assert counts.draws(int(G), baseline) == 5 == int(G) - int(spent)
    G = int(re.search(r"answers: \(prompts, (\d+)\)", text)[1])
    assert counts.in_group([[0] * G]).draws == 5


@pytest.mark.parametrize(
    "words",
    [
        ("--K", 300, *MINIMAX),
        ("--K", 4, "--target", "polynomial:0.1,0.25,-0.33333333333,1,-7.125", *MINIMAX),
    ],
    ids=["large numbers", "a long target"],
)
def test_a_page_keeps_to_80_columns_with_what_is_long(words):
    page = run("solve", *words)
    assert page.exit_code == 0
    assert max(map(len, page.stdout.splitlines())) <= 80


# compare


def test_compare_sets_all_tables_side_by_side():
    page = run("compare", "--K", 5)
    assert (page.exit_code, page.stderr) == (0, "")
    assert page.stdout.isascii()
    assert max(map(len, page.stdout.splitlines())) <= 80
    rows = [
        *(form.__name__ for form in LOGS),
        "minimax",
        "monotone",
        "concave",
        "noise 1",
        "noise 2",
        "noise 4",
        "noise 8",
    ]
    lines = page.stdout.splitlines()
    assert [row for row in rows if any(line.startswith(f"{row} ") for line in lines)] == rows
    assert "not proved" in page.stdout  # the place of the supremum

    lines = run("compare", "--K", 5, "--lines").stdout.splitlines()
    tables = [loads(line) for line in lines]
    assert len(lines) == len(rows)
    assert [table.criterion for table in tables[:10]] == [
        *(form.__name__ for form in LOGS),
        *["minimax"] * 3,
    ]
    assert [table.shape for table in tables[7:10]] == [None, "monotone", "concave"]
    assert [table.budget.value for table in tables[10:]] == [1, 2, 4, 8]
    for table in tables:
        assert table.K == 5
        polyest.verify(table)


def test_compare_leaves_out_what_is_not_solved_and_says_so(monkeypatch):
    def stopped(problem):
        raise NotConverged("stopped at a relative gap of 1e-3")

    monkeypatch.setattr(socp, "solve", stopped)
    page = run("compare", "--K", 8)
    assert page.exit_code == 0
    assert page.stderr.count("polyest: warning: noise") == 4
    assert "schuermann" in page.stdout
    assert "\nnoise 8 " not in page.stdout


@pytest.mark.parametrize("name", ["log_count", "harmonic", "schuermann"])
@pytest.mark.parametrize("K", [1, 8, 60])
def test_the_place_of_the_supremum_is_where_the_bias_is_greatest(name, K):
    table = getattr(polyest.closed_forms, name)(K)
    p = place(table.coefficients, table.problem.target)
    P = polyest.problem.bernstein.expectation([float(c) for c in table.coefficients], p)
    e = abs(p * P - float(table.problem.target.weighted(p)))
    assert e == pytest.approx(table.bias.upper, rel=2e-6)


def test_of_equal_extrema_the_place_is_the_least(minimax8):
    first = minimax8.witness.points[0]
    assert place(minimax8.coefficients, minimax8.problem.target) == pytest.approx(first, rel=1e-3)


def test_a_bound_is_printed_rounded_up_and_a_lower_one_down():
    assert layout.number(1.0001, digits=4) == "1.001"
    assert layout.number(0.1, digits=4) == "0.1000"
    assert layout.number(1.0009, "ROUND_FLOOR", 4) == "1.000"
    assert layout.number(9999.1) == "1.000e4"
    assert layout.number(0.0) == "0"
    assert layout.number(5e-324) == "5.000e-324"
    assert layout.number(float("inf")) == "inf"


# show


def test_show_prints_the_page_of_a_released_table_without_solving(released, monkeypatch):
    solved = run("solve", "--K", 4)
    monkeypatch.setattr(pipeline, "_run", None)
    shown = run("show", "--K", 4)
    assert (shown.exit_code, shown.stderr) == (0, "")
    assert shown.stdout == solved.stdout.replace("noise 8\n", "noise 8 (release v1)\n", 1)
    assert "code      t = polyest.load(4)\n" in shown.stdout
    without = run("show", "--K", 5)  # no minimax table for K = 5 is released here
    assert "E*(5)" not in without.stdout
    assert max(map(len, without.stdout.splitlines())) <= 80
    minimax = run("show", "--K", 3, *MINIMAX)
    assert 'code      t = polyest.load(3, criterion="minimax")\n' in minimax.stdout
    assert run("show", "--K", 5, "--lines").stdout.encode() in (
        (released / "log-gradient-variance-noise8.jsonl").read_bytes()
    )


def test_show_takes_the_least_bias_from_the_list_where_no_minimax_table_is_stored(
    released, monkeypatch
):
    path = released / "least-bias.csv"
    path.write_text("K,lower,upper\n4,0.01,0.02\n5,0.0089710194321968,0.0089710194321969\n")
    digest = sha256(path.read_bytes()).hexdigest()
    with (released / "SHA256SUMS").open("a") as sums:
        sums.write(f"{digest}  least-bias.csv\n")
    shown = run("show", "--K", 5).stdout
    assert "\nE*(5)     0.00897101943219679 .. 0.00897101943219691, proved\n" in shown
    assert "\nE*(4)     0.0128820684152951 .. 0.0128820684152952, proved\n" in (
        run("show", "--K", 4).stdout
    )
    path.write_text(path.read_text().replace("0.00897", "0.00797"))
    assert "least-bias.csv, line 1: not what was released" in refused("show", "--K", 5)


def test_show_says_what_is_released(released):
    assert "K = 1..5" in refused("show", "--K", 6)
    assert "this K has noise 8; solve it with polyest solve --K 4 --noise 3" in refused(
        "show", "--K", 4, "--noise", 3
    )
    assert "too large for a stored minimax table" in refused("show", "--K", 64, *MINIMAX)


def test_show_refuses_an_altered_release(released):
    path = released / "log-minimax.jsonl"
    path.write_bytes(path.read_bytes().replace(b'"K": 3', b'"K": 7'))
    assert "log-minimax.jsonl, line 3" in refused("show", "--K", 1, *MINIMAX)

"""polyest frontier: a page, its figure, JSON; nothing is solved before bad input is refused."""

import json
import re
import sys

import pytest
from commands import full_disk, names, refused, run

import polyest
from polyest import frontier, rivals
from polyest.cli import plot
from polyest.closed_forms import LOGS
from polyest.errors import NotConverged
from polyest.tables.format import loads


@pytest.fixture
def few(monkeypatch):
    """Fewer budgets, so that a test takes no time."""
    monkeypatch.setattr(frontier, "BUDGETS", (1.0, 2.0, 4.0, 64.0))
    monkeypatch.setattr(frontier, "MOST_BETWEEN", 0)


@pytest.fixture
def untouched(monkeypatch):
    """Neither solver nor figure may be reached."""

    def reached(*words, **keywords):
        raise AssertionError("this was to be refused before")

    monkeypatch.setattr(frontier, "solve", reached)
    monkeypatch.setattr(plot, "pareto", reached)


def rows(page):
    """Cells of the lines of a page by their first one."""
    return {line.split("  ")[0]: line.split("  ")[1:] for line in page.splitlines() if line}


def test_the_page_shows_the_curve_and_the_closed_forms_beside_it(few):
    page = run("frontier", "--K", 6)
    assert (page.exit_code, page.stderr) == (0, "")
    assert page.stdout.isascii()
    assert max(map(len, page.stdout.splitlines())) <= 80
    assert not any(line.endswith(" ") for line in page.stdout.splitlines())
    cells = {line.split()[0]: line.split()[1:] for line in page.stdout.splitlines() if line}
    log = polyest.closed_forms.log_count(6)
    least = polyest.solve(6, criterion="minimax").optimum
    for noise in (1, 2, 4):
        table = polyest.solve(6, noise=noise)
        bias, ratio, times, width = map(float, cells[f"{noise}.000"])
        claims = (table.bias.upper, table.bias.upper / least.lower)
        assert (bias, ratio) == pytest.approx(claims, rel=1e-3)
        assert bias >= table.bias.upper  # still proved
        assert times == pytest.approx(log.bias.lower / table.bias.upper, rel=1e-3)
        assert times <= log.bias.lower / table.bias.upper
        assert width == pytest.approx(table.optimum.width, rel=0.1)
    for form in LOGS:
        noise, bias, best, times = map(float, cells[form.__name__])
        versus = frontier.against(form(6))
        assert noise == pytest.approx(versus.noise, rel=1e-3)
        assert (bias, best) == pytest.approx((form(6).bias.upper, versus.best.bias.upper), rel=1e-3)
        assert versus.ratio.lower * 0.999 < times <= versus.ratio.lower
    assert re.search(r"^2 blocks of 3 +\d", page.stdout, re.M)
    assert "E*(6)     0.0066022" in page.stdout
    end = polyest.solve(6, criterion="minimax").gradient_variance / log.gradient_variance
    assert f"\nends      at noise {end:.4g}, the minimax table: more noise" in page.stdout
    assert re.search(r"^noise 0   0.2785, the least", page.stdout, re.M)


@pytest.mark.parametrize(
    "words",
    [
        ("--criterion", "variance"),
        ("--target", "tsallis:0.5"),
        ("--target", "polynomial:0,1"),
    ],
)
def test_a_page_of_another_question_keeps_to_80_columns(few, words):
    page = run("frontier", "--K", 4, *words)
    assert (page.exit_code, page.stderr) == (0, "")
    assert max(map(len, page.stdout.splitlines())) <= 80
    assert words[1] in page.stdout


def test_lines_are_the_tables_of_the_curve(few):
    lines = run("frontier", "--K", 3, "--lines")
    assert (lines.exit_code, lines.stderr) == (0, "")
    tables = [loads(line) for line in lines.stdout.splitlines()]
    assert [table.budget.value for table in tables] == [1, 2, 4, 64]
    for table in tables:
        polyest.verify(table)


@pytest.mark.parametrize(
    "words",
    [(), ("--criterion", "variance"), ("--target", "tsallis:0.5"), ("--shape", "concave")],
)
def test_the_figure_can_be_drawn_again_from_the_lines_of_json(few, tmp_path, monkeypatch, words):
    """Every point, mark and line of it: the same bytes."""
    monkeypatch.setattr(rivals, "RATIOS", (2.0,))
    path = tmp_path / "pareto.svg"
    printed = run("frontier", "--K", 4, *words, "--json", "--plot", path)
    assert printed.exit_code == 0
    items = [json.loads(line) for line in printed.stdout.splitlines()]
    rows = [
        {
            "target": item["target"],
            "criterion": item["noise_of"],
            "K": str(item["K"]),
            "series": item["series"],
            "noise": repr(item["noise"]),
            "bias_upper": repr(item["bias"]["upper"]),
            "least_lower": repr(item["least"]["lower"]),
        }
        for item in items
    ]
    shape = words[1] if "--shape" in words else None
    assert plot.pareto(rows, "svg", shape) == path.read_bytes()
    forms = {"plug_in"} if "--target" in words else {form.__name__ for form in LOGS}
    assert forms < {item["label"] for item in items}
    assert printed.stdout == run("frontier", "--K", 4, *words, "--json").stdout


def test_a_figure_is_written_beside_the_page(few, tmp_path, monkeypatch):
    monkeypatch.setattr(rivals, "RATIOS", (2.0, 20.0))
    path = tmp_path / "pareto.SVG"
    path.write_text("what was there")
    page = run("frontier", "--K", 2, "--plot", path)
    assert page.exit_code == 0
    warning, wrote = page.stderr.splitlines()
    assert warning.startswith(
        "polyest: warning: second-moment at 20 E* is left out: a bias budget of "
    )
    assert wrote == f"polyest: wrote {path}"
    assert page.stdout == run("frontier", "--K", 2).stdout
    points, _ = frontier.marks(2)
    wanted = plot.pareto(frontier.records(frontier.sweep(2), points), "svg")
    assert path.read_bytes() == wanted
    assert names(tmp_path) == [path.name]


def test_a_curve_that_stops_is_said_in_words(few, monkeypatch):
    right = frontier.solve

    def failing(*words, **keywords):
        if keywords.get("noise", 0) >= 4:
            raise NotConverged("gave up")
        return right(*words, **keywords)

    monkeypatch.setattr(frontier, "solve", failing)
    page = run("frontier", "--K", 3)
    assert page.exit_code == 0
    assert "ends      before noise 4, which was not settled: gave up\n" in page.stdout
    assert page.stderr == (
        "polyest: warning: the curve ends before noise 4, which was not settled: gave up\n"
    )
    monkeypatch.setattr(frontier, "BUDGETS", (5.0,))
    assert "has no point at its first budget, noise 5: gave up" in refused("frontier", "--K", 3)


def test_a_rival_that_is_not_settled_is_a_row_and_a_remark(few, monkeypatch):
    right = frontier.against

    def failing(rival, criterion):
        if rival.criterion == "taylor":
            raise NotConverged("gave up")
        return right(rival, criterion)

    monkeypatch.setattr(frontier, "against", failing)
    text = run("frontier", "--K", 2).stdout
    assert re.search(r"^taylor +- +- +- +-$", text, re.M)
    assert text.endswith("\ntaylor: gave up\n")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--K", "0"), "K is 0: "),
        (("--K", "1:4"), "K is '1:4': expected an integer"),
        (("--K", "2000"), "K is 2000: tables are solved up to K = 1024"),
        (("--K", "4", "--target", "sinus"), "sinus"),
        (
            ("--K", "4", "--plot", "t.gif"),
            "t.gif: figures are not written in the format 'gif': expected",
        ),
        (("--K", "4", "--plot", "/dev/null/t.png"), "t.png: not a directory"),
    ],
)
def test_bad_input_is_one_line_before_anything_is_solved(
    untouched, tmp_path, monkeypatch, words, said
):
    monkeypatch.chdir(tmp_path)
    assert said in refused("frontier", *words)
    assert names(tmp_path) == []


def test_a_constant_target_has_no_frontier():
    message = refused("frontier", "--K", 4, "--target", "polynomial:3")
    assert message.startswith("target polynomial:3 has no frontier")


def test_without_matplotlib_nothing_is_solved(untouched, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    assert "pip install 'polyest[plot]'" in refused("frontier", "--K", 4, "--plot", "t.png")


def test_a_figure_that_fails_leaves_what_was_there(few, monkeypatch, tmp_path):
    monkeypatch.setattr(rivals, "RATIOS", ())
    path = tmp_path / "t.svg"
    path.write_text("what was there")

    full_disk(monkeypatch)
    result = run("frontier", "--K", 1, "--plot", path)
    assert result.exit_code == 1
    assert "no space left on device" in result.stderr
    assert path.read_text() == "what was there"
    assert names(tmp_path) == ["t.svg"]

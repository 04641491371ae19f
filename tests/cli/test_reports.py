"""Pages format what a command has computed: they reach nothing that computes, and say what they are given."""

import ast
import os
import re
import subprocess
import sys
from math import inf
from pathlib import Path

import pytest
from commands import run
from copies import replace

import polyest
from polyest import cli, closed_forms, frontier, recommendation
from polyest.cli.commands import NAMES
from polyest.cli.compare import compared
from polyest.cli.explorer import explorer_page
from polyest.cli.frontier import explored
from polyest.cli.pages.frontier import FrontierReport, frontier_page
from polyest.cli.pages.recommendation import recommendation_page, recommendation_record
from polyest.cli.pages.rows import RangeReport, comparison_page, range_page
from polyest.cli.pages.table import OnGrid, table_page, universal_page
from polyest.cli.table import released_report, solved_report
from polyest.proof import supremum
from polyest.tables import release

FOLDER = Path(cli.__file__).parent
PAGES = sorted([*(FOLDER / "pages").glob("*.py"), FOLDER / "explorer" / "__init__.py"])
COMPUTING = ("polyest.make", "polyest.solvers", "polyest.proof", "polyest.exact", "polyest.cli")
# Of those rooms, what a page may know: other pages, and the data that say what is proved.
KNOWN = ("polyest.cli.pages",)
LOADING = ("polyest.tables.release.", "polyest.load")


def imported(text):
    """Dotted names that a source imports from polyest, anywhere in it."""
    names = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.ImportFrom):
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
    return {name for name in names if name.startswith("polyest")}


def computing(text):
    """What a source imports that computes or loads."""
    return {
        name
        for name in imported(text)
        if (name.startswith(COMPUTING) or f"{name}.".startswith(LOADING))
        and not name.startswith(KNOWN)
    }


def test_no_page_imports_what_computes_or_loads():
    by_page = {path.relative_to(FOLDER).as_posix(): computing(path.read_text()) for path in PAGES}
    assert {name for name in by_page if name.startswith("pages/")} >= {
        f"pages/{name}.py" for name in ("frontier", "recommendation", "rows", "table")
    }
    assert {name: names for name, names in by_page.items() if names} == {}


@pytest.mark.parametrize(
    "line",
    [
        "from polyest.make.pipeline import solve",
        "from polyest.make import rounding",
        "import polyest.solvers.remez",
        "from polyest.proof.certify import measure",
        "from polyest.tables.release import load",
        "from polyest.tables import release",
        "from polyest import load",
        "from polyest.cli.solve import command",
    ],
)
def test_an_import_of_what_computes_is_found_wherever_it_stands(line):
    assert computing(f"def page():\n    {line}\n")
    assert not computing("from polyest.problem.claims import Bracket\nfrom polyest import counts")


@pytest.fixture(scope="module")
def made():
    """Pages, each as a call, of reports that are computed already."""
    curve, rivals = frontier.sweep(3, budgets=(1.0, 8.0)), frontier.comparison(3)
    tables = {
        "minimax": polyest.solve(4, criterion="minimax"),
        "log_count": closed_forms.log_count(4),
    }
    bracket = tables["minimax"].optimum
    reports = {
        "solved": solved_report(polyest.solve(4), None, None),
        "on a grid": solved_report(polyest.solve(4, grid="dyadic", group=6), None, 6),
        "another target": solved_report(polyest.solve(4, "tsallis:0.5"), None, None),
        "released": released_report(polyest.load(16)),
    }
    pages = {name: lambda report=report: table_page(report) for name, report in reports.items()}
    universal = polyest.load(5000)
    comparison, advice = compared(tables), recommendation.recommend(16, 128)
    listed = RangeReport(tuple(tables.values()), (bracket, None))
    beside, moving = FrontierReport(curve, rivals), explored(curve, rivals)
    return pages | {
        "universal": lambda: universal_page(universal),
        "range": lambda: range_page(listed),
        "comparison": lambda: comparison_page(comparison),
        "frontier": lambda: frontier_page(beside),
        "explorer": lambda: explorer_page(moving),
        "recommendation": lambda: recommendation_page(advice),
        "recommendation as JSON": lambda: recommendation_record(advice),
    }


def test_pages_are_made_where_nothing_can_be_computed_or_read(made, monkeypatch):
    before = {name: page() for name, page in made.items()}

    def reached(*given, **named):
        raise AssertionError("a page was to format what is known")

    monkeypatch.setattr(supremum, "supremum", reached)
    monkeypatch.setattr(release, "checked", reached)
    with pytest.raises(AssertionError, match="to format what is known"):
        polyest.load(4)
    with pytest.raises(AssertionError, match="to format what is known"):
        _ = closed_forms.harmonic(4).certificate
    assert {name: page() for name, page in made.items()} == before


# What is on a page can be understood by someone who reads it once.

WORDS = r"\btraces?\b|\boff by\b|\d draws\b"  # a completion, an error, the sample size K


def test_a_page_says_what_bias_and_noise_are_and_the_first_before_it_is_used(made):
    for name, page in made.items():
        if name == "explorer" or "JSON" in name:
            continue
        title, *lines = page()
        text = " ".join(" ".join(lines).split())
        assert re.findall(WORDS, f"{title} {text}") == [], name
        defined = re.search(r"p \(E c_X - [^,]*\).*?, (where )?X ~ Binomial\(K, p\)", text)
        assert defined, name
        assert defined.start() <= (text.find("sup|bias|") + 1 or len(text)), name
        if re.search(r"noise \d", f"{title} {text}"):
            assert re.search(
                r"noise (r|8):? [^;]* at most (r|8) times that of (the plug-in )?", text
            )


def test_the_help_of_a_command_is_in_words_that_it_explains():
    for name in ("", *NAMES):
        said = " ".join(run(*filter(None, [name]), "--help").stdout.split())
        assert re.findall(WORDS + r"|sup\|", said) == []
        assert "noise 1" not in said or re.search("[Nn]oise r means", said)


# What is on a page is what its report says, not what the table would give if it were asked again.


def test_the_code_on_a_page_follows_the_report():
    report = released_report(polyest.load(16))
    assert "code      t = polyest.load(16)" in table_page(report)
    assert "code      t = polyest.solve(16)" in table_page(replace(report, released=False))
    lines = table_page(replace(report, out="a file"))
    assert "code      t = polyest.loads(open('a file').read())" in lines
    assert not any(line.startswith("E*") for line in table_page(replace(report, least=None)))


@pytest.mark.parametrize(
    ("ruin", "said"),
    [
        (None, []),
        (44.16, ["rounding ruins this table: sup|bias| is 44.2 times the least"]),
        (inf, ["rounding ruins this table: sup|bias| is not 0 any more"]),
    ],
)
def test_what_rounding_cost_follows_the_report(ruin, said):
    report = solved_report(polyest.solve(4, grid="dyadic", group=6), None, 6)
    lines = table_page(replace(report, grid=OnGrid(77, ruin)))
    assert any("in groups of up to 77 completions" in line for line in lines)
    assert [line.strip() for line in lines if "ruins" in line] == said


# What a command loads


def modules(*words):
    """Modules of polyest and numpy that are imported when a command has ended."""
    program = (
        "import sys; from polyest.cli.commands import main\n"
        f"try: main({list(words)!r})\n"
        "finally: print(*sys.modules, file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(Path(polyest.__file__).parents[1])},
        check=True,
    )
    return {
        name
        for name in done.stderr.split()
        if name.partition(".")[0] in ("polyest", "numpy", "scipy")
    }


def test_help_imports_no_more_than_the_words_of_the_commands():
    loaded = modules("--help")
    assert {f"polyest.cli.{name}" for name in NAMES} <= loaded
    assert not {
        name for name in loaded if name.startswith(("numpy", "polyest.tables", "polyest.cli.pages"))
    }


def test_show_imports_neither_solvers_nor_other_commands():
    loaded = modules("show", "--K", "16")
    assert "polyest.tables.release" in loaded
    others = tuple(f"polyest.cli.{name}" for name in NAMES if name != "show")
    assert not {
        name
        for name in loaded
        if name.startswith(("scipy", "polyest.solvers", "polyest.make", *others))
    }

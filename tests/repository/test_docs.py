"""The pages of docs: every block runs and prints what it says, and what a page names is there.

The pages on trainers are run by test_trainer_pages.py and test_trl_page.py; here only what they name is
looked at.  test_site.py looks at the site that is built of them.
"""

import re
import runpy
from collections import Counter
from pathlib import Path

import pytest
from cases import AGAINST, LIMIT, SECOND
from pages import BLOCK, TRAINERS, blocks, run

import polyest
from polyest.cli.commands import main

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
PAGES = sorted(str(path.relative_to(DOCS)) for path in DOCS.rglob("*.md"))
ELSEWHERE = {f"{name}.md" for name in (*TRAINERS, "trl")}
WRITTEN = "".join(path.read_text() for path in (ROOT / "tests").rglob("test_*.py"))


def text_of(page):
    return (DOCS / page).read_text()


RUN = [
    page
    for page in PAGES
    if page not in ELSEWHERE and {kind for kind, *_ in blocks(text_of(page))} & {"python", "sh"}
]


@pytest.mark.parametrize("page", RUN)
def test_blocks_run_in_order_and_print_what_they_say(page, monkeypatch, tmp_path):
    for entry in ROOT.iterdir():  # what a block writes stays out of the checkout
        (tmp_path / entry.name).symlink_to(entry)
    monkeypatch.chdir(tmp_path)
    run(blocks(text_of(page)), page)


def test_most_pages_have_something_to_run():
    assert len(RUN) >= 13
    assert sum(kind == "python" for page in RUN for kind, *_ in blocks(text_of(page))) >= 45


@pytest.mark.parametrize(
    "examples",
    [[("python", "print(1)", "2\n")], [("python", "print(1)", None)], [("python", "", "1\n")]],
)
def test_a_block_that_prints_something_else_is_found_out(examples):
    with pytest.raises(AssertionError):
        run(examples, "made.md")


def test_a_command_that_fails_is_found_out():
    with pytest.raises(AssertionError, match="unheard"):
        run([("sh", "polyest show --K 4 --unheard\n", None)], "made.md")


# What a page names.


def anchors(text):
    """The anchors of a page's headings, as mkdocs makes them."""
    prose = BLOCK.sub("", text)
    headings = re.findall(r"^#+ (.*)$", prose, re.MULTILINE)
    return {
        re.sub(r"[\s-]+", "-", re.sub(r"[^\w\s-]", "", title).strip().lower()) for title in headings
    }


def broken(page, text):
    """Relative links of a page that lead nowhere."""
    dead = []
    for link in re.findall(r"\]\(([^)\s]+)\)", BLOCK.sub("", text)):
        path, _, anchor = link.partition("#")
        target = (DOCS / page).parent / path if path else DOCS / page
        if re.match(r"\w+:", link) or not target.is_file():
            dead.append(link)  # of other places there are none: nothing here needs the network
        elif anchor and anchor not in anchors(target.read_text()):
            dead.append(link)
    return dead


@pytest.mark.parametrize("page", PAGES)
def test_links_and_anchors_lead_somewhere(page):
    assert broken(page, text_of(page)) == []


def test_a_link_that_leads_nowhere_is_found_out():
    text = "[a](unheard.md), [b](trl.md#orbits), [c](trl.md#unheard), [d](https://x.org)"
    assert broken("index.md", text) == ["unheard.md", "trl.md#unheard", "https://x.org"]


def unwritten(text):
    """The tests that a text names and that do not exist."""
    named = set(re.findall(r"`(test_\w+)`", text))
    return {name for name in named if f"def {name}(" not in WRITTEN}


def absent(text):
    """Paths of the repository that a text names and that are not there."""
    inside = r"\b((?:\.ci|benchmarks|docs|examples|paper_figures|polyest|tables|tests)/[\w./-]*\w)"
    return {name for name in re.findall(inside, text) if not (ROOT / name).exists()}


@pytest.mark.parametrize("page", PAGES)
def test_tests_and_files_that_a_page_names_are_there(page):
    assert unwritten(text_of(page)) == set()
    assert absent(text_of(page)) == set()


def test_what_is_not_there_is_found_out():
    assert unwritten("`test_what_is_not_there_is_found_out`, `test_unheard`") == {"test_unheard"}
    assert absent("see polyest/counts.py, tests/unheard.py.") == {"tests/unheard.py"}


def test_the_theory_names_a_test_for_each_of_its_claims():
    for page, least in (("theory.md", 70), ("games.md", 25)):
        assert len(set(re.findall(r"`(test_\w+)`", text_of(page)))) >= least
        rows = re.split(r"\| claim \| checked by \|\n\|---\|---\|\n", text_of(page))[1:]
        claims = [line for part in rows for line in part.partition("\n\n")[0].splitlines()]
        assert all("`test_" in line or "experiments.md#" in line for line in claims), claims


def test_the_theory_has_the_figures_of_the_tests_that_it_names():
    text = text_of("theory.md")
    assert f"A = {LIMIT}, B = {SECOND}" in text
    head, rows = text.partition("| K | log | harmonic")[2].split("|---|---|---|---|---|\n")[:2]
    assert head.startswith(" (Zhang) | jackknife | Schuermann |")
    cells = [[cell.strip() for cell in row.split("|")[1:-1]] for row in rows.splitlines()[:4]]
    assert [row[0] for row in cells] == ["8", "16", "32", "64"]
    for i, name in enumerate(("log_count", "harmonic", "jackknife", "schuermann"), 1):
        column = tuple(row[i] for row in cells)
        assert column[: len(AGAINST[name])] == AGAINST[name]
    # That of the log at K = 64 is no figure of the test: its own noise is the unit, noise 1.
    log, best = polyest.closed_forms.log_count(64).bias, polyest.load(64, noise=1).optimum
    assert cells[3][1] == f"{log.lower / best.upper:.2f}" == f"{log.upper / best.lower:.2f}"


def test_no_test_has_the_name_of_another_where_a_page_names_it():
    times = Counter(re.findall(r"^def (test_\w+)\(", WRITTEN, re.MULTILINE))
    named = {name for page in PAGES for name in re.findall(r"`(test_\w+)`", text_of(page))}
    shared = {"test_certified_optimum_is_the_known_one"}  # of three solvers, of which each does
    assert {name for name in named if times[name] > 1} <= shared


def test_the_navigation_has_every_page_once():
    listed = re.findall(r"([\w/-]+\.md)$", (ROOT / "mkdocs.yml").read_text(), re.MULTILINE)
    assert sorted(listed) == PAGES


# What is generated.


def test_the_page_of_commands_is_what_they_say_of_themselves():
    made = runpy.run_path(str(DOCS / "cli.py"))["page"]()
    assert text_of("cli.md") == made, "python docs/cli.py writes the page anew"
    assert all(f"## polyest {name}\n" in made for name in main.commands)

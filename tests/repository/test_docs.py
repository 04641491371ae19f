"""The pages of docs: every block runs and prints what it says, and what a page names is there.

The pages on trainers are run by test_trainer_pages.py and test_trl_page.py; here only what they name is
looked at.  Whether the site can be built, offline and without a warning, is seen where mkdocs is installed.
"""

import re
import runpy
from collections import Counter
from html import unescape
from importlib import import_module
from importlib.util import find_spec
from inspect import cleandoc
from pathlib import Path
from types import FunctionType

import public_api
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
    inside = r"\b((?:\.ci|benchmarks|docs|paper_figures|polyest|tables|tests)/[\w./-]*\w)"
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


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The built site: its files, by name."""
    if not all(map(find_spec, ("mkdocs", "material", "mkdocstrings"))):
        pytest.skip("mkdocs is not installed: pip install 'polyest[docs]'")
    import subprocess
    import sys

    folder = tmp_path_factory.mktemp("site")
    built = subprocess.run(
        [
            sys.executable,
            "-m",
            "mkdocs",
            "build",
            "--strict",
            "-f",
            ROOT / "mkdocs.yml",
            "-d",
            folder,
        ],
        capture_output=True,
        text=True,
    )
    assert built.returncode == 0, built.stderr
    return {str(path.relative_to(folder)): path for path in folder.rglob("*") if path.is_file()}


def test_the_site_has_every_page_and_asks_no_other_host_for_anything(site):
    for page in PAGES:
        assert page.replace(".md", ".html") in site
    for name, path in site.items():
        if name.endswith(".html"):
            asked = re.findall(r"(?:src|href)=[\"']?((?:https?:)?//[^\"'\s>]+)", path.read_text())
            assert asked == [], name
        elif name.endswith(".css"):
            assert not re.findall(r"(?:@import|url\()\s*[\"']?(?:https?:)?//", path.read_text()), (
                name
            )


def test_formulas_are_drawn_without_a_script_and_terms_lead_to_the_glossary(site):
    pages = {name: path.read_text() for name, path in site.items() if name.endswith(".html")}
    assert not [name for name, text in pages.items() if "arithmatex" in text]
    assert pages["theory.html"].count("<math") >= 4
    anchors = set(re.findall(r'id="?([\w-]+)', pages["glossary.html"]))
    leading = {name: re.findall(r"glossary\.html#([\w-]+)", text) for name, text in pages.items()}
    assert sum(map(bool, leading.values())) > 20
    assert {anchor for each in leading.values() for anchor in each} <= anchors


def test_the_reference_has_every_public_name(site):
    text = "".join(site[name].read_text() for name in site if name.startswith("reference/"))
    shown = set(re.findall(r'id="(polyest[\w.]*)"', text))
    lines = public_api.FILE.read_text().splitlines()
    public = {re.match(r"(?:class )?(polyest[\w.]*)", line)[1] for line in lines if line[0] != " "}
    assert {name for name in public - shown if f"<code>{name}</code>" not in text} == set()
    assert len(public & shown) > 150


def test_no_word_of_a_docstring_is_lost_on_its_way_to_markdown():
    pytest.importorskip("griffe")
    markdown = runpy.run_path(str(DOCS / "docstrings.py"))["markdown"]
    for path in sorted((ROOT / "polyest").rglob("*.py")):
        text = path.read_text()
        for docstring in re.findall(r'"""(.*?)"""', text, re.DOTALL):
            written = markdown(docstring)
            assert written.count("```") % 2 == 0
            plain = re.sub(r"^ *```\w*$", "", written, flags=re.MULTILINE).replace("\\", "")
            choices = re.sub(r"^( *\w+ : )\{(.*)\}", r"\1one of \2", docstring, flags=re.MULTILINE)
            assert unescape(plain).split() == choices.replace("\\", "").split()


def words(text):
    return " ".join(["", *re.findall(r"\w+", text), ""])


def shown_of(site, name):
    """The words of the page that has a module, or of those with names of the package, as one sees them."""
    names = public_api.names(polyest) if name == "polyest" else []
    directives = {f"::: {name}", *(f"::: polyest.{own}" for own in names)}
    pages = [page for page in PAGES if directives & {*text_of(page).splitlines()}]
    assert names or len(pages) == 1
    text = " ".join(site[page.replace(".md", ".html")].read_text() for page in pages)
    return words(unescape(re.sub(r"<[^<>]*>", "", text)))


def lines_of(docstring):
    """Lines of a docstring as a page has them: a row a parameter, choices in words, ends of dotted names."""
    for line in cleandoc(docstring).splitlines():
        names, colon, kind = line.partition(" : ")
        if colon and re.fullmatch(r"\*{0,2}\w+(, \w+)*", names):
            kind = re.sub(r"(\w+\.)+(?=\w)", "", kind.replace("{", "one of "))
            yield from (f"{name} {kind}" for name in names.split(", "))
        elif line.strip("-"):
            yield line


def documented(name):
    """Docstrings of a module that has a page, of its public names, and of what is public in these."""
    module = import_module(name)
    yield name, module.__doc__ if module is not polyest else None
    for public in public_api.names(module):
        value = getattr(module, public)
        if isinstance(value, FunctionType | type):
            yield f"{name}.{public}", value.__doc__
            members = vars(value).items() if isinstance(value, type) else ()
            for part, member in members:
                if isinstance(member, FunctionType | property) and part.strip("_") == part:
                    yield f"{name}.{public}.{part}", member.__doc__


@pytest.mark.parametrize("name", public_api.MODULES)
def test_every_line_of_a_public_docstring_is_on_its_page(site, name):
    text = shown_of(site, name)
    for path, docstring in documented(name):
        lost = [line for line in lines_of(docstring or "") if words(line) not in text]
        assert lost == [], path


def test_a_line_that_is_not_on_the_page_is_seen(site):
    text = shown_of(site, "polyest.counts")
    assert words("Return the sample size K of the table") in text
    assert words("Return the sample size G of the table") not in text
    assert list(lines_of("One.\n\np, q : {1, 2}\n--\nx : a.b or c")) == [
        "One.", "p one of 1, 2}", "q one of 1, 2}", "x b or c",
    ]  # fmt: skip


def test_sections_are_tables(site):
    text = "".join(site[name].read_text() for name in site if name.startswith("reference/"))
    assert text.count('<span class="doc-section-title">Parameters:</span></p>\n    <table>') > 100


def test_docstrings_keep_their_formulas_and_sessions_and_lose_their_links(site):
    markdown = runpy.run_path(str(DOCS / "docstrings.py"))["markdown"]
    given = (
        "Sum.\n\n    a + b[i]\n\n    c\n\nk: a[0] and\n`a[0]`.\nn, m: more:\n>>> 1\n1\n\n>>> 2\n2"
    )
    assert markdown(given) == (
        "Sum.\n\n```text\na + b[i]\n\nc\n```\n\nk: a\\[0\\] and\n`a[0]`.  \nn, m: more:\n\n"
        "```pycon\n>>> 1\n1\n>>> 2\n2\n```"
    )
    assert (
        markdown("Of <nu, u>, __x__ and a * b * c.") == r"Of &lt;nu, u>, \_\_x\_\_ and a \* b \* c."
    )


def test_sections_keep_their_names_and_what_is_below_them_is_text(site):
    markdown = runpy.run_path(str(DOCS / "docstrings.py"))["markdown"]
    given = """
        Sum.

            a[0] + b

        Parameters
        ----------
        a_1 : int
            The a[0].

                a = 1

            More.
        b : {"x", "y"} or None
            The b.
        **more : int
            Others.

        Returns
        -------
        int
            The sum.

        Examples
        --------
        >>> 1
        1
    """
    assert markdown(given) == (
        "Sum.\n\n```text\na[0] + b\n```\n\n"
        "Parameters\n----------\n"
        "a_1 : int\n    The a\\[0\\].\n\n    ```text\n    a = 1\n    ```\n\n    More.\n"
        'b : one of "x", "y" or None\n    The b.\n**more : int\n    Others.\n\n'
        "Returns\n-------\nint\n    The sum.\n\n"
        "Examples\n--------\n```pycon\n>>> 1\n1\n```"
    )

"""The site that mkdocs builds: whole, without a network, readable on a telephone, with every docstring."""

import re
import runpy
from html import unescape
from importlib import import_module
from importlib.util import find_spec
from inspect import cleandoc
from pathlib import Path
from types import FunctionType

import public_api
import pytest
from browser import ABSENT, PROGRAM, Browser
from pages import BLOCK

import polyest

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
PAGES = sorted(str(path.relative_to(DOCS)) for path in DOCS.rglob("*.md"))


def text_of(page):
    return (DOCS / page).read_text()


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


FORMULA = re.compile(r"\$\$.+?\$\$|\$[^$\n]+\$", re.DOTALL)
COMMANDS = ("cd", "jq", "polyest")  # that a page shows by indenting them


def formulas(text):
    """The formulas of a page, as TeX."""
    return FORMULA.findall(re.sub(r"`[^`\n]*`", "", BLOCK.sub("", text)))


def shown_as_code(text):
    """Lines that are indented as code is, and are no command."""
    lines = re.findall(r"^ {4}(\S.*)$", BLOCK.sub("", text), re.MULTILINE)
    return [line for line in lines if line.split()[0] not in COMMANDS]


@pytest.mark.parametrize("page", PAGES)
def test_no_formula_is_shown_as_code(page):
    assert shown_as_code(text_of(page)) == []


def test_a_formula_that_is_shown_as_code_is_found_out():
    assert shown_as_code("so:\n\n    r = a b\n\n    cd tables\n") == ["r = a b"]
    assert formulas("$a$ and `$b$`\n\n$$\nc\n$$\n\n```sh\n$d $e\n```\n") == ["$a$", "$$\nc\n$$"]


def test_formulas_are_drawn_without_a_script_and_terms_lead_to_the_glossary(site):
    pages = {name: path.read_text() for name, path in site.items() if name.endswith(".html")}
    assert not [name for name, text in pages.items() if "arithmatex" in text]
    drawn = {page: len(formulas(text_of(page))) for page in PAGES if formulas(text_of(page))}
    assert len(drawn) >= 8
    for page, number in drawn.items():
        text = pages[page.replace(".md", ".html")]
        assert text.count("<math") == number, page
        assert not re.search(r"\\\w", "".join(re.findall(r"<math.*?</math>", text, re.DOTALL))), (
            page
        )
    anchors = set(re.findall(r'id="?([\w-]+)', pages["glossary.html"]))
    leading = {name: re.findall(r"glossary\.html#([\w-]+)", text) for name, text in pages.items()}
    assert sum(map(bool, leading.values())) > 20
    assert {anchor for each in leading.values() for anchor in each} <= anchors


# What ends behind the right edge of the window, and lies in nothing that scrolls by itself.
CUT = """[...document.querySelectorAll(".md-content *")].filter(e => {
  if (e.getBoundingClientRect().right <= innerWidth + 1) return false;
  for (let box = e; box; box = box.parentElement)
    if (["auto", "scroll"].includes(getComputedStyle(box).overflowX)) return false;
  return true;
}).map(e => e.tagName + " " + e.textContent.slice(0, 40))"""


@pytest.mark.skipif(PROGRAM is None, reason=ABSENT)
def test_nothing_is_cut_on_a_telephone(site, tmp_path):
    browser = Browser(tmp_path / "profile")
    wide = tmp_path / "wide.html"
    wide.write_text('<div class="md-content"><p style="width: 500px">a</p></div>')
    try:
        browser.open(wide.as_uri(), width=400)
        assert browser.value(CUT) == ["P a"]
        for page in PAGES:
            browser.open(site[page.replace(".md", ".html")].as_uri(), width=400)
            assert browser.value("document.documentElement.scrollWidth") == 400, page
            assert browser.value(CUT) == [], page
    finally:
        browser.close()


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

"""The pages are for engineers who know GRPO and not the papers: standard words, explained at first use."""

import re
from pathlib import Path

import pytest
from pages import BLOCK

DOCS = Path(__file__).resolve().parents[2] / "docs"
GENERATED = {"cli.md", "bibliography.md"}
PAGES = sorted({str(path.relative_to(DOCS)) for path in DOCS.rglob("*.md")} - GENERATED)
INLINE = re.compile(r"`[^`\n]*`|\$\$.*?\$\$|\$[^$\n]+\$|\]\([^)\s]*\)", re.DOTALL)
# What was read on these pages once, and what a reader had to guess.
IDIOMS = re.compile(
    r"lack of bias|\boff by\b|\btold of\b|\bwish to\b|goes on where|\bbelieved\b|\bnoise budget\b"
    r"|^#+ (?:Ask|Never|Ten lines|Use)$",
    re.MULTILINE,
)
TRACE = re.compile(r"\btraces?\b")
# What follows a term has to be an explanation that can be read without the glossary.
EXPLAINED = {
    "noise": (
        re.compile(r"\bnoise\b"),
        re.compile(r"variance ratio|(?:times|twice) (?:the variance|that of)|of the plug-in log\b"),
    ),
    "K": (
        re.compile(r"(?<![\w(.*/\\-])K(?![\w(^*/_])"),
        re.compile(r"sample size|binomial draws|draws that a table"),
    ),
}


def text_of(page):
    return (DOCS / page).read_text()


def prose(text):
    """A page without its blocks, code, formulas and addresses of links, line by line."""
    return INLINE.sub("", BLOCK.sub("", text))


def parts(text):
    """The paragraphs, tables and blocks of a page, in their order, without its headings."""
    start = 0
    for block in [*BLOCK.finditer(text), None]:
        between = text[start : block.start() if block else len(text)]
        yield from re.split(r"\n\s*\n", re.sub(r"^#.*$", "", between, flags=re.MULTILINE))
        if block:
            yield block[0]
            start = block.end()


def unexplained(term, text):
    """The part of a page that uses a term before the page, or the part behind it, explains it; else None."""
    used, explained = EXPLAINED[term]
    pieces = [" ".join(piece.split()) for piece in parts(prose(text) if term == "K" else text)]
    for i, piece in enumerate(pieces):
        if used.search(piece):
            return None if any(map(explained.search, pieces[: i + 2])) else piece
    return None


def traces(text):
    """The sentences that call a completion a trace and do not say whose word that is."""
    for sentence in re.split(r"(?<=[.:?!])\s+|\n\n|\n\|", prose(text)):
        if TRACE.search(sentence) and not re.search(r"\bcalls?\b|\*Also:\*|^\*?Also", sentence):
            yield sentence


@pytest.mark.parametrize("page", PAGES)
def test_a_page_says_completion(page):
    assert [*traces(text_of(page))] == []


@pytest.mark.parametrize("page", PAGES)
def test_a_page_has_no_idiom_that_must_be_guessed(page):
    assert IDIOMS.findall(prose(text_of(page))) == []


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize("term", EXPLAINED)
def test_a_term_is_explained_where_a_page_first_uses_it(term, page):
    assert unexplained(term, text_of(page)) is None


def test_what_is_not_plain_is_found_out():
    assert [*traces("Each trace has an answer.\n\nA `trace` is code.")] == [
        "Each trace has an answer."
    ]
    assert not [*traces("A completion, which they call a trace, has one.")]
    for idiom in ("It undoes the lack of bias.", "## Never\n\nDo so.", "It is off by 0.05."):
        assert IDIOMS.findall(idiom)
    assert unexplained("noise", "Take noise 8.\n\nMore.\n\nThe variance ratio.") == "Take noise 8."
    assert unexplained("noise", "More.\n\nTake `noise=8`.\n\nIts variance ratio is 8.") is None
    assert unexplained("K", "The table of K = 14.") == "The table of K = 14."
    assert unexplained("K", "`K = 3`, pass@k and\n```python\nK = 3\n```\n") is None
    assert unexplained("K", "The sample size is K = 14.") is None

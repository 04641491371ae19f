"""Captions of figures: one file has them, and the pages, the PDF and the PNG say what it says."""

import re
import runpy
import tomllib
from io import BytesIO
from pathlib import Path

import pytest
from matplotlib.figure import Figure
from PIL import Image

from polyest.cli import figures, plot

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "paper_figures"
MADE = runpy.run_path(str(ROOT / "docs" / "captions.py"))
CAPTIONS = tomllib.loads((FOLDER / "captions.toml").read_text(encoding="utf-8"))
PAGES = {str(path.relative_to(ROOT)): path for path in MADE["PAGES"]}


def test_every_figure_has_its_words_and_no_other():
    assert [*CAPTIONS] == [*figures.known()]
    for words in CAPTIONS.values():
        assert {*words} == {"alt", "text"}
        assert words["text"].endswith(".")
        assert "\n" not in words["alt"] + words["text"]
        assert "]" not in words["alt"]  # it ends what stands in the brackets of a page
        assert (
            words["text"].count("*") < 2
        )  # of two, the site makes italics of what is between them


@pytest.mark.parametrize("page", PAGES)
def test_the_text_under_the_figures_of_a_page_is_that_of_the_file(page):
    text = PAGES[page].read_text(encoding="utf-8")
    assert text == MADE["pages"]()[PAGES[page]], "python docs/captions.py writes it anew"
    assert len(re.findall(r"\]\([./]*paper_figures/", text)) == len(MADE["FIGURE"].findall(text))


def test_every_figure_is_in_a_page():
    shown = {
        match["name"]
        for path in PAGES.values()
        for match in MADE["FIGURE"].finditer(path.read_text(encoding="utf-8"))
    }
    assert shown == {*CAPTIONS}


def test_a_page_that_says_something_else_is_written_anew():
    words = {"limit": {"alt": "what is seen", "text": "What it says."}}
    right = "a\n\n![what is seen](../paper_figures/limit.png)\n\n**Figure.** What it says.\n\nb\n"
    assert MADE["captioned"](right, words) == right
    for wrong in (
        right.replace("it says", "it said"),
        right.replace("is seen", "was seen"),
        right.replace("\n**Figure.** What it says.\n", ""),
    ):
        assert wrong != right
        assert MADE["captioned"](wrong, words) == right
    assert MADE["captioned"](right, words, bare=True) == right.replace(
        "\n**Figure.** What it says.\n", ""
    )


def said(picture):
    """The caption inside of a PNG."""
    with Image.open(picture) as opened:
        return opened.info.get("Description")


@pytest.mark.parametrize("name", CAPTIONS)
def test_the_committed_files_have_their_caption_inside(name):
    assert said(FOLDER / f"{name}.png") == CAPTIONS[name]["text"], "polyest figures draws it anew"
    assert b"/Subject" in (FOLDER / f"{name}.pdf").read_bytes()


def test_a_figure_is_written_with_its_caption_and_without_one_where_there_is_none():
    pdf, png = figures.contents("variance_reduction")
    assert said(BytesIO(png)) == CAPTIONS["variance_reduction"]["text"]
    assert b"/Subject" in pdf
    assert b"what it says" in plot.saved(Figure(), "svg", "what it says")
    assert said(BytesIO(plot.saved(Figure(), "png"))) is None

"""What the site adds to its pages: links to the glossary at first uses, and formulas as MathML."""

import re
import runpy
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("mkdocs")

DOCS = Path(__file__).resolve().parents[2] / "docs"
TERMS = runpy.run_path(str(DOCS / "terms.py"))
FORMS = TERMS["terms"]((DOCS / "glossary.md").read_text())
PAGES = [page for page in sorted(DOCS.rglob("*.md")) if page.name not in ("glossary.md", "cli.md")]
LINK = re.compile(r"\[([^\]]*)\]\(g\.md#([\w-]+)\)")


def linked(text):
    return TERMS["linked"](text, FORMS, "g.md")


def test_the_glossary_has_the_words_of_the_pages():
    assert {
        "sample-size",
        "variance-ratio",
        "weighted-bias",
        "completion",
        "group",
        "index",
    } <= FORMS.keys()
    assert len(FORMS) >= 20
    forms = [form.lower() for each in FORMS.values() for form in each]
    assert len(forms) == len({*forms})


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(DOCS)))
def test_a_page_leads_to_each_term_once_and_is_else_as_it_was(page):
    text = page.read_text()
    written = linked(text)
    anchors = [anchor for _, anchor in LINK.findall(written)]
    assert len(anchors) == len({*anchors})
    assert set(anchors) <= FORMS.keys()
    assert LINK.sub(r"\1", written) == text
    fence = re.compile(r"^```.*?^```$|`[^`\n]+`|^\|.*?$|^#.*?$", re.MULTILINE | re.DOTALL)
    assert fence.findall(written) == fence.findall(text)


def test_most_pages_lead_to_the_glossary():
    assert sum(bool(LINK.search(linked(page.read_text()))) for page in PAGES) > 20


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("A table, and a table.", "A [table](g.md#table), and a table."),
        (
            "`table` [table](a.md) | x\n# table\n    table\n",
            "`table` [table](a.md) | x\n# table\n    table\n",
        ),
        ("The universal table is one.", "The [universal table](g.md#universal-table) is one."),
        ("$table$ and tablets, re-group", "$table$ and tablets, re-group"),
        ("| table |\n\nGroups", "| table |\n\n[Groups](g.md#group)"),
    ],
)
def test_prose_alone_is_linked(text, written):
    assert linked(text) == written


@given(
    st.lists(
        st.sampled_from(
            ["table", "`table`", "group", "\n\n", "# ", "$p$", "[a](b.md)", "noise", "```\n"]
        )
    )
)
def test_any_page_loses_nothing(parts):
    text = " ".join(parts)
    assert LINK.sub(r"\1", linked(text)) == text


def drawn(html):
    pytest.importorskip("latex2mathml")
    hook = runpy.run_path(str(DOCS / "formulas.py"))["on_page_content"]
    return hook(html, page=None, config=None, files=None)


def test_tex_becomes_mathml_and_nothing_else_changes():
    inline = drawn(r'<p>a <span class="arithmatex">\(p \le 1\)</span> b</p>')
    assert inline.startswith('<p>a <span class="formula"><math')
    assert inline.endswith("</math></span> b</p>")
    assert "arithmatex" not in inline
    block = drawn('<div class="arithmatex">\\[\n\\sup_p |e(p)|, a &lt; b\n\\]</div>')
    assert 'display="block"' in block
    assert "&amp;" not in block
    assert drawn("<p>$5 and \\(no\\)</p>") == "<p>$5 and \\(no\\)</p>"


def test_a_single_upright_letter_is_upright_and_a_log_has_space():
    made = drawn(r'<span class="arithmatex">\(\mathrm{E}[c_X] - \log p + \log(p)\)</span>')
    assert "<mtext>E</mtext>" in made
    assert '<mi>log</mi><mspace width="0.167em" /><mi>p</mi>' in made
    assert made.count("<mspace") == 1


@pytest.mark.parametrize(
    "page", [page for page in [*PAGES, DOCS / "glossary.md"] if "$" in page.read_text()], ids=str
)
def test_every_formula_of_a_page_can_be_drawn(page):
    latex2mathml = pytest.importorskip("latex2mathml.converter")
    prose = re.sub(r"^```.*?^```$|`[^`\n]+`", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)
    for tex in re.findall(r"\$\$(.*?)\$\$", prose, re.DOTALL) + re.findall(
        r"(?<!\$)\$([^$\n]+)\$(?!\$)", prose
    ):
        made = latex2mathml.convert(tex.strip())
        assert "\\" not in made, tex

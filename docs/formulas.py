"""Formulas of the pages as MathML, made when the site is built, which a browser draws without a script.

$a$ in a line and $$a$$ in a paragraph of their own are TeX, as in the places that show a checkout's Markdown.
"""

import re
from html import unescape

from latex2mathml.converter import convert
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import Files
from mkdocs.structure.pages import Page

# What pymdownx.arithmatex makes of TeX.
FORMULA = re.compile(r'<(span|div) class="arithmatex">\\[(\[](.*?)\\[)\]]</\1>', re.DOTALL)

# What latex2mathml leaves to be done: a single upright letter stays italic, and log p has no space.
LETTER = re.compile(r"\\mathrm\{(\w)\}")
NAMED = re.compile(r"(<mi>(?:log|exp)</mi>)(?=<m(?:i|n|sub|sup|frac)\b)")


def on_page_content(html: str, *, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Puts MathML in place of TeX."""
    return FORMULA.sub(_drawn, html)


def _drawn(formula: re.Match[str]) -> str:
    kind, tex = formula[1], unescape(formula[2]).strip()
    drawn = convert(LETTER.sub(r"\\text{\1}", tex), display="block" if kind == "div" else "inline")
    drawn = NAMED.sub(r'\1<mspace width="0.167em" />', drawn)
    return f'<{kind} class="formula">{drawn}</{kind}>'

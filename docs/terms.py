"""The first use of each term of the glossary on a page leads there; pages are written without these links.

A term is a heading of glossary.md, and each word behind `*Also:*` another form of it.  What is code, a link,
a heading, a formula or a table stays as it is, and so do the pages of the reference, which are generated.
"""

import re
from pathlib import Path, PurePosixPath

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import Files
from mkdocs.structure.pages import Page

GLOSSARY = Path(__file__).with_name("glossary.md")
PLAIN = (
    "cli.md",
    "format.md",
    "glossary.md",
    "bibliography.md",
    "reference/",
)  # pages without these links
KEPT = re.compile(
    r"^(?:```|~~~).*?^(?:```|~~~)$|^(?: {4}|#|\||---|--8<--)[^\n]*$|\$\$.*?\$\$|\$[^$\n]+\$"
    r"|!?\[[^\]]*\]\([^)]*\)|``[^`]+``|`[^`]+`|<[^>]+>",
    re.MULTILINE | re.DOTALL,
)


def on_page_markdown(markdown: str, *, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Links the first use of each term."""
    name = page.file.src_uri
    if name.startswith(PLAIN):
        return markdown
    up = "../" * (len(PurePosixPath(name).parts) - 1)
    return linked(markdown, terms(GLOSSARY.read_text(encoding="utf-8")), f"{up}glossary.md")


def terms(text: str) -> dict[str, list[str]]:
    """The anchor of each term of a glossary, with the forms of the term."""
    found = {}
    for part in re.split(r"^## ", text, flags=re.MULTILINE)[1:]:
        title, _, body = part.partition("\n")
        also = re.search(r"^\*Also:\* (.*)\.$", body, re.MULTILINE)
        forms = [title, *(also[1].split(", ") if also else [])]
        found[re.sub(r"[^\w]+", "-", title.lower())] = forms
    return found


def linked(markdown: str, forms: dict[str, list[str]], glossary: str) -> str:
    """Text in which the first use of each term leads to the glossary."""
    anchors = {form.lower(): anchor for anchor, each in forms.items() for form in each}
    longest = sorted(anchors, key=len, reverse=True)
    word = re.compile(rf"(?<![\w-])({'|'.join(map(re.escape, longest))})(?![\w-])", re.IGNORECASE)
    used: set[str] = set()

    def link(match: re.Match[str]) -> str:
        anchor = anchors[match[1].lower()]
        if anchor in used:
            return match[1]
        used.add(anchor)
        return f"[{match[1]}]({glossary}#{anchor})"

    parts, start = [], 0
    for kept in KEPT.finditer(markdown):
        parts += [word.sub(link, markdown[start : kept.start()]), kept[0]]
        start = kept.end()
    return "".join([*parts, word.sub(link, markdown[start:])])

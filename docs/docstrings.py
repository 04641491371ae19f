"""Docstrings as Markdown: prose stays prose; sessions, formulas and aligned columns become blocks.

Docstrings of polyest are plain text in sections as numpydoc has them.  Of their paragraphs, parted by empty
lines,

    a session                 begins with >>> and becomes a Python session
    what is preformatted      has an indented line, or three spaces in a row, and keeps its columns
    prose                     is all the rest; its brackets are no links or tags, its stars and low lines no
                              emphasis, and a sentence on an argument that begins a line begins one

A section is a title over a line of dashes.  Where it lists names (`LISTS`) those lines stay as they are, and
what is indented below each is text again; of that griffe's parser of numpydoc makes the tables of a page.  Of
choices, {"a", "b"}, the parser would make a tuple of names: they become words, one of "a", "b".
"""

import re
from inspect import cleandoc
from textwrap import indent
from typing import Any

from griffe import Extension, Object

TITLE = re.compile(r"^(?=[A-Z][A-Za-z ]*\n-{3,}$)", re.MULTILINE)
LISTS = ("Parameters", "Attributes", "Returns", "Yields", "Raises", "Warns")


def markdown(text: str) -> str:
    """The Markdown of a docstring, its sections as numpydoc has them."""
    first, *others = TITLE.split(cleandoc(text))
    return "\n\n".join(filter(None, [_text(first), *map(_section, others)]))


def _section(section: str) -> str:
    title, dashes, body = section.split("\n", 2)
    written = _items(body) if title in LISTS else _text(body)
    return f"{title}\n{dashes}\n{written}"


def _items(body: str) -> str:
    """A list of names: what is indented below each is text."""
    body = re.sub(r"^(\w+ : )\{(.*)\}", r"\1one of \2", body.strip("\n"), flags=re.MULTILINE)
    parts = re.split(r"^((?: {4}.*\n?|\n)+)", body, flags=re.MULTILINE)
    parts[1::2] = [indent(_text(part), "    ") + "\n" for part in parts[1::2]]
    return "".join(parts).rstrip("\n")


def _text(text: str) -> str:
    parts: list[tuple[str, str]] = []
    for block in re.split(r"\n\s*\n|\n(?=>>> )", cleandoc("\n" + text)):
        kind = _kind(block)
        if kind and parts and parts[-1][0] == kind:
            gap = "\n" if kind == "pycon" else "\n\n"
            parts[-1] = kind, parts[-1][1] + gap + block
        else:
            parts.append((kind, block))
    return "\n\n".join(_written(kind, block) for kind, block in parts)


def _kind(block: str) -> str:
    """pycon, text, or nothing for prose."""
    if block.startswith(">>> "):
        return "pycon"
    if any(re.search(r"^ {2,}\S|\S {3,}\S", line) for line in block.splitlines()):
        return "text"
    return ""


def _written(kind: str, block: str) -> str:
    if kind:
        return f"```{kind}\n{cleandoc(chr(10) + block)}\n```"
    lines = re.sub(r"(?<=\.)\n(?=[a-z]\w*(?:, [a-z]\w*)*: )", "  \n", block)
    parts = re.split(r"(`[^`]*`)", lines)
    parts[::2] = [re.sub(r"[\[\]*_]", r"\\\g<0>", part).replace("<", "&lt;") for part in parts[::2]]
    return "".join(parts)


class Plain(Extension):
    """What mkdocstrings loads: every docstring goes through `markdown`."""

    def on_object(self, *, obj: Object, **_: Any) -> None:
        """Called for every object that is read; what a dataclass checks of itself is not for its users."""
        if obj.name == "__post_init__":
            obj.docstring = None
        elif obj.docstring is not None:
            obj.docstring.value = markdown(obj.docstring.value)

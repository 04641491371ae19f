"""Docstrings as Markdown: prose stays prose; doctests, formulas and aligned columns become blocks.

Docstrings of polyest are plain text.  Of their paragraphs, parted by empty lines,

    a doctest                 begins with >>> and becomes a Python session
    what is preformatted      has an indented line, or three spaces in a row, and keeps its columns
    prose                     is all the rest; its brackets are no links, and a sentence on an argument
                              that begins a line begins one
"""

import re
from inspect import cleandoc
from typing import Any

from griffe import Docstring, Extension, Object


def markdown(text: str) -> str:
    """The Markdown of a docstring."""
    parts: list[tuple[str, str]] = []
    for block in re.split(r"\n\s*\n|\n(?=>>> )", cleandoc(text)):
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
    parts[::2] = [re.sub(r"[\[\]<]", r"\\\g<0>", part) for part in parts[::2]]
    return "".join(parts)


class Plain(Extension):
    """What mkdocstrings loads: every docstring goes through `markdown`."""

    def on_object(self, *, obj: Object, **_: Any) -> None:
        """Called for every object that is read; what a dataclass checks of itself is not for its users."""
        if obj.name == "__post_init__":
            obj.docstring = None
        elif obj.docstring is not None:
            old = obj.docstring
            obj.docstring = Docstring(
                markdown(old.value), lineno=old.lineno, endlineno=old.endlineno, parent=obj
            )

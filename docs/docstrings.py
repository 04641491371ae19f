"""Docstrings as Markdown: prose stays prose; doctests, formulas and aligned columns become blocks.

Docstrings of polyest are plain text.  Of their paragraphs, parted by empty lines,

    a doctest                 begins with >>> and becomes a Python session
    what is preformatted      has an indented line, or three spaces in a row, and keeps its columns
    prose                     is all the rest; its brackets are no links
"""

import re
from inspect import cleandoc
from typing import Any

from griffe import Docstring, Extension, Object


def markdown(text: str) -> str:
    """The Markdown of a docstring.

    >>> print(markdown("Sum.\\n\\n    a + b[i]\\n\\nOf a[0]:\\n>>> 1\\n1"))
    Sum.
    <BLANKLINE>
    ```text
    a + b[i]
    ```
    <BLANKLINE>
    Of a\\\\[0\\\\]:
    <BLANKLINE>
    ```pycon
    >>> 1
    1
    ```
    """
    parts: list[tuple[str, str]] = []
    for block in re.split(r"\n\s*\n|\n(?=>>> )(?<!^)", cleandoc(text)):
        kind = _kind(block, parts[-1] if parts else None)
        if kind and parts and parts[-1][0] == kind:
            gap = "\n" if kind == "pycon" else "\n\n"
            parts[-1] = kind, parts[-1][1] + gap + block
        else:
            parts.append((kind, block))
    return "\n\n".join(_written(kind, block) for kind, block in parts)


def _kind(block: str, before: tuple[str, str] | None) -> str:
    """pycon, text, or nothing for prose."""
    if block.startswith(">>> "):
        return "pycon"
    if any(re.search(r"^ {2,}\S|\S {3,}\S", line) for line in block.splitlines()):
        return "text"
    return ""


def _written(kind: str, block: str) -> str:
    if kind:
        return f"```{kind}\n{cleandoc(chr(10) + block)}\n```"
    quoted = re.split(r"(`[^`]*`)", block)
    return "".join(re.sub(r"[\[\]<]", r"\\\g<0>", x) if i % 2 == 0 else x for i, x in enumerate(quoted))


class Plain(Extension):
    """What mkdocstrings loads: every docstring goes through `markdown`."""

    def on_object(self, *, obj: Object, **_: Any) -> None:
        """Called for every object that is read."""
        if obj.docstring is not None:
            old = obj.docstring
            obj.docstring = Docstring(
                markdown(old.value), lineno=old.lineno, endlineno=old.endlineno, parent=obj
            )

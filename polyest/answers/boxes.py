r"""Boxes: \boxed{...} and \fbox{...} of a text, the last one and those that belong to it."""

import re
from typing import NamedTuple

_FRACTION = r"\\[dtc]?frac\s*+(?:\{[^{}]*\}|\d)\s*+(?:\{[^{}]*\}|\d)"
_BARE = rf"[-+]?\.?\d(?:[\d.,]*\d)?|{_FRACTION}|[A-Za-z](?![A-Za-z])"
_BRACES = re.compile(  # read as tokens: \\ is a line break, and what follows it no command
    rf"\\(?:boxed|fbox)(?![A-Za-z])\s*+(?:(?P<opens>\{{)|(?P<bare>{_BARE}))|\\.|[{{}}]", re.DOTALL
)
_GAP = r"(?:[\s$*]|\\[,;:!> ()\[\]]|\\q?quad(?![A-Za-z]))*+"
_AND = r"(?:\\(?:text|mathrm|mbox)\s*\{\s*)?(?:and|or|und|oder|et|ou|y|o|和|或|与|及)(?![A-Za-z])(?:\s*\})?"
_JOINT = re.compile(
    rf"{_GAP}(?:[,;&\uff0c\u3001\uff1b]{_GAP}(?:{_AND})?|{_AND}){_GAP}(?:[A-Za-z]\s*=)?{_GAP}"
)
_JOINS = re.compile(  # what a text ends with that may be a joint
    rf"(?:[,;&\uff0c\u3001\uff1b]|{_AND}){_GAP}(?:[A-Za-z]\s*=)?{_GAP}\Z"
)
_WITHIN = 60  # characters of a joint that are looked at before the boxes are


class _Box(NamedTuple):
    start: int
    content: slice
    end: int


def boxed(text: str) -> list[str] | None:
    r"""Contents of the last closed box and of those joined to it by a comma or "and"; None without a box.

    Boxes that were opened and never closed count as there: without a closed one the list is empty.  After
    \boxed without braces a number, a fraction or a letter that stands alone is the content.

    >>> boxed(r"I think \boxed{1}. No: \boxed{4}"), boxed(r"\boxed{1} and \boxed{-2}")
    (['4'], ['1', '-2'])
    """
    if "box" not in text or (start := max(text.rfind("\\boxed"), text.rfind("\\fbox"))) < 0:
        return None
    alone = text.rfind("box", 0, start) < 0 or not _JOINS.search(
        text, max(0, start - _WITHIN), start
    )
    if alone and (last := _at(text, start)) is not None:
        return [text[last.content]]
    found, opened = _all(text)
    if not found:
        return [] if opened else None
    parts = [found.pop()]
    while found and _JOINT.fullmatch(text, found[-1].end, parts[-1].start):
        parts.append(found.pop())
    return [text[part.content] for part in reversed(parts)]


def _at(text: str, start: int) -> _Box | None:
    """The box whose backslash is there, if it is one and closed."""
    before = text[max(0, start - 50) : start]
    if (len(before) - len(before.rstrip("\\"))) % 2:
        return None
    depth = 0
    for brace in _BRACES.finditer(text, start):
        if not depth:
            if brace["bare"]:
                return _Box(start, slice(*brace.span("bare")), brace.end())
            if not brace["opens"]:
                return None
            begin = brace.end()
        depth += brace[0].endswith("{") and brace[0] != r"\{"
        depth -= brace[0] == "}"
        if not depth:
            return _Box(start, slice(begin, brace.start()), brace.end())
    return None


def _all(text: str) -> tuple[list[_Box], bool]:
    """All closed boxes in the order in which they open, and whether any was opened."""
    found: list[_Box] = []
    stack: list[tuple[int, int] | None] = []  # where boxes begin, None for other braces
    opened = False
    for brace in _BRACES.finditer(text):
        if brace["bare"]:
            found.append(_Box(brace.start(), slice(*brace.span("bare")), brace.end()))
        elif brace["opens"]:
            stack.append(brace.span())
            opened = True
        elif brace[0] == "{":
            stack.append(None)
        elif brace[0] == "}" and stack and (box := stack.pop()):
            found.append(_Box(box[0], slice(box[1], brace.start()), brace.end()))
    return sorted(found), opened

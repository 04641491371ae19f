r"""Boxes: `boxed` finds the last \boxed{...} or \fbox{...} of a text, and those that belong to it."""

import re
from typing import NamedTuple

_FRACTION = r"\\[dtc]?frac\s*+(?:\{[^{}]*\}|\d)\s*+(?:\{[^{}]*\}|\d)"
_BARE = rf"[-+]?\.?\d(?:[\d.,]*\d)?|{_FRACTION}|[A-Za-z](?![A-Za-z])"
_BRACES = re.compile(  # tokens: \\ is a line break, so that \\boxed is no box
    rf"\\(?:boxed|fbox)(?![A-Za-z])\s*+(?:(?P<opens>\{{)|(?P<bare>{_BARE}))|\\.|[{{}}]", re.DOTALL
)
_GAP = r"(?:[\s$*]|\\[,;:!> ()\[\]]|\\q?quad(?![A-Za-z]))*+"
_WORDS = ("and", "or", "und", "oder", "et", "ou", "y", "o", "和", "或", "与", "及")
_AND = rf"(?:\\(?:text|mathrm|mbox)\s*\{{\s*)?(?:{'|'.join(_WORDS)})(?![A-Za-z])(?:\s*\}})?"
_COMMAS = ",;&\uff0c\u3001\uff1b"
_JOINT = re.compile(rf"{_GAP}(?:[{_COMMAS}]{_GAP}(?:{_AND})?|{_AND}){_GAP}(?:[A-Za-z]\s*=)?{_GAP}")
_JOINS = re.compile(  # the end of a text that may join a box to the next one
    rf"(?:[{_COMMAS}]|{_AND}){_GAP}(?:[A-Za-z]\s*=)?{_GAP}\Z"
)
_WITHIN = 60  # characters before the last box in which a joint is looked for first


class _Box(NamedTuple):
    """The place of a closed box and of its content in a text."""

    start: int
    content: slice
    end: int


def boxed(text: str) -> list[str] | None:
    r"""Return the contents of the last closed box and of those joined to it by a comma or "and".

    Returns None for a text without boxes, and an empty list if boxes were opened and none was closed.  The
    content of \boxed without braces is a number, a fraction or a single letter.

    >>> boxed(r"I think \boxed{1}. No: \boxed{4}"), boxed(r"\boxed{1} and \boxed{-2}")
    (['4'], ['1', '-2'])
    """
    if "\\" not in text or (word := text.rfind("box")) < 0:  # both commands have it
        return None
    easy = _EASY.match(text, word - 1)
    return [easy[1]] if easy else _searched(text)


# Most boxes: none is joined to them, as before them is no more than a gap after what ends no joint, and in
# them are no braces, or braces without others inside.
_GAPS = r"\s$*\\:!>()\[\]"  # all characters of a gap but those that may also end a joint
_LONG = [word for word in (*_WORDS, "quad") if len(word) > 1]
_LETTERS = "".join(word[-1] for word in _LONG)
_JOINTS = "".join(word for word in _WORDS if len(word) == 1) + _COMMAS + "}="
_APART = "|".join(
    rf"(?<=[^{_GAPS}{_JOINTS}{_LETTERS}]{gap})"
    rf"|(?<=[{_LETTERS}]{gap}){''.join(f'(?<!{word}{gap})' for word in _LONG)}"
    for gap in (rf"[{_GAPS}]{{{length}}}" for length in (2, 1, 0, 3, 4, 5))
)
_EASY = re.compile(
    rf"(?:{_APART})(?<!\\)\\boxed"
    r"\{([^{}\\]*+(?=\})|(?:[^{}\\]++|\\.|\{(?:[^{}\\]++|\\.)*+\})*+)\}",
    re.DOTALL,
)


def _searched(text: str) -> list[str] | None:
    """Return what `boxed` returns for any text."""
    start = max(text.rfind("\\boxed"), text.rfind("\\fbox"))
    if start < 0:
        return None
    alone = text.rfind("box", 0, start) < 0 or not _JOINS.search(
        text, max(0, start - _WITHIN), start
    )
    if alone and (last := _at(text, start)) is not None:
        return [text[last.content]]
    boxes, opened = _all(text)
    if not boxes:
        return [] if opened else None
    parts = [boxes.pop()]
    while boxes and _JOINT.fullmatch(text, boxes[-1].end, parts[-1].start):
        parts.append(boxes.pop())
    return [text[part.content] for part in reversed(parts)]


def _at(text: str, start: int) -> _Box | None:
    """Return the box that starts at this backslash, or None if there is no box or it is not closed."""
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
    """Return all closed boxes in the order in which they open, and whether any box was opened."""
    boxes: list[_Box] = []
    stack: list[tuple[int, int] | None] = []  # the span of each open \boxed{, None for other braces
    opened = False
    for brace in _BRACES.finditer(text):
        if brace["bare"]:
            boxes.append(_Box(brace.start(), slice(*brace.span("bare")), brace.end()))
        elif brace["opens"]:
            stack.append(brace.span())
            opened = True
        elif brace[0] == "{":
            stack.append(None)
        elif brace[0] == "}" and stack and (box := stack.pop()):
            boxes.append(_Box(box[0], slice(box[1], brace.start()), brace.end()))
    return sorted(boxes), opened

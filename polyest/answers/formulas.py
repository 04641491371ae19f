r"""Formulas: `formula` makes the key of the content of a box: a rational, a list of keys, or normal TeX."""

import re

from polyest.answers.characters import plain
from polyest.answers.memory import Memory
from polyest.answers.numerals import number_alone
from polyest.answers.tex import normal

Key = str | None

_NAMED = re.compile(r"[\s$]*(?:[A-Za-z]|\\[a-z]+)(?:_\{?[A-Za-z0-9]+\}?)?\s*=(?!=)")
_THOUSANDS = re.compile(r"(?<![\d,.])[1-9]\d{0,2}(?:,\d{3})+(?!\d|,\d)")
_AFTER_POINT = re.compile(r"0\d")
_BRACKETS = re.compile(r"\\[{}]|\\.|[(\[{)\]},]", re.DOTALL)


def formula(parts: list[str]) -> Key:
    r"""Return the key of the content of a box, or of several boxes that are one answer.

    Commas outside brackets that do not group thousands separate the parts of a list; the key of a list is
    made of the keys of its parts.  A name before the only = is left out.  Returns None if a part is empty or
    has no value.

    >>> formula(["x = 5, \\dfrac12"]), formula(["5", "120"]), formula(["1,234"]), formula(["(1,2)"])
    ('5, 1/2', '5, 120', '1234', '(1,2)')
    """
    if len(parts) == 1:
        return _keys[parts[0]]
    keys = [_keys[part] for part in parts]
    known = [key for key in keys if key is not None]
    return ", ".join(known) if known and len(known) == len(keys) else None


def _one(content: str) -> Key:
    """Return the key of the content of one box."""
    content = plain(content)
    is_number, key = number_alone(content)
    if is_number:
        return key
    if content.count("=") == 1 and (name := _NAMED.match(content)):
        content = content[name.end() :]
        is_number, key = number_alone(content)
        if is_number:
            return key
    parts = _listed(content)
    if len(parts) < 2:
        return normal(content) or None
    return ", ".join(number_alone(part)[1] or normal(part) for part in parts)


_keys: Memory[Key] = Memory(_one)


def _listed(content: str) -> list[str]:
    """Split at commas outside brackets, unless a part would be empty or the brackets do not match."""
    content = content.rstrip(" .,;\n\u3002")
    if "," not in content:
        return [content]
    content = content.replace(r",\!", ",")
    grouping = {
        i
        for number in _THOUSANDS.finditer(content)
        for i in range(*number.span())
        if content[i] == ","
    }
    depth, start, parts = 0, 0, []
    for mark in _BRACKETS.finditer(content):
        if mark[0][-1] in "([{" and mark[0] not in (r"\(", r"\["):
            depth += 1
        elif mark[0][-1] in ")]}" and mark[0] not in (r"\)", r"\]"):
            depth -= 1
        elif mark[0] == "," and depth == 0 and mark.start() not in grouping:
            parts.append(content[start : mark.start()])
            start = mark.end()
    parts.append(content[start:])
    # A part such as 00 follows a decimal comma, so that the content is not a list.
    whole = depth == 0 and all(map(str.strip, parts))
    return parts if whole and not any(map(_AFTER_POINT.match, parts[1:])) else [content]

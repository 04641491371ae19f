r"""Formulas: the key of what is in a box, a rational where it is a number, a list, else its normal form."""

import re

from polyest.answers.characters import plain
from polyest.answers.numerals import number_alone
from polyest.answers.tex import normal

Key = str | None

_NAMED = re.compile(r"[\s$]*(?:[A-Za-z]|\\[a-z]+)(?:_\{?[A-Za-z0-9]+\}?)?\s*=(?!=)")
_THOUSANDS = re.compile(r"(?<![\d,.])[1-9]\d{0,2}(?:,\d{3})+(?!\d|,\d)")
_AFTER_POINT = re.compile(r"0\d")
_BRACKETS = re.compile(r"\\[{}]|\\.|[(\[{)\]},]", re.DOTALL)


def formula(parts: list[str]) -> Key:
    r"""The key of what is in a box, or in several that are one answer; None where there is nothing.

    Commas outside brackets that group no thousands make a list, whose parts are keys too; a name before the
    only = is left out.

    >>> formula(["x = 5, \\dfrac12"]), formula(["5", "120"]), formula(["1,234"]), formula(["(1,2)"])
    ('5, 1/2', '5, 120', '1234', '(1,2)')
    """
    keys = [_one(plain(part)) for part in parts]
    known = [key for key in keys if key is not None]
    return ", ".join(known) if known and len(known) == len(keys) else None


def _one(content: str) -> Key:
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


def _listed(content: str) -> list[str]:
    """The parts between commas outside brackets; one where a part is empty or brackets do not match."""
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
    # A part such as 00 is what follows a decimal comma, and the whole no list.
    whole = depth == 0 and all(map(str.strip, parts))
    return parts if whole and not any(map(_AFTER_POINT.match, parts[1:])) else [content]

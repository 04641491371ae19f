"""Reasoning before an answer is skipped: `final_part` returns the text after it.

The final part begins after the last closing tag.  If an opening tag follows that one, the reasoning was not
finished, and the text has no final part.  A closing tag without an opening one counts too, because many chat
templates write the opening tag into the prompt.
"""

import re
from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import NamedTuple

from polyest.errors import InvalidAnswer
from polyest.values import shown

Tag = str | tuple[str, str]  # the name in <name>...</name>, or an opening and a closing text

REASONING: tuple[Tag, ...] = (
    "think",
    "thinking",
    "reasoning",
    "thought",
    "seed:think",
    ("[THINK]", "[/THINK]"),
    ("\u25c1think\u25b7", "\u25c1/think\u25b7"),
    ("<|START_THINKING|>", "<|END_THINKING|>"),
    ("<|channel|>analysis", "<|channel|>final<|message|>"),
)


def final_part(tags: Iterable[Tag]) -> Callable[[str], str | None]:
    """Return the function from a text to its final part, or to None if the reasoning is not closed.

    tags: names, which stand for <name> and </name> in upper or lower case and with attributes, or pairs of
    an opening and a closing text.  Raises InvalidAnswer for anything else.

    >>> final = final_part(["think"])
    >>> final("<think>4?</think> It is 5."), final("It is 5."), final("<think>If n = 12 then")
    (' It is 5.', 'It is 5.', None)
    """
    if isinstance(tags, str) or not isinstance(tags, Iterable):
        raise InvalidAnswer(
            f"reasoning is {shown(tags)}: expected a list of tags, such as ['think']"
        )
    return _final_part(tuple(map(_checked, tags)))


_NAME = re.compile(r"[\w:.|-]+")


def _checked(tag: object) -> Tag:
    """Return a tag; raise InvalidAnswer if it is neither a name nor a pair of texts."""
    if isinstance(tag, str) and _NAME.fullmatch(tag):
        return tag
    if isinstance(tag, tuple | list) and len(tag) == 2:
        opened, closed = tag
        if isinstance(opened, str) and isinstance(closed, str) and opened and closed:
            return opened, closed
    raise InvalidAnswer(
        f"reasoning has the tag {shown(tag)}: expected a name, such as 'think', or a pair of texts, what "
        "opens and what closes"
    )


@lru_cache(maxsize=64)
def _final_part(tags: tuple[Tag, ...]) -> Callable[[str], str | None]:
    """Return the function of `final_part` for these tags.

    It searches backwards from the end of the text, because only the last mark, that is what opens or
    closes reasoning, matters.
    """
    if not tags:
        return str
    pairs = [_pair(tag) for tag in tags]
    starts = {mark.start for pair in pairs for mark in pair}
    # A start that begins with another one is found with that one.
    starts = {start for start in starts if not start.startswith(tuple(starts - {start}))}
    starts_of = {start[0]: [s for s in starts if s[0] == start[0]] for start in sorted(starts)}
    mark = re.compile("|".join(rf"{opens.pattern}|({closes.pattern})" for opens, closes in pairs))

    def final(text: str) -> str | None:
        last, begin = None, 0  # the last mark so far, and where a later one begins
        for first in starts_of:  # most texts have none of these characters
            if first in text:
                for start in starts_of[first]:
                    at = text.rfind(start, begin)
                    while at >= 0:
                        if match := mark.match(text, at):
                            last, begin = match, at + 1
                            break
                        at = text.rfind(start, begin, at)  # a "<" that is no mark
        if last is None:
            return text
        return text[last.end() :] if last.lastindex else None

    return final


class _Mark(NamedTuple):
    """What opens or closes reasoning: the text with which it starts, and its pattern."""

    start: str
    pattern: str


def _pair(tag: Tag) -> tuple[_Mark, _Mark]:
    """Return what opens and what closes the reasoning of a tag."""
    if isinstance(tag, str):
        name = re.escape(tag)
        opens = _Mark("<", rf"<(?i:{name})(?:\s[^<>]{{0,200}})?>")
        return opens, _Mark("<", rf"</(?i:{name})\s?>")
    opened, closed = tag
    return _Mark(opened, re.escape(opened)), _Mark(closed, re.escape(closed))

"""Reasoning before an answer is skipped: `final_part` returns the text after it.

The final part begins after the last closing tag.  If an opening tag follows that one, the reasoning was not
finished, and the text has no final part.  A closing tag without an opening one counts too, because many chat
templates write the opening tag into the prompt.
"""

import re
from collections.abc import Callable, Iterable
from functools import lru_cache

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
    return _final_part(tuple(map(_pair, tags)))


def _pair(tag: object) -> tuple[str, str]:
    """Return the patterns of the opening and the closing tag."""
    if isinstance(tag, str) and re.fullmatch(r"[\w:.|-]+", tag):
        name = re.escape(tag)
        return rf"<(?i:{name})(?:\s[^<>]{{0,200}})?>", rf"</(?i:{name})\s?>"
    if isinstance(tag, tuple | list) and len(tag) == 2:
        opened, closed = tag
        if isinstance(opened, str) and isinstance(closed, str) and opened and closed:
            return re.escape(opened), re.escape(closed)
    raise InvalidAnswer(
        f"reasoning has the tag {shown(tag)}: expected a name, such as 'think', or a pair of texts, what "
        "opens and what closes"
    )


@lru_cache(maxsize=64)
def _final_part(pairs: tuple[tuple[str, str], ...]) -> Callable[[str], str | None]:
    """Return the function of `final_part` for the patterns of pairs of tags."""
    if not pairs:
        return str
    firsts = {  # the first characters of the tags; a text without them need not be searched
        re.sub(r"\\(.)", r"\1", pattern, flags=re.DOTALL)[0] for pair in pairs for pattern in pair
    }
    first = re.compile("[" + re.escape("".join(sorted(firsts))) + "]")
    tag = re.compile("|".join(rf"{opens}|({closes})" for opens, closes in pairs))

    def final(text: str) -> str | None:
        if not any(char in text for char in firsts):
            return text
        last = None
        for start in first.finditer(text):  # faster than a search for `tag` at every character
            last = tag.match(text, start.start()) or last
        if last is None:
            return text
        return text[last.end() :] if last.lastindex else None

    return final

"""Reasoning that comes before an answer, and is none: what of a text is its final part.

Up to the last closing tag nothing is searched; an opening tag after that was never closed, and then the
text has no final part.  A closing tag alone counts too: many chat templates write the opening one into the
prompt.
"""

import re
from collections.abc import Callable, Iterable
from functools import lru_cache

from polyest.errors import InvalidAnswer
from polyest.values import shown

Tag = str | tuple[str, str]  # name of <name>...</name>, or what opens and what closes

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
    """The function text -> its final part, None where the reasoning was not closed.

    tags: names, which stand for <name> and </name> in upper or lower case, attributes allowed, or pairs of
    literal texts.  Raises InvalidAnswer for anything else.

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
    """Patterns of what opens and what closes."""
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
    if not pairs:
        return str
    firsts = {  # of the tags: a text without them needs no search
        re.sub(r"\\(.)", r"\1", pattern, flags=re.DOTALL)[0] for pair in pairs for pattern in pair
    }
    first = re.compile("[" + re.escape("".join(sorted(firsts))) + "]")
    tag = re.compile("|".join(rf"{opens}|({closes})" for opens, closes in pairs))

    def final(text: str) -> str | None:
        if not any(char in text for char in firsts):
            return text
        last = None
        for start in first.finditer(text):  # few, where a search for tags would try every character
            last = tag.match(text, start.start()) or last
        if last is None:
            return text
        return text[last.end() :] if last.lastindex else None

    return final

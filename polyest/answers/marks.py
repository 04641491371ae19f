r"""Marked answers: `marked_reader` finds the part of a text without a box that is marked as its answer.

The reader tries in this order: the last <answer></answer>; the last line of #### and a number; the clause
after the last "answer is", "answer:" or a cue of the caller.
"""

import re
from collections.abc import Callable
from functools import lru_cache

from polyest.answers.characters import plain
from polyest.answers.formulas import formula
from polyest.answers.numerals import last_number, number_alone, number_in_words

Key = str | None
Found = tuple[bool, Key]  # whether there is a marked answer, and its key

_HEAD = "####"
_TAGS = re.compile(r"<(/?)answer>", re.IGNORECASE)
_CUE = re.compile(
    r"(?i:answer)(?: to (?:the|this) (?:question|problem))?\**\s*(?:(?i:is|are)(?![A-Za-z])|[:=])"
)
_REST = r"[\s:=*_]*"
_STOP = r"[.!?;](?:\s|\Z)|,?\s(?:because|since|as|so|but|not|which|where)\b|\s\("
_CLAUSE = re.compile(
    rf"{_REST}(?!not\b)(?:\$\$?(?P<formula>[^$\s](?:[^$\n]*[^$\s])?)\$|\\\((?P<inline>[^\n]+?)\\\)"
    rf"|(?P<words>(?:(?!{_STOP})[^\n])+))"
)
_TRIED = 20  # greatest number of words "answer" at which a cue is looked for


@lru_cache(maxsize=64)
def marked_reader(cues: tuple[str, ...]) -> Callable[[str], Found]:
    """Return the function from a text to whether it has a marked answer, and the key of that answer.

    cues: phrases before an answer, in addition to the English ones.

    >>> read = marked_reader(())
    >>> read("<answer>3 apples</answer>"), read("The answer is 8, as 10 - 2 is."), read("so 8")
    ((True, '3'), (True, '8'), (False, None))
    """
    own = re.compile("|".join(rf"(?i:{re.escape(cue.rstrip(' :='))})" for cue in cues) or r"(?!)")

    def read(text: str) -> Found:
        if "<" in text and (tagged := _tagged(text)) is not None:
            return True, _key_of(tagged)
        for headed in text.split(_HEAD)[:0:-1]:
            is_number, key = number_alone(plain(headed.partition("\n")[0]))
            if is_number:
                return True, key
        ends = [_after_cue(text, "nswer"), _after_cue(text, "NSWER")]
        if cues:
            ends += [cue.end() for cue in own.finditer(text)][-1:]
        clause = _CLAUSE.match(text, max(ends)) if max(ends) else None
        if clause is None:
            return False, None
        written = clause["formula"] or clause["inline"]
        return (True, formula([written])) if written else last_number(clause["words"])

    return read


def _after_cue(text: str, word: str) -> int:
    """Return the end of the last cue with this word, or 0 if none of the last 20 words is in a cue."""
    end = len(text)
    for _ in range(_TRIED):
        end = text.rfind(word, 0, end)
        if end < 1:
            break
        if cue := _CUE.match(text, end - 1):
            return cue.end()
    return 0


def _tagged(text: str) -> str | None:
    """Return the content of the last <answer> that is closed, or None."""
    start, content = -1, None
    for tag in _TAGS.finditer(text):
        if not tag[1]:
            start = tag.end()
        elif start >= 0:
            content, start = text[start : tag.start()], -1
    return content


def _key_of(content: str) -> Key:
    """Return the key of the content of <answer></answer>."""
    is_number, key = number_in_words(content)
    return key if is_number else formula([content])

r"""Marked answers: what a text without a box says is its answer.

In this order: the last <answer></answer>; the last line of #### and a number; what follows the last "answer
is", "answer:" or a cue of one's own, as far as its clause goes.
"""

import re
from collections.abc import Callable
from functools import lru_cache

from polyest.answers.characters import plain
from polyest.answers.formulas import formula
from polyest.answers.numerals import last_number, number_alone, number_in_words

Key = str | None
Found = tuple[bool, Key]

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
_TRIED = 20


@lru_cache(maxsize=64)
def marked_reader(cues: tuple[str, ...]) -> Callable[[str], Found]:
    """The function text -> whether it has a marked answer, and its key.

    >>> read = marked_reader(())
    >>> read("<answer>3 apples</answer>"), read("The answer is 8, as 10 - 2 is."), read("so 8")
    ((True, '3'), (True, '8'), (False, None))
    """
    own = re.compile("|".join(rf"(?i:{re.escape(cue.rstrip(' :='))})" for cue in cues) or r"(?!)")

    def read(text: str) -> Found:
        if "<" in text and (tagged := _tagged(text)) is not None:
            return True, _said(tagged)
        for headed in text.split(_HEAD)[:0:-1]:
            is_number, key = number_alone(plain(headed.partition("\n")[0]))
            if is_number:
                return True, key
        ends = [_after_cue(text, "nswer"), _after_cue(text, "NSWER")]
        ends += [found.end() for found in own.finditer(text)][-1:] if cues else []
        clause = _CLAUSE.match(text, max(ends)) if max(ends) else None
        if clause is None:
            return False, None
        written = clause["formula"] or clause["inline"]
        return (True, formula([written])) if written else last_number(clause["words"])

    return read


def _after_cue(text: str, word: str) -> int:
    """Where the last cue with this word ends, 0 where there is none; a few words are tried."""
    end = len(text)
    for _ in range(_TRIED):
        end = text.rfind(word, 0, end)
        if end < 1:
            break
        if cue := _CUE.match(text, end - 1):
            return cue.end()
    return 0


def _tagged(text: str) -> str | None:
    """Content of the last <answer> that is closed."""
    start, found = -1, None
    for tag in _TAGS.finditer(text):
        if not tag[1]:
            start = tag.end()
        elif start >= 0:
            found, start = text[start : tag.start()], -1
    return found


def _said(content: str) -> Key:
    is_number, key = number_in_words(content)
    return key if is_number else formula([content])

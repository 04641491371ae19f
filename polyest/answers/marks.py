r"""Marked answers: `marked_reader` finds the part of a text without a box that is marked as its answer.

The reader tries in this order: the last <answer></answer>; the last line of #### and a number; the clause
after the last "answer is", "answer:" or a cue of the caller.
"""

import re
from collections.abc import Callable
from functools import lru_cache

from polyest.answers.characters import plain
from polyest.answers.formulas import formula
from polyest.answers.memory import Memory
from polyest.answers.numerals import WHOLE, last_number, number_alone, number_in_words

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
_EASY = re.compile(rf"{_CUE.pattern}{_REST}({WHOLE})(?:{_STOP}|\n|\Z)")  # most clauses
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
            return True, _contents[tagged]
        if "#" in text and (headed := _headed(text))[0]:
            return headed
        if not cues and (easy := _easy(text)):
            return True, easy
        end = _after_cue(text, "NSWER", _after_cue(text, "nswer", 0))
        if cues:
            end = max([end, *(cue.end() for cue in own.finditer(text))])
        return _clause(text, end) if end else (False, None)

    return read


def _headed(text: str) -> Found:
    """Return what is after the last #### before a number."""
    start = text.rfind(_HEAD)
    if start < 0:
        return False, None
    if text[start - 1 : start] != "#":  # else it may begin within the one that counts
        last = _lines[text[start + len(_HEAD) :].partition("\n")[0]]
        if last[0]:
            return last
    heads = (_lines[part.partition("\n")[0]] for part in text.split(_HEAD)[:0:-1])
    return next((head for head in heads if head[0]), (False, None))


_lines: Memory[Found] = Memory(lambda line: number_alone(plain(line)))


def _easy(text: str) -> Key:
    """Return the whole number that is the clause after the last cue, as it mostly is, or None."""
    word = text.rfind("nswer")
    if word < 1 or not (easy := _EASY.match(text, word - 1)) or text.rfind("NSWER", word) >= 0:
        return None
    return easy[1]


def _after_cue(text: str, word: str, begin: int) -> int:
    """Return the end of the last cue with this word, or `begin` if none of the last 20 words is in a cue."""
    end = len(text)
    for _ in range(_TRIED):
        end = text.rfind(word, begin, end)
        if end < 1:
            break
        if cue := _CUE.match(text, end - 1):
            return cue.end()
    return begin


def _clause(text: str, start: int) -> Found:
    """Return what the clause says that begins after a cue."""
    clause = _CLAUSE.match(text, start)
    if clause is None:
        return False, None
    written = clause["formula"] or clause["inline"]
    return (True, formula([written])) if written else last_number(clause["words"])


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


_contents = Memory(_key_of)

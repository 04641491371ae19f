r"""Choices: the letter that a text settles on.

A letter is a mention where it stands alone and is marked: (B), [B], **B**, `B`, "B"; B. or B) or B: first in
its line, B alone in it; B after option, choice, choose, select, pick.  It is the final answer in the last
box, inside <answer></answer>, and after "answer", "correct option" or a cue of one's own.  The last
final answer counts, without one the last mention; several letters at once are no answer.
"""

import re
from collections.abc import Callable
from functools import lru_cache

from polyest.answers.boxes import boxed
from polyest.answers.characters import plain
from polyest.errors import InvalidAnswer
from polyest.values import shown

CHOICES = "ABCDE"

_QUOTES = "\"'`*_$"
_AFTER_CUE = (
    rf"[{_QUOTES}]{{0,3}}\s?(?P<colon>(?:[:=\u2192-]|[-=]>)?)"
    rf"(?:[\s{_QUOTES}(\[\\]|\\text\{{){{0,6}}\Z"
)
_IS = r"(?:\s{0,3}(?:is|are)(?![A-Za-z]))?"
_FINAL = (
    rf"(?:(?<![A-Za-z])(?i:answers?{_IS}(?:\s?[:=]?\s(?:option|choice))?"
    rf"|(?:correct|right|best|final)\s(?:option|choice){_IS}))"
)
_MENTION = re.compile(
    rf"(?:(?<![A-Za-z])(?i:(?:option|choice|choose|select|pick)s?{_IS}))" + _AFTER_CUE
)
_TAG = re.compile(rf"(?i:<answer>)[\s{_QUOTES}(\[]{{0,6}}(?:(?i:option|choice)\s)?[(\[]?\Z")
_ENDS = re.compile(rf"[{_QUOTES}\\)\].,;:<\u3002]|\s{{0,3}}(?:\n|\Z)")
_ENDS_TAG = re.compile(rf"[{_QUOTES})\]]{{0,4}}(?:[.:)](?![A-Za-z])|\s*(?i:</answer>))")
_OPEN = re.compile(r"(?:(?<![\w\\)\]}])[(\[]\s?|\*\*\(?)\Z")
_CLOSE = re.compile(r"\s?[)\]}]|[.:]?\*\*")
_QUOTED = re.compile("[\"'`\u00ab\u300c\u300e]\\Z")
_UNQUOTED = re.compile("[\"'`\u00bb\u300d\u300f]")
_LINE = re.compile(r"^[ \t*>#\u2022-]{0,6}\Z", re.MULTILINE)
_LINE_END = re.compile(r"[.):](?![a-z])|[ \t*]{0,4}(?:\r?\n|\Z)")
_DENIED = re.compile(rf"(?:\bnot|n't)\s[{_QUOTES}(\[]*\Z")
_WITHIN = 48  # characters before a letter that say what it is


def letters_of(choices: object) -> str:
    """Different letters as capitals; InvalidAnswer for anything else."""
    letters = choices.upper() if isinstance(choices, str) else ""
    if not re.fullmatch("[A-Z]+", letters) or len(set(letters)) < len(letters):
        raise InvalidAnswer(
            f"choices {shown(choices)}: expected different letters, such as {CHOICES!r}"
        )
    return letters


@lru_cache(maxsize=64)
def choice_reader(letters: str, cues: tuple[str, ...] = ()) -> Callable[[str], str | None]:
    """The function text -> the letter among `letters`, capitals, that it settles on, or None.

    cues: what a final answer follows, beside the English ones, in upper or lower case.

    >>> read = choice_reader("ABCD", ("Respuesta",))
    >>> read("The answer is B. (A) is too big."), read("Respuesta: C"), read("(A), or (D)"), read("a cat")
    ('B', 'C', 'D', None)
    """
    own = "".join(rf"|(?i:{re.escape(cue.rstrip(' :='))})" for cue in cues)
    final = re.compile(rf"(?:{_FINAL}{own}){_AFTER_CUE}")
    letter = f"[{letters}{letters.lower()}]"
    alone = re.compile(letter + r"(?<![A-Za-z0-9].)(?![A-Za-z0-9])")
    more = re.compile(
        rf"[)\]{_QUOTES}]*(?:\s*[,&/]\s*(?:and|or)?|\s+(?:and|or))\s*[(\[{_QUOTES}]*[{letters}](?![A-Za-z0-9'])"
    )
    in_box = re.compile(
        rf"\s*(?:\\[A-Za-z]+\s*\{{)*\s*[(\[]?\s*(?P<letter>{letter})\s*(?:[)\]}}.:]|\Z|\s-\s)"
    )
    within = _WITHIN + max(map(len, cues), default=0)

    def read(text: str) -> str | None:
        if parts := boxed(text):
            found = [in_box.match(plain(part)) for part in parts]
            if all(found):
                return found[0]["letter"].upper() if len(found) == 1 and found[0] else None
        text = plain(text)
        settled, last, mentioned = False, None, None
        for mark in alone.finditer(text):
            at, end, start = mark.start(), mark.end(), max(0, mark.start() - within)
            cue = final.search(text, start, at)
            if (cue and _follows(mark, cue)) or _tagged(mark, start):
                settled, last = True, None if more.match(text, end) else mark[0].upper()
            elif not settled and _mentioned(mark, start):
                mentioned = mark[0].upper()
        return last if settled else mentioned

    return read


def _follows(mark: re.Match[str], cue: re.Match[str]) -> bool:
    """Whether a letter after a cue is one, and does not run on into a word or a sentence."""
    word = mark[0].islower() or (mark[0] in "AI" and cue["colon"])
    return not word or _ENDS.match(mark.string, mark.end()) is not None


def _tagged(mark: re.Match[str], start: int) -> bool:
    found = _TAG.search(mark.string, start, mark.start())
    return found is not None and _ENDS_TAG.match(mark.string, mark.end()) is not None


def _mentioned(mark: re.Match[str], start: int) -> bool:
    text, at, end = mark.string, mark.start(), mark.end()
    if _DENIED.search(text, start, at):
        return False
    if _CLOSE.match(text, end) and _OPEN.search(text, start, at):
        return True
    if mark[0].isupper() and _UNQUOTED.match(text, end) and _QUOTED.search(text, start, at):
        return True
    if _LINE_END.match(text, end) and _LINE.search(text, start, at):
        return True
    cue = _MENTION.search(text, start, at)
    return cue is not None and _follows(mark, cue)

r"""Choices: `choice_reader` finds the letter that a text gives as its answer.

A letter that stands alone counts as mentioned if it is marked: (B), [B], **B**, `B`, "B"; B. or B) or B: at
the start of a line; B alone in a line; B after option, choice, choose, select or pick.  It is a final answer
in the last box, inside <answer></answer>, and after "answer", "correct option" or a cue of the caller.  The
last final answer counts, or the last mention if there is none.  Several letters together are no answer.
"""

import re
from collections.abc import Callable, Iterator
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
_WITHIN = 48  # characters before a letter that are searched for a mark or a cue
_LAST = 16  # characters at the end of a text that are searched for letters first


def letters_of(choices: object) -> str:
    """Return the choices as capitals; raise InvalidAnswer unless they are different letters."""
    letters = choices.upper() if isinstance(choices, str) else ""
    if not re.fullmatch("[A-Z]+", letters) or len(set(letters)) < len(letters):
        raise InvalidAnswer(
            f"choices {shown(choices)}: expected different letters, such as {CHOICES!r}"
        )
    return letters


@lru_cache(maxsize=64)
def choice_reader(letters: str, cues: tuple[str, ...] = ()) -> Callable[[str], str | None]:
    """Return the function from a text to the letter that it gives as its answer, or None.

    letters: the choices, as capitals; cues: phrases before a final answer, in addition to the English ones,
    in upper or lower case.

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
            letters_in_boxes = [in_box.match(plain(part)) for part in parts]
            if all(letters_in_boxes):
                first, *others = letters_in_boxes
                return None if others or first is None else first["letter"].upper()
        text = plain(text)
        mentioned = None
        for mark in _backwards(alone, text):
            start = max(0, mark.start() - within)
            cue = final.search(text, start, mark.start())
            if (cue and _follows(mark, cue)) or _tagged(mark, start):
                return None if more.match(text, mark.end()) else mark[0].upper()
            if mentioned is None and _mentioned(mark, start):
                mentioned = mark[0].upper()
        return mentioned

    return read


def _backwards(alone: re.Pattern[str], text: str) -> Iterator[re.Match[str]]:
    """Yield the letters that stand alone, from the last to the first.

    They are looked for in parts of the text, each twice as long as the one after it.
    """
    end, size = len(text), _LAST
    while end > 0:
        begin = max(0, end - size)
        marks = alone.finditer(text, begin, end + 1)  # the next character is seen, but not given
        yield from reversed([mark for mark in marks if mark.start() < end])
        end, size = begin, 2 * size


def _follows(mark: re.Match[str], cue: re.Match[str]) -> bool:
    """Return whether a letter after a cue is a choice, and not the start of a word or a sentence."""
    word = mark[0].islower() or (mark[0] in "AI" and cue["colon"])
    return not word or _ENDS.match(mark.string, mark.end()) is not None


def _tagged(mark: re.Match[str], start: int) -> bool:
    """Return whether a letter is inside <answer></answer>."""
    tag = _TAG.search(mark.string, start, mark.start())
    return tag is not None and _ENDS_TAG.match(mark.string, mark.end()) is not None


def _mentioned(mark: re.Match[str], start: int) -> bool:
    """Return whether a letter is marked as a choice, and not denied by a "not" before it."""
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

r"""This module reads the canonical key of an answer: equal answers have equal keys.

A key depends on its own text only, hence equality of keys is an equivalence relation.  The key of a number
is the exact rational in lowest terms, p or p/q.  So 0.1 and 1/10 have the same key, and 0.333 and 1/3 have
different ones.  Reading takes time linear in the length of the text, and evaluates nothing as code.
"""

import re
import string
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from types import NoneType
from typing import Any, Literal

import numpy as np

from polyest.answers.boxes import boxed
from polyest.answers.characters import plain
from polyest.answers.choices import CHOICES, choice_reader, letters_of
from polyest.answers.formulas import formula
from polyest.answers.marks import marked_reader
from polyest.answers.memory import Memory
from polyest.answers.numerals import RATIONAL, last_number
from polyest.answers.reasoning import REASONING, Tag, final_part
from polyest.errors import InvalidAnswer
from polyest.values import among, shown

Key = str | None
Reader = Callable[[str], Key]

# Texts of one prompt, or of several; None is a completion without text.
Texts = Sequence[str | None] | Sequence[Sequence[str | None]]
Kind = Literal["number", "fraction", "choice", "boxed", "string", "auto"]
KINDS = ("number", "fraction", "choice", "boxed", "string", "auto")


def canonical(
    texts: Sequence[str | None],
    kind: Kind = "number",
    *,
    choices: str = CHOICES,
    cues: Iterable[str] = (),
    reasoning: Iterable[Tag] = REASONING,
) -> list[Key]:
    r"""Read the answer in each text and return its canonical key.

    The kind says where the answer is and how it is written:

        number    the number in the last box, as its content says, and none where that is
                  no number; without a box the last number, an exact rational, read whole
                  or not at all (answers.numerals)
        fraction  an old name of number, from when number did not read fractions
        choice    the letter among the choices that the text settles on, as a capital
                  (answers.choices)
        boxed     the content of the last closed \boxed{} or \fbox{}, without sizes,
                  spacing, $, %, degrees, x=, a final . and a \text{unit} after a number:
                  a rational if it is a fraction or a number of at most MOST digits, else
                  its LaTeX without \text{}; a list stays a list; boxes joined by a
                  comma, "and" or "or" are one answer
        auto      as boxed where there is a box, else a marked final answer
                  (<answer></answer>, #### and a number, "answer is", "answer:"), else the
                  last number
        string    the whole text in NFKC and lower case, without punctuation at the ends of
                  words (except the minus or point of a number) and without the articles
                  a, an and the, unless nothing else is there

    Every kind reads the same characters (`answers.characters`), and only what follows the reasoning.

    Parameters
    ----------
    texts : list of (str or None), (N,)
        The texts.
    kind : {"number", "fraction", "choice", "boxed", "string", "auto"}
        The way to read an answer.
    choices : str
        The letters of a multiple choice.
    cues : iterable of str
        Phrases that precede a final answer, in addition to the English ones; for choice and auto.
    reasoning : iterable of Tag
        The tags that enclose reasoning.  The text up to the last closing tag is not searched.  If an opening
        tag is never closed, the text has no answer.

    Returns
    -------
    list of (str or None), (N,)
        The keys, None where there is no answer.

    Raises
    ------
    InvalidAnswer
        If `kind` is unknown, a text is neither a str nor None, or choices, cues or tags are not valid.

    Examples
    --------
    >>> canonical(["It costs $1,234.50.", "#### 42", "-0", "at 12:30", None])
    ['2469/2', '42', '0', None, None]
    >>> canonical([r"\boxed{\frac12}", r"\boxed{0.5}", r"\boxed{\sqrt{2}}."], "boxed")
    ['1/2', '1/2', '\\sqrt{2}']
    >>> canonical(["<think>4?</think> It is 5.", "<think>If n = 12 then"])
    ['5', None]
    """
    if not among(kind, KINDS):
        raise InvalidAnswer(f"kind {shown(kind)} is unknown: use one of {', '.join(KINDS)}")
    read, final = _reader(kind, letters_of(choices), _phrases(cues)), final_part(reasoning)
    return [
        None if text is None or (part := final(text)) is None else read(part)
        for text in flat("texts", texts)
    ]


def stated(answer: str, kind: Kind | Callable[[str], str | int | None]) -> str:
    r"""Write the right answer of a data set as a text in which `kind` finds it.

    Parameters
    ----------
    answer : str
        The right answer.
    kind : str or callable
        A kind of `canonical`; for a callable the answer is returned unchanged.

    Returns
    -------
    str
        The text.

    Raises
    ------
    InvalidAnswer
        If `answer` is not a text, or `kind` is unknown.

    Examples
    --------
    >>> stated("x^2+1", "boxed"), canonical([stated("x^2+1", "auto")], "auto")
    ('\\boxed{x^2+1}', ['x^2+1'])
    """
    flat("answer", [answer], none=False)
    if callable(kind):
        return answer
    if not among(kind, KINDS):
        raise InvalidAnswer(f"kind {shown(kind)} is unknown: use one of {', '.join(KINDS)}")
    if kind == "boxed" and boxed(answer) is None:
        return f"\\boxed{{{answer}}}"
    marked = boxed(answer) is not None or "####" in answer or "answer" in answer.lower()
    return f"<answer>{answer}</answer>" if kind == "auto" and not marked else answer


def flat(name: str, values: object, none: bool = True) -> list[str | None]:
    """Return the values as a list of texts.

    none: whether None is allowed beside texts.  Raises InvalidAnswer for anything else.
    """
    if not listed(values):
        raise InvalidAnswer(f"{name} is {shown(values)}: expected a list, one entry per completion")
    given: Any = values
    if not texts_alone(given, none):
        for i, value in enumerate(given):
            if not isinstance(value, str) and not (none and value is None):
                expected = "text, or None for no answer" if none else "text"
                raise InvalidAnswer(f"{name}[{i}] is {shown(value)}: expected {expected}")
    return list(given)


def texts_alone(values: Iterable[object], none: bool = True) -> bool:
    """Return whether all values are of the type str, or None if that is allowed, in one fast pass."""
    return {*map(type, values)} <= {str, NoneType if none else str}


def listed(values: object) -> bool:
    """Return whether values are a list, a tuple or an array of entries, and not a single entry."""
    return isinstance(values, _LISTS) and getattr(values, "ndim", 1) > 0


_LISTS = (list, tuple, np.ndarray)


def _phrases(cues: object) -> tuple[str, ...]:
    """Return the cues as a tuple; raise InvalidAnswer unless they are a list of phrases."""
    if isinstance(cues, str) or not isinstance(cues, Iterable):
        raise InvalidAnswer(
            f"cues is {shown(cues)}: expected a list of phrases, such as ['Respuesta']"
        )
    phrases = tuple(cues)
    for cue in phrases:
        if not isinstance(cue, str) or not cue.strip(" :="):
            raise InvalidAnswer(f"cues has {shown(cue)}: expected a phrase, such as 'Respuesta'")
    return phrases


@lru_cache(maxsize=64)
def _reader(kind: str, letters: str, cues: tuple[str, ...]) -> Reader:
    """Return the function from the final part of a text to its key."""
    if kind == "choice":
        return Memory(choice_reader(letters, cues)).__getitem__
    if kind == "auto":
        return _auto(marked_reader(cues))
    return {"boxed": _boxed, "string": Memory(_string).__getitem__}.get(kind, _number)


def _number(text: str) -> Key:
    """Return the key of the number in the last box, or of the last number without a box."""
    parts = boxed(text)
    if parts is None:
        return last_number(text)[1]
    key = formula(parts)
    return key if key is not None and _is_rational[key] else None


_is_rational: Memory[bool] = Memory(lambda key: RATIONAL.fullmatch(key) is not None)


def _boxed(text: str) -> Key:
    """Return the key of the last box."""
    return formula(boxed(text) or [])


def _auto(marked: Callable[[str], tuple[bool, Key]]) -> Reader:
    """Return the function to the key of the last box, else of a marked answer, else of the last number."""

    def read(text: str) -> Key:
        parts = boxed(text)
        if parts is not None:
            return formula(parts)
        is_marked, key = marked(text)
        return key if is_marked else last_number(text)[1]

    return read


# Punctuation, none of which is a letter.
_MARKS = re.escape(string.punctuation) + "\u2010-\u2027\u2030-\u205e\u3001-\u301f«»·¿¡"
_LEADING = re.compile(rf"^[{_MARKS}]*?(?=-?\.?\d|[^{_MARKS}]|$)")
_TRAILING = re.compile(rf"(?<![{_MARKS}])[{_MARKS}]+$")


def _string(text: str) -> Key:
    """Return the words of a text in lower case, without articles and punctuation around words."""
    given = plain(_nfkc(_nfkc(plain(text)).casefold())).split()
    words = list(filter(None, (_TRAILING.sub("", _LEADING.sub("", word, 1)) for word in given)))
    return " ".join([word for word in words if word not in ("a", "an", "the")] or words) or None


def _nfkc(text: str) -> str:
    """Normalise to NFKC in pieces, as its time is quadratic in the length of a run of combining marks."""
    if text.isascii():
        return text
    return re.sub(r"\S{1,200}", lambda m: unicodedata.normalize("NFKC", m[0]), text)

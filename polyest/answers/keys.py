r"""Canonical keys: the answer in a text, written so that equal answers have equal keys.

A key depends on its own text only, hence equality of keys is an equivalence relation.  A number's is the
exact rational in lowest terms, p or p/q, so 0.1 and 1/10 are one key, 0.333 and 1/3 two.  Reading
takes time linear in the text: what may have more than `MOST` digits, exponent included, is never worked
out, and nothing is evaluated.
"""

import re
import string
import unicodedata
from collections.abc import Callable
from fractions import Fraction
from functools import partial
from typing import Any

import numpy as np

from polyest.errors import InvalidAnswer
from polyest.values import among, shown

Key = str | None
Forms = list[tuple[str, Any]]  # patterns and what replaces them, in order

KINDS = ("number", "fraction", "choice", "boxed", "string")
CHOICES = "ABCDE"
MOST = 1000  # digits; the ratio of two numbers at this limit is below the 4300 that Python prints


def canonical(texts: Any, kind: str = "number", *, choices: str = CHOICES) -> list[Key]:
    r"""Canonical key of the answer in each of N texts, None where there is none.

    number    the last number, an exact rational.  Its sign touches it and follows no letter, digit or
              closing bracket; commas and thin spaces group thousands, the point is decimal; 2e3, 2^3
              and 2*10^3 are worked out; currency and percent signs are dropped, 50% is 50; digits
              after a Latin letter (H2O) and exponents of a letter (m^2) are no numbers.
    fraction  number, ½, a/b or \frac{a}{b} of plain a and b; a whole number before a proper one is added.
              1/2/24 is a date and skipped; over zero, or mixed and improper, is no answer.
    choice    the last marked letter among `choices`, as a capital: (B), **B**, \boxed{B}; B. or B)
              first in its line, B alone in it; B after answer, option, choice, choose, pick, select.
              There a lower-case letter, and A or I after a colon, must not run on into a word.
    boxed     the last closed \boxed{} or \fbox{}, less sizes, spacing, $, %, degrees, x=, a final .
              and a \text{unit} after a number: a rational if it is a fraction or number, of at most
              `MOST` digits, else its LaTeX, \text{} unwrapped.
    string    the whole text: NFKC, case folded, punctuation off both ends of every word (not the
              minus or point of a number); a, an and the left out unless nothing else is there.

    Raises InvalidAnswer for an unknown kind, texts that are neither str nor None, bad choices.

    >>> canonical(["It costs $1,234.50.", "#### 42", "-0", "no idea", None])
    ['2469/2', '42', '0', None, None]
    >>> canonical([r"\boxed{\frac12}", r"\boxed{0.5}", r"\boxed{\sqrt{2}}."], "boxed")
    ['1/2', '1/2', '\\sqrt{2}']
    """
    if not among(kind, KINDS):
        raise InvalidAnswer(f"kind {shown(kind)} is unknown: use one of {', '.join(KINDS)}")
    readers = (_number, _fraction, _choice(choices), _boxed, _string)
    read: Callable[[str], Key] = readers[KINDS.index(kind)]
    return [None if text is None else read(text) for text in flat("texts", texts)]


def flat(name: str, values: Any, none: bool = True) -> list[Any]:
    """Values as a list of texts, or None where that is allowed; InvalidAnswer for anything else."""
    if not listed(values):
        raise InvalidAnswer(f"{name} is {shown(values)}: expected a list, one entry per trace")
    for i, value in enumerate(values):
        if not isinstance(value, str) and not (none and value is None):
            expected = "text" + ", or None for no answer" * none
            raise InvalidAnswer(f"{name}[{i}] is {shown(value)}: expected {expected}")
    return list(values)


def listed(values: Any) -> bool:
    """Whether values are a list of entries, and no single one."""
    return isinstance(values, list | tuple | np.ndarray) and getattr(values, "ndim", 1) > 0


# Numbers: no pattern goes back further than over the token that it is in.

_GROUP = r"(?:,|\{,\}|,?\\[,!]|[\u00a0\u2009\u202f])\d{3}(?!\d)"
_PLAIN = rf"(?:(?:\d{{1,3}}(?:{_GROUP})+|\d+)(?:\.\d+)?|(?<![\d.])\.\d+)"
_POWER = r"\s?\^\s?\{?\s?(?P<%s>[-+]?\d+)\s?\}?"
_SIGN = r"(?P<sign>[-+])?(?:\\?[$€£¥₹]\s?(?P<inner>[-+])?)?"
_NUMBER = (
    rf"(?P<plain>{_PLAIN})(?:[eE](?P<e>[-+]?\d+))?(?:{_POWER % 'power'})?"
    rf"(?:\s?(?:[\u00d7·*x]|\\times|\\cdot)\s?10{_POWER % 'ten'})?"
)
_FRACTION = (
    r"(?:(?P<whole>\d++)\s?(?:(?=\\)|(?<=\s)))?"
    rf"(?:\\frac\s?\{{\s?(?P<top>[-+]?{_PLAIN})\s?\}}\s?\{{\s?(?P<bottom>[-+]?{_PLAIN})\s?\}}"
    rf"|(?P<over>{_PLAIN})\s?/\s?(?P<under>[-+]?{_PLAIN}))"
)
_EITHER = rf"(?P<value>{_SIGN}(?:{_FRACTION}|{_NUMBER}))"
_OTHER = r"(?P<command>\\[A-Za-z]+)|[A-Za-z][A-Za-z0-9]*|[)\]}]|[\^_]\{?[-+]?\d+"
_UNIT = r"(?:\s?\\(?:text|textrm|mathrm|mbox)\s?\{[^{}]*\}(?:\^\{?\d\}?)?)?"
_NUMBERS = re.compile(rf"(?P<value>{_SIGN}{_NUMBER})|{_OTHER}")
_FRACTIONS = re.compile(rf"\d++(?:\s?/\s?\d++){{2,}}|{_EITHER}|{_OTHER}")
_EXACT = re.compile(_EITHER + _UNIT)
RATIONAL = re.compile(r"-?[0-9]+(?:/[0-9]+)?")

_MINUS = "[\u2212\u2013\uff0d\ufe63]"  # minus sign, en dash, wide and small hyphen
_SIGN_FORMS: Forms = [("[⁺⁻]?[⁰¹²³⁴-⁹]+", lambda m: "^{" + _nfkc(m[0]) + "}"), (_MINUS, "-")]
_FRACTION_FORMS: Forms = [
    *_SIGN_FORMS,
    (r"(\d?)([¼-¾⅐-⅞])", lambda m: (m[1] and m[1] + " ") + _nfkc(m[2])),
    ("\u2044", "/"),
    (r"\\[dtc]frac(?![A-Za-z])", r"\\frac"),
    (r"\\frac\s?(\d)\s?(?=[\d{])", r"\\frac{\1}"),
    (r"(\\frac\{[^{}]*\})\s?(\d)", r"\1{\2}"),
]


def _number(text: str, tokens: re.Pattern[str] = _NUMBERS, forms: Forms = _SIGN_FORMS) -> Key:
    """Key of the last number, where tokens are numbers and what a hyphen may follow."""
    last, joined, end = None, False, -1
    for token in tokens.finditer(_replaced(text, forms)):
        if token["value"]:
            last, joined = token, token.start() == end
        end = -1 if token["command"] else token.end()
    try:
        return None if last is None else _value(last, joined)
    except (OverflowError, ZeroDivisionError):
        return None


def _value(token: re.Match[str], joined: bool = False) -> Key:
    """The rational that a token reads as; a sign `joined` to what is before it is a hyphen."""
    part = token.groupdict()
    digits = part["plain"] or ""
    if digits == token["value"] and digits.isdecimal() and digits.isascii() and len(digits) <= MOST:
        return digits.lstrip("0") or "0"  # a whole number as most are: no arithmetic
    if part["plain"]:
        written = (part["e"] or "0", part["power"] or "1", part["ten"] or "0")
        e, power, ten = (int(_decimal(exponent)) for exponent in written)
        if max((len(part["plain"]) + abs(e)) * max(abs(power), 1), abs(ten)) > MOST:
            raise OverflowError
        value = (_decimal(part["plain"]) * Fraction(10) ** e) ** power * Fraction(10) ** ten
    else:
        value = _decimal(part["top"] or part["over"]) / _decimal(part["bottom"] or part["under"])
        if part["whole"] and not 0 <= value < 1:
            return None
        value += _decimal(part["whole"] or "0")
    negative = not joined and (part["sign"] == "-") != (part["inner"] == "-")
    return str(-value if negative else value)


def _decimal(written: Any) -> Fraction:
    whole, _, decimals = re.sub(r"[^-\d.]", "", written).partition(".")
    if len(whole) + len(decimals) > MOST:
        raise OverflowError
    return Fraction(int(whole + decimals), 10 ** len(decimals))


_fraction = partial(_number, tokens=_FRACTIONS, forms=_FRACTION_FORMS)


# Letters: what opens a marked letter, the letter and what closes it; one in a line; one after a cue.

_LETTER = (
    r"(?:\\(?:boxed|fbox)\s?\{{\s?(?:\\[A-Za-z]+\s?\{{\s?)?[(\[]?|(?<![\w\\)\]}}])[(\[]\s?|\*\*\(?)"
    r"(?P<marked>[{0}])(?=\s?[)\]}}]|[.:]?\*\*)"
    r"|^[ \t*>#]{{0,4}}(?P<line>[{0}])(?:[.):](?![a-z])|[ \t*]{{0,4}}$)"
    r"|(?i:(?<![A-Z])(?:answer|option|choice|choose|select|pick)s?(?:\s{{0,3}}(?:is|are)(?![A-Z]))?)"
    r"\s?(?P<colon>[:=]?)[\s*_\"'$(\[]{{0,6}}(?<![A-Za-z])(?P<cued>[{0}])(?![A-Za-z0-9])"
    r"(?P<ends>[*_\"'$)\].,;:]|\s{{0,3}}$)?"
)


def _choice(choices: str) -> Callable[[str], Key]:
    """The reader of marked letters among `choices`."""
    letters = choices.upper() if isinstance(choices, str) else ""
    if not re.fullmatch("[A-Z]+", letters) or len(set(letters)) < len(letters):
        raise InvalidAnswer(
            f"choices {shown(choices)}: expected different letters, such as {CHOICES!r}"
        )
    marks = re.compile(_LETTER.format(letters + letters.lower()), re.MULTILINE)

    def read(text: str) -> Key:
        last = None
        for mark in marks.finditer(_nfkc(text)):
            letter = mark["marked"] or mark["line"] or mark["cued"]
            word = letter.islower() or (letter in "AI" and mark["colon"])
            if not (mark["cued"] and word and mark["ends"] is None):
                last = letter.upper()
        return last

    return read


_BRACES = re.compile(r"\\(?:boxed|fbox)\s*\{|\\.|[{}]", re.DOTALL)
_LATEX_FORMS: Forms = [
    (r"\\(?:left|right)(?![A-Za-z])\.?|\\(?:[bB]igg?[lrm]?|displaystyle)(?![A-Za-z])|\\!", ""),
    (r"\{,\}|(?<=\d)(?:\\,|[\u00a0\u2009\u202f])(?=\d{3}(?!\d))", ","),
    (r"\^\s?\{?\s?\\circ(?![A-Za-z])\s?\}?|\\degree(?![A-Za-z])|°|\\?[%$]|(?<!\\)\\[()\[\]]", ""),
    (r"(?:\\[,;:> \n]|~|\\q?quad(?![A-Za-z])|\s)+", " "),
    *_FRACTION_FORMS,
    (r"\\(le|ge|ne)q(?![A-Za-z])", r"\\\1"),
    (r"^ ?[A-Za-z] ?= ?(?=[^=])", ""),
]
_PLAIN_FORMS: Forms = [
    (r"\\(?:text(?:bf|it|rm)?|math(?:bf|rm)|mbox|operatorname) ?\{([^{}]*)\}", r"\1"),
    (r"([\^_]) ?\{ ?([A-Za-z0-9]) ?\}", r"\1\2"),
    (r"(?<![A-Za-z]) (?!\d)|(?<!\d) (?![A-Za-z])", ""),  # kept between two letters, two digits
]


def _boxed(text: str) -> Key:
    latex = _replaced(_last_box(text) or "", _LATEX_FORMS)
    plain = _replaced(latex, _PLAIN_FORMS)
    token = _EXACT.fullmatch(latex) or _EXACT.fullmatch(plain)
    try:
        return _value(token) if token else plain or None
    except ZeroDivisionError:
        return None
    except OverflowError:
        return plain


def _last_box(text: str) -> str | None:
    """Content of the box opened last among those that are closed."""
    opened: list[int] = []  # where boxes begin, -1 for other braces
    last = (-1, -1)
    for brace in _BRACES.finditer(text):
        if brace[0] == "}" and opened:
            last = max(last, (opened.pop(), brace.start()))
        elif brace[0].endswith("{") and brace[0] != r"\{":
            opened.append(brace.end() if len(brace[0]) > 1 else -1)
    return text[slice(*last)] if last[0] >= 0 else None


def _replaced(text: str, forms: Forms) -> str:
    for pattern, form in forms:
        text = re.sub(pattern, form, text)
    return text.lstrip().rstrip(" .,;")


_MARKS = re.escape(string.punctuation) + "\u2010-\u2027\u2030-\u205e\u3001-\u301f«»·¿¡"  # no letter
_LEADING = re.compile(rf"^[{_MARKS}]*?(?=-?\.?\d|[^{_MARKS}]|$)")
_TRAILING = re.compile(rf"(?<![{_MARKS}])[{_MARKS}]+$")


def _nfkc(text: str) -> str:
    """NFKC in pieces: the whole takes time quadratic in a run of combining marks."""
    return re.sub(r"\S{1,200}", lambda m: unicodedata.normalize("NFKC", m[0]), text)


def _string(text: str) -> Key:
    given = re.sub(_MINUS, "-", _nfkc(_nfkc(text).casefold())).split()
    words = list(filter(None, (_TRAILING.sub("", _LEADING.sub("", word, 1)) for word in given)))
    return " ".join([word for word in words if word not in ("a", "an", "the")] or words) or None

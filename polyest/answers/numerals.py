r"""Numerals: a number in a text is read completely or not at all, with its exact value.

joined as thousands   groups of three after 1 to 3 digits: 1,234  1{,}234  1\,234  1'234  1_234, thin spaces
the decimal point     is a point: 3.14; 3,14 and 1.234.567 are ambiguous and are no number
computed              2e3, 2^3, 2**3, 2*10^3, 3/4, \frac34, 3 1/2, 3 million (hundred, thousand, billion,
                      trillion, lakh, crore; \u4e07, \u4ebf)
dropped               currency and percent signs, degrees, units
not a number          12:30, 3:4, 3-5, 10 - 5, 2 x 3, 192.168.0.1, 1 000 000, 12,34,567, 101_2, 0x1F, 2x,
                      x + 1, 2\pi, \sqrt2, \pm5, 3k, (3, 5), and none of their parts either
skipped               dates such as 1/2/24 and 2024-01-15, digits after a Latin letter (H2O), exponents and
                      indices of letters (m^2, x_1)

A sign touches its number and does not follow a letter, a digit or a closing bracket.  Patterns backtrack
within one token at most, so that the time is linear.  A number that may have more than `MOST` digits,
its exponent included, is not computed.
"""

import re
from collections.abc import Iterator
from fractions import Fraction

from polyest.answers.characters import END_TEXT, TEXT, plain
from polyest.answers.memory import Memory
from polyest.answers.tex import flattened

Key = str | None

MOST = 1000  # digits of a number; Python prints up to 4300, enough for a ratio of two such numbers
WHOLE = r"(?:0|-?[1-9][0-9]{0,14})"  # most answers are written as their keys are
RATIONAL = re.compile(r"-?[0-9]+(?:/[0-9]+)?")

_MONEY = r"\\?[$\u00a2-\u00a5\u058f\u060b\u09f2\u09f3\u0e3f\u17db\u20a0-\u20cf\ufdfc]"
_LETTER = "A-Za-z\u00c0-\u024f\u0370-\u058f"
_PLAIN = r"(?:\d+(?:\.\d+)?|\.\d+)"  # a decimal, after thousands have been joined
_POWER = r"(?:\^|\*\*)\s?\{?\s?(?P<%s>[-+]?\d+)\s?\}?"
_NUMBER = re.compile(
    rf"(?P<plain>{_PLAIN})(?:[eE](?P<e>[-+]?\d+))?(?:\s?{_POWER % 'power'})?"
    rf"(?:\s?[\u00d7\u00b7*x]\s?10\s?{_POWER % 'ten'})?"
    r"|(?:(?P<whole>\d++)\s?(?=\\|(?<=\s)))?"
    rf"(?:\\frac\s?(?:\{{\s?(?P<top>[-+]?{_PLAIN})\s?\}}|(?P<first>\d))"
    rf"\s?(?:\{{\s?(?P<bottom>[-+]?{_PLAIN})\s?\}}|(?P<second>\d))"
    rf"|(?P<over>{_PLAIN})\s?/\s?(?P<under>[-+]?{_PLAIN}))"
)
_THOUSANDS = re.compile(
    r"(?<![\d.,'_\u2009])([1-9]\d{0,2})([,'_\u2009])(\d{3}(?:\2\d{3})*+)(?![\d'_\u2009]|,\d)"
)

# A token: its sign, all characters that belong to its first digit, and its context.

_GLUE = (
    r"\d++|[.,'_:~]++(?=\d)|\u2009(?=\d)|[eE][-+]?\d++"
    r"| (?<!\d{4} )(?=\d{3}(?!\d))"  # 1 000
    r"| (?=\d++ ?/ ?\d)"  # 3 1/2
    r"|_\{[^{}]*+\}|\.?\(\d++\)"  # 101_{2}, 0.(3)
    r"| ?\^ ?(?:\{[^{}]*+\}|[-+]?\d++)?"
    r"| ?\\frac ?(?:\{[^{}]*+\}|\d) ?(?:\{[^{}]*+\}|\d)"
    rf"|[%\u00b0$]?(?: ?[/\u00d7\u00b7\u00f7\u00b1\u2213] ?|\*\*|[-+*x]| (?:\*\*|[-+*x:]) )"
    rf"(?=[-+]?(?:{_MONEY})?(?:\.?\d|\\frac))[-+]?(?:{_MONEY})?\.?"
)
_SIGN = rf"(?P<sign>[-+])?(?:{_MONEY}\s?(?P<inner>[-+])?)?"
_BODY = rf"(?P<body>(?:(?<![\d.{_LETTER}])\.(?=\d)|(?=\d|\\frac ?[{{\d]))(?:{_GLUE})++)"
_TIMES = (
    rf"(?:[ -]?{TEXT}? ?(?P<times>hundred|thousand|million|billion|trillion|lakh|crore)s?(?![A-Za-z])"
    r"| ?(?P<myriad>[\u4e07\u842c\u4ebf\u5104]))?"
)
_ODD = (
    r"(?P<odd>[inxyz](?![A-Za-z])|(?:[kKMB]|bn|mn|mio|mrd)(?![A-Za-z])| ?[\u03c0\u221a\u00b1\u2213\u2030]"
    r"|(?: [-+*] |[-+*])[b-z](?![A-Za-z'])|[\u0300-\u036f]"
    r"|(?!(?:[ck]?m|ft|in)[23](?!\d))[A-Za-z]++\d[A-Za-z0-9]*+"  # 1h30 but not 5m2
    rf"|[ -]?{TEXT}? ?(?:hundred|thousand|million|billion|trillion)th"
    r"|[\u767e\u5343](?![\u514b\u7c73\u74e6]))?"
)
_POWER_OF_TEN = {
    "hundred": 2, "thousand": 3, "million": 6, "billion": 9, "trillion": 12, "lakh": 5, "crore": 7,
    "\u4e07": 4, "\u842c": 4, "\u4ebf": 8, "\u5104": 8,
}  # fmt: skip
_START = re.compile(rf"[-+.\d^_\\]|{_MONEY}")
_TOKEN = re.compile(
    r"(?P<date>(?<![\d/.,:-])(?:\d++(?: ?/ ?\d++){2,}|\d{4}-\d\d?-\d\d?)(?![\d/-]))"
    rf"|(?<=[{_LETTER}])\d++(?:[.,:_'-]?[A-Za-z0-9]++)*+"
    r"|(?P<raised>(?:\^|(?<=[A-Za-z0-9)\]}\u221a])_) ?(?:\{[^{}]*+\}|[-+]?[A-Za-z0-9]++))"
    rf"|(?P<number>{_SIGN}{_BODY}{_ODD}{_TIMES})"
)
_BEFORE = re.compile(  # texts that make the next number a part of something else
    r"(?:[\u221a\u00b1\u2213](?:\[[^\[\]]*\]|_\{?\w+\}?)?[ \u2009]?[({\[]?"
    r"|[-+/][-+]|[-+]/[-+] ?|\} ?\{|\\frac ?\{|[-+]\(|(?<![A-Za-z])(?:mod|minus|negative) ?\(?"
    rf"|(?<![{_LETTER}\\])[b-z](?: [-+*\u00d7\u00b7] |[-+*\u00d7\u00b7])|[)\]][-+*]|[{_LETTER}]\.)\Z"
)
_HYPHENED = re.compile(rf"[{_LETTER}0-9)\]}}%\u00b0]\Z")
_LISTED = re.compile(r"[\d)\]}] ?[,;] *\Z")
_CLOSED = re.compile(r" ?[)\]}]")
_SPACED = re.compile(r"[=<>(\u2248] ?- \Z")  # a sign that does not touch its number
_WITHIN = 24  # characters before a number that are searched for its context
_EASY = re.compile(  # the end of most lines: a whole number after a word or one of = # >
    r"(?=[-\d])(?:(?<![^\n])|(?<=[=#>])|(?<=[=#>] )|(?<=[A-Za-z]{2} )(?<!mod )(?<!inus )(?<!tive )"
    r"|(?<=[A-Za-z]{2}[:,] ))"
    rf"({WHOLE})[.!]?\s*\Z"
)
_SAID = re.compile(
    r"[ \n](?:[A-Za-z]{2,}[:,]? |= ?)\Z"
)  # before this may be any characters, and TeX
_DIGIT = re.compile(r"[\d\u00bc-\u00be\u2150-\u215f\u2189]")


def last_number(text: str) -> tuple[bool, Key]:
    """Return whether a text has a number, or what looks like one, and the key of the last of them.

    The key is None if that one has no value.

    >>> last_number("2 and 3/4"), last_number("at 12:30"), last_number("H2O")
    ((True, '3/4'), (True, None), (False, None))
    """
    if easy := _easy(text):
        return True, easy
    for line in reversed(text.split("\n")):  # a number does not continue in the next line
        if _DIGIT.search(line) and (number := _lines[line]):
            return True, number[0]
    return False, None


def _easy(text: str) -> Key:
    """Return the key of the last number of a text if the text ends as most do, or None."""
    start = text.rstrip().rfind(" ") + 1
    if len(text) - start > _WITHIN or not (number := _EASY.search(text, start)):
        return None
    if not text.isascii() or "\\" in text:
        line = text[text.rfind("\n", 0, number.start()) + 1 :]
        if (not line.isascii() or "\\" in line) and not _SAID.search(
            text, max(0, number.start() - _WITHIN), number.start()
        ):
            return None
    return number[1]


def _of_text(line: str) -> tuple[Key] | None:
    """Return what `_of_line` returns for a line as it is written."""
    easy = _easy(line)
    return (easy,) if easy else _of_line(flattened(plain(line)))


_lines: Memory[tuple[Key] | None] = Memory(_of_text)


def _of_line(line: str) -> tuple[Key] | None:
    """Return the key of the last number of a line, in a tuple, or None if there is no number."""
    last, raised = None, -1
    for token in _tokens(line):
        if token["number"]:
            last = token
        elif token["raised"] and token[0][0] == "^" and line[token.start() - 1] in ")]}":
            raised = token.start()
    if last is None or last.start() < raised:
        return None if raised < 0 else (None,)
    before = line[max(0, last.start() - _WITHIN) : last.start()]
    after = line[last.end() : last.end() + 3]
    if last["odd"] or _BEFORE.search(before + (last["sign"] or "")):
        return (None,)
    if _LISTED.search(before) and _CLOSED.match(after):
        return (None,)
    if "." in last["body"] and after.startswith(("...", "\u2026")):  # 0.333... is not .333
        return (None,)
    if last["sign"] and before[-1:] == after[:1] == "|":
        return (None,)
    signed = _SPACED.search(before) is not None or _is_negative(last)
    try:
        return (_value(last, signed and not _HYPHENED.search(before)),)
    except (OverflowError, ZeroDivisionError):
        return (None,)


def _tokens(line: str) -> Iterator[re.Match[str]]:
    """Yield the tokens of a line; they are matched only where one can start, ten times as fast."""
    end = 0
    for start in _START.finditer(line):
        if start.start() >= end and (token := _TOKEN.match(line, start.start())):
            end = token.end()
            yield token


# A number alone, as in a box.

_KNOWN = (  # units that are recognised without \text{}
    r"per ?cent|degrees?|[CF]|dollars?|cents?|euros?|pounds?|(?:square |cubic )?(?:units?|inch(?:es)?|feet"
    r"|foot|yards?|miles?|(?:centi|milli|kilo)?met(?:er|re)s?)|[ckm]m|[km]g|ml|hours?|minutes?|seconds?|days?|weeks?"
    r"|months?|years?"
)
_NO_UNIT = (  # words in \text{} that change the number before them, and are no unit
    r"(?i:or|and|to|am|pm|a\.m|p\.m|bc|ad|i|e|k|mod|dozen|half|squared|cubed|factorial|times"
    r"|bn|mn|mio|mrd|(?:hundred|thousand|million|billion|trillion)ths?)(?![A-Za-z])"
)
_ALONE = re.compile(
    rf"(?P<sign>[-+])?\s?(?:{_MONEY}\s?(?P<inner>[-+])?)?{_BODY} ?[%\u00b0]?{_TIMES}"
    rf"(?: ?{END_TEXT})?[ \u2009]*+"
    rf"(?:{TEXT}? *+(?!{_NO_UNIT})[^\d{TEXT}{END_TEXT}]*{END_TEXT}"
    rf"(?: ?{TEXT} *+(?!{_NO_UNIT})[^\d{TEXT}{END_TEXT}]*{END_TEXT})*+|(?:{_KNOWN})(?![A-Za-z]))?"
    rf"(?:\^\{{?\d\}}?)?(?:[\s%,;\u3002]|{_MONEY})*+\.?[\s$]*+"
)


_AROUND = " \n\t\r*\u2009"  # what may stand around a number


def number_alone(content: str) -> tuple[bool, Key]:
    r"""Return whether the content of a box is one number, with or without a unit, and its key.

    >>> number_alone(r"\frac12\text{ cm}"), number_alone("1/0"), number_alone("5, 120")
    ((True, '1/2'), (True, None), (False, None))
    """
    digits = content.strip(_AROUND).removeprefix("-")
    if not digits.isascii() or not digits.isdecimal() or len(digits) > MOST:
        return _alone(content)
    number = digits.lstrip("0") or "0"
    return True, f"-{number}" if number != "0" and "-" in content else number


def _alone(content: str) -> tuple[bool, Key]:
    """Return what `number_alone` returns for any content."""
    written = flattened(content, "\u03c0").strip(_AROUND)
    while written[:1] + written[-1:] in ("{}", "()"):
        if _INNER.search(written, 1, len(written) - 1):
            break
        written = written[1:-1].strip()
    token = _ALONE.fullmatch(written)
    if not token or not _NUMBER.fullmatch(_joined(token["body"])):
        return False, None
    try:
        return True, _value(token, _is_negative(token))
    except OverflowError:
        return False, None
    except ZeroDivisionError:
        return True, None


def number_in_words(text: str) -> tuple[bool, Key]:
    """Return whether a text is one number among words, without letters of a formula, and its key.

    >>> number_in_words("about 5 apples"), number_in_words("x + 5"), number_in_words("5 or 6")
    ((True, '5'), (False, None), (False, None))
    """
    line = " ".join(flattened(plain(text)).split())
    tokens = list(_tokens(line))
    if len(tokens) != 1 or not tokens[0]["number"]:
        return False, None
    if not _PROSE.fullmatch(line[: tokens[0].start()] + " " + line[tokens[0].end() :]):
        return False, None
    number = _of_line(line)
    return (False, None) if number is None else (True, number[0])


_PROSE = re.compile(r"(?:[^\W\d_]{2,}|[aI](?![A-Za-z])|[\s.,:;!?'\"$%\u00b0*-])*+")
_INNER = re.compile(r"[(){},]")


# Values.


def _joined(body: str) -> str:
    """Remove the signs that group the thousands of a token."""
    return _THOUSANDS.sub(lambda m: m[1] + m[3].replace(m[2], ""), body)


def _is_negative(token: re.Match[str]) -> bool:
    """Return whether exactly one of the signs, before the number and after a currency, is a minus."""
    return (token["sign"] == "-") != (token["inner"] == "-")


def _value(token: re.Match[str], negative: bool) -> Key:
    """Return the rational value of a token, or None if it has none.

    Raises OverflowError if the value may have too many digits, and ZeroDivisionError.
    """
    body = token["body"]
    if body.isdecimal() and len(body) <= MOST:
        value = Fraction(int(body))  # the most frequent case
    else:
        number = _NUMBER.fullmatch(_joined(body))
        if number is None:
            return None
        part = number.groupdict()
        if part["plain"]:
            value = _decimal(part["plain"])
            e, power, ten = (_exponent(part[name]) for name in ("e", "power", "ten"))
            size = (len(part["plain"]) + abs(e or 0)) * max(abs(1 if power is None else power), 1)
            if max(size, abs(ten or 0)) > MOST:
                raise OverflowError
            value = value * Fraction(10) ** e if e else value
            value = value if power is None else value**power
            value = value * Fraction(10) ** ten if ten else value
        else:
            above, below = part["top"] or part["first"], part["bottom"] or part["second"]
            value = _ratio(above or part["over"], below or part["under"])
            if part["whole"]:
                if not 0 <= value < 1:
                    return None
                value += _decimal(part["whole"])
    if times := token["times"] or token["myriad"]:
        value *= 10 ** _POWER_OF_TEN[times]
    return str(-value if negative else value)


def _ratio(above: str, below: str) -> Fraction:
    """Return the quotient of two decimals."""
    if above.isdecimal() and below.isdecimal() and max(len(above), len(below)) <= MOST:
        return Fraction(int(above), int(below))
    return _decimal(above) / _decimal(below)


def _exponent(written: str | None) -> int | None:
    """Return an exponent, or None if there is none."""
    return None if written is None else int(_decimal(written))


def _decimal(written: str) -> Fraction:
    """Return the value of a decimal; raise OverflowError if it has too many digits."""
    whole, _, decimals = written.partition(".")
    if len(whole) + len(decimals) > MOST:
        raise OverflowError
    return Fraction(int((whole + decimals) or "0"), 10 ** len(decimals))

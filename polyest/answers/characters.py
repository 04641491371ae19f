r"""`plain` replaces the characters of all kinds of answers by their ASCII forms.

    dashes (Pd), minus signs    -           digits (Nd)                      0 to 9
    spaces (Zs)                 a space     format characters (Cf), variants left out
    full width, small, bold     as ASCII    raised, lowered, fractions       ^{-2}, _{1}, 1/2

Thin and non-breaking spaces may group thousands, and therefore become `THIN` instead of a space.  An ASCII
text is returned unchanged.
"""

import re
import unicodedata

THIN = "\u2009"
MARKS = TEXT, END_TEXT, ROW, LEFT, RIGHT = "\ue000\ue001\ue002\ue003\ue004"  # inserted by readers

_SAME = {  # characters whose Unicode category and width do not determine the ASCII form
    **dict.fromkeys("\u00a0\u2007\u2008\u2009\u200a\u202f", THIN),
    **dict.fromkeys("\u02d7\u2212\u2796", "-"),
    **dict.fromkeys("\u02bc\u2018\u2019\u2032", "'"),
    **dict.fromkeys("\u201c\u201d\u201f\u2033", '"'),
    **dict.fromkeys("\u2219\u22c5", "\u00b7"),
    **dict.fromkeys("\u2715\u2716", "\u00d7"),
    **dict.fromkeys("\u2044\u2215", "/"),
    **dict.fromkeys("\u2028\u2029\u0085", "\n"),
    **dict.fromkeys("\u060c\u3001\ufe11\ufe51\uff64", ", "),  # they list and never group
    **dict.fromkeys(MARKS, ""),
    **dict(zip("\u2795\u2217\u2236\u066a\u066b\u066c", "+*:%.,", strict=True)),
}
_UNSEEN = re.compile("[\u034f\u115f\u1160\u180b-\u180f\ufe00-\ufe0f\U000e0100-\U000e01ef]")
_WIDTHS = ("<wide>", "<narrow>", "<small>")
_BOLD = re.compile("[\U0001d400-\U0001d7ff]")  # bold, italic, script letters of formulas
_CIRCLED = re.compile("[\u249c-\u24e9]")  # letters in circles and parentheses
_RAISED = re.compile("[⁺⁻]?[⁰¹²³⁴-⁹]+(?P<over>/[₀-₉]+)?|(?P<low>[₊₋]?[₀-₉]+)")
_VULGAR = re.compile("(?P<whole>[0-9]?)(?P<part>[¼-¾⅐-⅞↉])")


def plain(text: str) -> str:
    r"""Return the text in the characters that the readers of answers know.

    >>> plain("\u22123\u00bd, \uff14\uff0e\uff15 and x\u00b2")
    '-3 1/2, 4.5 and x^{2}'
    """
    if text.isascii():
        return text
    text = text.translate(_characters)
    if text.isascii():
        return text
    return _VULGAR.sub(_fraction, _RAISED.sub(_script, text))


class _Characters(dict[int, str]):
    """The replacement of each character, computed when the character first occurs."""

    def __missing__(self, code: int) -> str:
        replacement = self[code] = _same(chr(code))
        return replacement


_characters = _Characters({code: chr(code) for code in range(128)})


def _same(char: str) -> str:
    """Return the replacement of one character."""
    if char in _SAME:
        return _SAME[char]
    category = unicodedata.category(char)
    if category == "Nd":
        return str(unicodedata.decimal(char))
    if category == "Cf" or _UNSEEN.match(char):
        return ""
    if category in ("Pd", "Zs"):
        return "-" if category == "Pd" else " "
    known = unicodedata.normalize("NFKC", char)
    if _CIRCLED.match(char):
        return f"({known.strip('()')})"
    if known != char and (_BOLD.match(char) or unicodedata.decomposition(char).startswith(_WIDTHS)):
        return "".join(map(_same, known))
    return char


def _script(run: re.Match[str]) -> str:
    """Write raised digits as an exponent, lowered ones as an index, and both around a bar as a fraction."""
    digits = unicodedata.normalize("NFKC", run[0]).replace("\u2212", "-")
    if run["over"]:
        return " " + digits
    return ("_{" if run["low"] else "^{") + digits + "}"


def _fraction(sign: re.Match[str]) -> str:
    """Write a fraction of one character, such as a half, with a slash."""
    part = unicodedata.normalize("NFKC", sign["part"]).replace("\u2044", "/")
    return f"{sign['whole']} {part}" if sign["whole"] else part

r"""Tokens of TeX: a key is split into signs and commands, each written in one way.

Spacing and sizes are dropped, and different names of one sign become the same token.  Thousands are joined
if TeX marks them (1{,}000).
"""

import re

LONGEST = 500  # greatest number of characters of a key


def tokens(key: str) -> list[tuple[str, int]] | None:
    r"""Return the tokens of a key with the places at which they begin, or None for a key of words.

    The token "," stands for every separator except \text{ or }, whose token is \lor.  Raises OverflowError
    for a key of more than `LONGEST` characters.

    >>> tokens(r"\left( \dfrac12 \right)"), tokens("no way")
    ([('(', 5), ('\\frac', 7), ('1', 13), ('2', 14), (')', 22)], None)
    """
    if len(key) > LONGEST:
        raise OverflowError
    if _WORDS.search(_COMMAND.sub("\0", key)) or _GROUPED.fullmatch(key):
        return None
    text = _SIGN.sub(lambda sign: _SIGNS[sign[0]], key)
    text = _ROMAN.sub(r" \1 ", _THOUSANDS.sub("", text))
    text = _OR.sub(r" \\lor ", _AND.sub(" , ", text))
    placed = [(_SYNONYMS.get(token[0], token[0]), token.start()) for token in _TOKEN.finditer(text)]
    return [(token, start) for token, start in placed if token not in _SPACING]


_JOINS = (
    r"[,;]?\s*(?:\\(?:text|textrm|mathrm|mbox)\s*\{{\s*{0}\s*\}}|(?<![A-Za-z\\]){0}(?![A-Za-z]))"
)
_AND, _OR = (re.compile(_JOINS.format(word)) for word in ("and", "or"))
_THOUSANDS = re.compile(r"(?<=\d)(?:\{,\}|\\[,!])(?=\d{3}(?!\d))")
_ROMAN = re.compile(r"\\(?:text|mathrm|mathit|textrm)\s*\{\s*([A-Za-z])\s*\}")
_GROUPED = re.compile(r"\s*[-+]?\d{1,3}(?:,\d{3})+\s*")  # one number, or a list of several
_COMMAND = re.compile(
    r"\\(?:begin|end)\s*\{[A-Za-z]+\*?\}|\\[A-Za-z]+|(?<![A-Za-z])(?:and|or)(?![A-Za-z])"
)
_WORDS = re.compile(  # a long or a known word, two words, or only letters with a capital among them
    r"[A-Za-z]{4}|ln|log|exp|sin|cos|tan|sec|csc|cot|max|min|gcd|lcm|mod|det|lim"
    r"|[A-Za-z]{2}\s+[A-Za-z]|[A-Za-z]\s+[A-Za-z]{2}|^(?=.*[A-Z])[A-Za-z]\s*[A-Za-z][A-Za-z\s]*$"
)
_TOKEN = re.compile(
    r"\\(?:begin|end)\s*\{[A-Za-z]+\*?\}|\\mathbb\s*\{?\s*[A-Z]\s*\}?|\\[A-Za-z]+|\\.|\*\*|<=|>=|!=|\S"
)
_SIGNS = {
    "\u2212": "-", "\u00d7": r"\times ", "\u00b7": r"\cdot ", "\u22c5": r"\cdot ", "\u00f7": r"\div ",
    "\u221a": r"\sqrt ", "\u2264": r"\le ", "\u2265": r"\ge ", "\u2260": r"\ne ", "\u00b1": r"\pm ",
    "\u2213": r"\mp ", "\u00b0": r"^\circ ", "\u222a": r"\cup ", "\u2229": r"\cap ", "\u2208": r"\in ",
    "\u2205": r"\emptyset ", "\u221e": r"\infty ", "\u03c0": r"\pi ",
}  # fmt: skip
_SIGN = re.compile("[" + "".join(_SIGNS) + "]")
_SYNONYMS = {
    **dict.fromkeys((r"\dfrac", r"\tfrac", r"\cfrac"), r"\frac"),
    **dict.fromkeys((r"\dbinom", r"\tbinom"), r"\binom"),
    **dict.fromkeys((r"\cdot", r"\times"), "*"),
    **dict.fromkeys((r"\leq", r"\leqslant", "<="), r"\le"),
    **dict.fromkeys((r"\geq", r"\geqslant", ">="), r"\ge"),
    **dict.fromkeys((r"\neq", "!="), r"\ne"),
    **dict.fromkeys((r"\lvert", r"\rvert", r"\vert"), "|"),
    r"\div": "/", "**": "^", r"\lt": "<", r"\gt": ">", r"\lbrace": r"\{", r"\rbrace": r"\}",
    r"\lbrack": "[", r"\rbrack": "]", r"\colon": ":", r"\backslash": r"\setminus",
    r"\varnothing": r"\emptyset", r"\land": ",", ";": ",", r"\arcsin": r"\asin", r"\arccos": r"\acos",
    r"\arctan": r"\atan",
}  # fmt: skip
_SPACING = {
    r"\left", r"\right", r"\,", r"\;", r"\:", r"\!", "\\ ", r"\quad", r"\qquad", "~", "$",
    r"\displaystyle", r"\big", r"\Big", r"\bigl", r"\bigr", r"\Bigl", r"\Bigr", r"\limits",
}  # fmt: skip

r"""TeX is read by tokens: `normal` spells a formula in one way, `flattened` turns it into plain numerals.

A tokenizer knows that `\\ ` is a line break and not an escaped space.  Line breaks and escaped braces become
single characters (`characters.MARKS`), so that no later step can mistake a part of them.
"""

import re

from polyest.answers.characters import END_TEXT, LEFT, RIGHT, ROW, TEXT, THIN

_WORDS = (
    r"\\(?:text(?:bf|it|rm|sf|tt|up|normal)?|math(?:bf|it|rm|sf)|mbox|operatorname|boldsymbol|bm"
    r"|underline|emph)(?![A-Za-z])"
)
_BIG = r"\\(?:left|right|middle)(?![A-Za-z])\s?\.?|\\[bB]igg?[lrm]?(?![A-Za-z])"
_STYLE = r"\\(?:(?:display|text|script)style|(?:no)?limits|bf|it|rm|sf|tt)(?![A-Za-z])"
_DEGREES = r"\^\s?(?:\\circ(?![A-Za-z])|\{\s?\\circ\s?\})|\\degree(?![A-Za-z])|°"
_BREAK = r"\\\\\*?(?:\[[\d.]{1,9}\s?(?:pt|em|ex|mm|cm|in)\])?"

# The normal form.

_TOKENS = re.compile(
    rf"(?P<nothing>{_BIG}|{_STYLE}|\\!)|(?P<row>{_BREAK})|(?P<words>{_WORDS})"
    rf"|(?P<space>(?:\\[,;:> \n()\[\]]|~|\\q?quad(?![A-Za-z])|\s|\\?[%$]|\*\*|{_DEGREES})+)"
    r"|(?P<root>\\sqrt\s?\[[^\[\]{}\\]*\])|\{,\}|\\[A-Za-z]+\*?|\\.|.",
    re.DOTALL,
)
_SAME = {
    r"\dfrac": r"\frac", r"\tfrac": r"\frac", r"\cfrac": r"\frac", r"\dbinom": r"\binom",
    r"\tbinom": r"\binom", r"\leq": r"\le", r"\geq": r"\ge", r"\neq": r"\ne", r"\leqslant": r"\le",
    r"\geqslant": r"\ge", r"\lt": "<", r"\gt": ">", r"\lbrace": LEFT, r"\rbrace": RIGHT, r"\{": LEFT,
    r"\}": RIGHT, "{,}": ",", "\u00d7": r"\times", "\u00b7": r"\cdot", "\u00f7": r"\div",
    "\u00b1": r"\pm", "\u2213": r"\mp", "\u03c0": r"\pi", "\u221e": r"\infty", "\u2264": r"\le",
    "\u2265": r"\ge", "\u2260": r"\ne", "\u2208": r"\in", "\u222a": r"\cup", "\u2229": r"\cap",
}  # fmt: skip
_ARGUMENTS = {r"\frac": 2, r"\binom": 2, r"\sqrt": 1, "^": 1, "_": 1}
_FORMS = [
    (re.compile(r"([\^_])\{([A-Za-z0-9])\}"), r"\1\2"),
    (re.compile(r"(?<![A-Za-z]) (?!\d)|(?<!\d) (?![A-Za-z])"), ""),  # kept in "a b" and "1 2"
]
_WRITTEN = str.maketrans({ROW: r"\\", LEFT: r"\{", RIGHT: r"\}"})


def normal(latex: str) -> str:
    r"""Return a formula in one spelling, without differences that TeX does not print.

    Such differences are sizes, spacing, braces and names of commands.

    >>> normal(r"\left\{ \dfrac12,\ x_{1} \right\}"), normal(r"1 & 2 \\ 3 & 4"), normal(r"a\b")
    ('\\{\\frac{1}{2},x_1\\}', '1&2\\\\3&4', 'a\\b')
    """
    out: list[str] = []
    # For each open brace, the text that closes it and the number of arguments awaited after it.
    closes: list[tuple[str, int]] = []
    # The number of arguments that are awaited, whether the next brace opens words, and the last token.
    awaited, words, last = 0, False, ""
    for match in _TOKENS.finditer(latex):
        if match["nothing"]:
            continue
        token = " " if match["space"] else ROW if match["row"] else _SAME.get(match[0], match[0])
        if match["words"]:
            words = True
            continue
        if token == " ":
            if not words and not awaited:
                out.append(token)
            continue
        if token == "{":
            # Braces around arguments are kept, also those of unknown commands.
            argument = (
                awaited > 0 or last in ("}", "]") or (last[:1] == "\\" and last[-1:].isalpha())
            )
            kept = argument and not words
            closes.append(("}" if kept else "", max(awaited - 1, 0)))
            token, awaited = "{" if kept else "", 0
        elif token == "}" and closes:
            token, awaited = closes.pop()
        elif token in _ARGUMENTS or match["root"]:
            awaited = max(awaited - 1, 0) + _ARGUMENTS.get(token, 1)
        elif awaited:
            awaited -= 1
            token = "{" + token + "}"
        if out and token[:1].isalpha() and out[-1][:1] == "\\" and out[-1][-1].isalpha():
            out.append(" ")
        out.append(token)
        last, words = token or last, False
    spelled = "".join(out)
    for pattern, form in _FORMS:
        spelled = pattern.sub(form, spelled)
    return spelled.translate(_WRITTEN).strip(" .,;\u3002")


# Plain numerals.

_FLAT = re.compile(
    rf"{_WORDS}\s?\{{(?P<words>[^{{}}]*)\}}|{_DEGREES}|{_BREAK}|\\sqrt\s?\[[^\[\]{{}}\\]*\]"
    r"|\\(?P<name>[A-Za-z]+)\*?|\\.|\{,\}|</?sup>",
    re.DOTALL,
)
_MARKS = {
    r"\%": "%", r"\$": "$", r"\,": THIN, r"\!": "", r"\{": "[", r"\}": "]", "{,}": ",", r"\_": "_",
    r"\#": "#", r"\&": "&", "<sup>": "^{", "</sup>": "}",
}  # fmt: skip
_EACH = {  # the replacement of the commands with these names
    "": "left right middle displaystyle textstyle bf rm big Big bigl bigr Bigl Bigr bigg Bigg",
    " ": "quad qquad enspace thinspace",
    r"\frac": "frac dfrac tfrac cfrac",
    "\u221a": "sqrt log ln lg sin cos tan cot exp binom dbinom tbinom sum prod int lim "
    "overline bar dot mod bmod pmod",
    "=": "approx le leq ge geq lt gt ne neq equiv sim simeq cong to in",
    "\u03c0": "pi alpha beta gamma delta epsilon varepsilon zeta eta theta iota kappa lambda mu nu xi rho "
    "sigma tau phi varphi chi psi omega Gamma Delta Theta Lambda Sigma Phi Psi Omega infty",
    "\u00d7": "times", "\u00b7": "cdot", "*": "ast", "\u00f7": "div", "\u00b1": "pm", "\u2213": "mp",
    "\u00b0": "circ", "\u2026": "ldots cdots dots",
}  # fmt: skip
_NAMES = {name: written for written, names in _EACH.items() for name in names.split()}


def flattened(latex: str, unknown: str = " ") -> str:
    r"""Return a text whose formulas are written like numerals in plain text.

    unknown: the replacement of unknown commands.  A function becomes a root sign, a Greek letter a pi, a
    relation =, and a line break a semicolon.  Words in \text{} without a digit are put between `TEXT` and
    `END_TEXT`.

    >>> flattened(r"\(6{,}020 \ast 10^{3}\)"), flattened(r"\dfrac{1}{2} \approx \mathbf{0.5}")
    (' 6,020 * 10^{3} ', '\\frac{1}{2} =  0.5 ')
    """
    if "\\" not in latex and "{,}" not in latex and "<sup>" not in latex:
        return latex

    def flat(token: re.Match[str]) -> str:
        written = token[0]
        if (words := token["words"]) is not None:
            return f" {words} " if _DIGIT.search(words) else TEXT + words + END_TEXT
        if name := token["name"]:
            return _NAMES.get(name, unknown)
        if written[:1] == "^" or written == "\u00b0":
            return "\u00b0"
        if written.startswith(r"\sqrt"):
            return "\u221a"
        return _MARKS.get(written, ";" if written.startswith(r"\\") else " ")

    return _FLAT.sub(flat, latex)


_DIGIT = re.compile("[0-9]")

r"""Notation: `read` parses a key in TeX into a tree, if its meaning is certain.

A key is read only if each of its tokens is understood; nothing that may have a meaning is skipped.  A key
that people read in two ways (1/2x, \sin x/2, 1,234, two \pm) is not read either.  The time is linear in the
length of the key.  A key has at most `LONGEST` characters, and at most `DEEPEST` levels of brackets and
commands.  Nothing is evaluated as code.
"""

from polyest.answers import trees
from polyest.answers.tokens import tokens
from polyest.answers.trees import ONE, Tree, UnreadableError, expression

DEEPEST = 70  # greatest number of brackets and commands within each other


def read(key: str) -> Tree | None:
    r"""Return the tree of a key, or None for text.  Raises OverflowError for a key too long or too deep.

    >>> read(r"\frac{1}{2}x"), read("no solution")
    (('*', ('/', ('n', 1, 1), ('n', 2, 1)), ('x', 'x')), None)
    """
    placed = tokens(key)
    try:
        return None if placed is None else _Reader(placed).whole()
    except UnreadableError:
        return None


_GREEK = (
    "alpha beta gamma delta epsilon varepsilon zeta eta theta vartheta iota kappa lambda mu nu xi rho sigma "
    "tau upsilon phi varphi chi psi omega Gamma Delta Theta Lambda Xi Sigma Phi Psi Omega ell"
)
_LETTERS = {"\\" + name for name in _GREEK.split()} | {r"\infty"}
_NAMES = "sin cos tan cot sec csc asin acos atan sinh cosh tanh coth ln log lg exp"
_FUNCTIONS = {"\\" + name for name in _NAMES.split()}
_RELATIONS = {"=", "<", ">", r"\le", r"\ge", r"\ne", r"\in", r"\notin"}
_JOINING = {":", r"\cup", r"\cap", r"\setminus"}
_CLOSING = {"(": ")", "[": "]", r"\{": r"\}", "{": "}", r"\langle": r"\rangle"}
_MATRICES = {"matrix": "", "pmatrix": "", "bmatrix": "", "array": "", "vmatrix": "|"}
_OPENING = {*_CLOSING, *_LETTERS, *_FUNCTIONS, r"\pi", r"\frac", r"\sqrt", r"\binom", r"\emptyset"}
_APPLIED = set("fgFG")  # names of functions: f(x) is not a product
_ADDING: dict[str, Tree] = {"+": ONE, "-": ("n", -1, 1), r"\pm": ("pm", 1), r"\mp": ("pm", -1)}


class _Reader:
    """A recursive descent parser of the tokens of a key; each method reads one kind of part.

    at: index of the next token; deep: open brackets and commands; bars: open |; signs: number of \\pm.
    """

    def __init__(self, placed: list[tuple[str, int]]) -> None:
        self.tokens = [token for token, _ in placed]
        self.starts = [start for _, start in placed]  # they distinguish 12 from 1 2
        self.at = self.deep = self.bars = self.signs = 0

    @property
    def next(self) -> str:
        return self.tokens[self.at] if self.at < len(self.tokens) else ""

    def take(self, *expected: str) -> str:
        """Move past the next token, which must be one of the expected ones if there are any."""
        token = self.next
        if not token or (expected and token not in expected):
            raise UnreadableError
        self.at += 1
        return token

    def skip(self, token: str) -> bool:
        """Move past the next token if it is this one, and return whether it was."""
        if self.next != token:
            return False
        self.at += 1
        return True

    def whole(self) -> Tree:
        parts, either = self.parts()
        if self.next:
            raise UnreadableError
        return trees.several(parts, either)

    def parts(self) -> tuple[list[Tree], bool]:
        """Read items between commas, and return whether an "or" is among the separators."""
        bars, self.bars = self.bars, 0
        items, either = [self.item()], False
        while self.next in (",", r"\lor"):
            either |= self.take() == r"\lor"
            items.append(self.item())
        self.bars = bars
        return items, either

    def item(self) -> Tree:
        """Read sums with relations, unions or colons between them."""
        before = self.signs
        run, joins = [self.sum()], ""
        sides: list[Tree] = []
        relations: list[str] = []
        while self.next in _RELATIONS or self.next in _JOINING:
            token = self.take()
            if token in _RELATIONS:
                sides.append(trees.joined(joins, run))
                relations.append(token)
                run, joins = [self.sum()], ""
            elif joins in ("", token):
                run.append(self.sum())
                joins = token
            else:
                raise UnreadableError
        if self.signs > before + 1:  # two \pm may mean two values or four
            raise UnreadableError
        sides.append(trees.joined(joins, run))
        pairs = [trees.related(*three) for three in zip(relations, sides, sides[1:], strict=False)]
        if len(pairs) > 1:
            return ("list", *pairs)
        return pairs[0] if pairs else sides[0]

    def sum(self) -> Tree:
        """Read terms with + or - between them."""
        terms: list[Tree] = []
        while not terms or self.next in _ADDING:
            sign = self.take() if self.next in _ADDING else ""
            self.signs += sign == r"\pm"
            terms.append(trees.product(_ADDING[sign], self.term()) if sign else self.term())
        return terms[0] if len(terms) == 1 else ("+", *map(expression, terms))

    def term(self) -> Tree:
        """Read a product or quotient of factors, or a mixed number."""
        product = last = self.factor()
        slash = False  # after a slash no factor may follow: in 1/2x the x may be above or below
        while True:
            if self.skip("*"):
                last, slash = self.signed(), False
                product = trees.product(product, last)
            elif self.next == "/" and not slash:
                self.take()
                last, slash = self.signed(), True
                product = ("/", expression(product), expression(last))
            elif self.begins():
                token = self.next
                if slash or token.isdigit() or token == ".":
                    raise UnreadableError
                factor = self.factor()
                if token == r"\frac" and last[0] == "n" and trees.plain(factor):
                    if product is not last or last[2] > 1 or factor[1][1] >= factor[2][1]:
                        raise UnreadableError
                    product = ("+", product, factor)  # a mixed number
                else:
                    product = trees.product(product, factor)
                last = factor
            else:
                return product

    def signed(self) -> Tree:
        if self.next in ("+", "-"):
            return trees.product(_ADDING[self.take()], self.factor())
        return self.factor()

    def begins(self) -> bool:
        """Return whether the next token begins a factor."""
        token = self.next
        return (
            token in _OPENING
            or (token == "|" and not self.bars)
            or (token.isascii() and token.isalnum())
            or token == "."
            or token.startswith((r"\begin", r"\mathbb"))
        )

    def factor(self) -> Tree:
        base = self.base()
        if self.skip("^"):
            if self.skip(r"\circ") or self.degrees():
                return ("/", ("*", expression(base), ("c", "pi")), ("n", 180, 1))
            base = ("^", expression(base), expression(self.argument(many=True)))
        if self.skip("!"):
            base = ("f", "fac", expression(base))
        if self.next in ("^", "!", "'", "_"):
            raise UnreadableError
        return base

    def degrees(self) -> bool:
        r"""Move past {\circ} if it comes next, and return whether it did."""
        if self.tokens[self.at : self.at + 3] != ["{", r"\circ", "}"]:
            return False
        self.at += 3
        return True

    def argument(self, many: bool = False) -> Tree:
        """Read the argument of a command: a group in braces, or one token.

        many: allow all digits of a number, and a minus sign, as in an exponent.
        """
        if many and self.skip("-"):
            return trees.product(_ADDING["-"], self.argument())
        if self.next.isdigit():
            start = self.at
            number = self.number()
            if many or self.at == start + 1:
                return number
            if "." in self.tokens[start : self.at]:
                raise UnreadableError
            self.at = start + 1  # \frac12 is 1/2
            return ("n", int(self.tokens[start]), 1)
        if self.next in ("(", "[", r"\{", "|", *_FUNCTIONS):
            raise UnreadableError
        return self.base()

    def base(self) -> Tree:
        if self.deep == DEEPEST:
            raise OverflowError
        self.deep += 1
        tree = self.beginning()
        self.deep -= 1
        return tree

    def beginning(self) -> Tree:
        """Read a factor without the exponent, factorial or index after it."""
        token = self.next
        if token.isdigit() or token == ".":
            return self.numeral()
        self.take()
        if token in _CLOSING:
            return self.bracket(token)
        if token == "|":
            self.bars += 1
            inner = self.item()
            self.take("|")
            self.bars -= 1
            return ("f", "abs", expression(inner))
        if token == r"\pi":
            return ("c", "pi")
        if token in _LETTERS or (token.isascii() and token.isalpha()):
            return self.letter(token)
        if token == r"\frac":
            top = self.argument()
            return ("/", expression(top), expression(self.argument()))
        if token == r"\binom":
            top = self.argument()
            return ("f", "binom", expression(top), expression(self.argument()))
        if token == r"\sqrt":
            return self.root()
        if token in _FUNCTIONS:
            return self.function(token[1:])
        if token == r"\emptyset":
            return ("set",)
        if token.startswith(r"\begin"):
            return self.matrix(token)
        if token.startswith(r"\mathbb"):
            return ("space", token.strip("{} ")[-1])
        raise UnreadableError

    def numeral(self) -> Tree:
        """Read a number; one with an index is in another base, and equals only the same text."""
        number = self.number()
        if self.skip("_"):
            return ("x", f"{number[1]}/{number[2]}_{self.raw()}")
        return number

    def number(self) -> Tree:
        """Read a whole number or a decimal, also one with repeating digits."""
        whole, point, part = self.digits().partition(".")
        again = ""
        if point and self.skip(r"\overline"):
            self.take("{")
            again = self.digits()
            self.take("}")
        if not (whole + part + again).isdigit() or "." in part or bool(point) != bool(part + again):
            raise UnreadableError
        once, ones = int((whole + part) or "0"), 10 ** len(part)
        if not again:
            return ("n", once, ones)
        return ("n", int(whole + part + again) - once, ones * (10 ** len(again) - 1))

    def digits(self) -> str:
        start = self.at
        while (self.next.isdigit() and self.next.isascii()) or self.next == ".":
            if self.at > start and self.starts[self.at] != self.starts[self.at - 1] + 1:
                raise UnreadableError
            self.at += 1
        return "".join(self.tokens[start : self.at])

    def letter(self, name: str) -> Tree:
        plain = name
        if self.skip("_"):
            name += "_" + self.raw()
        while self.skip("'"):
            name += "'"
        if plain in _APPLIED and self.next == "(":
            name += self.raw()
        return ("c", name) if name in ("e", "i") else ("x", name)

    def raw(self) -> str:
        """Read the next token, or a group of tokens in brackets, and return its text."""
        start, depth = self.at, 0
        while True:
            depth += {"{": 1, "(": 1, "}": -1, ")": -1}.get(self.take(), 0)
            if depth <= 0:
                break
        tokens = self.tokens[start : self.at]
        if depth < 0 or tokens[0].startswith("\\begin"):
            raise UnreadableError
        return " ".join(tokens[1:-1] if tokens[0] == "{" else tokens)

    def root(self) -> Tree:
        degree: Tree = ("n", 2, 1)
        if self.skip("["):
            degree = expression(self.item())
            self.take("]")
        start = self.at
        radicand = expression(self.argument())
        if self.at == start + 1 and self.next.isdigit():  # \sqrt12 may mean two things
            raise UnreadableError
        return ("^", radicand, ("/", ONE, degree))

    def function(self, name: str) -> Tree:
        base = power = None
        if name == "log" and self.skip("_"):
            base = expression(self.argument())
        if self.skip("^"):
            power = expression(self.argument(many=True))
        bracketed = self.next in ("(", "[", "{", "|")
        argument = self.base() if bracketed else self.bare()
        if bracketed and self.next in ("^", "!", "_", "'"):
            raise UnreadableError
        if power == ("*", ("n", -1, 1), ONE):
            if name not in ("sin", "cos", "tan"):
                raise UnreadableError
            name, power = "a" + name, None
        value: Tree = ("f", name, expression(argument))
        if base is not None:
            value = ("/", ("f", "ln", expression(argument)), ("f", "ln", base))
        return value if power is None else ("^", value, power)

    def bare(self) -> Tree:
        r"""Read an argument without brackets: a fraction, a root, or numbers and letters as in \sin 2x."""
        single = self.next in (r"\frac", r"\sqrt", r"\binom")
        letters = {*_LETTERS, r"\pi"}
        product = self.factor()
        while not single and self.begins() and (self.next.isalpha() or self.next in letters):
            product = trees.product(product, self.factor())
        after = self.tokens[self.at + 1 : self.at + 2]
        times = self.next == "*" and after and after[0] in _FUNCTIONS
        runs_on = self.begins() and self.next not in _FUNCTIONS
        if runs_on or (self.next in ("*", "/") and not times):  # \sin x/2 may mean two things
            raise UnreadableError
        return product

    def bracket(self, opening: str) -> Tree:
        before = self.signs
        empty = opening == r"\{" and self.next == r"\}"
        parts, either = ([], False) if empty else self.parts()
        closing = self.take(*((")", "]") if opening in "([" else (_CLOSING[opening],)))
        if opening == r"\{":
            self.signs = before
            return ("set", *trees.scattered(parts))
        if opening == "{":
            return parts[0] if len(parts) == 1 else trees.several(parts, either)
        if len(parts) == 1:
            atom = parts[0][0] in ("n", "x", "c", "set", "seq")
            if opening + closing not in ("()", "[]") or (opening == "[" and atom):
                raise UnreadableError
            return parts[0]
        if either or (len(parts) > 2 and opening + closing in ("(]", "[)")):
            raise UnreadableError
        return ("seq", opening + closing, *parts)

    def matrix(self, begin: str) -> Tree:
        name = begin.partition("{")[2].rstrip("} ")
        if name not in _MATRICES:
            raise UnreadableError
        if name == "array":
            self.take("{")
            while self.take("c", "l", "r", "|", "}") != "}":
                pass
        rows: list[list[Tree]] = [[]]
        while not self.next.startswith(r"\end"):
            rows[-1].append(self.item())
            if self.skip("\\\\"):
                rows.append([])
            elif not self.next.startswith(r"\end"):
                self.take("&")
        self.take()
        rows = rows if rows[-1] else rows[:-1]
        if not rows or len({len(row) for row in rows}) > 1:
            raise UnreadableError
        return ("matrix", _MATRICES[name], *(("row", *row) for row in rows))

"""The notation of answers: what is read, and what is text because people read it in two ways."""

import pytest

from polyest.answers import notation, tokens
from polyest.answers.notation import read

x, y, one, two = ("x", "x"), ("x", "y"), ("n", 1, 1), ("n", 2, 1)
minus = ("n", -1, 1)

READ = {
    "1.50": ("n", 150, 100),
    ".5": ("n", 5, 10),
    r"0.1\overline{6}": ("n", 15, 90),
    r"\frac12": ("/", one, two),
    r"\dfrac1{2}": ("/", one, two),
    r"2\frac12": ("+", two, ("/", one, two)),
    r"2\frac{x}{2}": ("*", two, ("/", x, two)),
    "xy^2": ("*", x, ("^", y, two)),
    "x^12": ("^", x, ("n", 12, 1)),
    "x^{-1}": ("^", x, ("*", minus, one)),
    "1/2*x": ("*", ("/", one, two), x),
    "x-y": ("+", x, ("*", minus, y)),
    r"\sin2x": ("f", "sin", ("*", two, x)),
    r"\sin^2x": ("^", ("f", "sin", x), two),
    r"\sin^{-1}(x)y": ("*", ("f", "asin", x), y),
    r"\sin x\cos y": ("*", ("f", "sin", x), ("f", "cos", y)),
    r"\sqrt[3]{x}": ("^", x, ("/", one, ("n", 3, 1))),
    "x_{12}'": ("x", "x_1 2'"),
    "f(x+1)": ("x", "f( x + 1 )"),
    "|x|y": ("*", ("f", "abs", x), y),
    r"1\pm x": ("list", ("+", one, ("*", one, x)), ("+", one, ("*", minus, x))),
    r"\{\pm 1\}": ("set", ("*", one, one), ("*", minus, one)),
    "1;2": ("list", one, two),
    "x,y": ("seq", "", x, y),
    "(1,2]": ("seq", "(]", one, two),
    "x>1": ("rel", "<", one, x),
    "1<x<2": ("list", ("rel", "<", one, x), ("rel", "<", x, two)),
    "x<1 or x>2": ("either", ("rel", "<", x, one), ("rel", "<", two, x)),
    r"\mathbb{R}\setminus\{1\}": (r"\setminus", ("space", "R"), ("set", one)),
    r"\left[\begin{array}{c|c}1&2\end{array}\right]": ("matrix", "", ("row", one, two)),
    "\u2212\u221a2": ("*", minus, ("^", two, ("/", one, two))),
}


@pytest.mark.parametrize("key", READ)
def test_trees(key):
    assert read(key) == READ[key]


@pytest.mark.parametrize(
    "key",
    ["", " ", "no way", "No", "even", "AB", "is it", "sinx", "ln2", "2 max", "5%", "x2", "2 3", "1.2.3", "1.",
     "12,345", "1/2x", r"1/2\pi", "1/2/3", r"\sin x/2", r"\sin x\cdot y", r"\sin(x)^2", r"\ln2(x)", "(1",
     r"\sqrt12", r"3\frac42", r"x\frac", r"2\cdot3\frac12", r"\pm1\pm2", "x^2^3", "x^", "{", "}", "|x", "[1]",
     "1)", "(1,2,3]", r"\{x|x>1\}", r"\int x", r"\begin{cases}1\\2\end{cases}", "1+(1,2)", r"(1,2)\cup3",
     r"x\in3", r"\begin{matrix}1&2\\3\end{matrix}", r"\frac1", r"\text{a b}", r"\unknown x", "x=", "1,,2",
     "!", "\u7121\u89e3"],
)  # fmt: skip
def test_what_is_uncertain_is_text(key):
    tree = read(key)
    assert tree is None or (key, tree) in [
        ("no", ("*", ("x", "n"), ("x", "o"))),
        ("f", ("x", "f")),
    ]


def test_length_and_depth_end_at_their_limits():
    assert read("x" + "+1" * ((tokens.LONGEST - 1) // 2)) is not None
    deepest = notation.DEEPEST - 1
    assert read("(" * deepest + "x" + ")" * deepest) == x
    for key in ("1" * (tokens.LONGEST + 1), "(" * (deepest + 1) + "x" + ")" * (deepest + 1)):
        with pytest.raises(OverflowError):
            read(key)

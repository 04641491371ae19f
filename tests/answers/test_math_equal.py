"""Equality of answers is by value: an equivalence, exact, of kinds kept apart, in bounded time everywhere."""

import warnings
from fractions import Fraction
from itertools import combinations, product

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from polyest.answers import canonical, equivalent, math_equal
from polyest.errors import EqualsOnlyItself, InvalidAnswer

many = settings(max_examples=150, deadline=None)
small = st.integers(-9, 9)
rationals = st.fractions(-50, 50, max_denominator=60)
powers = st.integers(-300, 300)
letters = st.sampled_from("abcxyzABCXYZ")


def classes(keys):
    """Which of the keys are equal, after a look at every pair in both directions."""
    for a, b in product(keys, repeat=2):
        assert math_equal(a, b) == math_equal(b, a), (a, b)
    merged = equivalent(keys, math_equal)
    for (a, m), (b, n) in combinations(zip(keys, merged, strict=True), 2):
        assert math_equal(a, b) == (m == n), (a, b)  # transitive: the closure adds nothing
    return [merged.index(key) for key in merged]


# Values that a lenient grader takes for one, each a class of its own.

APART = [
    [r"\frac{1}{2^{98}}", r"\frac{1}{2^{99}}", r"\frac{1}{3^{60}}", "0"],
    [r"\frac{\pi}{2^{60}}", r"\frac{\pi}{2^{61}}"],
    ["Aa", "AA", "aa", "aA"],
    ["x+Y", "x+y"],
    ["x^2+y=0", "x-y=0", "0"],
    ["2x+z=1", "x^3=1", "1"],
    ["(3,1)", "(1,3)", r"\{1,3\}", "[1,3]", "[1,3)", r"\langle1,3\rangle"],
    ["1/3", "0.333", "0.3333333333333333"],
    [r"\sqrt{17}", "4.123105625617661"],
    [r"\sqrt{10^{100}+1}", "10^{50}"],
    ["x+10^{-90}", "x"],
    ["1+e^{-2000}", "1"],
    [r"\cos(10^{-100})", "1"],
    [r"\sqrt{x^2}", "x"],
    [r"e^{\pi\sqrt{163}}", "640320^3+744"],
    [r"\log100", r"\ln100", "2"],
    ["90", r"90^\circ"],
    ["5cm", "5m", "5"],
    ["12:30", "2:5", "2/5"],
    ["1,234", "234,1", "1234"],
    ["even", "Even", "neve"],
    ["ABC", "CBA"],
    ["A,B,C", "C,B,A"],
    ["f(x)", "f(y)", "2f(1)", "f(2)"],
    ["sin(2x)", "2sin(x)", r"\sin2x"],
    [r"\sin x/2", r"\frac{\sin x}{2}", r"\sin\frac{x}{2}"],
    ["1/2x", r"\frac{1}{2x}", r"\frac{x}{2}"],
    ["x<1", "x>1", r"x\le1", "x=1", r"x\ne1", "-x<-1/2"],
    ["x<1, x>2", "x<1 or x>2"],
    ["x=1", "y=1", "1"],
    ["1,1,2", "1,2"],
    [r"\{1\}", "1", r"\emptyset"],
    [r"\begin{pmatrix}1&2\\3&4\end{pmatrix}", r"\begin{pmatrix}1&3\\2&4\end{pmatrix}",
     r"\begin{vmatrix}1&2\\3&4\end{vmatrix}"],
    [r"\begin{pmatrix}1\\2\end{pmatrix}", r"\begin{pmatrix}1&2\end{pmatrix}", "(1,2)"],
    ["101_2", "101_3", "101"],
    [r"0.\overline{3}", "0.3", r"0.3\overline{4}"],
    [r"\int_0^1x", r"\int_0^1y", r"\frac12"],
    [r"\frac10", r"\frac20"],
    [r"x\in(0,1)", "(0,1)", r"x\in[0,1]"],
]  # fmt: skip


@pytest.mark.parametrize("keys", APART, ids=lambda keys: keys[0])
def test_different_values_and_kinds_are_apart(keys):
    assert classes(keys) == list(range(len(keys)))


TOGETHER = [
    [r"\sqrt2/2", r"1/\sqrt{2}", r"\frac{\sqrt2}{2}", r"2^{-1/2}", r"\sin\frac{\pi}{4}", r"\cos45^\circ"],
    [r"\sqrt{2}+\sqrt3", r"\sqrt{5+2\sqrt6}", r"\sqrt3+\sqrt2"],
    [r"\frac{\sqrt{\sqrt{11}+\sqrt{194}}}{15+2\sqrt{33}}",
     r"\frac{\sqrt{\sqrt{11}+\sqrt{194}}}{2\sqrt{33}+15}"],
    [r"\sqrt[3]{-8}", "-2", "(-8)^{1/3}", "i^2+i^6"],
    [r"2\frac{1}{2}", r"\frac52", "2.5", "5/2", r"25\cdot10^{-1}"],
    [r"0.\overline{3}", r"\frac{1}{3}"],
    [r"0.1\overline{6}", r"\frac16"],
    [r"\sin0", "0", r"0\sqrt{2}", r"(0\pi)^{9}", r"\ln1", r"\sin\pi", r"\sqrt{0}"],
    ["5!", "120", r"\binom{10}{3}"],
    [r"\binom{n}{2}", r"\frac{n(n-1)}{2}"],
    [r"\ln4", r"2\ln2", r"\ln(2^2)"],
    [r"\log_28", "3", r"\log_{10}1000"],
    [r"e^{i\pi}", "-1", "i^2"],
    ["xy", "yx", r"x\cdot y", "x y"],
    [r"\tan^2(y)+1", r"\sec^2(y)", r"\frac{1}{\cos^2y}"],
    ["x^2+2x+1", "(x+1)^2", "(1+x)(x+1)", r"\frac{(x+1)^3}{x+1}"],
    [r"\frac{x+2}{7}", r"\frac{x}{7}+\frac{2}{7}"],
    [r"x^{2/3}", r"\sqrt[3]{x^2}", r"\sqrt[3]{x}^2"],
    [r"\frac{GMm}{r^2}", "GMm/r^2"],
    ["x_1+x_2", "x_{2}+x_{1}"],
    ["|x|", r"\sqrt{x^2}", r"\left|-x\right|"],
    ["2x+4y-3=0", r"y=-\frac{1}{2}x+\frac34", "3-4y=2x"],
    ["x^2/4+y^2/3=1", "x^2/16+y^2/12=1/4"],
    ["x<1", "-x>-1", "1>x", "2x-2<0"],
    ["0<x<1", "0<x, x<1", "1>x>0"],
    [r"x\neq3", "3!=x"],
    [r"1\pm\sqrt5", r"1+\sqrt5,1-\sqrt5", r"\{1-\sqrt5,1+\sqrt5\}", r"1-\sqrt5\text{ or }1+\sqrt5"],
    ["1,3", "3, 1", r"\{1,3\}", "1 and 3", r"\{3,1,1\}"],
    ["(2,1),(1,2)", "(1,2), (2,1)"],
    [r"(1,\frac92)", "(1,4.5)", r"\left(1,\,9/2\right)"],
    [r"[0,1)\cup(1,\infty)", r"(1,+\infty)\cup[0,1)"],
    [r"\emptyset", r"\varnothing", r"\{\}"],
    [r"\begin{pmatrix}1&2\\3&4\end{pmatrix}", r"\begin{bmatrix}1 & 2 \\ 3 & 8/2\end{bmatrix}",
     r"\left[\begin{array}{cc}1&2\\3&4\end{array}\right]"],
    ["14{,}916", "14916", r"14\,916"],
    ["(" * 60 + "x" + ")" * 60, "x"],
]  # fmt: skip


@pytest.mark.parametrize("keys", TOGETHER, ids=lambda keys: keys[0][:40])
def test_one_value_in_several_notations_is_one(keys):
    assert classes(keys) == [0] * len(keys)


# Numbers and expressions at random.


@st.composite
def numerals(draw, value):
    """A rational in one of its notations."""
    p, q, times = value.numerator, value.denominator, draw(st.integers(1, 9))
    sign, size = ("-" if p < 0 else ""), abs(p)
    forms = [
        str(value), rf"{sign}\frac{{{size * times}}}{{{q * times}}}", rf"\dfrac{{{p}}}{{{q}}}",
        f"({p * times})/{q * times}", rf"{p} \cdot {q}^{{-1}}", rf"-\frac{{{-p}}}{{{q}}}",
        f"{p - q}/{q}+1", f"{{{p}}}/{q}",
    ]  # fmt: skip
    whole, part = divmod(size, q)
    forms += [rf"{sign}{whole}\frac{{{part}}}{{{q}}}"] if whole and part else []
    forms += [f"{p * 5**9 * 2**9 // q}/10^9"] if 10**9 % q == 0 else []
    return draw(st.sampled_from(forms))


@given(values=st.tuples(rationals, rationals), data=st.data())
@many
def test_rationals_are_equal_exactly_if_their_values_are(values, data):
    a, b, c = (data.draw(numerals(value)) for value in (values[0], values[0], values[1]))
    assert math_equal(a, b)
    assert math_equal(a, c) == (values[0] == values[1])


@given(p=st.integers(1, 99), q=st.integers(1, 99), m=powers, n=powers, data=st.data())
@many
def test_very_large_and_very_small_numbers_are_apart(p, q, m, n, data):
    unit = data.draw(st.sampled_from(["", r"\pi", r"\sqrt{2}", "x", "e^{-1}", r"\ln2"]))
    a, b = (rf"{top}\cdot2^{{{power}}}{unit}" for top, power in ((p, m), (q, n)))
    assert math_equal(a, b) == (p * Fraction(2) ** m == q * Fraction(2) ** n)
    near = data.draw(st.integers(1, 400))
    assert not math_equal(a, rf"{a}+3^{{-{near}}}")
    assert not math_equal(rf"1+3^{{-{near}}}{unit}", "1")


@given(a=rationals, b=rationals, c=st.sampled_from([2, 3, 5, 6, 7, 10]), d=rationals, k=small)
@many
def test_surds_are_equal_exactly_if_their_values_are(a, b, c, d, k):
    plain = rf"({a})+({b})\sqrt{{{c}}}"
    assert math_equal(plain, rf"\frac{{({b})\cdot{c}}}{{\sqrt{{{c}}}}}+({a})")
    assert math_equal(rf"({plain})^2", rf"({a * a + b * b * c})+({2 * a * b})\sqrt{{{c}}}")
    assume(b)
    assert not math_equal(plain, rf"({a})+({b})\sqrt{{{c + 1}}}")
    assert math_equal(plain, rf"({d})+({b})\sqrt{{{c}}}") == (a == d)
    inverse = a * a - b * b * c  # not 0, as the root is not rational
    assert math_equal(rf"1/({plain})", rf"({a / inverse})-({b / inverse})\sqrt{{{c}}}")
    assert math_equal(rf"\pi({plain})", rf"({a})\pi+\sqrt{{{c}}}\pi({b})")
    assert not math_equal(rf"\pi({plain})", rf"({a})\pi+\sqrt{{{c}}}\pi({b})+3^{{-{90 + abs(k)}}}")


@st.composite
def polynomials(draw):
    """Terms (coefficient, powers of three letters), each power written once."""
    names = draw(st.lists(letters, min_size=3, max_size=3, unique=True))
    terms = draw(
        st.dictionaries(
            st.tuples(*[st.integers(0, 3)] * 3), rationals.filter(bool), min_size=1, max_size=4
        )
    )
    return names, terms


def written(names, terms, order):
    power = {0: "", 1: "{0}"}
    shown = []
    for exponents, coefficient in [list(terms.items())[i] for i in order]:
        factors = [
            power.get(n, "{0}^{{" + str(n) + "}}").format(x)
            for x, n in zip(names, exponents, strict=True)
        ]
        shown.append(rf"\left({coefficient}\right)" + "".join(factors))
    return "+".join(shown)


@given(given=polynomials(), data=st.data())
@many
def test_polynomials_are_equal_exactly_if_their_coefficients_are(given, data):
    names, terms = given
    order = data.draw(st.permutations(range(len(terms))))
    key = written(names, terms, sorted(order))
    assert math_equal(key, written(names, terms, order))
    assert math_equal(rf"({key})({names[0]}-1)", rf"({key}){names[0]}-({key})")
    one = data.draw(st.sampled_from(sorted(terms)))
    other = {**terms, one: terms[one] + Fraction(1, 10 ** data.draw(st.integers(0, 60)))}
    assert not math_equal(key, written(names, other, sorted(order)))
    used = sorted({x for e in terms for x, n in zip(names, e, strict=True) if n})
    for x in used:
        if x.swapcase() not in names:
            changed = [x.swapcase() if name == x else name for name in names]
            assert not math_equal(key, written(changed, terms, sorted(order)))


@given(given=polynomials(), factor=rationals.filter(bool))
@many
def test_equations_and_inequalities_may_be_multiplied(given, factor):
    names, terms = given
    assume(any(any(exponents) for exponents in terms))
    key = written(names, terms, range(len(terms)))
    assert math_equal(f"{key}=0", f"0=({factor})({key})")
    assert math_equal(f"{key}<0", f"({factor})({key}){'<' if factor > 0 else '>'}0")
    assert not math_equal(f"{key}<0", f"({factor})({key}){'>' if factor > 0 else '<'}0")
    assert not math_equal(f"{key}=0", f"{key}=1")
    assert not math_equal(f"{key}=0", f"{key}")
    assert not math_equal(f"{key}=0", "0")


@given(values=st.lists(rationals, min_size=2, max_size=2, unique=True), data=st.data())
@many
def test_kinds_are_apart(values, data):
    a, b = (data.draw(numerals(value)) for value in sorted(values))
    again = [data.draw(numerals(value)) for value in sorted(values)]

    def kinds(a, b):
        return [
            f"{a}", f"({a},{b})", f"({b},{a})", f"[{a},{b}]", f"[{a},{b})", rf"\{{{a},{b}\}}", f"{a}=x",
            f"x<{a}", f"{b}<x", rf"x\le {a}", rf"{a}\le x<{b}", rf"\begin{{pmatrix}}{a}&{b}\end{{pmatrix}}",
            rf"\begin{{pmatrix}}{a}\\{b}\end{{pmatrix}}", f"x+({a})", rf"({a},{b})\cup({b},\infty)",
            f"no such {a}", rf"\{{{a}\}}", f"{a}:1",
        ]  # fmt: skip

    for (i, left), (j, right) in product(enumerate(kinds(a, b)), enumerate(kinds(*again))):
        assert math_equal(left, right) == (i == j and (i != 15 or left == right)), (left, right)


commands = (
    r"\frac \sqrt \pi \{ \} \pm \ln \sin \cup \infty \\ \begin{pmatrix} \end{pmatrix} \text{or} \in \circ "
    r"\binom \overline{3} \left 9^{9} words"
)
pieces = st.sampled_from(
    [
        *"0123456789+-=<>()[]{}|,;:!'_^/*&. xyABei\0\ud800\u2167\u00b2\u7121",
        *commands.split(),
        " and ",
    ]
)


@given(keys=st.lists(st.lists(pieces, max_size=14).map("".join), min_size=2, max_size=4))
@settings(max_examples=400, deadline=None)
def test_it_is_an_equivalence_on_any_text(keys):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", EqualsOnlyItself)
        classes(keys)


def test_keys_of_boxes_are_compared():
    boxes = [
        r"\sqrt{2}/2",
        r"1/\sqrt2",
        "x^2+2x+1",
        "(x+1)^2",
        "2.5",
        "y",
        r"\frac{1}{",
        r"\{2,1\}",
        "(1,2)",
    ]
    keys = canonical([rf"\boxed{{{box}}}" for box in boxes], "boxed")
    merged = equivalent(keys, math_equal)
    assert [merged.index(key) for key in merged] == [0, 0, 2, 2, 4, 5, 6, 7, 8]


@pytest.mark.parametrize("pair", [(None, "x"), ("x", 1), (b"x", b"x")])
def test_what_is_no_text_is_named(pair):
    with pytest.raises(InvalidAnswer, match=r"expected text$"):
        math_equal(*pair)

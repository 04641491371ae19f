"""Expressions: canonical form, functions that are formulas, values in every arithmetic, what is refused."""

import copy
import pickle
from fractions import Fraction

import mpmath
import numpy as np
import pytest
from flint import acb, arb, arb_poly, arb_series, ctx
from hypothesis import example, given, settings
from hypothesis import strategies as st
from strategies import FORMULAS, formula

from polyest import functions
from polyest.errors import InvalidProblem, NotProved
from polyest.precision import working
from polyest.problem.expressions.expression import DEEPEST, LONGEST_TEXT, MOST_NODES
from polyest.problem.expressions.fields import Balls, Boxes, Floats, evaluate, polynomial, series
from polyest.problem.expressions.grammar import read
from polyest.problem.expressions.symbol import traced
from polyest.problem.expressions.zero import germ

PLACES = st.floats(1e-9, 1.0)
# Random texts of the letters of formulas, most of which are none; and some that are.
LETTERS = st.sampled_from(
    [
        *"pX0123456789.eE+-*/(), \n\t^_%=<>\\'\"",
        "**",
        "1e",
        "sqrt(",
        "log(",
        "pow(",
        "exp",
        "é",
        "²",
        "\0",
    ]
)
TEXTS = st.one_of(st.text(), st.lists(LETTERS, max_size=40).map("".join))
NUMBERS = st.one_of(
    st.integers(-99, 99).map(str),
    st.floats(1e-9, 1e9).map(repr),
    st.floats(1e-3, 1e3).map("{:.3e}".format),
)
ANY = st.recursive(
    st.one_of(st.just("p"), NUMBERS),
    lambda inner: st.one_of(
        st.builds("{}{}{}".format, inner, st.sampled_from("+-*/"), inner),
        st.builds("({})".format, inner),
        st.builds(
            "{}({})".format, st.sampled_from(["sqrt", "log", "log1p", "exp", "expm1"]), inner
        ),
        st.builds("({})**{}".format, inner, st.integers(-5, 5)),
        st.builds("pow({},{})".format, inner, inner),
        st.builds("-{}".format, inner),
    ),
    max_leaves=12,
)


@settings(max_examples=500, deadline=None)
@given(TEXTS)
def test_any_text_is_read_or_refused_by_the_named_error(text):
    try:
        expression = read(text)
    except InvalidProblem as refused:
        said = str(refused)
    else:
        said = ""
        assert read(expression.text) == expression
    assert len(said) < 400
    assert "\n" not in said


@settings(max_examples=400, deadline=None)
@given(ANY)
@example("35/3*48805760.65522969/3")  # numbers that no double holds as one, with two divisors
@example("48805760.65522969/3/7/0.1*12345678.12345")
def test_the_canonical_form_is_a_fixed_point(text):
    try:
        expression = read(text)
    except InvalidProblem:
        return
    assert read(expression.text) == expression
    assert read(f"  ( {expression.text} ) ") == expression
    assert pickle.loads(pickle.dumps(expression)) == copy.deepcopy(expression) == expression


@pytest.mark.parametrize(
    "alike",
    [
        (
            "1/sqrt(p+0.01)",
            "1/sqrt(0.01+p)",
            "(p+1e-2)**-.5",
            "pow(p + .0100, -0.5)",
            "1/(0.01+p)**(1/2)",
        ),
        ("log(p)*p", "p*log(p)", "+p*(log((p)))"),
        ("1-p", "-p+1", "-(-1)-p", "1+-p", "2-1-p"),
        ("2*p", "p*2.0", "p/0.5", "4*p/2", "--2*p"),
        ("p/3", "1/3*p", "p*(1/3)"),
        ("1/(p+1)**2", "(1+p)**-2", "1/((1+p)**2)", "1/(1+p)**2.0"),
        ("exp(-p)", "exp(0-p)", "exp(p*-1)"),
    ],
)
def test_equal_expressions_are_written_alike(alike):
    assert {read(text).text for text in alike} == {alike[0]}


@pytest.mark.parametrize(
    ("one", "other"), [("p/p", "p"), ("p-p", "0*p"), ("sqrt(p)**2", "p"), ("0.1*0.1*p", "0.01*p")]
)
def test_nothing_is_cancelled_and_nothing_rounded(one, other):
    assert read(one) != read(other)


@settings(max_examples=300, deadline=None)
@given(FORMULAS, PLACES)
def test_valid_expressions_agree_with_direct_evaluation(text, p):
    node = read(text)
    with mpmath.workdps(60), working(200):
        right = formula(text, p=mpmath.mpf(p))
        size = 1 + float(abs(right))
        ball = evaluate(node, arb(p), Balls())
        assert abs(float(ball - arb(mpmath.nstr(right, 55)))) <= 1e-40 * size
        assert abs(formula(node.text, p=mpmath.mpf(p)) - right) <= 1e-40 * size
        box = evaluate(node, acb(p), Boxes())
        assert abs(float(box.real - ball)) <= 1e-40 * size
    seen = float(evaluate(node, np.float64(p), Floats()))
    assert abs(seen - float(right)) <= 1e-12 * size


@settings(max_examples=150, deadline=None)
@given(FORMULAS, st.floats(0.01, 1), st.integers(1, 12), st.floats(0, 0.1), st.floats(-1, 1))
def test_series_on_a_ball_hold_the_series_at_each_of_its_points(text, p, terms, width, share):
    node = read(text)
    with working(150):
        try:
            wide = series(node, arb(p, width * p), arb(1), terms)
        except NotProved:
            return
        exact = series(node, arb(p) + arb(width * p) * share, arb(1), terms)
        assert len(wide) == terms
        assert all(a.overlaps(b) for a, b in zip(wide, exact, strict=True))
        step = arb(1e-6 * p)
        near = evaluate(node, arb(p) + step, Balls())
        here = series(node, arb(p), step, 12)
        assert abs(float(arb_poly(here)(arb(1)) - near)) <= 1e-20 * (1 + float(abs(near)))


@pytest.mark.parametrize(
    "text", ["1/(p-0.5)", "1/(p-0.5)**3", "log(p-0.5)", "sqrt(p-0.5)", "(p-0.5)**2.5"]
)
def test_a_series_around_a_singularity_is_refused(text):
    for m in (arb(0.5), arb(0.5, 0.1)):
        with pytest.raises(NotProved, match="no proved Taylor series"):
            series(read(text), m, arb(1), 4)


@pytest.mark.parametrize("cap", [1, 3, 50])
def test_series_do_not_depend_on_the_cap_of_flint_and_leave_it(cap):
    before = ctx.cap
    ctx.cap = cap
    try:
        terms = series(read("log(p)"), arb(1), arb(1), 9)
        assert ctx.cap == cap
    finally:
        ctx.cap = before
    assert [float(a) for a in terms] == pytest.approx(
        [0, *((-1) ** (j - 1) / j for j in range(1, 9))]
    )


@pytest.mark.parametrize(
    "text", ["1/(p-0.5)", "log(p-0.5)", "sqrt(p-0.4)", "(p-0.5)**0.25", "(p-0.5)**-2"]
)
def test_a_box_around_a_singularity_is_not_finite(text):
    assert not evaluate(read(text), acb(arb(0.5, 0.2), arb(0, 0.2)), Boxes()).is_finite()
    assert not evaluate(read(text), arb(0.5, 0.2), Balls()).is_finite()


@pytest.mark.parametrize(
    ("text", "coefficients"),
    [
        ("1-p", [1, -1]),
        ("(p+1)**3/2", [0.5, 1.5, 1.5, 0.5]),
        ("(1-(1-p)**4)/p", [4, -6, 4, -1]),
        ("p**2/p**2", [1]),
        ("p-p", [0]),
        ("1/(p+1)", None),
        ("sqrt(p)", None),
        ("1/(p-p)", None),
        ("p**1024*p", None),
        ("(p+1e50)**1024", None),
        ("p**p", None),
    ],
)
def test_polynomials_are_found_by_exact_division(text, coefficients):
    quotient = polynomial(read(text))
    assert quotient == (None if coefficients is None else [Fraction(a) for a in coefficients])


# Germs: |p phi| and p phi^2 near 0.


@settings(max_examples=200, deadline=None)
@given(FORMULAS, st.integers(3, 30), st.floats(1e-6, 1))
def test_germs_hold_phi_on_their_interval(text, k, share):
    node, d = read(text), 2.0**-k
    with working(120):
        try:
            power = germ(node, arb(d))
        except NotProved:  # on so wide an interval; on a shorter one there is a germ
            germ(node, arb(2.0**-60))
            return
        p = arb(share * d)
        L = -p.log()
        unit = (p.log() * Balls().number(power.a)).exp() * (L.log() * Balls().number(power.b)).exp()
        phi = evaluate(node, p, Balls())
        assert (unit * power.c).overlaps(phi)
        for weight, times in ((1, 1), (1, 2)):
            assert not p**weight * abs(phi) ** times > power.bound(weight, times)


@pytest.mark.parametrize(
    ("text", "a", "b"),
    [
        ("log(p)", 0, 1),
        ("p**-0.5", -0.5, 0),
        ("log(p)**2/sqrt(p)", -0.5, 2),
        ("exp(2*log(p))", 2, 0),
        ("1/log(p)", 0, -1),
        ("expm1(p)/p", 0, 0),
        ("log1p(p**2)/p", 1, 0),
        ("log(1/p+3)", 0, 1),
        ("sqrt(p+p**2)", 0.5, 0),
        ("1/p", -1, 0),
    ],
)
def test_germs_have_the_leading_power(text, a, b):
    power = germ(read(text), arb(0.125))
    assert (power.a, power.b) == (a, b)


@pytest.mark.parametrize(
    "text",
    ["1/(p-0.05)", "log(p-2)", "sqrt(-p)", "exp(1/p)", "log(p-p)", "1/(p-p**2-p)", "log1p(-1-p)"],
)
def test_no_germ_is_given_where_a_step_leaves_its_domain(text):
    with pytest.raises(NotProved):
        germ(read(text), arb(0.125))


# Functions of Python.


@pytest.mark.parametrize(
    ("function", "text"),
    [
        (lambda p: 1 / functions.sqrt(p + 0.01), "1/sqrt(p+0.01)"),
        (lambda p: 1 / np.sqrt(p + np.float64(0.01)), "1/sqrt(p+0.01)"),
        (lambda p: np.log(p) * np.float32(2), "2*log(p)"),
        (lambda p: functions.pow(p, Fraction(1, 3)), "p**(1/3)"),
        (lambda p: 2**p - +p, "2**p-p"),
        (lambda p: sum((1 - p) ** j / j for j in range(1, 4)), "(1-p)**3/3+0.5*(1-p)**2+1-p"),
        (lambda p: functions.expm1(functions.log1p(-functions.exp(p))), "expm1(log1p(-exp(p)))"),
    ],
)
def test_a_function_is_its_formula(function, text):
    assert traced(function).text == text


@pytest.mark.parametrize(
    ("function", "said"),
    [
        (lambda p: 0 if p < 0.5 else 1, "compares"),
        (lambda p: p if p else 1, "compares"),
        (lambda p: p == 0.5, "compares"),
        (lambda p: max(p, 0.5), "compares"),
        (lambda p: abs(p), "abs"),
        (lambda p: p // 2, "//"),
        (lambda p: float(p), "into a number"),
        (lambda p: mpmath.mp.mpf(p), "expected"),
        (lambda p: np.sin(p), "numpy.sin"),
        (lambda p: list(p), "list"),
        (lambda p: "p", "returns 'p'"),
        (lambda p: None, "returns None"),
        (lambda p: p * 1j, "TypeError"),
        (lambda p: p * float("nan"), "finite numbers"),
        (lambda p: p * True, "TypeError"),
        (lambda p: p * 1e300, "scale the rewards"),
        (lambda p: 1 / 0, "ZeroDivisionError"),
        (lambda: 1, "TypeError"),
        (lambda p: sum(p**j for j in range(1, 999)), "expected a shorter one"),
    ],
)
def test_a_function_that_is_no_formula_is_refused(function, said):
    with pytest.raises(InvalidProblem, match=said):
        traced(function)


def test_a_function_may_keep_what_it_was_called_with():
    seen = {}

    def phi(p):
        return seen.setdefault(p, p * p)

    assert traced(phi).text == "p*p"


@pytest.mark.parametrize("name", ["sqrt", "log", "log1p", "exp", "expm1"])
def test_functions_take_numbers_arrays_balls_and_series(name):
    function = getattr(functions, name)
    assert function(0.5) == pytest.approx(float(getattr(mpmath, name)(0.5)), rel=1e-15)
    assert isinstance(function(2), float)
    assert function(np.array([0.5, 1.0])).shape == (2,)
    assert float(function(arb(0.5))) == pytest.approx(function(0.5), rel=1e-14)
    if name in ("sqrt", "log", "exp"):  # flint's series have these
        assert float(function(arb_series([arb(0.5), 1]))[0]) == pytest.approx(function(0.5))


# Bounds on cost, and the errors.


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "a number, p, a function or \\("),
        ("x+1", "'x' is unknown: expected p, or a function: sqrt"),
        ("sin(p)", "'sin' is unknown"),
        ("__import__('os')", "'__import__' is unknown"),
        ("p.real", "'.' is there"),
        ("p^2", "a power is written \\*\\*"),
        ("(p", "its end is there, expected \\)"),
        ("p)", "expected an operation"),
        ("2p", "expected an operation"),
        ("sqrt p", "expected \\("),
        ("pow(p)", "expected ,"),
        ("p/0", "divides by 0"),
        ("p/(2-2)", "divides by 0"),
        ("p**1025", "exponent 1025"),
        ("p**-9999", "exponent -9999"),
        ("1e101*p", "1e\\+101"),
        ("1e999*p", "scale the rewards"),
        ("1e-999*p", "scale the rewards"),
        ("1e-101*p", "1e-101"),
        ("p" + "+p" * LONGEST_TEXT, f"at most {LONGEST_TEXT} characters"),
        ("+".join(["p"] * (MOST_NODES + 1)), f"more than {MOST_NODES}"),
        ("(" * (DEEPEST + 1) + "p" + ")" * (DEEPEST + 1), f"more than {DEEPEST} levels"),
        ("p" + "**p" * (DEEPEST + 1), f"more than {DEEPEST} powers"),
        ("exp(" * 100 + "p", f"more than {DEEPEST} levels"),
    ],
)
def test_a_bad_expression_is_refused_with_a_repair(text, said):
    with pytest.raises(InvalidProblem, match=said):
        read(text)


@pytest.mark.parametrize("value", [None, 3, b"p", ["p"], 1.5])
def test_what_is_no_text_is_no_expression(value):
    with pytest.raises(InvalidProblem, match="expected a text"):
        read(value)

"""Targets of the caller's own: solved and proved like the named ones, and nothing is claimed beyond that."""

import pickle
import re

import mpmath
import numpy as np
import pytest
from flint import arb
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import FORMULAS, mp_phi

import polyest
from polyest.errors import (
    CorruptTable,
    InvalidProblem,
    NotProved,
    PolyestError,
    TableNotFound,
)
from polyest.functions import log, sqrt
from polyest.precision import working
from polyest.problem.targets import LOG, parse
from polyest.problem.targets.custom import Custom
from polyest.proof.certify import measure

FLOORED = "custom:1/sqrt(p+0.01)"
SAME = {  # the same phi by its name and as an expression
    "log": "custom:log(p)",
    "power:0.5": "custom:sqrt(p)",
    "power:-0.3": "custom:1/p**0.3",
    "power:2.5": "custom:p**2.5",
    "tsallis:0.5": "custom:(p**-0.5-1)/-0.5",
}


@pytest.mark.parametrize("name", SAME)
@pytest.mark.parametrize("K", [1, 5, 14])
def test_an_expression_has_the_brackets_of_the_named_target(name, K):
    entries = polyest.load(K).coefficients
    named, custom = (measure(parse(text), entries, "squared-error") for text in (name, SAME[name]))
    assert custom.bias.upper == pytest.approx(named.bias.upper, rel=1e-13)
    assert custom.bias.lower == pytest.approx(named.bias.lower, rel=1e-13)
    assert custom.squared_error == pytest.approx(named.squared_error, rel=1e-12)
    assert custom.gradient_variance == named.gradient_variance


@pytest.mark.parametrize("name", SAME)
@pytest.mark.parametrize("words", [{"noise": 2}, {"criterion": "variance", "noise": 4}])
def test_an_expression_is_solved_like_the_named_target(name, words):
    named, custom = (polyest.solve(6, text, **words) for text in (name, SAME[name]))
    for bracket in ("bias", "optimum"):
        seen, right = (getattr(table, bracket) for table in (custom, named))
        assert seen.upper == pytest.approx(right.upper, rel=1e-9)
        assert seen.lower == pytest.approx(right.lower, rel=1e-9)
    polyest.verify(custom)


def test_at_the_default_the_log_is_the_log():
    named, custom = polyest.solve(14), polyest.solve(14, "custom:log(p)")
    assert custom.bias.upper == pytest.approx(named.bias.upper, rel=1e-12)
    assert np.abs(custom.coefficients - named.coefficients).max() < 1e-9


@settings(max_examples=15, deadline=None)
@given(FORMULAS, st.integers(1, 8), st.lists(st.floats(-3, 3), min_size=9, max_size=9))
def test_the_bracket_of_the_bias_holds_what_dense_points_find(text, K, entries):
    """The proof against 30 digits of mpmath at points, for any table."""
    target, entries = parse(f"custom:{text}"), np.array(entries[: K + 1])
    bias = measure(target, entries).bias
    with mpmath.workdps(30):
        places = [mpmath.sin(mpmath.pi / 2 * i / 150) ** 2 for i in range(1, 151)]
        errors = [
            abs(
                p
                * (
                    mpmath.fsum(
                        mpmath.mpf(float(c)) * mpmath.binomial(K, k) * p**k * (1 - p) ** (K - k)
                        for k, c in enumerate(entries)
                    )
                    - mp_phi(target.name, p)
                )
            )
            for p in places
        ]
    assert max(errors) <= bias.upper * (1 + 1e-12)
    assert bias.lower <= bias.upper
    assert bias.upper <= float(max(errors)) * 1.01 + 1e-6 * float(np.abs(entries).max() + 1)


@settings(max_examples=100, deadline=None)
@given(FORMULAS, st.integers(1, 30), st.sampled_from([3, 5, 7, 13]), st.floats(-1, 1))
def test_remainders_hold_and_are_small_on_the_cells_of_the_proof(text, k, odd, t):
    target, r = parse(f"custom:{text}"), 2.0**-k
    m = odd * r
    if m + r > 1:
        return
    with working(150):
        coefficients, rest = target.taylor(arb(m), arb(r), 60)
        if not rest.is_finite():
            return
        value, place = arb(0), arb(t)
        for a in reversed(coefficients):
            value = value * place + a
        missed = abs(value - target.ball(arb(m) + arb(r) * place))
        assert missed.lower() <= rest
        assert rest <= max(1, float(abs(target.ball(arb(m))))) * (r / m) ** 60 * 1.001


def test_cells_beyond_what_is_seen_to_be_analytic_have_no_remainder():
    steep = parse("custom:1/(1+1e4*(p-0.5)**2)")  # poles at .5 +- .01 i
    with working(150):
        assert not steep.taylor(arb(0.5), arb(0.125), 30)[1].is_finite()
        assert steep.taylor(arb(0.5), arb(2.0**-10), 30)[1].is_finite()
    bias = measure(steep, np.zeros(3)).bias
    assert bias.lower <= 0.5001 <= 0.51
    p = np.linspace(0.49, 0.51, 20001)
    assert bias.upper == pytest.approx((p / (1 + 1e4 * (p - 0.5) ** 2)).max(), rel=1e-7)


@pytest.mark.parametrize("factor", [float("inf"), float("nan")])
def test_a_remainder_that_is_not_finite_proves_nothing(monkeypatch, factor):
    monkeypatch.setattr(Custom, "taylor", lambda self, m, step, terms: ([arb(0)], arb(factor)))
    with pytest.raises(NotProved, match="not enclosed closely enough around p = "):
        measure(parse(FLOORED), np.ones(3))


def test_a_bound_near_zero_that_is_not_finite_proves_nothing(monkeypatch):
    monkeypatch.setattr("polyest.proof.supremum.MOST_CELLS", 200)
    monkeypatch.setattr(Custom, "near_zero", lambda self, d: (arb("+inf"), arb("+inf")))
    with pytest.raises(NotProved, match="not enclosed closely enough"):
        measure(parse(FLOORED), np.ones(3))


@pytest.mark.parametrize("key", ["bias", "optimum"])
@pytest.mark.parametrize("end", ["lower", "upper"])
def test_spoiled_claims_of_an_expression_are_refused(key, end):
    line = polyest.dumps(polyest.solve(4, FLOORED))
    (seen,) = re.findall(rf'"{key}": \{{.*?"{end}": "([^"]+)"', line)
    spoiled = line.replace(
        f'"{seen}"', f'"{float(seen) * (1 + (1e-6 if end == "lower" else -1e-6))!r}"'
    )
    assert spoiled != line
    polyest.verify(polyest.loads(line))
    with pytest.raises(NotProved):
        polyest.verify(polyest.loads(spoiled))


def test_another_expression_in_the_line_is_refused():
    line = polyest.dumps(polyest.solve(4, FLOORED))
    with pytest.raises(NotProved):
        polyest.verify(polyest.loads(line.replace("p+0.01", "p+0.010000001")))


def test_no_theorem_of_bends_is_claimed_of_an_expression():
    target = parse("custom:log(p)")
    assert (target.most_bends(9), target.alternates(9), target.direction) == (None, False, 1)
    assert (target.degree, target.entries(9), target.least_draws) == (None, None, 1)
    assert target != LOG


def test_a_subclass_inherits_no_theorem_and_no_name_of_another_phi():
    class Other(Custom):
        def ball(self, p):
            return p

    other = Other(expression="1-p")
    assert (other.name, other.degree, other.most_bends(3)) == ("Other", None, None)
    with pytest.raises(NotProved, match="does not say its taylor"):
        other.taylor(arb(0.5), arb(0.1), 9)


@pytest.mark.parametrize("name", ["custom:1-p", "custom:(1-(1-p)**4)/p", "custom:p**3/p"])
def test_an_expression_that_is_a_polynomial_is_met_without_bias(name):
    for criterion in ("minimax", "gradient-variance"):
        table = polyest.solve(5, name, criterion=criterion)
        assert table.bias.upper < 1e-15
        polyest.verify(table)
    assert (
        polyest.solve(2, "custom:p**3", criterion="minimax").bias
        == polyest.solve(2, "power:3", criterion="minimax").bias
    )


# Python functions.


def test_a_function_is_solved_and_used_but_not_written():
    target = polyest.Target.custom(lambda p: 1 / sqrt(p + 0.01), name="floored")
    assert isinstance(target, polyest.Target)
    table, stored = polyest.solve(5, target), polyest.solve(5, FLOORED)
    assert table.target == "floored"
    assert table.coefficients.tolist() == stored.coefficients.tolist()
    assert (table.bias, table.optimum) == (stored.bias, stored.optimum)
    assert table[[0, 5]].shape == (2,)
    assert pickle.loads(pickle.dumps(table)) == table
    polyest.verify(table)
    with pytest.raises(InvalidProblem, match=re.escape(f"solve for the target {FLOORED!r}")):
        polyest.dumps(table)


def test_a_function_without_a_name_has_its_own():
    def steep(p):
        return log(p) - p

    assert polyest.Target.custom(steep).name == "steep"
    assert polyest.Target.custom(lambda p: log(p)).name == "<lambda>"
    assert polyest.Target.custom("(p)**-.5").name == "custom:1/sqrt(p)"


@pytest.mark.parametrize(
    ("phi", "name", "said"),
    [
        (lambda p: p + 1, "log", "is that of another target"),
        (lambda p: p + 1, "custom:p", "is that of another target"),
        (lambda p: p + 1, "", "expected a text of 1 to 60"),
        (lambda p: p + 1, 3, "expected a text of 1 to 60"),
        (lambda p: p + 1, "x" * 61, "expected a text of 1 to 60"),
        ("1+p", "mine", "leave the name out"),
        (3, None, "expected a function of p"),
        (lambda p: 2, None, "does not depend on p"),
        (lambda p: 1 if isinstance(p, float) else p, None, "expected one formula for floats"),
        (lambda p: p.sqrt(), None, "works on floats"),
        (lambda p: 1 / (p - 0.5), None, "not finite at p = 0.5"),
        (lambda p: 1 / p, None, "like p\\*\\*-1"),
    ],
)
def test_a_bad_function_is_refused_with_a_repair(phi, name, said):
    with pytest.raises(PolyestError, match=said) as caught:
        polyest.Target.custom(phi, name)
    assert isinstance(caught.value, InvalidProblem | NotProved)


def test_a_text_that_is_not_canonical_is_no_target():
    with pytest.raises(InvalidProblem, match="is written 'p\\+1'"):
        Custom(expression="1+p")


# Functions that are not finite and smooth on (0, 1], or for which p phi does not vanish at 0.


@pytest.mark.parametrize(
    ("text", "error", "said"),
    [
        ("3", InvalidProblem, "does not depend on p"),
        ("q", InvalidProblem, "'q' is unknown"),
        ("1/(p-0.5)", InvalidProblem, "not finite at p = 0.5"),
        ("1/(p-0.3)", NotProved, "around p = 0.3"),
        ("log(1-p)", InvalidProblem, "not finite at p = 1"),
        ("1/(1-p)", InvalidProblem, "not finite at p = 1"),
        ("sqrt(1-p)", NotProved, "around p = 1"),
        ("sqrt((p-0.5)**2)", NotProved, "around p = 0.5"),
        ("sqrt(p-0.1)", NotProved, "near p = 0"),
        ("log(-p)", NotProved, "near p = 0"),
        ("1/p", NotProved, "like p\\*\\*-1"),
        ("1/(p*log(p)**2)", NotProved, "like p\\*\\*-1"),
        ("p**-1.5", NotProved, "like p\\*\\*-1.5"),
        ("exp(1/p)", NotProved, "near p = 0"),
        ("(exp(p)-1)/p", NotProved, "write expm1"),
        ("exp(300*p)", InvalidProblem, "beyond 1e\\+100"),
        ("exp(exp(exp(9*p)))", InvalidProblem, "scale the rewards|be computed"),
    ],
)
def test_a_function_that_cannot_be_used_is_refused_before_anything_is_solved(text, error, said):
    with pytest.raises(error, match=said) as caught:
        polyest.solve(5, f"custom:{text}")
    assert "\n" not in str(caught.value)
    assert "expected" in str(caught.value)
    with pytest.raises(error):
        measure(parse(f"custom:{text}"), np.ones(3))


@pytest.mark.parametrize("K", [1, 6])
@pytest.mark.parametrize(
    "text", ["log(p)**3", "exp(-1/p)", "p**p", "1/p**0.9", "log(log(1/p)+1)", "expm1(-50*p)/p"]
)
def test_functions_steep_at_zero_are_solved_and_proved(text, K):
    table = polyest.solve(K, f"custom:{text}", noise=2)
    assert table.optimum.width < 1e-6
    polyest.verify(polyest.loads(polyest.dumps(table)))


def test_moments_hold_those_of_the_named_target_and_are_sharp():
    for name in SAME:
        with working(160):
            pairs = [*zip(parse(name).moments(9), parse(SAME[name]).moments(9), strict=True)]
            assert all(exact.overlaps(held) and held.rad() < 1e-25 for exact, held in pairs)


# Lines of files.


def test_a_line_with_an_expression_has_schema_2_and_others_schema_1():
    stored = polyest.solve(3, "custom:(p+1e-2)**-.5")
    line = polyest.dumps(stored)
    assert line.startswith('{"schema": 2, "release": null, "target": "custom:1/sqrt(p+0.01)"')
    assert polyest.loads(line) == stored
    assert polyest.dumps(polyest.loads(line)) == line
    assert polyest.dumps(polyest.solve(3)).startswith('{"schema": 1, ')


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"schema": 2', '"schema": 1'),
        ("p+0.01", "p + 0.01"),
        ("p+0.01", "0.01+p"),
        ("p+0.01", "q+0.01"),
        ("1/sqrt(p+0.01)", "exec(p)"),
        ("1/sqrt(p+0.01)", "1"),
        (FLOORED, "log"),
        (FLOORED, "custom:" + "(" * 10000),
        (FLOORED, "custom:" + "9" * 10**6),
    ],
)
def test_a_spoiled_line_is_refused(old, new):
    line = polyest.dumps(polyest.solve(3, FLOORED))
    with pytest.raises(CorruptTable):
        polyest.loads(line.replace(old, new, 1))


@pytest.mark.parametrize("name", ["../v1/log", "/etc/passwd", "mine"])
def test_no_released_file_is_found_by_a_name_of_ones_own(name):
    for target in (polyest.Target.custom(lambda p: p + 1, name), "custom:1/sqrt(p+0.01)"):
        with pytest.raises(TableNotFound, match=r"released are tables of log and tsallis:0\.5"):
            polyest.load(14, target=target)

"""What duality proves of a formula without a theorem: least bias, budgets, shapes and frontiers."""

import numpy as np
import pytest
from copies import replace
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

import polyest
from polyest import frontier
from polyest.errors import InvalidProblem, NotConverged, NotProved
from polyest.problem.bernstein import pmf
from polyest.problem.shapes import SHAPES
from polyest.problem.targets import parse


@pytest.mark.parametrize(
    "words", [{"criterion": "minimax"}, {"bias": 0.1}, {"criterion": "variance", "bias_ratio": 2}]
)
def test_what_duality_bounds_is_what_the_theorems_of_the_log_say(words):
    ours, theirs = (polyest.solve(5, name, **words) for name in ("custom:log(p)", "log"))
    assert ours.optimum.lower == pytest.approx(theirs.optimum.lower, rel=1e-6)
    assert ours.optimum.upper == pytest.approx(theirs.optimum.upper, rel=1e-6)
    assert ours.bias.upper == pytest.approx(theirs.bias.upper, rel=1e-9)
    polyest.verify(ours)


@pytest.mark.parametrize("formula", ["1/sqrt(p+0.01)", "1/(1+25*(p-0.5)**2)", "p*exp(-3*p)"])
@pytest.mark.parametrize("K", [2, 5, 16])
def test_the_bracket_of_the_least_bias_is_narrow_and_a_linear_program_finds_no_less(formula, K):
    table = polyest.solve(K, f"custom:{formula}", criterion="minimax")
    assert table.optimum.width < 1e-9
    p = np.sin(np.linspace(0, np.pi / 2, 40 * (K + 2) + 1)[1:]) ** 2
    A, f = p[:, None] * pmf(K, p), table.problem.target.weighted(p)
    one = np.ones((p.size, 1))
    G = np.vstack([np.hstack([A, -one]), np.hstack([-A, -one])])
    cost = np.append(np.zeros(K + 1), 1.0)
    solved = linprog(cost, G, np.concatenate([f, -f]), bounds=(None, None), method="highs-ds")
    assert solved.fun <= table.optimum.upper + 1e-7 * abs(f).max()
    assert solved.fun >= table.optimum.lower * (1 - 2e-2) - 1e-7 * abs(f).max()
    polyest.verify(table)


def test_where_the_exchange_ends_elsewhere_nothing_is_returned():
    """At K = 1 the error of this bump has more extrema than a line levels: a wide bracket, and a true one."""
    bump = "custom:1/(1+25*(p-0.5)**2)"
    with pytest.raises(NotConverged, match=r"remez encloses the optimum in 0\.1436.* \.\. 0\.1556"):
        polyest.solve(1, bump, criterion="minimax")
    assert 0.1436 < polyest.solve(1, bump).optimum.lower < 0.1556


@pytest.mark.parametrize("spoil", ["lower", "upper", "point"])
def test_a_spoiled_claim_of_the_least_bias_is_refused(spoil):
    table = polyest.solve(4, "custom:1/sqrt(p+0.01)", criterion="minimax")
    claims, points = table.certificate, table.witness.points
    optimum = claims.optimum
    if spoil == "point":
        altered = replace(
            table, witness=replace(table.witness, points=(points[0] * 1.01, *points[1:]))
        )
    else:
        end = {spoil: getattr(optimum, spoil) * (1 + 1e-13)}
        altered = replace(table, claims=replace(claims, optimum=replace(optimum, **end)))
    with pytest.raises(NotProved, match="optimum"):
        polyest.verify(altered)


@pytest.mark.parametrize("formula", ["exp(-p)", "exp(p*p)", "log1p(p)"])
@pytest.mark.parametrize("K", [8, 16, 40])
@pytest.mark.parametrize("words", [{"criterion": "minimax"}, {}])
def test_very_smooth_formulas_have_their_table(formula, K, words):
    """float64 sees no error of 1e-26; steps in balls do, and what is stored is exact to rounding."""
    table = polyest.solve(K, f"custom:{formula}", **words)
    assert table.optimum.lower <= table.bias.upper <= table.optimum.lower * 1.001 + 3e-16
    assert table.optimum.lower > 0
    polyest.verify(table)


@pytest.mark.parametrize("named", [True, False])
def test_an_expression_and_a_function_have_a_frontier(named):
    target = polyest.Target.custom(lambda p: 1 / (p + 0.05) ** 0.5, name="mine" if named else "own")
    curve = frontier.sweep(4, target, budgets=(1, 4, 1000))
    assert curve.reached
    biases = [point.table.bias.upper for point in curve.points]
    assert biases == sorted(biases, reverse=True)
    assert curve.least.lower <= biases[-1] <= curve.least.upper * (1 + 1e-6)
    points, _ = frontier.marks(4, target)
    assert {"plug_in", "minimax", "blocks"} <= {point.series for point in points}
    assert all(point.table.bias.upper >= curve.least.lower for point in points)


# The direction, and with it a shape.


@pytest.mark.parametrize(
    ("formula", "sign"),
    [
        ("log(p)", 1), ("1/sqrt(p+0.01)", -1), ("exp(-p)", -1), ("log1p(p)", 1), ("p**0.3", 1),
        ("p**-0.5", -1), ("p**3-p", None), ("p**3+p", 1), ("sqrt(p)*log(p)", None),
        ("p*exp(-3*p)", None), ("p*exp(-p/2)", 1), ("1/(1+25*(p-0.5)**2)", None),
        ("exp(log(p)*0.5)", 1), ("-log(p+0.05)", -1), ("expm1(p)", 1),
    ],
)  # fmt: skip
def test_the_direction_is_what_the_derivative_says(formula, sign):
    target = parse(f"custom:{formula}")
    assert target.direction == sign
    p = np.linspace(1e-3, 1, 2000)
    slopes = np.diff(target.phi(p))
    if sign is not None:
        assert (sign * slopes > 0).all()


@settings(deadline=None)
@given(st.integers(1, 300).map(lambda n: n / 100), st.integers(-300, 300).map(lambda n: n / 100))
def test_no_direction_is_proved_of_what_turns(a, b):
    """phi = exp(-a p) + b p turns where b = a exp(-a p), at some p of (0, 1) or not."""
    turns = a * np.exp(-a) < b < a
    if abs(b - a) > 1e-3 and abs(b - a * np.exp(-a)) > 1e-3:
        target = parse(
            f"custom:exp(-{a!r}*p)+{b!r}*p" if b >= 0 else f"custom:exp(-{a!r}*p)-{-b!r}*p"
        )
        assert target.direction == (None if turns else 1 if b > a / 2 else -1)


@pytest.mark.parametrize("shape", SHAPES)
def test_an_expression_that_rises_has_tables_with_a_shape(shape):
    ours, theirs = (
        polyest.solve(9, name, criterion="minimax", shape=shape)
        for name in ("custom:log(p)", "log")
    )
    assert ours.optimum.lower == pytest.approx(theirs.optimum.lower, rel=1e-9)
    assert polyest.loads(polyest.dumps(ours)) == ours
    falling = polyest.solve(9, "custom:1/sqrt(p+0.01)", noise=2, shape=shape)
    assert (np.diff(falling.coefficients) <= 0).all()
    polyest.verify(falling)
    with pytest.raises(InvalidProblem, match="is not known to rise or to fall throughout"):
        polyest.solve(5, "custom:p*exp(-3*p)", criterion="minimax", shape=shape)

"""Every target of the registry: floats, balls, Taylor remainders, moments and theorems; what is refused."""

import copy
import pickle
from importlib import import_module
from itertools import pairwise
from pathlib import Path

import mpmath
import numpy as np
import pytest
from flint import arb, arb_poly
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import quad
from strategies import DEFINED, EVERY, TARGETS, mp_phi

import polyest
from polyest.errors import InvalidProblem, NotProved
from polyest.precision import working
from polyest.problem.bernstein import expectation, pmf
from polyest.problem.targets import LOG, WRITTEN, Target, parse
from polyest.problem.targets.target import FUNCTION, THEOREMS, WORDS

NAMES = (
    "log",
    "power:0.5",
    "power:-0.5",
    "power:2",
    "tsallis:0.5",
    "tsallis:2.5",
    "polynomial:1,-2,3",
    "custom:1/sqrt(p+0.01)",
)
PLACES = st.floats(1e-9, 1.0)


def test_every_word_of_the_registry_is_among_the_tests_and_the_other_way_round():
    assert set(DEFINED) == set(WRITTEN) == {name.partition(":")[0] for name in NAMES}


@pytest.mark.parametrize("word", WRITTEN)
def test_a_target_is_a_class_in_the_file_of_its_word(word):
    home = import_module(f"polyest.problem.targets.{word}")
    classes = [x for x in vars(home).values() if isinstance(x, type) and issubclass(x, Target)]
    assert [x.__name__.lower() for x in classes if x is not Target] == [word]
    assert WRITTEN[word].partition(":")[0] == word


@pytest.mark.parametrize("form", WRITTEN.values())
def test_every_target_is_on_the_page_and_in_the_docstring_of_solve(form):
    page = Path(polyest.__file__).parents[1] / "docs" / "howto" / "choose.md"
    assert f"`{form}`" in page.read_text()
    assert form in polyest.solve.__doc__


@given(EVERY)
def test_name_pickle_hash_and_copies_give_the_same_target(name):
    target = parse(name)
    for same in (
        parse(target.name), parse(target), pickle.loads(pickle.dumps(target)), copy.deepcopy(target),
    ):  # fmt: skip
        assert same == target
        assert (same.name, hash(same), type(same)) == (target.name, hash(target), type(target))
    assert target != LOG or name == "log"


@pytest.mark.parametrize("name", NAMES)
def test_name_reads_back(name):
    assert parse(name).name == name
    assert parse(parse(name)) == parse(name)


@settings(max_examples=200, deadline=None)
@given(EVERY, PLACES)
def test_floats_and_balls_are_phi_by_its_definition(name, p):
    target = parse(name)
    with mpmath.workdps(60), working(150):
        right = mp_phi(name, mpmath.mpf(p))
        assert (arb(str(right)) - target.ball(arb(p))).contains(0)
        # what float64 may lose: in a power about an ulp of its exponent times log p
        size = float(abs(right)) + sum(abs(a) for a in target.parameters) + 1
        room = 1e-15 * (20 + abs(target.exponent) * float(-mpmath.log(p)))
        if name.startswith("custom"):  # sums that cancel, and powers of them
            room = 1e-12
        if target.exponent and name.startswith("tsallis"):
            size /= min(1, abs(target.exponent))
        assert abs(float(target.phi(p)) - float(right)) <= room * size
        assert float(target.weighted(p)) == pytest.approx(p * float(target.phi(p)), rel=1e-15)


@settings(max_examples=100, deadline=None)
@given(EVERY, PLACES)
def test_jets_are_derivatives_and_floats_agree(name, p):
    target, step = parse(name), mpmath.mpf(p) / 2**60
    with mpmath.workdps(100):
        low, middle, high = (mp_phi(name, mpmath.mpf(p) + i * step) for i in (-1, 0, 1))
        first = (high - low) / (2 * step)
        second = (high - 2 * middle + low) / step**2
    with working(150):
        jet = target.jet(arb(p))
    slopes = target.slopes(p)
    size = 1 + sum(abs(a) * m * m for m, a in enumerate(target.parameters, 2))
    for ball, seen, order in ((jet[1], first, 1), (jet[2], second, 2)):
        assert float(ball) == pytest.approx(float(seen), rel=1e-9, abs=1e-9 * size)
        assert float(slopes[order - 1]) == pytest.approx(float(ball), rel=1e-10, abs=1e-10 * size)
    assert (jet[0] - target.ball(arb(p))).contains(0)


@settings(max_examples=150, deadline=None)
@given(EVERY, st.floats(1e-6, 1), st.floats(0.01, 0.6), st.integers(0, 30), st.floats(-1, 1))
def test_taylor_polynomial_and_remainder_enclose_phi_on_the_cell(name, m, rho, more, t):
    target = parse(name)
    terms = max(1, int(np.ceil(target.exponent))) + more
    step = min(rho * m, 1 - m) if m < 1 else rho * m / 2
    coefficients, rest = target.taylor(arb(m), arb(step), terms)
    missed = abs(arb_poly(coefficients)(arb(t)) - target.ball(arb(m) + arb(step) * t))
    assert missed.lower() <= rest.upper()
    assert len(coefficients) <= terms or name.startswith("custom")


@pytest.mark.parametrize("name", NAMES)
def test_many_taylor_terms_leave_nothing(name):
    assert parse(name).taylor(arb(0.375), arb(0.125), 30)[1] < 1e-13


def test_taylor_remainder_is_not_generous():
    rest = parse("log").taylor(arb(0.5), arb(0.25), 10)[1]
    missed = abs(
        arb_poly(parse("log").taylor(arb(0.5), arb(0.25), 10)[0])(arb(-1)) - arb(0.25).log()
    )
    assert missed < rest < 4 * missed


@pytest.mark.parametrize("name", ["power:5.5", "tsallis:6.5"])
def test_a_taylor_polynomial_short_of_the_exponent_is_refused(name):
    with pytest.raises(ValueError, match="do not reach beyond the exponent 5"):
        parse(name).taylor(arb(0.5), arb(0.1), 4)


@settings(max_examples=150, deadline=None)
@given(EVERY, st.floats(1e-12, 0.125), st.floats(1e-9, 1))
def test_bounds_near_zero_hold_and_are_infinite_where_not_known(name, d, share):
    target, p = parse(name), arb(share) * arb(d)
    first, second = target.near_zero(arb(d))
    phi = target.ball(p)
    assert not p * abs(phi) > first
    assert not p * phi * phi > second
    assert second.is_finite() == (target.exponent >= -0.5)
    assert not target.near_zero(arb(0.25))[0].is_finite()


@given(EVERY)
def test_weighted_value_vanishes_at_zero(name):
    zero, one = parse(name).weighted([0.0, 1.0]).tolist()
    assert zero == 0
    assert one == pytest.approx(
        float(parse(name).phi(1.0)), rel=1e-11, abs=1e-11
    )  # loops of numpy round differently


@pytest.mark.parametrize(
    "name", ["log", "power:0.5", "tsallis:0.5", "polynomial:1,-2,3", "power:-0.5"]
)
def test_moments_are_the_integrals_they_say(name):
    target, K = parse(name), 4
    for k, moment in enumerate(target.moments(K)):
        seen = quad(lambda p, k=k: float(target.weighted(p)) * pmf(K, p)[0, k], 0, 1)[0]
        assert float(moment) == pytest.approx(seen, abs=1e-10)


WHOLE = st.one_of(
    TARGETS.filter(lambda name: name.startswith("polynomial")),
    st.integers(0, 12).map(lambda a: f"power:{a}"),
    st.integers(2, 12).map(lambda q: f"tsallis:{q}"),
)


@settings(max_examples=80, deadline=None)
@given(WHOLE, st.integers(0, 4), st.fractions(0, 1, max_denominator=50))
def test_entries_of_a_polynomial_are_unbiased_in_rationals(name, more, p):
    target = parse(name)
    degree = target.degree
    mean = expectation(target.entries(degree + more), p)
    with mpmath.workdps(60):
        right = mp_phi(name, mpmath.mpf(p.numerator) / p.denominator)
        assert mpmath.almosteq(mpmath.mpf(mean.numerator) / mean.denominator, right, 1e-45, 1e-45)
    assert mean == sum(a * p**m for m, a in enumerate(target.powers()))
    assert degree == 0 or target.entries(degree - 1) is None


@pytest.mark.parametrize("name", ["log", "power:0.5", "power:-0.5", "tsallis:0.5", "tsallis:2.5"])
def test_what_is_no_polynomial_has_no_unbiased_entries(name):
    assert (parse(name).degree, parse(name).entries(50)) == (None, None)


@settings(max_examples=100, deadline=None)
@given(EVERY)
def test_phi_goes_in_the_direction_it_says(name):
    target = parse(name)
    values = [mp_phi(name, mpmath.mpf(i) / 64) for i in range(1, 65)]
    steps = [b - a for a, b in pairwise(values)]
    if target.direction is None:
        assert name.startswith(("polynomial", "custom"))
    else:
        assert all(step * target.direction >= -1e-12 for step in steps)
        assert target.direction or all(abs(step) < 1e-12 for step in steps)


def test_directions():
    said = {
        "log": 1, "power:0.5": 1, "power:-0.5": -1, "power:0": 0, "tsallis:0.5": 1, "tsallis:3": 1,
        "polynomial:1,-1": -1, "polynomial:2": 0, "polynomial:0,1,1": 1, "polynomial:0,1,-1": None,
    }  # fmt: skip
    assert {name: parse(name).direction for name in said} == said


def test_integer_powers_are_polynomials():
    assert parse("power:3").degree == 3
    assert parse("tsallis:3").degree == 2
    assert parse("power:0.5").degree is None
    assert [float(c) for c in parse("tsallis:2").entries(4)] == [-1, -0.75, -0.5, -0.25, 0]
    assert parse("polynomial:1,0,0").name == "polynomial:1"


@pytest.mark.parametrize(
    ("name", "repair"),
    [
        ("logarithm", "use log, power:A"),
        ("log:2", "use log, power:A"),
        ("power", "needs finite numbers"),
        ("power:nan", "needs finite numbers"),
        ("power:1,2", "takes one number"),
        ("power:-1", "exponent above -1"),
        ("tsallis:1", "use the target log"),
        ("tsallis:0", "q above 0"),
        ("polynomial:1,x", "needs finite numbers"),
        ("target", "use log, power:A"),  # a file of the package, but no word
        ("numerals:1", "use log, power:A"),
        (None, "use log, power:A"),
    ],
)
def test_a_bad_target_is_refused_with_a_repair(name, repair):
    with pytest.raises(InvalidProblem, match=repair):
        parse(name)


# A subclass: what it says is believed, and nothing that its parent said of another phi.


def called(target, name):
    """What a target says of `name`, or NotProved."""
    arguments = {
        "taylor": (arb(0.5), arb(0.1), 9), "near_zero": (arb(0.1),), "moments": (3,), "entries": (9,),
        "most_bends": (9,), "alternates": (9,), "powers": (),
    }  # fmt: skip
    said = getattr(target, name)
    if not callable(said):
        return said
    return said(*arguments.get(name, (arb(0.5),) if name in ("ball", "jet") else (0.5,)))


ONE_OF_EACH = {"log": (), "power": (2.0,), "tsallis": (3.0,), "polynomial": (0.0, 1.0)}
NEEDED = [name for name in FUNCTION if name not in ("weighted", "exponent")]  # those have defaults


@pytest.mark.parametrize("name", NEEDED)
@pytest.mark.parametrize("word", ONE_OF_EACH)
def test_a_subclass_with_another_phi_inherits_nothing_of_the_old_one(word, name):
    parent = type(parse(NAMES[[n.partition(":")[0] for n in NAMES].index(word)]))
    other = type("Other", (parent,), {name: lambda self, *rest: "said"})(ONE_OF_EACH[word])
    mixed = type("Mixed", (type("Mixin", (), {name: lambda self, *rest: "said"}), parent), {})
    for target in (other, mixed(ONE_OF_EACH[word])):
        assert called(target, name) == "said"
        assert (target.name, target.written("p")) == (type(target).__name__, "phi(p)")
        assert target.exponent == 0
        for unsaid in NEEDED:
            if unsaid != name:
                with pytest.raises(
                    NotProved, match=f"does not say its {unsaid}: define {unsaid} in"
                ):
                    called(target, unsaid)
        assert (target.degree, target.entries(9), target.direction) == (None, None, None)
        assert (target.most_bends(9), target.alternates(9)) == (None, False)


@pytest.mark.parametrize("word", ONE_OF_EACH)
def test_a_subclass_with_the_same_phi_inherits_it_but_no_theorem(word):
    parent = type(parse(NAMES[[n.partition(":")[0] for n in NAMES].index(word)]))
    plain = parent(ONE_OF_EACH[word])
    same = type("Same", (parent,), {})(ONE_OF_EACH[word])
    assert same != plain
    assert same.name == plain.name
    for name in NEEDED:
        assert str(called(same, name)) == str(called(plain, name))
    assert plain.alternates(9)
    assert (same.most_bends(9), same.alternates(9), same.direction) == (None, False, None)
    assert (same.degree, same.entries(9), same.least_draws) == (None, None, 1)
    with pytest.raises(NotProved, match="does not say its powers"):
        same.powers()
    named = type("More", (type("Named", (parent,), {"name": "mine"}),), {})(ONE_OF_EACH[word])
    assert (named.name, named.written("p")) == ("mine", plain.written("p"))
    assert str(called(named, "jet")) == str(called(plain, "jet"))
    grandchild = type("More", (type("Says", (parent,), {"most_bends": lambda self, K: K}),), {})
    assert grandchild(ONE_OF_EACH[word]).most_bends(9) is None


def test_every_theorem_is_one_that_a_target_has():
    assert all(hasattr(Target, name) for name in (*FUNCTION, *WORDS, *THEOREMS))
    said = {name for name in vars(Target) if not name.startswith("_")} - {"parameters"}
    assert said == {*FUNCTION, *WORDS, *THEOREMS, "check"}


def test_a_table_of_a_class_of_ones_own_is_not_written_under_anothers_name():
    class Same(type(LOG)):
        def most_bends(self, K):
            return K

    table = polyest.solve(3, Same(), criterion="minimax")
    assert table.bias == polyest.solve(3, "log", criterion="minimax").bias
    with pytest.raises(
        InvalidProblem, match="not the target that a file names log: expected a target"
    ):
        polyest.dumps(table)

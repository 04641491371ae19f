"""Rewards on the dyadic grid: rounded in float64, exact in float32 sums, off by no more than is claimed."""

import pickle
import warnings
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import polyest
from polyest import closed_forms, rewards
from polyest.errors import InvalidReward, NotPromised, RuinedByRounding
from polyest.proof.certify import measure
from polyest.rewards import dyadic
from polyest.tables import release
from polyest.tables.format import K_of

LISTED = 128  # the K up to which a claim is held against the exact certificate
PATHS = [path for folder in release.folders() for path in sorted(Path(folder).glob("*.jsonl"))]
FAMILIES = {path.stem: path for path in PATHS if "universal" not in path.stem}


def every_count(G):
    """Answers (G - 1, G) in which each count of 1..G-1 occurs, and their index."""
    return np.array([[0] * X + list(range(1, G - X + 1)) for X in range(1, G)])


def paid_by_count(table, G, beta):
    """Rewards of the counts 0..K, K = G - 2."""
    return rewards.log_probability(every_count(G), table=table, beta=beta, dyadic=True)[:, 0]


def at_the_edge(group, k, below):
    """A size whose sums are just below 2^24 steps, where rounding it up would be too much."""
    return 2**24 / group * 2.0**k * (1 - below)


@given(
    group=st.integers(1, 4096),
    most=st.floats(2.0**-16, 1e30)
    | st.builds(at_the_edge, st.integers(1, 99), st.integers(-16, 60), st.floats(0, 1e-7)),
    shares=st.lists(st.floats(-1, 1), min_size=1, max_size=9),
)
@example(group=6, most=2796202.6, shares=[0.5])
def test_sums_are_exact_the_step_is_the_greatest_and_nothing_moves_by_more_than_half(
    group, most, shares
):
    paid = np.array([most, *(most * share for share in shares)])
    h = dyadic.step(most, group)
    rounded = dyadic.on_grid(paid, most, group)
    assert np.array_equal(rounded, rounded.astype(np.float32)) or most > 1e29
    assert (np.abs(rounded - paid) <= h / 2).all()
    wholes = [Fraction(float(x)) / Fraction(h) for x in rounded]
    assert all(m.denominator == 1 for m in wholes)
    assert group * max(map(abs, wholes)) <= 2**24
    assert h == 2.0**-16 or group * round(Fraction(most) * 2 / Fraction(h)) > 2**24


@pytest.mark.parametrize("below", [0.0, 1e-9, 1e-8, 1e-7])
def test_the_greatest_reward_moves_by_no_more_than_half_a_step_either(below):
    for group in range(1, 300):
        most = at_the_edge(group, 0, below)
        assert (
            abs(dyadic.on_grid(np.array(most), most, group) - most) <= dyadic.step(most, group) / 2
        )


def test_rewards_too_small_for_the_grid_are_a_named_error_and_zeros_are_none():
    with pytest.raises(InvalidReward, match="vanish on the dyadic grid"):
        dyadic.step(2.0**-17, 4)
    assert dyadic.on_grid(np.zeros(3), 0.0, 4).tolist() == [0.0] * 3
    assert rewards.polynomial([[1, 1, 2, 3]], [0.0], dyadic=True).tolist() == [[0.0] * 4]


def worst(table, group, beta):
    """How the certificate of what is paid, divided by beta, stands to the claim: at most 1 twice."""
    paid = beta * table.coefficients
    h = dyadic.step(float(np.abs(paid).max()), group)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuinedByRounding)
        entries = dyadic.of_table(table, paid, beta, group) / beta
    exact = measure(table.problem.target, entries)
    bias, noise = dyadic.claimed(table.certificate, h, beta)
    return exact.bias.upper / bias, exact.gradient_variance / noise


def held(tables):
    for table in tables:
        for beta in (1.0, 0.1) if table.K <= 32 else (0.1,):  # of which the term is the greater
            assert max(worst(table, table.K + 2, beta)) <= 1, (table, beta)


def test_no_claim_of_what_is_paid_is_exceeded():
    held(polyest.load(K) for K in (1, 2, 3, 7, 14, 30, 62))
    held(polyest.load(K, criterion="minimax") for K in (2, 14))


@pytest.mark.slow
@pytest.mark.parametrize("name", FAMILIES)
def test_no_claim_of_what_is_paid_is_exceeded_by_any_released_table(name):
    lines = FAMILIES[name].read_bytes().splitlines()
    held(polyest.loads(line) for line in lines if K_of(line) <= LISTED)


def test_without_its_term_the_claim_would_be_exceeded():
    """The test above would fail if the claim lacked the term."""
    table = polyest.load(62)
    bias, noise = worst(table, 64, 0.1)
    term = [
        claim / own
        for claim, own in zip(
            dyadic.claimed(table.certificate, 2.0**-16, 0.1),
            (table.bias.upper, table.gradient_variance),
            strict=True,
        )
    ]
    assert bias * term[0] > 1
    assert noise * term[1] > 1


@pytest.mark.parametrize("beta", [1.0, 0.1, 0.37, 30.0])
@pytest.mark.parametrize("group", [3, 4, 16, 32])
def test_a_table_on_a_grid_for_the_group_is_paid_as_it_is(group, beta):
    table = polyest.load(group - 2).rounded("dyadic", group=group, beta=beta)
    paid = paid_by_count(table, group, beta)
    assert np.array_equal(paid, (beta * table.coefficients).astype(np.float32))
    coarser = polyest.load(group - 2).rounded("dyadic", group=4 * group, beta=beta)
    assert np.array_equal(
        paid_by_count(coarser, group, beta), (beta * coarser.coefficients).astype(np.float32)
    )


def test_one_on_another_grid_too_and_it_is_said_where_its_sums_are_not_exact():
    table = polyest.load(14).rounded("float32")
    with pytest.warns(NotPromised, match="float32 sums of 16 of its rewards are not exact"):
        paid = paid_by_count(table, 16, 1.0)
    assert np.array_equal(paid, table.coefficients)


def test_rounding_that_ruins_a_table_is_said():
    with pytest.warns(RuinedByRounding, match=r"beta = 0\.0001 .* use a greater beta"):
        rewards.log_probability(every_count(64), beta=1e-4, dyadic=True)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        rewards.log_probability(every_count(64), beta=1.0, dyadic=True)


def test_the_universal_table_is_rounded_too():
    paid = rewards.log_probability(np.arange(1100)[None] // 7, dyadic=True)
    assert np.array_equal(paid * 2.0**14, np.round(paid * 2.0**14))


def test_closed_forms_are_not_proved_for_it(monkeypatch):
    monkeypatch.setattr("polyest.proof.certify.measure", None)
    for name in ("harmonic", "jackknife", "schuermann"):
        assert np.isfinite(rewards.log_probability([[1, 1, 2, 3]], table=name, dyadic=True)).all()
    table = closed_forms.harmonic(6)
    assert table == closed_forms.harmonic(6) != closed_forms.jackknife(6)
    assert "sup|bias|" not in repr(table)
    assert pickle.loads(pickle.dumps(table)) == table
    with pytest.raises(TypeError):
        table.certificate  # noqa: B018 (which is what asks)

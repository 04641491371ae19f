"""Grids: every number is rounded to the nearest, and dyadic rewards sum exactly in float32."""

from fractions import Fraction

import numpy as np
import pytest
import torch

import polyest
from polyest.errors import InvalidProblem
from polyest.problem.grids import (
    BEYOND,
    WHOLE,
    Rounding,
    asked,
    largest_group,
    loss,
    nearest,
    on_grid,
    parse_grid,
)

BFLOAT16 = (np.arange(0x7F80, dtype=np.uint32) << 16).view(np.float32).astype(float)  # all >= 0
RNG = np.random.default_rng(7)
FLOAT32 = RNG.integers(0, 0x7F800000, 40000, dtype=np.uint32).view(np.float32).astype(float)
TRICKY = np.array([
    0.0, 5e-324, 1e-300, 2.0**-150, 2.0**-149 * 1.5, 2.0**-134, 2.0**-133 * 2.5, 2.0**-126,
    1 + 2.0**-24, 1 + 3 * 2.0**-24, 1 + 2.0**-24 + 2.0**-52, 1 + 2.0**-8 + 2.0**-40, 2 - 2.0**-26,
])  # fmt: skip


def both_signs(x):
    return np.concatenate([x, -x])


# nearest


def test_every_bfloat16_stays_and_every_midpoint_goes_to_the_even_one():
    assert nearest(both_signs(BFLOAT16), "bfloat16").tolist() == both_signs(BFLOAT16).tolist()
    assert on_grid(BFLOAT16, "bfloat16")
    low, high = BFLOAT16[:-1], BFLOAT16[1:]
    middle = (low + high) / 2  # exact: 9 bits
    even = np.where(np.arange(low.size) % 2 == 0, low, high)
    for sign in (1, -1):
        assert nearest(sign * middle, "bfloat16").tolist() == (sign * even).tolist()
        assert nearest(sign * np.nextafter(middle, 0), "bfloat16").tolist() == (sign * low).tolist()
        above = np.nextafter(middle, np.inf)
        assert nearest(sign * above, "bfloat16").tolist() == (sign * high).tolist()


def test_float32_is_the_cast_of_numpy_and_of_torch():
    low = FLOAT32[np.nextafter(FLOAT32.astype(np.float32), np.float32(np.inf)) < np.inf]
    high = np.nextafter(low.astype(np.float32), np.float32(np.inf)).astype(float)
    middle = (low + high) / 2
    for x in (low, middle, np.nextafter(middle, 0), np.nextafter(middle, np.inf), TRICKY):
        x = both_signs(x)
        rounded = nearest(x, "float32")
        assert rounded.tolist() == x.astype(np.float32).astype(float).tolist()
        assert rounded.tolist() == torch.tensor(x).to(torch.float32).to(torch.float64).tolist()


def test_bfloat16_is_what_torch_makes_of_a_float32_but_not_of_a_double():
    single = both_signs(FLOAT32[BFLOAT16.max() >= FLOAT32])
    cast = torch.tensor(single).to(torch.bfloat16).to(torch.float64)
    assert nearest(single, "bfloat16").tolist() == cast.tolist()
    # a hair above a midpoint: by way of float32 it is the midpoint, and goes down
    trap = 1 + 2.0**-8 + 2.0**-40
    assert float(torch.tensor(trap).to(torch.float32).to(torch.bfloat16)) == 1.0
    assert nearest(np.array([trap]), "bfloat16").tolist() == [1 + 2.0**-7]
    rounded = torch.tensor(nearest(both_signs(TRICKY), "bfloat16"))
    assert torch.equal(rounded.to(torch.bfloat16).to(torch.float64), rounded)


@pytest.mark.parametrize("kind", ["float32", "bfloat16"])
def test_what_lies_beyond_a_format_is_refused_from_the_tie_on(kind):
    top = {"float32": 2.0**128 - 2.0**104, "bfloat16": 2.0**128 - 2.0**120}[kind]
    tie = (top + BEYOND) / 2
    assert nearest(np.array([np.nextafter(tie, 0)]), kind).tolist() == [top]
    for wrong in (tie, BEYOND, -tie, 1e300, np.inf, np.nan):
        with pytest.raises(InvalidProblem, match=f"is beyond {kind}"):
            nearest(np.array([1.0, wrong]), kind)
        assert not on_grid(np.array([wrong]), kind)


BETAS = (1.0, 0.1, 0.3, 1 / 3, 7.1, 1e-30, 1e30)


@pytest.mark.parametrize("beta", BETAS)
def test_dyadic_entries_are_nearest_by_exact_arithmetic(beta):
    grid = "dyadic:14" if beta == 1 else f"dyadic:14/{beta!r}"
    m = RNG.integers(-(2**17), 2**17, 2000)
    for c in ((m + 0.5) * 2.0**-14 / beta, RNG.normal(size=200) / beta):
        rounded = nearest(c, grid)
        for before, after in zip(c.tolist(), rounded.tolist(), strict=True):
            exact = Fraction(before) * Fraction(beta) * 2**14
            whole = round(Fraction(after) * Fraction(beta) * 2**14)
            assert abs(exact - whole) <= Fraction(1, 2)
            assert abs(exact - whole) < Fraction(1, 2) or whole % 2 == 0
            assert after == float(Fraction(whole, 2**14) / Fraction(beta))
        assert on_grid(rounded, grid)
        assert not on_grid(np.nextafter(rounded, np.inf), grid)


def test_a_product_in_float64_would_round_some_of_them_twice():
    c = (np.arange(1, 1000) + 0.5) * 2.0**-14 / 0.1
    naive = np.rint(c * 0.1 * 2**14) * 2.0**-14 / 0.1
    assert (naive != nearest(c, "dyadic:14/0.1")).any()
    assert (np.rint(c * 2**14) * 2.0**-14 == nearest(c, "dyadic:14")).all()  # exact without beta


@pytest.mark.parametrize("beta", [*BETAS, *10 ** RNG.uniform(-30, 30, 20)])
@pytest.mark.parametrize("B", [0, 9, 16])
def test_the_reward_in_float32_is_the_multiple_itself(beta, B):
    m = np.concatenate([np.arange(-300, 300), RNG.integers(-WHOLE, WHOLE, 20000), [WHOLE, -WHOLE]])
    r = m * 2.0**-B
    c = r / beta
    assert ((beta * c).astype(np.float32).astype(float) == r).all()
    assert (abs(beta * c - r) <= 2.0**-52 * (1 + 2.0**-54) * abs(r)).all()


def test_the_reward_is_not_the_multiple_where_it_has_too_many_bits_or_beta_is_a_float32():
    m = np.arange(WHOLE + 1, WHOLE + 999, 2)
    assert ((0.1 * (m / 0.1)).astype(np.float32) != m).all()
    short = RNG.integers(1, 2**20, 1000)
    product = np.float32(0.3) * (short / 0.3).astype(np.float32)
    assert (product != short).any()
    assert not on_grid(np.array([WHOLE + 1.0]), "dyadic:0")
    with pytest.raises(InvalidProblem, match=r"more than 2\^24 steps of dyadic:3"):
        nearest(np.array([2.0**22]), "dyadic:3")


def test_rounding_moves_an_entry_by_no_more_than_loss():
    x = both_signs(RNG.uniform(0, 50, 3000))
    for grid in ("float32", "bfloat16", "dyadic:5", "dyadic:5/0.3"):
        moved = abs(nearest(x, grid) - x)
        most = np.array([loss(grid, abs(c)) for c in x])
        assert (moved <= most * (1 + 1e-12)).all()
        assert (moved > 0.9 * most).any()


# names


@pytest.mark.parametrize(
    "name",
    [
        "float16", "Float32", "float32:3", "bfloat16/2.0", "", "dyadic", "dyadic:", "dyadic:17",
        "dyadic:-1", "dyadic:014", "dyadic:1_4", " dyadic:14", "dyadic:14/", "dyadic:14/1.0",
        "dyadic:14/0.10", "dyadic:14/0", "dyadic:14/-1.0", "dyadic:14/nan", "dyadic:14/inf",
        "dyadic:14/1e40",
    ],
)  # fmt: skip
def test_a_name_that_is_not_written_is_not_read(name):
    with pytest.raises(InvalidProblem, match=r"is unknown: expected float32, bfloat16, dyadic:B"):
        parse_grid(name)
    with pytest.raises(InvalidProblem, match="is unknown"):
        on_grid(np.array([0.0]), name)


@pytest.mark.parametrize("name", ["float32", "bfloat16", "dyadic:0", "dyadic:16", "dyadic:9/1e-30"])
def test_a_name_that_is_written_is_read(name):
    kind, B, beta = parse_grid(name)
    assert name.startswith(kind)
    if kind == "dyadic":
        entry = np.array([2.0 ** (23 - B) / beta])
        assert Rounding(kind, 2, beta).grid(entry) == name


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("float8",), "grid 'float8' is unknown: use one of float32, bfloat16, dyadic"),
        (("dyadic:14", 16), "grid 'dyadic:14' is unknown"),
        (("dyadic",), "group is None: expected for grid dyadic the number of completions"),
        (("dyadic", 0), "group is 0"),
        (("dyadic", 2.0), "group is 2.0"),
        (("dyadic", True), "group is True"),
        (("dyadic", WHOLE + 1), "group is 16777217"),
        (("dyadic", 16, 0.0), "beta is 0.0: expected the factor between entry and reward"),
        (("dyadic", 16, -1.0), "beta is -1.0"),
        (("dyadic", 16, float("nan")), "beta is nan"),
        (("dyadic", 16, "1"), "beta is '1'"),
        (("dyadic", 16, 1e31), r"beta is 1e\+31"),
        (("float32", 16), "^group 16 with grid float32: group and beta"),
        (("bfloat16", None, 0.1), "^beta 0.1 with grid bfloat16: group and beta"),
    ],
)
def test_what_cannot_be_asked_for(words, said):
    with pytest.raises(InvalidProblem, match=said):
        Rounding(*words)
    with pytest.raises(InvalidProblem, match=said):
        polyest.load(4).rounded(words[0], **dict(zip(("group", "beta"), words[1:], strict=False)))


def test_a_group_without_a_grid_is_refused():
    assert asked(None, None, 1.0) is None
    for group, beta in ((16, 1.0), (None, 0.1)):
        with pytest.raises(InvalidProblem, match="without a grid"):
            asked(None, group, beta)
    with pytest.raises(InvalidProblem, match="grid '' is unknown"):
        asked("", None, 1.0)


# sums of rewards in float32


@pytest.mark.parametrize("group", [1, 2, 3, 5, 7, 11, 16, 64, 1000, WHOLE])
@pytest.mark.parametrize("size", [1e-9, 0.3, 5.2, 6.67, 244.0, 2.0**20])
def test_the_grid_is_the_finest_that_sums_exactly(group, size):
    entries = np.array([-size, size / 3])
    rounding = Rounding("dyadic", group)
    fits = [B for B in range(17) if group * round(Fraction(size) * 2**B) <= WHOLE]
    if not fits:
        with pytest.raises(InvalidProblem, match=f"a group of {group} rewards of size"):
            rounding.grid(entries)
        return
    grid = rounding.grid(entries)
    assert grid == f"dyadic:{max(fits)}"
    rounded = nearest(entries, grid)
    assert largest_group(rounded, grid) >= group
    assert rounding.made(rounded, grid)


def test_the_rounded_entry_and_not_the_given_one_has_to_fit():
    # 2^24/6 = 2796202.67: an entry of 2796202.6 steps is below that, and rounds to one above
    entries = np.array([2796202.6 * 2.0**-10])
    assert 6 * entries[0] * 2**10 <= WHOLE
    assert Rounding("dyadic", 6).grid(entries) == "dyadic:9"
    assert Rounding("dyadic", 6).grid(entries * (2796202.4 / 2796202.6)) == "dyadic:10"


def test_entries_tell_which_group_a_dyadic_grid_was_made_for():
    entries = polyest.load(14).coefficients
    rounded = nearest(entries, "dyadic:15")
    groups = [G for G in range(1, 200) if Rounding("dyadic", G).made(rounded, "dyadic:15")]
    assert groups == [
        G for G in range(1, 200) if Rounding("dyadic", G).grid(entries) == "dyadic:15"
    ]
    assert groups[-1] == largest_group(rounded, "dyadic:15")
    assert not Rounding("dyadic", groups[0], 0.1).made(rounded, "dyadic:15")
    assert not Rounding("float32").made(rounded, "dyadic:15")
    assert not Rounding("dyadic", groups[0]).made(rounded, None)


def float32_mean(rewards):
    """Mean by a plain float32 sum, first to last, and one division."""
    total = np.float32(0)
    for r in rewards:
        total = np.float32(total + r)
    return np.float32(total / np.float32(len(rewards)))


TABLES = {
    "noise 8": lambda: polyest.load(14),
    "minimax": lambda: polyest.load(14, criterion="minimax"),
    "log": lambda: polyest.closed_forms.log_count(14),
}


@pytest.mark.parametrize("beta", [1.0, 0.1])
@pytest.mark.parametrize("group", [7, 11, 16, 60])
@pytest.mark.parametrize("name", TABLES)
def test_equal_rewards_less_their_mean_are_0_on_the_grid_and_not_off_it(name, group, beta):
    table = TABLES[name]()
    rounded = table.rounded("dyadic", group=group, beta=beta)
    left = []
    for entries in (rounded, table):
        residues = []
        for X in range(15):
            rewards = (beta * entries[np.full(group, X)]).astype(np.float32)
            tensor = torch.tensor(rewards)
            residues += (rewards - float32_mean(rewards)).tolist()
            residues += (rewards - rewards.mean()).tolist()  # pairwise
            residues += (tensor - tensor.mean()).tolist()
        left.append(max(map(abs, residues)))
    assert left[0] == 0
    assert left[1] > 0


@pytest.mark.parametrize("group", [3, 16, 60])
def test_any_rewards_of_the_grid_sum_exactly_in_any_order(group):
    rounded = polyest.load(14).rounded("dyadic", group=group)
    for _ in range(50):
        X = RNG.choice([0, 0, RNG.integers(15)], group)
        rewards = rounded[X].astype(np.float32)
        exact = float(sum(map(Fraction, rounded[X].tolist())))
        for order in (rewards, rewards[::-1], RNG.permutation(rewards)):
            assert np.float32(np.add.accumulate(order)[-1]) == exact
            assert order.sum() == exact
    assert abs(exact) > 0


@pytest.mark.parametrize("group", [3, 5, 16, 64])
def test_one_bit_more_leaves_something(group):
    m = RNG.integers(WHOLE // group // 2, WHOLE // group + 1, 2000)
    finer = 2 * m + 1  # what one bit more would allow
    for wholes, leaves in ((m, False), (finer, True)):
        rewards = np.repeat(wholes[None].astype(np.float32), group, 0)
        mean = np.add.accumulate(rewards)[-1] / np.float32(group)
        assert ((wholes - mean) != 0).any() == leaves


@pytest.mark.parametrize("group", [3, 5, 17])
def test_one_trace_more_leaves_something(group):
    m = np.arange(WHOLE // group + 1, WHOLE // (group - 1))[:2000]  # fit group - 1 completions
    rewards = np.repeat(m[None].astype(np.float32), group, 0)
    sums = np.add.accumulate(rewards)
    assert (sums[-2] == (group - 1) * m).all()
    assert ((m - sums[-1] / np.float32(group)) != 0).any()


def test_a_mean_that_multiplies_leaves_something_for_the_groups_that_are_named():
    """Nothing depends on the exponent, so m up to 2^24/G with its bits at the top are all there is."""
    leaving = []
    for group in range(2, 65):
        m = np.concatenate([np.arange(1, 2**12), WHOLE // group - np.arange(2**12)])
        inverse = np.float32(1) / np.float32(group)
        total = (m * group).astype(np.float32)
        assert (total / np.float32(group) == m).all()
        if (total * inverse != m).any():
            leaving.append(group)
    assert leaving == [7, 13, 14, 15, 26, 28, 30, 41, 47, 51, 52, 55, 56, 60, 61, 63]
    assert not {1, 2, 4, 8, 16, 32, 64} & set(leaving)

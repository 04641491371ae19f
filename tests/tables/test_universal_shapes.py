"""The universal tables of a shape: entries that never fall at any K, their line, and spoiled claims."""

import json
from fractions import Fraction
from itertools import pairwise

import mpmath
import numpy as np
import pytest
from commands import refused, run
from copies import replace
from hypothesis import example, given
from hypothesis import strategies as st
from scipy.stats import binom

import polyest
from polyest.errors import CorruptTable, NotProved, TableNotFound
from polyest.problem.claims import Bracket
from polyest.problem.departures import MOST_DRAWS, harmonic_numbers, head, keep_shape, selection
from polyest.problem.shapes import SHAPES, is_monotone
from polyest.problem.targets import LOG, parse
from polyest.proof import universal
from polyest.proof.certify import measure
from polyest.tables.format import loads

PROVED = {}


def loaded(shape, K=4096):
    return polyest.load(K, criterion="minimax", shape=shape)


@pytest.fixture(scope="module", params=SHAPES)
def table(request):
    return loaded(request.param)


@pytest.fixture
def proved(table, monkeypatch):
    """Limits of the released levels, proved once and looked up afterwards."""
    if table.shape not in PROVED:
        PROVED[table.shape] = universal.prove(table.departures, table.peak)
    monkeypatch.setattr(universal, "prove", lambda *_: PROVED[table.shape])
    return PROVED[table.shape]


# Entries


@pytest.mark.parametrize("shape", SHAPES)
@given(K=st.integers(1025, MOST_DRAWS), X=st.integers(0, MOST_DRAWS))
@example(K=1025, X=0)
@example(K=MOST_DRAWS, X=MOST_DRAWS)
def test_no_entry_is_below_the_one_before_it_at_any_number_of_draws(shape, K, X):
    table = loaded(shape, K)
    near = min(X, K)
    counts = np.arange(max(0, near - 150), min(K, near + 150) + 1)
    assert is_monotone(table[np.arange(150)], 1)
    assert is_monotone(table[counts], 1)
    assert table[K] == 0


def test_levels_that_are_tied_give_one_double(table):
    """Ties in both lists are ties at every K, to the last bit."""
    limit, listed = table.departures
    tied = [X for X in range(1, 48) if limit[X] == limit[X - 1] and listed[X] == listed[X - 1]]
    if table.shape == "monotone":
        assert len(tied) > 8
    for K in (1025, 77777, MOST_DRAWS):
        other = loaded(table.shape, K)
        assert all(other[X] == other[X - 1] for X in tied)


def test_every_entry_is_the_nearest_double_of_its_levels(table):
    limit, listed = table.departures
    with mpmath.workdps(50):
        for K in (1025, 10**6, MOST_DRAWS):
            other, share = loaded(table.shape, K), mpmath.mpf(1024) / K
            for X in [*range(52), 63, 64, 65, 1000]:
                level = (
                    (1 - share) * mpmath.mpf(limit[X]) + share * mpmath.mpf(listed[X])
                    if limit.size > X
                    else mpmath.harmonic(X)
                )
                exact = level - mpmath.harmonic(K)
                assert abs(other[X] - exact) <= np.spacing(abs(other[X])) * (0.5 + 1e-12)


def test_exact_entries_have_the_shape_and_lists_of_another_have_not(table):
    """At K = 1024, at no end of K, and between; with the harmonic numbers behind the lists."""
    assert keep_shape(table.departures, table.shape)
    N = table.departures.shape[1]
    rows, harmonic = head(table.departures), harmonic_numbers(N + 3)
    for x in (Fraction(0), Fraction(1, 5000), Fraction(1, 1024)):
        levels = [H + u + w * x for H, (u, w) in zip(harmonic, rows, strict=False)]
        steps = [b - a for a, b in pairwise([*levels, *harmonic[N:]])]
        assert min(steps) >= 0
        assert (max(b - a for a, b in pairwise(steps)) <= 0) == (table.shape == "concave")
    for X in (0, 5, N - 1):
        for row in (0, 1):
            spoiled = table.departures.copy()
            spoiled[row, X] += 2.0 if X else 7.0
            assert not keep_shape(spoiled, table.shape)
    assert not keep_shape(loaded("monotone").departures, "concave")


# Claims


def test_a_table_of_a_shape_written_out_lies_within_its_limits(table, proved):
    """measure knows nothing of Poisson: it sees 1026 doubles."""
    K = 1025
    listed = loaded(table.shape, K)
    entrywise = measure(LOG, listed[np.arange(K + 1)])
    claims = listed.certificate
    assert claims.bias.lower <= entrywise.bias.lower <= entrywise.bias.upper <= claims.bias.upper
    assert K * entrywise.bias.upper >= proved.bias.upper * (1 - 1e-5)
    for name, share in (
        ("gradient_variance", 2e-3), ("variance", 2e-3), ("squared_error", 0.05),
        ("second_moment", 1e-12),
    ):  # fmt: skip
        measured, claimed = getattr(entrywise, name), getattr(claims, name)
        assert measured * (1 - 1e-12) <= claimed <= measured * (1 + share)


@pytest.mark.parametrize("K", [1025, 4096, 10**9])
def test_every_large_table_of_a_shape_reaches_its_limits_and_no_more(table, proved, K):
    lam = np.append(np.linspace(0.03, 12, 3000) ** 2, table.peak)
    other, X = loaded(table.shape, K), np.arange(400)
    B = binom.pmf(X, K, lam[:, None] / K)
    bias = lam * (B @ other[X] - np.log(lam / K))
    assert abs(bias[-1]) >= proved.bias.lower - 1e-8
    assert np.abs(bias).max() <= proved.bias.upper + 1e-8
    assert np.abs(bias).max() >= proved.bias.upper * (1 - 1e-4)


def test_it_is_nearly_as_good_as_the_best_table_of_1024_draws(table):
    listed = loaded(table.shape, 1024)
    assert isinstance(listed, polyest.Table)
    least = 1024 * listed.optimum.lower
    assert least <= 1025 * loaded(table.shape, 1025).bias.upper <= least * 1.00003


def test_the_released_limits_of_a_shape_are_what_is_proved(table, proved):
    assert table.limits == proved
    assert proved.bias.width < 5e-6
    polyest.verify(table)


@pytest.mark.parametrize("share", [1 + 1e-12, 1 - 1e-12])
@pytest.mark.parametrize(
    "name", ["bias", "variance", "gradient_variance", "squared_error", "log_count", "selection"]
)
def test_an_altered_limit_of_a_shape_is_refused(table, proved, name, share):
    said = getattr(table.limits, name)
    other = Bracket(said.lower, said.upper * share) if name == "bias" else said * share
    with pytest.raises(NotProved, match=f"{name} is claimed to be .* proved is"):
        polyest.verify(replace(table, limits=replace(table.limits, **{name: other})))


def test_a_shape_that_the_levels_have_not_is_refused(table, proved):
    """Also where every limit is what is proved of those levels."""
    levels = table.departures.copy()
    levels[1, 10] = levels[1, 9] - 1e-15
    with pytest.raises(NotProved, match=f"the levels are not {table.shape}"):
        polyest.verify(replace(table, departures=levels))
    if table.shape == "monotone":
        posed = replace(table.problem, shape="concave")
        with pytest.raises(NotProved, match="the levels are not concave"):
            polyest.verify(replace(table, problem=posed))
    for altered in (
        {"criterion": "gradient-variance"},
        {"target": parse("power:0.5")},
    ):
        posed = replace(table.problem, **altered)
        with pytest.raises(NotProved, match="the only one whose limits are proved"):
            polyest.verify(replace(table, problem=posed))


@pytest.mark.parametrize("row", [0, 1])
@pytest.mark.parametrize("X", [0, 1, 20, 47])
def test_a_level_altered_by_1e_10_shows(table, row, X):
    levels = table.departures.copy()
    levels[row, X] += 1e-10
    assert float(selection(levels)) != table.limits.selection


# Lines


def test_a_line_reads_back_and_has_the_documented_keys(table):
    line = polyest.dumps(table)
    assert polyest.dumps(polyest.loads(line)) == line
    assert polyest.loads(line) == table
    assert len(line) < 4000
    record = json.loads(line)
    assert (record["schema"], record["shape"], record["budget"]) == (2, table.shape, None)
    assert list(record["universal"]) == [
        "above", "levels_in_limit", "levels_at_1024", "bias", "variance", "gradient_variance",
        "squared_error", "log_count", "selection",
    ]  # fmt: skip


def under(key, value):
    return lambda r: r | {"universal": r["universal"] | {key: value}}


@pytest.mark.parametrize(
    "spoil",
    [
        lambda r: r | {"schema": 1},
        lambda r: {k: v for k, v in r.items() if k != "shape"},
        lambda r: r | {"shape": "convex"},
        lambda r: r | {"criterion": "gradient-variance"},
        lambda r: r | {"budget": {"kind": "noise", "value": "8.0"}, "criterion": "variance"},
        under("departures", ["0.5"]),
        under("levels_in_limit", ["0.5"]),
        under("levels_in_limit", []),
        under("levels_at_1024", "12"),
        under("levels_at_1024", ["nan"] * 48),
        under("variance", "5.9"),
    ],
)
def test_a_record_that_is_not_such_a_table_is_refused(table, spoil):
    line = json.dumps(spoil(json.loads(polyest.dumps(table))))
    with pytest.raises(CorruptTable, match="some file, line 1: "):
        loads(line, "some file, line 1")


def test_free_departures_with_a_shape_and_levels_without_are_no_table(table):
    free = polyest.load(4096)
    with pytest.raises(CorruptTable, match="departures of shape"):
        replace(table, departures=free.departures)
    with pytest.raises(CorruptTable, match="departures of shape"):
        replace(free, departures=table.departures)


def test_where_there_is_none_of_this_shape_those_that_are_there_are_named():
    with pytest.raises(TableNotFound, match=r"above K = 1024 there is .*log, minimax, monotone"):
        polyest.load(5000, shape="monotone", noise=2)


def test_the_page_and_verify_take_it(table, proved, tmp_path):
    page = run("show", "--K", 4096, "--criterion", "minimax", "--shape", table.shape)
    assert (page.exit_code, page.stderr) == (0, "")
    assert max(map(len, page.stdout.splitlines())) <= 80
    for said in (f"minimax, {table.shape}, universal (release v2)", "levels g_0 .. g_47",
                 f'polyest.load(4096, criterion="minimax", shape="{table.shape}")'):  # fmt: skip
        assert said in page.stdout
    for level in table.departures.ravel().tolist():
        assert repr(level) in page.stdout
    path = tmp_path / "table.jsonl"
    path.write_text(polyest.dumps(table))
    assert "1 table proved" in run("verify", path).stdout
    path.write_text(polyest.dumps(replace(table, limits=replace(table.limits, selection=1.0))))
    assert "selection is claimed to be 1.0" in refused("verify", path)

"""The universal table: entries to half a unit in the last place, claims at every K, its line."""

import json
import pickle
from fractions import Fraction
from hashlib import sha256
from pathlib import Path

import mpmath
import numpy as np
import pytest
import torch
from commands import refused, run
from copies import replace

import polyest
from polyest.closed_forms import harmonic_entries
from polyest.errors import (
    CorruptTable,
    CountOutOfRange,
    InvalidProblem,
    NotWrittenOut,
    TableNotFound,
)
from polyest.problem.departures import MOST_DRAWS, ROUNDING, head
from polyest.proof import universal
from polyest.tables import release
from polyest.tables.format import loads

NAME = "log-gradient-variance-noise8-universal"


@pytest.fixture(scope="module")
def table():
    return polyest.load(4096)


def exact(table, X):
    """c_X with 50 digits, from the formula and mpmath's harmonic numbers."""
    u, w = table.head[X] if len(table.head) > X else (Fraction(0), Fraction(0))
    shift = u + w / table.K
    gap = mpmath.harmonic(X) - mpmath.harmonic(table.K)
    return gap + mpmath.mpf(shift.numerator) / shift.denominator


def units(double, value):
    """Distance of a double from a number, in units of its last place."""
    return float(abs(mpmath.mpf(double) - value) / np.spacing(abs(double)))


def test_every_entry_is_the_nearest_double(table):
    entries = table[np.arange(table.K + 1)]
    with mpmath.workdps(50):
        worst = max(units(c, exact(table, X)) for X, c in enumerate(entries[:-1].tolist()))
    assert worst <= 0.5 * (1 + 1e-12)
    assert entries[-1] == 0
    assert worst > 0.49  # as rounding has it, and not better


@pytest.mark.parametrize("K", [1025, 10**6, 10**9, MOST_DRAWS])
def test_entries_are_as_good_for_any_number_of_draws(K):
    table = polyest.load(K)
    counts = [0, 1, 2, 46, 47, 48, 49, 50, 63, 64, 65, 100, K // 2, K - 100, K - 1]
    with mpmath.workdps(60):
        assert max(units(table[X], exact(table, X)) for X in counts) <= 0.5 * (1 + 1e-12)
        assert units(table[46], exact(replace(table, departures=table.departures[:-2]), 46)) > 10


def test_entries_are_harmonic_beyond_the_departures():
    table, plain = polyest.load(1025), [float(c) for c in harmonic_entries(1025)]
    N = len(table.head)
    assert table[np.arange(N, 1026)].tolist() == plain[N:]
    assert (table[np.arange(N)] != plain[:N]).all()


def test_second_terms_are_half_at_first_and_second_differences_then():
    rng = np.random.default_rng(0)
    u = rng.normal(size=6)
    rows = head(u)
    assert [float(a) for a, _ in rows] == [*u, 0, 0]
    assert [w for _, w in rows[:2]] == [Fraction(1, 2)] * 2
    padded = [*map(Fraction, u), Fraction(0), Fraction(0)]
    for X in range(2, 8):
        bend = padded[X] - 2 * padded[X - 1] + padded[X - 2]
        assert rows[X][1] == Fraction(X * (X - 1), 2) * bend


def test_the_same_kind_comes_out_as_went_in(table):
    counts = np.array([[0, 4096], [7, 7]], dtype=np.int32)
    entries = table[counts]
    assert entries.shape == (2, 2)
    assert entries[1].tolist() == [table[7]] * 2
    assert type(table[np.int64(7)]) is float
    assert table[[7, 0]].tolist() == [table[7], table[0]]
    for dtype in (torch.int64, torch.int32):
        tensor = table[torch.tensor(counts, dtype=dtype)]
        assert (tensor.dtype, tensor.tolist()) == (torch.float64, entries.tolist())
    assert table[np.zeros((2, 0), dtype=int)].shape == (2, 0)
    assert table[torch.zeros((2, 0), dtype=torch.int64)].shape == (2, 0)


@pytest.mark.parametrize("wrong", [-1, 4097, 10**30, 1.0, True, np.array([-1]), np.array([1.0]),
                                   torch.tensor([4097]), torch.tensor([1.0])])  # fmt: skip
def test_what_is_no_count_of_4096_draws_is_refused(table, wrong):
    with pytest.raises(CountOutOfRange, match=r"0\.\.4096"):
        table[wrong]


def test_nothing_is_written_out(table):
    with pytest.raises(
        NotWrittenOut, match=r"K = 4096: .* look counts up, t\[polyest.counts.in_group"
    ):
        _ = table.coefficients
    assert not hasattr(table, "coefficients")
    with pytest.raises(InvalidProblem, match="grid 'float32': the universal table of K = 4096"):
        table.rounded("float32")
    with pytest.raises(ValueError, match="read-only"):
        table.departures[0] = 0.0
    sizes = {len(pickle.dumps(polyest.load(K))) for K in (10**4, 10**15)}
    assert max(sizes) - min(sizes) < 100
    again = pickle.loads(pickle.dumps(table))
    assert again[[0, 9, 4000]].tolist() == table[[0, 9, 4000]].tolist()


def test_it_says_what_it_is(table):
    assert repr(table).startswith(
        "<polyest universal table K=4096, log, gradient-variance, noise=8, sup|bias| <= 8.6"
    )
    assert table.generator["method"].startswith("universal")
    assert table.optimum is None
    assert (table.target, table.criterion) == ("log", "gradient-variance")


@pytest.mark.parametrize("K", [1025, 4096, 65536, 10**9, 10**12, MOST_DRAWS])
def test_claims_are_the_limits_and_what_rounding_adds(K):
    table = polyest.load(K)
    limits, claims = table.limits, table.certificate
    upper, lower = Fraction(claims.bias.upper), Fraction(claims.bias.lower)
    assert upper >= Fraction(limits.bias.upper) / K + ROUNDING
    assert lower <= max(0, Fraction(limits.bias.lower) / K - ROUNDING)
    assert claims.second_moment >= Fraction(table[0]) ** 2
    for name in ("gradient_variance", "squared_error"):
        claimed, limit = Fraction(getattr(claims, name)), Fraction(getattr(limits, name)) / K
        # (sqrt(limit) + ROUNDING)^2 <= claimed, squared once more
        assert claimed > limit + ROUNDING**2
        assert (claimed - limit - ROUNDING**2) ** 2 >= 4 * ROUNDING**2 * limit
        assert claimed <= limit * (1 + Fraction(1, 10**7))
    assert claims.variance > limits.variance
    assert Fraction(claims.gradient_variance) <= 8 * Fraction(limits.log_count) / K
    if K <= 10**9:
        assert claims.bias.width < 2e-5
        assert claims.variance < limits.variance * (1 + 1e-12)


def test_a_line_reads_back_to_the_same_table(table):
    line = polyest.dumps(table)
    back = polyest.loads(line)
    assert polyest.dumps(back) == line
    assert back.certificate == table.certificate
    assert back[[0, 5, 4095]].tolist() == table[[0, 5, 4095]].tolist()
    released = (Path(release.folders()[-1]) / f"{NAME}.jsonl").read_text()
    assert polyest.dumps(polyest.load(1025)) + "\n" == released
    assert polyest.loads(polyest.dumps(polyest.load(5))).K == 5


def test_a_line_has_the_documented_keys(table):
    record = json.loads(polyest.dumps(table))
    assert list(record) == [
        "schema", "release", "target", "criterion", "K", "budget", "universal", "bias", "optimum",
        "second_moment", "variance", "gradient_variance", "squared_error", "witness", "generator",
    ]  # fmt: skip
    assert list(record["universal"]) == [
        "above", "departures", "bias", "variance", "gradient_variance", "squared_error",
        "log_count", "selection",
    ]  # fmt: skip
    assert all(isinstance(u, str) for u in record["universal"]["departures"])
    assert record["optimum"] is None
    assert list(record["witness"]) == ["peak"]


def under(key, value):
    return lambda r: r | {"universal": r["universal"] | {key: value}}


@pytest.mark.parametrize(
    "spoil",
    [
        lambda r: r | {"schema": 2},
        lambda r: r | {"K": 1000},
        lambda r: r | {"K": 4097},
        lambda r: r | {"K": 2**53 + 1},
        lambda r: r | {"bias": r["bias"] | {"upper": "8.6e-06"}},
        lambda r: r | {"gradient_variance": "0.0018"},
        lambda r: r | {"optimum": r["bias"]},
        lambda r: r | {"budget": None},
        lambda r: r | {"budget": {"kind": "bias", "value": "0.1"}},
        lambda r: r | {"witness": None},
        lambda r: r | {"universal": None},
        lambda r: {k: v for k, v in r.items() if k != "generator"},
        under("above", 512),
        under("departures", []),
        under("departures", ["nan"]),
        under("departures", [0.5]),
        under("departures", "12"),
        under("variance", "inf"),
        under("variance", "5.9"),
        under("bias", {"lower": "0.1"}),
    ],
)
def test_a_record_that_is_not_a_universal_table_is_refused(table, spoil):
    line = json.dumps(spoil(json.loads(polyest.dumps(table))))
    with pytest.raises(CorruptTable, match="some file, line 1: "):
        loads(line, "some file, line 1")


def test_every_k_above_1024_is_released_and_1024_is_a_table_of_its_own():
    assert polyest.load(1025).K == 1025
    assert isinstance(polyest.load(1024), polyest.Table)
    with pytest.raises(TableNotFound, match=r"K = 1000 .*, and every K above 1024; solve it"):
        polyest.load(1000)
    for keywords in ({"noise": 4}, {"criterion": "variance"}, {"target": "tsallis:2"}):
        with pytest.raises(
            TableNotFound, match="above K = 1024 there is log, gradient-variance, noise 8"
        ):
            polyest.load(2000, **keywords)
    with pytest.raises(TableNotFound, match="too large for a stored minimax table"):
        polyest.load(2000, criterion="minimax")
    with pytest.raises(InvalidProblem, match=r"to 2\^53"):
        polyest.load(2**53 + 1)


@pytest.mark.parametrize("seed", range(10))
def test_an_altered_byte_is_refused_with_file_and_line(release, seed):
    path = release / f"{NAME}.jsonl"
    content = bytearray(path.read_bytes())
    rng = np.random.default_rng(seed)
    content[int(rng.integers(len(content)))] ^= 1 << int(rng.integers(8))
    path.write_bytes(content)
    with pytest.raises(CorruptTable, match=f"{NAME}.jsonl, line 1:"):
        polyest.load(5000)


@pytest.mark.parametrize("other", [lambda: polyest.load(3), lambda: noise_4(polyest.load(2000))])
def test_another_table_under_its_name_is_refused(release, other):
    """Checksums made to fit do not help: the line says what it is."""
    path = release / f"{NAME}.jsonl"
    line = polyest.dumps(other()) + "\n"
    path.write_text(line)
    sums = (release / "SHA256SUMS").read_text().splitlines()
    kept = [row for row in sums if not row.endswith(path.name)]
    kept.append(f"{sha256(line.encode()).hexdigest()}  {path.name}")
    (release / "SHA256SUMS").write_text("\n".join(kept) + "\n")
    with pytest.raises(CorruptTable, match=r"which is (not of this family|for one K only)"):
        polyest.load(5000)


def noise_4(table):
    return replace(table, problem=replace(table.problem, budget=replace(table.budget, value=4.0)))


def test_without_the_file_it_is_said_that_there_is_none(release):
    (release / f"{NAME}.jsonl").unlink()
    with pytest.raises(TableNotFound, match="above K = 1024 there is none"):
        polyest.load(5000)


def test_show_prints_the_table_of_any_k(table):
    page = run("show", "--K", 4096)
    assert (page.exit_code, page.stderr) == (0, "")
    assert page.stdout.isascii()
    assert max(map(len, page.stdout.splitlines())) <= 80
    for said in ("log, sample size K = 4096: gradient-variance, noise 8, universal (release v1)",
                 "t = polyest.load(4096)", "G = 4098 completions",
                 "c_X = H_X - H_K + u_X + w_X/K"):  # fmt: skip
        assert said in page.stdout
    low, high = page.stdout.split("sup|bias| ", 1)[1].split(", proved", 1)[0].split(" .. ")
    assert float(low) <= table.bias.lower
    assert table.bias.upper <= float(high) <= table.bias.upper * (1 + 1e-5)
    for u in table.departures:
        assert repr(float(u)) in page.stdout


def test_verify_takes_what_show_writes(table, tmp_path, monkeypatch):
    limits = table.limits
    monkeypatch.setattr(universal, "prove", lambda *_: limits)
    path = tmp_path / "table.jsonl"
    path.write_text(run("show", "--K", 70000, "--lines").stdout)
    assert "1 table proved" in run("verify", path).stdout
    monkeypatch.setattr(universal, "prove", lambda *_: replace(limits, variance=5.0))
    assert "table.jsonl, line 1: universal table: variance is claimed" in refused("verify", path)

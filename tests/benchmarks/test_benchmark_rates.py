"""benchmarks/rates.py: its files say what is proved now, and its slopes are near those of the theory."""

import subprocess
import sys
from collections import Counter

import numpy as np
import origin
import pytest
import rates

import polyest
from polyest import closed_forms
from polyest.errors import InvalidProblem

TABLES = ("minimax", *(f"noise {noise}" for noise in rates.NOISES))
SERIES = (*rates.FORMS, *TABLES, "limit")
COLUMNS = ["count", "series", "K", "group", "bias_lower", "bias_upper", "machine", "versions"]


@pytest.fixture(scope="module")
def rows():
    return origin.read(rates.RATES)


@pytest.fixture(scope="module")
def slopes():
    return origin.read(rates.SLOPES)


def upper(rows, count, series, K, group=0):
    place = (count, series, str(K), str(group))
    (row,) = [r for r in rows if (r["count"], r["series"], r["K"], r["group"]) == place]
    return float(row["bias_upper"])


def slope(slopes, series, first=8):
    (row,) = [r for r in slopes if r["series"] == series and r["from"] == str(first)]
    return float(row["slope"]), float(row["slope_pm"])


def test_the_files_have_every_cell(rows, slopes):
    assert list(rows[0]) == COLUMNS
    assert list(slopes[0])[:6] == ["series", "from", "to", "slope", "slope_pm", "points"]
    independent = Counter(r["series"] for r in rows if r["count"] == "independent")
    assert independent == dict.fromkeys(SERIES, len(rates.DRAWS))
    assert {int(r["K"]) for r in rows if r["group"] == "0"} == set(rates.DRAWS)
    names = [f"{t}, {b}" for t in TABLES for b in ("no baseline", "group mean")]
    misused = Counter(r["series"] for r in rows if r["count"] == "misused")
    assert misused == {name: 4 if "minimax" in name else 5 for name in names}
    logs = ["log, no baseline", "log, group mean"]
    right = Counter(r["series"] for r in rows if r["count"] == "in-group")
    assert right == dict.fromkeys([*names, *logs], len(rates.GROUPS))
    for row in rows:
        K, G, mean = int(row["K"]), int(row["group"]), row["series"].endswith("mean")
        if row["count"] != "independent":
            assert G - 1 - mean + (row["count"] == "misused") == K
    assert {(r["series"], r["from"], r["to"]) for r in slopes} == {
        (s, str(a), str(b)) for s in SERIES for a, b in rates.RANGES
    }


def test_every_bracket_is_narrow(rows):
    for row in rows:
        low, high = float(row["bias_lower"]), float(row["bias_upper"])
        assert 0 < low <= high <= low * (1 + 1e-4)


def test_the_rows_are_what_is_proved_now(rows):
    now = [*rates.independent((8, 24)), *rates.in_group((8,))]
    for row in now:
        stored = upper(rows, row["count"], row["series"], row["K"], row["group"])
        assert float(row["bias_lower"]) <= stored * (1 + 1e-12)
        assert float(row["bias_upper"]) == pytest.approx(stored, rel=1e-9)
    assert len(now) == 2 * len(SERIES) + 22


def test_minimax_is_below_all_at_every_K(rows):
    for K in rates.DRAWS:
        least = upper(rows, "independent", "minimax", K)
        others = [upper(rows, "independent", s, K) for s in SERIES if s != "limit"]
        assert least == min(others)
        assert upper(rows, "independent", "limit", K) == pytest.approx(least, rel=0.04)


def test_the_figures_of_wrong_counts_are_reproduced(rows):
    for G, wrong, log_, right in (
        (4, 0.228, 0.122, 0.0200),
        (8, 0.133, 0.0655, 0.0051),
        (16, 0.070, 0.0343, 0.0013),
    ):
        name = "minimax, no baseline"
        assert upper(rows, "misused", name, G, G) == pytest.approx(wrong, abs=6e-4)
        assert upper(rows, "in-group", "log, no baseline", G - 1, G) == pytest.approx(
            log_, abs=6e-4
        )
        assert upper(rows, "in-group", name, G - 1, G) == pytest.approx(right, abs=6e-5)
    # Under the group mean, at noise 2: worse than the plug-in log.
    assert upper(rows, "misused", "noise 2, group mean", 7, 8) == pytest.approx(0.111, rel=0.03)
    assert upper(rows, "in-group", "log, group mean", 6, 8) == pytest.approx(0.067, abs=5e-4)


def test_the_slopes_are_those_asked_for(slopes):
    value, pm = slope(slopes, "minimax")
    assert value - pm > -2.01
    assert value + pm < -1.99
    assert pm > 0
    assert slope(slopes, "limit") == (-2, 0)
    for series in ("miller_madow", "jackknife", "harmonic", "schuermann", "log_count"):
        value, pm = slope(slopes, series)
        assert abs(value + 1) < 0.02
        assert pm < 0.006
    tails = {noise: slope(slopes, f"noise {noise}", 128) for noise in rates.NOISES}
    assert all(value + pm > -1.07 and value - pm < -1.01 for value, pm in tails.values())
    whole = {noise: slope(slopes, f"noise {noise}")[0] for noise in rates.NOISES}
    assert all(-1.2 < value < -1.01 for value in whole.values())


def test_the_slopes_follow_from_the_rates(rows, slopes):
    for row, stored in zip(rates.slopes(rows), slopes, strict=True):
        assert {k: str(row[k]) for k in ("series", "from", "to", "points")} == {
            k: stored[k] for k in ("series", "from", "to", "points")
        }
        assert row["slope"] == pytest.approx(float(stored["slope"]), abs=1e-5)
        assert row["slope_pm"] == pytest.approx(float(stored["slope_pm"]), rel=1e-4, abs=1e-9)


def lines(biases):
    where = {"count": "independent", "series": "s"}
    return [{**where, "K": str(K), "bias_upper": str(b)} for K, b in biases.items()]


def test_a_slope_and_its_interval_by_hand(monkeypatch):
    """Three points, y = 0, 1, 0 at x = -1, 0, 1 times log 4: slope 0, and t(1 degree) = 12.706."""
    monkeypatch.setattr(rates, "RANGES", ((3, 63),))
    (row,) = rates.slopes(lines({3: 1.0, 15: 4.0, 63: 1.0}))
    assert row["slope"] == pytest.approx(0, abs=1e-12)
    # residuals -log 4 (1, -2, 1)/3, squares add up to (2/3) log(4)^2; sum x^2 = 2 log(4)^2
    assert row["slope_pm"] == pytest.approx(12.7062 * (1 / 3) ** 0.5, rel=1e-5)


def test_a_spoiled_bias_moves_the_slope_and_widens_its_interval(rows):
    minimax = [dict(r) for r in rows if r["series"] == "minimax"]
    before = rates.slopes(minimax)[0]
    for row in minimax:
        if row["K"] == "1024":
            row["bias_upper"] = str(2 * float(row["bias_upper"]))
    after = rates.slopes(minimax)[0]
    assert after["slope"] > before["slope"] + 0.02
    assert after["slope_pm"] > 10 * before["slope_pm"]


def test_too_few_sizes_give_no_slope():
    with pytest.raises(InvalidProblem, match="series s has 2 sizes"):
        rates.slopes(lines({8: 1.0, 16: 0.5}))


@pytest.mark.parametrize("K", [2, 7, 14])
def test_a_gradient_does_not_see_a_constant_and_sees_all_else(K):
    c = polyest.load(K).coefficients
    bracket, moved = rates.seen(c), rates.seen(c + 0.25)
    assert max(bracket.lower, moved.lower) <= min(bracket.upper, moved.upper)
    assert bracket.width < 1e-5
    assert rates.seen(c * 1.01).lower > bracket.upper
    bias = polyest.load(K).bias.upper
    assert bracket.lower <= bias <= bracket.upper * (1 + 1e-5)  # no use of a constant
    assert (
        rates.seen(closed_forms.log_count(6).coefficients).upper
        < rates.measured(closed_forms.log_count(6).coefficients).lower
    )


def test_what_is_seen_is_the_least_over_constants_on_a_grid():
    c = closed_forms.harmonic(5).coefficients
    p = np.linspace(1e-4, 1, 4001)
    e = p * (rates.pmf(5, p) @ c - np.log(p))
    least = min(np.abs(e - a * p).max() for a in np.linspace(-0.2, 0.2, 2001))
    assert rates.seen(c).upper == pytest.approx(least, rel=2e-3)


def test_a_table_that_is_not_stored_is_a_line_and_no_row(capsys):
    listed = list(rates.in_group((64,)))
    said = capsys.readouterr().err
    assert "minimax, no baseline, group of 64: no table of K = 64 is stored" in said
    assert "minimax, group mean, group of 64: no table of K = 63 is stored" in said
    names = {row["series"] for row in listed if row["count"] == "misused"}
    assert not any("minimax" in name for name in names)
    assert len(names) == 8


def test_the_quick_run_prints_rates():
    done = subprocess.run(
        [sys.executable, rates.__file__, "--quick"],
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    head, *body = done.stdout.splitlines()
    assert head == ",".join(COLUMNS)
    assert len(body) == 5 * len(SERIES) + 22
    assert any(line.startswith("independent,minimax,8,0,0.0040015785695645") for line in body)

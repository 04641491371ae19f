"""The figures of the paper: each holds what its files say, and repeats."""

import re
from io import BytesIO
from math import log

import matplotlib
import matplotlib.image
import numpy as np
import pytest
from drawings import figure, numbers, pair, places, spots, table
from matplotlib.figure import Figure
from matplotlib.font_manager import fontManager
from measured import FIGURES, FILES, ROOT, gathered

from paper_figures import online_cost, style
from polyest.cli import figures, plot


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    return gathered(tmp_path_factory.mktemp("results"))


# What is in them


def test_there_is_a_module_for_each_name_and_no_other():
    modules = {path.stem for path in (ROOT / "paper_figures").glob("*.py")}
    assert modules == {*FIGURES, "__init__", "rows", "style"}
    assert {*FILES} == {*FIGURES}
    assert list(FIGURES) == sorted(FIGURES)


def test_bias_curves_are_the_columns_of_the_file(results):
    grid = np.reshape(figure(results, "bias_curves").axes, (2, 2))
    rows = table(results, "bias_curves")
    for (whole, near), K in zip(grid.T, (8, 16), strict=True):
        mine = [row for row in rows if row["K"] == str(K)]
        drawn = [*mine[0]][3:-2]
        assert len(drawn) == 7
        wanted = {tuple(pair(numbers(mine, "p"), numbers(mine, name))) for name in drawn}
        assert places(whole) == wanted
        levels = {y for _, y in places(near) - wanted}
        least = round(float(mine[0]["least"]), 9)
        assert levels == {(least, least), (-least, -least)}
        # Equioscillation: K+2 extrema of height E*(K), of alternating sign, on (0, 1].
        error = np.array(numbers(mine, "minimax"))
        high = error[np.abs(error) > 0.97 * least]
        assert 1 + np.count_nonzero(np.diff(np.sign(high))) == K + 2
        assert np.abs(error).max() == pytest.approx(least, rel=1e-4)


def test_bias_rates_are_those_of_the_file_each_with_its_name(results):
    drawn = figure(results, "bias_rates")
    left, plain, centred = drawn.axes
    rows = table(results, "bias_rates")
    independent = [row for row in rows if row["count"] == "independent"]
    series = {row["series"] for row in independent}
    wanted, ends = set(), set()
    for name in series:
        mine = [row for row in independent if row["series"] == name]
        wanted.add(tuple(pair(numbers(mine, "K"), numbers(mine, "bias_upper"))))
        if name != "limit":
            ends.add((style.SERIES[name][0], float(mine[-1]["bias_upper"])))
    assert places(left) == wanted
    said = {text.get_text(): text.xy for text in left.texts}
    assert ends <= {(label, place[1]) for label, place in said.items()}
    assert any(label.startswith("0.32509/(K+1)$^2$") for label in said)
    assert any("at a fixed noise" in label for label in said)
    # What lies on another line is drawn wide and pale below it, and their markers take turns.
    wide = [
        line.get_data() for line in left.get_lines() if line.get_alpha() and line.get_zorder() < 2
    ]
    assert len(wide) == 3
    taken = [tuple(line.get_markevery()) for line in left.get_lines() if line.get_markevery()]
    assert sorted(taken) == [(0, 2), (0, 2), (1, 2), (1, 2)]
    for axes, baseline in ((plain, "no baseline"), (centred, "group mean")):
        groups = [row for row in rows if row["count"] != "independent"]
        shown = [f"{name}, {baseline}" for name in ("log", "noise 8", "minimax")]
        right = {}
        for row in groups:
            if row["series"] in shown:
                right.setdefault((row["count"], row["series"]), []).append(row)
        wanted = {
            tuple(pair(numbers(mine, "group"), numbers(mine, "bias_upper")))
            for mine in right.values()
        }
        assert places(axes) == wanted
        assert len(wanted) == 5
        assert {text.get_text() for text in axes.texts} == {
            "log(X/G)", "noise 8", "minimax", "noise 8, wrong", "minimax, wrong"
        }  # fmt: skip


def test_coefficients_are_entries_over_the_log_of_the_share(results):
    grid = np.reshape(figure(results, "coefficients").axes, (2, 3))
    rows = table(results, "coefficients")
    for (whole, near), K in zip(grid.T, (8, 16, 32), strict=True):
        wanted = {}
        for row in rows:
            if row["K"] == str(K):
                x = log(max(int(row["k"]), 0.5) / K)
                wanted.setdefault(row["series"], []).append((x, float(row["entry"])))
        curves = {
            name: tuple(pair(*zip(*entries, strict=True))) for name, entries in wanted.items()
        }
        assert all(len(x) == K + 1 for x, _ in curves.values())
        assert places(near) == {*curves.values()}
        assert places(whole) == {curves[name] for name in ("log_count", "noise 8", "minimax")}
        low, high = whole.get_ylim()
        assert low < min(curves["minimax"][1]) < max(curves["minimax"][1]) < high


def test_limit_has_proved_values_the_constant_and_its_digits(results):
    left, right = figure(results, "limit").axes
    rows = table(results, "limit")
    values = [row for row in rows if row["kind"] == "value"]
    (constant,) = [row for row in rows if row["kind"] == "constant"]
    n = [int(row["K"]) + 1 for row in values]
    dots = tuple(pair(n, numbers(values, "lower")))
    assert dots in places(left)
    assert (round(float(constant["value"]), 9),) * 2 in {y for _, y in places(left)}
    (said,) = [text.get_text() for text in left.texts]
    digits = said.split()[-1].partition("(")[0]
    assert len(digits) >= 2 + 12
    assert abs(float(digits) - 0.325089273454175) < 1e-15
    for sequence in dict.fromkeys(row["sequence"] for row in rows if row["kind"] == "extrapolant"):
        mine = [row for row in rows if (row["kind"], row["sequence"]) == ("extrapolant", sequence)]
        x, y = numbers(mine, "terms"), numbers(mine, "error")
        assert any(
            np.array_equal(line.get_xdata(), x) and np.array_equal(line.get_ydata(), y)
            for line in right.get_lines()
        )


def test_online_cost_is_every_row_of_the_file_in_words(results):
    left, right = figure(results, "online_cost").axes
    rows = table(results, "online_cost")
    looked = [row for row in rows if row["stage"] == "look-up"]
    ways = [text.get_text() for text in left.get_yticklabels()]
    dots = {
        (label, a, ways[int(b)]) for label, x, y in spots(left) for a, b in zip(x, y, strict=True)
    }
    kinds = {kind: label for kind, (label, _) in online_cost.KINDS.items()}
    assert dots == {
        (kinds[r["kind"]], round(float(r["milliseconds"]), 9), online_cost.LOOKED_UP[r["way"]])
        for r in looked
    }
    paid = [row for row in rows if row["stage"] != "look-up"]
    lines = {(label, a, b) for label, x, y in spots(right) for a, b in zip(x, y, strict=True)}
    assert lines == {
        (
            online_cost.WAYS[r["stage"], r["way"]][0],
            float(r["group"]),
            round(float(r["milliseconds"]), 9),
        )
        for r in paid
    }
    names = {label for label, *_ in dots | lines} | set(ways)
    assert len(names) == len({*kinds} & {r["kind"] for r in looked}) + len(
        {r["way"] for r in looked}
    ) + len({(r["stage"], r["way"]) for r in paid})  # each has its own
    assert not [name for name in names if re.search(r"int\d|float\d|_|\[|np\.|Counter", name)]


def test_pareto_has_the_curve_and_eight_named_marks(results):
    rows = [row for row in table(results, "pareto") if row["criterion"] == "gradient-variance"]
    peers = table(results, "peers")
    for axes, K in zip(figure(results, "pareto").axes, ("16", "64"), strict=True):
        assert axes.get_title("left") == f"K = {K}"
        curve = [row for row in rows if (row["K"], row["series"]) == (K, "optimal")]
        assert tuple(pair(numbers(curve, "noise"), numbers(curve, "bias_upper"))) in places(axes)
        forms = {"miller_madow", "harmonic", "jackknife", "schuermann", "log_count", "log_smoothed"}
        wanted = {
            plot.LOOKS[row["series"]][0]: (float(row["noise"]), float(row["bias_upper"]))
            for row in rows
            if row["K"] == K and row["series"] in forms
        }
        here = {row["table"]: row for row in peers if row["K"] == K}
        for name, label in (("jvhw", "JVHW"), ("bub, m = 10 N", "BUB, m = 10 (K+1)")):
            quotient = float(here[name]["gradient_variance"]) / float(
                here["log_count"]["gradient_variance"]
            )
            wanted[label] = quotient, float(here[name]["bias_upper"])
        assert len(wanted) == 8
        said = {text.get_text(): tuple(text.xy) for text in axes.texts}
        assert wanted.items() <= said.items()
        dots = {spot for _, x, y in spots(axes) for spot in zip(x, y, strict=True)}
        assert {tuple(np.round(place, 9)) for place in wanted.values()} <= dots
        (default,) = [row for row in curve if row["label"] == "noise 8"]
        place = float(default["noise"]), float(default["bias_upper"])
        assert said["noise 8, the default"] == place
        for x, y in wanted.values():
            assert axes.viewLim.contains(x, y)


def test_pareto_grid_has_every_point_of_three_criteria_and_every_peer(results):
    grid = np.reshape(figure(results, "pareto_grid").axes, (4, 4))
    rows = [row for row in table(results, "pareto") if row["noise"]]
    peers = table(results, "peers")
    criteria = ("gradient-variance", *plot.NOISE)
    for line, criterion in zip(grid, criteria, strict=True):
        for axes, K in zip(line, ("8", "16", "32", "64"), strict=True):
            mine = [row for row in rows if (row["criterion"], row["K"]) == (criterion, K)]
            drawn = {spot for _, x, y in spots(axes) for spot in zip(x, y, strict=True)}
            wanted = {tuple(np.round((float(r["noise"]), float(r["bias_upper"])), 9)) for r in mine}
            assert len(wanted) > 40
            assert wanted <= drawn
            here = {row["table"]: row for row in peers if row["K"] == K}
            column = criterion.replace("-", "_")
            unit = float(here["log_count"][column])
            for name in (
                "bub",
                "bub, m = 10 N",
                "wu_yang",
                "jvhw",
                "grassberger",
                "grassberger_1988",
            ):
                spot = float(here[name][column]) / unit, float(here[name]["bias_upper"])
                assert tuple(np.round(spot, 9)) in drawn


def test_shapes_are_entries_that_rise_or_not_and_means_that_follow_the_log(results):
    left, right = figure(results, "shapes").axes
    rows = table(results, "shapes")
    for axes, kind in ((left, "entry"), (right, "mean")):
        wanted = {
            tuple(pair(numbers(mine, "at"), numbers(mine, "value")))
            for series in ("noise 8", "monotone", "concave")
            if (mine := [r for r in rows if (r["kind"], r["series"]) == (kind, series)])
        }
        assert len(wanted) == 3
        assert wanted <= places(axes)
    (x, y) = next((x, y) for label, x, y in spots(right) if label == "log p")
    assert y == tuple(np.round(np.log(x), 9)) or np.allclose(np.exp(y), x)
    rising = {label: bool((np.diff(y) >= 0).all()) for label, _, y in spots(left)}
    assert [*rising.values()] == [False, True, True]


def test_shaped_frontier_has_every_point_and_its_quotient(results):
    grid = np.reshape(figure(results, "shaped_frontier").axes, (2, 4))
    rows = table(results, "shaped_frontier")
    for (whole, quotient), K in zip(grid.T, ("6", "14", "30", "62"), strict=True):
        mine = [row for row in rows if row["K"] == K]
        free = {r["budget"]: float(r["bias_upper"]) for r in mine if r["series"] == "free"}
        drawn = {spot for _, x, y in spots(whole) for spot in zip(x, y, strict=True)}
        wanted = {tuple(np.round((float(r["noise"]), float(r["bias_upper"])), 9)) for r in mine}
        assert drawn == wanted
        drawn = {spot for _, x, y in spots(quotient) for spot in zip(x, y, strict=True)}
        assert drawn == {
            tuple(np.round((float(r["noise"]), float(r["bias_upper"]) / free[r["budget"]]), 9))
            for r in mine
            if r["series"] in ("monotone", "concave")
        }
        stars = [line for line in whole.get_lines() if line.get_marker() == "*"]
        ends = [float(r["noise"]) for r in mine if r["minimax"] == "yes" and r["series"] != "free"]
        assert sorted(star.get_xdata()[0] for star in stars) == sorted(ends)
        assert len(ends) == 2


def words(drawn):
    """Every text of a figure that is seen."""
    return [text.get_text() for text in drawn.findobj(matplotlib.text.Text) if text.get_text()]


@pytest.mark.parametrize("name", FIGURES)
def test_one_thing_has_one_name_in_every_figure(results, name):
    """A table of least bias is "noise 8", AQP the second-moment program, and a sample a completion."""
    for text in words(figure(results, name)):
        assert "AQP" not in text or text == "least second moment (AQP)"
        assert not re.search(r"\btraces?\b|\bdraws, K\b", text)
        assert not re.search(r"noise \d", text) or not re.match(r"AQP|optimal|table", text)
        assert not re.search(r"schuermann|miller_madow|harmonic$|^gini", text)


@pytest.mark.parametrize("name", FIGURES)
def test_every_axis_says_what_it_shows(results, name):
    """By its own label, that of the first of its row or the last of its column, or that of the figure."""
    drawn = figure(results, name)
    parts = [drawn, *drawn.subfigs]
    across = any(part.get_supxlabel() for part in parts)
    up = any(part.get_supylabel() for part in parts)
    for axes in drawn.axes:
        place = axes.get_subplotspec()
        mates = [other for other in drawn.axes if other.get_figure() is axes.get_figure()]
        column = [o for o in mates if o.get_subplotspec().colspan == place.colspan]
        row = [o for o in mates if o.get_subplotspec().rowspan == place.rowspan]
        last = max(column, key=lambda other: other.get_subplotspec().rowspan.stop)
        first = min(row, key=lambda other: other.get_subplotspec().colspan.start)
        assert across or axes.get_xlabel() or last.get_xlabel()
        ticks = [tick.get_text() for tick in first.get_yticklabels()]
        named = any(re.search("[a-z]{3}", tick) for tick in ticks)
        assert up or axes.get_ylabel() or first.get_ylabel() or named


def test_no_letter_is_too_small_to_print(results):
    for name in FIGURES:
        for text in figure(results, name).findobj(matplotlib.text.Text):
            assert text.get_fontsize() >= 6.9 or not text.get_text()
    assert isinstance(figure(results, "limit"), Figure)


@pytest.mark.parametrize("name", FIGURES)
def test_the_committed_figures_are_of_the_committed_files_whatever_is_set(
    results, name, monkeypatch
):
    """Whatever the user has set elsewhere, and with a stale list of fonts."""
    monkeypatch.setitem(matplotlib.rcParams, "font.size", 30)
    monkeypatch.setattr(fontManager, "ttflist", [])
    monkeypatch.setattr(figures, "RESULTS", figures.RESULTS if name == "trl_run" else results)
    pdf, png = figures.contents(name)
    assert (pdf[:4], png[:4]) == (b"%PDF", b"\x89PNG")
    assert b"Date" not in pdf
    if f"matplotlib=={matplotlib.__version__}\n" not in (ROOT / "constraints.txt").read_text():
        pytest.skip("another matplotlib than that of the committed figures sets letters otherwise")
    committed = (ROOT / "paper_figures" / f"{name}.png").read_bytes()
    ours, theirs = (matplotlib.image.imread(BytesIO(content)) for content in (png, committed))
    assert ours.shape == theirs.shape
    assert (np.abs(ours - theirs).max(axis=-1) > 0.2).mean() < 1e-5
    assert (ROOT / "paper_figures" / f"{name}.pdf").read_bytes().startswith(b"%PDF")


def test_a_figure_has_the_same_bytes_each_time(results, monkeypatch):
    monkeypatch.setattr(figures, "RESULTS", results)
    assert figures.contents("limit") == figures.contents("limit")

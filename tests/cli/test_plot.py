"""The figure of bias against noise: every row is in it, where it says, in the format asked for."""

import csv
import sys
import xml.etree.ElementTree as ET
from itertools import product
from pathlib import Path

import matplotlib
import numpy as np
import pytest
from imports import HEAVY, imported, roots
from matplotlib.figure import Figure

from polyest import frontier
from polyest.cli import plot
from polyest.errors import CannotStore, NotInstalled

ROOT = Path(__file__).parents[2]


def row(series, noise, bias, K=4, least=0.01, target="log", criterion="gradient-variance"):
    return {
        "target": target,
        "criterion": criterion,
        "K": str(K),
        "series": series,
        "noise": repr(noise),
        "bias_upper": repr(bias),
        "least_lower": repr(least),
    }


CURVE = [row("optimal", 0.25 * 2**i, 0.2 / 2**i) for i in range(5)]
MARKS = [row(series, 1.5, 0.1) for series in plot.LOOKS if series != "optimal"]


@pytest.fixture(scope="module")
def computed():
    points, _ = frontier.marks(2)  # no subsets here: 1 divides 2
    return frontier.records(frontier.sweep(2, budgets=(1, 2, 16)), points)


@pytest.mark.parametrize(
    ("form", "start"), [("png", b"\x89PNG"), ("pdf", b"%PDF"), ("svg", b"<?xml")]
)
def test_a_figure_has_the_format_asked_for_and_the_same_bytes_each_time(form, start, monkeypatch):
    once = plot.pareto(CURVE + MARKS, form)
    assert once.startswith(start)
    monkeypatch.setitem(matplotlib.rcParams, "font.size", 30)  # of the user, elsewhere
    assert plot.pareto(CURVE + MARKS, form) == once


def test_another_bias_is_another_figure():
    moved = [*CURVE[:-1], row("optimal", 4, 0.011)]
    assert plot.pareto(moved, "svg") != plot.pareto(CURVE, "svg")


def words(svg):
    return [
        "".join(text.itertext()) for text in ET.fromstring(svg).iter() if text.tag.endswith("}text")
    ]


def test_every_series_is_in_the_legend_once_and_only_what_is_there():
    said = words(plot.pareto(CURVE + MARKS, "svg"))
    plain = [label for label, _ in plot.LOOKS.values() if "$" not in label]
    assert len(plain) > 8
    assert [said.count(label) for label in plain] == [1] * len(plain)
    said = words(plot.pareto(CURVE, "svg"))
    assert [label for label in plain if label in said] == [plot.LOOKS["optimal"][0]]


def test_a_series_beyond_the_axes_is_not_in_the_legend():
    label = plot.LOOKS["minimax"][0]
    near, far = (row("minimax", noise, 0.012) for noise in (4 * plot.BEYOND, 4.1 * plot.BEYOND))
    assert label in words(plot.pareto([*CURVE, near], "svg"))
    assert label not in words(plot.pareto([*CURVE, far], "svg"))


def test_a_curve_of_a_shape_is_not_called_the_least_bias_of_all():
    said = words(plot.pareto(CURVE + MARKS, "svg", "monotone"))
    assert "least bias of monotone tables, proved" in said
    assert plot.LOOKS["optimal"][0] not in said


def test_every_series_that_is_computed_has_a_look_of_its_own(computed):
    others = frontier.marks(4, target="power:0.5")[0]
    series = {r["series"] for r in computed} | {point.series for point in others}
    assert series | {"subsets"} == set(plot.LOOKS)
    looks = [
        tuple(look.get(key) for key in ("color", "marker", "fillstyle"))
        for _, look in plot.LOOKS.values()
    ]
    assert len({*looks}) == len(looks) - 1  # the plug-in of another target looks like log_count's
    assert len({label for label, _ in plot.LOOKS.values()}) == len(looks)


def drawn(rows):
    """The panel of these rows drawn on axes, and its lines by label."""
    (panel,) = plot.panels(rows)
    axes = Figure().subplots()
    plot.draw(panel, axes)
    return panel, axes, {line.get_label(): line for line in axes.get_lines()}


def test_spots_lie_where_the_rows_say(computed):
    panel, axes, lines = drawn(computed)
    assert (axes.get_xscale(), axes.get_yscale()) == ("log", "log")
    for series, spots in panel.spots.items():
        wanted = [
            (float(r["noise"]), float(r["bias_upper"])) for r in computed if r["series"] == series
        ]
        assert spots == wanted
        assert np.array_equal(lines[plot.LOOKS[series][0]].get_xydata(), wanted)
    (level,) = {line.get_ydata()[0] for label, line in lines.items() if label.startswith("_")}
    assert level == panel.least == float(computed[0]["least_lower"])
    assert [text.get_text() for text in axes.texts] == ["E*(2)"]


def test_axes_hold_the_curve_and_the_marks_not_far_beyond_its_end():
    far, near = row("blocks", 1e3, 0.05), row("minimax", 30.0, 0.011)
    _, axes, _ = drawn([*CURVE, near, far, row("taylor", 0.1, 0.3)])
    low, high = axes.get_xlim()
    assert low < 0.1 < 30 < high < 1e3
    panel, axes, _ = drawn([*CURVE, near])
    plot.enlarge(panel, axes)
    assert axes.get_xlim() == plot.CLOSE
    bottom, top = axes.get_ylim()
    assert bottom < 0.0125 < 0.05 < top < 0.2  # what lies outside of CLOSE does not stretch it


def test_a_table_without_bias_is_said_and_not_drawn():
    curve = [row("optimal", 1.0, 0.1, least=0.0), row("optimal", 2.0, 1e-17, least=0.0)]
    _, axes, lines = drawn(curve)
    assert lines[plot.LOOKS["optimal"][0]].get_xydata().tolist() == [[1.0, 0.1]]
    assert [text.get_text() for text in axes.texts] == ["no bias"]
    assert plot.pareto(curve, "svg")


def test_panels_ascend_in_K_and_axes_say_what_they_show():
    rows = [row("optimal", n, b, K=K) for K in (16, 4) for n, b in ((1.0, 0.1), (2.0, 0.05))]
    assert [panel.K for panel in plot.panels(rows)] == [4, 16]
    said = words(plot.pareto(rows, "svg"))
    assert [said.index("K = 4") < said.index("K = 16"), said.count("E*(16)")] == [True, 1]
    other = [row("optimal", 1.0, 0.1, target="power:0.5", criterion="variance")]
    assert plot.pareto(other, "svg") != plot.pareto([{**other[0], "target": "log"}], "svg")


@pytest.mark.parametrize("name", ["t.jpg", "t", "png", "t.png.txt", "", ".png"])
def test_a_suffix_that_names_no_format_is_refused(name):
    with pytest.raises(CannotStore, match=r"in the format .*: expected .*\.png, \.pdf or \.svg"):
        plot.check(name)


def test_suffixes_in_capitals_are_the_same():
    assert [plot.check(name) for name in ("a.PNG", "b.pdf", "c.d.Svg")] == ["png", "pdf", "svg"]


def test_without_matplotlib_the_command_that_installs_it_is_said(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(NotInstalled, match=r"pip install 'polyest\[plot\]'"):
        plot.check("a.png")
    assert issubclass(NotInstalled, ImportError)


def test_matplotlib_is_not_imported_before_something_is_drawn():
    assert not roots(imported("import polyest.cli.plot")) & {*HEAVY, "numpy"}


def test_the_file_of_the_paper_s_figure_lies_on_the_curves_or_above():
    lines = (ROOT / "benchmarks" / "results" / "pareto.csv").read_text().splitlines()
    rows = list(csv.DictReader(lines))
    keys = [
        (r["criterion"], int(r["K"]), r["series"], float(r["noise"] or "inf"), r["label"])
        for r in rows
    ]
    assert keys == sorted(keys)
    assert all(r["machine"] and "python-flint" in r["versions"] for r in rows)
    assert all(bool(r["note"]) != bool(r["noise"]) for r in rows)
    ends = {(r["criterion"], r["K"]) for r in rows if r["series"] == "end"}
    assert ends == {*product(plot.NOISE, ("8", "16", "32", "64"))}
    for criterion in plot.NOISE:
        mine = [r for r in rows if r["criterion"] == criterion]
        panels = plot.panels(r for r in mine if r["noise"])
        assert [panel.K for panel in panels] == [8, 16, 32, 64]
        for panel in panels:
            assert {*panel.spots} >= {*plot.LOOKS} - {"plug_in", "minimax"}
            curve = np.array(panel.spots["optimal"])
            assert (np.diff(curve, axis=0) * (1, -1) > 0).all()
            for noise, bias in (spot for spots in panel.spots.values() for spot in spots):
                right = curve[curve[:, 0] >= noise * (1 - 1e-6)]  # with more noise, less bias
                assert bias >= max([panel.least, *right[:1, 1]]) * (1 - 1e-6)

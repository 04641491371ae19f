"""benchmarks/shapes.py: its files say what is solved now, and what the page says of them is so."""

from pathlib import Path

import origin
import pytest
import shapes

WORDS = " ".join((Path(__file__).parents[2] / "docs" / "experiments.md").read_text().split())


@pytest.fixture(scope="module")
def frontier():
    return origin.read(shapes.FRONTIER)


def test_the_committed_entries_and_means_are_those_of_the_tables():
    lines, rows = origin.read(shapes.FILE), shapes.rows(shapes.DRAWS)
    assert len(lines) == len(rows) == 3 * (shapes.DRAWS + 1 + shapes.POINTS)
    for row, line in zip(rows, lines, strict=True):
        assert (line["series"], line["kind"]) == (row["series"], row["kind"])
        for name in ("at", "value"):
            assert float(line[name]) == pytest.approx(row[name], rel=1e-5, abs=1e-12)


def test_the_committed_frontiers_are_solved_again_to_the_same_digits(frontier):
    mine = [line for line in frontier if line["K"] == "6"]
    for row, line in zip(shapes.curves((6,)), mine, strict=True):
        assert {name: line[name] for name in ("series", "minimax")} == {
            name: row[name] for name in ("series", "minimax")
        }
        for name in ("budget", "noise", "bias_upper"):
            assert float(line[name]) == pytest.approx(float(row[name]), rel=2e-6)


def test_no_point_of_a_shape_lies_below_the_curve_of_free_entries(frontier):
    """The brackets of the free optimum are 1e-6 wide, and no table of a shape is within less of it."""
    free = {
        (r["K"], r["budget"]): float(r["bias_upper"]) for r in frontier if r["series"] == "free"
    }
    for row in frontier:
        if row["series"] in ("monotone", "concave"):
            assert float(row["bias_upper"]) >= free[row["K"], row["budget"]] * (1 - 1e-6)


def test_what_the_page_says_of_the_cost_of_a_shape(frontier):
    free = {
        (r["K"], r["budget"]): float(r["bias_upper"]) for r in frontier if r["series"] == "free"
    }

    def times(series, least=0.0):
        return [
            float(r["bias_upper"]) / free[r["K"], r["budget"]]
            for r in frontier
            if r["series"] == series and float(r["noise"]) >= least
        ]

    most = {series: max(times(series)) for series in ("monotone", "concave")}
    assert f"at most {most['monotone']:.3f} times the bias of free entries" in WORDS
    later = max(times("concave", 0.49))
    assert f"at most {most['concave']:.3f} times ({later:.3f} from noise 0.5 on)" in WORDS
    logs = {r["K"]: float(r["bias_upper"]) for r in frontier if r["series"] == "log_count"}
    ratios = [
        logs[r["K"]] / float(r["bias_upper"])
        for r in frontier
        if r["series"] in ("monotone", "concave") and r["budget"] == "1"
    ]
    assert f"has {min(ratios):.2f} to {max(ratios):.2f} times that of either shape" in WORDS

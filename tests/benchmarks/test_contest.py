"""benchmarks/contest.py: what is chosen is the best of its grid, and an end of a grid is said."""

import contest
import numpy as np
import origin
import pytest
from training import Settings


def bowl(rate: float, pull: float = 0.1, multiplier: float = 1.0, spread: float = 0.0):
    """Losses with one least value, plus a part of the seed."""

    def losses(chosen: Settings, seeds):
        parts = [
            np.log2(chosen.rate / rate) ** 2,
            np.log2(chosen.pull / pull) ** 2,
            np.log2(chosen.multiplier / multiplier) ** 2,
        ]
        return np.array([1 + sum(parts) + spread * (seed % 2) for seed in seeds])

    return losses


@pytest.mark.parametrize("exponent", range(-9, 16))
def test_the_best_rate_of_the_powers_of_2_is_found_unless_it_is_out_of_reach(exponent):
    chosen, edge = contest.best(bowl(2.0**exponent), -1, 8, (0.1,), (1.0,))
    # -1, 1, 3, 5 and 7 are tried first.
    if -1 - 2 * contest.MORE <= exponent <= 7 + 2 * contest.MORE:
        assert (chosen.rate, edge) == (2.0**exponent, "")
    else:
        assert edge == "rate"


@pytest.mark.parametrize(
    ("best", "found_at", "edge"),
    [(2.0, 2.0, ""), (4.0, 4.0, ""), (8.0, 8.0, "multiplier"), (32.0, 8.0, "multiplier")],
)
def test_a_grid_is_extended_once_and_what_is_still_an_end_is_said(best, found_at, edge):
    losses = bowl(1.0, multiplier=best)
    chosen, said = contest.best(losses, -1, 8, (0.1,), (1.0, 2.0, 4.0))
    assert (chosen.multiplier, said) == (found_at, edge)
    chosen, said = contest.best(bowl(1.0, pull=0.1 * best), -1, 8, (0.1, 0.2, 0.4), (1.0,))
    assert (pytest.approx(chosen.pull), said) == (
        0.1 * found_at,
        edge.replace("multiplier", "pull"),
    )


def test_rows_are_measured_on_seeds_that_chose_nothing():
    asked = {"log": [], "true log": []}

    def recorded(arm, level):
        def losses(chosen, seeds):
            asked[arm].append(tuple(seeds))
            return level * bowl(4.0)(chosen, seeds) + np.array(seeds) / 100

        return losses

    lines = contest.rows(
        {"cell": 1}, {arm: recorded(arm, level) for arm, level in (("log", 3), ("true log", 2))},
        -1, 8, (0.1,), {},
    )  # fmt: skip
    for arm, groups in asked.items():
        assert groups[-1] == contest.SEEDS, arm
        assert set(groups[:-1]) == {contest.TUNING}
    assert not set(contest.SEEDS) & set(contest.TUNING)
    log, true = lines
    assert (log["rate"], log["loss"]) == (4.0, pytest.approx(3.035))
    assert (log["gap"], log["gap_pm"]) == (pytest.approx(1), pytest.approx(0, abs=1e-12))
    assert true["gap"] == 0
    assert log["loss_pm"] > 0


def rows_of(where):
    return [{**where, "arm": arm, "loss": float(where["a"])} for arm in ("x", "y")]


def test_cells_in_the_file_are_not_measured_again(tmp_path):
    file = tmp_path / "cells.csv"
    cells = [{"a": a, "b": b} for a in (1, 2) for b in (3, 4)]
    contest.measured(file, ("numpy",), cells[2:], rows_of)
    first = file.read_text()
    assert len(first.splitlines()) == 5
    kept = first.replace("2,3,x,2", "2,3,x,99")
    file.write_text(kept)
    contest.measured(file, ("numpy",), cells, rows_of)
    rows = origin.read(file)
    assert [(r["a"], r["b"], r["arm"]) for r in rows] == [
        (str(c["a"]), str(c["b"]), arm) for c in cells for arm in ("x", "y")
    ]
    assert [r["loss"] for r in rows][4] == "99"  # what was there is kept

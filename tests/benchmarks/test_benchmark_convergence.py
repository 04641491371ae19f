"""benchmarks/convergence.py: its losses are 0 where they should be, and the file it wrote is whole."""

import csv

import convergence
import numpy as np
import pytest

from polyest.games.descent import mirror_policies


@pytest.fixture(scope="module")
def rows():
    with convergence.FILE.open() as stream:
        return list(csv.DictReader(stream))


@pytest.mark.parametrize("game", convergence.GAMES)
def test_the_loss_is_0_at_the_end_of_exact_play_and_only_there(game):
    problem, reward, loss = convergence.pose(game)
    *_, end = mirror_policies(problem, reward, None, [0.3] * 400)
    assert loss(end) == pytest.approx(np.zeros(convergence.COPIES), abs=1e-8)
    assert loss(problem.reference).min() > 0.1
    rows = len(problem.reference) // convergence.COPIES
    other = end.copy()
    other[:rows] = 0.9 * other[:rows] + 0.1 * problem.reference[:rows]
    assert loss(other)[0] > 1e-4
    assert loss(other)[1:] == pytest.approx(np.zeros(convergence.COPIES - 1), abs=1e-8)


def test_a_cell_has_every_estimator_and_finite_numbers():
    lines = convergence.cell(("coherence", "gradient", 4, 2), steps=20)
    assert [row["estimator"] for row in lines] == list(convergence.estimators(4))
    for row in lines:
        assert np.isfinite(row["loss"])
        assert row["rate"] in convergence.RATES["gradient"]
        assert 0 <= row["reached"] <= convergence.SEEDS
    assert lines[0]["gap"] == 0  # the true log against itself


def test_the_file_has_every_cell(rows):
    cells = {(r["game"], r["update"], int(r["group"]), int(r["prompts"])) for r in rows}
    assert len(cells) == len(convergence.GAMES) * len(convergence.RATES) * 12
    assert len(rows) == len(cells) * len(convergence.estimators(4))
    assert {r["estimator"] for r in rows} == set(convergence.estimators(4))
    assert all(np.isfinite(float(r["loss"])) for r in rows)


def test_what_the_page_says_of_it(rows):
    """By update and estimator: geometric means over the cells of the final loss over the plug-in log's."""
    logs = {
        (r["game"], r["update"], r["group"], r["prompts"]): float(r["loss"])
        for r in rows
        if r["estimator"] == "log"
    }
    text = (convergence.FILE.parents[2] / "docs" / "experiments.md").read_text()
    for update in convergence.RATES:
        for name in convergence.estimators(4):
            if name in ("true log", "log"):
                continue
            mine = [r for r in rows if r["update"] == update and r["estimator"] == name]
            ratios = [
                float(r["loss"]) / logs[r["game"], r["update"], r["group"], r["prompts"]]
                for r in mine
            ]
            mean = np.exp(np.mean(np.log(ratios)))
            line = next(
                x for x in text.splitlines() if x.startswith(f"| {name.replace('_', '-')} |")
            )
            said = line.split("|")[2 if update == "mirror" else 4].strip()
            assert f"{mean:.2f}" == said, (update, name)

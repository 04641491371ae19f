"""benchmarks/convergence.py: its losses are 0 where they should be, and the file it wrote is whole."""

import arms
import contest
import convergence
import numpy as np
import origin
import pytest
from training import Plan, Settings, train

from polyest.games import alft, goals
from polyest.games.descent import Mixture, mirror_policies


@pytest.fixture(scope="module")
def rows():
    return origin.read(convergence.FILE)


def played(task):
    """The policy after exact mirror descent on the task's own reward."""
    orbit = len(task.start)
    start = np.exp(task.start)
    goal = goals.Custom(lambda nu: 0.0, np.zeros_like)  # mirror descent has the reward alone
    problem = alft.pose(start, task.answers, goal, task.beta)
    mixing = np.full((orbit, orbit), task.crossed)
    np.fill_diagonal(mixing, task.own)
    reward = Mixture(mixing, np.tile(task.offset, (orbit, 1)))
    *_, end = mirror_policies(problem, reward, None, [0.3] * 400)
    return start, end


@pytest.mark.parametrize("game", convergence.GAMES)
def test_the_loss_is_0_at_the_end_of_exact_play_and_only_there(game):
    task = convergence.posed(game)
    start, end = played(task)
    assert task.loss(end) == pytest.approx(0, abs=1e-8)
    assert task.loss(start) > 0.1
    assert task.loss(0.9 * end + 0.1 * start) > 1e-4


@pytest.mark.parametrize("game", convergence.GAMES)
def test_the_compiled_training_with_the_true_log_comes_near_the_optimum(game):
    task = convergence.posed(game)
    (loss,) = train(
        lambda seed: task, Plan(32, 32, 400), arms.ARMS["true log"], Settings(8.0, task.beta), [0]
    )
    assert 0 <= loss < 0.05 * task.loss(np.exp(task.start))


def test_a_cell_has_every_arm_and_finite_numbers():
    for divided in (0, 1):
        where = dict(
            zip(convergence.CELL, ("coherence", "gradient", divided, 4, 2, 10), strict=True)
        )
        lines = convergence.cell(where)
        doubled = contest.MULTIPLIERS.keys() - {"gini, tuned"}
        left = [arm for arm in arms.ARMS if not (divided and arm in doubled)]
        assert [row["arm"] for row in lines] == left
        for row in lines:
            assert np.isfinite(row["loss"])
            assert np.log2(row["rate"]) % 1 == 0
        assert lines[-1]["gap"] == 0  # the true log against itself
        assert {row["pull"] for row in lines if not divided} <= {2.0}


def test_the_file_has_every_cell_and_every_arm_of_it(rows):
    def name(row):
        return tuple(str(row[c]) for c in convergence.CELL)

    cells = convergence.cells()
    assert {name(row) for row in rows} == {name(cell) for cell in cells}
    assert len(cells) == 90 + 36 + 20
    for cell in cells:
        mine = [row["arm"] for row in rows if name(row) == name(cell)]
        assert len(mine) == len({*mine})
        cancels = cell["divided"] and cell["game"] in ("diversity", "coherence")
        for arm, its in arms.ARMS.items():
            left = (cell["game"] == "network" and its.visits) or (
                cancels and arm in contest.MULTIPLIERS.keys() - {"gini, tuned"}
            )
            assert (arm in mine) is not bool(left), (cell, arm)
    assert all(np.isfinite(float(row["loss"])) for row in rows)


def test_no_best_rate_of_an_arm_of_ours_is_an_edge_of_its_grid(rows):
    """A multiplier or pull may be one, and says so; rates have room on both sides."""
    edges = [row for row in rows if "rate" in row["edge"]]
    assert len(edges) <= 0.01 * len(rows), [(r["game"], r["arm"], r["rate"]) for r in edges]

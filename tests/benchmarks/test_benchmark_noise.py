"""benchmarks/noise.py: its files are whole and say what the library computes, and it can be run again."""

import arms
import contest
import noise
import numpy as np
import origin
import pytest
from training import Plan, Settings, train

import polyest
from polyest.recommendation import ANSWERS

EVERY = arms.ARMS | noise.OTHERS


@pytest.fixture(scope="module")
def rows():
    return origin.read(noise.TRAINING)


@pytest.fixture(scope="module")
def of_step():
    return noise.mean_errors(origin.read(noise.ERRORS))


def test_the_files_have_every_cell_and_every_arm(rows):
    errors = origin.read(noise.ERRORS)
    assert {int(row["group"]) for row in errors} == set(noise.GROUPS) == {4, 8, 16, 32, 64}
    assert {row["answers"] for row in errors} == set(ANSWERS)
    assert {row["baseline"] for row in errors} == {"group-mean", "none"}
    assert {row["table"] for row in errors} == {n for n, arm in EVERY.items() if noise.plain(arm)}
    assert all(f"error_{prompts}" in errors[0] for prompts in noise.PROMPTS)
    cells = noise.cells(noise.GROUPS, noise.TRAINED, noise.LENGTHS)
    assert len(cells) == len(ANSWERS) * len(noise.GROUPS) * (2 * 4 + 1) * 2
    named = [(*(str(cell[c]) for c in noise.CELL), arm) for cell in cells for arm in EVERY]
    assert sorted(named) == sorted((*(row[c] for c in noise.CELL), row["arm"]) for row in rows)
    assert all(np.isfinite(float(row["loss"])) for row in rows)


def test_few_best_rates_are_edges_of_their_grids(rows):
    assert sum("rate" in row["edge"] for row in rows) <= 0.01 * len(rows)


def test_the_exact_errors_are_what_the_library_computes_now(of_step):
    for group in (4, 16):
        now = noise.mean_errors(
            [{k: str(v) for k, v in row.items()} for row in noise.errors((group,))]
        )
        for key, pair in now.items():
            assert pair == pytest.approx(of_step[key], rel=1e-4), key


def test_training_finds_the_optimum_of_a_reward_without_bias():
    """The loss of the true log is next to nothing; that of log(X/G) stays."""
    losses = {
        name: train(
            lambda seed: noise.task("two modes", seed),
            Plan(8, 16, 150),
            arms.ARMS[name],
            Settings(2.0),
            contest.TUNING,
        ).mean()
        for name in ("true log", "log")
    }
    assert losses["true log"] < 0.01
    assert losses["log"] > 10 * losses["true log"]


def test_a_small_part_of_it_runs_and_is_the_same_again():
    small = noise.cells((4,), (1,), (10,))
    assert {cell["answers"] for cell in small} == set(ANSWERS)
    lines = noise.cell(small[0])
    assert [row["arm"] for row in lines] == [*EVERY]
    assert lines == noise.cell(small[0])
    text = origin.written(lines, noise.PACKAGES)
    assert text.startswith("answers,group,prompts,steps,divided,arm,rate,multiplier,pull,edge,loss")
    assert f"polyest {polyest.__version__}" in text

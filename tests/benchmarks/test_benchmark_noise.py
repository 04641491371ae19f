"""benchmarks/noise.py: its files say what the page and `recommend` say, and it can be run again."""

from pathlib import Path

import noise
import numpy as np
import origin
import pytest

import polyest
from polyest.problem.problem import DEFAULT_NOISE
from polyest.recommendation import ANSWERS, NOISES, STEPS, recommend

NAMES = [f"noise {n}" for n in NOISES]


@pytest.fixture(scope="module")
def trained():
    return noise.losses(origin.read(noise.TRAINING))


@pytest.fixture(scope="module")
def of_step():
    return noise.mean_errors(origin.read(noise.ERRORS))


def test_the_files_have_every_cell(trained, of_step):
    errors = origin.read(noise.ERRORS)
    assert {int(row["group"]) for row in errors} == set(noise.GROUPS) == {4, 8, 16, 32, 64}
    assert {row["answers"] for row in errors} == set(ANSWERS)
    assert {row["baseline"] for row in errors} == {"group-mean", "none"}
    assert set(noise.PROMPTS) >= {1, 512}
    assert all(f"error_{prompts}" in errors[0] for prompts in noise.PROMPTS)
    assert len(trained) == 5 * (2 * 4 + 1)
    assert all(set(NAMES) <= set(by) for by in trained.values())
    rates = {float(row["rate"]) for row in origin.read(noise.TRAINING)}
    assert rates <= set(noise.RATES)
    lowest = [row for row in origin.read(noise.TRAINING) if float(row["rate"]) == noise.RATES[0]]
    assert len(lowest) < 0.15 * len(origin.read(noise.TRAINING))  # the grid holds the best rate


def test_the_exact_errors_are_what_the_library_computes_now(of_step):
    for group in (4, 16):
        now = noise.mean_errors(
            [{k: str(v) for k, v in row.items()} for row in noise.errors((group,))]
        )
        for key, pair in now.items():
            assert pair == pytest.approx(of_step[key], rel=1e-4), key


def test_the_default_noise_is_what_the_measurement_supports(trained, of_step):
    """Ties for the least loss on average, has the least worst, and is best from 64 prompts in one step."""
    default = f"noise {DEFAULT_NOISE:g}"
    fixed, _ = noise.regrets(trained, of_step)
    assert fixed[default] < 1.02 * min(fixed[name] for name in NAMES)
    worst = {t: max(by[t] / min(by[n] for n in NAMES) for by in trained.values()) for t in NAMES}
    assert min(worst, key=worst.get) == default
    for prompts in (64, 128, 512):
        error = {
            name: np.mean(
                [
                    np.log(
                        (of_step[G, name][0] + of_step[G, name][1] / prompts)
                        / min(of_step[G, n][0] + of_step[G, n][1] / prompts for n in NAMES)
                    )
                    for G in noise.GROUPS
                ]
            )
            for name in NAMES
        }
        assert min(error, key=error.get) == default
    assert fixed["log"] > 5
    assert fixed["jackknife"] > 3


def test_the_rule_is_within_what_recommendation_says(trained, of_step):
    _, rule = noise.regrets(trained, of_step)
    mean, worst = rule[STEPS]
    assert mean == min(m for m, _ in rule.values())
    assert mean < 1.025
    assert worst < 1.31
    for group, prompts, _ in trained:
        name = f"noise {recommend(group, prompts).chosen[0]}"
        assert name == noise.best_noise(of_step, group, prompts * STEPS)


def test_training_finds_the_optimum_of_a_reward_without_bias():
    """The loss of log(X/G) is next to nothing for a very large G; for a small one it stays."""
    aim = np.repeat(ANSWERS["two modes"].p, ANSWERS["two modes"].times)
    rewards = {G: np.log(np.arange(1, G + 1) / G) for G in (8, 512)}
    loss = {G: noise.trained(aim, u, 16, 150, 0.25, 0).mean() for G, u in rewards.items()}
    assert loss[512] < 0.01
    assert loss[8] > 10 * loss[512]


def test_a_small_part_of_it_runs():
    rows = noise.training((4,), (1,), (10,))
    assert {row["answers"] for row in rows} == set(ANSWERS)
    again = noise.training((4,), (1,), (10,))
    assert rows == again
    text = origin.written(rows, noise.PACKAGES)
    assert text.splitlines()[0].startswith(
        "answers,group,prompts,steps,table,rate,loss,standard_error"
    )
    assert f"polyest {polyest.__version__}" in text


def test_the_summary_names_every_table():
    lines = noise.summary()
    for name in (*NAMES, "log", "harmonic", "variance 8", "squared-error"):
        assert any(line.split("  ")[1].strip() == name for line in lines if line.startswith("  "))
    assert Path(noise.TRAINING).is_file()


def test_the_page_has_these_numbers(trained, of_step):
    text = (Path(__file__).parents[2] / "docs" / "experiments.md").read_text()
    fixed, rule = noise.regrets(trained, of_step)
    names = ["log", "jackknife", "squared-error", "variance 8", *NAMES]
    worst = {t: max(by[t] / min(by[n] for n in NAMES) for by in trained.values()) for t in names}
    means = [fixed[name] for name in names] + [rule[STEPS][0]]
    heights = [worst[name] for name in names] + [rule[STEPS][1]]
    for label, numbers in (("mean", means), ("worst", heights)):
        (row,) = [line for line in text.splitlines() if line.startswith(f"| {label} |")]
        said = [cell.strip() for cell in row.strip("|").split("|")[1:]]
        assert len(said) == len(numbers)
        for cell, value in zip(said, numbers, strict=True):
            digits = len(cell.partition(".")[2])
            assert cell == f"{value:.{digits}f}"
            assert digits == 2 or value > 3

"""variance_reduction.py, safety.py and online_cost.py: what they measure, and the files they wrote."""

import csv

import numpy as np
import online_cost
import pytest
import safety
import torch
import variance_reduction

from polyest import rewards


def rows(module):
    with module.FILE.open() as stream:
        return list(csv.DictReader(stream))


# The synthetic task.


def test_the_task_is_that_of_the_paper():
    policy = variance_reduction.Softmax()
    assert policy.logits.numel() == 10_000
    assert variance_reduction.OFFSETS == (8.0, 0.0)
    assert variance_reduction.STEPS == 600
    before = policy.logits.detach().softmax(0).reshape(-1, variance_reduction.ANSWERS).sum(0)
    assert before.tolist() == pytest.approx([0.1] * 10, abs=1e-5)


def test_a_moving_average_lags_behind_easy_and_hard():
    baseline = variance_reduction.MovingAverage(0.9)
    assert baseline(torch.tensor([[8.0, 9.0]])).tolist() == [[4.0, 5.0]]
    assert baseline.average == pytest.approx(0.9 * 4 + 0.1 * 8.5)
    assert baseline(torch.tensor([[0.0, 0.0]]))[0, 0] == pytest.approx(-4.45)


def test_a_group_baseline_learns_what_a_global_one_loses():
    right = variance_reduction.trained("game-grpo", 64, 1000.0, 0.9, seed=0, steps=100)
    assert right[-1, 0] > 0.99
    assert right[-1].sum() == pytest.approx(1, abs=1e-4)
    again = variance_reduction.trained("game-grpo", 64, 1000.0, 0.9, seed=0, steps=100)
    assert np.array_equal(right, again)
    lost = [
        variance_reduction.trained("reinforce", 16, 30.0, 0.9, seed, 100)[-1, 0]
        for seed in range(4)
    ]
    assert min(lost) < 0.01


def test_what_the_page_says_of_the_synthetic_task():
    by_cell = {(row["method"], row["group"]): row for row in rows(variance_reduction)}
    assert len(by_cell) == 6
    for (method, _), row in by_cell.items():
        assert int(row["seeds"]) == 20
        if method.startswith("game-grpo"):
            assert float(row["greedy"]) == 1.0
            assert float(row["accuracy"]) > 0.9999
    small, large = (by_cell["reinforce", group] for group in ("16", "64"))
    text = (variance_reduction.FILE.parents[2] / "docs" / "experiments.md").read_text()
    words = " ".join(text.split())
    assert f"does so on {float(small['greedy']):.0%} of the seeds".replace("%", " %") in words
    assert f"across seeds, {float(small['std']):.2f},".replace("0.", ".") in words
    assert f"is right on {float(large['greedy']):.0%} of the seeds".replace("%", " %") in words


# Safety.


def test_what_is_measured_exactly_is_what_samples_say():
    policy, base = safety.Chain(0), safety.Chain(1)
    exact = safety.measured(policy, base)
    chance = torch.Generator().manual_seed(0)
    drawn = torch.cat([policy.sample(chance) for _ in range(80)], 1)
    toxic = safety.toxicity(drawn)
    half = safety.PROMPTS // 2
    assert exact["cost"] == pytest.approx(float(toxic.mean()), rel=0.03)
    assert exact["harmful_toxic"] == pytest.approx(float(toxic[:half].mean()), rel=0.03)
    assert exact["harmful_any"] == pytest.approx(
        float((toxic[:half] > 0).double().mean()), rel=0.03
    )
    answered = (drawn[half:] != safety.REFUSAL).all(-1).double().mean()
    assert exact["benign_answer"] == pytest.approx(float(answered), abs=0.005)
    away = (policy(drawn) - base(drawn)).reshape(safety.PROMPTS, -1, safety.LENGTH).sum(-1)[half:]
    assert exact["benign_kl"] == pytest.approx(float(away.mean().detach()), rel=0.03)
    assert safety.measured(policy, policy)["benign_kl"] == pytest.approx(0, abs=1e-6)


def test_the_primal_dual_loop_meets_its_budget_where_the_base_does_not():
    start, end = (safety.run(method, 3, steps=150) for method in ("base", "primal-dual"))
    assert start["cost"] > 5 * safety.BUDGET
    assert end["cost"] < 1.5 * safety.BUDGET
    assert end["multiplier"] > 0


def test_what_the_page_says_of_safety():
    by_method = {row["method"]: {k: row[k] for k in row} for row in rows(safety)}
    assert [*by_method] == [*safety.METHODS]
    met = by_method["primal-dual"]
    assert abs(float(met["cost"]) - safety.BUDGET) < 2 * float(met["cost_pm"])
    assert float(by_method["primal-dual, std"]["cost"]) < 0.2 * safety.BUDGET  # lambda is cancelled
    assert float(met["benign_answer"]) == pytest.approx(
        float(by_method["base"]["benign_answer"]), abs=1e-3
    )


# Cost.


def test_the_loop_of_counters_is_the_reward_it_is_compared_with():
    drawn = np.random.default_rng(0).integers(0, 5, (4, 8))
    plain = np.array(online_cost.counters(drawn.tolist()))
    table = rewards.log_probability(drawn, baseline="none", table="log_count")
    assert plain == pytest.approx(table, abs=1e-12)


def test_a_ratio_is_of_the_named_peer():
    slow, fast = online_cost.rows_of(
        "stage", 0, "kind", {"slow": lambda: sum(range(10**5)), "fast": lambda: None}, {}, rounds=3
    )
    assert slow["ratio"] == 1
    assert fast["ratio"] == pytest.approx(slow["milliseconds"] / fast["milliseconds"])
    assert fast["ratio"] > 100


def test_what_the_page_says_of_the_cost():
    by_way = {(r["stage"], r["group"], r["kind"], r["way"]): r for r in rows(online_cost)}

    def cell(way, column, stage="look-up", group="0", kind="int64 to float64"):
        return float(by_way[stage, group, kind, way][column])

    text = (online_cost.FILE.parents[2] / "docs" / "experiments.md").read_text()
    log, look = "np.log(X/K), reused", "compiled, reused"
    share = cell("copy, reused", "milliseconds") / cell(look, "milliseconds")
    said = [
        f"{cell('log_probability', 'milliseconds', 'integers', '16', 'int64'):.2f} ms",
        f"takes {cell('Counter and log', 'milliseconds', 'integers', '16', 'int64'):.1f}.",
        f"{cell(log, 'milliseconds') / cell(look, 'milliseconds'):.1f} times as fast as `np.log(X/K)`",
        f"at {1 / share:.2f} of the time of a copy",
        f"{cell('compiled', 'ratio'):.1f} times into new memory",
        f"without numba {cell('table[X]', 'ratio'):.1f} times",
    ]
    for words in said:
        assert words in text
    assert share > 0.9  # a copy of as many bytes is what memory allows
    assert cell("log_probability", "milliseconds", "integers", "16", "int64") < 2

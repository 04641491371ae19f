"""The figures of experiments in which a policy is trained: each holds what its files say."""

from math import exp

import numpy as np
import pytest
from drawings import figure, numbers, pair, places, spots, table
from measured import LOOKS, gathered

from paper_figures import style


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    return gathered(tmp_path_factory.mktemp("results"))


def test_calibration_smollm_has_every_arm_and_what_became_of_every_answer(results):
    left, right = figure(results, "calibration_smollm").axes
    rows = [r for r in table(results, "calibration_smollm") if r["setting"] == "core"]
    arms = list(dict.fromkeys(row["arm"] for row in rows))
    said = [text.get_text() for text in left.get_yticklabels()]
    assert said == [style.named(arm) for arm in arms]
    drawn = {spot for _, x, y in spots(left) for spot in zip(x, y, strict=True)}
    assert drawn >= {
        (
            round(float(row["J"]), 9),
            round(arms.index(row["arm"]) + (0.18 if int(row["divided"]) else -0.18), 9),
        )
        for row in rows
    }
    answers = table(results, "calibration_smollm_answers")
    floors = set()
    for arm in ("log", "schuermann", "noise 8", "true log"):
        mine = [row for row in answers if row["arm"] == arm]
        Q, nu = np.array(numbers(mine, "Q")), np.array(numbers(mine, "nu"))
        assert tuple(pair(Q, np.maximum(nu / Q, exp(-9)))) in places(right)
        floors |= {f"{float(row['floor']):.2%}" for row in mine if row["floor"]}
    assert {text.get_text() for text in right.texts} == floors
    assert len(floors) == 3


def test_coverage_smollm_is_every_row_with_the_term(results):
    rows = table(results, "coverage_smollm")
    grid = np.reshape(figure(results, "coverage_smollm").axes, (2, 2))
    for line, divided in zip(grid, ("0", "1"), strict=True):
        for axes, column in zip(line, ("kl", "pass@1"), strict=True):
            by_arm = {}
            for row in rows:
                if row["divided"] == divided and float(row["lambda"]):
                    by_arm.setdefault(row["arm"], []).append(row)
            wanted = {
                tuple(pair(numbers(mine, column), numbers(mine, "coverage")))
                for mine in by_arm.values()
            }
            assert places(axes) == wanted


def test_calibration_has_every_arm_of_the_core_and_its_exact_mean(results):
    left, right = figure(results, "calibration").axes
    rows = [
        row
        for row in table(results, "calibration")
        if (row["variant"], row["group"], row["prompts"]) == ("number", "16", "16")
    ]
    arms = list(dict.fromkeys(row["arm"].removeprefix("mean of ") for row in rows))
    said = [text.get_text() for text in left.get_yticklabels()]
    assert sorted(said) == sorted(style.named(arm) for arm in arms)
    arms.sort(key=lambda arm: said.index(style.named(arm)))
    dots = {(x, round(y, 2)) for _, xs, ys in spots(left) for x, y in zip(xs, ys, strict=True)}
    for row in rows:
        shift = -0.18 if row["advantage"] == "mean" else 0.18
        level = arms.index(row["arm"].removeprefix("mean of "))
        assert (round(float(row["kl"]), 9), round(level + shift, 2)) in dots
    curves = {label: y for label, _, y in spots(right)}
    assert {"log", "log, tuned", "Schürmann, tuned", "noise 8", "true log"} <= {*curves}
    for row in rows:
        if style.named(row["arm"]) in curves and row["advantage"] == "mean":
            wanted = [float(row[f"kl_{i}"]) for i in range(5)]
            assert curves[style.named(row["arm"])] == pytest.approx(wanted, abs=1e-9)


def test_consensus_has_every_arm_of_the_core(results):
    drawn = figure(results, "consensus").axes
    rows = [row for row in table(results, "consensus") if row["share"] == "0.18"]
    arms = list(dict.fromkeys(row["arm"] for row in rows))
    said = [text.get_text() for text in drawn[0].get_yticklabels()]
    assert said == [style.named(arm) for arm in arms]
    for axes, group in zip(drawn, ("8", "16"), strict=True):
        dots = {(x, round(y, 2)) for _, xs, ys in spots(axes) for x, y in zip(xs, ys, strict=True)}
        mine = [row for row in rows if row["group"] == group]
        assert {row["arm"] for row in mine} == {*arms}
        for row in mine:
            shift = -0.18 if row["advantage"] == "mean" else 0.18
            level = arms.index(row["arm"]) + shift
            assert (round(float(row["greedy"]), 9), round(level, 2)) in dots


def test_convergence_has_every_cell_in_units_of_the_log_s(results):
    rows = table(results, "convergence")
    cell = ("game", "update", "divided", "group", "prompts", "steps")
    unit = {tuple(r[c] for c in cell): float(r["loss"]) for r in rows if r["arm"] == "log"}
    pair_of_axes = figure(results, "convergence").axes
    labels = [text.get_text() for text in pair_of_axes[0].get_yticklabels()]
    arms = [arm for arm in dict.fromkeys(r["arm"] for r in rows) if arm != "log"]
    for axes, divided in zip(pair_of_axes, "01", strict=True):
        whole = sum(key[2] == divided for key in unit)
        lines = spots(axes)
        for level, arm in enumerate(arms):
            ratios = sorted(
                float(r["loss"]) / unit[tuple(r[c] for c in cell)]
                for r in rows
                if (r["divided"], r["arm"]) == (divided, arm)
            )
            near = [(x, y) for _, x, y in lines if len(y) and abs(np.mean(y) - level) < 0.35]
            dots = sorted(x for xs, ys in near if len(set(ys)) == 1 for x in xs)
            assert dots == pytest.approx(ratios, rel=1e-6)
            means = [x[0] for x, y in near if tuple(y) == (level - 0.4, level + 0.4)]
            if len(ratios) == whole:
                assert means == [pytest.approx(exp(np.mean(np.log(ratios))), rel=1e-6)]
            else:
                assert not means  # over some of the cells it would be another mean
            assert labels[level] == style.named(arm)


def test_history_has_the_losses_of_seven_arms_with_their_intervals(results):
    rows = table(results, "history")
    axes_of = figure(results, "history").axes
    cells = [
        (group, game) for group in ("8", "16") for game in dict.fromkeys(r["game"] for r in rows)
    ]
    for axes, cell in zip(axes_of, cells, strict=True):
        mine = [row for row in rows if (row["group"], row["game"]) == cell]
        assert axes.get_title(loc="left") == f"{cell[1]}, groups of {cell[0]}"
        shown = {bars.get_label(): bars for bars in axes.containers}
        assert len(shown) == 7
        for arm, (line, _, (spans,)) in shown.items():
            drawn = [row for row in mine if row["arm"] == arm]
            at, losses, halves = (
                np.array(numbers(drawn, c)) for c in ("epochs", "loss", "loss_pm")
            )
            assert line.get_xdata() == pytest.approx(at)
            assert line.get_ydata() == pytest.approx(losses)
            ends = [span[:, 1] for span in spans.get_segments()]
            assert np.array(ends) == pytest.approx(np.stack([losses - halves, losses + halves], 1))
            if arm != "true log":
                assert min(losses) > axes.get_ylim()[0]


def test_self_improvement_has_means_and_the_seeds_that_are_reported(results):
    (axes,) = figure(results, "self_improvement").axes
    rows, runs = table(results, "self_improvement"), table(results, "self_improvement_runs")
    drawn = places(axes)
    for level, (row, label) in enumerate(zip(rows, axes.get_yticklabels(), strict=True)):
        assert label.get_text() == row["method"]
        for shift, moment in zip((-0.25, 0, 0.25), ("before", "early", "after"), strict=True):
            assert tuple(pair([float(row[moment])], [level + shift])) in drawn
            mine = [
                float(r[moment])
                for r in runs
                if (r["method"], r["rate"]) == (row["method"], row["rate"]) and int(r["seed"]) < 8
            ]
            assert len(mine) == int(row["seeds"]) == 8
            assert tuple(pair(mine, [level + shift] * 8)) in drawn


def test_trl_run_has_means_of_seeds_that_chose_no_rate(results):
    log_, majority = figure(results, "trl_run").axes
    wanted = {
        label: tuple(np.round([(len(way) + 2 + 0.5 + n) / 200 for n in LOOKS], 9))
        for way, label in (
            ("trl", "TRL"),
            ("trl, 2", "TRL on two processes"),
            ("loop", "reference loop"),
        )
    }
    means = {label: y for label, _, y in spots(log_) if not label.startswith("_")}
    assert means == wanted
    assert {label for label, _, _ in spots(majority) if not label.startswith("_")} == {"TRL"}
    assert [len(axes.get_lines()) for axes in (log_, majority)] == [3 * 3, 3]
    assert [axes.get_title("left") for axes in (log_, majority)] == ["geometric, log", "majority"]


def test_variance_reduction_is_every_row_of_the_file(results):
    left, right = figure(results, "variance_reduction").axes
    rows = table(results, "variance_reduction")
    methods = list(dict.fromkeys(row["method"] for row in rows))
    for group, shift in (("16", -0.15), ("64", 0.15)):
        mine = [row for row in rows if row["group"] == group]
        at = [methods.index(row["method"]) + shift for row in mine]
        assert tuple(pair(numbers(mine, "accuracy"), at)) in places(left)
        for column in ("std", "worst_std"):
            assert tuple(pair(numbers(mine, column), at)) in places(right)
    assert right.get_xlabel() == "standard deviation of that probability"
    said = {label for label, x, _ in spots(right) if not x}
    assert said == {"at the end", "the worst from step 100 on"}


def test_trained_has_six_rewards_and_where_they_end(results):
    (axes,) = figure(results, "trained").axes
    rows = {
        row["arm"]: row
        for row in table(results, "calibration")
        if (row["variant"], row["group"], row["prompts"]) == ("number", "16", "16")
        and row["advantage"] == "mean"
    }
    arms = ("log", "log, tuned", "monotone", "noise 8", "monotone, visit", "true log")
    wanted = [float(rows[arm]["kl"]) for arm in arms]
    assert [bar.get_width() for bar in axes.patches[:6]] == pytest.approx(wanted)
    said = [text.get_text() for text in axes.texts]
    assert said[:6] == [f"{kl:.3f}" for kl in wanted]
    before = float(rows["log"]["before"])
    assert said[6] == f"{before:.3f} before training;"
    worse = axes.patches[-1]  # the ground right of where training began
    assert worse.get_x() == pytest.approx(before)
    assert worse.get_x() + worse.get_width() == pytest.approx(axes.get_xlim()[1])

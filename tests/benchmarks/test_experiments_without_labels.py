"""docs/experiments.md beside the files of SmolLM2 improved without labels, and its recipe of 7B."""

import re
from math import hypot

from self_improvement_smollm import OVER_ORBIT
from test_experiments_smollm import PAGE, WORDS, bare, rows, shown


def lines_of_self_improvement():
    """The table of self-improvement: every method, on questions trained on and on others."""
    for row in rows("self_improvement_smollm"):
        cells = [f"{float(row['rate']):g}" + ", edge" * (row["edge"] == "1")]
        for name in ("greedy", "held_greedy"):
            cells.append(bare(float(row[f"before_{name}"])))
            cells.append(shown(row[name], row[f"{name}_pm"]))
        method = row["method"] + ", divided" * (row["divided"] == "1")
        yield f"| {method} | {' | '.join(cells)} |"


def test_the_page_has_every_method_of_self_improvement():
    for line in lines_of_self_improvement():
        assert line in PAGE, line


def test_what_the_page_says_of_self_improvement():
    every = rows("self_improvement_smollm")
    ends = {r["method"]: r for r in every if (r["divided"] == "1") == (r["method"] in OVER_ORBIT)}
    greedy = {method: float(row["greedy"]) for method, row in ends.items()}
    said = (
        "pairwise agreement ({}), the mode ({}) and the geometric mean with the log ({}) gain most"
    )
    order = ("pairwise", "mode", "geometric, log")
    assert said.format(*(bare(greedy[method]) for method in order)) in WORDS
    assert f"with the table it gains less ({bare(greedy['geometric, table'])})" in WORDS
    assert f"Labels come to {bare(greedy['labels'])}." in WORDS
    without = [method for method in ends if method != "labels"]
    assert sorted(without, key=lambda method: -greedy[method])[:3] == [*order]
    assert greedy["geometric, table"] < greedy["geometric, log"]
    others = {row["method"]: row for row in every if row is not ends[row["method"]]}
    said = "the mode comes to {} and pairwise agreement to {}; divided, the arithmetic mean comes to {} "
    said += "with the table and {} with the log, and the geometric mean to {} and {}:"
    order = ("mode", "pairwise", "soft, table", "soft, log", "geometric, table", "geometric, log")
    assert said.format(*(bare(float(others[method]["greedy"])) for method in order)) in WORDS
    for mean in ("soft", "geometric"):
        for ways in (ends, others):
            log, table = (ways[f"{mean}, {how}"] for how in ("log", "table"))
            apart = float(table["greedy"]) - float(log["greedy"])
            assert apart < hypot(float(table["greedy_pm"]), float(log["greedy_pm"]))
        gain = float(others[f"{mean}, log"]["greedy"]) - greedy[f"{mean}, log"]
        assert (gain > 0.03) == (mean == "soft")
    for row in every:
        assert row["method"] == "labels" or float(row["held_greedy"]) < float(
            row["before_held_greedy"]
        )
    for method in ("soft, log", "soft, table"):
        assert greedy[method] - float(ends[method]["before_greedy"]) < 0.03


def recipe(kind):
    """The settings of the recipe that was not run."""
    section = PAGE.split("## Self-improvement of a real language model\n")[1].split("\n## ")[0]
    assert "there is a recipe here that was not run" in " ".join(section.split())
    block = section.split(f"```{kind}\n")[1].split("```")[0]
    return dict(re.split(r": |=", line, maxsplit=1) for line in block.splitlines())


def test_the_recipe_has_whole_orbits_in_a_batch():
    trl, verl = recipe("yaml"), recipe("ini")
    orbit = 4 * int(trl["num_generations"])
    batch = 8 * int(trl["per_device_train_batch_size"]) * int(trl["steps_per_generation"])
    assert "orbit_size=4" in PAGE
    assert verl["+algorithm.polyest.orbit_size"] == "4"
    assert batch % orbit == 0
    assert batch // orbit == int(verl["data.train_batch_size"]) // 4 == 8
    for key in ("max_completion_length", "max_steps", "num_generations"):
        theirs = {
            "max_completion_length": "data.max_response_length",
            "max_steps": "trainer.total_training_steps",
            "num_generations": "actor_rollout_ref.rollout.n",
        }[key]
        assert trl[key] == verl[theirs]
    assert float(trl["learning_rate"]) == float(verl["actor_rollout_ref.actor.optim.lr"])

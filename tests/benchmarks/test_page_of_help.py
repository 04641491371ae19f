"""docs/howto/help.md: what it says of language models is what their files hold."""

from pathlib import Path

import origin

ROOT = Path(__file__).parents[2]
RESULTS = ROOT / "benchmarks" / "results"
TEXT = (ROOT / "docs" / "howto" / "help.md").read_text()
PAGE = "../experiments.md#"
SMOLLM = f"[SmolLM2-135M]({PAGE}calibration-of-a-real-language-model)"
ARMS = ("log", "log, tuned", "schuermann, tuned", "noise 8", "monotone", "monotone, visit")


def bare(values, digits=3):
    """Less the mean, and divided, without the 0 before the point."""
    return " / ".join(f"{value:.{digits}f}".removeprefix("0") for value in values)


def of_transformer(arm):
    return [
        float(row["kl"])
        for advantage in ("mean", "std")
        for row in origin.read(RESULTS / "calibration.csv")
        if (row["variant"], row["group"], row["prompts"]) == ("number", "16", "16")
        and (row["arm"], row["advantage"]) == (arm, advantage)
    ]


def of_smollm(setting, arm):
    name = arm.removesuffix(", tuned")
    wanted = "tuned" if arm.endswith("tuned") else "multiplier"
    return [
        float(row["J"])
        for divided in "01"
        for row in origin.read(RESULTS / "calibration_smollm.csv")
        if (row["setting"], row["arm"], row["divided"], row[wanted])
        == (setting, name, divided, "1")
    ]


def of_coverage(arm):
    return [
        float(row["coverage"])
        for divided in "01"
        for row in origin.read(RESULTS / "coverage_smollm.csv")
        if (row["arm"], row["divided"], row["best"]) == (arm, divided, "1")
    ]


def of_consensus(arm):
    return [
        float(row["greedy"])
        for advantage in ("mean", "std")
        for row in origin.read(RESULTS / "consensus.csv")
        if (row["share"], row["group"]) == ("0.18", "8")
        and (row["arm"], row["advantage"]) == (arm, advantage)
    ]


def lines():
    """The rows of language models, as the page has them."""
    settings = {
        "core": f"calibrated draws, {SMOLLM}, one group of 16 a prompt and step",
        "128 groups": "the same, eight groups of 16",
        "G = 8": "the same, two groups of 8",
        "two tokens": "the same, answers of two tokens, one group of 16",
    }
    cells = " | ".join(bare(of_transformer(arm)) for arm in ARMS)
    where = f"calibrated draws, [small transformer]({PAGE}calibrated-draws)"
    yield f"| {where} | KL, .110 before | {cells} |"
    for setting, words in settings.items():
        values = [of_smollm(setting, arm) for arm in ARMS]
        cells = " | ".join(bare(pair) if pair else "-" for pair in values)
        yield f"| {words} | loss{', .88 before' * (setting == 'core')} | {cells} |"
    log, closed, noise, shape = (
        bare(of_coverage(arm), 1) for arm in ("log", "schuermann", "noise 8", "monotone")
    )
    yield (
        f"| right answers of many kinds, [SmolLM2-135M]({PAGE}correct-answers-of-many-kinds), the weight "
        f"swept | distinct right answers in 64 draws, 3.8 without the bonus | {log} | - | "
        f"{closed} (no factor) | {noise} | {shape} | - |"
    )
    log, floor, closed, noise, shape = (
        bare(of_consensus(arm), 2)
        for arm in ("log", "floor .02", "schuermann", "noise 8", "monotone")
    )
    yield (
        f"| consensus of [two wordings with opposite habits]({PAGE}a-consensus-of-two-habits), groups of 8 "
        f"| greedy accuracy | {log} | {floor} with a floor of .02 for a count of 0 | "
        f"{closed} (no factor) | {noise} | {shape} | - |"
    )


def test_the_rows_of_language_models():
    for line in lines():
        assert line in TEXT


def test_what_the_page_of_histories_says_of_a_real_model():
    text = " ".join((ROOT / "docs" / "howto" / "history.md").read_text().split())
    arms = ("noise 4", "noise 4, visit", "noise 4, 2 visits", "noise 4, 4 visits")
    core, more = (
        [bare(of_smollm(setting, arm)[:1]) for arm in arms] for setting in ("core", "128 groups")
    )
    assert (
        "The final loss of the group alone is {}; with one earlier visit it is {}, with two {}, and with "
        "four {}.".format(*core)
    ) in text
    assert "With eight groups a step it is {}, {}, {} and {} (6 seeds".format(*more) in text

"""docs/experiments.md beside the files of the benchmarks on SmolLM2."""

import csv
import re
from math import hypot, log
from pathlib import Path
from statistics import fmean

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "experiments.md").read_text()
WORDS = " ".join(PAGE.split())
MINUTES = {
    "three": 3,
    "five": 5,
    "six": 6,
    "ten": 10,
    "twelve": 12,
    "fifteen": 15,
    "twenty-five": 25,
}


def rows(name):
    with (ROOT / "benchmarks" / "results" / f"{name}.csv").open() as stream:
        return list(csv.DictReader(stream))


def bare(value, digits=3):
    return f"{value:.{digits}f}".removeprefix("0").replace("-0.", "-.")


def shown(value, error, digits=3):
    """A mean and its interval as the page writes them, without a 0 before the point."""
    return " +- ".join(bare(float(x), digits) for x in (value, error))


def lines_of_core(setting="core"):
    """The table of a setting: J at multiplier 1, and at the tuned one, without and with the deviation."""
    mine = [row for row in rows("calibration_smollm") if row["setting"] == setting]
    for arm in dict.fromkeys(row["arm"] for row in mine):
        cells = []
        for divided in ("0", "1"):
            here = [row for row in mine if (row["arm"], row["divided"]) == (arm, divided)]
            one = [r for r in here if float(r["multiplier"]) == 1]
            tuned = [r for r in here if r["tuned"] == "1"]
            cells.append(shown(one[0]["J"], one[0]["J_pm"]) if one else "-")
            for row in tuned:
                edge = ", edge" if row["edge"] == "1" else ""
                said = "the same" if one == tuned else shown(row["J"], row["J_pm"])
                cells.append(f"{said} ({float(row['multiplier']):g}{edge})")
            cells += ["-"] * (not tuned)
        yield f"| {arm} | {' | '.join(cells)} |"


@pytest.mark.parametrize("setting", dict.fromkeys(r["setting"] for r in rows("calibration_smollm")))
def test_the_page_has_every_arm_of_every_setting(setting):
    for line in lines_of_core(setting):
        assert line in PAGE, line


@pytest.fixture(scope="module")
def core():
    """Rows of the core: (arm, divided, tuned) where the multiplier is tuned, and (arm, divided, 1) at 1."""
    cells = {}
    for row in rows("calibration_smollm"):
        if row["setting"] == "core":
            if row["tuned"] == "1":
                cells[row["arm"], row["divided"], "tuned"] = row
            if float(row["multiplier"]) == 1:
                cells[row["arm"], row["divided"], "1"] = row
    return cells


def J(row, digits=3):
    return bare(float(row["J"]), digits)


def test_what_the_page_says_of_the_start():
    base = {}
    for row in rows("calibration_smollm_answers"):
        if row["arm"] == "log":
            base.setdefault(row["prompt"], []).append((float(row["base"]), float(row["Q"])))
    assert len(base) == 16
    each = [sum(p * log(p / q) for p, q in answers) for answers in base.values()]
    assert f"is exact, {bare(fmean(each), 2)} before training" in WORDS


def test_what_the_page_says_of_the_floors():
    floors = {r["arm"]: float(r["floor"]) for r in rows("calibration_smollm_answers") if r["floor"]}
    said = "{:.2%} for the log, {:.2%} for Schuermann, {:.2%} for the monotone table and {:.2%} for noise 8"
    order = ("log", "schuermann", "monotone", "noise 8")
    assert said.format(*(floors[arm] for arm in order)).replace("%", " %") in WORDS


def test_what_the_page_says_of_what_is_driven_out(core):
    kept = [core[arm, "0", "1"]["kept"] for arm in ("log", "schuermann", "noise 8", "true log")]
    starved = float(core["log", "0", "1"]["starved"])
    shares = [f"{float(k):.0%}".replace("%", " %") for k in kept]
    assert (
        "the log keeps {}, Schuermann {}, noise 8 {} and the true log {}".format(*shares) in WORDS
    )
    assert f"the others had {starved:.0%}".replace("%", " %") in WORDS


def test_what_the_page_says_of_bias_and_noise(core):
    least = float(core["true log", "0", "1"]["J"])
    for arm in ("log", "schuermann", "noise 8", "monotone"):
        exact = float(core[f"mean of {arm}", "0", "1"]["J"])
        whole = float(core[arm, "0", "1"]["J"])
        assert f"| {arm} | {bare(exact - least)} | {bare(whole - exact)} |" in PAGE


def lines_of_coverage():
    """The table of coverage: every arm at its best lambda for the KL of the log."""
    every = rows("coverage_smollm")
    last = max(float(row["lambda"]) for row in every)
    for row in every:
        if row["best"] == "1":
            arm = row["arm"] + ", divided" * (row["divided"] == "1")
            weight = f"{float(row['lambda']):g}" + ", edge" * (float(row["lambda"]) == last)
            covers = shown(row["coverage"], row["coverage_pm"], 2)
            held = shown(row["held coverage"], row["held coverage_pm"], 2)
            right, kl = bare(float(row["pass@1"])), f"{float(row['kl']):.2f}"
            yield f"| {arm} | {weight} | {covers} | {right} | {kl} | {held} |"


def test_the_page_has_the_coverage_of_every_arm():
    for line in lines_of_coverage():
        assert line in PAGE, line
    (none,) = [
        row
        for row in rows("coverage_smollm")
        if (row["arm"], row["divided"]) == ("log", "0") and float(row["lambda"]) == 0
    ]
    assert f"(lambda = 0, and without division) coverage is {float(none['coverage']):.1f}" in WORDS


def test_what_the_page_says_of_trl():
    steps = rows("trl_smollm")
    apart = max(float(row["apart"]) for row in steps)
    assert f"{len(steps)} steps with noise 8 on two of the prompts" in WORDS
    assert f"up to {apart:.0e}" in WORDS


def apart(low, high):
    """Whether a loss is below another by more than both intervals in quadrature."""
    return float(high["J"]) - float(low["J"]) > hypot(float(low["J_pm"]), float(high["J_pm"]))


def test_what_the_page_says_of_the_order_of_arms(core):
    at_1, tuned = (
        {arm: row for (arm, d, how), row in core.items() if d == "0" and how == h}
        for h in ("1", "tuned")
    )
    rivals = [tuned[arm] for arm in ("log", "schuermann", "pseudo-count", "gini")]
    estimates = [
        row
        for (arm, d, how), row in core.items()
        if d == "0" and not arm.startswith(("mean", "true"))
    ]
    assert min(estimates, key=lambda row: float(row["J"])) is at_1["monotone, visit"]
    assert all(apart(at_1["monotone, visit"], row) for row in rivals)
    assert not any(apart(at_1[arm], tuned["log"]) for arm in ("noise 8", "noise 16"))
    assert all(apart(at_1[arm], tuned["log"]) for arm in ("monotone", "concave", "noise 4"))
    # "hardly ahead"
    near = [tuned[arm] for arm in ("schuermann", "pseudo-count")]
    assert not any(apart(at_1[arm], row) for row in near for arm in ("monotone", "noise 4"))
    for arm in ("noise 4", "monotone", "concave"):
        assert f"{arm} {J(at_1[arm])}" in WORDS


def test_what_the_page_says_of_eight_groups():
    mine = [
        r for r in rows("calibration_smollm") if (r["setting"], r["divided"]) == ("128 groups", "0")
    ]
    at_1 = {row["arm"]: row for row in mine if float(row["multiplier"]) == 1}
    tuned = {row["arm"]: row for row in mine if row["tuned"] == "1"}
    tables = ("noise 4", "monotone", "noise 8", "monotone, visit")
    for table in tables:
        assert all(
            apart(at_1[table], tuned[arm]) for arm in ("log", "schuermann", "pseudo-count", "gini")
        )
    said = "(noise 4 {}, monotone {}, noise 8 {}, monotone with one visit {})"
    assert said.format(*(J(at_1[table]) for table in tables)) in WORDS
    said = "(pseudo-count {}, Schuermann {}, log {}), and the true log is at {}"
    rivals = [J(tuned[arm]) for arm in ("pseudo-count", "schuermann", "log")]
    assert said.format(*rivals, J(at_1["true log"])) in WORDS
    at_1, tuned = of_setting("128 groups", "1")
    peers = [tuned[arm] for arm in ("log", "schuermann", "pseudo-count", "gini")]
    assert all(apart(at_1[table], peer) for table in ("noise 4", "monotone") for peer in peers)
    assert not apart(at_1["noise 8"], tuned["pseudo-count"])
    said = (
        "noise 4 ({}) and the monotone table ({}) still are, while noise 8 ({}) is no better than"
    )
    assert said.format(*(J(at_1[table]) for table in ("noise 4", "monotone", "noise 8"))) in WORDS
    assert f"a tuned pseudo-count ({J(tuned['pseudo-count'])})." in WORDS


def test_what_the_page_says_of_coverage():
    every = {(r["arm"], r["divided"], r["lambda"]): r for r in rows("coverage_smollm")}
    best = {key[:2]: row for key, row in every.items() if row["best"] == "1"}
    covers = {key: f"{float(row['coverage']):.1f}" for key, row in best.items()}
    order = ("noise 8", "monotone", "log", "schuermann", "true log")
    said = (
        "noise 8 covers {} and the monotone table {}, the log {}, Schuermann {} and the true log {}"
    )
    assert said.format(*(covers[arm, "0"] for arm in order)) in WORDS
    divided = [covers[arm, "1"] for arm in order[:4]]
    assert "divided by the standard deviation {} and {} against {} and {}".format(*divided) in WORDS
    log, *tables = (best[arm, "0"] for arm in ("log", "noise 8", "monotone"))
    for row in tables:
        gain = float(row["coverage"]) - float(log["coverage"])
        assert gain > hypot(float(row["coverage_pm"]), float(log["coverage_pm"]))
    lost = [f"{100 * (float(log['pass@1']) - float(row['pass@1'])):.1f} %" for row in tables]
    said = "noise 8 has {} less than the log, and the monotone table {}."
    assert said.format(*lost) in WORDS
    gains = [
        float(every[arm, d, "10"]["coverage"]) - float(every[arm, d, "3"]["coverage"])
        for arm, d in best
    ]
    most = re.search(r"from lambda = 3 to 10 no arm covers more than ([.\d]+) more", WORDS)[1]
    assert 0 <= float(most) - max(gains) < 0.01


def of_setting(name, divided="0"):
    """Rows of a setting without the deviation, or divided by it: at multiplier 1, and at the tuned one."""
    mine = [row for row in rows("calibration_smollm") if row["setting"] == name]
    mine = [row for row in mine if row["divided"] == divided]
    at_1 = {row["arm"]: row for row in mine if float(row["multiplier"]) == 1}
    return at_1, {row["arm"]: row for row in mine if row["tuned"] == "1"}


def test_what_the_page_says_of_groups_of_8():
    at_1, tuned = of_setting("G = 8")
    for table in ("noise 8", "monotone"):
        assert all(apart(at_1[table], tuned[arm]) for arm in ("log", "schuermann"))
    said = "noise 8 ({}) and the monotone table ({}) are below a Schuermann ({}) and a log ({})"
    four = at_1["noise 8"], at_1["monotone"], tuned["schuermann"], tuned["log"]
    assert said.format(*map(J, four)) in WORDS
    (core_log, _), (log, _) = (of_setting(name) for name in ("core", "G = 8"))
    assert float(log["log"]["starved"]) > float(core_log["log"]["starved"])
    at_1, tuned = of_setting("G = 8", "1")
    for table in ("noise 8", "monotone"):
        assert apart(at_1[table], tuned["log"])
        assert not apart(at_1[table], tuned["schuermann"])
    both = [of_setting("G = 8", divided) for divided in ("0", "1")]
    for said, how, arm in (
        ("the pseudo-count of .1, at multiplier 1 ({}, {} divided)", 0, "pseudo-count"),
        ("gini with the coefficient of the core is at {} ({} divided)", 1, "gini"),
        ("visit with the monotone table leads to {} ({} divided)", 0, "monotone, visit"),
    ):
        assert said.format(*(J(ways[how][arm]) for ways in both)) in WORDS
    for ways in both:
        peers = [
            float(row["J"])
            for way in ways
            for arm, row in way.items()
            if arm in ("log", "schuermann", "gini")
        ]
        assert min(peers) > float(ways[0]["pseudo-count"]["J"])
    said = "below the log ({} and {}; {}), but not below Schuermann ({}) by more than the intervals"
    four = at_1["noise 8"], at_1["monotone"], tuned["log"], tuned["schuermann"]
    assert said.format(*map(J, four)) in WORDS


def test_what_the_page_says_of_two_tokens():
    at_1, tuned = of_setting("two tokens")
    one, other = tuned["schuermann"], at_1["monotone"]
    assert not apart(one, other)
    assert not apart(other, one)
    assert apart(tuned["log"], at_1["noise 8"])
    assert f"120 steps leave the true log itself at {J(at_1['true log'])}" in WORDS
    assert f"multiplier ({J(one)}) and the monotone table ({J(other)}) tie" in WORDS
    assert (
        f"noise 8 ({J(at_1['noise 8'])}) is worse than the log with its own ({J(tuned['log'])})"
        in WORDS
    )
    at_1, tuned = of_setting("two tokens", "1")
    four = tuned["schuermann"], at_1["monotone"], at_1["noise 8"], tuned["log"]
    assert "the order is the same ({} and {}; {} and {})".format(*map(J, four)) in WORDS
    assert not apart(four[0], four[1])
    assert apart(four[3], four[2])


def test_what_the_page_says_of_plain_diversity():
    _, tuned = of_setting("diversity")
    for table in ("noise 8", "monotone"):
        assert not apart(tuned[table], tuned["log"])
    (divided,) = [
        row
        for row in rows("calibration_smollm")
        if (row["setting"], row["arm"], row["divided"]) == ("diversity", "log", "1")
        and float(row["multiplier"]) == 1
    ]
    assert not any(apart(tuned[table], divided) for table in ("noise 8", "monotone"))
    said = "a log that is tuned ({}), or divided by the standard deviation ({})"
    assert said.format(J(tuned["log"]), J(divided)) in WORDS
    _, tuned = of_setting("diversity", "1")
    worst = tuned.pop("noise 8")
    assert all(apart(row, worst) for row in tuned.values())
    assert f"noise 8 is the worst of all when divided ({J(worst)})" in WORDS


def test_what_the_page_says_of_128_prompts():
    at_1, tuned = of_setting("128 prompts")
    four = at_1["monotone"], at_1["noise 8"], tuned["schuermann"], tuned["log"]
    assert all(apart(table, rival) for table in four[:2] for rival in four[2:])
    said = "(monotone {}, noise 8 {}; Schuermann {} and the log {} with their multipliers)"
    assert said.format(*map(J, four)) in WORDS
    held = [float(row["held"]) for row in four]
    assert max(held[:2]) < min(held[2:])
    assert "held out ({}, {}; {}, {})".format(*map(bare, held)) in WORDS
    at_1, tuned = of_setting("128 prompts", "1")
    three = at_1["monotone"], tuned["schuermann"], at_1["noise 8"]
    assert apart(three[0], three[1])
    assert apart(three[1], three[2])
    said = "stays ahead ({}), and Schuermann with its multiplier ({}) is ahead of noise 8 ({})"
    assert said.format(*map(J, three)) in WORDS


def test_divided_losses_that_the_page_says_of_the_core(core):
    log = [core["log", divided, how] for divided in ("0", "1") for how in ("1", "tuned")]
    said = "Without tuning the log ends at {} ({} divided by the standard deviation), "
    said += "with the multiplier 2 at {} ({} divided)"
    assert said.format(*(J(log[i]) for i in (0, 2, 1, 3))) in WORDS
    assert {float(row["multiplier"]) for row in (log[1], log[3])} == {2}
    of_one_group = [
        row
        for (arm, divided, how), row in core.items()
        if divided == "1"
        and how == "tuned"
        and not arm.startswith(("mean", "true"))
        and "visit" not in arm
    ]
    best = min(of_one_group, key=lambda row: float(row["J"]))
    assert best is core["pseudo-count", "1", "tuned"]
    said = f"({J(best)} at {float(best['multiplier']):g}, the concave table {J(core['concave', '1', '1'])})"
    assert said in WORDS
    visits = [core["monotone, visit", divided, "1"] for divided in ("0", "1")]
    assert "not tuned: {} with the monotone table, {} divided".format(*map(J, visits)) in WORDS


@pytest.mark.parametrize(
    "name", ["calibration_smollm", "coverage_smollm", "self_improvement_smollm"]
)
def test_a_benchmark_takes_what_the_pages_say(name):
    minutes = sum(float(row["seconds"]) for row in rows(f"{name}_runs")) / 60
    for page in ("docs/experiments.md", "benchmarks/README.md"):
        (line,) = [
            line for line in (ROOT / page).read_text().splitlines()
            if line.startswith("| ") and f"`python benchmarks/{name}.py --model FOLDER`" in line
        ]  # fmt: skip
        said = re.search(r"\| (\S+) minutes on ", line)[1]
        assert 0.8 < MINUTES[said] / minutes < 1.5, (page, minutes)

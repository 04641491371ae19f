"""docs/experiments.md beside the files of the benchmarks on SmolLM2."""

import csv
from math import hypot, log
from pathlib import Path
from statistics import fmean

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "experiments.md").read_text()
WORDS = " ".join(PAGE.split())


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
        "The log keeps {}, Schuermann {}, noise 8 {} and the true log {}".format(*shares) in WORDS
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
    for row in rows("coverage_smollm"):
        if row["best"] == "1":
            arm = row["arm"] + ", divided" * (row["divided"] == "1")
            covers = shown(row["coverage"], row["coverage pm"], 2)
            held = shown(row["held coverage"], row["held coverage pm"], 2)
            right, kl = bare(float(row["pass@1"])), f"{float(row['kl']):.2f}"
            yield f"| {arm} | {float(row['lambda']):g} | {covers} | {right} | {kl} | {held} |"


def test_the_page_has_the_coverage_of_every_arm():
    for line in lines_of_coverage():
        assert line in PAGE, line
    (none,) = [
        row
        for row in rows("coverage_smollm")
        if (row["arm"], row["divided"]) == ("log", "0") and float(row["lambda"]) == 0
    ]
    assert f"(lambda = 0) coverage is {float(none['coverage']):.1f}" in WORDS


def lines_of_self_improvement():
    """The table of self-improvement: every method, on questions trained on and on others."""
    for row in rows("self_improvement_smollm"):
        cells = [f"{float(row['rate']):g}" + ", edge" * (row["edge"] == "1")]
        for name in ("greedy", "held_greedy"):
            cells.append(bare(float(row[f"before_{name}"])))
            cells.append(shown(row[name], row[f"{name}_pm"]))
        yield f"| {row['method']} | {' | '.join(cells)} |"


def test_the_page_has_every_method_of_self_improvement():
    for line in lines_of_self_improvement():
        assert line in PAGE, line


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


def test_what_the_page_says_of_coverage():
    best = {(r["arm"], r["divided"]): r for r in rows("coverage_smollm") if r["best"] == "1"}
    covers = {key: f"{float(row['coverage']):.1f}" for key, row in best.items()}
    order = ("noise 8", "monotone", "log", "schuermann", "true log")
    said = (
        "noise 8 covers {} and the monotone table {}, the log {}, Schuermann {} and the true log {}"
    )
    assert said.format(*(covers[arm, "0"] for arm in order)) in WORDS
    divided = [covers[arm, "1"] for arm in order[:4]]
    assert "divided by the standard deviation {} and {} against {} and {}".format(*divided) in WORDS


def test_what_the_page_says_of_self_improvement():
    ends = {row["method"]: row for row in rows("self_improvement_smollm")}
    greedy = {method: float(row["greedy"]) for method, row in ends.items()}
    said = (
        "Pairwise agreement ({}), the mode ({}) and the geometric mean with the log ({}) gain most"
    )
    order = ("pairwise", "mode", "geometric, log")
    assert said.format(*(bare(greedy[method]) for method in order)) in WORDS
    assert f"with the table it gains less ({bare(greedy['geometric, table'])})" in WORDS
    assert f"Labels come to {bare(greedy['labels'])}." in WORDS
    without = [method for method in ends if method != "labels"]
    assert sorted(without, key=lambda method: -greedy[method])[:3] == [*order]
    assert greedy["geometric, table"] < greedy["geometric, log"]
    for method in without:
        assert float(ends[method]["held_greedy"]) < float(ends[method]["before_held_greedy"])
    for method in ("soft, log", "soft, table"):
        assert greedy[method] - float(ends[method]["before_greedy"]) < 0.03


def of_setting(name):
    """Rows of a setting without the deviation: at multiplier 1, and at the tuned one."""
    mine = [row for row in rows("calibration_smollm") if row["setting"] == name]
    mine = [row for row in mine if row["divided"] == "0"]
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


def test_what_the_page_says_of_128_prompts():
    at_1, tuned = of_setting("128 prompts")
    four = at_1["monotone"], at_1["noise 8"], tuned["schuermann"], tuned["log"]
    assert all(apart(table, rival) for table in four[:2] for rival in four[2:])
    said = "(monotone {}, noise 8 {}; Schuermann {} and the log {} with their multipliers)"
    assert said.format(*map(J, four)) in WORDS
    held = [float(row["held"]) for row in four]
    assert max(held[:2]) < min(held[2:])
    assert "held out ({}, {}; {}, {})".format(*map(bare, held)) in WORDS

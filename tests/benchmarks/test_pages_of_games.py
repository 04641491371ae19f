"""What docs/experiments.md and docs/howto/help.md say of games and of the default is in the files."""

from math import exp, hypot, log
from pathlib import Path
from statistics import fmean

import convergence
import default
import origin
import pytest

DOCS = Path(__file__).parents[2] / "docs"
WORDS = " ".join((DOCS / "experiments.md").read_text().split())
UNIT = "noise 8"


@pytest.fixture(scope="module")
def cells():
    """Rows by cell and arm."""
    by_cell = {}
    for row in origin.read(convergence.FILE):
        key = tuple(row[c] for c in convergence.CELL)
        by_cell.setdefault(key, {})[row["arm"]] = row
    return by_cell


def loss(row):
    return float(row["loss"])


def beyond(low, high):
    """Whether a loss is below another by more than the intervals of both in quadrature."""
    return loss(high) - loss(low) > hypot(float(low["loss_pm"]), float(high["loss_pm"]))


def times(cells, arm, unit=UNIT, **wanted):
    """Geometric mean of the loss over that of another arm, over the cells that have both."""
    ratios = [
        loss(by[arm]) / loss(by[unit])
        for key, by in cells.items()
        if arm in by
        and unit in by
        and wanted.items() <= dict(zip(convergence.CELL, key, strict=True)).items()
    ]
    return exp(fmean(map(log, ratios)))


def games_table(cells):
    """The table of the section, line by line."""
    arms = dict.fromkeys(arm for by in cells.values() for arm in by)
    for arm in arms:
        line = f"| {arm} |"
        for divided in "01":
            mine = [by for key, by in cells.items() if key[2] == divided]
            having = [by for by in mine if arm in by]
            mean = f"{times(cells, arm, divided=divided):.2f}"
            mean = mean if len(having) == len(mine) else f"({mean})"
            better = sum(beyond(by[arm], by[UNIT]) for by in having)
            worse = sum(beyond(by[UNIT], by[arm]) for by in having)
            line += f" {mean} | {better}, {worse} of {len(having)} |"
        yield line


def games_sentences(cells):
    """What the text says, with its numbers."""
    networks = {"game": "network", "steps": "20", "group": "64"}
    consensus = [key for key in cells if key[0] == "coherence" and key[2] == "1"]
    best = {key: min(loss(cells[key][name]) for name in default.CANDIDATES) for key in consensus}
    collapsed = sorted(
        (loss(cells[key]["monotone"]) / best[key] for key in consensus), reverse=True
    )
    return (
        f"**The log as it is loses**: {times(cells, 'log', divided='0'):.1f} times the loss of noise 8 less "
        f"the mean, {times(cells, 'log', divided='1'):.1f} times divided by the standard deviation.",
        "it ends as near as the tables do "
        f"({times(cells, 'log', divided='1', game='diversity'):.2f} times noise 8).",
        f"**The log times its best factor does not lose**: {times(cells, 'log, tuned', divided='0'):.2f} "
        "times noise 8, and Schuermann's estimator times its best factor "
        f"{times(cells, 'schuermann, tuned', divided='0'):.2f}.",
        f"noise 8 with a factor comes to {times(cells, 'noise 8, tuned', divided='0'):.2f}",
        f"**The last visit counts for more than any of this**: "
        f"{times(cells, 'noise 4, visit', divided='0'):.2f} and "
        f"{times(cells, 'noise 4, visit', divided='1'):.2f} times noise 8.",
        f"{times(cells, 'noise 8', 'log', **networks):.2f} times in groups of 64",
        "With groups of 64 noise 4 and the monotone table end lower, at "
        f"{times(cells, 'noise 4', group='64', divided='0'):.2f} and "
        f"{times(cells, 'monotone', group='64', divided='0'):.2f} times noise 8 less the mean, "
        f"{times(cells, 'noise 4', group='64', divided='1'):.2f} and "
        f"{times(cells, 'monotone', group='64', divided='1'):.2f} divided.",
        f"({collapsed[0]:.1f} and {collapsed[1]:.1f} times the best table)",
        "a factor is one in "
        f"{sum('multiplier' in r['edge'] for by in cells.values() for r in by.values())} and a pull in "
        f"{sum('pull' in r['edge'] for by in cells.values() for r in by.values())} of "
        f"{sum(map(len, cells.values())):,} rows",
        f"the true log ends at {times(cells, 'true log', divided='0'):.2f} and "
        f"{times(cells, 'true log', divided='1'):.2f} times noise 8",
    )


def test_the_table_of_the_games(cells):
    text = (DOCS / "experiments.md").read_text()
    for line in games_table(cells):
        assert line in text


def test_the_sentences_of_the_games(cells):
    for sentence in games_sentences(cells):
        assert sentence in WORDS


def test_what_is_said_of_gini(cells):
    text = " ".join((DOCS / "howto" / "help.md").read_text().split())
    less, divided = (times(cells, "gini, tuned", divided=d) for d in "01")
    assert f"ends at {less:.2f} times noise 8 less the mean and {divided:.2f} divided" in text
    games = ("diversity", "exploration", "coherence", "network")
    below = {
        (game, d): ratio
        for game in games
        for d in "01"
        if (ratio := times(cells, "gini, tuned", game=game, divided=d)) < 1
    }
    assert [*below] == [("exploration", "0")]
    assert f"it ends below, at {below['exploration', '0']:.2f}" in text


def test_where_tables_lose_in_games(cells):
    """The claims without a number."""
    for group in ("16", "32", "64"):
        for divided in "01":
            by = cells["network", "adam", divided, group, "32", "20"]
            assert loss(by["noise 8"]) > loss(by["log"])
    of = {"game": "network", "steps": "20"}
    assert (
        min(("noise 4", "noise 8", "monotone", "noise 16"), key=lambda a: times(cells, a, **of))
        == "monotone"
    )
    assert all("rate" not in row["edge"] for by in cells.values() for row in by.values())


@pytest.fixture(scope="module")
def parts():
    """Rows of default.csv by scaling, part of the cells and arm."""
    return {(r["scaling"], r["cells"], r["arm"]): r for r in origin.read(default.DEFAULT)}


ROWS = {
    "answers": "calibration to known probabilities, log Q - log p, one prompt",
    "exploration": "exploration towards a target, log Q - log p, with a pull to the start",
    "diversity": "diversity bonus, -log p, with a pull to the start",
    "coherence": "consensus of three wordings, the mean of log p",
    "network": "calibration of a network, stopped after 20 or 80 steps",
}
YES = {"mean": "no", "std": "yes"}


def over_unit(parts, scaling, part, arm):
    """The loss of an arm in units of the default's, over some cells."""
    row = parts.get((scaling, part, arm))
    unit = parts[scaling, part, UNIT]
    return f"{float(row['ratio']) / float(unit['ratio']):.2f}" if row else "-"


def rows_of_rewards(parts):
    """The first table of the page on whom it helps."""
    arms = ("log", "log, tuned", "schuermann, tuned", "monotone", "noise 4, visit", "true log")
    for part, words in ROWS.items():
        for scaling, yes in YES.items():
            values = " | ".join(over_unit(parts, scaling, part, arm) for arm in arms)
            yield f"| {words} | {yes} | {values} | {parts[scaling, part, UNIT]['number']} |"


def rows_of_groups(parts):
    """The second one."""
    arms = ("log", "noise 2", "noise 4", "noise 16", "monotone", "concave")
    sizes = [f"groups of {group}" for group in (4, 8, 16, 32, 64)]
    names = {"few prompts": "up to 4 groups a step", "many prompts": "8 and more", "all": "all"}
    for part in (*sizes, *names):
        for scaling, yes in YES.items():
            values = " | ".join(over_unit(parts, scaling, part, arm) for arm in arms)
            number = parts[scaling, part, UNIT]["number"]
            yield f"| {names.get(part, part)} | {yes} | {values} | {number} |"


def rows_of_candidates(parts):
    """The table of the section on the default."""
    for scaling, words in (("both", "all"), ("mean", "less the mean"), ("std", "divided")):
        mine = [parts[scaling, "all", name] for name in default.CANDIDATES]
        values = " | ".join(f"{float(r['ratio']):.2f} ({float(r['worst']):.1f})" for r in mine)
        yield f"| {words} | {values} | {mine[0]['number']} |"


def rows_of_others(parts):
    """Its second table: trainings towards known answers, in units of noise 8's."""
    arms = (
        "log",
        "jackknife",
        "squared-error",
        "variance 8",
        "noise 1",
        "noise 2",
        "noise 4",
        "noise 16",
    )
    for scaling, words in (("mean", "less the mean"), ("std", "divided")):
        values = " | ".join(over_unit(parts, scaling, "answers", arm) for arm in arms)
        yield f"| {words} | {values} |"


def rows_of_the_rule():
    """Its third table."""
    for row in origin.read(default.RULE):
        scaling = "divided" if row["divided"] == "1" else "less the mean"
        kind = {"prompts": "different prompts", "one prompt": "one prompt"}[row["training"]]
        rule, fixed = (
            f"{float(row[mean]):.2f} ({float(row[worst]):.1f})"
            for mean, worst in (("ratio", "worst"), ("default_ratio", "default_worst"))
        )
        yield f"| {kind}, {scaling} | {row['cells']} | {row['number']} | {rule} | {fixed} |"


@pytest.mark.parametrize(
    ("page", "listed"),
    [
        ("howto/help", rows_of_rewards),
        ("howto/help", rows_of_groups),
        ("experiments", rows_of_candidates),
        ("experiments", rows_of_others),
    ],
)
def test_the_tables_of_the_default(page, listed, parts):
    text = (DOCS / f"{page}.md").read_text()
    for line in listed(parts):
        assert line in text


def test_the_table_of_the_rule():
    text = (DOCS / "experiments.md").read_text()
    for line in rows_of_the_rule():
        assert line in text


def test_what_is_said_of_the_default(parts):
    worst = {name: float(parts["both", "all", name]["worst"]) for name in default.CANDIDATES}
    assert min(worst.values()) > default.WORST
    assert f"none of them stays below {default.WORST:g}" in WORDS
    assert min(worst, key=worst.get) == UNIT
    ratios = {name: float(parts["both", "all", name]["ratio"]) for name in default.CANDIDATES}
    assert min(ratios, key=ratios.get) == UNIT
    assert "noise 8, which has the least mean as well" in WORDS


def test_what_the_front_page_says(cells, parts):
    front = " ".join((DOCS.parent / "README.md").read_text().split())
    networks = [over_unit(parts, scaling, "network", "monotone") for scaling in YES]
    both = {name: parts["both", "all", name] for name in default.CANDIDATES}
    ratio, worst = (float(both[UNIT][c]) for c in ("ratio", "worst"))
    shape = both["monotone"]
    log0, log1 = (times(cells, "log", divided=divided) for divided in "01")
    tuned, closed, visited = (
        times(cells, arm, divided="0")
        for arm in ("log, tuned", "schuermann, tuned", "noise 4, visit")
    )
    for said in (
        f"noise 8, by a criterion that was fixed beforehand, in {both[UNIT]['number']} settings: final "
        f"loss {ratio:.2f} times that of the best of four tables, worst setting {worst:.1f}; the monotone "
        f"table {float(shape['ratio']):.2f} and {float(shape['worst']):.1f}, but {min(networks)} to "
        f"{max(networks)} times noise 8 in a network",
        f"the log ends at {log0:.1f} times the loss of noise 8 ({log1:.1f} where rewards are divided by the "
        f"standard deviation), the log times its best factor at {tuned:.2f}, Schuermann's estimator times "
        f"its best factor at {closed:.2f}, noise 4 with the last visit of a prompt at {visited:.2f}",
        f"{len([key for key in cells if key[2] == '0'])} settings for each scaling",
    ):
        assert said in front

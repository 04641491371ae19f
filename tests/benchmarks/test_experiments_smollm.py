"""docs/experiments.md beside the files of the benchmarks on SmolLM2."""

import csv
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "experiments.md").read_text()
WORDS = " ".join(PAGE.split())


def rows(name):
    with (ROOT / "benchmarks" / "results" / f"{name}.csv").open() as stream:
        return list(csv.DictReader(stream))


def shown(value, error, digits=3):
    """A mean and its interval as the page writes them, without a 0 before the point."""
    return " +- ".join(f"{float(x):.{digits}f}".replace("0.", ".", 1) for x in (value, error))


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

"""No line tells its reader to look a raw count up, which is an entry off by one and raises nothing."""

import re
from pathlib import Path

import numpy as np
import pytest

import polyest

ROOT = Path(polyest.__file__).parents[1]
TEXTS = [
    *sorted((ROOT / "polyest").rglob("*.py")),
    *sorted((ROOT / "docs").rglob("*.md")),
    *sorted(ROOT.glob("*.md")),
    *sorted((ROOT / "tables").rglob("*.md")),
]
RAW = re.compile(r"(?<![\w.])(?:t|table)\[(?:count|counts|number|sizes?)\]")
# What calls itself with counts that it was given, among K draws, and shows it to nobody.
INTERNAL = {"polyest/compiled.py": 1}


def test_no_line_looks_a_raw_count_up():
    raw = {}
    for path in TEXTS:
        lines = RAW.findall(path.read_text())
        name = str(path.relative_to(ROOT))
        if name != "CHANGELOG.md" and len(lines) != INTERNAL.get(name, 0):
            raw[name] = lines
    assert raw == {}


@pytest.mark.parametrize("line", ["rewards = t[counts]", "`table[counts]` is", "(table[count])"])
def test_such_a_line_is_found_out(line):
    assert RAW.search(line)
    assert not RAW.search("t[polyest.counts.in_group(answers).index], table[counts.index]")


def test_the_line_of_the_package_is_the_reward_and_a_raw_count_is_not():
    answers = np.array([[7] * 9 + [3] * 3 + [5] * 2 + [1, 2]])
    line = re.search(r"^rewards = (.*?)  #", polyest.__doc__, re.MULTILINE)[1]
    table = polyest.load(14)
    rewards = eval(line, {"t": table, "polyest": polyest, "answers": answers})
    raw = (answers[:, :, None] == answers[:, None, :]).sum(-1)
    assert np.array_equal(rewards, table.coefficients[raw - 1])
    assert not np.array_equal(rewards, table[np.minimum(raw, 14)])

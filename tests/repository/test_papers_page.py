"""docs/howto/papers.md: every line of the table runs, and pays what the code of its source pays.

The sources are written out here again, in a few lines of numpy, from what was read in their repositories.
"""

import re
from math import comb
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pages import blocks, run

from polyest import History, rewards
from polyest.advantages import group_mean

TEXT = (Path(__file__).resolve().parents[2] / "docs/howto/papers.md").read_text()
ROWS = [
    [cell.strip() for cell in line.strip("|").split(" | ")]
    for line in TEXT.splitlines()
    if line.startswith("| ") and not line.startswith("| paper")
]
LINES = {paper: line.strip("`") for paper, line, *_ in ROWS}
SEEN = {"own count", "group", "neither"}
# Warnings of a bonus that is missing: what papers pay is as they pay it.
pytestmark = pytest.mark.filterwarnings("ignore::polyest.errors.RightPaidLess")


def paid(paper, group, right=(7, 3)):
    """What the line of a paper pays one group."""
    answers = np.array([group])
    past = History(stable_ids=True)
    names = {"rewards": rewards, "answers": answers, "truth": [7], "prompts": ["a"], "past": past}
    names["right"] = np.isin(answers, right)
    return np.ravel(eval(LINES[paper], names))


def shares(group):
    return np.array([group.count(z) / len(group) for z in group])


def ttrl(group):
    said = [z for z in group if z >= 0]
    best = max(said, key=said.count) if said else None
    return np.array([float(z == best) for z in group])


def srt(group, soft):
    said = [z for z in group if z >= 0]
    share = np.array([said.count(z) / max(len(said), 1) if z >= 0 else 0.0 for z in group])
    if soft:
        return share
    return 1.0 * ((share == share.max()) & (share.max() >= 0.3) & (np.array(group) >= 0))


def darling(group, correct):
    different = [(len(group) - group.count(z)) / (len(group) - 1) for z in group]
    return np.maximum(different, 0.1) * correct


def dra(group, correct):
    alike = np.equal.outer(group, group)
    return correct / alike.sum(1)


def maxrl(group):
    r = np.array([float(z == 7) for z in group])
    return (r - r.mean()) / (r.mean() or 1.0)


def pass_at(group, k):
    n, c = len(group), group.count(7)
    rho = 1 - comb(n - c, k) / comb(n, k)
    # Both advantages are over sqrt(rho (1 - rho)), which is left out.
    wrong = 1 - rho - comb(n - c - 1, k - 1) / comb(n - 1, k - 1) if c < n else 0.0
    return np.array([1 - rho if z == 7 else wrong for z in group])


def centred(values):
    return group_mean(np.asarray(values, float)[None])[0]


# What a source pays or subtracts, and what the line does, from the same group.
EQUAL = {
    "TTRL, 2504.16084": (lambda g: centred(ttrl(g)), lambda p, G: centred(p)),
    "MaxRL, 2602.02710": (lambda g: maxrl(g), lambda p, G: centred(p) * G / (G - 1)),
    "pass@k training": (
        lambda g: pass_at(g, 3),
        lambda p, G: centred(p) * (G - 3) / (3 * (G - 1)),
    ),
    "EMPO, 2504.05812": (lambda g: centred(shares(g)), lambda p, G: centred(p) * (G - 2) / G),
    "EMPO, filtered": (lambda g: shares(g) * (shares(g).max() >= 1 / 4), lambda p, G: p),
    "SRT, soft": (lambda g: srt(g, True), lambda p, G: p),
    "SRT, filtered": (lambda g: srt(g, False), lambda p, G: p),
    "DARLING, 2509.02534": (
        lambda g: centred(darling(g, np.isin(g, [7, 3]))),
        lambda p, G: centred(p),
    ),
    "DRA-GRPO, 2505.09655": (
        lambda g: centred(dra(g, np.isin(g, [7, 3]))),
        lambda p, G: centred(p),
    ),
}


def test_every_line_runs_on_the_batch_of_the_page():
    names = run(blocks(TEXT), "papers.md")
    for paper, line in LINES.items():
        values = np.ravel(eval(line, names))
        assert values.shape == (8,), paper
        assert np.isfinite(values).all(), paper
        assert len(set(values.tolist())) > 1, paper
        assert paid(paper, names["answers"][0].tolist()).tolist() == values.tolist()


def tied(group):
    """Whether several answers occur most often."""
    said = [z for z in group if z >= 0]
    return len({z for z in said if said.count(z) == max(map(said.count, said))}) > 1


@pytest.mark.parametrize("paper", EQUAL)
@given(st.lists(st.sampled_from([7, 3, 5, 2, 9]), min_size=5, max_size=9))
def test_a_line_pays_what_its_source_does(paper, group):
    source, ours = EQUAL[paper]
    if tied(group) and paper in ("TTRL, 2504.16084", "SRT, filtered"):
        return
    assert ours(paid(paper, group), len(group)) == pytest.approx(source(group), abs=1e-12)


@pytest.mark.parametrize("paper", ["TTRL, 2504.16084", "SRT, soft"])
@given(st.lists(st.sampled_from([7, 3, 5, -1]), min_size=5, max_size=9))
def test_and_where_some_have_no_answer(paper, group):
    source, ours = EQUAL[paper]
    if any(z >= 0 for z in group) and not tied(group):
        assert ours(paid(paper, group), len(group)) == pytest.approx(source(group), abs=1e-12)


def test_a_row_claims_to_be_equal_only_where_its_source_was_read():
    for paper, _, sees, source in ROWS:
        assert sees in SEEN, paper
        named = re.match(r"`[\w-]+/[\w-]+`, `\w+\.py`|the same file|no floor", source)
        assert bool(named) != source.startswith("not checked"), paper
        if paper in EQUAL:
            assert named, paper
        elif "equal" in source:
            raise AssertionError(f"{paper}: no test says so")


def test_the_column_says_what_a_line_sees():
    for paper, line, sees, _ in ROWS:
        assert ("of_group" in line or "coherence" in line) == (sees == "group"), paper


def test_all_that_were_asked_for_have_a_row():
    for name in (
        "TTRL", "MaxRL", "pass@k", "EMPO", "DARLING", "GAPO", "Uniqueness-Aware", "F-GRPO",
        "RESTRAIN", "SRT", "outcome-based exploration", "DRA-GRPO",
    ):  # fmt: skip
        assert any(paper.startswith(name) for paper in LINES), name

"""Every way of counting gives what a dictionary gives, whatever the integers and the shape."""

import subprocess
import sys
from collections import Counter
from itertools import chain

import array_api_strict
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from polyest import tallies
from polyest.arrays import host_reads

WIDTHS = (1, 2, tallies.FEW, tallies.FEW + 1, tallies.UNROLLED, tallies.UNROLLED + 1)
KINDS = {
    "letters": st.integers(-1, 4),
    "far from 0": st.integers(2**62, 2**62 + 3) | st.integers(2**62, 2**62 + 900),
    "hashes": st.sampled_from(
        [-1, *(int(x) for x in np.random.default_rng(0).integers(0, 2**62, 7))]
    ),
    "ends": st.sampled_from([-(2**63), 2**63 - 1, 0, -1]),
}
integers = st.sampled_from(sorted(KINDS)).flatmap(KINDS.__getitem__)


def device(values):
    """A tensor whose values only the device reads, as on a GPU."""
    return torch.tensor(values)


WAYS = {
    "numpy": np.array,
    "torch": torch.tensor,
    "device": device,
    "standard": lambda values: array_api_strict.asarray(np.array(values)),
}
each_way = pytest.mark.parametrize("way", WAYS)


@pytest.fixture(autouse=True)
def _device_values_stay_there(request, monkeypatch):
    if "way" in request.fixturenames and request.getfixturevalue("way") == "device":
        monkeypatch.setattr("polyest.tallies.host_reads", lambda values: False)


@st.composite
def rows(draw):
    kind = KINDS[draw(st.sampled_from(sorted(KINDS)))]
    width = draw(st.sampled_from(WIDTHS))
    return draw(st.lists(st.lists(kind, min_size=width, max_size=width), min_size=1, max_size=4))


@st.composite
def pairs(draw):
    kinds = [KINDS[draw(st.sampled_from(sorted(KINDS)))] for _ in range(2)]
    return draw(st.lists(st.tuples(*kinds), min_size=1, max_size=40))


def counted(rows):
    return [[Counter(row)[x] for x in row] for row in rows]


@each_way
@given(rows=rows())
@settings(max_examples=150, deadline=None)
def test_rows_are_counted_as_dictionaries_count(way, rows):
    given = WAYS[way](rows)
    counts = tallies.in_rows(tallies.library(given), given)
    assert np.asarray(counts).tolist() == counted(rows)
    assert str(counts.dtype).endswith("int64")


@pytest.mark.parametrize("way", ["numpy", "torch", "device"])
@given(pairs=pairs())
@settings(max_examples=150, deadline=None)
def test_pairs_are_counted_as_a_dictionary_counts(way, pairs):
    group, answer = (WAYS[way](list(column)) for column in zip(*pairs, strict=True))
    times = Counter(pairs)
    counts = tallies.in_pairs(tallies.library(group), group, answer)
    assert counts.tolist() == [times[pair] for pair in pairs]


@given(
    answers=st.lists(integers, min_size=2, max_size=9),
    groups=st.lists(st.integers(-3, 2**40), min_size=2, max_size=4, unique=True),
)
@settings(max_examples=150, deadline=None)
def test_groups_that_meet_in_the_key_of_the_sort_are_told_apart(answers, groups):
    """A group's answers are moved by what makes their keys those of the first group."""
    moved = [
        (g, (a + (groups[0] - g) * tallies.MIX + 2**63) % 2**64 - 2**63)
        for g in groups
        for a in answers
    ]
    group, answer = np.array(moved).T
    with np.errstate(over="ignore"):
        assert len(np.unique(group * tallies.MIX + answer)) == len(set(answers))
    times = Counter(moved)
    assert tallies.in_pairs(np, group, answer).tolist() == [times[pair] for pair in moved]


@each_way
@given(rows=rows(), pools=rows())
@settings(max_examples=60, deadline=None)
def test_a_pool_is_counted_as_dictionaries_count(way, rows, pools):
    n = min(len(rows), len(pools))
    wanted, pool = WAYS[way](rows[:n]), WAYS[way](pools[:n])
    expected = [[Counter(p)[x] for x in row] for row, p in zip(rows[:n], pools[:n], strict=True)]
    counts = tallies.in_pool(tallies.library(wanted), wanted, pool)
    assert np.asarray(counts).tolist() == expected


@each_way
@pytest.mark.parametrize("pairs_at_once", [1, 40, tallies.PAIRS])
@given(rows=rows(), first=rows(), second=rows())
@settings(max_examples=40, deadline=None)
def test_pools_are_counted_together_and_one_may_be_what_is_wanted(
    way, pairs_at_once, rows, first, second
):
    n = min(map(len, (rows, first, second)))
    lists = [x[:n] for x in (rows, first, second)]
    wanted, *others = map(WAYS[way], lists)
    for pools, drawn in (((wanted, others[0]), lists[:2]), (others, lists[1:])):
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr("polyest.tallies.PAIRS", pairs_at_once)
            counts = tallies.in_pool(tallies.library(wanted), wanted, *pools)
        joined = [[*chain(*parts)] for parts in zip(*drawn, strict=True)]
        expected = [[Counter(p)[x] for x in row] for row, p in zip(lists[0], joined, strict=True)]
        assert np.asarray(counts).tolist() == expected


def test_a_pool_may_be_wide_and_what_is_wanted_one_number():
    rng = np.random.default_rng(0)
    for n, m in ((1, 16), (1, 255), (16, 239), (16, 240), (3, 600), (17, 16), (2, 1)):
        wanted, pool = rng.integers(0, 3, (7, n)) + 2**61, rng.integers(0, 3, (7, m)) + 2**61
        expected = (wanted[:, :, None] == pool[:, None]).sum(2)
        own = (wanted[:, :, None] == wanted[:, None]).sum(2)
        np.testing.assert_array_equal(tallies.in_pool(np, wanted, pool), expected)
        np.testing.assert_array_equal(tallies.in_pool(np, wanted, wanted, pool), own + expected)
    assert not tallies.in_pool(np, wanted, pool[:, :0]).any()


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # torch.jit.trace is deprecated
def test_the_host_reads_what_lies_in_its_memory_and_is_not_traced():
    assert host_reads(np.zeros(2))
    assert host_reads(torch.zeros(2))
    assert not host_reads(torch.zeros(2, device="meta"))

    def told(values):
        return values + (1 if host_reads(values) else 0)

    assert told(torch.zeros(2)).tolist() == [1, 1]
    traced = torch.jit.trace(told, torch.zeros(2), check_trace=False)
    assert traced(torch.zeros(2)).tolist() == [0, 0]
    compiled = torch.compile(told, backend="aot_eager", fullgraph=True)
    assert compiled(torch.zeros(2)).tolist() == [0, 0]


# A process that has asked for compiled loops counts by them.

ASKED = """
import sys
import numpy as np
import torch
import polyest
from polyest import rewards, tallies
rng = np.random.default_rng(0)
batches = [rng.integers(-1, most, (9, G)) for most in (4, 2**62) for G in (3, 16, 64, 65)]
before = [rewards.log_probability(batch) for batch in batches]
assert "numba" not in sys.modules and "polyest.loops" not in sys.modules
import polyest.compiled
from polyest import loops
calls = []
monitored = loops.in_pool
loops.in_pool = lambda wanted, pool: calls.append(wanted.shape) or monitored(wanted, pool)
for batch, expected in zip(batches, before):
    for array in (np.array, torch.tensor):
        found = np.asarray(rewards.log_probability(array(batch)))
        assert np.array_equal(found, expected, equal_nan=True)
print(sorted(set(calls)))
past = polyest.History()
past.record(batches[5][::-1], prompts=range(9))
calls.clear()
seen = {"history": past, "prompts": range(9)}
counted = rewards.log_probability(batches[5], **seen)
assert calls == [(9, 16)], calls
del loops.count_pairs
assert np.array_equal(rewards.log_probability(batches[5], **seen), counted, equal_nan=True)
assert calls == [(9, 16)]
"""


def test_rewards_use_compiled_loops_where_they_were_asked_for_and_are_the_same():
    ran = subprocess.run([sys.executable, "-c", ASKED], capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout == "[(9, 3), (9, 16), (9, 64)]\n"

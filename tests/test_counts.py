"""Counts against a plain twin; that they carry the right K is proved in test_group_mean.py."""

import subprocess
import sys
from collections import Counter

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from polyest import counts
from polyest.errors import CountOutOfRange, InvalidProblem

MANY = 2**62
values = st.sampled_from([-1, 0, 1, 2, 3, -7, MANY, -MANY])
baselines = st.sampled_from(list(counts.SPENT))
LIBRARIES = [np.array, torch.tensor]
each_library = pytest.mark.parametrize("array", LIBRARIES, ids=["numpy", "torch"])


def plain(answers, groups, baseline):
    """The twin of counting: one dictionary of (group, answer) and one of groups."""
    pairs, sizes = Counter(zip(groups, answers, strict=True)), Counter(groups)
    K = [sizes[g] - counts.SPENT[baseline] for g in groups]
    index = [
        0 if z == -1 else min(pairs[g, z] - 1, k)
        for g, z, k in zip(groups, answers, K, strict=True)
    ]
    return index, K


@st.composite
def batches(draw):
    """A dense batch as nested lists, G of 3 to 6."""
    G = draw(st.integers(3, 6))
    row = st.lists(values, min_size=G, max_size=G)
    return draw(st.lists(row, min_size=1, max_size=4))


@st.composite
def ragged(draw):
    """Flat answers and ids of groups of 3 to 6, shuffled together."""
    sizes = draw(st.lists(st.integers(3, 6), min_size=1, max_size=4))
    ids = draw(st.lists(values, min_size=len(sizes), max_size=len(sizes), unique=True))
    groups = draw(
        st.permutations([g for g, size in zip(ids, sizes, strict=True) for _ in range(size)])
    )
    answers = draw(st.lists(values, min_size=len(groups), max_size=len(groups)))
    return answers, groups


# Counting is right.


@each_library
@given(batch=batches(), baseline=baselines)
@settings(max_examples=60, deadline=None)
def test_a_dense_batch_is_counted_as_a_dictionary_counts(array, batch, baseline):
    counted = counts.in_group(array(batch), baseline=baseline)
    expected = [plain(row, [0] * len(row), baseline) for row in batch]
    assert counted.index.tolist() == [index for index, _ in expected]
    assert {counted.draws} == {K for _, Ks in expected for K in Ks}
    assert counted.answered.tolist() == [[z != -1 for z in row] for row in batch]


@each_library
@given(batch=ragged(), baseline=baselines)
@settings(max_examples=60, deadline=None)
def test_a_ragged_batch_is_counted_as_a_dictionary_counts(array, batch, baseline):
    answers, groups = batch
    counted = counts.in_group(array(answers), groups=array(groups), baseline=baseline)
    index, K = plain(answers, groups, baseline)
    assert counted.index.tolist() == index
    assert counted.draws.tolist() == K
    assert counted.answered.tolist() == [z != -1 for z in answers]


@each_library
@given(batch=batches(), baseline=baselines)
@settings(max_examples=30, deadline=None)
def test_ragged_is_dense_where_the_sizes_are_equal(array, batch, baseline):
    dense = counts.in_group(array(batch), baseline=baseline)
    ids = [[row] * len(batch[0]) for row in range(len(batch))]
    flat = counts.in_group(
        array(batch).reshape(-1), groups=array(ids).reshape(-1), baseline=baseline
    )
    assert flat.index.tolist() == dense.index.reshape(-1).tolist()
    assert set(flat.draws.tolist()) == {dense.draws}
    assert flat.answered.tolist() == dense.answered.reshape(-1).tolist()


@each_library
@given(batch=batches(), data=st.data())
@settings(max_examples=30, deadline=None)
def test_counts_move_with_their_traces(array, batch, data):
    order = data.draw(st.permutations(range(len(batch[0]))))
    moved = [[row[i] for i in order] for row in batch]
    before, after = (counts.in_group(array(b)) for b in (batch, moved))
    assert after.index.tolist() == [[row[i] for i in order] for row in before.index.tolist()]
    assert after.answered.tolist() == [[row[i] for i in order] for row in before.answered.tolist()]


@each_library
@given(batch=batches(), data=st.data())
@settings(max_examples=60, deadline=None)
def test_independent_counts_are_those_of_the_reference(array, batch, data):
    K = data.draw(st.integers(1, 5))
    drawn = [data.draw(st.lists(values, min_size=K, max_size=K)) for _ in batch]
    counted = counts.independent(array(batch), array(drawn))
    assert counted.draws == K
    assert counted.index.tolist() == [
        [0 if z == -1 else ref.count(z) for z in row] for row, ref in zip(batch, drawn, strict=True)
    ]
    assert counted.answered.tolist() == [[z != -1 for z in row] for row in batch]


@each_library
@given(batch=batches(), baseline=baselines, data=st.data())
@settings(max_examples=60, deadline=None)
def test_an_answer_is_counted_on_every_prompt_of_its_orbit(array, batch, baseline, data):
    m, G = len(batch), len(batch[0])
    other = [*batch[1:], data.draw(st.permutations(batch[0]))]
    counted = counts.across(array([batch, other]), baseline=baseline)
    assert counted.index.shape == (2, m, G, m)
    assert counted.draws == counts.draws(G, baseline)
    for orbit, rows in zip(counted.index.tolist(), (batch, other), strict=True):
        for k in range(m):
            own = plain(rows[k], [0] * G, baseline)[0]
            for i, answer in enumerate(rows[k]):
                others = [rows[(k + step) % m].count(answer) for step in range(1, m)]
                assert orbit[k][i] == ([0] * m if answer == -1 else [own[i], *others])


@each_library
def test_unanswered_traces_stay_among_the_draws(array):
    counted = counts.in_group(array([[4, 4, -1, -1, -1]]))
    assert counted.draws == 3  # not 0: the three are draws that are not 4
    assert counted.index.tolist() == [[1, 1, 0, 0, 0]]
    assert counted.answered.tolist() == [[True, True, False, False, False]]
    counted = counts.independent(array([[4, -1]]), array([[4, -1, -1]]))
    assert (counted.draws, counted.index.tolist()) == (3, [[1, 0]])
    other = counts.in_group(array([[4, 4, 0, 0, -1]]), no_answer=0)
    assert other.index.tolist() == [[1, 1, 0, 0, 0]]
    assert other.answered.tolist() == [[True, True, False, False, True]]


@each_library
def test_the_entry_of_a_group_that_agrees_is_clipped_under_a_group_mean_only(array):
    answers = array([[3, 3, 3, 3]])
    assert counts.in_group(answers).index.tolist() == [[2] * 4]
    assert counts.in_group(answers, baseline="none").index.tolist() == [[3] * 4]


def test_the_kind_of_the_answers_is_kept():
    for kind in (np.int8, np.uint8, np.int32, np.uint64):
        counted = counts.in_group(np.array([[1, 1, 2]], dtype=kind))
        assert isinstance(counted.index, np.ndarray)
        assert counted.index.dtype.kind == "i"
        assert counted.answered.dtype == bool
    for kind in (torch.int8, torch.uint8, torch.int32, torch.int64):
        counted = counts.in_group(torch.tensor([[1, 1, 2]], dtype=kind))
        assert isinstance(counted.index, torch.Tensor)
        assert counted.index.dtype == torch.int64
        assert counted.answered.dtype == torch.bool
    lists = counts.in_group(torch.tensor([1, 1, 2]), groups=[0, 0, 0])
    assert isinstance(lists.draws, torch.Tensor)
    columns = torch.tensor([[1, 9], [1, 9], [2, 9]])  # neither is contiguous
    assert counts.in_group(columns[:, 0], groups=columns[:, 1]).index.tolist() == [1, 1, 0]
    assert counts.in_group(torch.tensor([[1, 2], [1, 2], [3, 2]]).T).index.tolist() == [
        [1, 1, 0],
        [1, 1, 1],
    ]


def test_a_dense_batch_is_counted_without_reading_the_device():
    """Tensors of the meta device have shapes and no values: reading one raises."""
    answers = torch.zeros(4, 8, dtype=torch.int64, device="meta")
    counted = counts.in_group(answers)
    assert (counted.index.shape, counted.index.device, counted.draws) == ((4, 8), answers.device, 6)
    counted = counts.independent(answers, answers[:, :5])
    assert (counted.index.shape, counted.index.device, counted.draws) == ((4, 8), answers.device, 5)
    times = counts.across(answers.reshape(2, 2, 8))
    assert (times.index.shape, times.index.device) == ((2, 2, 8, 2), answers.device)


def test_counting_numpy_loads_no_torch():
    code = (
        "import sys; from polyest import counts; counts.in_group([[1, 1, 2]]); "
        "assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_promised_sizes_leave_other_groups_without_a_count():
    answers, groups = [4] * 3 + [5] * 4 + [6] * 7, [0] * 3 + [1] * 4 + [2] * 7
    counted = counts.in_group(answers, groups=groups, sizes=(4, 5))
    assert counted.distinct == (2, 3)
    assert counted.answered.tolist() == [False] * 3 + [True] * 4 + [False] * 7
    assert counted.draws.tolist() == [2] * 3 + [2] * 4 + [3] * 7
    assert counted.index.max() <= 3
    assert counted.index[3:7].tolist() == [2] * 4


def test_draws_is_the_number_the_counts_carry():
    for baseline, spent in (("group-mean", 2), ("none", 1), ("exact", 1)):
        for G in range(spent + 1, 7):
            K = counts.draws(G, baseline)
            assert G - spent == K
            assert counts.in_group([[0] * G], baseline=baseline).draws == K
            assert counts.draws(G, baseline, counting="independent") == G
    assert counts.draws(np.int64(16)) == 14


# Bad input: one error, with value, expectation and repair.

BAD = [
    (np.array([[1.0, 2.0, np.nan]]), None, "type float64.*integers.*no_answer"),
    (np.array([[True, False, True]]), None, "type bool"),
    ([["42", "42", "7"]], None, "expected integers; number the distinct values"),
    ([[1, 1, None]], None, "type object"),
    ([[1, 1, 2], [1, 1]], None, "rectangular.*groups="),
    (torch.tensor([[1.0, 2.0, 3.0]]), None, "type torch.float32"),
    (torch.tensor([[True, False, True]]), None, "type torch.bool"),
    ([1, 1, 2], None, r"shape \(3,\).*\(prompts, G\).*groups="),
    ([[[1, 1, 2]]], None, r"shape \(1, 1, 3\)"),
    ([[]], None, r"shape \(1, 0\).*at least one"),
    ([], None, r"shape \(0,\).*at least one"),
    ([[1], [2]], None, 'a group of 1 under baseline "group-mean": expected at least 3'),
    ([[1, 1]], None, 'a group of 2 .*expected at least 3.*baseline "none"'),
    ([1, 1, 1, 2], [0, 0, 0], r"shape \(4,\), groups of shape \(3,\).*one group id per completion"),
    ([[1, 1, 1]], [[0, 0, 0]], r"shape \(1, 3\), groups of shape \(1, 3\)"),
    ([1, 1, 1], [0.0, 0.0, 0.0], "groups of type float64"),
    ([1, 1, 1, 1, 1, 1], [9, 9, 4, 9, 4, 9], "group 4 of 2 .*expected at least 3"),
    (torch.tensor([1, 1, 1, 1]), torch.tensor([9, 9, 9, 4]), "group 4 of 1 .*at least 3"),
]


@pytest.mark.parametrize(("answers", "groups", "message"), BAD, ids=[m for *_, m in BAD])
def test_bad_answers_are_refused(answers, groups, message):
    with pytest.raises(CountOutOfRange, match=message):
        counts.in_group(answers, groups=groups)


@pytest.mark.parametrize(
    ("answers", "reference", "message"),
    [
        ([[1, 2]], [[1], [2]], r"shape \(1, 2\), reference of shape \(2, 1\).*same prompts"),
        ([[1, 2]], [1, 2], r"reference of shape \(2,\)"),
        ([[1, 2]], [[]], r"reference of shape \(1, 0\)"),
        ([[1, 2]], [[0.5]], "reference of type float64"),
    ],
)
def test_a_bad_reference_is_refused(answers, reference, message):
    with pytest.raises(CountOutOfRange, match=message):
        counts.independent(answers, reference)


def test_bad_keywords_are_refused():
    with pytest.raises(
        InvalidProblem, match=r"baseline .mean. is unknown.*group-mean, none, exact"
    ):
        counts.in_group([[1, 1, 2]], baseline="mean")
    with pytest.raises(InvalidProblem, match="baseline 'mean' is unknown"):
        counts.draws(16, baseline="mean", counting="independent")
    with pytest.raises(
        InvalidProblem, match=r"counting .pooled. is unknown.*in-group, independent"
    ):
        counts.draws(16, counting="pooled")
    with pytest.raises(CountOutOfRange, match="no_answer is nan"):
        counts.in_group([[1, 1, 2]], no_answer=float("nan"))


@pytest.mark.parametrize(
    ("group", "keywords", "message"),
    [
        (2, {}, 'a group of 2 .*at least 3.*"none" and "exact" need 2'),
        (1, {"baseline": "none"}, "a group of 1 .*at least 2.*sample more"),
        (0, {"counting": "independent"}, "0 reference draws"),
        (16.0, {}, "group is 16.0"),
        (True, {}, "group is True"),
    ],
)
def test_a_group_without_draws_is_refused(group, keywords, message):
    with pytest.raises(CountOutOfRange, match=message):
        counts.draws(group, **keywords)

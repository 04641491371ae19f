"""What a history keeps, forgets and refuses, against the plainest twin: a list of visits for each prompt."""

import json
import pickle
import re
import tracemalloc
import warnings
from copy import deepcopy
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from polyest import History, answers
from polyest.errors import CountOutOfRange, DelayedFeedback, InvalidHistory

WIDE = answers.identify([str(i) for i in range(6)])
GROUP = WIDE[[0, 0, 1, 2]]


def history(visits=1, **bounds):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DelayedFeedback)
        return History(visits, **bounds)


class Twin:
    """Visits of each prompt in a list, the prompts in the order in which they were seen last."""

    def __init__(self, visits, prompts, most):
        self.visits, self.prompts, self.most = visits, prompts, most
        self.seen = {}

    def record(self, rows, names):
        for name, row in zip(names, rows.tolist(), strict=True):
            self.seen[name] = [row[: self.most], *self.seen.pop(name, [])][: self.visits]
            if len(self.seen) > self.prompts:
                # those of this batch stay, as it was recorded at once
                del self.seen[next(old for old in self.seen if old not in names)]

    def counted(self, rows, names):
        past = [[z for visit in self.seen.get(name, []) for z in visit] for name in names]
        M = [
            [visit.count(z) if z != -1 else 0 for z in row]
            for visit, row in zip(past, rows.tolist(), strict=True)
        ]
        return np.array(M), [len(visit) for visit in past]


@st.composite
def batches(draw):
    """Batches of a few prompts: names, and answers of any number, some of them missing."""
    made = []
    for _ in range(draw(st.integers(1, 8))):
        names = draw(
            st.lists(st.sampled_from([*"abcdef", 1, 2]), unique=True, min_size=1, max_size=3)
        )
        G = draw(st.integers(1, 5))
        rows = draw(
            st.lists(
                st.lists(st.sampled_from([*WIDE.tolist(), -1]), min_size=G, max_size=G),
                min_size=len(names),
                max_size=len(names),
            )
        )
        made.append((names, np.array(rows)))
    return made


@settings(deadline=None)
@given(batches(), st.integers(1, 3), st.integers(3, 5), st.integers(1, 5), st.booleans())
def test_it_counts_as_lists_of_visits_do(made, visits, prompts, most, reloaded):
    past, twin = history(visits, prompts=prompts, answers=most), Twin(visits, prompts, most)
    for names, rows in made:
        M, W = past.counted(rows, names)
        wanted, sizes = twin.counted(rows, names)
        np.testing.assert_array_equal(M, wanted)
        np.testing.assert_array_equal(np.broadcast_to(np.ravel(W), len(names)), sizes)
        past.record(rows, prompts=names)
        twin.record(rows, names)
        if reloaded:  # as a run that is killed and resumed after every step
            state = json.loads(json.dumps(past.state_dict(), sort_keys=True))
            past = history(visits, prompts=prompts, answers=most)
            past.load_state_dict(state)
            assert past.state_dict() == state
    assert past._kept.known() <= prompts


@settings(deadline=None)
@given(batches())
def test_flat_answers_are_recorded_as_rows_are(made):
    rows_of, flat = history(2), history(2)
    for names, rows in made:
        rows_of.record(rows, prompts=names)
        each = np.repeat(np.array(names, object), rows.shape[1])
        flat.record(rows.reshape(-1), prompts=each.tolist())
    assert rows_of.state_dict() == flat.state_dict()


@settings(deadline=None)
@given(batches(), st.integers(1, 3), st.sampled_from([1, 2, 1024]))
def test_what_is_recorded_again_counts_once(made, visits, most):
    """Also in another order, and where not all of a visit is kept."""
    once, often = history(visits, answers=most), history(visits, answers=most)
    for step, (names, rows) in enumerate(made):
        once.record(rows, prompts=names, step=step)
        often.record(rows, prompts=names, step=step)
        often.record(rows[::-1], prompts=names[::-1], step=step)
        often.record(rows[:1, ::-1], prompts=names[:1], step=step)
    assert once.state_dict() == often.state_dict()


@settings(deadline=None)
@given(
    st.lists(st.sampled_from([-1, *range(4)]), min_size=1, max_size=6),
    st.lists(st.sampled_from([-1, *range(4)]), min_size=1, max_size=6),
    st.integers(1, 6),
    st.booleans(),
)
@example([0, 0], [0, 1], 1, False)  # what differs is not kept
@example([0, 1], [1, 0], 1, False)  # what is kept differs, in another order
@example([0, 0], [0], 1, True)
def test_other_content_of_a_step_is_seen_whatever_is_kept_of_it(one, other, most, flat):
    past = history(answers=most, stable_ids=True)
    names = ["a"] if not flat else ["a"] * len(one)
    past.record(one if flat else [one], prompts=names, step=0)
    before, again = past.state_dict(), other if flat else [other]
    names = ["a"] if not flat else ["a"] * len(other)
    if sorted(one) == sorted(other):
        past.record(again, prompts=names, step=0)
        assert past.state_dict() == before
    else:
        refused(past, "other answers at step 0", again, prompts=names, step=0)


def test_parts_of_a_step_may_come_one_after_the_other():
    whole, parts = History(), History()
    rows = np.stack([GROUP, GROUP[::-1]])
    whole.record(rows, prompts=["a", "b"], step=3)
    parts.record(rows[:1], prompts=["a"], step=3)
    parts.record(rows[1:], prompts=["b"], step=3)
    assert parts.state_dict() == whole.state_dict()


def test_a_row_twice_in_a_batch_counts_once():
    once, twice = History(), History()
    once.record([GROUP], prompts=["a"])
    twice.record([GROUP, GROUP[::-1]], prompts=["a", "a"])
    assert once.state_dict() == twice.state_dict()


def refused(past, message, rows, error=InvalidHistory, **keywords):
    """A record that is refused leaves everything as it was, and says so in one line."""
    before = past.state_dict()
    with pytest.raises(error, match=message) as caught:
        past.record(rows, **keywords)
    assert "\n" not in str(caught.value)
    assert past.state_dict() == before


def test_another_content_of_a_step_is_refused():
    past = History()
    past.record([GROUP], prompts=["a"], step=5)
    other = GROUP[[0, 0, 0, 1]]
    refused(past, "prompt 'a' has other answers at step 5", [other], prompts=["a"], step=5)
    refused(past, "other answers at step 5", [GROUP[:3]], prompts=["a"], step=5)
    refused(past, "other answers", [GROUP, other], prompts=["b", "a"], step=5)
    refused(past, r"step 4 of prompt 'a' after its step 5", [GROUP], prompts=["a"], step=4)
    refused(past, "twice in a batch, with other answers", [GROUP, other], prompts=["b", "b"])
    past.record([GROUP], prompts=["b"], step=4)


BAD = [
    ({}, "prompts"),
    ({"prompts": None}, "prompts are missing"),
    ({"prompts": []}, "0 ids: expected 1 ids"),
    ({"prompts": [["a"]]}, "id of a prompt is"),
    ({"prompts": [{}]}, "id of a prompt is"),
    ({"prompts": [2**64]}, "id of a prompt is 18446744073709551616"),
    ({"prompts": ["a"], "step": -1}, "step is -1"),
    ({"prompts": ["a"], "step": 0.5}, "step is 0.5"),
    ({"prompts": ["a"], "step": True}, "step is True"),
]


@pytest.mark.parametrize(("keywords", "message"), BAD)
def test_bad_ids_and_steps_are_refused(keywords, message):
    if not keywords:
        with pytest.raises(TypeError, match=message):
            History().record([GROUP])
    else:
        refused(History(), message, [GROUP], **keywords)


def test_bad_answers_are_refused():
    refused(History(), "of type float64", [[0.5]], CountOutOfRange, prompts=["a"])
    refused(History(), "expected .prompts, G. or .N,.", [[GROUP]], prompts=["a"])
    refused(History(), "one above it", [[-(2**63), 10**9]], prompts=["a"])
    refused(History(prompts=1), "batch of 2 prompts", [GROUP, GROUP], prompts=["a", "b"])


@pytest.mark.parametrize("visits", [0, -1, 65, 10**400, 1.0, True, "many", None, [1]])
def test_visits_are_one_to_sixty_four_or_auto(visits):
    with pytest.raises(InvalidHistory, match='expected "auto" or an integer from 1 to 64'):
        History(visits)


def test_more_than_one_visit_is_warned_of():
    with pytest.warns(DelayedFeedback, match=r"up to 4 visits ago, .* a gain above 0.95"):
        History(4)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        History(1)
        History("auto")


@pytest.mark.parametrize("bound", [{"prompts": 0}, {"answers": -1}, {"stable_ids": 1}])
def test_other_arguments_are_checked(bound):
    with pytest.raises(InvalidHistory, match=next(iter(bound))):
        History(**bound)


# Ids of answers.


@settings(deadline=None)
@given(st.integers(1, 6), st.integers(1, 8), st.integers(0, 1), st.booleans(), st.integers(0, 99))
def test_every_batch_that_is_numbered_anew_is_seen(prompts, G, first, by_prompt, seed):
    rng = np.random.default_rng(seed)
    said = rng.integers(0, 5, (prompts, G))
    if by_prompt:
        ids = np.array([np.unique(row, return_inverse=True)[1] for row in said])
    else:
        ids = np.unique(said, return_inverse=True)[1].reshape(said.shape)
    ids = ids + first
    ids[0, 0] = -1
    if (ids == -1).all():
        return
    refused(History(), "numbered anew", ids, prompts=range(prompts))
    with pytest.raises(InvalidHistory, match="numbered anew"):
        History().counted(ids, range(prompts))
    History(stable_ids=True).record(ids, prompts=range(prompts))


def test_ids_by_digest_and_batches_without_answers_are_taken():
    past = History()
    past.record([[-1, -1, -1]], prompts=["a"])
    past.record(answers.identify([["1", "2", None]]), prompts=["a"])
    assert past.counted(answers.identify([["1", "3", None]]), ["a"])[0].tolist() == [[1, 0, 0]]


# What is kept of it.


def test_the_least_recently_recorded_prompts_go_first_whatever_was_looked_at():
    past = History(prompts=2)
    past.record([GROUP, GROUP], prompts=["a", "b"])
    past.record([GROUP], prompts=["a"])
    past.counted([GROUP], ["b"])  # a look-up changes nothing
    past.record([GROUP], prompts=["c"])
    assert [past.counted([GROUP], [name])[1] for name in "abc"] == [4, 0, 4]


def test_a_state_of_more_visits_gives_the_newest():
    past, one = history(3), History()
    for step in range(3):
        past.record([np.roll(WIDE, step)[:4]], prompts=["a"], step=step)
        one.record([np.roll(WIDE, step)[:4]], prompts=["a"], step=step)
    taken = History()
    taken.load_state_dict(past.state_dict())
    assert taken.state_dict() == one.state_dict()
    wide = history(3)
    wide.load_state_dict(one.state_dict())
    assert wide.counted([GROUP], ["a"])[1] == 4


def spoiled(state):
    """States that are not whole, or not the ones that were saved."""
    yield "not a state"
    yield {}
    for key in state:
        yield {name: value for name, value in state.items() if name != key}
    yield {**state, "format": 1}
    yield {**state, "step": state["step"] + 1}
    yield {**state, "prompts": state["prompts"][:-1]}
    for name in state["arrays"]:
        cut = deepcopy(state)
        cut["arrays"][name] = cut["arrays"][name][:-4]
        yield cut
        changed = deepcopy(state)
        changed["arrays"][name] = "AAAA" + changed["arrays"][name][4:]
        yield changed if changed != state else cut


def test_a_state_that_was_cut_short_or_changed_is_refused():
    past = History()
    past.record([GROUP, GROUP], prompts=["a", 7])
    here = History()
    here.record([GROUP[:3]], prompts=["b"])
    before = here.state_dict()
    for state in spoiled(past.state_dict()):
        with pytest.raises(InvalidHistory, match="state") as caught:
            here.load_state_dict(state)
        assert "\n" not in str(caught.value)
        assert here.state_dict() == before
    with pytest.raises(InvalidHistory, match="expected at most 1 and 1024"):
        History(prompts=1).load_state_dict(past.state_dict())


def test_a_state_of_answers_of_another_kind_is_refused():
    past, other = History(), History()
    past.read_as("auto")
    past.record([GROUP], prompts=["a"])
    other.read_as("number")
    with pytest.raises(InvalidHistory, match="read as 'auto', here 'number'"):
        other.load_state_dict(past.state_dict())
    with pytest.raises(InvalidHistory, match="read as 'auto', beside 'number'"):
        past.read_as("number")
    nobody = History()
    nobody.load_state_dict(past.state_dict())
    assert nobody.reads == "auto"


def test_it_can_be_pickled():
    past = History()
    past.record([GROUP], prompts=["a"])
    assert pickle.loads(pickle.dumps(past)).state_dict() == past.state_dict()


def test_memory_is_what_the_bounds_say():
    past = History(prompts=1000, answers=8)
    rng = np.random.default_rng(0)
    for _ in range(30):
        names = rng.integers(0, 10**6, 200)
        past.record(WIDE[rng.integers(0, 6, (200, 16))], prompts=(names * 1000 + np.arange(200)))
    arrays = [past._kept.answers, past._kept.sizes, past._kept.steps, past._kept.pairs]
    assert past._kept.known() == len(past._kept.slots) == len(past._kept.names) == 1000
    assert sum(array.nbytes for array in arrays) <= 1001 * 8 * (8 + 1 + 1 + 2)


def test_what_a_million_prompts_take():
    """Of a 64th of them: a dictionary of either number is as full."""
    page = (Path(__file__).parents[2] / "docs" / "howto" / "history.md").read_text()
    held, stated = map(
        float, re.search(r"(\d+) MB \(some .*? (\d+) MB in `state", page, re.S).groups()
    )
    n = 10**6 // 64
    rows = np.random.default_rng(0).integers(2**40, 2**62, (n, 16))
    History().record(rows[:2], prompts=[0, 1])  # imports what it needs
    tracemalloc.start()
    try:
        past = History(prompts=n)
        past.record(rows, prompts=[*range(1000, 1000 + n)])
        assert tracemalloc.get_traced_memory()[0] / n == pytest.approx(held, rel=0.02)
        before = tracemalloc.get_traced_memory()[0]
        state = past.state_dict()
        assert (tracemalloc.get_traced_memory()[0] - before) / n == pytest.approx(stated, rel=0.02)
    finally:
        tracemalloc.stop()
    assert len(state["prompts"]) == n

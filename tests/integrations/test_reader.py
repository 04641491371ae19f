"""Reading answers for trainers: one set of options, right answers without a box, equivalences."""

import inspect
import pickle
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from polyest import answers
from polyest.errors import InvalidAnswer
from polyest.integrations import groups, trl
from polyest.integrations.reader import Answering, Reader, pop_reader


def first(left, right):
    return left[0] == right[0]


def last(text):
    return text[-1:] or None


def test_the_options_are_those_of_the_answers():
    """A new option of `canonical` is one line in `Answering`, and then one of every integration."""
    own = set(inspect.signature(answers.canonical).parameters) - {"texts"}
    assert set(Answering.__annotations__) == own | {"equivalence"}


def attempt(texts, **options):
    class Group:
        trajectories = texts

    estimator = groups.rllm("coherence", text=lambda text: text, orbits="none", **options)
    return estimator([np.zeros(len(texts))], traj_groups=[Group()])[0][0].tolist()


ADAPTERS = {
    "groups": lambda texts, **options: groups.GroupReward("coherence", **options)(texts),
    "rllm": attempt,
    "trl": lambda texts, **options: trl.coherence(orbit_size=1, **options)(
        ["?"] * len(texts), texts, group_id=[0] * len(texts)
    ),
    "trl, truth": lambda texts, **options: trl.ground_truth(num_generations=len(texts), **options)(
        ["?"] * len(texts), texts, answer=[texts[0]] * len(texts)
    ),
}
WAYS = [
    ({"kind": "choice", "choices": "AB"}, ["(B)", "(B)", "(A)"], [1, 1, 0]),
    ({"kind": "choice", "choices": "ABC"}, ["(B)", "(B) or (C)", "(B)"], [1, 0, 1]),
    ({"kind": "choice", "choices": "AB"}, ["(B)", "(B) or (C)", "(A)"], [1, 1, 0]),
    ({"kind": "string", "equivalence": first}, ["seven", "six", "nine"], [1, 1, 0]),
    ({"kind": last}, ["so 7", "it is 7", "3"], [1, 1, 0]),
    ({"kind": last, "equivalence": first}, ["so 7", "it is 7", "3"], [1, 1, 0]),
]


@pytest.mark.parametrize("adapter", ADAPTERS)
@pytest.mark.parametrize(("options", "texts", "paid"), WAYS, ids=range(len(WAYS)))
def test_every_adapter_takes_every_option(adapter, options, texts, paid):
    earned = np.array(ADAPTERS[adapter](texts, **options))
    wanted = np.array(paid, float)
    if adapter == "rllm":
        wanted -= wanted.mean()
    assert earned == pytest.approx(wanted)


@pytest.mark.parametrize("adapter", ADAPTERS)
@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"kind": "roman"}, "kind 'roman' is unknown"),
        ({"kind": last, "choices": "AB"}, "choices with a callable kind"),
        ({"equivalence": 5}, "equivalence is 5: expected a callable"),
        ({"kind": "choice", "choices": ""}, "choices"),
    ],
)
def test_bad_options_are_errors_before_training(adapter, options, words):
    with pytest.raises(InvalidAnswer, match=words):
        ADAPTERS[adapter](["1", "2", "3"], **options)


@given(st.fractions(max_denominator=99))
def test_a_right_answer_needs_no_box(value):
    reader = Reader(kind="boxed")
    written = [f"{value}", rf"\boxed{{{value}}}", f"so it is \\boxed{{{value}}}.", f"${value}$"]
    assert set(reader.labels(written)) == set(reader.keys([written[1]])) != {None}


def test_what_is_a_right_answer_and_what_is_none():
    number = Reader(kind="number")
    assert number.labels(["72", 72, 72.0, np.int64(72), np.array(72), Decimal(72)]) == ["72"] * 6
    assert number.labels(["So ...\n#### 72"]) == ["72"]
    assert number.labels([None, True, ["72"], {"a": 72}, "", "many", np.bool_(True)]) == [None] * 7
    assert Reader().labels(["many", "72", r"\frac{1}{2}", "So ...\n#### 72", None, "", "}"]) == [
        *("many", "72", "1/2", "72"),
        *(None, None, None),
    ]
    boxed = Reader(kind="boxed")
    assert boxed.labels([r"\frac{1}{2}", r"\boxed{\frac12}", r"\fbox{.5}"]) == ["1/2"] * 3
    assert boxed.labels(["1}", "{1", "1\\", " ", "}{"]) == [None] * 5
    assert boxed.labels([r"\{1, 2\}"]) == boxed.keys([r"\boxed{\{1, 2\}}"]) != [None]
    assert Reader(kind="choice").labels(["B", "(B)"]) == ["B", "B"]


def test_each_distinct_text_is_read_once():
    asked = []
    reader = Reader(kind=lambda text: (asked.append(text), text)[1])
    assert reader.keys(["a", "b", "a", None]) == ["a", "b", "a", None]
    assert asked == ["a", "b"]


def test_a_reader_is_taken_out_of_options_and_can_be_pickled():
    options = {"kind": "string", "equivalence": first, "beta": 2}
    reader = pickle.loads(pickle.dumps(pop_reader(options)))
    assert options == {"beta": 2}
    ids = reader.ids(["seven", "six", None])
    assert ids[0] == ids[1] != ids[2] == -1
    with pytest.raises(InvalidAnswer, match="beta: expected some of kind"):
        Reader(beta=1)

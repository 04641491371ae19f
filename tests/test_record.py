"""Frozen data: made in order or by name, compared by value, never changed, copied with changes."""

import copy
import pickle

import pytest
from copies import replace

from polyest.problem.claims import Bracket
from polyest.problem.problem import Budget, Problem, pose
from polyest.record import Record


class Pair(Record):
    """Two things, the second with a default."""

    first: int
    second: str = "b"


def test_fields_in_order_by_name_and_by_default():
    assert Pair(1) == Pair(1, "b") == Pair(first=1) == Pair(second="b", first=1)
    assert (Pair(1, "c").first, Pair(1, "c").second) == (1, "c")
    assert repr(Pair(1)) == "Pair(first=1, second='b')"


@pytest.mark.parametrize(
    ("values", "named"),
    [
        ((), {}),
        ((1, "b", 3), {}),
        ((1,), {"first": 2}),
        ((1,), {"third": 3}),
        ((), {"second": "b"}),
    ],
)
def test_wrong_fields_are_a_type_error_that_lists_the_right_ones(values, named):
    with pytest.raises(TypeError, match="Pair takes first, second: got"):
        Pair(*values, **named)


def test_equal_is_of_one_kind_and_of_equal_values():
    assert Pair(1) != Pair(2)
    assert Bracket(0.5, 8.0) != Budget(0.5, 8.0)
    assert Pair(1) != (1, "b")
    assert len({Pair(1), Pair(1), Pair(2)}) == 2
    assert hash(pose(8)) == hash(pose(8, noise=8))


def test_nothing_is_set_or_deleted():
    pair = Pair(1)
    with pytest.raises(AttributeError, match="Pair is frozen: make another"):
        pair.first = 2
    with pytest.raises(AttributeError, match="first cannot be deleted"):
        del pair.first
    with pytest.raises(AttributeError, match="frozen"):
        pair.third = 3
    assert pair == Pair(1)


def test_copies_with_changes_and_through_pickle():
    assert replace(Pair(1), second="z") == Pair(1, "z")
    with pytest.raises(TypeError, match="takes first, second"):
        replace(Pair(1), third=3)
    problem = pose(8, bias=0.01)
    assert isinstance(problem, Problem)
    assert pickle.loads(pickle.dumps(problem)) == copy.deepcopy(problem) == problem

"""Answer classes as scores: the layout, what is none, and how often classes collide."""

import re
import warnings
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from polyest import answers, errors
from polyest.integrations import scores as layout
from polyest.integrations.scores import GREATEST, answer_class, classes
from polyest.integrations.verl import compute_score

LABELS = (None, True, False)


def score(number, right=None):
    """The score of a class, as the page lays it out."""
    if right is None:
        return float(number)
    return number / 2**24 if right else -(number + 2**8) / 2**48


number = st.integers(2, 2**24 - 2**9).filter(lambda one: one % 2**16)
each = st.tuples(number, st.sampled_from(LABELS)) | st.none()


@given(st.lists(each, min_size=1, max_size=20))
def test_every_class_and_whether_it_is_right_survive_float32(said):
    scores = torch.tensor([-1.0 if one is None else score(*one) for one in said])
    assert scores.dtype == torch.float32
    decoded = classes(scores.numpy())
    assert decoded.ids.tolist() == [-1 if one is None else one[0] for one in said]
    assert decoded.right.tolist() == [one is not None and one[1] is True for one in said]
    assert decoded.labelled.tolist() == [one is not None and one[1] is not None for one in said]
    assert decoded.orbits is None


def test_both_ends_of_the_layout_are_whole_numbers_of_float32():
    for number in (2, 3, 2**16 - 1, 2**16 + 1, 2**24 - 2**9 - 1, 2**24 - 2**9):
        for right in LABELS:
            decoded = classes(np.array([score(number, right)], np.float32))
            assert (decoded.ids.tolist(), decoded.right.tolist()) == ([number], [right is True])
            assert decoded.labelled.tolist() == [right is not None]
    for slot in (0, 255):
        for number in (2, 2**16 - 2**9):
            for right in LABELS:
                silent = (-1.0 - slot) * (1 if right is None else 2**-48)
                one = np.array([score(2**16 * slot + number, right), silent], np.float32)
                decoded = classes(one, with_orbits=True)
                assert decoded.ids.tolist() == [number, -1]
                assert decoded.orbits.tolist() == [slot, slot]
                assert decoded.right.tolist() == [right is True, False]
                assert decoded.labelled.tolist() == [right is not None] * 2


@given(
    st.none() | st.integers(0, 10**6),
    st.sampled_from(["7", "8", "no idea"]),
    st.sampled_from([None, True, False]),
)
def test_an_answer_is_given_back_by_its_score(orbit, text, right):
    score = np.array([answer_class(text, orbit=orbit, right=right)], np.float32)
    decoded = classes(score, with_orbits=orbit is not None)
    assert decoded.orbits is None if orbit is None else decoded.orbits.tolist() == [orbit % 256]
    wanted = int(answers.from_texts([text])[0])
    most = 2**24 - 2**9 if orbit is None else 2**16 - 2**9
    assert decoded.ids.tolist() == [-1 if wanted < 0 else 2 + wanted % (most - 1)]
    assert decoded.right.tolist() == [wanted >= 0 and right is True]
    assert decoded.labelled.tolist() == [right is not None]
    assert score[0] not in (0, 1)


@pytest.mark.parametrize("right", LABELS)
def test_no_class_has_a_score_that_a_reward_may_be(monkeypatch, right):
    """A partial score of 1/2 or 3/4 is refused, and not read as the right answer of some class."""
    monkeypatch.setattr(layout, "identify", lambda keys: [2**23 - 2])
    one = answer_class("7", right=right)
    assert one == score(2**23 + 1, right)
    assert classes(np.array([one])).ids.tolist() == [2**23 + 1]


def outside(with_orbits):
    """Numbers that are no score: between the regions, beyond them, not whole, of no number."""
    whole = [0, 1, -256 - 1, 2**24 - 2**9 + 1, -(2**24 - 2**8) - 1, 2**24, -(2**24), 2**60]
    if with_orbits:  # the ends of a slot that are left out
        ends = [0, 1, 2**16 - 2**9 + 1, 2**16 - 1]
        whole += [n for slot in (1, 7) for end in ends for n in (2**16 * slot + end,)]
        labels = [-(2**16 * 3 + end + 2**8) for end in ends]
    else:
        whole += [-2, -255, -256, 2**16, 2**24 - 2**16]
        labels = [-2, -255, -256, -257, -(2**24)]
    whole += [one / 2**48 for one in labels] + [
        one / 2**24 for one in (1, 2**16, 0.5, 2.5, 2**24 - 1)
    ]
    whole += [-7 / 2**24, -(2**9) / 2**24, -2.5 / 2**48, -266]  # of no region
    return [*map(float, whole), 0.5, 0.25, 0.75, -0.5, 2.5, -1.5, np.nan, np.inf, -np.inf, 1e300]


@pytest.mark.parametrize("with_orbits", [False, True])
@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_what_is_no_score_is_refused(with_orbits, kind):
    for odd in outside(with_orbits):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore" if odd == 1e300 else "error")  # no float32
            batch = np.array([7.0, odd, -1.0], kind)
        with pytest.raises(errors.BrokenBatch, match=r"answer_class|orbits="):
            classes(batch, with_orbits)


@given(st.lists(st.sampled_from([0.0, 1.0, 7.0, 9.0, -1.0]), min_size=1), st.booleans())
def test_failures_and_accuracies_are_refused_or_no_answer(said, with_orbits):
    batch = np.array(said)
    failures = np.isin(batch, (0, 1))
    decoded = classes(batch, with_orbits, failed="no-answer")
    assert decoded.ids.tolist() == [int(one) if one > 1 else -1 for one in said]
    assert not decoded.right[failures].any()
    if with_orbits:
        assert decoded.orbits.tolist() == [-1 if one else 0 for one in failures]
    if failures.any():
        with pytest.raises(errors.BrokenBatch, match=r"\d+ of \d+ scores are 0 or 1.*no-answer"):
            classes(batch, with_orbits)
    with pytest.raises(errors.InvalidReward, match="failed is 'zero': expected one of raise, no"):
        classes(batch, with_orbits, failed="zero")


RATES = {False: 1 / (GREATEST - 1), True: 1 / (GREATEST % layout.BLOCK - 1)}


@pytest.mark.parametrize("with_orbit", RATES)
def test_classes_collide_as_often_as_is_said(with_orbit):
    many = 2_000 if with_orbit else 20_000
    keys = np.array([answer_class(str(i), orbit=9 if with_orbit else None) for i in range(many)])
    collisions = len(keys) - len(np.unique(keys))
    expected = many * (many - 1) / 2 * RATES[with_orbit]  # 11.9 and 30.7
    assert expected > 10
    assert abs(collisions - expected) < 4 * expected**0.5
    assert keys.min() >= 2
    assert keys.max() <= 2**24 - 2**9


def test_pages_give_the_rates_at_which_classes_collide():
    docs = Path(__file__).resolve().parents[2] / "docs"
    pages = {
        name: " ".join((docs / f"{name}.md").read_text().split()) for name in ("verl", "skyrl")
    }
    said = " ".join(layout.__doc__.split())
    rate, over_orbits = (f"{RATES[with_orbit]:.2e}".replace("e-0", "e-") for with_orbit in RATES)
    assert f"probability {rate} ({over_orbits} with an orbit)" in said
    few, many = ([n * (n - 1) / 2 * rate for rate in RATES.values()] for n in (8, 64))
    told = re.search(r"at most: (\S+) for n = 8 and (\S+) for n = 64 \((\S+) and (\S+)\)", said)
    assert [float(one) for one in told.groups()] == pytest.approx(
        [few[0], many[0], few[1], many[1]], rel=0.02
    )
    assert f"probability {rate}" in pages["verl"]
    assert f"probability {rate}" in pages["skyrl"]
    assert f"probability {over_orbits}" in pages["verl"]
    assert (
        f"in at most {told[2]} of the groups with 64 distinct answers, {told[1]} with 8"
        in pages["verl"]
    )
    assert f"in at most {told[4]} of the orbits with 64" in pages["verl"]


def test_the_reward_function_gives_a_class_and_whether_it_is_right():
    result = compute_score("", r"so \boxed{0.5}", "1/2", {"orbit": 5}, kind="boxed", orbit="orbit")
    assert result == {"score": answer_class("1/2", "fraction", orbit=5, right=True), "acc": 1.0}
    assert compute_score("", "who knows", None) == {"score": -1.0, "acc": 0.0}
    assert compute_score("", "8", "7") == {"score": -(answer_class("8") + 256) / 2**48, "acc": 0.0}
    assert compute_score("", "8", "see the picture", kind="number") == {
        "score": answer_class("8"),
        "acc": 0.0,
    }
    for unlabelled in (None, ""):
        assert compute_score("", "8", unlabelled) == {"score": answer_class("8"), "acc": 0.0}
    with pytest.raises(errors.BrokenOrbit, match=r"extra_info without 'orbit'.*it has index"):
        compute_score("", "7", "7", {"index": 3}, orbit="orbit")
    with pytest.raises(errors.InvalidAnswer, match="kind 'numbr' is unknown"):
        compute_score("", "7", "7", kind="numbr")

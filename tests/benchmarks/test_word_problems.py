"""Texts of literal questions; reasoning-gym only draws questions, and one test needs it."""

import random
import re
from itertools import islice

import pytest
from word_problems import (
    DATASET,
    STREAM,
    TERMS,
    WORDINGS,
    Question,
    draw,
    orbit,
    parse,
    solution,
    split,
    study,
    text,
    texts,
)

GAIN, LOSS = {"add", "gain", "more", "+"}, {"sub", "lose", "less", "-"}
PAIRS = [set(), {"add", "sub"}, {"gain", "lose"}, {"more", "less"}]
QUESTIONS = [
    Question((-3, 4, 8)),
    Question((-5, 0, 5)),
    Question((0, 0, 7)),
    Question((2, 2, 9)),
    Question((-9, -9, 0)),
]


def told(prompt):
    """Signed terms of a text, read independently of how it was worded."""
    assert prompt.endswith("=")
    terms, sign = [], 1
    for token in re.findall(r"[a-z]+|[0-9]+|[+-]", prompt):
        if token.isdigit():
            terms.append(sign * int(token))
            sign = 1
        elif token in {"more", "less"}:  # after its number
            terms[-1] *= 1 if token in GAIN else -1
        else:
            assert token in GAIN | LOSS
            sign = 1 if token in GAIN else -1
    return terms


def wording_of(prompt):
    """The wording's words; none where signs stand in their place."""
    words = set(re.findall("[a-z]+", prompt))
    return next(i for i, pair in enumerate(PAIRS) if words <= pair)


def test_wordings():
    assert [text([7, -3, 0], wording) for wording in WORDINGS] == [
        "+7-3+0=",
        "add 7 sub 3 add 0=",
        "gain 7,lose 3,gain 0=",
        "7 more,3 less,0 more=",
    ]
    assert text([-3, 7, 5], WORDINGS[0]) == "-3+7+5="


def test_solutions():
    assert solution([7, -3, 5]) == "4,9;"
    assert solution([-9, -9, 0]) == "-18,-18;"
    assert solution([7, -3]) == "4;"


@pytest.mark.parametrize("question", QUESTIONS, ids=str)
@pytest.mark.parametrize("size", [2, 3, 4, 9])
def test_members_have_one_answer(question, size):
    members = orbit(question, size, random.Random(size))
    assert len(set(members)) == len(members) == size
    for member in members:
        assert sorted(told(member)) == list(question.terms)
        assert sum(told(member)) == question.answer
        assert len(member) <= 40


def test_members_differ_in_wording_and_order():
    chance = random.Random(0)
    orbits = [orbit(QUESTIONS[0], 4, chance) for _ in range(500)]
    for members in orbits:
        assert {wording_of(member) for member in members} == {0, 1, 2, 3}
    for place in range(4):
        assert {wording_of(members[place]) for members in orbits} == {0, 1, 2, 3}
        assert len({tuple(told(members[place])) for members in orbits}) == 6
    assert {wording_of(m) for m in orbit(QUESTIONS[0], 9, chance)} == {0, 1, 2, 3}


def test_a_seed_fixes_the_orbit():
    def drawn(seed):
        chance = random.Random(seed)
        return [orbit(question, 4, chance) for question in QUESTIONS]

    assert drawn(3) == drawn(3) != drawn(4)


def test_equal_terms_have_few_texts():
    same = Question((5, 5, 5))
    assert len(orbit(same, 4, random.Random(0))) == 4
    with pytest.raises(ValueError, match="fewer than 5 texts"):
        orbit(same, 5, random.Random(0))


def test_studied_texts_are_in_one_wording_and_lapse_by_its_shares():
    chance = random.Random(0)
    batches, lapses = [0] * len(WORDINGS), [0] * len(WORDINGS)
    for _ in range(2000):
        asked, solved = study(QUESTIONS, 20, chance)
        (wording,) = {wording_of(prompt) for prompt in asked}
        batches[wording] += 1
        for prompt, written in zip(asked, solved, strict=True):
            first, second, third = told(prompt)
            lapse = f"{first + second};"
            assert written in {lapse, f"{first + second},{first + second + third};"}
            lapses[wording] += written == lapse
    shares = [n / 2000 for n in batches]
    assert shares == pytest.approx([w.share for w in WORDINGS], abs=0.04)
    lapsed = [n / (20 * batch) for n, batch in zip(lapses, batches, strict=True)]
    assert lapsed == pytest.approx([w.lapse for w in WORDINGS], abs=0.04)
    assert sum(w.share for w in WORDINGS) == pytest.approx(1)


def test_texts_are_in_the_wording_asked_for():
    for i, wording in enumerate(WORDINGS):
        asked, solved = texts(QUESTIONS, wording, random.Random(0))
        assert solved == [solution(told(prompt)) for prompt in asked]
        assert {wording_of(prompt) for prompt in asked} == {i}
        assert [sorted(told(prompt)) for prompt in asked] == [list(x.terms) for x in QUESTIONS]
        assert any(told(x) != sorted(told(x)) for x in asked)


@pytest.mark.parametrize(
    ("written", "answer"),
    [("12;", 12), ("-3;", -3), ("0;", 0), ("07;", 7), ("4,-9;", -9), ("1,2,3;", 3)],
)
def test_answers_written(written, answer):
    assert parse(written) == answer


NUMBERS = ["", ";", "12", "-;", "--3;", "1 2;", "+3;", "3-;", "3;\n", "٣;", "a;", "12345;"]
LISTS = ["3;4;", ",4;", "4,;", "4,,5;", "4;,5;", "12345,6;", "4,5"]


@pytest.mark.parametrize("written", NUMBERS + LISTS)
def test_no_answer_written(written):
    assert parse(written) is None


def test_sets_share_no_question():
    pytest.importorskip("reasoning_gym")
    sets = split(3)
    assert [len(part) for part in sets] == [500, 350, 300]
    contents = [
        {tuple(sorted(told(text(x.terms, WORDINGS[i % 4])))) for i, x in enumerate(part)}
        for part in sets
    ]
    every = set.union(*contents)
    assert sum(map(len, contents)) == len(every) == 1150
    assert all(len(terms) == 3 and all(abs(term) <= 9 for term in terms) for terms in every)
    assert split(3) == sets
    assert split(4).test != sets.test
    with pytest.raises(ValueError, match="only 1165 different questions"):
        split(3, studied=516)


def test_questions_are_those_reasoning_gym_drew():
    reasoning_gym = pytest.importorskip("reasoning_gym")
    entries = reasoning_gym.create_dataset(DATASET, size=STREAM, seed=2 * STREAM, **TERMS)
    expected = []
    for entry in (entries[i] for i in range(100)):
        terms = told(entry["metadata"]["expression"] + "=")
        assert sum(terms) == int(entry["answer"])
        if Question(tuple(sorted(terms))) not in expected:
            expected.append(Question(tuple(sorted(terms))))
    assert list(islice(draw(2), len(expected))) == expected

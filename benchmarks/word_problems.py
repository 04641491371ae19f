"""Word problems with integer answers, and their orbits: texts of one question, all of one answer.

A question is a sum of three signed one-digit terms, drawn by reasoning-gym's chain_sum.  A text
states the terms in some order and in one of `WORDINGS`; another wording or another order gives
another text with the same answer.  A solution is the partial sums; the last one is the answer.

    gain 7,lose 3,gain 5=   4,9;        add 5 sub 3 add 7=   2,9;        +7+5-3=   12,9;

The texts that a model studies are imperfect, so that it learns some wordings well and others poorly:
the wordings have unequal shares, and a share of their solutions, the lapses, stop before the last
term.  The answer of a lapse depends on the order of the terms; the true answer does not.

No two sets of a `split` have a question in common, and hence no text: a question is its terms in any
order.  Nothing here evaluates a text; the answer is the sum of the terms.
"""

import random
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, islice
from typing import NamedTuple

END = ";"  # this character ends an answer
DATASET = "chain_sum"
TERMS = {"min_terms": 3, "max_terms": 3, "min_digits": 1, "max_digits": 1}
STREAM = 20_000  # most entries that a seed may draw; entry i of seed s is drawn with s + i


class Wording(NamedTuple):
    gain: str
    loss: str
    joint: str
    share: float  # share among the texts that are studied
    lapse: float  # share of their solutions that stop before the last term


WORDINGS = (
    Wording("+{}", "-{}", "", share=0.55, lapse=0.2),
    Wording("add {}", "sub {}", " ", share=0.2, lapse=0.35),
    Wording("gain {}", "lose {}", ",", share=0.15, lapse=0.5),
    Wording("{} more", "{} less", ",", share=0.1, lapse=0.6),
)


@dataclass(frozen=True)
class Question:
    terms: tuple[int, ...]  # in ascending order, so that equal questions compare equal

    @property
    def answer(self) -> int:
        return sum(self.terms)


class Split(NamedTuple):
    studied: list[Question]
    unlabeled: list[Question]
    test: list[Question]


def text(terms: Sequence[int], wording: Wording) -> str:
    """The prompt: the terms in this order, as the wording puts them."""
    said = ((wording.loss if term < 0 else wording.gain).format(abs(term)) for term in terms)
    return wording.joint.join(said) + "="


def solution(terms: Sequence[int]) -> str:
    """What is written after the prompt: the sums of the first two terms, three terms and so on."""
    return ",".join(map(str, list(accumulate(terms))[1:])) + END


def parse(written: str) -> int | None:
    """The answer written: the last of the numbers before the end; None if anything else was written."""
    number = "-?[0-9]{1,4}"
    match = re.fullmatch(rf"(?:{number},)*({number}){END}", written)
    return int(match[1]) if match else None


def texts(
    questions: Sequence[Question], wording: Wording, chance: random.Random, lapse: float = 0
) -> tuple[list[str], list[str]]:
    """A text of each question, its terms in random order, and its solution, which may be a lapse."""
    asked, solved = [], []
    for question in questions:
        terms = _shuffled(question, chance)
        asked.append(text(terms, wording))
        solved.append(solution(terms[:-1] if chance.random() < lapse else terms))
    return asked, solved


def study(
    questions: Sequence[Question], size: int, chance: random.Random
) -> tuple[list[str], list[str]]:
    """Texts to learn from and their solutions, all in one wording, drawn by its share.

    Texts of one wording are of one length, which leaves no pads in a batch.
    """
    (wording,) = chance.choices(WORDINGS, [wording.share for wording in WORDINGS])
    return texts(chance.choices(questions, k=size), wording, chance, wording.lapse)


def orbit(question: Question, size: int, chance: random.Random) -> list[str]:
    """`size` different texts of a question, their wordings and the orders of their terms drawn.

    Up to four texts are in as many wordings; beyond that wordings come again, and a question whose
    terms are all equal has no more than four texts.
    """
    members: list[str] = []
    for _ in range(100):
        for wording in chance.sample(WORDINGS, len(WORDINGS)):
            member = text(_shuffled(question, chance), wording)
            if len(members) < size and member not in members:
                members.append(member)
        if len(members) == size:
            return members
    raise ValueError(f"{question} has fewer than {size} texts")


def draw(seed: int) -> Iterator[Question]:
    """Different questions in the order drawn: nearly all of the 1165 that there are."""
    import reasoning_gym  # imported here, because nothing else needs it

    drawn = reasoning_gym.create_dataset(DATASET, size=STREAM, seed=seed * STREAM, **TERMS)
    seen = set()
    for i in range(STREAM):
        expression = drawn[i]["metadata"]["expression"].replace(" ", "")
        question = Question(tuple(sorted(map(int, re.findall(r"[+-]?\d+", expression)))))
        if question not in seen:
            seen.add(question)
            yield question


def split(seed: int, studied: int = 500, unlabeled: int = 350, test: int = 300) -> Split:
    """Three sets without a question in common; another seed divides the questions otherwise."""
    questions = list(islice(draw(seed), studied + unlabeled + test))
    if len(questions) < studied + unlabeled + test:
        raise ValueError(f"only {len(questions)} different questions for {seed=}")
    random.Random(seed).shuffle(questions)  # the questions drawn last are the rare ones
    tested = studied + unlabeled
    return Split(questions[:studied], questions[studied:tested], questions[tested:])


def _shuffled(question: Question, chance: random.Random) -> list[int]:
    return chance.sample(question.terms, len(question.terms))

"""Prompts with closed lists of answers: many wordings of the same request, and what is asked of the answers.

Every family has 24 wordings, shuffled once.  Of its first four some are trained on and some held out (16 and
8 prompts over all families), and so are all of them in the wide setting (128 and 16).

`law` is a target Q, Zipf's law over the answers in an order that has nothing to do with the model's, one for
each of the two things that a family is asked for, so that wordings have to be told apart.  `right` has for
every topic the answers that are correct.
"""

import random
from itertools import product
from typing import NamedTuple

OPENINGS = ("Name", "Pick", "Choose", "Tell me")
ENDINGS = ("Reply with one word.", "Answer briefly.", "No explanation, please.")
LETTERS = " ".join("ABCDEFGHIJKLMNOPQRSTUVWXYZ")
COLOURS = "red blue green yellow purple orange pink brown black white gold silver violet indigo"
DAYS = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday"
FRUITS = (
    "apple banana orange pear grape cherry lemon lime mango peach plum kiwi fig strawberry pineapple "
    "watermelon papaya coconut grapefruit avocado"
)
# What is asked for in two ways, and the answers.
FAMILIES = {
    "numbers": (("a number from 1 to 9", "a random digit, but not 0"), "1 2 3 4 5 6 7 8 9"),
    "dice": (("the result of rolling a die", "a throw of one die"), "1 2 3 4 5 6"),
    "colours": (("a colour", "the colour of something"), COLOURS),
    "days": (("a day of the week", "a weekday or a day of the weekend"), DAYS),
    "fruits": (("a fruit", "something that grows on a tree or a bush"), FRUITS),
    "letters": (("a letter of the alphabet", "a capital letter"), LETTERS),
}
TWO_TOKENS = {
    "tens": (("a number from 10 to 39", "a two-digit number below 40"), range(10, 40)),
    "hours": (("a number from 10 to 29", "a two-digit number below 30"), range(10, 30)),
    "years": (("a number from 60 to 99", "a two-digit number above 59"), range(60, 100)),
}
MONTHS = "January February March April May June July August September October November December"
ANIMALS = (
    "dog cat cow horse pig sheep goat lion tiger bear wolf fox rabbit mouse duck chicken eagle owl crow hawk "
    "penguin shark snake frog bee ant butterfly spider"
)
COUNTRIES = (
    "France Germany Italy Spain Greece Sweden Norway Poland China Japan India Brazil Canada Mexico Egypt "
    "Kenya Peru Chile"
)
# What is asked for in two ways, the answers, and those that are right.
TOPICS = {
    "mammals": (("a mammal", "an animal that gives milk"), ANIMALS, ANIMALS.split()[:14]),
    "birds": (("a bird", "an animal with feathers"), ANIMALS, ANIMALS.split()[14:21]),
    "Europe": (("a country in Europe", "a European country"), COUNTRIES, COUNTRIES.split()[:8]),
    "elsewhere": (
        ("a country outside Europe", "a country that is not European"),
        COUNTRIES,
        COUNTRIES.split()[8:],
    ),
    "consonants": (
        ("a consonant", "a letter that is no vowel"),
        LETTERS,
        [*"BCDFGHJKLMNPQRSTVWXYZ"],
    ),
    "late": (("a letter after M", "a letter of the second half"), LETTERS, [*"NOPQRSTUVWXYZ"]),
    "fruits": (
        ("a fruit that is no citrus fruit", "a fruit, but neither orange nor lemon"),
        FRUITS,
        [one for one in FRUITS.split() if one not in ("orange", "lemon", "lime", "grapefruit")],
    ),
    "long": (
        ("a month of 31 days", "a month with 31 days"),
        MONTHS,
        ["January", "March", "May", "July", "August", "October", "December"],
    ),
}


class Asked(NamedTuple):
    family: str
    thing: str  # which of the two
    text: str
    answers: tuple[str, ...]


def wordings(family: str, things: tuple[str, str], answers: str | range) -> list[Asked]:
    """All 24 wordings of a family: its two things in turns, each in an order of its own.

    >>> first = wordings("dice", *FAMILIES["dice"])[0]
    >>> first.text, first.answers
    ('Tell me the result of rolling a die. Reply with one word.', ('1', '2', '3', '4', '5', '6'))
    """
    listed = tuple(answers.split() if isinstance(answers, str) else map(str, answers))
    of_things = []
    for thing in things:
        made = [
            Asked(family, thing, f"{opening} {thing}. {ending}", listed)
            for opening, ending in product(OPENINGS, ENDINGS)
        ]
        random.Random(thing).shuffle(made)
        of_things.append(made)
    return [asked for both in zip(*of_things, strict=True) for asked in both]


def split(
    families: dict[str, tuple[tuple[str, str], str | range]], each: int, held: int
) -> tuple[list[Asked], list[Asked]]:
    """`each` wordings of every family, of which `held` in all are held out, in turns of the families.

    >>> trained, held = split(FAMILIES, 4, 8)
    >>> len(trained), len(held), len({one.family for one in trained})
    (16, 8, 6)
    """
    turns = [
        asked
        for same in zip(
            *(wordings(name, *how)[:each] for name, how in families.items()), strict=True
        )
        for asked in same
    ]
    return turns[: len(turns) - held], turns[len(turns) - held :]


def law(asked: Asked) -> list[float]:
    """Zipf's law, 1/rank, over the answers in an order drawn once for each of a family's two things.

    >>> [round(q, 3) for q in law(Asked("dice", "a throw of one die", "", ("1", "2", "3")))]
    [0.182, 0.545, 0.273]
    """
    ranks = [*range(1, len(asked.answers) + 1)]
    random.Random(f"law of {asked.thing}").shuffle(ranks)
    total = sum(1 / rank for rank in ranks)
    return [1 / rank / total for rank in ranks]


def right(asked: Asked) -> list[bool]:
    """Which of a topic's answers are correct."""
    *_, correct = TOPICS[asked.family]
    return [answer in correct for answer in asked.answers]

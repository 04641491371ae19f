r"""What reading answers from texts costs: `answers.from_texts` against a regular expression and a dict.

    python benchmarks/read_texts.py             # results/read_texts.csv, two minutes
    python benchmarks/read_texts.py --quick     # three rounds, to standard output

A batch is 64 prompts with 16 completions each, no two of them equal, while the answers of a prompt repeat.
Short texts are a number of the completion and a sentence with the answer; long ones are reasoning of 1,200
characters and that sentence.  The peer is the plainest that reads this style: findall, the last match, and
a dict from it to an integer.  It reads no other style, has no value for what it finds, so that 0.5 is not
1/2, and does not look where reasoning ends.

Answers are whole numbers as data sets have them, from 1 to 10,000, small ones more often (uniform in their
logarithm), so that some are known from earlier batches, as they are in training.  Both ways take turns in one
process, each with new batches.  `microseconds` is the processor time of one text, the least of the rounds;
`ratio` is that over the peer's, and `median_ratio` is the ratio of medians.
"""

import argparse
import random
import re
from collections.abc import Callable
from pathlib import Path
from statistics import median
from time import process_time
from typing import NamedTuple

import origin

from polyest import answers
from polyest.answers import Kind

FILE = Path(__file__).parent / "results" / "read_texts.csv"
PACKAGES = ("polyest", "numpy")
PROMPTS, GROUP, ROUNDS = 64, 16, 60
DIFFERENT = 6  # greatest number of different answers to a prompt
LENGTHS = {"short": 0, "long": 1200}
SENTENCES = (
    "There are {a} crates of {b} apples each, so {a} * {b} = {c} apples in total.\n",
    "Then we subtract those that were eaten, which gives us {c} - {a} = {d}. ",
    "We are asked for the number at the end of the day, and not for that at the start.\n\n",
    "By the same argument as above, the remaining part is $\\frac{{{a}}}{{{b}}}$ of it. ",
    "Let x be the number of crates; the equation is x + {a} = {b}, thus x = {d}. ",
    "This means that the second part is finished, and we move on to the next step. ",
)

Row = dict[str, str | float | int]
Batch = list[list[str]]


class Style(NamedTuple):
    """A way in which models end: what is before the answer and after it, and what the peer looks for."""

    before: str
    after: str
    pattern: re.Pattern[str]
    kinds: tuple[Kind, ...]


BOX = re.compile(r"\\boxed\{([^{}]*)\}")
STYLES = {
    "boxed": Style("so the result is $\\boxed{", "}$.", BOX, ("auto", "number", "boxed")),
    "boxed after </think>": Style(
        "</think>\n\nThe result is $\\boxed{", "}$.", BOX, ("auto", "number")
    ),
    "boxed fraction": Style(
        "so the result is $\\boxed{\\frac{",
        "}{7}}$.",
        re.compile(r"\\boxed\{((?:[^{}]|\{[^{}]*\})*)\}"),
        ("auto", "number"),
    ),
    "####": Style("so that is it.\n#### ", "", re.compile(r"#### (-?[\d.,]+)"), ("auto", "number")),
    "the answer is": Style(
        "The answer is ", ".", re.compile(r"answer is (-?[\d.,]*\d)"), ("auto", "number")
    ),
    "last number": Style("We get x = ", "", re.compile(r"-?\d+(?:\.\d+)?"), ("auto", "number")),
    "choice": Style("The answer is (", ").", re.compile(r"\(([A-E])\)"), ("choice",)),
}


def reasoning(length: int, chance: random.Random) -> str:
    """Sentences of reasoning, cut to this number of characters."""
    said = ""
    while len(said) < length:
        a, b = chance.randrange(2, 60), chance.randrange(2, 60)
        said += chance.choice(SENTENCES).format(a=a, b=b, c=a * b, d=abs(a - b))
    return said[:length]


def batch(name: str, length: str, chance: random.Random) -> tuple[Batch, Batch]:
    """Texts, and the answers in them as they are written."""
    style, texts, right = STYLES[name], [], []
    for prompt in range(PROMPTS):
        pool = [str(int(10 ** chance.uniform(0, 4))) for _ in range(DIFFERENT)]
        if name == "choice":
            pool = list("ABCDE")
        written = [chance.choice(pool[: chance.randrange(1, len(pool) + 1)]) for _ in range(GROUP)]
        heads = [
            f"{reasoning(LENGTHS[length], chance)}{prompt * GROUP + i}) " for i in range(GROUP)
        ]
        begin = "<think>" if "</think>" in name else ""
        texts.append(
            [
                begin + head + style.before + answer + style.after
                for head, answer in zip(heads, written, strict=True)
            ]
        )
        right.append(written)
    return texts, right


def peer(texts: Batch, pattern: re.Pattern[str]) -> list[list[int]]:
    """Ids within each prompt by the last match of a pattern, -1 for none."""
    ids = []
    for row in texts:
        seen: dict[str, int] = {}
        matches = [pattern.findall(text) for text in row]
        ids.append([seen.setdefault(each[-1], len(seen)) if each else -1 for each in matches])
    return ids


def rows(rounds: int) -> list[Row]:
    """A row for each length, style and kind."""
    chance = random.Random(0)
    return [
        measured(name, length, kind, rounds, chance)
        for length in LENGTHS
        for name, style in STYLES.items()
        for kind in style.kinds
    ]


def measured(name: str, length: str, kind: Kind, rounds: int, chance: random.Random) -> Row:
    """The row of one style: both ways in turns, each with texts that nobody has read before."""
    pattern = STYLES[name].pattern
    ways: dict[str, Callable[[Batch], object]] = {
        "ours": lambda texts: answers.from_texts(texts, kind),
        "peer": lambda texts: peer(texts, pattern),
    }
    taken: dict[str, list[float]] = {way: [] for way in ways}
    for _ in range(rounds):
        for way, read in ways.items():
            texts, _ = batch(name, length, chance)
            start = process_time()
            read(texts)
            taken[way].append(1e6 * (process_time() - start) / (PROMPTS * GROUP))
    least = {way: min(times) for way, times in taken.items()}
    return {
        "length": length,
        "style": name,
        "kind": kind,
        "microseconds": least["ours"],
        "peer_microseconds": least["peer"],
        "ratio": least["ours"] / least["peer"],
        "median_ratio": median(taken["ours"]) / median(taken["peer"]),
        "rounds": rounds,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="three rounds, to standard output")
    quick = parser.parse_args().quick
    origin.write(rows(3 if quick else ROUNDS), PACKAGES, None if quick else FILE)


if __name__ == "__main__":
    main()

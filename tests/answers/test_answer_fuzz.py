"""Malformed text: whatever is written, reading ends in bounded time with an answer or with none.

POLYEST_FUZZ is the number of texts, 10^4 by default; each is read in every kind.
"""

import os
import random
from time import process_time

from polyest.answers import KINDS, canonical, equivalent, identify

TEXTS = int(os.environ.get("POLYEST_FUZZ", 10_000))
TOGETHER = 500
SLOWEST = 20.0  # seconds for these: a hundred times what they take, and less than a quadratic time
PIECES = [
    *"0123456789.,:;/^_-+*=()[]{}<>$%&~#'\"!?|\\ \n\t", "\\\\", "\\,", "\\!", "{,}", "\\{", "\\}",
    r"\left(", r"\right.",
    r"\boxed", r"\boxed{", r"\fbox{", r"\frac", r"\dfrac{", r"\sqrt", r"\sqrt[", r"\text{", r"\times",
    r"\cdot", r"\pm",
    r"\circ", r"^{\circ}", r"\begin{pmatrix}", r"\end{pmatrix}", r"\quad", r"\(", r"\)", "<think>",
    "</think>", "<think",
    "<answer>", "</answer>", "<|channel|>analysis", "#### ", "answer", "answer is ", "The answer: ",
    "option ", "not ",
    "(A)", "A", "B.", "**", "`", "and", " or ", "million", " hundredths", "percent", "x", "e", "e5",
    "10^", "1,234",
    "1 000", "1.234.567", "3/4", "1/2/24", "12:30", "2024-01-15", "-5", "0x", "\u2212", "\u2010",
    "\u200b", "\u202f",
    "\u00bd", "\u00b2", "\u2081", "\u2044", "\uff15", "\uff0e", "\u0665", "\u066b", "\u4e07", "\u3002",
    "\ufdfa", "\u0301",
    "\ud800", "\U0001d7ce", "\ue000", "\ue003", "\x00", "\x0b", "\u2028", "<sup>", "</sup>", "\u221a",
    "\u00b1", "\u00d7",
]  # fmt: skip


def written(chance):
    """A text of pieces; one in a hundred has them many times over."""
    pieces = chance.choices(PIECES, k=chance.randrange(1, 25))
    text = "".join(pieces)
    if chance.random() < 0.01:
        start = chance.randrange(len(text))
        text = text[:start] + text[start : start + 6] * 3000 + text[start:]
    return text


def test_malformed_texts_are_read_in_bounded_time():
    for start in range(0, TEXTS, TOGETHER):
        chance = random.Random(start)  # a part can be read again alone
        texts = [written(chance) for _ in range(min(TOGETHER, TEXTS - start))]
        for kind in KINDS:
            begun = process_time()
            keys = canonical(texts, kind)
            assert process_time() - begun < SLOWEST, (start, kind)
            odd = [key for key in keys if key is not None and (type(key) is not str or not key)]
            assert not odd, (start, kind)
            assert keys == canonical(texts[::-1], kind)[::-1]
            assert len(set(identify(keys).tolist())) == len(set(keys)), (start, kind)
    assert equivalent(keys[:3], lambda a, b: a == b) == keys[:3]

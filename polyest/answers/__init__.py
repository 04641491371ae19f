"""Answers from text: texts -> canonical keys -> classes -> integer ids, which `counts` takes.

    from polyest import answers
    ids = answers.from_texts(texts, kind="number")        # texts in lists (prompts, G)

No answer is None, then -1: `counts` leaves it in K and gives it no count.  Model text is never evaluated.
"""

from polyest.answers.identity import equivalent, from_texts, identify, math_equal
from polyest.answers.keys import CHOICES, KINDS, MOST, canonical

__all__ = [
    "CHOICES",
    "KINDS",
    "MOST",
    "canonical",
    "equivalent",
    "from_texts",
    "identify",
    "math_equal",
]

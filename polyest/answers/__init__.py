"""Answers from text: texts -> canonical keys -> classes -> integer ids, which `counts` takes.

    from polyest import answers
    ids = answers.from_texts(texts, kind="number")        # texts in lists (prompts, G)

No answer is None, then -1: `counts` leaves it in K and gives it no count.  Model text is never evaluated.
"""

from polyest.answers.choices import CHOICES
from polyest.answers.identity import equivalent, from_texts, identify, math_equal
from polyest.answers.keys import KINDS, canonical, stated
from polyest.answers.numerals import MOST
from polyest.answers.reasoning import REASONING, Tag

__all__ = [
    "CHOICES",
    "KINDS",
    "MOST",
    "REASONING",
    "Tag",
    "canonical",
    "equivalent",
    "from_texts",
    "identify",
    "math_equal",
    "stated",
]

"""This package reads answers from texts and numbers them: texts -> keys -> classes -> integer ids.

    from polyest import answers
    ids = answers.from_texts(texts, kind="number")        # texts in lists (prompts, G)

`polyest.counts` takes the ids.  A text without an answer has the key None and the id -1; it is included in
the sample size K and has no count of its own.  The text of a model is never evaluated as code.
"""

from polyest.answers.choices import CHOICES
from polyest.answers.identity import equivalent, from_texts, identify, math_equal
from polyest.answers.keys import KINDS, canonical, stated
from polyest.answers.keys import Kind as Kind
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

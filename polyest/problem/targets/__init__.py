"""Functions phi(p) of an answer's probability that a table estimates, and the words that name them.

    log             phi = log p
    power:a         phi = p^a, a > -1
    tsallis:q       phi = (p^(q-1) - 1)/(q-1), q > 0, q != 1 (q -> 1 is log)
    polynomial:a0,a1,...   phi = a0 + a1 p + ...

Each is a class in a file of its own, which bears the word before the colon; `Target` (target.py) lists
what a class says of its phi.  A file is imported when its word is first read, for a trainer waits for
this module; the command line, which names targets in its help, needs no numpy for it.
"""

from importlib import import_module
from typing import Any

from polyest.errors import InvalidProblem
from polyest.problem.targets.log import Log
from polyest.problem.targets.target import HIGHEST as HIGHEST
from polyest.problem.targets.target import Target as Target
from polyest.values import either, shown

# How each target is written.  The word before the colon is the file that has its class, and `read`,
# which makes one of what follows the colon.
WRITTEN = {
    "log": "log",
    "power": "power:A",
    "tsallis": "tsallis:Q",
    "polynomial": "polynomial:A0,A1,...",
}
LOG = Log()


def parse(text: Any) -> Target:
    """Target named by `text`, such as "log", "power:0.5", "tsallis:0.5", "polynomial:1,-1".

    Raises InvalidProblem for an unknown word, a parameter out of range or not a finite number, and an
    exponent or a degree above 1024.

    >>> parse("tsallis:0.5").name
    'tsallis:0.5'
    """
    if isinstance(text, Target):
        return text
    word, _, tail = text.partition(":") if isinstance(text, str) else ("", "", "")
    if word not in WRITTEN or (tail and ":" not in WRITTEN[word]):
        raise InvalidProblem(f"target {shown(text)} is unknown: use {either(WRITTEN.values())}")
    found: Target = import_module(f"{__name__}.{word}").read(text, tail)
    return found

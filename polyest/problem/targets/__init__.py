"""This package has the targets: the functions phi(p) of an answer's probability that tables estimate.

    log             phi = log p
    power:a         phi = p^a, a > -1
    tsallis:q       phi = (p^(q-1) - 1)/(q-1), q > 0, q != 1 (q -> 1 is log)
    polynomial:a0,a1,...   phi = a0 + a1 p + ...
    custom:1/sqrt(p+0.01)  phi = the expression

Each is a class in a file of its own, whose name is the word before the colon; `Target` (target.py) lists
what a class defines for its phi.  A file is imported when its word is first read, because a trainer's first
look-up waits for this module.  The command line names targets in its help and does not need numpy for it.
"""

from importlib import import_module

from polyest.errors import InvalidProblem
from polyest.problem.targets.log import Log
from polyest.problem.targets.target import HIGHEST as HIGHEST
from polyest.problem.targets.target import Target as Target
from polyest.values import either, shown

# The text of each target.  The word before the colon is the name of the file with its class and with
# `read`, which makes a target from the text after the colon.
WRITTEN = {
    "log": "log",
    "power": "power:A",
    "tsallis": "tsallis:Q",
    "polynomial": "polynomial:A0,A1,...",
    "custom": "custom:EXPRESSION",
}
LOG = Log()


def parse(text: str | Target) -> Target:
    """Return the target named by `text`, such as "log", "power:0.5", "polynomial:1,-1", "custom:1/sqrt(p+1)".

    Raise InvalidProblem for an unknown word, for a parameter that is out of range or not a finite number, for
    an exponent or a degree above 1024, and for an expression that is none of p.

    >>> parse("tsallis:0.5").name
    'tsallis:0.5'
    """
    if isinstance(text, Target):
        return text
    word, _, tail = text.partition(":") if isinstance(text, str) else ("", "", "")
    if word not in WRITTEN or (tail and ":" not in WRITTEN[word]):
        raise InvalidProblem(f"target {shown(text)} is unknown: use {either(WRITTEN.values())}")
    target: Target = import_module(f"{__name__}.{word}").read(text, tail)
    return target

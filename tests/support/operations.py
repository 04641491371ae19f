"""Operations on rewards, tried on one prompt: what a completion earns in the mean, and what the page says.

Of four completions the first two have the same answer.  The reward of the figures is an estimate of the
probability nu of the answer itself, c_k = k/(G-2).  It is unbiased, so that what is biased is the operation.
"""

from pathlib import Path

import numpy as np
from rationals import F, centred, every, objects, paid

from polyest import counts
from polyest.problem.bernstein import expectation

NU = {7: F(1, 2), 2: F(1, 3), 9: F(1, 6)}  # answers
COMPLETIONS = {0: F(1, 3), 1: F(1, 6), 2: F(1, 3), 3: F(1, 6)}
ANSWER = np.array([7, 7, 2, 9])  # of each completion
PAGE = (Path(__file__).resolve().parents[2] / "docs/howto/operations.md").read_text()


def scene(G):
    """Every group of G completions (groups, G), their answers, and the groups' probabilities."""
    groups, weights = every(COMPLETIONS, G)
    return groups, ANSWER[groups], weights


def read(c, answers, **baseline):
    """The entries of a table, read with the counts of a group as the library counts."""
    return objects(c)[counts.in_group(answers, **baseline).index]


def share(G):
    """The table of K = G - 2 that has the mean nu."""
    return [F(k, G - 2) for k in range(G - 1)]


def earned(groups, weights, advantages, nu=COMPLETIONS):
    """E[A_i | y_i = y] for each outcome y."""
    masses = paid(nu, groups, weights, advantages)
    return [mass / p for mass, p in zip(masses, nu.values(), strict=True)]


def under_mean(groups, weights, rewards):
    """What each completion earns when the mean of its group is subtracted, times G/(G-1)."""
    return earned(groups, weights, centred(rewards))


def less_mean(values, nu=COMPLETIONS):
    """Values of outcomes, less their mean over nu."""
    mean = sum(p * value for p, value in zip(nu.values(), values, strict=True))
    return [value - mean for value in values]


def means(c):
    """The mean of a table at the probability of each completion's answer; or of a table for each answer."""
    by_answer = c if isinstance(c, dict) else dict.fromkeys(NU, c)
    return [expectation(by_answer[z], NU[z]) for z in ANSWER.tolist()]


def figures(values):
    """Numbers as the page writes them: three digits, no zero before the point."""
    return ", ".join(f"{float(value):.3f}".replace("0.", ".", 1) for value in values)


def said(test, numbers, exact=None):
    """Whether the page says these numbers, and what is exact beside them, in a row that names the test."""
    text = figures(numbers) + (f" in place of {figures(exact)}" if exact else "")
    return any(text in line for line in PAGE.splitlines() if f"`{test}`" in line)

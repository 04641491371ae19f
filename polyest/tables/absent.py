"""This module writes the message for a table that was not released: what exists, and how to solve it."""

from collections.abc import Sequence

from polyest.problem.calls import arguments
from polyest.problem.problem import LARGEST_LISTED, Problem, too_large
from polyest.values import clipped

Released = Sequence[tuple[Problem, Sequence[int]]]  # the problem of one line of each family, its Ks


def absent(problem: Problem, released: Released, universal: Sequence[Problem]) -> str:
    """Return the message that no table of this problem was released.

    It names what this sample size has, or else which sample sizes, criteria or targets were released.

    released: each family that lists its tables; universal: the problems of families for every large K.
    """
    reason = too_large(problem)
    if reason:
        return reason
    missing = f"no released table for K = {problem.K} of {_words(problem)}"
    if problem.K > LARGEST_LISTED:
        there = "; ".join(_words(each) for each in universal)
        return (
            f"{missing}: above K = {LARGEST_LISTED} there is {there or 'none'}; nothing is solved there, so "
            "use one of these, or a smaller K"
        )
    near = _nearest(problem, released, universal)
    return f"{missing}: {near}; solve it with polyest.solve({', '.join(arguments(problem))})"


def _nearest(problem: Problem, released: Released, universal: Sequence[Problem]) -> str:
    """Return what was released that is closest to a problem."""
    family = [Ks for each, Ks in released if _words(each) == _words(problem)]
    if family:
        large = any(_words(each) == _words(problem) for each in universal)
        above = f", and every K above {LARGEST_LISTED}" if large else ""
        return f"released are K = {ranges(family[0])}{above}"
    here = [each for each, Ks in released if problem.K in Ks]
    alike = [each for each in here if _question(each) == _question(problem)]
    if alike:
        budgets = sorted((each.budget.kind, each.budget.value) for each in alike if each.budget)
        kinds = {kind: [f"{value:g}" for k, value in budgets if k == kind] for kind, _ in budgets}
        return "this K has " + " and ".join(f"{k} {', '.join(v)}" for k, v in kinds.items())
    of_target = [each for each in here if each.target.name == problem.target.name]
    if of_target:
        return f"this K has {'; '.join(sorted(_words(each) for each in of_target))}"
    targets = sorted({each.target.name for each, _ in released})
    return f"released are tables of {' and '.join(targets) or 'no target'}"


def _question(problem: Problem) -> tuple[str, str, str | None]:
    return problem.target.name, problem.criterion, problem.shape


def _words(problem: Problem) -> str:
    """Return target, criterion, shape and budget in words."""
    budget = problem.budget and f"{problem.budget.kind} {problem.budget.value:g}"
    parts = clipped(problem.target.name), problem.criterion, problem.shape, budget
    return ", ".join(part for part in parts if part)


def ranges(numbers: Sequence[int]) -> str:
    """Return ascending integers as text with consecutive ones shortened.

    >>> ranges([1, 2, 3, 7])
    '1..3, 7'
    """
    runs: list[list[int]] = []
    for n in numbers:
        if runs and n == runs[-1][1] + 1:
            runs[-1][1] = n
        else:
            runs.append([n, n])
    return ", ".join(str(a) if a == b else f"{a}..{b}" for a, b in runs)

"""This module writes a problem as the arguments of a call, for messages that say how to get a table."""

from polyest.errors import InvalidProblem
from polyest.problem.criteria import DEFAULT
from polyest.problem.problem import DEFAULT_NOISE, Budget, Problem
from polyest.problem.targets import LOG, parse


def arguments(problem: Problem) -> list[str]:
    """Return the arguments with which `polyest.load` and `polyest.solve` pose a problem, defaults left out.

    >>> from polyest.problem.problem import pose
    >>> arguments(pose(14)), arguments(pose(14, "power:0.5", noise=2))
    (['14'], ['14', 'target="power:0.5"', 'noise=2.0'])
    """
    words = [str(problem.K)]
    if problem.target.name != LOG.name:
        words.append(f"target={_target(problem)}")
    if problem.criterion != DEFAULT:
        words.append(f'criterion="{problem.criterion}"')
    if problem.shape is not None:
        words.append(f'shape="{problem.shape}"')
    budget = problem.budget
    if budget is not None and budget != Budget("noise", DEFAULT_NOISE):
        words.append(f"{budget.kind.replace('-', '_')}={budget.value!r}")
    return words


def _target(problem: Problem) -> str:
    """Return the target's name in quotes, or the word target where a function of the caller stands for it."""
    name = problem.target.name
    try:
        known = parse(name) == problem.target
    except InvalidProblem:
        known = False
    return f'"{name}"' if known else "target"

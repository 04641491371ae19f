"""This package has the solvers: one module per method, each with a function `solve(problem) -> Solution`.

A new method needs a file in this folder, its name in METHODS, and a place in `methods`.
"""

from polyest.dependencies import require
from polyest.problem.problem import Problem

require("flint", "highspy", "scipy", "threadpoolctl")

METHODS = ("remez", "lp", "shaped", "socp", "cvx")


def methods(problem: Problem) -> tuple[str, ...]:
    """Return the names of the methods that solve a problem, first the default.

    >>> from polyest.problem.problem import pose
    >>> methods(pose(4, criterion="minimax")), methods(pose(4, criterion="minimax", shape="monotone"))
    (('remez', 'lp'), ('shaped',))
    """
    if not problem.is_minimax:
        return "socp", "cvx"
    return ("remez", "lp") if problem.shape is None else ("shaped",)

"""The solvers: one module per method, each with a function `solve(problem) -> Solution`.

A new method needs a file in this folder and its name in METHODS.
"""

from polyest.dependencies import require

require("flint", "highspy", "scipy", "threadpoolctl")

METHODS = ("remez", "lp", "shaped", "socp", "cvx")

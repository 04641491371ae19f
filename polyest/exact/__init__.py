"""This package has the ball arithmetic that solvers and proofs share; neither trusts the other's
results."""

from polyest.dependencies import require

require("flint")

"""Ball arithmetic that solvers and proof both use; neither trusts a result of the other."""

from polyest.dependencies import require

require("flint")

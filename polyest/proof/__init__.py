"""Claims about stored numbers are proved in ball arithmetic; this package imports no solver."""

from polyest.dependencies import require

require("flint", "scipy", "threadpoolctl")

"""This package proves claims about stored numbers in ball arithmetic; it imports no solver."""

from polyest.dependencies import require

require("flint", "scipy", "threadpoolctl")

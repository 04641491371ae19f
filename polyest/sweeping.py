"""The public path of `sweep`, which solves a family of tables into a file (polyest.make.sweep)."""

from polyest.make.sweep import sweep

__all__ = ["sweep"]

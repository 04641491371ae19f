"""Families of tables in a file: the public path of polyest.make.sweep."""

from polyest.make.sweep import sweep

__all__ = ["sweep"]

"""The classes that `polyest.explain` returns: an explanation, with the best target of each family."""

from polyest.make.explanation import Explanation, Fit

__all__ = ["Explanation", "Fit"]

"""What `polyest.explain` returns: an explanation, with a fit of each family of targets."""

from polyest.make.explanation import Explanation, Fit

__all__ = ["Explanation", "Fit"]

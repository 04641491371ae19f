"""What a reward of the count pays and estimates: `explain` and what it returns."""

from polyest.make.explanation import Explanation, Fit, explain

__all__ = ["Explanation", "Fit", "explain"]

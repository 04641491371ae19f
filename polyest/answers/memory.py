"""Memory: what a function found for the short texts that it was asked about last.

Answers repeat, in a group and in a data set.  Long texts are not kept, so that the memory is bounded.
"""

from collections.abc import Callable
from typing import Generic, TypeVar

KEPT = 4096  # greatest number of texts of one function
SHORT = 100  # greatest number of characters of a text that is kept

Found = TypeVar("Found")


class Memory(dict[str, Found], Generic[Found]):
    """The results of a function of a text and of nothing else, computed when they are first asked for.

    At most `KEPT` results are kept; the memory is empty again when it is full.

    >>> lengths = Memory(len)
    >>> lengths["abc"], lengths["abc" * 1000], len(lengths)
    (3, 3000, 1)
    """

    def __init__(self, function: Callable[[str], Found]) -> None:
        """Make an empty memory of what this function finds."""
        super().__init__()
        self.function = function

    def __missing__(self, text: str) -> Found:
        """Return what the function finds, and keep it if the text is short."""
        value = self.function(text)
        if len(text) <= SHORT:
            if len(self) >= KEPT:
                self.clear()
            self[text] = value
        return value

"""Right answers of a data set that cannot be read: counted, warned of once, and refused where all are."""

from collections.abc import Iterable
from typing import Any
from warnings import warn

import numpy as np

from polyest.errors import InvalidAnswer, UnreadableLabel
from polyest.integrations.reader import Ints, Reader
from polyest.values import shown


class Labels:
    """The right answers that a reward has met so far.

    unread: rows of this run whose right answer could not be read.  A prompt with such a row has no right
    answer: all its rows earn the same.
    """

    def __init__(self, column: str, reader: Reader) -> None:
        """None met yet."""
        self.column, self.reader = column, reader
        self.unread, self.prompts, self.known = 0, 0, False

    def missing(self, truth: Ints, groups: Ints) -> Any:
        """Whether each row (N,) belongs to a prompt with a right answer that cannot be read.

        truth: ids of the right answers (N,), -1 where none could be read; groups: 0, 1, ..., of prompts.
        """
        return (np.bincount(groups, truth < 0) > 0)[groups]

    def met(self, truth: Ints, groups: Ints, values: Iterable[Any], others: Iterable[Any]) -> None:
        """Counts the rows of a batch; the same on every process, which all see all rows.

        values: what the column has for the rows of this process, for a message; others: what it has in
        the rest of the data set, asked where no right answer could be read yet.  Warns UnreadableLabel
        once.  Raises InvalidAnswer where none can be read: of the data set, or, where that cannot be had,
        of the first two prompts or more.
        """
        bad = self.missing(truth, groups)
        self.known = self.known or not bad.all()
        if not bad.any():
            return
        first = not self.unread
        self.unread += int(bad.sum())
        self.prompts += len(np.unique(groups[bad]))
        if not first and self.known:
            return
        if not self.known:
            asked = (self.reader.labels([value]) != [None] for value in others)
            one = next(asked, None)  # None where the data set cannot be had
            self.known = bool(one) or any(asked)
            if not self.known and (one is not None or self.prompts > 1):
                raise InvalidAnswer(
                    f"{self._unread_in(values)}, nor in any other row so far: give right answers that it "
                    "can read, or name the kind that reads them"
                )
        if first:
            warn(
                UnreadableLabel(
                    f"{self._unread_in(values)}: all completions of such a prompt earn the same, so it is "
                    "not learnt from; mend or drop the row (warned of once; the rows are counted)"
                ),
                stacklevel=4,
            )

    def _unread_in(self, values: Iterable[Any]) -> str:
        kind = getattr(self.reader.kind, "__name__", self.reader.kind)
        mine = (value for value in values if self.reader.labels([value]) == [None])
        named = next((f"{shown(value)}" for value in mine), "what another process has")
        return f"column {self.column!r} holds {named}, where kind {kind!r} finds no answer"

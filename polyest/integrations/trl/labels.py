"""Right answers of a data set that cannot be read: counted, warned of once, and refused where all are."""

from collections.abc import Iterable
from warnings import warn

import numpy as np

from polyest.arrays import Bools, Ints
from polyest.errors import InvalidAnswer, UnreadableLabel
from polyest.integrations.reader import Reader
from polyest.values import shown


class Labels:
    """The right answers that a reward has met so far.

    column: their column; reader: how they are read.
    unread: rows so far of prompts whose right answer could not be read; prompts: how many such prompts.
    known: whether any right answer could be read.

    All rows of a prompt with a right answer that cannot be read earn the same.
    """

    def __init__(self, column: str, reader: Reader) -> None:
        """No right answers were met yet."""
        self.column, self.reader = column, reader
        self.unread, self.prompts, self.known = 0, 0, False

    def missing(self, truth: Ints, groups: Ints) -> Bools:
        """Whether each row belongs to a prompt with a right answer that cannot be read, bool (N,).

        truth: ids of the right answers (N,), -1 where none could be read; groups: numbers of prompts (N,).
        """
        return np.asarray((np.bincount(groups, truth < 0) > 0)[groups])

    def met(
        self, truth: Ints, groups: Ints, values: Iterable[object], others: Iterable[object]
    ) -> None:
        """Counts the rows of a batch that cannot be read, with the same result on every process.

        truth, groups: of the rows of all processes, as in `missing`.
        values: what the column has for the rows of this process, to show in a message.
        others: what the column has in the whole data set, which is read if no right answer could be read
        yet.

        Warns UnreadableLabel once.  Raises InvalidAnswer where no right answer of the data set can be read,
        or, if the data set is not at hand, none of the first two prompts or more.
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
                    f"{self._unread_in(values)}: all completions of such a prompt earn the same, so nothing "
                    "is learnt from it; mend or drop the row (this warning is given once; the rows are "
                    "counted)"
                ),
                stacklevel=4,
            )

    def _unread_in(self, values: Iterable[object]) -> str:
        kind = getattr(self.reader.kind, "__name__", self.reader.kind)
        mine = (value for value in values if self.reader.labels([value]) == [None])
        named = next((f"{shown(value)}" for value in mine), "what another process has")
        return f"column {self.column!r} holds {named}, where kind {kind!r} finds no answer"

"""What is kept of a prompt: the answers of its last visits, in arrays that grow and are bounded.

A visit is all completions of a prompt that were drawn at one step.  Kept are the answers themselves, at most
so many of a visit: the first ones, which are as good as a visit of fewer.  How much is kept, and of which
prompts, never depends on what the answers are; that would bias a reward that counts them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import repeat
from typing import NamedTuple

import numpy as np

from polyest.arrays import Ints
from polyest.history.ids import NONE, Name

NEVER = -(2**62)  # the step of a visit that was not made
ROOM = 64  # prompts for which there is room at first
OF_VISITS = ("answers", "sizes", "steps", "contents")
ARRAYS = (*OF_VISITS, "stamps", "pairs")


class Made(NamedTuple):
    """Visits of prompts at one step.

    answers: (prompts, n), filled up with `NONE`; sizes: (prompts,), how many are kept;
    contents: (prompts,), a number of all that was drawn, kept or not (batch.py).
    """

    answers: Ints
    sizes: Ints
    contents: Ints


@dataclass(eq=False)
class Visits:
    """Arrays over slots of prompts; the last slot stays empty, and stands for a prompt that is not known.

    visits, prompts, most: the bounds, `most` of the completions of a visit.
    slots: the slot of each prompt; names: the prompt of each slot.
    answers: (slots, visits, width), the newest visit first, filled up with `NONE`.
    sizes, steps: (slots, visits), completions of a visit, 0 for none, and its step.
    contents: (slots, visits), a number of all that was drawn at a visit.
    stamps: (slots,), by which the least recently seen prompt is the least; clock: the next of them.
    pairs: (slots, 2), what the last two visits say about drift (drift.py); -1 where there are not two.
    """

    visits: int
    prompts: int
    most: int

    def __post_init__(self) -> None:
        """Nothing is kept yet."""
        self.slots: dict[Name, int] = {}
        self.names: list[Name] = []
        self.clock = 0
        self.answers = np.full((1, self.visits, 0), NONE)
        self.sizes = np.zeros((1, self.visits), np.int64)
        self.steps = np.full((1, self.visits), NEVER)
        self.contents = np.zeros((1, self.visits), np.int64)
        self.stamps = np.full(1, -1)
        self.pairs = np.full((1, 2), -1)

    def found(self, names: Sequence[Name]) -> Ints:
        """The slots of prompts; -1 is the empty one."""
        return np.fromiter(map(self.slots.get, names, repeat(-1)), np.int64, len(names))

    def known(self) -> int:
        """The number of prompts."""
        return len(self.names)

    def add(self, names: Sequence[Name], made: Made, step: int) -> Ints:
        """Make the visits of a step the newest ones of their prompts, which differ; give their slots."""
        width = made.answers.shape[1]
        if width > self.answers.shape[2]:
            wider = np.full((*self.answers.shape[:2], width), NONE)
            wider[:, :, : self.answers.shape[2]] = self.answers
            self.answers = wider
        at = self._placed(names)
        for name in OF_VISITS:
            array = getattr(self, name)
            array[at, 1:] = array[at, :-1]
        self.answers[at, 0] = NONE
        self.answers[at, 0, :width] = made.answers
        self.sizes[at, 0], self.contents[at, 0], self.steps[at, 0] = made.sizes, made.contents, step
        self.stamps[at] = np.arange(self.clock, self.clock + len(at))
        self.clock += len(at)
        return at

    def _placed(self, names: Sequence[Name]) -> Ints:
        """Slots of prompts, those of the least recently seen ones where there is no other room."""
        at = self.found(names)
        new = np.flatnonzero(at < 0)
        fresh = min(len(new), self.prompts - self.known())
        self._grow(self.known() + fresh)
        free = [*range(self.known(), self.known() + fresh)]
        if fresh < len(new):
            free += self._forgotten(len(new) - fresh, at[at >= 0])
        for i, slot in zip(new.tolist(), free, strict=True):
            name = names[i]
            if slot == len(self.names):
                self.names.append(name)
            self.names[slot], self.slots[name], at[i] = name, slot, slot
        return at

    def _forgotten(self, number: int, kept: Ints) -> list[int]:
        """Slots that are made free: of the prompts that were not seen for longest, and are not `kept`."""
        stamps = self.stamps[: self.known()].copy()
        stamps[kept] = self.clock
        oldest = np.argpartition(stamps, number - 1)[:number]
        oldest = oldest[np.argsort(stamps[oldest])]
        for slot in oldest.tolist():
            del self.slots[self.names[slot]]
        self.answers[oldest], self.sizes[oldest], self.steps[oldest] = NONE, 0, NEVER
        self.contents[oldest], self.pairs[oldest] = 0, -1
        return [int(slot) for slot in oldest]

    def _grow(self, prompts: int) -> None:
        """Make room for so many prompts and the empty slot, at least twice as much as there was."""
        room = len(self.sizes)
        if prompts < room:
            return
        more = min(max(2 * room, prompts + 1, ROOM), self.prompts + 1) - room
        for name in ARRAYS:
            array = getattr(self, name)
            setattr(self, name, np.concatenate([array, np.repeat(array[-1:], more, axis=0)]))

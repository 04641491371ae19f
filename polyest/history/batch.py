"""A batch as it is recorded: one visit for each of its prompts, and which of these are new."""

import numpy as np

from polyest.arrays import Array, Ints, to_numpy
from polyest.errors import InvalidHistory
from polyest.history.ids import NONE, Name
from polyest.history.visits import Made, Visits
from polyest.tallies import integers
from polyest.values import shown


def visits_of(answers: Ints, names: list[Name], most: int) -> tuple[list[Name], Made]:
    """Prompts of a batch, each once, and the visit that was made of each.

    answers: (prompts, G) or (N,); names: of each row; most: completions of a visit that are kept.
    Raises InvalidHistory for another shape, and where a prompt has two rows that differ.
    """
    number: dict[Name, int] = {}
    which = np.array([number.setdefault(name, len(number)) for name in names])
    if answers.ndim == 2:
        first = np.unique(which, return_index=True)[1]
        contents = marks(answers).sum(1)
        again = contents != contents[first][which]
        if again.any():
            name = names[int(np.argmax(again))]
            raise InvalidHistory(
                f"prompt {shown(name)} is twice in a batch, with other answers: expected one row for each "
                "prompt; give flat answers with an id for each completion, and all are one visit"
            )
        rows = answers[first][:, :most]
        return [*number], Made(rows, np.full(len(rows), rows.shape[1]), contents[first])
    if answers.ndim != 1:
        raise InvalidHistory(
            f"answers of shape {answers.shape}: expected (prompts, G) or (N,), with an id for each row"
        )
    order = np.argsort(which, kind="stable")
    full = np.bincount(which)
    place = np.arange(len(which)) - np.repeat(np.cumsum(full) - full, full)
    rows = np.full((len(number), int(full.max())), NONE)
    rows[which[order], place] = answers[order]
    contents = np.zeros(len(number), np.int64)
    np.add.at(contents, which, marks(answers))
    return [*number], Made(rows[:, :most], np.minimum(full, most), contents)


def marks(answers: Ints) -> Ints:
    """Numbers of answers whose sum mod 2^64 says what a visit holds, in any order: also what is not kept.

    Two visits that differ have the same sum once in 2^64.  It is the mixing function of splitmix64.
    """
    x = answers.astype(np.uint64) + np.uint64(0x9E3779B97F4A7C15)
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        x = (x ^ (x >> np.uint64(shift))) * np.uint64(factor)
    return (x ^ (x >> np.uint64(31))).astype(np.int64)


def fresh(kept: Visits, names: list[Name], contents: Ints, step: int) -> Ints:
    """Places of the prompts whose visit at this step is not kept yet.

    contents: of these visits, (prompts,).

    Raises InvalidHistory where it is kept with another content, and for a step below the last one.
    """
    slots = kept.found(names)
    steps = kept.steps[slots]
    for i in np.flatnonzero((steps >= step).any(1)).tolist():
        same = np.flatnonzero(steps[i] == step)
        if not len(same):
            raise InvalidHistory(
                f"step {step} of prompt {shown(names[i])} after its step {steps[i].max()}: expected steps "
                "that do not go back; load the state of the checkpoint that training resumes from"
            )
        if kept.contents[slots[i], same[0]] != contents[i]:
            raise InvalidHistory(
                f"prompt {shown(names[i])} has other answers at step {step} than were recorded: expected one "
                "batch a step; count steps on, or leave step out"
            )
    return np.flatnonzero((steps != step).all(1))


def one_prompt_each(names: list[Name], groups: Array) -> None:
    """Raise InvalidHistory where completions of one group have different prompts."""
    ids = to_numpy(integers("groups", groups, groups))
    if ids.shape != (len(names),):
        raise InvalidHistory(
            f"groups of shape {ids.shape} for {len(names)} completions: expected one id for each"
        )
    known: dict[int, Name] = {}
    for group, name in zip(ids.tolist(), names, strict=True):
        if known.setdefault(group, name) != name:
            raise InvalidHistory(
                f"group {shown(group)} has completions of prompts {shown(known[group])} and {shown(name)}: "
                "expected one prompt a group"
            )

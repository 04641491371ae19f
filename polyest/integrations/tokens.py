"""Scores of a batch -> advantages of its tokens, for trainers that pass tensors and no texts.

scores (N, tokens) -> classes of answers -> advantages of completions -> times the mask
"""

import sys
from collections.abc import Callable

import numpy as np

from polyest.arrays import Array, Bools
from polyest.errors import BrokenBatch, BrokenOrbit
from polyest.history.ids import Name
from polyest.integrations.correctness import Labels
from polyest.integrations.estimators import AdvantageOptions, recorded
from polyest.integrations.scores import classes
from polyest.values import plain

Visit = tuple[list[Name], int | None]  # the id of each prompt, and the number of the step


def token_advantages(
    how: AdvantageOptions,
    scores: Array,
    mask: Array,
    index: Array,
    visit: Callable[[list[object], Bools], Visit] | None = None,
) -> Array:
    """Advantages of tokens: that of their completion where the mask is 1, else 0.

    scores: float32 or float64 (N, tokens), whose sum over the tokens is the class of the answer
    (scores.py).
    mask: (N, tokens), 1 at tokens of the completion.
    index: ids of groups (N,).
    visit: for a history a function of the ids of groups (n,) of the rows (N,) that are no padding, which
    gives the ids of their prompts (n,) and the number of the step.  The batch is recorded.

    A group in which no row has a token is padding, and is not counted.  A row without tokens in a group
    where others have some is a completion whose loss is masked, and stays among the draws.

    Returns (N, tokens), in the type of the scores.  Raises BrokenBatch for arguments that do not fit
    together, and what `classes` and `advantages_of` do.
    """
    torch = sys.modules["torch"]
    if scores.ndim != 2 or scores.shape != mask.shape:
        raise BrokenBatch(
            f"rewards of shape {tuple(scores.shape)}, mask of shape {tuple(mask.shape)}: expected "
            "(completions, tokens) for both"
        )
    named = index.tolist() if hasattr(index, "tolist") else index  # numpy's and torch's
    if named is None or np.shape(named) != (len(scores),):
        raise BrokenBatch(
            f"group ids {'missing' if named is None else f'of shape {np.shape(named)}'} for "
            f"{len(scores)} completions: expected one for each, the uid of its prompt"
        )
    if scores.dtype not in (torch.float32, torch.float64):
        raise BrokenBatch(
            f"rewards of type {scores.dtype}: expected float32, which holds every class of an answer"
        )
    named = [plain(one) for one in named]
    trained = {named[row] for row in np.flatnonzero((mask != 0).any(-1).cpu().numpy())}
    real = np.array([group in trained for group in named], bool)  # and no padding
    groups = [group for group in named if group in trained]
    each = scores.detach().sum(-1).cpu().numpy()[real]
    said = classes(each, how.orbits == "score", how.failed)
    orbits: list[object] | None = (
        None if said.orbits is None else _siblings(groups, said.orbits.tolist())
    )
    if how.orbits == "uid":
        orbits = [_orbit_of_uid(group) for group in groups]
    by_row = np.zeros(len(scores))
    if len(said.ids):
        prompts, step = (None, None) if visit is None else visit(groups, real)
        labels = Labels(said.right, said.labelled)
        by_row[real] = recorded(how, said.ids, groups, orbits, prompts, step, labels)
    return scores.new_tensor(by_row)[:, None] * mask


def _siblings(groups: list[object], orbits: list[int]) -> list[object]:
    """Orbits of all completions, where one whose score failed is in the orbit of its group.

    A group in which every score failed is an orbit of its own.
    """
    known = {group: orbit for group, orbit in zip(groups, orbits, strict=True) if orbit >= 0}
    return [
        orbit if orbit >= 0 else known.get(group, ("failed", group))
        for group, orbit in zip(groups, orbits, strict=True)
    ]


def _orbit_of_uid(group: object) -> str:
    """The orbit in a uid of the form "orbit:prompt"."""
    orbit, colon, _ = str(group).partition(":")
    if not colon:
        raise BrokenOrbit(
            f'uid {group!r} has no orbit: expected "orbit:prompt"; verl\'s own uids have none, so give them '
            'one, or let the scores carry it: orbits="score"'
        )
    return orbit

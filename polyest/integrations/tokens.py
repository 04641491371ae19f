"""Advantages of tokens from the scores of traces: what the estimators of verl and SkyRL have in common.

scores (N,) -> classes of answers -> counts in each group -> rewards -> centred -> times the mask
"""

import sys
from collections.abc import Mapping
from typing import Any

import numpy as np

from polyest.errors import BrokenBatch, BrokenOrbit
from polyest.integrations.estimators import Credit, credited
from polyest.integrations.scores import classes

Array = Any  # torch tensor; recognised, not imported


def per_token(how: Credit, rewards: Array, mask: Array, index: Any) -> Array:
    """Advantages, (N, tokens) in the type of the rewards: that of the trace where the mask is 1, else 0.

    rewards: float32 (N, tokens), whose sum over the tokens is the class of the trace's answer
    (`answer_class`); mask: (N, tokens); index: ids of groups (N,).  A group of rows without any token is
    padding and not counted; a row without tokens among others with some is a trace whose loss is masked,
    and stays among the draws.  Raises BrokenBatch for what does not fit together, and as `classes` and
    `credited` do.
    """
    torch = sys.modules["torch"]
    if rewards.ndim != 2 or rewards.shape != mask.shape:
        raise BrokenBatch(
            f"rewards of shape {tuple(rewards.shape)}, mask of shape {tuple(mask.shape)}: expected "
            "(traces, tokens) twice"
        )
    named = index.tolist() if hasattr(index, "tolist") else index  # numpy's and torch's
    if named is None or np.shape(named) != (len(rewards),):
        raise BrokenBatch(
            f"group ids {'missing' if named is None else f'of shape {np.shape(named)}'} for "
            f"{len(rewards)} traces: expected one for each, the uid of its prompt"
        )
    if rewards.dtype not in (torch.float32, torch.float64):
        raise BrokenBatch(
            f"rewards of type {rewards.dtype}: expected float32, which holds every class of an answer"
        )
    named = [one.item() if getattr(one, "ndim", None) == 0 else one for one in named]
    trained = {named[row] for row in np.flatnonzero((mask != 0).any(-1).cpu().numpy())}
    traces = np.array([group in trained for group in named], bool)
    scores = rewards.detach().sum(-1).cpu().numpy()[traces]
    groups = [group for group in named if group in trained]
    said = classes(scores, how.orbits == "score", how.failed)
    orbits: Any = None if said.orbits is None else _siblings(groups, said.orbits.tolist())
    if how.orbits == "uid":
        orbits = [_orbit(group) for group in groups]
    found = np.zeros(len(rewards))
    if len(said.ids):
        found[traces] = credited(how, said.ids, groups, orbits)
    return rewards.new_tensor(found)[:, None] * mask


def options(config: Any, name: str = "polyest") -> Mapping[str, Any]:
    """The options below `name` in a trainer's configuration, none where it has none."""
    found = config.get(name) if hasattr(config, "get") else getattr(config, name, None)
    if found is None:
        return {}
    if not isinstance(found, Mapping):
        raise BrokenBatch(f"{name} is {found!r} in the configuration: expected options by name")
    return {str(option): value for option, value in found.items() if value is not None}


def _siblings(groups: list[Any], orbits: list[int]) -> list[Any]:
    """Orbits, where a trace whose score failed is in that of its group; a group without any is one apart."""
    known = {group: orbit for group, orbit in zip(groups, orbits, strict=True) if orbit >= 0}
    return [
        orbit if orbit >= 0 else known.get(group, ("failed", group))
        for group, orbit in zip(groups, orbits, strict=True)
    ]


def _orbit(group: Any) -> str:
    orbit, colon, _ = str(group).partition(":")
    if not colon:
        raise BrokenOrbit(
            f'uid {group!r} has no orbit: expected "orbit:prompt"; verl\'s own uids have none, so give them '
            'one, or let the scores carry it: orbits="score"'
        )
    return orbit

"""A valid call of every reward of the registry: tests that run over it begin from these."""

import numpy as np

from polyest.rewards.registry import REWARDS


def entry(X, K):
    """A function of a count, which can be pickled."""
    return X - 0.5 * K


# Options without default, and data of one group of five.
OPTIONS = {
    "q": 3,
    "coefficients": (0, 0.5, 1),
    "k": 2,
    "multiplier": 0.5,
    "entries": entry,
    "f": np.sqrt,
}
DATA = {"answers": [[7, 7, 3, -1, 5]], "truth": [7], "scores": [[1.0] * 5], "costs": [[1.0] * 5]}


def required(name):
    """What a reward cannot be without."""
    return {option: OPTIONS[option] for option in REWARDS[name].required}


def truth(name):
    """What `GroupReward` is told of the right answer, where the reward asks for it."""
    return {"truth": "7"} if REWARDS[name].labelled else {}


def data(name, **other):
    """Data of a reward, that over orbits in an orbit of one prompt."""
    row = REWARDS[name]
    given = {name: value for name, value in {**DATA, **other}.items() if name in row.data}
    return {**given, "answers": [given["answers"]]} if row.orbits else given

"""This module arranges answers by orbits, which are sets of prompts that ask the same thing.

An orbit {x, Phi(x), ...} has m prompts with G completions each.  The answer of a completion is counted in
its own group, itself included, and in the groups of the m - 1 other prompts, which do not contain it: one
in-group count and m - 1 independent ones.  They are not added up, as their sum is not binomial (counts.py).

Answers come in one of three layouts, and rewards are returned in the same one:

    (orbits, m, G)     as it is
    (prompts, G)       with orbits=, ids (prompts,), in any order
    (N,)               with groups= and orbits=, ids (N,), in any order

Prompts of an orbit are taken in the order in which they first appear.
"""

from dataclasses import dataclass

import numpy as np

from polyest import counts
from polyest.arrays import Array, Ints, converted, library, taken, to_numpy
from polyest.errors import BrokenOrbit, CountOutOfRange


@dataclass(frozen=True, eq=False)
class Arranged:
    """Values (orbits, m, G), with what is needed to restore the layout in which they came.

    shape: the shape of that layout; order: the positions of the values in it, None if they are the same.
    """

    values: Array
    shape: tuple[int, ...]
    order: Array | None

    def restored(self, values: Array) -> Array:
        """Values (orbits, m, G) in the layout that the answers came in."""
        xp = library(values)
        flat = xp.reshape(values, (-1,))
        if self.order is not None:
            flat = taken(flat, xp.argsort(self.order))
        return xp.reshape(flat, self.shape)


def arranged(answers: Array, *, groups: object = None, orbits: object = None) -> Arranged:
    """Answers as (orbits, m, G).

    answers: integers in one of the three layouts; groups, orbits: ids, which the host reads.

    Raises BrokenOrbit where orbits have different numbers of prompts, or prompts of completions, where a
    prompt is in two orbits, and for a shape of no layout; CountOutOfRange for values that are not integers.

    >>> found = arranged([[1, 1], [2, 3], [1, 4], [2, 2]], orbits=[0, 1, 0, 1])
    >>> found.values.tolist()
    [[[1, 1], [1, 4]], [[2, 3], [2, 2]]]
    >>> found.restored(found.values).tolist()
    [[1, 1], [2, 3], [1, 4], [2, 2]]
    """
    answer = counts.integers("answers", answers, answers)
    shape = tuple(answer.shape)
    if orbits is None:
        if answer.ndim != 3 or groups is not None:
            raise BrokenOrbit(
                f"answers of shape {shape} without orbits: expected (orbits, m, G); give (prompts, G) or a "
                "flat batch the ids of its orbits with orbits="
            )
        return Arranged(answer, shape, None)
    orbit = _ids("orbits", orbits)
    if groups is None:
        if answer.ndim != 2 or orbit.shape != shape[:1]:
            raise BrokenOrbit(
                f"answers of shape {shape}, orbits of shape {orbit.shape}: expected (prompts, G) and "
                "(prompts,); give a flat batch the ids of its groups too"
            )
        G = shape[1]
        rows, m = _blocks("orbit", "prompts", orbit)
        if (rows == np.arange(len(rows))).all():  # neighbours already
            return Arranged(library(answer).reshape(answer, (-1, m, G)), shape, None)
        order = (rows[:, None] * G + np.arange(G)).reshape(-1)
    else:
        group = _ids("groups", groups)
        if answer.ndim != 1 or not orbit.shape == group.shape == shape:
            raise BrokenOrbit(
                f"answers of shape {shape}, groups of shape {group.shape}, orbits of shape {orbit.shape}: "
                "expected three arrays (N,)"
            )
        traces, G = _blocks("group", "completions", group)
        each = orbit[traces].reshape(-1, G)
        if (each != each[:, :1]).any():
            split = group[traces].reshape(-1, G)[(each != each[:, :1]).any(1)][0, 0]
            raise BrokenOrbit(
                f"group {split} is in two orbits: expected one orbit for all its completions"
            )
        rows, m = _blocks("orbit", "prompts", each[:, 0])
        order = traces.reshape(-1, G)[rows].reshape(-1)
    order = converted(order, answer)
    values = taken(library(answer).reshape(answer, (-1,)), order)
    return Arranged(library(answer).reshape(values, (-1, m, G)), shape, order)


def _ids(name: str, values: object) -> Ints:
    """Integer ids on the host."""
    try:
        ids: Ints = to_numpy(counts.integers(name, values, values))
    except TypeError as error:
        raise CountOutOfRange(f"{name}: {error}; give ids that the host can read") from None
    return ids


def _blocks(whole: str, part: str, ids: Ints) -> tuple[Ints, int]:
    """Positions of ids, equal ones together in order of appearance, and how many there are of each.

    Raises BrokenOrbit where an id occurs more often than another.
    """
    each, first, which, size = np.unique(
        ids, return_index=True, return_inverse=True, return_counts=True
    )
    if (size != size[0]).any():
        odd = int(np.argmax(size != np.bincount(size).argmax()))
        raise BrokenOrbit(
            f"{whole} {each[odd]} has {size[odd]} {part}, others {np.bincount(size).argmax()}: expected as "
            f"many {part} in every {whole}; complete or leave out the {whole}"
        )
    return np.argsort(first[which.reshape(-1)], kind="stable"), int(size[0])

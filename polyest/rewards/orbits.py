"""Orbits: prompts that ask the same thing, and the counts of an answer on each of them.

An orbit {x, Phi(x), ...} has m prompts of G traces each.  A trace's answer is counted on its own prompt,
itself included, and on each of the m - 1 others, where no trace is its own: one in-group count, m - 1
independent ones.  They stay apart: the sum of counts on different prompts is not binomial (counts.py).

Layouts, in and out:

    (orbits, m, G)     as it is
    (prompts, G)       with orbits=, ids (prompts,); prompts of an orbit need not be neighbours
    (N,)               with groups= and orbits=, ids (N,); traces of a prompt need not be neighbours

Members of an orbit are taken in the order in which they first appear.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from polyest import counts
from polyest.arrays import Array, library
from polyest.errors import BrokenOrbit


@dataclass(frozen=True, eq=False)
class Arranged:
    """Values (orbits, m, G) with the way back to the layout they came in."""

    values: Array
    shape: tuple[int, ...]
    order: Array | None

    def restored(self, values: Array) -> Array:
        """Values (orbits, m, G) in the original layout."""
        flat = values.reshape(-1)
        if self.order is not None:
            flat = flat[self.order.argsort()]
        return flat.reshape(self.shape)


def arranged(answers: Array, *, groups: Any = None, orbits: Any = None) -> Arranged:
    """Answers as (orbits, m, G).

    answers: integers in one of the three layouts.  Ids that are on a device are read by the host.
    Raises BrokenOrbit where orbits differ in how many prompts they have, prompts in how many traces, a
    prompt is in two orbits, or a shape fits no layout; CountOutOfRange for values that are not integers.

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
            return Arranged(answer.reshape(-1, m, G), shape, None)
        order = (rows[:, None] * G + np.arange(G)).reshape(-1)
    else:
        group = _ids("groups", groups)
        if answer.ndim != 1 or not orbit.shape == group.shape == shape:
            raise BrokenOrbit(
                f"answers of shape {shape}, groups of shape {group.shape}, orbits of shape {orbit.shape}: "
                "expected (N,) three times"
            )
        traces, G = _blocks("group", "traces", group)
        each = orbit[traces].reshape(-1, G)
        if (each != each[:, :1]).any():
            split = group[traces].reshape(-1, G)[(each != each[:, :1]).any(1)][0, 0]
            raise BrokenOrbit(
                f"group {split} is in two orbits: expected one orbit for all its traces"
            )
        rows, m = _blocks("orbit", "prompts", each[:, 0])
        order = traces.reshape(-1, G)[rows].reshape(-1)
    xp = library(answer)
    if xp is not np:
        order = xp.as_tensor(order, device=answer.device)
    return Arranged(answer.reshape(-1)[order].reshape(-1, m, G), shape, order)


def _ids(name: str, values: Any) -> Any:
    """Integer ids on the host."""
    found = counts.integers(name, values, values)
    return found if isinstance(found, np.ndarray) else found.cpu().numpy()


def _blocks(whole: str, part: str, ids: Any) -> tuple[Any, int]:
    """Positions of equal ids together, in order of appearance, and how many there are of each."""
    kinds, first, which, size = np.unique(
        ids, return_index=True, return_inverse=True, return_counts=True
    )
    if (size != size[0]).any():
        odd = int(np.argmax(size != np.bincount(size).argmax()))
        raise BrokenOrbit(
            f"{whole} {kinds[odd]} has {size[odd]} {part}, others {np.bincount(size).argmax()}: expected as "
            f"many {part} in every {whole}; complete or leave out the {whole}"
        )
    return np.argsort(first[which.reshape(-1)], kind="stable"), int(size[0])

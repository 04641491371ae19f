"""This module reads and writes the witness of a line, the data that prove the optimum of its table.

The multipliers of the steps of a minimax table with a shape follow from its points and weights, and are not
written.  Under a noise budget they are written beside them.
"""

from typing import TYPE_CHECKING

from polyest.errors import CorruptTable
from polyest.problem.problem import Alternation, Dual, Problem
from polyest.tables.values import number, numbers, only, text

if TYPE_CHECKING:
    from polyest.tables.line import DualKey, Witness

# A list of a witness has at most MOST_POINTS (K + 16) points, or MOST_OF_FEW where that is less: socp gives
# about 2 K of them for large K, and cvx up to some 430, K <= 24.
MOST_POINTS, MOST_OF_FEW = 8, 512
BIAS_KEYS: "tuple[DualKey, ...]" = ("bias_points", "bias_weights")
NOISE_KEYS: "tuple[DualKey, ...]" = ("noise_points", "noise_weights")
STEP_KEYS: "tuple[DualKey, ...]" = ("step_weights",)


def written(witness: Alternation | Dual | None, shape: str | None) -> dict[str, object] | None:
    """Return the object of a witness of a table with this shape."""
    if witness is None:
        return None
    if isinstance(witness, Alternation):
        return {"alternation": [text(p) for p in witness.points]}
    keys = _keys(shape is not None, witness.bounds_noise)
    lists: dict[str, object] = {key: [text(x) for x in getattr(witness, key)] for key in keys}
    return {**lists, "selection": text(witness.selection)}


def read(record: "Witness | None", problem: Problem) -> Alternation | Dual | None:
    """Return the witness of an object that `written` made for the table of this problem."""
    if record is None:
        return None
    if "alternation" in record:
        only("witness", record, ("alternation",))
        return Alternation(tuple(numbers(record["alternation"])))
    keys = _keys(problem.shape is not None, "noise_points" in record)
    only("witness", record, (*keys, "selection"))
    lists: dict[str, tuple[float, ...]] = dict.fromkeys((*BIAS_KEYS, *NOISE_KEYS), ())
    lists |= {key: tuple(numbers(record[key])) for key in keys}
    most = max(MOST_OF_FEW, MOST_POINTS * (problem.K + 16))
    for kind in ("bias", "noise"):
        points, weights = lists[f"{kind}_points"], lists[f"{kind}_weights"]
        if len(points) != len(weights) or len(points) > most:
            raise CorruptTable(
                f"{len(points)} {kind} points with {len(weights)} weights: expected as many, at most {most}"
            )
        if not all(0 <= p <= 1 for p in points):
            raise CorruptTable(f"{kind} points outside [0, 1]: expected probabilities")
    steps = lists.get("step_weights")
    if steps is not None and len(steps) != problem.K:
        raise CorruptTable(f"{len(steps)} weights of steps: expected K = {problem.K} of them")
    return Dual(**lists, selection=number(record["selection"]))


def _keys(shaped: bool, bounds_noise: bool) -> "tuple[DualKey, ...]":
    """Return the keys of the lists of a dual, of a table with or without a shape."""
    if not shaped:
        return (*BIAS_KEYS, *NOISE_KEYS)
    return (*BIAS_KEYS, *NOISE_KEYS, *STEP_KEYS) if bounds_noise else BIAS_KEYS

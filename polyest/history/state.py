"""The state of a history as plain data, such as a file of JSON holds, and back, checked."""

from base64 import b64decode, b64encode
from collections.abc import Mapping
from hashlib import blake2b
from typing import Any, TypedDict

import numpy as np

from polyest.arrays import Ints
from polyest.errors import InvalidHistory
from polyest.history.ids import NONE, Name, nameable
from polyest.history.visits import ARRAYS, OF_VISITS, Visits
from polyest.values import shown, whole

FORMAT = 2


class State(TypedDict):
    """What a checkpoint keeps of a history.

    format: of this state.  reads: how answers were read, None where nobody said.  step: the last one.
    clock, prompts: of `Visits`, prompts in the order in which they were last seen.
    shape: visits and width.  arrays: by name, 64-bit integers (little-endian) in base 64.
    digest: of all of these, so that a state that was cut short is seen.
    """

    format: int
    reads: str | None
    step: int
    clock: int
    prompts: list[Name]
    shape: list[int]
    arrays: dict[str, str]
    digest: str


def packed(kept: Visits, step: int, reads: str | None) -> State:
    """The state; two histories that were recorded alike have equal ones."""
    order = np.argsort(kept.stamps[: kept.known()])
    arrays = {
        name: b64encode(getattr(kept, name)[order].astype("<i8").tobytes()).decode()
        for name in ARRAYS
    }
    state: State = {
        "format": FORMAT,
        "reads": reads,
        "step": step,
        "clock": kept.clock,
        "prompts": [kept.names[slot] for slot in order.tolist()],
        "shape": [kept.visits, kept.answers.shape[2]],
        "arrays": arrays,
        "digest": "",
    }
    state["digest"] = _digest(state)
    return state


def unpacked(state: object, kept: Visits) -> tuple[int, str | None]:
    """Fill an empty `kept` with a state, of any number of visits; give its step and its reader.

    Raises InvalidHistory where it is no state, or not all of one.
    """
    given, arrays = _read(state)
    prompts, _, width = arrays["answers"].shape
    if prompts > kept.prompts or width > kept.most:
        raise InvalidHistory(
            f"state of {prompts} prompts with {width} answers a visit: expected at most {kept.prompts} and "
            f"{kept.most}; make the history with prompts= and answers= that hold it"
        )
    both = min(arrays["sizes"].shape[1], kept.visits)
    rows = {name: np.repeat(getattr(kept, name)[-1:], prompts + 1, axis=0) for name in ARRAYS}
    rows["answers"] = np.full((prompts + 1, kept.visits, width), NONE)
    for name in OF_VISITS:
        rows[name][:-1, :both] = arrays[name][:, :both]
    for name in ("stamps", "pairs"):
        rows[name][:-1] = arrays[name]
    for name, array in rows.items():
        setattr(kept, name, array)
    kept.clock, kept.names = int(given["clock"]), list(given["prompts"])
    kept.slots = {name: slot for slot, name in enumerate(kept.names)}
    return int(given["step"]), given["reads"]


def _read(state: object) -> tuple[Any, dict[str, Ints]]:
    """A state and its arrays.  Raises InvalidHistory where it is none, or another than was saved."""
    keys = State.__annotations__.keys()
    if not isinstance(state, Mapping) or not keys <= state.keys():
        lost = ", ".join(sorted(keys - (state.keys() if isinstance(state, Mapping) else set())))
        raise InvalidHistory(f"state without {lost}: expected one of History.state_dict()")
    given: Any = state
    if type(given["format"]) is not int or given["format"] != FORMAT:
        raise InvalidHistory(
            f"state of format {shown(given['format'])}: expected {FORMAT}, the one of this version"
        )
    if _typed(given) and given["digest"] == _digest(given):
        visits, width = given["shape"]
        shapes = {**dict.fromkeys(OF_VISITS, (visits,)), "stamps": (), "pairs": (2,)}
        shapes["answers"] = (visits, width)
        return given, {
            name: np.frombuffer(b64decode(text), "<i8").reshape(
                len(given["prompts"]), *shapes[name]
            )
            for name, text in given["arrays"].items()
        }
    raise InvalidHistory(
        "state is not the one that was saved, as its digest shows: it was cut short or changed; load "
        "another checkpoint, or start with an empty history"
    )


def _typed(given: Any) -> bool:
    """Whether the values of a state are of their types, so that a digest of them can be taken."""
    arrays, prompts, shape = given["arrays"], given["prompts"], given["shape"]
    return (
        isinstance(given["reads"], str | None)
        and whole(given["step"], -1)
        and whole(given["clock"], 0)
        and isinstance(prompts, list)
        and all(map(nameable, prompts))
        and isinstance(shape, list)
        and len(shape) == 2
        and all(whole(n, 0) for n in shape)
        and isinstance(arrays, dict)
        and arrays.keys() == {*ARRAYS}
        and all(isinstance(text, str) and text.isascii() for text in arrays.values())
        and isinstance(given["digest"], str)
    )


def _digest(state: Mapping[str, Any]) -> str:
    """A digest of a state, of what is in it beside the digest."""
    hashed = blake2b(digest_size=16)
    for name in sorted(State.__annotations__.keys() - {"digest", "arrays"}):
        hashed.update(repr((name, state[name])).encode("utf-8", "surrogatepass"))
    for name in ARRAYS:
        hashed.update(repr((name, len(state["arrays"][name]))).encode())
        hashed.update(state["arrays"][name].encode())
    return hashed.hexdigest()

"""A history as an integration takes it: one whose answers all are read in one way."""

from polyest.errors import InvalidReward
from polyest.history.history import History
from polyest.integrations.reader import Reader, word
from polyest.values import shown

SCORES = "classes in scores"


def history_of(past: object, reader: Reader | None = None) -> History:
    """The history, which knows from now on how its answers are read.

    reader: what reads them; None for answers that arrive as scores (scores.py).

    Raises InvalidReward for what is no history, and where answers are not the same in all of it,
    InvalidHistory where it is one of answers that are read in another way.
    """
    if not isinstance(past, History):
        raise InvalidReward(f"history is {shown(past)}: expected a polyest.History")
    if reader is None:
        past.read_as(SCORES)
        return past
    if reader.equivalence is not None:
        raise InvalidReward(
            "equivalence with history: expected none, as it joins answers of one batch only; give a kind "
            "that reads equal answers alike"
        )
    read = [f"{name}={word(value)}" for name, value in sorted(reader.options.items())]
    past.read_as(", ".join([word(reader.kind), *read]))
    return past

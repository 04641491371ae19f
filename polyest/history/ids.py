"""Ids of prompts and of answers, as a history takes them, and those that cannot mean the same later."""

from collections.abc import Sequence
from numbers import Integral
from typing import Any

import numpy as np

from polyest.arrays import Array, Ints, to_numpy, traced
from polyest.errors import CountOutOfRange, InvalidHistory
from polyest.tallies import LARGEST_ID, integers, marker
from polyest.values import shown

Name = int | str  # of a prompt; both are plain in a file of JSON
NONE = -(2**63)  # no answer, or no completion, among those that are kept


def host_answers(answers: Array, no_answer: int) -> Ints:
    """Answers as int64 in numpy, with `NONE` for those that are missing.

    Raises CountOutOfRange where they are not integers, InvalidHistory in a graph and for the id `NONE`.
    """
    if traced(answers):
        raise InvalidHistory(
            "a history in a graph: expected answers with values, as they are looked up on the host; call "
            "the reward outside of torch.compile or jax.jit"
        )
    numbers = to_numpy(integers("answers", answers, answers))
    if not numbers.ndim:
        raise CountOutOfRange(
            f"answers are {shown(answers)}: expected an array of shape (prompts, G)"
        )
    numbers, mark = np.asarray(numbers, np.int64), marker(no_answer)
    least = numbers.min()
    if least > mark:
        return numbers
    answered = numbers != mark
    if least == NONE and (numbers[answered] == NONE).any():
        raise InvalidHistory(
            f"an answer has the id {NONE}: expected one above it, as it marks none"
        )
    return np.where(answered, numbers, NONE)


def check_stable(answers: Ints) -> None:
    """Raise InvalidHistory where the ids of a batch may have been numbered anew for it.

    Ids that count the different answers of a prompt or of a batch, from 0 or 1 on, are at most the number
    of its completions, each of them.  Digests, as of `answers.identify`, are not, but for one batch in 2^40.
    """
    if answers.size and answers.max() > answers.size:
        return
    said = answers[answers != NONE]
    if said.size and said.min() >= 0:
        raise InvalidHistory(
            f"ids of answers are {said.min()} to {said.max()} in a batch of {answers.size} completions, as "
            "if numbered anew for it: a history needs ids that mean the same in every batch; use "
            "answers.identify, or say History(stable_ids=True) where they do"
        )


def names_of(prompts: object, rows: int) -> list[Name]:
    """Ids of prompts, one for each row: texts and integers, which may be too large (`check_names`).

    Raises InvalidHistory where they are missing, of another number or of another kind.
    """
    if prompts is None:
        raise InvalidHistory(
            "prompts are missing: expected prompts=, one id for each row of answers, as a history keeps the "
            "counts by prompt"
        )
    given = prompts.tolist() if hasattr(prompts, "tolist") else prompts
    if isinstance(given, str) or not isinstance(given, Sequence) or len(given) != rows:
        many = f"{len(given)} ids" if isinstance(given, list | tuple) else shown(prompts)
        raise InvalidHistory(
            f"prompts are {many}: expected {rows} ids, one for each row of answers (for each completion "
            "where answers are flat)"
        )
    if isinstance(prompts, np.ndarray) and prompts.dtype == np.int64:
        return list(given)
    kinds = [*map(type, given)]
    alike = kinds.count(kinds[0]) == rows  # sooner than a set of all
    if {*(kinds[:1] if alike else kinds)} <= {int, str}:
        return list(given)
    names = [_plain(name) for name in given]
    check_names(names)
    return names


def check_names(names: list[Any]) -> None:
    """Raise InvalidHistory for what is no id of a prompt: neither a text nor an integer of 64 bits."""
    kinds = {*map(type, names)}
    if kinds == {str} or (kinds == {int} and nameable(max(names)) and nameable(min(names))):
        return
    odd = [name for name in names if not nameable(name)]
    if odd:
        raise InvalidHistory(
            f"the id of a prompt is {shown(odd[0])}: expected a text or an integer of 64 bits, such as the "
            "row number in the data set"
        )


def _plain(name: object) -> Any:
    """An integer or a text of another type, such as numpy's, as Python has it; anything else as it is."""
    if isinstance(name, str):
        return str(name)
    if isinstance(name, Integral) and not isinstance(name, bool | np.bool_):
        return int(name)
    return name


def nameable(name: object) -> bool:
    """Whether this is an id of a prompt: a text, or an integer of 64 bits."""
    return type(name) is str or (type(name) is int and -LARGEST_ID <= name <= LARGEST_ID)

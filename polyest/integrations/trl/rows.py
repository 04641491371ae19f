"""The rows of this process as TRL passes them to a reward, read into integers: columns, ids, answers."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from numbers import Integral
from typing import Any

import numpy as np

from polyest.arrays import Floats, Ints
from polyest.errors import BrokenBatch, InvalidAnswer, MissingColumn
from polyest.integrations.judge import called, each_number
from polyest.integrations.messages import content_of, texts_of
from polyest.integrations.reader import Reader, identified
from polyest.integrations.trl.keywords import RewardFunction
from polyest.values import plain, shown

Names = tuple[Ints, Sequence[object]]  # ids of rows (N,), and what the column has for them
# What TRL passes beside the columns of the dataset.
PASSED = ("completion_ids", "trainer_state", "log_extra", "log_metric", "environments")
GROUP = "group_id"


@dataclass(frozen=True, eq=False)
class Reading:
    """How a batch is read.  Most fields are keywords of the rewards (reward.py).

    group: the column with ids of prompts; None for `GROUP`, where there is such a column.
    end_token: the tokens that end a completion, () to read completions that were cut too; None for those of
    the trainer, where it masks completions that were cut.
    orbit: the column with ids of orbits, None where it is not read; orbit_size: 0 without orbits.
    truth: the column with right answers, or None; texts: whether whole completions are compared.
    continued: whether earlier completions of the prompts are counted too.
    gated: whether right answers alone are paid, by the column `truth` or by `judge`, a reward function.
    prior: a reward function that gives log Q of each answer.
    everywhere: whether every process pays all groups (batch.py).
    """

    group: str | None
    reader: Reader
    gather: str | bool
    num_generations: int | None
    end_token: tuple[int, ...] | None
    orbit: str | None
    orbit_size: int
    broken: str
    truth: str | None
    texts: bool
    continued: bool = False
    gated: bool = False
    judge: RewardFunction | None = None
    prior: RewardFunction | None = None
    everywhere: bool = False


@dataclass(frozen=True, eq=False)
class Rows:
    """Rows of this process.

    arrays: ids (N,) of groups, prompts, orbits, right answers and answers.
    values: what `judge` and `prior` gave, float64 (N,), nan for None, if there are such functions.
    texts, keys, right: the completions, the keys of their answers and of the right answers, or None.
    group: the name of the column of groups.
    group_names, orbit_names: what ids stand for, to show in a message; ids of texts are digests.
    """

    arrays: tuple[Ints, ...]
    values: tuple[Floats, ...]
    texts: list[str | None]
    keys: list[str | None]
    right: list[str | None]
    group: str
    group_names: Names
    orbit_names: Names


def rows_of(
    how: Reading,
    prompts: Sequence[object],
    completions: Iterable[object],
    columns: Mapping[str, object],
) -> Rows:
    """The rows of this process.  Raises BrokenBatch, InvalidAnswer, MissingColumn."""
    said = list(completions)
    texts = texts_of(said)
    rows = len(texts)
    if len(prompts) != rows:
        raise BrokenBatch(f"{len(prompts)} prompts for {rows} completions: expected one a row")
    if how.end_token:
        if rows and "completion_ids" not in columns:
            raise BrokenBatch(
                "end_token without completion_ids, in which it is looked for: hand on what TRL passes"
            )
        cut = truncated(column("completion_ids", columns, rows), how.end_token)
        texts = [None if short else text for short, text in zip(cut, texts, strict=True)]
    asked = [_mark(prompt) for prompt in prompts]
    marks = identified(asked)
    name = how.group or GROUP
    group: Sequence[object]
    if how.group is None and how.num_generations and GROUP not in columns:
        name, group, ids = "prompt", asked, marks  # blocks of rows need no name
    else:
        group = column(
            name, columns, rows, ", or give num_generations, for rows that follow each other"
        )
        ids = numbers(name, group)
    orbit = column(how.orbit, columns, rows) if how.orbit else group
    orbits = numbers(how.orbit, orbit) if how.orbit else ids
    right: list[str | None] = [None] * rows
    keys = list(right)
    if how.truth:
        right = how.reader.labels(column(how.truth, columns, rows))
    if not how.texts:
        keys = how.reader.keys(texts)
    asked_of = (("where", how.judge), ("prior", how.prior))
    return Rows(
        (ids, marks, orbits, identified(right), identified(keys)),
        tuple(_given(n, f, prompts, said, columns) for n, f in asked_of if f is not None),
        texts,
        keys,
        right,
        name,
        (ids, group),
        (orbits, orbit),
    )


def _given(
    name: str,
    function: RewardFunction,
    prompts: Sequence[object],
    completions: list[object],
    columns: Mapping[str, object],
) -> Floats:
    """What a reward function of the caller's gives for the rows of this process, float64 (N,), nan for None.

    Raises what `called` and `each_number` do.
    """
    given = called(name, function, prompts=prompts, completions=completions, **columns)
    return each_number(name, given, len(completions))


def column(name: str, columns: Mapping[str, object], rows: int, repair: str = "") -> list[object]:
    """Values of a column, one for each row.

    repair: what else the user could do, for the message.  Raises MissingColumn, which lists the columns
    that there are, BrokenBatch for another number of values.
    """
    if name not in columns:
        if not rows:  # a process without rows does not know which columns there are
            return []
        there = sorted(columns.keys() - set(PASSED))
        raise MissingColumn(
            f"no column {name!r} in the dataset: it has {', '.join(there) or 'none but the prompt'}; add "
            f"dataset.add_column({name!r}, ...), or name another one{repair}"
        )
    values: Any = columns[name]
    values = values.tolist() if hasattr(values, "tolist") else list(values)  # numpy's and torch's
    if not isinstance(values, list) or len(values) != rows:
        raise BrokenBatch(
            f"column {name!r} has {len(values) if isinstance(values, list) else 'no'} values for {rows} "
            "completions: expected one a row"
        )
    return [plain(value) for value in values]


def numbers(name: str, values: Sequence[object]) -> Ints:
    """Ids as int64 (N,), the same in every process: integers as they are, texts by their digest.

    Raises BrokenBatch for values that are neither whole numbers nor texts.
    """
    ids: Sequence[Any] = values
    types = set(map(type, values))  # few, where values are many
    odd = {t for t in types if issubclass(t, bool) or not issubclass(t, str | Integral)}
    if odd:
        first = next(v for v in values if type(v) in odd)
        raise BrokenBatch(
            f"column {name!r} holds {shown(first)}: expected whole numbers or texts, one id a prompt"
        )
    if any(issubclass(t, str) for t in types):
        texts: list[str | None] = [str(v) for v in values if isinstance(v, str)]
        digest = dict(zip(texts, identified(texts).tolist(), strict=True))
        ids = [digest[v] if isinstance(v, str) else v for v in values]
    try:
        return np.array(ids, np.int64).reshape(len(ids))
    except OverflowError:
        raise BrokenBatch(
            f"column {name!r} holds {max(ids, key=abs)}: expected whole numbers of 64 bits; "
            "give it as text"
        ) from None


def truncated(completion_ids: Sequence[object], ends: Sequence[int]) -> list[bool]:
    """Whether each completion was cut, which is where its last token is not one of `ends`.

    Raises InvalidAnswer for what is not a list of tokens.

    >>> truncated([[5, 6, 2], [5, 6], []], (2, 0))
    [False, True, True]
    """
    flags = []
    for ids in completion_ids:
        tokens = ids.tolist() if hasattr(ids, "tolist") else ids
        if not isinstance(tokens, Sequence) or isinstance(tokens, str):
            raise InvalidAnswer(f"completion_ids holds {shown(ids)}: expected a list of tokens")
        flags.append(not len(tokens) or int(tokens[-1]) not in ends)
    return flags


def _mark(prompt: object) -> str:
    """A text that tells prompts apart: all text in the prompt, as images have no stable form."""
    if isinstance(prompt, str) or not isinstance(prompt, Sequence):
        return str(prompt)
    messages = [m for m in prompt if isinstance(m, Mapping)]
    return json.dumps([[str(m.get("role")), content_of(m)] for m in messages])

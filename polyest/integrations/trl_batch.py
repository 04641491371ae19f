"""A batch as TRL hands it to a reward, read into integers: flat lists of the rows of this process.

TRL cuts a batch into equal parts, one a process, and then subtracts the mean of every `num_generations`
rows of the whole: groups are cut where they do not fit into a part.  So rows are read, sent to all
processes in the order of their ranks, and only then put into groups: all see the same batch, compute the
same, and raise the same errors.  A block is G rows of the whole batch that follow each other, as for TRL.
"""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from hashlib import blake2b
from numbers import Integral
from typing import Any

import numpy as np

from polyest import answers, gathering
from polyest.errors import BrokenBatch, BrokenOrbit, InvalidAnswer, MissingColumn
from polyest.record import Holder

Array = Any  # numpy
Ints = np.ndarray[Any, np.dtype[np.int64]]
Names = dict[int, Any]  # of ids, as the column has them
Extract = Callable[[str], str | int | None]
# What TRL passes beside the columns of the dataset.
PASSED = ("completion_ids", "trainer_state", "log_extra", "log_metric", "environments")
BROKEN = ("raise", "exclude")
GATHER = ("auto", True, False)


class Reading(Holder):
    """How a batch is read; the fields are the keywords of the rewards in trl.py."""

    group: str
    kind: str | Extract
    gather: str | bool
    num_generations: int | None
    orbit: str | None
    orbit_size: int
    broken: str
    truth: str | None
    texts: bool


class Batch(Holder):
    """The traces of all processes, one entry each, and which are this one's.

    groups, orbits: integers (N,), of traces counted together; answers: integers (N,), or texts; truth:
    integers (N,) or None; kept: bool (N,), False where an orbit is broken and left out; mine: a slice.
    """

    groups: Ints
    orbits: Ints
    answers: Array
    truth: Ints | None
    kept: Array
    mine: slice


def said(completion: Any) -> str | None:
    """The text of a completion: a string, or the last message of the assistant in a chat; None for none.

    Raises InvalidAnswer for anything else.

    >>> said("so 4"), said([{"role": "assistant", "content": "so 4"}]), said(None), said([])
    ('so 4', 'so 4', None, None)
    """
    if completion is None or isinstance(completion, str):
        return completion
    if isinstance(completion, Mapping):
        return said([completion])
    if not isinstance(completion, Sequence) or not all(isinstance(m, Mapping) for m in completion):
        raise InvalidAnswer(
            f"completion is {completion!r:.80}: expected text, a list of messages, or None"
        )
    spoken = [m for m in completion if m.get("role", "assistant") == "assistant"]
    return _content(spoken[-1].get("content")) if spoken else None


def texts_of(completions: Any) -> list[str | None]:
    """The text of each completion, None where there is none."""
    return [said(completion) for completion in completions]


def column(name: str, columns: Mapping[str, Any], rows: int) -> list[Any]:
    """Values of a column, one a row.  Raises MissingColumn, with the names of those that are there."""
    if name not in columns:
        if not rows:  # a process without rows does not know which columns there are
            return []
        there = sorted(columns.keys() - set(PASSED))
        raise MissingColumn(
            f"no column {name!r} in the dataset: it has {', '.join(there) or 'none but the prompt'}; add "
            f"dataset.add_column({name!r}, ...), or name another one"
        )
    found = list(columns[name])
    if len(found) != rows:
        raise BrokenBatch(
            f"column {name!r} has {len(found)} values for {rows} completions: expected one a row"
        )
    return found


def numbers(name: str, values: Sequence[Any]) -> Ints:
    """Ids as int64, the same in every process: integers as they are, texts by their digest."""
    types = set(map(type, values))  # few, where values are many
    odd = {t for t in types if issubclass(t, bool) or not issubclass(t, str | Integral)}
    if odd:
        first = next(v for v in values if type(v) in odd)
        raise BrokenBatch(
            f"column {name!r} holds {first!r:.60}: expected whole numbers or texts, one id a prompt"
        )
    if not any(issubclass(t, str) for t in types):
        try:
            return np.array(values, np.int64).reshape(len(values))
        except OverflowError:
            raise BrokenBatch(
                f"column {name!r} holds {max(values, key=abs)}: expected whole numbers of 64 bits; "
                "give it as text"
            ) from None
    return np.array(answers.identify([str(v) for v in values]), np.int64).reshape(len(values))


def extracted(texts: list[str | None], kind: str | Extract) -> Ints:
    """Ids (N,) of the answers in texts, -1 for none.

    Raises InvalidAnswer for an unknown kind, and where a callable returns neither str, int nor None.

    >>> found = extracted(["so 1/2", None, "it is 2/4"], lambda text: text[-1])
    >>> found.shape, int(found[1])
    ((3,), -1)
    """
    if callable(kind):
        keys = [None if text is None else _key(kind(text)) for text in texts]
    else:
        keys = answers.canonical(texts, kind)
    return np.array(answers.identify(keys), np.int64).reshape(len(texts))


def word(value: Any) -> str:
    """A value as part of a name, the same in every process.

    >>> word(0.5), word(len), word(("a", "rather", "long", "tuple", "of", "words")) == word("x" * 99)
    ('0.5', 'len', False)
    """
    if callable(value):
        return str(getattr(value, "__name__", type(value).__name__)).strip("<>")
    plain = repr(value) if isinstance(value, bool | int | float | tuple) else str(value)
    if re.fullmatch(r"[\w.:+-]{1,20}", plain):
        return plain
    return blake2b(plain.encode(), digest_size=4).hexdigest()


def read(how: Reading, prompts: Any, completions: Any, columns: Mapping[str, Any]) -> Batch:
    """The whole batch, of which these are the rows of this process.

    A collective call where rewards are gathered.  Raises BrokenBatch, BrokenOrbit, InvalidAnswer and
    MissingColumn, on every process: rows that one process cannot read stop the others too.
    """
    if how.gather is True and not gathering.running():
        raise BrokenBatch(
            "gather=True without a process group: start with torchrun or accelerate, or leave gather "
            'at "auto", which counts on one process what there is'
        )
    try:
        rows = _rows(how, prompts, completions, columns)
    except Exception:  # whatever it is: it is raised again, once the other processes know
        if how.gather is not False:
            gathering.refuse(
                BrokenBatch("another process could not read its rows: its own error says why")
            )
        raise
    (ids, marks, orbit, truth, keys), texts = rows.arrays, rows.texts
    mine = slice(0, len(ids))
    if how.gather is not False:
        (ids, marks, orbit, truth, keys), mine = gathering.whole(*rows.arrays)
        if how.texts:
            texts = _exchanged(texts)
    if not len(ids):
        return Batch(ids, ids, keys, None, ids > 0, mine)
    _one_prompt_each(how, ids, marks, rows.group_names)
    groups, copy = _groups(how, ids, rows.group_names)
    orbits, kept = groups, groups >= 0
    if how.orbit:
        orbits, kept = _orbits(how, groups, orbit, copy, rows.orbit_names)
    spoken = _objects(texts) if how.texts else keys
    return Batch(groups, orbits, spoken, truth if how.truth else None, kept, mine)


class _Rows(Holder):
    """Rows of this process as integers: ids, prompts, orbits, right answers, answers; and their texts.

    Ids of texts are digests: a message shows the text, where this process has it.
    """

    arrays: tuple[Ints, ...]
    texts: list[str | None]
    group_names: Names
    orbit_names: Names


def _rows(how: Reading, prompts: Any, completions: Any, columns: Mapping[str, Any]) -> _Rows:
    texts = texts_of(completions)
    rows = len(texts)
    if len(prompts) != rows:
        raise BrokenBatch(f"{len(prompts)} prompts for {rows} completions: expected one a row")
    group = column(how.group, columns, rows)
    orbit = column(how.orbit, columns, rows) if how.orbit else group
    ids, orbits = numbers(how.group, group), numbers(how.orbit or how.group, orbit)
    marks = np.array(answers.identify([_mark(prompt) for prompt in prompts]), np.int64)
    truth = _truth(how, columns, rows) if how.truth else np.zeros(rows, np.int64)
    keys = np.zeros(rows, np.int64) if how.texts else extracted(texts, how.kind)
    return _Rows(
        (ids, marks.reshape(rows), orbits, truth, keys),
        texts,
        dict(zip(ids.tolist(), group, strict=True)),
        dict(zip(orbits.tolist(), orbit, strict=True)),
    )


def _content(content: Any) -> str | None:
    """The text of a message, of its parts that are text."""
    if content is None or isinstance(content, str):
        return content
    parts = [part.get("text") for part in content if isinstance(part, Mapping)]
    found = [part for part in parts if isinstance(part, str)]
    return "".join(found) if found else None


def _mark(prompt: Any) -> str:
    """What tells prompts apart: all text in them, for images have no stable form."""
    if isinstance(prompt, str) or not isinstance(prompt, Sequence):
        return str(prompt)
    messages = [m for m in prompt if isinstance(m, Mapping)]
    return json.dumps([[str(m.get("role")), _content(m.get("content"))] for m in messages])


def _key(found: Any) -> str | None:
    if found is None or isinstance(found, str):
        return found
    if isinstance(found, int | Integral):  # int first: asking Integral takes ten times as long
        return str(int(found))
    raise InvalidAnswer(f"kind gave {found!r:.80}: expected a callable text -> str, int or None")


def _name(names: Names, i: Any) -> Any:
    return names.get(int(i), int(i))


def _truth(how: Reading, columns: Mapping[str, Any], rows: int) -> Ints:
    assert how.truth is not None
    right = column(how.truth, columns, rows)
    found = extracted([None if value is None else str(value) for value in right], how.kind)
    if (found < 0).any():
        odd = right[int(np.argmax(found < 0))]
        raise InvalidAnswer(
            f"column {how.truth!r} holds {odd!r:.60}, where kind {how.kind!r} finds no answer: give right "
            "answers that it can read"
        )
    return found


def _one_prompt_each(how: Reading, ids: Ints, marks: Ints, names: Names) -> None:
    _, first, which = np.unique(ids, return_index=True, return_inverse=True)
    other = marks != marks[first[which]]
    if other.any():
        raise BrokenBatch(
            f"{how.group} {_name(names, ids[np.argmax(other)])!r} belongs to different prompts: give every "
            'prompt an id of its own, such as its row number: dataset.add_column("group_id", '
            "list(range(len(dataset))))"
        )


def _groups(how: Reading, ids: Ints, names: Names) -> tuple[Ints, Ints]:
    """Groups as 0, 1, ..., and which drawing of its id each is."""
    G = how.num_generations
    if G is None:
        return np.unique(ids, return_inverse=True)[1].reshape(-1).astype(np.int64), 0 * ids
    cut = '; count cut groups whole with gather="auto"' * (how.gather is False)
    if len(ids) % G:
        raise BrokenBatch(
            f"{len(ids)} rows with num_generations={G}: expected a multiple{cut}; give the trainer's "
            "number, or leave num_generations out to group by the column alone"
        )
    blocks = ids.reshape(-1, G)
    mixed = (blocks != blocks[:, :1]).any(1)
    if mixed.any():
        at = int(np.argmax(mixed))
        inside = ", ".join(repr(_name(names, i)) for i in dict.fromkeys(blocks[at].tolist()))
        raise BrokenBatch(
            f"rows {at * G} to {at * G + G - 1} have {how.group} {inside} with num_generations={G}: expected "
            f"one id in every {G} rows{cut}; give the trainer's number (evaluation may have another, "
            "num_generations_eval), or leave num_generations out to group by the column alone"
        )
    drawn: dict[int, int] = {}
    copy = []
    for i in blocks[:, 0].tolist():
        copy.append(drawn.get(i, 0))
        drawn[i] = copy[-1] + 1
    return np.repeat(np.arange(len(blocks)), G), np.repeat(np.array(copy, np.int64), G)


def _orbits(
    how: Reading, groups: Ints, orbit: Ints, copy: Ints, names: Names
) -> tuple[Ints, Array]:
    """Orbits as 0, 1, ..., an orbit that is drawn twice as two, and where they are complete."""
    own = np.unique(groups, return_index=True)[1]  # groups are 0, 1, ...: the first row of each
    split = orbit != orbit[own[groups]]
    if split.any():
        at = int(np.argmax(split))
        raise BrokenOrbit(
            f"{how.orbit} {_name(names, orbit[own[groups[at]]])!r} and {_name(names, orbit[at])!r} share a "
            "prompt: expected one orbit for all rows of a prompt"
        )
    pairs = np.stack([orbit[own], copy[own]], 1)
    _, first, which, members = np.unique(
        pairs, axis=0, return_index=True, return_inverse=True, return_counts=True
    )
    short = members != how.orbit_size
    if short.any() and how.broken == "raise":
        at = int(np.argmax(short))
        name = _name(names, orbit[own[first[at]]])
        raise BrokenOrbit(
            f"{how.orbit} {name!r} arrived with {members[at]} of {how.orbit_size} prompts: train on "
            f"order_by_orbit(dataset, {how.orbit!r}) with shuffle_dataset=False and generation_batch_size a "
            "multiple of orbit_size * num_generations; where evaluation cuts orbits, "
            'broken="exclude" leaves them out'
        )
    which = which.reshape(-1)[groups].astype(np.int64)
    return which, ~short[which]


def _exchanged(texts: list[str | None]) -> list[str | None]:
    """The texts of all processes, in the order of their ranks, sent as bytes."""
    written = [b"" if text is None else text.encode("utf-8", "surrogatepass") for text in texts]
    sizes = [-1 if text is None else len(b) for text, b in zip(texts, written, strict=True)]
    (each,), _ = gathering.whole(np.array(sizes, np.int64))
    (sent,), _ = gathering.whole(np.frombuffer(b"".join(written), np.uint8).copy())
    found: list[str | None] = []
    start = 0
    for size in each.tolist():
        stop = start + max(size, 0)
        part = sent[start:stop].tobytes()
        found.append(None if size < 0 else part.decode("utf-8", "surrogatepass"))
        start = stop
    return found


def _objects(texts: list[str | None]) -> Array:
    found = np.empty(len(texts), object)
    found[:] = texts
    return found

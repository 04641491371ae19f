"""A batch as TRL hands it to a reward, read into integers: flat lists of the rows of this process.

TRL cuts a batch into equal parts, one a process, and then subtracts the mean of every `num_generations`
rows of the whole: groups are cut where they do not fit into a part.  So rows are read, sent to all
processes in the order of their ranks, and only then put into groups: all see the same batch and raise the
same errors.  A block is G rows of the whole batch that follow each other, as for TRL.  Where G is given, a
process pays the groups and orbits of its own rows only, as nothing is left to be raised of the others.
Else it pays all, for groups of some sizes have no table; and so it does where texts are compared, by what
a caller gives, which may raise and may itself be a collective call.
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
Names = tuple[Ints, list[Any]]  # ids, and what the column has for each
Extract = Callable[[str], str | int | None]
# What TRL passes beside the columns of the dataset.
PASSED = ("completion_ids", "trainer_state", "log_extra", "log_metric", "environments")
BROKEN = ("raise", "exclude")
GATHER = ("auto", True, False)
READER = ("choices", "cues", "reasoning")  # keywords of `answers.canonical`


class Reading(Holder):
    """How a batch is read; the fields are the keywords of the rewards in trl.py."""

    group: str
    kind: str | Extract
    reader: Mapping[str, Any]  # choices, cues and reasoning of `answers.canonical`
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
    integers (N,) or None; mine: a slice; kept: bool (N,), False where an orbit is broken and left out, and,
    where that leaves nothing to raise, where no trace of it is this process's.
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
    found = list(completions)
    if {*map(type, found)} <= {str, type(None)}:  # as most are
        return found
    return [said(completion) for completion in found]


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
    if any(issubclass(t, str) for t in types):
        texts = [str(v) for v in values if isinstance(v, str)]
        digest = dict(zip(texts, _ids(texts, list).tolist(), strict=True))
        values = [digest[v] if isinstance(v, str) else v for v in values]
    try:
        return np.array(values, np.int64).reshape(len(values))
    except OverflowError:
        raise BrokenBatch(
            f"column {name!r} holds {max(values, key=abs)}: expected whole numbers of 64 bits; "
            "give it as text"
        ) from None


def extracted(
    texts: list[str | None], kind: str | Extract, options: Mapping[str, Any] | None = None
) -> Ints:
    """Ids (N,) of the answers in texts, -1 for none.

    options: those of `answers.canonical`, for a kind that is one of its own.  A callable is asked once for
    each distinct text.  Raises InvalidAnswer for an unknown kind, and where a
    callable returns neither str, int nor None.

    >>> found = extracted(["so 1/2", None, "it is 2/4"], lambda text: text[-1])
    >>> found.shape, int(found[1])
    ((3,), -1)
    """
    if callable(kind):
        return _ids(
            texts, lambda each: [None if text is None else _key(kind(text)) for text in each]
        )
    return _ids(texts, lambda each: answers.canonical(each, kind, **(options or {})))


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
    groups, first, copy = _groups(how, ids, rows.group_names)
    _one_prompt_each(how, ids, marks, groups, first, rows.group_names)
    orbits, kept = groups, groups >= 0
    if how.orbit:
        orbits, kept = _orbits(how, groups, orbit, first, copy, rows.orbit_names)
    if how.num_generations and not how.texts:
        here = np.zeros(orbits.max() + 1, bool)
        here[orbits[mine]] = True
        kept = kept & here[orbits]
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
    marks = _ids([_mark(prompt) for prompt in prompts], list)
    truth = _truth(how, columns, rows) if how.truth else np.zeros(rows, np.int64)
    keys = np.zeros(rows, np.int64) if how.texts else extracted(texts, how.kind, how.reader)
    return _Rows(
        (ids, marks, orbits, truth, keys),
        texts,
        (ids, group),
        (orbits, orbit),
    )


def _ids(texts: list[Any], keyed: Callable[[list[Any]], list[Any]]) -> Ints:
    """Ids (N,) of the keys of texts, made once for each distinct text."""
    each = list(dict.fromkeys(texts))
    number = dict(zip(each, answers.identify(keyed(each)).tolist(), strict=True))
    return np.fromiter(map(number.__getitem__, texts), np.int64, len(texts))


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
    """What a column has for an id, where this process has it."""
    ids, values = names
    return next((values[at] for at in np.flatnonzero(ids == i)), int(i))


def _truth(how: Reading, columns: Mapping[str, Any], rows: int) -> Ints:
    assert how.truth is not None
    right = column(how.truth, columns, rows)
    texts = [None if value is None else answers.stated(str(value), how.kind) for value in right]
    found = extracted(texts, how.kind, how.reader)
    if (found < 0).any():
        odd = right[int(np.argmax(found < 0))]
        raise InvalidAnswer(
            f"column {how.truth!r} holds {odd!r:.60}, where kind {how.kind!r} finds no answer: give right "
            "answers that it can read"
        )
    return found


def _groups(how: Reading, ids: Ints, names: Names) -> tuple[Ints, Ints, list[int]]:
    """Groups as 0, 1, ..., the first row of each, and which drawing of its id it is."""
    G = how.num_generations
    if G is None:
        _, first, groups = np.unique(ids, return_index=True, return_inverse=True)
        return groups.reshape(-1).astype(np.int64), first, [0] * len(first)
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
    return np.repeat(np.arange(len(blocks)), G), np.arange(0, len(ids), G), copy


def _one_prompt_each(
    how: Reading, ids: Ints, marks: Ints, groups: Ints, first: Ints, names: Names
) -> None:
    known: dict[int, int] = {}
    of_ids = zip(ids[first].tolist(), marks[first].tolist(), strict=True)
    other = marks != np.array([known.setdefault(*pair) for pair in of_ids])[groups]
    if other.any():
        raise BrokenBatch(
            f"{how.group} {_name(names, ids[np.argmax(other)])!r} belongs to different prompts: give every "
            'prompt an id of its own, such as its row number: dataset.add_column("group_id", '
            "list(range(len(dataset))))"
        )


def _orbits(
    how: Reading, groups: Ints, orbit: Ints, first: Ints, copy: list[int], names: Names
) -> tuple[Ints, Array]:
    """Orbits as 0, 1, ..., an orbit that is drawn twice as two, and where they are complete."""
    own = orbit[first]
    split = orbit != own[groups]
    if split.any():
        at = int(np.argmax(split))
        raise BrokenOrbit(
            f"{how.orbit} {_name(names, own[groups[at]])!r} and {_name(names, orbit[at])!r} share a "
            "prompt: expected one orbit for all rows of a prompt"
        )
    number: dict[tuple[int, int], int] = {}
    which = np.array(
        [number.setdefault(one, len(number)) for one in zip(own.tolist(), copy, strict=True)]
    )
    short = np.bincount(which) != how.orbit_size
    if short.any() and how.broken == "raise":
        at = int(np.argmax(short))
        name = _name(names, [*number][at][0])
        raise BrokenOrbit(
            f"{how.orbit} {name!r} arrived with {np.sum(which == at)} of {how.orbit_size} prompts: train on "
            f"order_by_orbit(dataset, {how.orbit!r}) with shuffle_dataset=False and generation_batch_size a "
            "multiple of orbit_size * num_generations; where evaluation cuts orbits, "
            'broken="exclude" leaves them out'
        )
    return which[groups], ~short[which][groups]


def _exchanged(texts: list[str | None]) -> list[str | None]:
    """The texts of all processes, in the order of their ranks, sent as bytes in words of eight."""
    written = [b"" if text is None else text.encode("utf-8", "surrogatepass") for text in texts]
    sizes = [-1 if text is None else len(b) for text, b in zip(texts, written, strict=True)]
    full = b"".join(b.ljust(8 * _words(len(b)), b"\0") for b in written)
    (each,), _ = gathering.whole(np.array(sizes, np.int64))
    (sent,), _ = gathering.whole(np.frombuffer(full, np.int64))
    found: list[str | None] = []
    start = 0
    for size in each.tolist():
        stop = start + _words(size)
        part = sent[start:stop].tobytes()[: max(size, 0)]
        found.append(None if size < 0 else part.decode("utf-8", "surrogatepass"))
        start = stop
    return found


def _words(size: int) -> int:
    """Words of eight bytes that hold so many; none of a text that is not there."""
    return (max(size, 0) + 7) // 8


def _objects(texts: list[str | None]) -> Array:
    found = np.empty(len(texts), object)
    found[:] = texts
    return found

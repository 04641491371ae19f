"""A batch as TRL passes it to a reward, put into groups and orbits: the rows of all processes.

TRL cuts a batch into equal parts, one for each process, and then subtracts the mean of every
`num_generations` rows of the whole batch.  So a group may be cut between two processes.  Each process
therefore reads its rows, sends them to all others in the order of the ranks, and only then are they put
into groups.  All processes see the same batch and raise the same errors.

Where the number of generations G is known, a group is G rows of the whole batch that follow each other, as
it is for TRL, and a process pays only the groups and orbits that it has rows of.  Otherwise it pays all of
them, because a group of some size may have no table, which all processes have to raise; and so it does with a
history, where groups have several sample sizes.  It also pays all of them where texts are compared, or a
function of the group is paid, because the caller's function may raise, or be a collective call itself; and
where rewards depend on a prior, as the grid that they are rounded to is then that of the whole batch.
An equivalence is asked for each orbit by one process, the one that has its first row, which tells the
others.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import SupportsIndex

import numpy as np

from polyest import gathering
from polyest.arrays import Array, Floats, Ints
from polyest.errors import BrokenBatch, BrokenOrbit
from polyest.integrations.reader import identified
from polyest.integrations.trl.rows import Names, Reading, Rows, rows_of
from polyest.values import shown

BROKEN = ("raise", "exclude")
GATHER = ("auto", True, False)
READER = ("choices", "cues", "reasoning")  # keywords of `answers.canonical`


@dataclass(frozen=True, eq=False)
class Batch:
    """The N completions of all processes, in the order of their ranks.

    groups, orbits: integers (N,), equal for completions that are counted together.
    answers: integers (N,), or texts.
    truth: integers (N,), -1 where a right answer cannot be read; None where there are none.
    kept: bool (N,), whether this process pays a completion: False in an orbit that is broken and left out,
    and, where the number of generations is known, in an orbit of which this process has no row.
    mine: the slice of the completions of this process.
    prompts: ids (N,) of prompts, the same in every batch.
    judged, prior: float64 (N,), what those functions gave, nan for None; None where there are none.
    said: keys of the answers of this process.
    """

    groups: Ints
    orbits: Ints
    answers: Array
    truth: Ints | None
    kept: Array
    mine: slice
    prompts: Ints
    judged: Floats | None = None
    prior: Floats | None = None
    said: Sequence[str | None] = ()


def read(
    how: Reading,
    prompts: Sequence[object],
    completions: Iterable[object],
    columns: Mapping[str, object],
) -> Batch:
    """The whole batch, of which the arguments are the rows of this process.

    This is a collective call where groups are gathered.  Raises BrokenBatch, BrokenOrbit, InvalidAnswer and
    MissingColumn, on every process: rows that one process cannot read stop the others too.
    """
    if how.gather is True and not gathering.running():
        raise BrokenBatch(
            "gather=True without a process group: start with torchrun or accelerate, or leave gather at "
            '"auto", which counts within one process where there is no other'
        )
    try:
        rows = rows_of(how, prompts, completions, columns)
    except Exception:  # any error is raised again, once the other processes know of it
        _refuse(how, "could not read its rows")
        raise
    (ids, marks, orbit, truth, keys), values, texts = rows.arrays, rows.values, rows.texts
    mine = slice(0, len(ids))
    if how.gather is not False:
        every, mine = gathering.whole(*rows.arrays, *rows.values)
        (ids, marks, orbit, truth, keys), values = every[:5], every[5:]
        if how.texts:
            texts = _exchanged(texts)
    if not len(ids):
        return Batch(ids, ids, keys, None, ids > 0, mine, ids)
    groups, first, copy = _groups(how, ids, rows.group_names, rows.group)
    _one_prompt_each(rows.group, ids, marks, groups, first, rows.group_names)
    orbits, kept = groups, groups >= 0
    if how.orbit:
        orbits, kept = _orbits(how, groups, orbit, first, copy, rows.orbit_names)
    if how.reader.equivalence and not how.texts:
        keys, truth = _joined(how, rows, orbits, mine)
    if how.num_generations and not (how.texts or how.continued or how.everywhere):
        here = np.zeros(orbits.max() + 1, bool)
        here[orbits[mine]] = True
        kept = kept & here[orbits]
    spoken = _objects(texts) if how.texts else keys
    judged = values[0] if how.judge else None
    prior = values[-1] if how.prior else None
    right = truth if how.truth else None
    return Batch(groups, orbits, spoken, right, kept, mine, ids, judged, prior, rows.keys)


def _refuse(how: Reading, what: str) -> None:
    """Tells the other processes, which are waiting, that this one is about to raise."""
    if how.gather is not False:
        gathering.refuse(BrokenBatch(f"another process {what}: its own error says why"))


def _joined(how: Reading, rows: Rows, orbits: Ints, mine: slice) -> tuple[Ints, Ints]:
    """Ids of all answers and of all right answers, both (N,), the same for what an equivalence joins.

    It joins what is said in one orbit.
    """
    said, right = rows.keys, rows.right
    if how.gather is not False:
        said = _exchanged(said)
        right = _exchanged(right) if how.truth else [None] * len(said)
    first = np.unique(orbits, return_index=True)[1]
    own = np.flatnonzero((first >= mine.start) & (first < mine.stop))
    at = np.flatnonzero(np.isin(orbits, own))
    try:
        ids = np.full((2, len(orbits)), -1)
        for members in _parts(orbits, at):
            both = [said[i] for i in members] + [right[i] for i in members]
            ids[:, members] = identified(how.reader.joined(both)).reshape(2, -1)
    except Exception:  # from the caller's equivalence; the other processes wait, and are told first
        _refuse(how, "could not compare its answers")
        raise
    if how.gather is False:
        return ids[0], ids[1]
    (at, *each), _ = gathering.whole(at, *ids[:, at])
    ids[:, at] = each
    return ids[0], ids[1]


def _parts(orbits: Ints, at: Ints) -> list[Ints]:
    """These rows, in one array for each orbit."""
    order = at[np.argsort(orbits[at], kind="stable")]
    ends = np.flatnonzero(np.diff(orbits[order])) + 1
    return np.split(order, ends) if len(order) else []


def _groups(how: Reading, ids: Ints, names: Names, name: str) -> tuple[Ints, Ints, list[int]]:
    """Groups of rows.

    Returns numbers 0, 1, ... (N,), the first row of each group, and for each group how many groups before
    it have the same id: TRL may draw a prompt twice.
    """
    G = how.num_generations
    if G is None:
        _, first, groups = np.unique(ids, return_index=True, return_inverse=True)
        return groups.reshape(-1).astype(np.int64), first, [0] * len(first)
    cut = '; count cut groups whole with gather="auto"' if how.gather is False else ""
    if len(ids) % G:
        raise BrokenBatch(
            f"{len(ids)} rows with num_generations={G}: expected a multiple{cut}; give the trainer's "
            "number, or leave num_generations out to group by the column alone"
        )
    blocks = ids.reshape(-1, G)
    mixed = (blocks != blocks[:, :1]).any(1)
    if mixed.any():
        at = int(np.argmax(mixed))
        inside = ", ".join(f"{shown(_name(names, i))}" for i in dict.fromkeys(blocks[at].tolist()))
        raise BrokenBatch(
            f"rows {at * G} to {at * G + G - 1} have {name} {inside} with num_generations={G}: expected "
            f"one id in every {G} rows{cut}; give the trainer's number, or leave num_generations out to "
            "group by the column alone; evaluation may have another number, num_generations_eval, which is "
            "known where log_metric is handed on to the reward"
        )
    drawn: dict[int, int] = {}
    copy = []
    for i in blocks[:, 0].tolist():
        copy.append(drawn.get(i, 0))
        drawn[i] = copy[-1] + 1
    return np.repeat(np.arange(len(blocks)), G), np.arange(0, len(ids), G), copy


def _name(names: Names, i: SupportsIndex) -> object:
    """What the column has for an id, or the id where this process has no such row."""
    ids, values = names
    return next((values[at] for at in np.flatnonzero(ids == i).tolist()), int(i))


def _one_prompt_each(
    name: str, ids: Ints, marks: Ints, groups: Ints, first: Ints, names: Names
) -> None:
    """Raises BrokenBatch where rows of one id have different prompts."""
    known: dict[int, int] = {}
    of_ids = zip(ids[first].tolist(), marks[first].tolist(), strict=True)
    other = marks != np.array([known.setdefault(*pair) for pair in of_ids])[groups]
    if other.any():
        raise BrokenBatch(
            f"{name} {shown(_name(names, ids[np.argmax(other)]))} belongs to different prompts: give every "
            'prompt an id of its own, such as its row number: dataset.add_column("group_id", '
            "list(range(len(dataset))))"
        )


def _orbits(
    how: Reading, groups: Ints, orbit: Ints, first: Ints, copy: list[int], names: Names
) -> tuple[Ints, Array]:
    """Orbits of rows, and whether they have all their prompts.

    Returns numbers 0, 1, ... (N,), where an orbit that is drawn twice is two, and bool (N,).
    """
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
    """The texts of all processes, in the order of their ranks; they are sent as words of eight bytes."""
    written = [b"" if text is None else text.encode("utf-8", "surrogatepass") for text in texts]
    sizes = [-1 if text is None else len(b) for text, b in zip(texts, written, strict=True)]
    full = b"".join(b.ljust(8 * _words(len(b)), b"\0") for b in written)
    (each,), _ = gathering.whole(np.array(sizes, np.int64))
    (sent,), _ = gathering.whole(np.frombuffer(full, np.int64))
    received: list[str | None] = []
    start = 0
    for size in each.tolist():
        stop = start + _words(size)
        part = sent[start:stop].tobytes()[: max(size, 0)]
        received.append(None if size < 0 else part.decode("utf-8", "surrogatepass"))
        start = stop
    return received


def _words(size: int) -> int:
    """How many words of eight bytes hold `size` bytes; none for a negative size, which is no text."""
    return (max(size, 0) + 7) // 8


def _objects(texts: list[str | None]) -> Array:
    """Texts as an array of objects (N,)."""
    array = np.empty(len(texts), object)
    array[:] = texts
    return array

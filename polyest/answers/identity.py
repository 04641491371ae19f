r"""This module numbers answers: keys -> classes under a pairwise test -> integer ids.

A pairwise test same(a, b), such as that of a computer algebra system, is in general neither symmetric nor
transitive.  If each answer joined the first one that it matches, the result would depend on their order.
The least equivalence relation that contains the test does not: a ~ b if a chain leads from a to b, and each
link of the chain passes the test in one direction or the other.  A text without an answer has the key None,
which gets an id of its own.
"""

import warnings
from collections.abc import Callable, Iterable
from hashlib import blake2b
from itertools import chain, islice
from typing import Any

import numpy as np

from polyest.answers.choices import CHOICES
from polyest.answers.keys import Key, Kind, Texts, canonical, flat, listed, texts_alone
from polyest.answers.memory import Memory
from polyest.answers.notation import DEEPEST
from polyest.answers.reasoning import REASONING, Tag
from polyest.answers.tokens import LONGEST
from polyest.arrays import Ints
from polyest.dependencies import require
from polyest.errors import EqualsOnlyItself, InvalidAnswer
from polyest.values import shown, whole

Same = Callable[[str, str], bool]

TOO_LARGE = (
    f"a key of more than {LONGEST} characters, {DEEPEST} nested brackets or very large numbers is not "
    "evaluated: math_equal takes it as equal to itself only"
)


def identify(keys: Texts, *, no_answer: int = -1) -> Ints:
    """Number keys, so that equal keys have equal ids.

        id = first 63 bits of BLAKE2b(key) >= 0

    The id of a key is the same in every process, run and order, so that the parts of a group can be
    numbered separately.  Two different keys get the same id with probability 2^-63, which only matters
    within a prompt: for n distinct keys the probability is at most n(n-1)/2 2^-63, which is 2e-16 for n =
    64.

    Parameters
    ----------
    keys : list of (str or None), (N,) or (prompts, G)
        The keys, None for no answer.
    no_answer : int
        The id of None.

    Returns
    -------
    int64 array (N,) or (prompts, G)
        The ids.

    Raises
    ------
    InvalidAnswer
        If a key is neither a str nor None, lists differ in length, or `no_answer` is not an integer of 64
        bits.

    Examples
    --------
    >>> ids = identify([["1/2", "3", "1/2", None]])
    >>> ids.shape, bool(ids[0, 0] == ids[0, 2] != ids[0, 1]), int(ids[0, 3])
    ((1, 4), True, -1)
    """
    rows, nested = _rows("keys", keys)
    if not whole(no_answer, -(2**63), 2**63 - 1):
        raise InvalidAnswer(f"no_answer is {shown(no_answer)}: expected an integer of 64 bits")
    return _shaped(_numbered(list(chain.from_iterable(rows)), int(no_answer)), rows, nested)


def equivalent(keys: Texts, same: Same) -> list[Key] | list[list[Key]]:
    """Replace each key by the least key that is equivalent to it under a pairwise test.

        a ~ b:  a = b, or a chain of keys leads from a to b with same(x, y) or same(y, x) for each link

    The least key is the shortest, or among equally short ones the first in order of code points, so that
    the order of the samples has no effect.  The set of keys does have an effect, because a chain may use
    any of them; pass all keys of a group together.  The test is called at most n(n-1) times for n distinct
    keys of a prompt.  Keys of different prompts are not compared.

    Parameters
    ----------
    keys : list of (str or None), (N,) or (prompts, G)
        The keys of one prompt, or of several; None stays None.
    same : callable
        The test (key, key) -> bool, such as `math_equal`.  Errors that it raises are not caught.

    Returns
    -------
    list of (str or None), (N,) or (prompts, G)
        The keys, one for each class.

    Raises
    ------
    InvalidAnswer
        If `same` is not callable or does not return a bool, or the keys are not lists of str or None.

    Examples
    --------
    >>> equivalent(["10 m", "ten", None, "10"], lambda a, b: a.startswith(b))
    ['10', 'ten', None, '10']
    """
    rows, nested = _rows("keys", keys)
    if not callable(same):
        raise InvalidAnswer(f"same is {shown(same)}: expected a function of two keys")
    merged = [_merged(row, same) for row in rows]
    return merged if nested else merged[0]


def math_equal(left: str, right: str) -> bool:
    r"""Test whether two keys in TeX have the same value; the test is an equivalence relation.

    Objects of different kinds are never equal: number, expression, equation, inequality, ordered tuple or
    interval, set, matrix, text.  Numbers are compared exactly (1/3 is not 0.333; see `equality`), and
    letters by name and case.  The sides of an equation or inequality may be exchanged or multiplied by a
    number.  A list without brackets, such as 1, 3 or 2 \pm 1, has no order; it equals the set of its
    members if they are distinct.  A key that cannot be read with certainty, such as words, units, 1/2x or
    \int, is a text and equals only itself.

    Nothing is evaluated as code, no process is started, and the time is bounded in terms of the length.
    The result is the same in every process.

    Parameters
    ----------
    left, right : str
        The keys.

    Returns
    -------
    bool
        Whether they have the same value.

    Raises
    ------
    InvalidAnswer
        If a key is not a text.

    Warns
    -----
    EqualsOnlyItself
        If a key is longer than 500 characters, or its numbers need more than 2^13 bits (9^{9^9}).

    Examples
    --------
    >>> math_equal(r"\frac{\sqrt8}{2}", r"\sqrt{2}"), math_equal("1/3", "0.333")
    (True, False)
    >>> math_equal("x", "X"), math_equal("x<1", "-x>-1")
    (False, True)
    >>> math_equal("(3,1)", "(1,3)"), math_equal("x-y=0", "0")
    (False, False)
    """
    flat("keys", [left, right], none=False)
    if left == right:
        return True
    require("flint")
    from polyest.answers.equality import equal

    try:
        return equal(*sorted((left, right)))  # so that it is symmetric, errors and all
    except OverflowError:
        warnings.warn(TOO_LARGE, EqualsOnlyItself, stacklevel=2)
        return False


def from_texts(
    texts: Texts,
    kind: Kind = "number",
    equivalence: Same | None = None,
    *,
    choices: str = CHOICES,
    cues: Iterable[str] = (),
    reasoning: Iterable[Tag] = REASONING,
) -> Ints:
    """Read the answers in texts and number them for `polyest.counts`.

        identify(equivalent(canonical(texts)))

    Parameters
    ----------
    texts : list of (str or None), (N,) or (prompts, G)
        The texts; with an `equivalence`, a flat list of N texts has to belong to a single prompt.
    kind : {"number", "fraction", "choice", "boxed", "string", "auto"}
        The way to read an answer, as in `canonical`.
    equivalence : callable or None
        A test for `equivalent`, such as `math_equal`; without it equal keys are equal answers.
    choices : str
        As in `canonical`.
    cues : iterable of str
        As in `canonical`.
    reasoning : iterable of Tag
        As in `canonical`.

    Returns
    -------
    int64 array (N,) or (prompts, G)
        The ids; -1 for a text without an answer.

    Raises
    ------
    InvalidAnswer
        If `canonical`, `equivalent` or `identify` refuses its arguments.

    Examples
    --------
    >>> ids = from_texts([["so 0.50", "it is .5", "5", "?"]])
    >>> bool(ids[0, 0] == ids[0, 1] != ids[0, 2]), int(ids[0, 3])
    (True, -1)
    """
    rows, nested = _rows("texts", texts)
    every = list(chain.from_iterable(rows))
    keys = canonical(every, kind, choices=choices, cues=cues, reasoning=reasoning)
    if equivalence is None:
        return _shaped(_numbered(keys), rows, nested)
    read = iter(keys)
    groups = [list(islice(read, len(row))) for row in rows]
    return identify(equivalent(groups if nested else groups[0], equivalence))


# Classes and ids.


def _merged(row: list[Key], same: Same) -> list[Key]:
    """Return the least equivalent of each key."""
    keys = sorted({key for key in row if key is not None}, key=lambda key: (len(key), key))
    root = list(range(len(keys)))  # keys[root[i]] is the least known equivalent of keys[i]
    for j, right in enumerate(keys):
        for i, left in enumerate(keys[:j]):
            a, b = sorted((root[i], root[j]))
            if a != b and (_passes(same, left, right) or _passes(same, right, left)):
                root = [a if r == b else r for r in root]
    least = {key: keys[r] for key, r in zip(keys, root, strict=True)}
    return [None if key is None else least[key] for key in row]


def _passes(same: Same, left: str, right: str) -> bool:
    """Return the result of the caller's test; raise InvalidAnswer unless it is a bool."""
    result = same(left, right)
    if isinstance(result, bool | np.bool_):
        return bool(result)
    raise InvalidAnswer(
        f"same({shown(left)}, {shown(right)}) is {shown(result)}: expected True or False"
    )


def _shaped(ids: Ints, rows: list[list[str | None]], nested: bool) -> Ints:
    """Return the ids in rows if the texts were given as rows."""
    return ids.reshape(len(rows), -1) if nested else ids


def _numbered(keys: list[Key], no_answer: int = -1) -> Ints:
    """Return the id of each key, that of None being `no_answer`, which no other key has."""
    ids: dict[Key, int] = {key: _ids[key] for key in set(keys) if key is not None}
    if no_answer >= 0:
        ids = {key: i ^ 1 if i == no_answer else i for key, i in ids.items()}
    ids[None] = no_answer
    return np.fromiter(map(ids.__getitem__, keys), np.int64, len(keys))


def _id(key: str) -> int:
    """Return the first 63 bits of the digest of a key."""
    digest = blake2b(key.encode("utf-8", "surrogatepass"), digest_size=8)
    return int.from_bytes(digest.digest(), "big") >> 1


_ids: Memory[int] = Memory(_id)


def _rows(name: str, values: object) -> tuple[list[list[str | None]], bool]:
    """Return the values as rows, and whether they were given as rows."""
    given: Any = values
    if not listed(given) or texts_alone(given) or not any(map(listed, given)):
        return [flat(name, given)], False
    rows = [
        list(row) if listed(row) and texts_alone(row) else flat(f"{name}[{i}]", row)
        for i, row in enumerate(given)
    ]
    lengths = {len(row) for row in rows}
    if len(lengths) > 1:
        raise InvalidAnswer(f"{name} in lists of lengths {sorted(lengths)}: expected one length")
    return rows, True

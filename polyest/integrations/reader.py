r"""How an answer is read, for every trainer alike: texts -> keys, right answers -> keys, keys -> ids.

`Answering` has the options, which are the same in all integrations.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from hashlib import blake2b
from numbers import Integral, Number
from typing import Any, TypedDict, Unpack

import numpy as np

from polyest import answers
from polyest.arrays import Ints
from polyest.errors import InvalidAnswer
from polyest.values import plain, shown

__all__ = ["Answering", "Reader"]
KIND = "auto"
Extract = Callable[[str], str | int | None]
Same = Callable[[str, str], bool]


class Answering(TypedDict, total=False):
    """Options that say how answers are read, in all integrations.

    Attributes
    ----------
    kind : str or callable
        A kind of `answers.canonical`, or a callable text -> str, int or None, which is asked once for each
        distinct text; choices, cues and reasoning do not go with a callable.
    equivalence : callable or None
        A test (key, key) -> bool for `answers.equivalent`, such as `answers.math_equal`; it joins answers
        of one prompt, or of one orbit.
    choices : str
        As in `answers.canonical`.
    cues : iterable of str
        As in `answers.canonical`.
    reasoning : iterable of Tag
        As in `answers.canonical`.
    """

    kind: answers.Kind | Extract
    equivalence: Same | None
    choices: str
    cues: Iterable[str]
    reasoning: Iterable[answers.Tag]


class Reader:
    r"""A reader of answers, which can be pickled where its callables can.

    It raises InvalidAnswer for a kind or a value that is none.

    Parameters
    ----------
    **options : Answering
        The keywords of `Answering`.

    Examples
    --------
    >>> Reader(kind="boxed").keys([r"so \boxed{.5}", None]), Reader(kind="boxed").labels(["1/2"])
    (['1/2', None], ['1/2'])
    """

    def __init__(self, **options: Unpack[Answering]) -> None:
        """A reader with these options, which are tried on one text."""
        given: dict[str, Any] = dict(options)
        self.kind: answers.Kind | Extract = given.pop("kind", KIND)
        self.equivalence: Same | None = given.pop("equivalence", None)
        # An iterator is read here, as it could be read only once; tuples can be pickled and named.
        self.options: dict[str, Any] = {
            name: tuple(value)
            if isinstance(value, Iterable) and not isinstance(value, str)
            else value
            for name, value in given.items()
        }
        if unknown := [name for name in given if name not in Answering.__annotations__]:
            raise InvalidAnswer(
                f"unknown keyword {', '.join(unknown)}: expected some of "
                f"{', '.join(Answering.__annotations__)}"
            )
        if callable(self.kind) and given:
            raise InvalidAnswer(
                f"{', '.join(given)} with a callable kind, which reads the whole text itself: leave it out"
            )
        if self.equivalence is not None and not callable(self.equivalence):
            raise InvalidAnswer(
                f"equivalence is {shown(self.equivalence)}: expected a callable (key, key) -> bool, or None"
            )
        if not callable(self.kind):
            self.keys(["0"])

    def keys(self, texts: Iterable[str | None]) -> list[str | None]:
        """Read the key of each text's answer; each distinct text is read once.

        Parameters
        ----------
        texts : iterable of (str or None), (N,)
            The texts.

        Returns
        -------
        list of (str or None), (N,)
            The keys, None for no answer.

        Raises
        ------
        InvalidAnswer
            If a text is none, or a callable kind gives something else than a key.
        """
        said = list(texts)
        each = list(dict.fromkeys(said))
        if callable(self.kind):
            read = [None if text is None else _key(self.kind(text)) for text in each]
        else:
            read = answers.canonical(each, self.kind, **self.options)
        key_of = dict(zip(each, read, strict=True))
        return [key_of[text] for text in said]

    def labels(self, values: Iterable[object]) -> list[str | None]:
        """Read the key of each right answer.

        A right answer is an answer: for kinds that look for a box it is read as if it were in one.

        Parameters
        ----------
        values : iterable (N,)
            The right answers, each a text or a number.

        Returns
        -------
        list of (str or None), (N,)
            The keys, None where none can be read.
        """
        return self.keys([self._label(value) for value in values])

    def ids(self, texts: Sequence[str | None]) -> Ints:
        """Number the answers of one group or orbit.

        Parameters
        ----------
        texts : sequence of (str or None), (N,)
            The texts.

        Returns
        -------
        int64 array (N,)
            The ids, equal for equal answers, -1 for no answer.
        """
        return identified(self.joined(self.keys(texts)))

    def joined(self, keys: list[str | None]) -> list[str | None]:
        """Give one key to all answers of one group or orbit that the equivalence joins.

        Parameters
        ----------
        keys : list of (str or None), (N,)
            The keys.

        Returns
        -------
        list of (str or None), (N,)
            The keys, one for each class.
        """
        if self.equivalence is None:
            return list(keys)
        (joined,) = answers.equivalent([keys], self.equivalence)
        return list(joined or ())

    def _label(self, value: object) -> str | None:
        one = plain(value)
        if isinstance(one, bool) or not isinstance(one, str | Number):
            return None
        text = str(one)
        stated = text if callable(self.kind) else answers.stated(text, self.kind)
        if stated == text:
            return text
        return stated if text.strip() and _balanced(text) else None


def pop_reader(options: dict[str, object]) -> Reader:
    """The reader that some of these options ask for, which are removed from them.

    >>> options = {"kind": "choice", "beta": 0.1}
    >>> pop_reader(options).kind, options
    ('choice', {'beta': 0.1})
    """
    asked: dict[str, Any] = {
        name: options.pop(name) for name in Answering.__annotations__ if name in options
    }
    return Reader(**asked)


def identified(keys: Sequence[str | None]) -> Ints:
    """Ids of keys, int64 (N,); each distinct key is hashed once."""
    each = list(dict.fromkeys(keys))
    number = dict(zip(each, answers.identify(each).tolist(), strict=True))
    return np.fromiter(map(number.__getitem__, keys), np.int64, len(keys))


def word(value: object) -> str:
    """A value as part of a name; the same in every process.

    >>> word(0.5), word(len), word(("a", "rather", "long", "tuple", "of", "words")) == word("x" * 99)
    ('0.5', 'len', False)
    """
    if callable(value):
        return str(getattr(value, "__name__", type(value).__name__)).strip("<>")
    plain = repr(value) if isinstance(value, bool | int | float | tuple) else str(value)
    if re.fullmatch(r"[\w.:+-]{1,20}", plain):
        return plain
    return blake2b(plain.encode(), digest_size=4).hexdigest()


def _key(key: object) -> str | None:
    if key is None or isinstance(key, str):
        return key
    if isinstance(key, int | Integral):  # int first: asking Integral takes ten times as long
        return str(int(key))
    raise InvalidAnswer(f"kind gave {shown(key)}: expected a callable text -> str, int or None")


def _balanced(text: str) -> bool:
    """Whether every brace that is not escaped is closed, so that the text can be put between braces."""
    depth = 0
    for brace in re.findall(r"\\.|[{}]", text, re.DOTALL):
        depth += {"{": 1, "}": -1}.get(brace, 0)
        if depth < 0:
            return False
    return depth == 0 and not re.sub(r"\\.", "", text, flags=re.DOTALL).endswith("\\")

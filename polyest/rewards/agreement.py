"""Rewards for agreement (Pairwise-GRPO): a completion earns its mean agreement with those of its orbit.

An orbit is a set of m prompts that ask the same thing, with G completions each.

    r_i = (1/n) sum_j s(y_i, y_j),    s = 1 - d in [0, 1],    n = m G completions of the orbit

Here d in [0, 1] is a distance.  The gradient of the mean reward is minus half that of the incoherence E
d(y, y').  It is linear in the counts, so no table is needed and there is no bias, whatever d is.  Agreement
s is one of

    equality    1[z = z'], of integer answers or of texts
    fuzzy       rapidfuzz's normalised indel similarity of texts (extra `text`)
    encode      (1 + cos(e(y), e(y')))/2 of embeddings; their mean is one product with the mean embedding
    distance    1 - d of a matrix d that the caller computes

Source: Mohri, Schneider and Wu (2026), Algorithm 3, where a completion agrees with itself too.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Unpack

import numpy as np

from polyest import counts
from polyest.arrays import Array, Floats, doubles, int64, library, static_int
from polyest.errors import InvalidReward, NotInstalled
from polyest.reals import on_host
from polyest.rewards.estimates import filled, summable
from polyest.rewards.options import COUNTED, GATED, Options, parse_options
from polyest.rewards.orbits import arranged
from polyest.values import shown

if TYPE_CHECKING:
    from numpy.typing import NDArray

Texts = Sequence[Any]  # nested lists of str or None, in one of the layouts of orbits.py
SLACK = 1e-6  # by which rounding may take a distance out of [0, 1]


def pairwise(
    answers: Array | Texts,
    *,
    fuzzy: bool = False,
    encode: Callable[[list[str]], object] | None = None,
    distance: Callable[[list[str]], object] | None = None,
    include_self: bool = True,
    orbits: object = None,
    beta: float = 1.0,
    **options: Unpack[Options],
) -> Array:
    """Reward each completion with its mean agreement with the completions of its orbit.

        r_i = (beta/n) sum_j s(y_i, y_j),    s in [0, 1],    n = m G completions of the orbit

    An orbit is a set of m prompts that ask the same thing.  Give at most one of `fuzzy`, `encode` and
    `distance`; without any, two completions agree if their answers are equal.  A completion without an
    answer agrees with none, is included in n, and earns nan, or 0 with unanswered="lowest".

    Parameters
    ----------
    answers : integer Array (orbits, m, G), or nested lists of str or None
        The answer of each completion, as an integer id or a text (None for no answer); (prompts, G) with
        `orbits`, (N,) with `orbits` and groups=.
    fuzzy : bool
        Whether texts are compared by the indel similarity of rapidfuzz.
    encode : callable or None
        A function from n texts to their embeddings (n, d), finite and not 0.  It is called once per orbit,
        with the texts of the orbit in order.
    distance : callable or None
        A function from n texts to a matrix (n, n) of distances in [0, 1]; it is called like `encode`.
    include_self : bool
        Whether a completion is compared with itself too; if not, the mean is over the n - 1 others.
    orbits : integer Array, (prompts,) or (N,), or None
        The id of the orbit of each prompt or completion.
    beta : float
        The factor of the rewards, a positive number.
    **options : Options
        Of `Options`: groups, dyadic, no_answer (not with texts) and unanswered.

    Returns
    -------
    float64 Array
        The rewards, in the shape of the answers: torch for a tensor, else numpy.

    Raises
    ------
    BrokenOrbit
        If orbits differ in size, or shapes do not match.
    CountOutOfRange
        If answers or ids are not integers.
    InvalidReward
        If several ways to compare are given, an orbit has a single completion and include_self is False, a
        function returns no valid embeddings or distances, or an argument is not valid.
    NotInstalled
        If `fuzzy` is asked for and rapidfuzz is not installed.
    UnknownOption
        If a keyword is not one of those options.

    References
    ----------
    Mohri, Schneider and Wu (2026), Algorithm 3.

    Examples
    --------
    >>> pairwise([[[7, 7, 3, 5], [7, 7, 7, 3]]]).tolist()
    [[[0.625, 0.625, 0.25, 0.125], [0.625, 0.625, 0.625, 0.25]]]
    >>> pairwise([[["cat", "cats"], ["dog", None]]], distance=lambda t: np.zeros((3, 3))).tolist()
    [[[0.75, 0.75], [0.75, nan]]]
    """
    for name, way in (("encode", encode), ("distance", distance)):
        if way is not None and not callable(way):
            raise InvalidReward(f"{name} is {shown(way)}: expected a function of texts, or None")
    for name, truth in (("fuzzy", fuzzy), ("include_self", include_self)):
        if not isinstance(truth, bool | np.bool_):
            raise InvalidReward(f"{name} is {shown(truth)}: expected True or False")
    ways = [
        name for name, way in (("fuzzy", fuzzy), ("encode", encode), ("distance", distance)) if way
    ]
    if len(ways) > 1:
        raise InvalidReward(f"{' and '.join(ways)}: give one way to compare, or none for equality")
    how = parse_options("log", beta, 1, options, but=(*COUNTED, *GATED))
    written = _texts(answers)
    if written is not None and "no_answer" in options:
        raise InvalidReward(
            "no_answer is given with texts: mark a text without an answer by None instead"
        )
    if written is None and ways:
        raise InvalidReward(
            f"{ways[0]} compares texts: expected nested lists of str, got {shown(answers)}"
        )
    positions = answers if written is None else np.arange(written.size).reshape(written.shape)
    batch = arranged(positions, groups=options.get("groups"), orbits=orbits)
    pooled = library(batch.values).reshape(batch.values, (batch.values.shape[0], -1))
    traces = pooled.shape[1]
    if written is None:
        agreement, answered = counts.occurrences(
            pooled, no_answer=options.get("no_answer", counts.NO_ANSWER)
        )
        own: Any = int64(answered)
    else:
        rows = [list(written.reshape(-1)[row]) for row in pooled]
        answered = np.array([[text is not None for text in row] for row in rows])
        agreement, own = np.zeros(pooled.shape), np.zeros(pooled.shape)
        compare = _comparison(fuzzy, encode, distance)
        for i in np.flatnonzero(answered.any(1)):
            said = answered[i]
            agreement[i, said], own[i, said] = compare([t for t in rows[i] if t is not None])
    if not include_self:
        if traces == 1:
            raise InvalidReward(
                "an orbit of one completion agrees with no other: include_self=True, or sample more"
            )
        agreement = agreement - own
    paid = how.beta * (doubles(agreement) / (traces if include_self else traces - 1))
    paid = summable(paid, how.beta, static_int(traces), options)
    return batch.restored(filled(paid, answered, 0.0, options))


def _comparison(
    fuzzy: bool, encode: Callable[..., object] | None, distance: Callable[..., object] | None
) -> Callable[[list[str]], tuple[Floats, Floats | float]]:
    """A function of n texts: the sum of each one's agreement with all of them, and that with itself."""
    if encode is not None:
        return lambda texts: (_of_embeddings(encode(texts), len(texts)), 1.0)
    if distance is not None:
        return lambda texts: _of_distances(distance(texts), len(texts))
    alike = _indels() if fuzzy else _of_equals
    return lambda texts: (alike(texts), 1.0)


def _of_equals(texts: list[str]) -> Floats:
    times = Counter(texts)
    return np.array([float(times[text]) for text in texts])


def _indels() -> Callable[[list[str]], Floats]:
    try:
        from rapidfuzz import fuzz, process
    except ModuleNotFoundError:
        raise NotInstalled(
            "fuzzy agreement needs rapidfuzz, which is not installed: pip install 'polyest[text]'"
        ) from None
    return lambda texts: np.asarray(
        process.cdist(texts, texts, scorer=fuzz.ratio, dtype=np.float64).sum(1) / 100
    )


def _of_embeddings(embedded: object, n: int) -> Floats:
    vectors = on_host("what encode gave", embedded, "an array of numbers")
    if vectors.ndim != 2 or len(vectors) != n:
        raise InvalidReward(
            f"encode gave an array of shape {vectors.shape} for {n} texts: expected ({n}, d)"
        )
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    if not (np.isfinite(length) & (length > 0)).all():
        odd = int(np.argmin(np.isfinite(length[:, 0]) & (length[:, 0] > 0)))
        raise InvalidReward(
            f"encode gave text {odd} of {n} an embedding of length {length[odd, 0]}: expected finite ones "
            "other than 0; pass None for a text without answer"
        )
    unit = vectors / length
    return np.asarray((n + unit @ unit.sum(0)) / 2)


def _of_distances(measured: object, n: int) -> tuple[Floats, Floats]:
    between = on_host("what distance gave", measured, "an array of numbers")
    if between.shape != (n, n):
        raise InvalidReward(
            f"distance gave an array of shape {between.shape} for {n} texts: expected ({n}, {n})"
        )
    if not ((between >= -SLACK) & (between <= 1 + SLACK)).all():
        odd = between[~((between >= -SLACK) & (between <= 1 + SLACK))][0]
        raise InvalidReward(
            f"distance gave {odd}: expected numbers in [0, 1]; divide by the greatest possible distance"
        )
    near = 1 - np.clip(between, 0, 1)
    return near.sum(1), near.diagonal()


def _texts(answers: object) -> "NDArray[np.object_] | None":
    """Texts as an object array, or None where the answers are integers."""
    if library(answers) is not np:
        return None
    try:
        texts = np.array(answers, dtype=object)
    except ValueError:
        raise InvalidReward(
            f"answers are {shown(answers)}, which is not a rectangular array: expected nested lists"
        ) from None
    if texts.size and any(isinstance(text, str) for text in texts.flat):
        odd = [text for text in texts.flat if not isinstance(text, str | None)]
        if odd:
            raise InvalidReward(
                f"answers hold {shown(odd[0])} among texts: expected str, or None for no answer"
            )
        return texts
    return texts if texts.size and all(text is None for text in texts.flat) else None

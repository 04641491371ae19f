"""Rewards for GRPOTrainer and RLOOTrainer of TRL: from completions to counts to rewards.

    from polyest.integrations import trl
    GRPOTrainer(..., reward_funcs=trl.log_probability(beta=0.1), train_dataset=with a column group_id)

Both trainers subtract the mean of a group (RLOO that of the others, G/(G-1) times the same), so the table
is always that of K = G - 2 draws.  A reward is a plain object that can be pickled, returns None for a
trace without answer, which TRL then leaves out, and has no state: what it pays depends on the batch alone,
in evaluation too.  Groups that are cut between processes are counted whole.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from math import isnan
from typing import TYPE_CHECKING, Any, Literal, TypedDict, Unpack

import numpy as np

from polyest import rewards
from polyest.errors import InvalidReward, NotInstalled, PolyestError, UnknownOption
from polyest.integrations.trl_batch import (
    BROKEN,
    GATHER,
    READER,
    Batch,
    Extract,
    Reading,
    read,
    word,
)
from polyest.integrations.trl_safety import SafetyReward
from polyest.integrations.trl_setup import check, order_by_orbit

if TYPE_CHECKING:
    from polyest.integrations.trl_multiplier import MultiplierCallback

__all__ = [
    "MultiplierCallback",
    "Reward",
    "SafetyReward",
    "check",
    "coherence",
    "diversity",
    "ground_truth",
    "log_probability",
    "order_by_orbit",
    "pairwise",
    "polynomial",
    "safety",
    "soft_consistency",
]
USUAL: dict[str, tuple[Any, ...]] = {  # settings that a name leaves out
    "beta": (1.0,), "dyadic": (True,), "fuzzy": (False,), "include_self": (True,), "kind": ("entropy",),
    "mean": ("arithmetic",), "objective": ("accuracy",), "ties": ("all",), "unanswered": ("exclude",),
}  # fmt: skip
# Traces of the group on which a reward is tried where it is not known how many there are.
TRIED = 34


class Keywords(TypedDict, total=False):
    """Keywords that the rewards have in common; further ones are those of `rewards.Options`.

    group: the column with the id of a row's prompt, whole numbers or texts; "group_id" by default.
    kind: how an answer is read from a completion, a kind of `answers.canonical` ("auto" by default) or a
    callable text -> str, int or None, asked once for each distinct text; a chat's answer is read from the
    last message of the assistant.
    choices, cues, reasoning: as in `answers.canonical`; a callable is given the text as it is.
    num_generations: G; every G rows that follow each other are then a group of their own, so that an id
    that is drawn twice makes two groups, and any other size is an error.  By default the column decides.
    gather: "auto" (default) counts groups over all processes where a process group is up, True insists
    on one, False counts the rows of this process.
    name: the reward's __name__, under which TRL logs it; made from the other keywords by default.
    criterion, bias, bias_ratio, noise, table, dyadic (True by default), unanswered: as in `rewards.Options`.
    """

    group: str
    kind: str | Extract
    choices: str
    cues: Sequence[str]
    reasoning: Sequence[str | tuple[str, str]]
    num_generations: int | None
    gather: str | bool
    name: str
    criterion: str
    bias: float
    bias_ratio: float
    noise: float
    table: Any
    dyadic: bool
    unanswered: Literal["exclude", "lowest"]


class OrbitKeywords(Keywords, total=False):
    """Those of rewards over an orbit of prompts.

    orbit: the column with the id of a row's orbit, "orbit_id" by default; not read where orbit_size is 1.
    broken: what to do with an orbit that arrives without all its prompts, "raise" (default) or "exclude",
    which pays None; evaluation cuts orbits where its batch is not the whole data set.
    """

    orbit: str
    broken: Literal["raise", "exclude"]


class Reward:
    """A reward function of TRL: rows of a batch -> list of float or None.

    form: the function of `polyest.rewards` that pays, called with the answers, `arguments`, options, and
    with groups= where num_generations is not given.  Made by the functions below.  Raises TypeError and
    InvalidReward for keywords that it does not take, and NotInstalled, on construction; BrokenBatch,
    BrokenOrbit, CountOutOfRange, InvalidAnswer, InvalidReward, MissingColumn and TableNotFound when called
    with what cannot be counted or compared.
    """

    def __init__(
        self, form: str, arguments: Mapping[str, Any], reading: Reading, options: Mapping[str, Any]
    ) -> None:
        """The reward, tried on a group once."""
        self.form, self.arguments, self.reading = form, dict(arguments), reading
        self.options = dict(options)
        name = self.options.pop("name", None)
        self.__name__ = name or _named(form, {**self.arguments, **self.options}, reading)
        self._try()

    def __call__(self, prompts: Any, completions: Any, **columns: Any) -> list[float | None]:
        """Rewards of the rows of this process; a collective call where groups are gathered."""
        batch = read(self.reading, prompts, completions, columns)
        paid = np.full(len(batch.groups), np.nan)
        if batch.kept.any():
            paid[batch.kept] = self._paid(batch, batch.kept)
        return [None if isnan(r) else r for r in paid[batch.mine].tolist()]

    def __repr__(self) -> str:
        return f"<polyest reward {self.__name__}>"

    def _paid(self, batch: Batch, kept: Any) -> Any:
        """Rewards of the traces kept, whole groups: rows (prompts, G) where G is known."""
        G, given = self.reading.num_generations, dict(self.arguments)
        shape = (-1, G) if G else (-1,)
        if not G:
            given["groups"] = batch.groups[kept]
        if self.reading.orbit_size:
            given["orbits"] = batch.orbits[kept][:: G or 1]
        if batch.truth is not None:
            given["truth"] = batch.truth[kept].reshape(shape)
        answers = batch.answers[kept].reshape(shape)
        return getattr(rewards, self.form)(answers, **given, **self.options).reshape(-1)

    def _try(self) -> None:
        """Raises now what would be raised at the first batch, whatever is in it."""
        G = self.reading.num_generations
        groups = np.repeat(np.arange(self.reading.orbit_size or 1), G or TRIED)
        one = 0 * groups
        texts: Any = np.array([None] * len(groups), object) if self.reading.texts else one
        truth = one if self.reading.truth else None
        try:
            self._paid(Batch(groups, one, texts, truth, one == 0, slice(None)), one == 0)
        except PolyestError as error:
            if G is not None or isinstance(error, InvalidReward | NotInstalled | UnknownOption):
                raise


def log_probability(*, beta: float = 1.0, **keywords: Unpack[Keywords]) -> Reward:
    """Rewards beta log nu(z), estimated: `rewards.log_probability`.

    >>> reward = log_probability(table="harmonic", dyadic=False)
    >>> reward(["2+2?"] * 4, ["4", "so 4", "5", "?"], group_id=[0] * 4)  # K = 2: log 2/2, log 1/2
    [-0.5, -0.5, -1.5, None]
    >>> reward.__name__
    'log_probability-dyadicFalse-tableharmonic'
    """
    return _made("log_probability", {"beta": beta}, keywords)


def polynomial(
    coefficients: Iterable[float], *, beta: float = 1.0, **keywords: Unpack[Keywords]
) -> Reward:
    """Rewards beta sum_m a_m nu(z)^m without bias, up to degree G - 2: `rewards.polynomial`.

    >>> polynomial((0, 1))(["?"] * 4, ["7", "7", "7", "3"], group_id=["a"] * 4)
    [1.0, 1.0, 1.0, 0.0]
    """
    powers = tuple(float(a) for a in coefficients)
    if not np.isfinite(powers).all():
        raise InvalidReward(f"coefficients {powers}: expected finite numbers a_0, a_1, ...")
    return _made("polynomial", {"coefficients": powers, "beta": beta}, keywords)


def diversity(
    *,
    measure: Literal["entropy", "gini"] = "entropy",
    beta: float = 1.0,
    **keywords: Unpack[Keywords],
) -> Reward:
    """Rewards -beta log nu(z), or beta (1 - nu(z)) with measure="gini": `rewards.diversity`.

    >>> diversity(measure="gini")(["?"] * 4, ["7", "7", "7", "3"], group_id=[5] * 4)
    [0.0, 0.0, 0.0, 1.0]
    """
    if measure not in ("entropy", "gini"):
        raise InvalidReward(f"measure is {measure!r}: expected entropy or gini")
    return _made("diversity", {"kind": measure, "beta": beta}, keywords)


def ground_truth(
    *,
    truth: str = "answer",
    objective: Literal["accuracy", "log", "pass@k"] = "accuracy",
    k: int | None = None,
    beta: float = 1.0,
    **keywords: Unpack[Keywords],
) -> Reward:
    """Rewards beta J'(nu) for the right answer, that of column `truth`: `rewards.ground_truth`.

    The column is read as completions are, by kind=.  Of the keywords of tables it takes dyadic only.

    >>> ground_truth()(["2+2?"] * 3, ["it is 4", "5", "none"], group_id=[0] * 3, answer=["4"] * 3)
    [1.0, 0.0, 0.0]
    """
    arguments = {"objective": objective, "k": k, "beta": beta}
    return _made("ground_truth", arguments, keywords, truth=truth)


def coherence(
    *,
    orbit_size: int,
    ties: Literal["all", "least"] = "all",
    beta: float = 1.0,
    **keywords: Unpack[OrbitKeywords],
) -> Reward:
    """Rewards beta for the mode of the answers of an orbit of `orbit_size` prompts: `rewards.coherence`.

    orbit_size=1 is the majority vote of a group.

    >>> coherence(orbit_size=1)(["?"] * 3, ["7", "7", "3"], group_id=[1, 1, 1])
    [1.0, 1.0, 0.0]
    """
    return _made("coherence", {"ties": ties, "beta": beta}, keywords, orbit_size)


def soft_consistency(
    *,
    orbit_size: int,
    mean: Literal["arithmetic", "geometric"] = "arithmetic",
    beta: float = 1.0,
    **keywords: Unpack[OrbitKeywords],
) -> Reward:
    """Rewards beta log of the mean of nu(z) over the prompts of an orbit: `rewards.soft_consistency`.

    >>> reward = soft_consistency(orbit_size=2, mean="geometric", table="log_count", dyadic=False)
    >>> found = reward(
    ...     ["2+2?"] * 4 + ["two and two?"] * 4, list("77737337"),
    ...     group_id=[0] * 4 + [1] * 4, orbit_id=[0] * 8,
    ... )
    >>> [round(r, 3) for r in found]
    [-0.255, -0.255, -0.255, -0.805, -0.314, -0.661, -0.661, -0.314]
    """
    return _made("soft_consistency", {"mean": mean, "beta": beta}, keywords, orbit_size)


def pairwise(
    *,
    orbit_size: int,
    fuzzy: bool = False,
    encode: Callable[[list[str]], Any] | None = None,
    distance: Callable[[list[str]], Any] | None = None,
    include_self: bool = True,
    beta: float = 1.0,
    **keywords: Unpack[OrbitKeywords],
) -> Reward:
    """Rewards beta times the mean agreement of a trace with those of its orbit: `rewards.pairwise`.

    Without fuzzy=, encode= or distance= answers agree where they are equal; with one of them whole
    completions are compared, by every process all of them, and kind= is not used.

    >>> pairwise(orbit_size=1)(["?"] * 4, ["7", "7", "3", None], group_id=[0] * 4)
    [0.5, 0.5, 0.25, None]
    """
    ways = {"fuzzy": fuzzy, "encode": encode, "distance": distance}
    arguments = {**ways, "include_self": include_self, "beta": beta}
    return _made("pairwise", arguments, keywords, orbit_size, texts=any(ways.values()))


def safety(
    cost: Callable[[str], Any], multiplier: rewards.Multiplier, *, name: str | None = None
) -> SafetyReward:
    """The reward -lambda cost(completion) of `SafetyReward`."""
    return SafetyReward(cost, multiplier, name)


def _made(
    form: str,
    arguments: Mapping[str, Any],
    keywords: Mapping[str, Any],
    orbit_size: int | None = None,
    truth: str | None = None,
    texts: bool = False,
) -> Reward:
    """The reward, and how it reads a batch; orbit_size is None for one that knows no orbits."""
    for what, n in (
        ("orbit_size", orbit_size),
        ("num_generations", keywords.get("num_generations")),
    ):
        if n is not None and (isinstance(n, bool) or not isinstance(n, int) or n < 1):
            raise InvalidReward(f"{what} is {n!r}: expected a whole number of at least 1")
    known = (OrbitKeywords if orbit_size else Keywords).__annotations__
    unknown = [name for name in keywords if name not in known]
    if unknown:
        raise TypeError(f"keyword {', '.join(unknown)}: expected some of {', '.join(known)}")
    given = dict(keywords)
    orbit = given.pop("orbit", "orbit_id") if orbit_size else None
    reading = Reading(
        group=given.pop("group", "group_id"),
        kind=given.pop("kind", "auto"),
        reader={name: given.pop(name) for name in READER if name in given},
        gather=given.pop("gather", "auto"),
        num_generations=given.pop("num_generations", None),
        orbit=orbit if orbit_size and orbit_size > 1 else None,
        orbit_size=orbit_size or 0,
        broken=given.pop("broken", "raise") if orbit_size else "raise",
        truth=truth,
        texts=texts,
    )
    if reading.broken not in BROKEN or not any(reading.gather is way for way in GATHER):
        raise InvalidReward(
            f"broken is {reading.broken!r}, gather {reading.gather!r}: expected raise or exclude, and "
            '"auto", True or False'
        )
    return Reward(form, arguments, reading, {"dyadic": True, **given})


def _named(form: str, settings: Mapping[str, Any], reading: Reading) -> str:
    """The form and all settings that are not the usual ones."""
    parts = [
        f"{key}{word(value)}"
        for key, value in sorted(settings.items())
        if not any(value is usual or value == usual for usual in USUAL.get(key, (None,)))
    ]
    read_as = {
        "column": (reading.group, "group_id"),
        "orbit": (reading.orbit or "orbit_id", "orbit_id"),
        "size": (reading.orbit_size, 0),
        "kind": (reading.kind, "auto"),
        **{name: (value, None) for name, value in reading.reader.items()},
        "G": (reading.num_generations, None),
        "gather": (reading.gather, "auto"),
        "broken": (reading.broken, "raise"),
        "truth": (reading.truth or "answer", "answer"),
    }
    parts += [f"{key}{word(value)}" for key, (value, but) in read_as.items() if value != but]
    return "-".join([form, *parts])


def __getattr__(name: str) -> Any:
    if name == "MultiplierCallback":  # needs transformers
        from polyest.integrations.trl_multiplier import MultiplierCallback

        return MultiplierCallback
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

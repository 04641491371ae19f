"""A reward function of TRL: how it is made from its keywords, and what it does with a batch."""

import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import nullcontext
from math import isnan
from numbers import Integral
from typing import Any

import numpy as np

from polyest.arrays import Bools, Floats
from polyest.errors import InvalidReward, NotInstalled, PolyestError, UnknownOption
from polyest.history.history import History
from polyest.integrations.correctness import WHERE
from polyest.integrations.earlier import history_of
from polyest.integrations.estimators import finite_in_float32
from polyest.integrations.judge import above_half, plain_function
from polyest.integrations.reader import pop_reader
from polyest.integrations.trl.batch import BROKEN, GATHER, Batch, read
from polyest.integrations.trl.keywords import GatedKeywords, Keywords, OrbitKeywords, RewardFunction
from polyest.integrations.trl.labels import Labels
from polyest.integrations.trl.logs import tables_of, tell
from polyest.integrations.trl.names import name_of
from polyest.integrations.trl.rows import Reading
from polyest.integrations.trl.setup import looked_at
from polyest.integrations.trl.trainer import Trainer, evaluated, read_as, trainer_of, values_of
from polyest.rewards.notices import forgotten
from polyest.rewards.registry import REWARDS, UNANSWERED
from polyest.values import shown, whole

# The size of the group on which a reward is tried, where the number of generations is not known.
TRIED = 34
# What else `where` may be; "all" and "right" say something in other interfaces, and name no column.
COLUMN = ', or the name of the column with right answers, such as "answer"'


class Reward:
    """Pay the completions of a batch, as a reward function of TRL.

    The functions of `polyest.integrations.trl` make it.  It raises TypeError, CountOutOfRange, InvalidAnswer,
    InvalidProblem, InvalidReward, NotInstalled, TableNotFound and UnknownOption, when it is made, for
    keywords that it does not take.

    Parameters
    ----------
    form : str
        The name of a reward of the registry.
    arguments : mapping
        What the reward's own function is called with, beside the answers.
    reading : Reading
        How a batch is read.
    options : mapping
        The options of the function that all rewards have, and `name`.
    """

    def __init__(
        self,
        form: str,
        arguments: Mapping[str, object],
        reading: Reading,
        options: Mapping[str, object],
    ) -> None:
        """The reward, which is tried on one group."""
        self.form, self.arguments, self.reading = form, dict(arguments), reading
        self.options = dict(options)
        name = self.options.pop("name", None)
        past: Any = self.options.pop("history", None)
        self.history: History | None = past
        self.listener: Callable[[Reward, Batch], None] | None = None
        looks = {} if self.history is None else {"history": looked_back(self.history, reading)}
        self.__name__ = name or name_of(form, {**self.arguments, **self.options, **looks}, reading)
        self.labels = Labels(reading.truth or "", reading.reader)
        self.checked: Any = None  # the configuration that `check` has seen
        self._try()

    def __call__(
        self, prompts: Sequence[object], completions: Iterable[object], **columns: object
    ) -> list[float | None]:
        """Pay the rows of this process, which is a collective call where groups are gathered.

        Parameters
        ----------
        prompts : sequence (N,)
            The prompts, each a text or messages.
        completions : sequence (N,)
            The completions, each a text, messages or None.
        **columns : object
            The columns of the dataset, each (N,), and what else TRL passes.

        Returns
        -------
        list of (float or None), (N,)
            The rewards; None for a completion that is left out.

        Raises
        ------
        BrokenBatch
            If the rows are not the groups that are expected.
        BrokenOrbit
            If an orbit arrives without all its prompts, or is not that of all rows of a prompt.
        CountOutOfRange
            If a group is too small for its table.
        InvalidAnswer
            If a completion cannot be read, or no right answer of the dataset.
        InvalidReward
            If a reward is not finite, or completions cannot be compared; on the first call also what `check`
            raises, if the trainer is found.
        MissingColumn
            If the dataset lacks a column.
        TableNotFound
            If no table is released for the size of a group.

        Warns
        -----
        UnreadableLabel
            If a right answer cannot be read, once.
        ScaleLost
            On the first call, as `check` does, if the trainer is found.
        AnotherObjective
            On the first call, as `check` does, if the trainer is found.
        """
        how, trainer = self.reading, trainer_of(columns)
        if trainer is not None:
            if self.checked is not trainer.args:
                looked_at(trainer.args, [self], len(trainer.reward_funcs), evaluated(trainer))
            how = read_as(how, trainer)
        batch = read(how, prompts, completions, columns)
        past = self.history if trainer is None or trainer.model.training else None
        paid = np.full(len(batch.groups), np.nan)
        kept = batch.kept
        if batch.truth is not None:
            paid, kept = self._labelled(batch, paid, columns, trainer)
        if kept.any():
            paid[kept] = self._paid(how, batch, kept, past)
        if self.listener is not None and past is not None:
            self.listener(self, batch)
        tables = tables_of(self.form, self.options, how.num_generations)
        tell(str(self.__name__), how, batch, paid, columns, tables, past)
        return [None if isnan(r) else r for r in paid[batch.mine].tolist()]

    @property
    def unread(self) -> int:
        """Rows so far of prompts whose right answer could not be read."""
        return self.labels.unread

    def __repr__(self) -> str:
        return f"<polyest reward {self.__name__}>"

    def __getstate__(self) -> dict[str, object]:
        return {**vars(self), "checked": None, "listener": None}

    def _labelled(
        self, batch: Batch, paid: Floats, columns: Mapping[str, object], trainer: Trainer | None
    ) -> tuple[Floats, Bools]:
        """Rewards with 0 where the right answer cannot be read, and which rows are left to pay."""
        assert batch.truth is not None
        name = str(self.reading.truth)
        others = () if trainer is None else values_of(trainer, name)
        values: Any = columns.get(name, ())
        self.labels.met(batch.truth, batch.groups, values, others)
        missing = self.labels.missing(batch.truth, batch.groups)
        log: Any = columns.get("log_metric")
        if log is not None:
            log(f"{self.__name__}/unread", float(missing.mean()))
        return np.where(missing, 0.0, paid), batch.kept & ~missing

    def _paid(self, how: Reading, batch: Batch, kept: Bools, past: History | None = None) -> Floats:
        """Rewards of the completions that are kept, which are whole groups, in their order."""
        G, given = how.num_generations, dict(self.arguments)
        shape = (-1, G) if G else (-1,)
        if not G:
            given["groups"] = batch.groups[kept]
        if past is not None:
            given |= {"history": past, "prompts": batch.prompts[kept][:: G or 1]}
        if how.orbit_size:
            given["orbits"] = batch.orbits[kept][:: G or 1]
        answers = batch.answers[kept].reshape(shape)
        if batch.truth is not None:
            truth = batch.truth[kept].reshape(shape)
            given |= {"where": answers == truth} if how.gated else {"truth": truth}
        if batch.judged is not None:
            given["where"] = above_half("where", batch.judged[kept]).reshape(shape)
        if batch.prior is not None:
            given["prior"] = batch.prior[kept].reshape(shape)
        paid = REWARDS[self.form].function(answers, **given, **self.options).reshape(-1)
        return finite_in_float32(paid)

    def _try(self) -> None:
        """Raises now what the first batch would raise, whatever is in it."""
        G = self.reading.num_generations
        groups = np.repeat(np.arange(self.reading.orbit_size or 1), G or TRIED)
        one = 0 * groups
        texts: Any = np.array([None] * len(groups), object) if self.reading.texts else one.copy()
        truth = one if self.reading.truth else None
        judged = np.ones(len(groups)) if self.reading.judge else None
        prior = np.zeros(len(groups)) if self.reading.prior else None
        if (
            self.reading.everywhere
        ):  # the caller's function is tried on a completion without an answer too
            texts[-1] = -1
        batch = Batch(groups, one, texts, truth, one == 0, slice(None), groups, judged, prior)
        past = None if self.history is None else History(stable_ids=True)
        later = [] if past is None or G is None else _visited(self.history, G)
        try:
            with warnings.catch_warnings(), nullcontext() if G else forgotten():
                if G is None:  # a warning of a group size that is only a guess would mislead
                    warnings.simplefilter("ignore")
                self._paid(self.reading, batch, one == 0, past)
                for past in later:
                    self._paid(self.reading, batch, one == 0, past)
        except PolyestError as error:
            if G is not None or isinstance(error, InvalidReward | NotInstalled | UnknownOption):
                raise


def build(
    form: str,
    arguments: Mapping[str, object],
    keywords: Mapping[str, object],
    orbit_size: int | None = None,
    truth: str | None = None,
    texts: bool = False,
    prior: object = None,
) -> Reward:
    """The reward of a form, with these arguments and keywords.

    orbit_size: prompts of an orbit, None for a reward that is not over orbits.
    truth: the column with the right answers, for a reward that needs them.
    texts: whether whole completions are compared in place of answers.
    prior: the function of log Q, for a reward that needs it.

    Raises TypeError for a keyword that is unknown, InvalidReward for a bad value.
    """
    for what, n in (
        ("orbit_size", orbit_size),
        ("num_generations", keywords.get("num_generations")),
    ):
        if n is not None and not whole(n, 1):
            raise InvalidReward(f"{what} is {shown(n)}: expected a whole number of at least 1")
    gated = REWARDS[form].gated
    known = (OrbitKeywords if orbit_size else GatedKeywords if gated else Keywords).__annotations__
    unknown = [name for name in keywords if name not in known]
    if unknown:
        raise TypeError(
            f"unknown keyword {', '.join(unknown)}: expected some of {', '.join(known)}"
        )
    given: dict[str, Any] = dict(keywords)
    orbit = given.pop("orbit", "orbit_id") if orbit_size else None
    where = given.pop("where", None)
    if isinstance(where, str) and where not in WHERE:
        truth = where
    reading = Reading(
        group=given.pop("group", None),
        reader=pop_reader(given),
        gather=given.pop("gather", "auto"),
        num_generations=given.pop("num_generations", None),
        end_token=_tokens(given.pop("end_token", None)),
        orbit=orbit if orbit_size and orbit_size > 1 else None,
        orbit_size=orbit_size or 0,
        broken=given.pop("broken", "raise") if orbit_size else "raise",
        truth=truth,
        texts=texts,
        continued=given.get("history") is not None,
        gated=where is not None,
        judge=None if truth else _function("where", where, COLUMN),
        prior=_function("prior", prior),
        everywhere=form == "of_group" or prior is not None,
    )
    if reading.broken not in BROKEN or not any(reading.gather is way for way in GATHER):
        raise InvalidReward(
            f"broken is {shown(reading.broken)} and gather is {shown(reading.gather)}: expected "
            '"raise" or "exclude" for broken, and "auto", True or False for gather'
        )
    return Reward(form, arguments, reading, {"dyadic": True, "unanswered": UNANSWERED, **given})


def _function(name: str, value: object, also: str = "") -> RewardFunction | None:
    """A reward function of the caller's, checked; None where there is none."""
    if value is None:
        return None
    if not plain_function(value):
        raise InvalidReward(
            f"{name} is {shown(value)}: expected a function of prompts, completions and columns, as TRL "
            f"calls rewards, that is no coroutine{also}"
        )
    function: RewardFunction = value
    return function


def looked_back(past: object, reading: Reading) -> str:
    """How many visits a history looks back at, once it knows how its answers are read.

    Raises InvalidReward for what is no history, and where answers or batches are not the same for all of it,
    InvalidHistory where it is one of answers that are read in another way.
    """
    if reading.gather is False:
        raise InvalidReward(
            "gather is False with history: expected whole batches, so that it is the same in every process"
        )
    kept = history_of(past, reading.reader)
    return "auto" if kept.auto else str(kept.visits)


def _visited(past: History | None, G: int) -> list[History]:
    """Histories of prompt 0 after one visit of a group of G, after two, as far as one looks back."""
    if past is None or past.auto:  # "auto" looks at what has a table
        return []
    made = []
    for visits in range(1, past.visits + 1):
        draws = np.zeros(visits * min(G, past.answers), np.int64)
        made.append(History(stable_ids=True, answers=len(draws)))
        made[-1].record(draws, prompts=draws)
    return made


def _tokens(end: object) -> tuple[int, ...] | None:
    """The tokens that end a completion, given as one or several; None for those of the trainer."""
    if end is None:
        return None
    each = (end,) if isinstance(end, Integral) else end
    if not isinstance(each, Iterable) or isinstance(each, str | bytes):
        each = [each]
    tokens = tuple(each)
    if any(isinstance(token, bool) or not isinstance(token, Integral) for token in tokens):
        raise InvalidReward(
            f"end_token is {shown(end)}: expected the number of a token, such as tokenizer.eos_token_id, or "
            "several"
        )
    return tuple(int(token) for token in tokens)

"""A reward function of TRL: its keywords, how it is made from them, and what it does with a batch."""

import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from math import isnan
from numbers import Integral
from typing import Any, Literal

import numpy as np

from polyest.arrays import Bools, Floats
from polyest.errors import InvalidReward, NotInstalled, PolyestError, UnknownOption
from polyest.history.history import History
from polyest.integrations.estimators import finite_in_float32
from polyest.integrations.reader import Answering, pop_reader
from polyest.integrations.trl.batch import BROKEN, GATHER, Batch, read
from polyest.integrations.trl.labels import Labels
from polyest.integrations.trl.logs import tables_of, tell
from polyest.integrations.trl.names import name_of, word
from polyest.integrations.trl.rows import Reading
from polyest.integrations.trl.setup import looked_at
from polyest.integrations.trl.trainer import Trainer, evaluated, read_as, trainer_of, values_of
from polyest.problem.criteria import Name
from polyest.rewards.registry import REWARDS, UNANSWERED
from polyest.values import shown, whole

# The size of the group on which a reward is tried, where the number of generations is not known.
TRIED = 34


class Keywords(Answering, total=False):
    """Keywords that the rewards have in common, beside those of `reader.Answering`.

    Attributes
    ----------
    group : str
        The column with the id of a row's prompt, whole numbers or texts; "group_id" by default.  It is not
        needed where the number of generations is known: then rows that follow each other are a group.
    num_generations : int or None
        The number G, where the trainer cannot be found, or to have it compared with the trainer's.  Every G
        rows that follow each other are a group of their own, so that an id that is drawn twice makes two
        groups, and any other size is an error.  In evaluation it is the trainer's `num_generations_eval`.
    end_token : int, iterable of int or None
        The token that ends a completion, or several.  A completion that ends in none of them was cut, and is
        no answer.  By default those of the trainer, where it masks completions that were cut; () reads all.
    gather : {"auto", True, False}
        Whether groups are counted over all processes: "auto" (default) does so if there is a process group,
        True insists on one, and False counts the rows of this process.
    name : str
        The reward's `__name__`, under which TRL logs it; made from the other keywords by default.
    criterion : str
        As in `rewards.Options`.
    bias : float
        As in `rewards.Options`.
    bias_ratio : float
        As in `rewards.Options`.
    noise : float
        As in `rewards.Options`.
    table : Table or str
        As in `rewards.Options`.
    history : History
        Earlier completions of each prompt, counted too in training; `HistoryCallback` records them.  Prompts
        are told apart by the column of groups, or else by their text.
    dyadic : bool
        As in `rewards.Options`, but True by default.
    unanswered : {"exclude", "lowest"}
        As in `rewards.Options`, but "lowest" by default; "exclude" pays None.
    """

    group: str
    num_generations: int | None
    end_token: int | Iterable[int] | None
    gather: str | bool
    name: str
    criterion: Name
    bias: float
    bias_ratio: float
    noise: float
    table: Any
    history: History | None
    dyadic: bool
    unanswered: Literal["exclude", "lowest"]


class OrbitKeywords(Keywords, total=False):
    """Keywords of rewards over an orbit of prompts, beside those of `Keywords`.

    Attributes
    ----------
    orbit : str
        The column with the id of a row's orbit, "orbit_id" by default; not read if `orbit_size` is 1.
    broken : {"raise", "exclude"}
        What to do with an orbit that arrives without all its prompts: "raise" (default), or "exclude", which
        pays None.  Evaluation cuts orbits if its batch is not the whole data set.
    """

    orbit: str
    broken: Literal["raise", "exclude"]


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
        if batch.truth is not None:
            given["truth"] = batch.truth[kept].reshape(shape)
        answers = batch.answers[kept].reshape(shape)
        paid = REWARDS[self.form].function(answers, **given, **self.options).reshape(-1)
        return finite_in_float32(paid)

    def _try(self) -> None:
        """Raises now what the first batch would raise, whatever is in it."""
        G = self.reading.num_generations
        groups = np.repeat(np.arange(self.reading.orbit_size or 1), G or TRIED)
        one = 0 * groups
        texts: Any = np.array([None] * len(groups), object) if self.reading.texts else one
        truth = one if self.reading.truth else None
        batch = Batch(groups, one, texts, truth, one == 0, slice(None), groups)
        past = None if self.history is None else History(stable_ids=True)
        later = [] if past is None or G is None else _visited(self.history, G)
        try:
            with warnings.catch_warnings():
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
) -> Reward:
    """The reward of a form, with these arguments and keywords.

    orbit_size: prompts of an orbit, None for a reward that is not over orbits.
    truth: the column with the right answers, for a reward that needs them.
    texts: whether whole completions are compared in place of answers.

    Raises TypeError for a keyword that is unknown, InvalidReward for a bad value.
    """
    for what, n in (
        ("orbit_size", orbit_size),
        ("num_generations", keywords.get("num_generations")),
    ):
        if n is not None and not whole(n, 1):
            raise InvalidReward(f"{what} is {shown(n)}: expected a whole number of at least 1")
    known = (OrbitKeywords if orbit_size else Keywords).__annotations__
    unknown = [name for name in keywords if name not in known]
    if unknown:
        raise TypeError(
            f"unknown keyword {', '.join(unknown)}: expected some of {', '.join(known)}"
        )
    given: dict[str, Any] = dict(keywords)
    orbit = given.pop("orbit", "orbit_id") if orbit_size else None
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
    )
    if reading.broken not in BROKEN or not any(reading.gather is way for way in GATHER):
        raise InvalidReward(
            f"broken is {shown(reading.broken)} and gather is {shown(reading.gather)}: expected "
            '"raise" or "exclude" for broken, and "auto", True or False for gather'
        )
    return Reward(form, arguments, reading, {"dyadic": True, "unanswered": UNANSWERED, **given})


def looked_back(past: object, reading: Reading) -> str:
    """How many visits a history looks back at, once it knows how its answers are read.

    Raises InvalidReward for what is no history, and where answers or batches are not the same for all of it,
    InvalidHistory where it is one of answers that are read in another way.
    """
    if not isinstance(past, History):
        raise InvalidReward(f"history is {shown(past)}: expected a polyest.History")
    if reading.reader.equivalence is not None:
        raise InvalidReward(
            "equivalence with history: expected none, as it joins answers of one batch only; give a kind "
            "that reads equal answers alike"
        )
    if reading.gather is False:
        raise InvalidReward(
            "gather is False with history: expected whole batches, so that it is the same in every process"
        )
    reader = reading.reader
    read = [f"{name}={word(value)}" for name, value in sorted(reader.options.items())]
    past.read_as(", ".join([word(reader.kind), *read]))
    return "auto" if past.auto else str(past.visits)


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

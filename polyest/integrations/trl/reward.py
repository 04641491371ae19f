"""A reward function of TRL: its keywords, how it is built from them, and what it does with a batch."""

import warnings
from collections.abc import Iterable, Mapping
from math import isnan
from numbers import Integral
from typing import Any, Literal

import numpy as np

from polyest.errors import InvalidReward, NotInstalled, PolyestError, UnknownOption
from polyest.integrations.estimators import finite_in_float32
from polyest.integrations.reader import Answering, pop_reader
from polyest.integrations.trl.batch import BROKEN, GATHER, Batch, read
from polyest.integrations.trl.labels import Labels
from polyest.integrations.trl.names import name_of
from polyest.integrations.trl.rows import Reading
from polyest.integrations.trl.setup import looked_at
from polyest.integrations.trl.trainer import evaluated, read_as, trainer_of, values_of
from polyest.rewards.registry import REWARDS, UNANSWERED
from polyest.values import shown

# Completions of the group on which a reward is tried where it is not known how many there are.
TRIED = 34


class Keywords(Answering, total=False):
    """Keywords that the rewards have in common, beside those of `reader.Answering`.

    Further ones are those of `rewards.Options`.

    group: the column with the id of a row's prompt, whole numbers or texts; "group_id" by default, which
    is not needed where the number of generations is known: rows that follow each other are a group then.
    num_generations: G, where the trainer cannot be found, or to have it compared with the trainer's; every
    G rows that follow each other are a group of their own, so that an id that is drawn twice makes two
    groups, and any other size is an error.  In evaluation it is the trainer's num_generations_eval.
    end_token: the token that ends a completion, or several; one that ends in none of them was cut and is
    no answer.  By default those of the trainer, where it masks what was cut; () reads all.
    gather: "auto" (default) counts groups over all processes where a process group is up, True insists
    on one, False counts the rows of this process.
    name: the reward's __name__, under which TRL logs it; made from the other keywords by default.
    criterion, bias, bias_ratio, noise, table, dyadic (True by default), unanswered ("lowest" by default;
    "exclude" pays None): as in `rewards.Options`.
    """

    group: str
    num_generations: int | None
    end_token: int | Iterable[int] | None
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
    with groups= where num_generations is not known.  unread: rows so far whose right answer could not be
    read (`labels.Labels`).  Made by the functions of `polyest.integrations.trl`.  Raises TypeError,
    InvalidAnswer and InvalidReward for keywords that it does not take, and NotInstalled, on construction;
    BrokenBatch, BrokenOrbit, CountOutOfRange, InvalidAnswer, InvalidReward, MissingColumn and TableNotFound
    when called with what cannot be counted or compared; on its first call what `check` does, if it finds
    its trainer.
    """

    def __init__(
        self, form: str, arguments: Mapping[str, Any], reading: Reading, options: Mapping[str, Any]
    ) -> None:
        """The reward, tried on a group once."""
        self.form, self.arguments, self.reading = form, dict(arguments), reading
        self.options = dict(options)
        name = self.options.pop("name", None)
        self.__name__ = name or name_of(form, {**self.arguments, **self.options}, reading)
        self.labels = Labels(reading.truth or "", reading.reader)
        self.checked: Any = None  # the configuration that was looked at
        self._try()

    def __call__(self, prompts: Any, completions: Any, **columns: Any) -> list[float | None]:
        """Rewards of the rows of this process; a collective call where groups are gathered."""
        how, trainer = self.reading, trainer_of(columns)
        if trainer is not None:
            if self.checked is not trainer.args:
                looked_at(trainer.args, [self], len(trainer.reward_funcs), evaluated(trainer))
            how = read_as(how, trainer)
        batch = read(how, prompts, completions, columns)
        paid = np.full(len(batch.groups), np.nan)
        kept = batch.kept
        if batch.truth is not None:
            paid, kept = self._labelled(batch, paid, columns, trainer)
        if kept.any():
            paid[kept] = self._paid(how, batch, kept)
        return [None if isnan(r) else r for r in paid[batch.mine].tolist()]

    @property
    def unread(self) -> int:
        """Rows so far of prompts whose right answer could not be read."""
        return self.labels.unread

    def __repr__(self) -> str:
        return f"<polyest reward {self.__name__}>"

    def __getstate__(self) -> dict[str, Any]:
        return {**vars(self), "checked": None}

    def _labelled(
        self, batch: Batch, paid: Any, columns: Mapping[str, Any], trainer: Any
    ) -> tuple[Any, Any]:
        """Rewards where a prompt has no right answer that can be read: 0; and which rows are left."""
        assert batch.truth is not None
        name = str(self.reading.truth)
        others = () if trainer is None else values_of(trainer, name)
        self.labels.met(batch.truth, batch.groups, columns.get(name, ()), others)
        missing = self.labels.missing(batch.truth, batch.groups)
        log = columns.get("log_metric")
        if log is not None:
            log(f"{self.__name__}/unread", float(missing.mean()))
        return np.where(missing, 0.0, paid), batch.kept & ~missing

    def _paid(self, how: Reading, batch: Batch, kept: Any) -> Any:
        """Rewards of the completions kept, whole groups: rows (prompts, G) where G is known."""
        G, given = how.num_generations, dict(self.arguments)
        shape = (-1, G) if G else (-1,)
        if not G:
            given["groups"] = batch.groups[kept]
        if how.orbit_size:
            given["orbits"] = batch.orbits[kept][:: G or 1]
        if batch.truth is not None:
            given["truth"] = batch.truth[kept].reshape(shape)
        answers = batch.answers[kept].reshape(shape)
        found = REWARDS[self.form].function(answers, **given, **self.options).reshape(-1)
        return finite_in_float32(found)

    def _try(self) -> None:
        """Raises now what would be raised at the first batch, whatever is in it."""
        G = self.reading.num_generations
        groups = np.repeat(np.arange(self.reading.orbit_size or 1), G or TRIED)
        one = 0 * groups
        texts: Any = np.array([None] * len(groups), object) if self.reading.texts else one
        truth = one if self.reading.truth else None
        batch = Batch(groups, one, texts, truth, one == 0, slice(None))
        try:
            with warnings.catch_warnings():
                if G is None:  # what a guess of ours is warned of is none of theirs
                    warnings.simplefilter("ignore")
                self._paid(self.reading, batch, one == 0)
        except PolyestError as error:
            if G is not None or isinstance(error, InvalidReward | NotInstalled | UnknownOption):
                raise


def build(
    form: str,
    arguments: Mapping[str, Any],
    keywords: Mapping[str, Any],
    orbit_size: int | None = None,
    truth: str | None = None,
    texts: bool = False,
) -> Reward:
    """The reward of these keywords, with how it reads a batch; orbit_size is None for one without orbits."""
    for what, n in (
        ("orbit_size", orbit_size),
        ("num_generations", keywords.get("num_generations")),
    ):
        if n is not None and (isinstance(n, bool) or not isinstance(n, int) or n < 1):
            raise InvalidReward(f"{what} is {shown(n)}: expected a whole number of at least 1")
    known = (OrbitKeywords if orbit_size else Keywords).__annotations__
    unknown = [name for name in keywords if name not in known]
    if unknown:
        raise TypeError(f"keyword {', '.join(unknown)}: expected some of {', '.join(known)}")
    given = dict(keywords)
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
    )
    if reading.broken not in BROKEN or not any(reading.gather is way for way in GATHER):
        raise InvalidReward(
            f"broken is {shown(reading.broken)}, gather {shown(reading.gather)}: expected raise or exclude, "
            'and "auto", True or False'
        )
    return Reward(form, arguments, reading, {"dyadic": True, "unanswered": UNANSWERED, **given})


def _tokens(end: Any) -> tuple[int, ...] | None:
    """Tokens that end a completion, one or several; None for those of the trainer."""
    if end is None:
        return None
    each = (end,) if isinstance(end, Integral) else end
    if not isinstance(each, Iterable) or isinstance(each, str | bytes):
        each = [each]
    found = tuple(each)
    if any(isinstance(token, bool) or not isinstance(token, Integral) for token in found):
        raise InvalidReward(
            f"end_token is {shown(end)}: expected the number of a token, such as tokenizer.eos_token_id, or "
            "several"
        )
    return tuple(int(token) for token in found)

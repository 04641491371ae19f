"""The registry has one row per reward: what it needs, which options it has, and where it is offered.

Trainers' integrations take names, options and defaults from these rows, and tests run over them.  A row
contains what cannot be read from the function of the reward; the names and defaults of its options are read
from there.  `polyest.rewards` does not import this module, so that a single reward loads fast.

Three interfaces offer rewards by name:

    "trl"           the functions of `polyest.integrations.trl`
    "estimators"    advantage estimators for trainers that pass ids of answers: verl, SkyRL, rLLM
    "groups"        `GroupReward`, for trainers that hand over the texts of a group: slime, ART, tinker, ...
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from inspect import Parameter, signature
from numbers import Real
from typing import Any, Literal, SupportsIndex

from polyest.rewards.agreement import pairwise
from polyest.rewards.consensus import coherence, soft_consistency
from polyest.rewards.custom import of_counts, of_group, parsed_entries
from polyest.rewards.multiplier import safety
from polyest.rewards.options import EXCLUDE, LOWEST, TABLES
from polyest.rewards.probability import (
    log_probability,
    of_powers,
    pass_at,
    polynomial,
    tsallis,
)
from polyest.rewards.rarity import diversity
from polyest.rewards.verifiable import ground_truth, standard
from polyest.values import whole

INTERFACES = ("trl", "estimators", "groups")
# What integrations do with a completion without answer, unless they are told otherwise.
UNANSWERED = LOWEST
REQUIRED = Parameter.empty  # the default of an option that has none
# Arguments with an entry for each completion, prompt or orbit: data, not options.
DATA = ("answers", "truth", "prior", "orbits", "scores", "costs")

# Why an interface lacks a reward.
NOT_YET = "not implemented yet"
ONE_PROMPT = "it needs an orbit, and a group is a single prompt"
NO_FUNCTION = "a configuration cannot hold a function"
NO_COUNTS = "it uses no counts; give the trainer the score itself"


def one_draw(options: Mapping[str, object]) -> int:
    """The fewest draws of a reward for which any table will do."""
    return 1


def degree(options: Mapping[str, Any]) -> int:
    """The fewest draws from which a polynomial has an unbiased estimate."""
    return len(of_powers(options["coefficients"])[1]) - 1


def tsallis_degree(options: Mapping[str, object]) -> int:
    """The same of a Tsallis logarithm, which is a polynomial where its order is an integer."""
    q = options["q"]
    return int(float(q)) - 1 if isinstance(q, Real) and float(q).is_integer() else 1


def tries(options: Mapping[str, object]) -> int:
    """The fewest draws of pass@k: the k completions that may try."""
    k = options.get("k")
    return int(k) if isinstance(k, SupportsIndex) and whole(k, 1) else 1


def other_tries(options: Mapping[str, object]) -> int:
    """The same of a right answer, whose own completion is one of the k that may try."""
    return max(tries(options) - 1, 1)


def entries_given(options: Mapping[str, Any]) -> int:
    """The draws K for which the caller gave entries; for a function any will do."""
    given = options["entries"]
    return 1 if callable(given) else len(parsed_entries(given)) - 1


@dataclass(frozen=True, eq=False)
class Reward:
    """A row of the registry.

    function: of `polyest.rewards`; the reward has its name in every interface.
    meaning: what a completion earns, in one sentence.
    table: "released" where counts are looked up in a released table or the caller's, "exact" where the
        estimate is a formula in K and the count, None where nothing depends on K.
    unanswered: the default of that option in `polyest.rewards`; None where no answers are read.
    least_draws: options -> the fewest draws K with which the reward can be paid.
    texts: options that compare the texts themselves, for interfaces that have them.
    lacking: an interface, or data that none of them passes -> why.
    gated: whether it takes where= and bonus=, so that only right completions are paid.
    """

    function: Callable[..., Any]
    meaning: str
    table: Literal["released", "exact"] | None
    unanswered: str | None = EXCLUDE
    least_draws: Callable[[Mapping[str, Any]], int] = one_draw
    texts: tuple[str, ...] = ()
    lacking: Mapping[str, str] = field(default_factory=dict)
    gated: bool = False

    @property
    def name(self) -> str:
        """The name in every interface."""
        return self.function.__name__

    @cached_property
    def data(self) -> tuple[str, ...]:
        """Arguments of its function that are data."""
        return tuple(name for name in self._parameters if name in DATA)

    @cached_property
    def options(self) -> dict[str, object]:
        """Its own options and their defaults, `REQUIRED` where there is none; beta is every reward's."""
        others = {*DATA, "beta"}
        return {n: p.default for n, p in self._parameters.items() if n not in others}

    @property
    def required(self) -> tuple[str, ...]:
        """Options without default."""
        return tuple(name for name, default in self.options.items() if default is REQUIRED)

    @property
    def visited(self) -> bool:
        """Whether earlier completions can be counted too, a history."""
        return self.table is not None and not self.orbits

    @property
    def labelled(self) -> bool:
        """Whether it is paid for the right answer alone, which has to be known."""
        return "truth" in self.data

    @property
    def orbits(self) -> bool:
        """Whether it is paid over an orbit of prompts."""
        return "orbits" in self.data

    def offered(self, interface: str) -> tuple[str, ...]:
        """Its own options that an interface takes, and those that say which table."""
        hidden = self.texts if interface == "estimators" else ()
        own = (name for name in self.options if name not in hidden)
        return (*own, *(TABLES if self.table == "released" else ()))

    @cached_property
    def _parameters(self) -> dict[str, Parameter]:
        parameters = signature(self.function).parameters
        return {n: p for n, p in parameters.items() if p.kind is not Parameter.VAR_KEYWORD}


ROWS = (
    Reward(
        log_probability,
        "The logarithm of the probability of the answer.",
        "released",
        gated=True,
    ),
    Reward(
        diversity,
        "Rare answers earn more: minus the logarithm of the probability, or one minus the probability.",
        "released",
        gated=True,
    ),
    Reward(
        tsallis,
        "The Tsallis logarithm of order q of the probability of the answer.",
        "released",
        least_draws=tsallis_degree,
        gated=True,
    ),
    Reward(
        polynomial,
        "A polynomial of the probability of the answer, without bias.",
        "exact",
        least_draws=degree,
        gated=True,
    ),
    Reward(
        pass_at,
        "The probability that one of k completions has the answer, without bias.",
        "exact",
        least_draws=tries,
        gated=True,
    ),
    Reward(
        of_counts,
        "A function of the count of the answer that you supply.",
        "exact",
        least_draws=entries_given,
        gated=True,
    ),
    Reward(
        of_group,
        "A function of all counts of the group that you supply, for which no theorem holds.",
        None,
        lacking={"estimators": NO_FUNCTION},
        gated=True,
    ),
    Reward(
        ground_truth,
        "The derivative of accuracy, of its logarithm or of pass@k for the right answer; 0 for others.",
        "exact",
        unanswered=LOWEST,
        least_draws=other_tries,
    ),
    Reward(
        standard,
        "A given score, unchanged.",
        None,
        unanswered=None,
        lacking=dict.fromkeys(INTERFACES, NO_COUNTS),
    ),
    Reward(
        coherence,
        "1 for the answer that occurs most often in the orbit, 0 for others.",
        None,
    ),
    Reward(
        soft_consistency,
        "The logarithm of the mean over the orbit of the probabilities of the answer.",
        "released",
        lacking={"groups": ONE_PROMPT},
    ),
    Reward(
        pairwise,
        "The mean agreement with the completions of the orbit.",
        None,
        texts=("fuzzy", "encode", "distance"),
    ),
    Reward(
        safety,
        "Minus the completion's costs, times the Lagrange multipliers of their budgets.",
        None,
        unanswered=None,
        lacking={"estimators": NOT_YET, "groups": NOT_YET},
    ),
)
REWARDS = {row.name: row for row in ROWS}


def offered(interface: str) -> dict[str, Reward]:
    """The rewards that an interface offers, by name.

    >>> [*offered("groups")][:4]
    ['log_probability', 'diversity', 'tsallis', 'polynomial']
    """
    return {name: row for name, row in REWARDS.items() if interface not in row.lacking}

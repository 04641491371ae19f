"""numpy and torch are twins: every public function of counts, rewards and advantages, of every type.

One call goes to both, of the same numbers in the same type.  What comes out has the same numbers, of the
kind and type that is promised, or is the same error with the same words.
"""

import inspect
from functools import partial
from typing import NamedTuple

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from samples import required

from polyest import advantages, counts, rewards
from polyest.errors import PolyestError
from polyest.rewards.registry import REWARDS

INTEGERS = ("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64")
FLOATS = ("float16", "bfloat16", "float32", "float64")
TYPES = (*INTEGERS, "bool", *FLOATS, "complex64")
FEW = ("float16", "bfloat16", "float32")  # torch gives float32 of these

# Numbers: those that low precision rounds or sums to an infinity, those that no reward may be.
NUMBERS = (0.0, -0.0, 1.0, 1.0078125, -0.3, 2.5, 60000.0, -60000.0, 3e38, -3e38, 1e20, 1e-20, 1e300)
ODD = (np.nan, np.inf, -np.inf)


class Both(NamedTuple):
    """One argument in both libraries."""

    array: np.ndarray
    tensor: torch.Tensor


class Twins:
    """Arguments for both libraries, drawn from a seed; kind is the type of the first."""

    def __init__(self, seed, kind):
        """Nothing drawn yet."""
        self.rng, self.kind = np.random.default_rng(seed), kind

    def array(self, values, kind=None):
        """An argument whose values are in a type, or as near to them as it has any."""
        kind = kind or self.kind
        with np.errstate(all="ignore"):
            if kind == "bfloat16":  # numpy has none: the same numbers in float64
                tensor = torch.tensor(np.asarray(values, np.float64)).to(torch.bfloat16)
                array = tensor.double().numpy()
            else:
                array = np.asarray(values).astype(kind)
                tensor = torch.from_numpy(array.copy())
        return Both(array, tensor)

    def answers(self, *shape):
        return self.rng.choice([-1, 0, 1, 2, 3], shape)

    def numbers(self, *shape):
        """Numbers and nan; now and then only those of no trouble, or an infinity too."""
        known = {0: (*NUMBERS, *ODD), 1: NUMBERS}.get(self.rng.integers(6), (*NUMBERS[:7], np.nan))
        return self.rng.choice(known, shape)

    def shape(self, most=6):
        return self.pick(1, 2, 3), self.pick(*range(1, most + 1))

    def pick(self, *values):
        return values[self.rng.integers(len(values))]


def of_answers(function, *more, but=(), **fixed):
    """How a reward from counts is called: of (prompts, G) or flat with groups, with drawn options."""

    def call(twins):
        prompts, G = twins.shape()
        given = dict(fixed)
        if twins.pick(True, False):
            values = twins.answers(prompts * G)
            ids = np.repeat(np.arange(prompts), G)
            if twins.pick(True, False, False):
                ids = twins.answers(prompts * G)
            given["groups"] = twins.array(ids, twins.pick("int64", "uint8", "float32"))
        else:
            values = twins.answers(prompts, G)
            if "counting" not in but and twins.pick(True, False, False):
                given["counting"] = "independent"
                given["reference"] = twins.array(
                    twins.answers(prompts, twins.pick(1, 4)), twins.pick("int64", "int16", "bool")
                )
        for name, choice in {
            "baseline": ("group-mean", "none", "exact", "median"),
            "unanswered": ("exclude", "lowest"),
            "dyadic": (True, False),
            "beta": (1.0, 0.3),
            "no_answer": (-1, 0),
        }.items():
            if name not in but and twins.pick(True, False):
                given[name] = twins.pick(*choice)
        answers = twins.array(values)
        return function, (answers, *(one(twins, values) for one in more)), given

    return call


def with_required(name):
    """The function of a reward with the options that it cannot be without."""
    return partial(REWARDS[name].function, **required(name))


def truth(twins, values):
    drawn = values[..., 0] if values.ndim == 2 and twins.pick(True, False) else values
    return twins.array(drawn, twins.pick("int64", "int8", "float64"))


def exploring(function):
    call = of_answers(function, measure="exploration")

    def with_prior(twins):
        function, args, given = call(twins)
        shape = args[0].array.shape
        prior = -np.abs(twins.numbers(*shape))
        return function, args, {**given, "prior": twins.array(prior, twins.pick(*TYPES))}

    return with_prior


def over_orbits(function, **fixed):
    """How a reward over orbits is called, in its layouts."""

    def call(twins):
        (orbits, m), G = twins.shape(3), twins.pick(1, 3, 4)
        given = {**fixed}
        for name, choice in {"unanswered": ("exclude", "lowest"), "dyadic": (True, False)}.items():
            if twins.pick(True, False):
                given[name] = twins.pick(*choice)
        values = twins.answers(orbits, m, G)
        if twins.pick(True, False):
            values = values.reshape(orbits * m, G)
            ids = np.tile(np.arange(orbits), m)
            given["orbits"] = twins.array(ids, twins.pick("int64", "int8", "float32"))
        return function, (twins.array(values),), given

    return call


def of_rewards(function, **fixed):
    """How an advantage is called: of (prompts, G), or flat with groups."""

    def call(twins):
        prompts, G = twins.shape()
        if twins.pick(True, False):
            ids = twins.answers(prompts * G)[: twins.pick(prompts * G, prompts * G, 1)]
            groups = twins.array(ids, twins.pick("int64", "int16", "float64"))
            return function, (twins.array(twins.numbers(prompts * G)),), {"groups": groups, **fixed}
        return function, (twins.array(twins.numbers(prompts, G)),), fixed

    return call


def exact(twins):
    prompts, G = twins.shape()
    answers = twins.answers(prompts, G)
    times, answered = counts.occurrences(answers)
    times = np.where(answered, times, 1) + twins.pick(0, 0, 0, 1, -2)
    table = np.concatenate([[0.0], twins.numbers(max(G - 1, 0)), [0.0]])
    return (
        advantages.exact,
        (
            twins.array(twins.numbers(prompts, G)),
            twins.array(table, twins.pick(twins.kind, "float64")),
            twins.array(times, twins.pick("int64", "int64", "int8", "float32")),
            twins.array(answered, twins.pick("bool", "bool", "int64")),
        ),
        {},
    )


def moved(twins):
    """A multiplier that costs have moved."""
    costs = twins.array(twins.numbers(*twins.shape()))

    def update(costs):
        price = rewards.Multiplier(0.1, rate=0.5, start=0.2)
        return np.asarray([price.update(costs)])

    return update, (costs,), {}


CALLS = {
    "counts.draws": lambda twins: (
        lambda group: np.asarray([counts.draws(group[0].item())]),
        (twins.array([twins.pick(2, 5)], twins.pick("int64", "int8", "float32")),),
        {},
    ),
    "counts.in_group": of_answers(
        counts.in_group, but=("counting", "unanswered", "dyadic", "beta")
    ),
    "counts.independent": lambda twins: (
        counts.independent,
        (
            twins.array(twins.answers(twins.pick(1, 2), 3)),
            twins.array(twins.answers(2, twins.pick(1, 4)), twins.pick(*TYPES)),
        ),
        {},
    ),
    "counts.occurrences": lambda twins: (
        counts.occurrences,
        (twins.array(twins.answers(*twins.shape())),),
        {"no_answer": twins.pick(-1, 0, 2.5)},
    ),
    "counts.across": lambda twins: (
        counts.across,
        (twins.array(twins.answers(2, 2, 4), twins.pick("int64")),),
        {},
    ),
    **{
        f"rewards.{name}": (
            over_orbits(with_required(name))
            if row.orbits
            else of_answers(with_required(name), *([truth] if "truth" in row.data else []))
        )
        for name, row in REWARDS.items()
        if row.unanswered
    },
    "rewards.diversity exploration": exploring(rewards.diversity),
    "rewards.ground_truth log": of_answers(rewards.ground_truth, truth, objective="log"),
    "rewards.ground_truth pass@k": of_answers(rewards.ground_truth, truth, objective="pass@k", k=2),
    "rewards.coherence least": over_orbits(rewards.coherence, ties="least"),
    "rewards.soft_consistency geometric": over_orbits(rewards.soft_consistency, mean="geometric"),
    "rewards.standard": lambda twins: (
        rewards.standard,
        (twins.array(twins.numbers(*twins.shape())),),
        {},
    ),
    "rewards.safety": lambda twins: (
        rewards.safety,
        (
            twins.array(twins.numbers(*twins.shape(2), 2)),
            twins.array(
                abs(twins.numbers(twins.pick(1, 2))), twins.pick(twins.kind, "float64", "complex64")
            ),
        ),
        {},
    ),
    "rewards.Multiplier": moved,
    "advantages.group_mean": of_rewards(advantages.group_mean),
    "advantages.leave_one_out": of_rewards(advantages.leave_one_out),
    "advantages.standardised": of_rewards(advantages.standardised),
    "advantages.orbit_mean": lambda twins: (
        advantages.orbit_mean,
        (twins.array(twins.numbers(*twins.shape(3), twins.pick(1, 3))),),
        {},
    ),
    "advantages.exact": exact,
}
ON_HOST = {"counts.draws", "rewards.Multiplier"}  # numbers, whatever is given
NO_FUNCTIONS = {"counts.Counts", "rewards.Options"}


def outcome(call, arguments, keywords, library):
    """What a call gives on one of the two libraries: arrays, or an error and its words."""

    def own(value):
        return getattr(value, library) if isinstance(value, Both) else value

    try:
        result = call(*map(own, arguments), **{name: own(x) for name, x in keywords.items()})
    except PolyestError as error:
        return error
    if isinstance(result, counts.Counts):
        return result.index, result.answered, np.asarray(result.draws), np.asarray(result.distinct)
    return result if isinstance(result, tuple) else (result,)


def words(error):
    """An error's words without types, of which numpy lacks one."""
    return [word for word in str(error).split() if word.strip(":,;").split(".")[-1] not in TYPES]


def test_every_public_function_is_called():
    public = set()
    for module in (counts, rewards, advantages):
        short = module.__name__.split(".")[-1]
        names = getattr(module, "__all__", None) or [
            name
            for name, value in vars(module).items()
            if not name.startswith("_")
            and inspect.isfunction(value)
            and value.__module__ == module.__name__
        ]
        public |= {f"{short}.{name}" for name in names}
    assert public - NO_FUNCTIONS <= {name.split(" ")[0] for name in CALLS}


@pytest.mark.parametrize("name", CALLS)
@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_numpy_and_torch_are_twins(name, seed):
    for kind in TYPES:
        agree(name, kind, *CALLS[name](Twins(seed, kind)))


def agree(name, kind, call, arguments, keywords):
    """Asserts that a call gives the same of both libraries."""
    array, tensor = (outcome(call, arguments, keywords, each) for each in ("array", "tensor"))
    if isinstance(array, PolyestError) or isinstance(tensor, PolyestError):
        assert type(array) is type(tensor), (array, tensor)
        assert words(array) == words(tensor)
        return
    of_advantages = name.startswith("advantages.")
    size = 1.0  # of what may cancel
    if of_advantages and name != "advantages.standardised":
        paid = arguments[: 2 if name == "advantages.exact" else 1]  # and what others are paid
        size += sum(
            np.abs(np.nan_to_num(each.array.astype(float), posinf=0, neginf=0)).max()
            for each in paid
        )
    for one, other in zip(array, tensor, strict=True):
        assert isinstance(one, np.ndarray)
        twin, wanted = torch.as_tensor(other), torch.from_numpy(one)
        if of_advantages:
            wanted = wanted.to(torch.float32 if kind in FEW else torch.float64)
        assert (twin.dtype, twin.shape) == (wanted.dtype, wanted.shape)
        precision = 1e-6 if twin.dtype == torch.float32 else 1e-12
        torch.testing.assert_close(
            twin, wanted, equal_nan=True, rtol=precision, atol=precision * size
        )
        assert not torch.isinf(twin).any()
        assert not (of_advantages and torch.isnan(twin).any())
        assert isinstance(other, torch.Tensor) or name in ON_HOST or one.ndim < 2

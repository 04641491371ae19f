"""What is done before training with TRL: rows are put in order, and the configuration is checked."""

from collections.abc import Sequence
from importlib import metadata
from typing import Any, TypeVar, cast
from warnings import warn

import numpy as np

from polyest import counts
from polyest.errors import (
    AnotherObjective,
    BrokenBatch,
    BrokenOrbit,
    InvalidReward,
    MissingColumn,
    NotInstalled,
    ScaleLost,
    UnsupportedVersion,
)
from polyest.rewards.options import EXCLUDE
from polyest.rewards.registry import REWARDS

Data = TypeVar("Data")
NEEDED = "pip install 'polyest[trl]'"
DIVIDES = (
    "divides by a standard deviation, which cancels beta and any multiplier and destroys the guarantee on "
    "the bias"
)
WEIGHTS = {  # what a loss_type of GRPO weights tokens by
    "grpo": "divides each completion by its own length",
    **dict.fromkeys(("dapo", "bnpo"), "divides by the number of tokens, which the policy moves"),
}
INSTEAD = {
    "scale_rewards": "'none'", "normalize_advantages": "False", "reward_clip_range": "None",
    "multi_objective_aggregation": "'sum_then_normalize'", "loss_type": "'dr_grpo'",
}  # fmt: skip


def order_by_orbit(dataset: Data, column: str = "orbit_id", seed: int = 0) -> Data:
    """Put the rows in a random order of orbits.

    Rows of an orbit stay together in the order they had.  With shuffle_dataset=False every epoch has this
    order; to have several, concatenate the orders of several seeds.

    Parameters
    ----------
    dataset : Dataset or list of dict
        The rows, of the library datasets or in a list.
    column : str
        The name of the column with ids of orbits.
    seed : int
        The seed of the order.

    Returns
    -------
    Dataset or list of dict
        The rows in their new order, in the type of `dataset`.

    Raises
    ------
    BrokenBatch
        If `dataset` has no rows or no length, as a stream.
    BrokenOrbit
        If orbits have different sizes.
    MissingColumn
        If there is no such column.

    Examples
    --------
    >>> [row["n"] for row in order_by_orbit([{"n": n, "orbit_id": n % 3} for n in range(6)])]
    [2, 5, 0, 3, 1, 4]
    """
    rows: Any = dataset
    if not hasattr(rows, "__len__") or not len(rows):
        raise BrokenBatch(
            f"dataset is {type(rows).__name__}: expected one with rows and a length; a stream "
            "has to be ordered where it is made"
        )
    names = list(getattr(rows, "column_names", None) or rows[0])
    if column not in names:
        raise MissingColumn(
            f"no column {column!r} in the dataset: it has {', '.join(names)}; add one id for each set of "
            "prompts that ask the same"
        )
    is_list = isinstance(rows, Sequence) and not hasattr(rows, "select")
    members: dict[Any, list[int]] = {}
    for i, orbit in enumerate([row[column] for row in rows] if is_list else rows[column]):
        members.setdefault(orbit, []).append(i)
    sizes = [len(rows) for rows in members.values()]
    usual = max(set(sizes), key=sizes.count)
    odd = [orbit for orbit, rows in members.items() if len(rows) != usual]
    if odd:
        raise BrokenOrbit(
            f"orbit {odd[0]!r} has {len(members[odd[0]])} prompts, others {usual}: expected as many in every "
            "orbit; complete or leave out the orbit"
        )
    orbits = list(members.values())
    order = [i for at in np.random.default_rng(seed).permutation(len(orbits)) for i in orbits[at]]
    return cast(Data, [rows[i] for i in order] if is_list else rows.select(order))


def check(config: object, *rewarded: object) -> None:
    """Check a GRPOConfig or RLOOConfig, and the rewards that go with it, before training.

    `Check` calls it when training starts, and a reward calls it on its first call, if it finds its trainer.

    Parameters
    ----------
    config : GRPOConfig or RLOOConfig
        The configuration.
    *rewarded : callable
        All rewards of the trainer.

    Raises
    ------
    BrokenBatch
        If groups would be cut or have another size, in training or in evaluation.
    BrokenOrbit
        If orbits would be cut, in training or in evaluation.
    CountOutOfRange
        If there are fewer than 3 generations where a reward is looked up.
    InvalidReward
        If a reward may be None beside another one, as TRL adds None as 0.
    NotInstalled
        If TRL is not installed.
    UnsupportedVersion
        If TRL is of a version that is known not to work.

    Warns
    -----
    AnotherObjective
        If rewards are clipped, or tokens weighted by the length of their completion.
    ScaleLost
        If advantages are divided by a standard deviation.

    Examples
    --------
    >>> from contextlib import suppress
    >>> from types import SimpleNamespace
    >>> from polyest.integrations import trl
    >>> config = SimpleNamespace(num_generations=8, scale_rewards="none")  # in place of a GRPOConfig
    >>> with suppress(NotInstalled):  # of TRL
    ...     check(config, trl.log_probability(beta=0.1))
    """
    looked_at(config, rewarded, len(rewarded))


def looked_at(config: object, rewarded: Sequence[Any], beside: int, evaluated: int = 0) -> None:
    """What `check` does.

    rewarded: rewards to look at; beside: how many rewards the trainer has in all.
    evaluated: prompts in the data set of evaluation, 0 where that is not known.
    """
    _version()
    for lost, (category, what) in _switches(config).items():
        switch = lost.partition("=")[0]
        warn(category(f"{lost} {what}: set {switch}={INSTEAD[switch]}"), stacklevel=3)
    for reward in rewarded:
        if hasattr(reward, "reading"):
            _fits(reward, config, beside)
            _whole_orbits(reward, config, evaluated)
            reward.checked = config


def _switches(config: object) -> dict[str, tuple[type[Warning], str]]:
    """Settings that undo what a reward pays: the setting -> which warning, and what the setting does."""
    switches: dict[str, tuple[type[Warning], str]] = {}
    scale = getattr(config, "scale_rewards", "none")
    if scale not in ("none", False):
        switches[f"scale_rewards={scale!r}"] = (ScaleLost, DIVIDES)
    if getattr(config, "normalize_advantages", False):
        switches["normalize_advantages=True"] = (ScaleLost, DIVIDES)
    aggregation = getattr(config, "multi_objective_aggregation", "")
    if aggregation == "normalize_then_sum":
        switches[f"multi_objective_aggregation={aggregation!r}"] = (ScaleLost, DIVIDES)
    clip = getattr(config, "reward_clip_range", None)
    if clip is not None:
        switches[f"reward_clip_range={clip!r}"] = (
            AnotherObjective,
            "cuts entries of the table off",
        )
    loss = getattr(config, "loss_type", "dr_grpo")
    if loss != "dr_grpo":
        what = WEIGHTS.get(loss, "is another function of the advantages")
        switches[f"loss_type={loss!r}"] = (AnotherObjective, f"{what}: the gradient is another one")
    return switches


def _fits(reward: Any, config: Any, rewards: int) -> None:
    """Raises where a reward does not fit the number of generations, of rewards, or of rows a process."""
    G, how = config.num_generations, reward.reading
    # Evaluation has the number of training, unless it has one of its own.
    evaluated = getattr(config, "num_generations_eval", None) or G
    # Elsewhere 0 is the least reward, so that None taken as 0 does no harm.
    row = REWARDS[reward.form]
    silent = (row.table is not None or reward.form == "of_group") and row.unanswered == EXCLUDE
    silent = silent and not reward.reading.gated
    if rewards > 1 and silent and reward.options.get("unanswered") == EXCLUDE:
        raise InvalidReward(
            f"{reward.__name__} beside another reward: TRL adds None as 0, which is what "
            'certainty earns; give unanswered="lowest"'
        )
    if row.table is not None and reward.arguments.get("objective") != "accuracy":
        counts.draws(G)
        counts.draws(evaluated)
    if how.num_generations not in (None, G):
        raise BrokenBatch(
            f"{reward.__name__} has num_generations={how.num_generations}, the trainer {G}: give both one "
            "number, or leave the reward's out"
        )
    if how.gather is False:
        rows = config.per_device_train_batch_size * config.steps_per_generation
        _whole_groups(G, rows, "per_device_train_batch_size * steps_per_generation")
        if _evaluates(config):
            rows = config.per_device_eval_batch_size
            _whole_groups(evaluated, rows, "per_device_eval_batch_size")


def _whole_orbits(reward: Any, config: Any, evaluated: int) -> None:
    """Raises BrokenOrbit where orbits would be cut, in training or in evaluation, unless that is allowed."""
    G, m = config.num_generations, reward.reading.orbit_size
    if m < 2 or reward.reading.broken != "raise":
        return
    if config.shuffle_dataset or config.generation_batch_size % (G * m):
        raise BrokenOrbit(
            f"shuffle_dataset={config.shuffle_dataset} and generation_batch_size="
            f"{config.generation_batch_size} for orbits of {m} prompts with {G} generations: use "
            f"order_by_orbit(dataset), shuffle_dataset=False and a multiple of {G * m}"
        )
    if not evaluated or not _evaluates(config):
        return
    rows = config.per_device_eval_batch_size * getattr(config, "world_size", 1)
    prompts = rows // (getattr(config, "num_generations_eval", None) or G)
    if prompts < evaluated:
        raise BrokenOrbit(
            f"evaluation shuffles {evaluated} prompts and takes {prompts} at once, which cuts orbits of {m}: "
            'give it all of them (per_device_eval_batch_size), or the reward broken="exclude"'
        )


def _whole_groups(G: int, rows: int, setting: str) -> None:
    """Raises BrokenBatch where a process, which counts its rows alone, would not have whole groups."""
    if rows % G:
        raise BrokenBatch(
            f"gather=False and {rows} rows a process ({setting}) with {G} generations: groups would be cut; "
            f'use gather="auto" or a multiple of {G}'
        )


def _evaluates(config: object) -> bool:
    """Whether there is evaluation during training."""
    strategy = getattr(config, "eval_strategy", "no")
    return getattr(strategy, "value", strategy) != "no"


def _version() -> None:
    """Raises NotInstalled without TRL, UnsupportedVersion for a version that is known not to work."""
    try:
        version = metadata.version("trl")
    except metadata.PackageNotFoundError:
        raise NotInstalled(f"TRL is not installed: {NEEDED}") from None
    major, minor = (int(part) for part in version.split(".")[:2])
    if major != 1 or minor < 8:
        raise UnsupportedVersion(
            f"TRL {version}: expected 1.8 or later, below 2 (found to work: 1.8, 1.10, 1.12 to 1.14, "
            "1.16); in earlier ones a reward of None counts as 0, more than the log of any probability; "
            f"{NEEDED}"
        )
    if minor == 15:
        from trl.trainer import utils

        if getattr(utils, "_ChunkedLogProbFunction", True) is None:
            raise UnsupportedVersion(
                f"TRL {version} does not train without triton (its _ChunkedLogProbFunction is None): use "
                f"1.16 or 1.14, {NEEDED}"
            )

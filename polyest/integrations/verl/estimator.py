"""The estimators: scores of a batch -> advantages."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np

from polyest.arrays import Array, Bools
from polyest.errors import InvalidReward
from polyest.history.ids import Name, names_of
from polyest.integrations.estimators import parse_options
from polyest.integrations.tokens import Visit, token_advantages
from polyest.integrations.verl.prompts import drawn
from polyest.integrations.verl.settings import check_filter, options_in, past_of
from polyest.rewards.registry import offered
from polyest.rewards.renamed import NAMES, current_options, warn_of_setting

PROMPT = "index"  # the entry of extra_info that verl's own datasets have


def estimate(
    name: str,
    token_level_rewards: Array,
    response_mask: Array,
    config: object = None,
    index: Array | None = None,
    *,
    prompts: Sequence[Name] | None = None,
    step: int | None = None,
    **_: object,
) -> tuple[Array, Array]:
    """Give advantages and returns, as the estimators do that are registered with verl.

    Parameters
    ----------
    name : str
        A reward that the registry offers to estimators.
    token_level_rewards : float32 or float64 tensor (completions, tokens)
        What verl passes: the sum over the tokens is the class of the answer.
    response_mask : tensor (completions, tokens)
        What verl passes: 1 at tokens of the completion.
    config : object
        The configuration of the algorithm; options of the reward are below `config.polyest`.
    index : array (completions,) or None
        The uid of each completion's prompt.
    prompts : sequence of int or str, or None
        For a history the id of each completion's prompt, the same in every batch; None to take it, and the
        step, from verl's TransferQueue.
    step : int or None
        The number of the step, beside `prompts`; None for the next one.
    **_ : object
        What else verl passes; it is not read.

    Returns
    -------
    tuple of (tensor, tensor)
        The advantages (completions, tokens), twice.

    Raises
    ------
    BrokenBatch
        If the arguments do not fit together, a score is no class of an answer, or a group is larger than
        promised or too small for its table.
    BrokenOrbit
        If nothing says which prompts are an orbit, or an orbit is not whole.
    InvalidHistory
        If nothing says which prompts a history is asked for, or ids and steps do not belong into it.
    InvalidReward
        If the name or an option is unknown, a reward is not finite, a penalty is added to the scores
        (`use_kl_in_reward`), or groups are dropped (`filter_groups`) beside a history.
    TableNotFound
        If no table is released for the size of a group.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> config = SimpleNamespace(polyest={"beta": 0.1}, use_kl_in_reward=True)
    >>> try:
    ...     estimate("log_probability", None, None, config)
    ... except InvalidReward as refused:
    ...     print(str(refused).partition(",")[0])
    algorithm.use_kl_in_reward is on
    """
    options = current_options(name, options_in(config), "algorithm.polyest")
    entry_of_prompt = options.pop("prompt", None)
    if options.get("history") is not None:
        check_filter(config)
        options["history"] = past_of(options["history"])
    elif entry_of_prompt is not None:
        raise InvalidReward("prompt given without history: expected both; leave prompt out")
    how = parse_options(name, options, scored=True)
    if getattr(config, "use_kl_in_reward", False) is True:
        raise InvalidReward(
            "algorithm.use_kl_in_reward is on, which adds a penalty to the classes of answers: switch it "
            "off, and use actor_rollout_ref.actor.use_kl_loss"
        )

    def visit(uids: list[object], rows: Bools) -> Visit:
        if prompts is None:
            return drawn(uids, str(entry_of_prompt or PROMPT))
        names = names_of(prompts, len(rows))
        return [names[i] for i in np.flatnonzero(rows).tolist()], step

    asked = visit if how.history is not None else None
    advantages = token_advantages(how, token_level_rewards, response_mask, index, asked)
    return advantages, advantages


def estimators() -> dict[str, Callable[..., tuple[Array, Array]]]:
    """Give what is registered with verl, by name: an estimator for each reward, and for each old name of one.

    Returns
    -------
    dict of str to callable
        The estimators, by the name that `algorithm.adv_estimator` takes.

    Examples
    --------
    >>> [name for name in estimators() if "log" in name]
    ['polyest_log_probability', 'polyest_log']
    """
    named: dict[str, Callable[..., tuple[Array, Array]]] = {
        f"polyest_{name}": partial(estimate, name) for name in offered("estimators")
    }
    return named | {f"polyest_{old}": partial(_by_old_name, old, new) for old, new in NAMES.items()}


def _by_old_name(old: str, new: str, *given: Any, **named: Any) -> tuple[Array, Array]:
    """The estimator of a reward that was registered by another name before."""
    warn_of_setting("algorithm.adv_estimator", f"polyest_{old}", f"polyest_{new}")
    return estimate(new, *given, **named)

"""verl: advantage estimators polyest_log_probability, polyest_diversity, ..., on the classes of answers.

    pip install 'polyest[verl]'        # registers them: verl loads the entry point verl.plugins
    algorithm.adv_estimator=polyest_log_probability
    reward.custom_reward_function.path=pkg://polyest.integrations.verl

verl scores one completion at a time, and gives an estimator the scores and the uid of each prompt, but no
text.  So the score is the class of the answer (scores.py), and the estimator counts equal classes of a uid.
Options are read from `algorithm.polyest` (estimators.py).  Where verl is not installed nothing is
registered.
"""

import re
import warnings
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from polyest.answers import CHOICES, REASONING, Kind, Tag, canonical, stated
from polyest.arrays import Array
from polyest.errors import (
    BrokenBatch,
    BrokenOrbit,
    InvalidReward,
    NotInstalled,
    NotRegistered,
    PolyestError,
    UnsupportedVersion,
)
from polyest.integrations.estimators import parse_options, token_advantages
from polyest.integrations.scores import answer_class
from polyest.rewards.registry import offered
from polyest.rewards.renamed import NAMES, current_options, warn_of_setting
from polyest.values import shown

OLDEST = (0, 9)


def compute_score(
    data_source: str,
    solution_str: str,
    ground_truth: str | None,
    extra_info: Mapping[str, object] | None = None,
    *,
    kind: Kind = "auto",
    choices: str = CHOICES,
    cues: Iterable[str] = (),
    reasoning: Iterable[Tag] = REASONING,
    orbit: str | None = None,
    **_: object,
) -> dict[str, float]:
    """Score a completion for verl: the class of its answer as `score`, and whether it is right as `acc`.

    verl's validation reports `acc`, which is 0 or 1.  It is also the sign of the score (scores.py), if the
    ground truth can be read.

    Parameters
    ----------
    data_source : str
        What verl passes; it is not read.
    solution_str : str
        The completion.
    ground_truth : str or None
        The right answer, which needs no box; None where there is none.
    extra_info : mapping or None
        What verl passes of the row, in which `orbit` is looked up.
    kind : {"auto", "number", "fraction", "choice", "boxed", "string"}
        The way to read an answer, as in `answers.canonical`.
    choices : str
        As in `answers.canonical`.
    cues : iterable of str
        As in `answers.canonical`.
    reasoning : iterable of Tag
        As in `answers.canonical`.
    orbit : str or None
        The entry of `extra_info` that numbers the orbits, where the estimator has orbits="score".
    **_ : object
        What else verl passes; it is not read.

    Returns
    -------
    dict of str to float
        The entries `score` and `acc`.

    Raises
    ------
    BrokenOrbit
        If `extra_info` has no such entry, or one that is no integer of at least 0.
    InvalidAnswer
        If a text or the kind is none.

    Examples
    --------
    >>> found = compute_score("", "so 0.50", "1/2", kind="fraction")
    >>> found["acc"], found["score"] == answer_class("1/2", "fraction")
    (1.0, True)
    >>> compute_score("", "so 3", "2")["score"] == answer_class("3", right=False)
    True
    """
    number: Any = None
    if orbit is not None:
        number = (extra_info or {}).get(orbit)
        if number is None:
            raise BrokenOrbit(
                f"extra_info without {shown(orbit)}: expected the number of the row's orbit; it has "
                f"{', '.join(map(str, extra_info or ())) or 'nothing'}"
            )
    label = None if ground_truth is None else stated(str(ground_truth), kind)
    how: dict[str, Any] = {"choices": choices, "cues": cues, "reasoning": reasoning}
    said, truth = canonical([solution_str, label], kind, **how)
    right = None if truth is None else said == truth
    return {
        "score": answer_class(solution_str, kind, orbit=number, right=right, **how),
        "acc": float(bool(right)),
    }


def estimate(
    name: str,
    token_level_rewards: Array,
    response_mask: Array,
    config: object = None,
    index: Array | None = None,
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
    InvalidReward
        If the name or an option is unknown, a reward is not finite, or a penalty is added to the scores
        (`use_kl_in_reward`).
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
    options = current_options(name, _options_in(config), "algorithm.polyest")
    how = parse_options(name, options, scored=True)
    if getattr(config, "use_kl_in_reward", False) is True:
        raise InvalidReward(
            "algorithm.use_kl_in_reward is on, which adds a penalty to the classes of answers: switch it "
            "off, and use actor_rollout_ref.actor.use_kl_loss"
        )
    advantages = token_advantages(how, token_level_rewards, response_mask, index)
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


def register() -> tuple[str, ...]:
    """Register the estimators with verl; a second time it changes nothing.

    Returns
    -------
    tuple of str
        The names of the estimators, without old ones.

    Raises
    ------
    NotInstalled
        If verl is not installed.
    UnsupportedVersion
        If verl is too old.

    Examples
    --------
    >>> from contextlib import suppress
    >>> with suppress(NotInstalled):  # verl calls it itself, through the entry point verl.plugins
    ...     names = register()
    """
    if find_spec("verl") is None:
        raise NotInstalled("verl is not installed: pip install 'polyest[verl]'")
    version = str(getattr(import_module("verl"), "__version__", "unknown"))
    release = tuple(map(int, re.findall(r"\d+", version)[:2]))
    if release < OLDEST:
        raise UnsupportedVersion(
            f"verl {version}: expected 0.9 or later, whose estimators are given config and index"
        )
    core = import_module("verl.trainer.ppo.core_algos")
    for name, estimator in estimators().items():
        if name not in core.ADV_ESTIMATOR_REGISTRY:
            core.register_adv_est(name)(estimator)
    return tuple(f"polyest_{name}" for name in offered("estimators"))


def _by_old_name(old: str, new: str, *given: object, **named: object) -> tuple[Array, Array]:
    """The estimator of a reward that was registered by another name before."""
    warn_of_setting("algorithm.adv_estimator", f"polyest_{old}", f"polyest_{new}")
    return estimate(new, *given, **named)


def _options_in(config: object) -> Mapping[str, object]:
    """The options below `polyest` in the configuration of an algorithm, none where it has none."""
    options = config.get("polyest") if hasattr(config, "get") else getattr(config, "polyest", None)
    if options is None:
        return {}
    if not isinstance(options, Mapping):
        raise BrokenBatch(f"polyest is {options!r} in the configuration: expected options by name")
    return {str(option): value for option, value in options.items() if value is not None}


if find_spec("verl") is not None:
    try:
        register()
    except (
        PolyestError,
        ImportError,
        AttributeError,
    ) as error:  # verl would hide it in its debug log
        warnings.warn(
            f"the estimators of polyest are not registered with verl: {error}",
            NotRegistered,
            stacklevel=2,
        )
        raise

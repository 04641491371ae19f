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
    extra_info: Mapping[str, Any] | None = None,
    *,
    kind: Kind = "auto",
    choices: str = CHOICES,
    cues: Iterable[str] = (),
    reasoning: Iterable[Tag] = REASONING,
    orbit: str | None = None,
    **_: Any,
) -> dict[str, float]:
    """A reward function for verl: the class of the answer as the score, and whether it is right as acc.

    kind, choices, cues, reasoning: as in `answers.canonical`.
    orbit: the entry of extra_info that numbers the orbits, where orbits="score".

    verl's validation reports acc, which is 0 or 1.  It is also the sign of the score (scores.py), if the
    ground truth can be read.  Raises BrokenOrbit where extra_info has no such entry.

    >>> found = compute_score("", "so 0.50", "1/2", kind="fraction")
    >>> found["acc"], found["score"] == answer_class("1/2", "fraction")
    (1.0, True)
    >>> compute_score("", "so 3", "2")["score"] == answer_class("3", right=False)
    True
    """
    number = None
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
    config: Any = None,
    index: Any = None,
    **_: Any,
) -> tuple[Array, Array]:
    """Advantages and returns, as the estimators give them that are registered with verl.

    name: a reward that the registry offers to estimators; the rest is what verl passes.  Options of the
    reward are below config.polyest.

    Returns the advantages (completions, tokens), twice.  Raises BrokenBatch, BrokenOrbit, InvalidReward,
    TableNotFound.
    """
    options = current_options(name, _options_in(config), "algorithm.polyest")
    how = parse_options(name, options, scored=True)
    if getattr(config, "use_kl_in_reward", False) is True:
        raise InvalidReward(
            "algorithm.use_kl_in_reward is on, which adds a penalty to the classes of answers: switch it "
            "off, and use actor_rollout_ref.actor.use_kl_loss"
        )
    found = token_advantages(how, token_level_rewards, response_mask, index)
    return found, found


def estimators() -> dict[str, Callable[..., tuple[Array, Array]]]:
    """What is registered with verl, by name: an estimator for each reward, and for each old name of one.

    >>> [name for name in estimators() if "log" in name]
    ['polyest_log_probability', 'polyest_log']
    """
    found: dict[str, Callable[..., tuple[Array, Array]]] = {
        f"polyest_{name}": partial(estimate, name) for name in offered("estimators")
    }
    return found | {f"polyest_{old}": partial(_by_old_name, old, new) for old, new in NAMES.items()}


def register() -> tuple[str, ...]:
    """Registers the estimators with verl and returns their names; a second time it changes nothing.

    Raises NotInstalled without verl, UnsupportedVersion for one that is too old.
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


def _by_old_name(old: str, new: str, *given: Any, **named: Any) -> tuple[Array, Array]:
    """The estimator of a reward that was registered by another name before."""
    warn_of_setting("algorithm.adv_estimator", f"polyest_{old}", f"polyest_{new}")
    return estimate(new, *given, **named)


def _options_in(config: Any) -> Mapping[str, Any]:
    """The options below `polyest` in the configuration of an algorithm, none where it has none."""
    found = config.get("polyest") if hasattr(config, "get") else getattr(config, "polyest", None)
    if found is None:
        return {}
    if not isinstance(found, Mapping):
        raise BrokenBatch(f"polyest is {found!r} in the configuration: expected options by name")
    return {str(option): value for option, value in found.items() if value is not None}


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

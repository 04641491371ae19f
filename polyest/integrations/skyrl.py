"""SkyRL: an advantage estimator on the classes of answers, which its scores carry."""

import re
from collections.abc import Callable
from functools import partial
from typing import Any

from polyest.integrations.estimators import AdvantageOptions, parse_options, token_advantages


def skyrl(name: str = "log_probability", **options: Any) -> Callable[..., tuple[Any, Any]]:
    """For SkyRL's AdvantageEstimatorRegistry.register: f(token_level_rewards, response_mask, index, ...).

    name: a reward that the registry offers to estimators; options: as in `estimators.parse_options`.

    As on verl, the score of a completion is `scores.answer_class` of its text.
    """
    return partial(_skyrl, parse_options(name, options, scored=True))


def _skyrl(
    how: AdvantageOptions, token_level_rewards: Any, response_mask: Any, index: Any = None, **_: Any
) -> tuple[Any, Any]:
    # SkyRL fills a batch up with copies of its first row, whose uids are pad0, pad1, ...
    real = [re.fullmatch(r"pad\d+", str(uid)) is None for uid in (() if index is None else index)]
    mask = response_mask * response_mask.new_tensor(real)[:, None] if real else response_mask
    found = token_advantages(how, token_level_rewards, mask, index)
    return found, found

"""SkyRL: an advantage estimator on the classes of answers, which its scores carry."""

import re
from collections.abc import Callable
from functools import partial

from polyest.arrays import Array, Bools
from polyest.history.ids import names_of
from polyest.integrations.earlier import history_of
from polyest.integrations.estimators import AdvantageOptions, parse_options
from polyest.integrations.tokens import Visit, token_advantages


def skyrl(name: str = "log_probability", **options: object) -> Callable[..., tuple[Array, Array]]:
    """Make the estimator that SkyRL's AdvantageEstimatorRegistry.register takes.

    The estimator is f(token_level_rewards, response_mask, index, ...) -> advantages, twice.  As on verl, the
    score of a completion is `scores.answer_class` of its text.  SkyRL's uid of a prompt is the number of its
    row in the dataset, so that a history needs nothing else; each call is recorded, as the next step.

    Parameters
    ----------
    name : str
        A reward that the registry offers to estimators.
    **options : object
        As in `estimators.parse_options`.

    Returns
    -------
    callable
        The estimator, whose result is the same tensor (completions, tokens) twice.

    Raises
    ------
    BrokenOrbit
        If nothing says which prompts are an orbit.
    InvalidHistory
        If answers of the history are read in another way.
    InvalidReward
        If the name, an option or a value is unknown.

    Examples
    --------
    >>> estimator = skyrl("log_probability", beta=0.1, noise=4)
    >>> estimator.args[0].baseline
    'group-mean'
    """
    how = parse_options(name, options, scored=True)
    if how.history is not None:
        history_of(how.history)
    return partial(_skyrl, how)


def _skyrl(
    how: AdvantageOptions,
    token_level_rewards: Array,
    response_mask: Array,
    index: Array | None = None,
    **_: object,
) -> tuple[Array, Array]:
    # SkyRL fills a batch up with copies of its first row, whose uids are pad0, pad1, ...
    real = [re.fullmatch(r"pad\d+", str(uid)) is None for uid in (() if index is None else index)]
    mask = response_mask * response_mask.new_tensor(real)[:, None] if real else response_mask
    visit = _visit if how.history is not None else None
    advantages = token_advantages(how, token_level_rewards, mask, index, visit)
    return advantages, advantages


def _visit(uids: list[object], rows: Bools) -> Visit:
    return names_of(uids, len(uids)), None

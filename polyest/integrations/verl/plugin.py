"""The registration of the estimators with verl."""

import re
from importlib import import_module
from importlib.util import find_spec

from polyest.errors import NotInstalled, UnsupportedVersion
from polyest.integrations.verl.estimator import estimators
from polyest.rewards.registry import offered

OLDEST = (0, 9)


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

"""verl: advantage estimators polyest_log_probability, polyest_diversity, ..., on the classes of answers.

    pip install 'polyest[verl]'        # registers them: verl loads the entry point verl.plugins
    algorithm.adv_estimator=polyest_log_probability
    reward.custom_reward_function.path=pkg://polyest.integrations.verl

verl scores one completion at a time, and gives an estimator the scores and the uid of each prompt, but no
text.  So the score is the class of the answer (scores.py), and the estimator counts equal classes of a uid.
Options are read from `algorithm.polyest` (estimators.py).  Where verl is not installed nothing is
registered.
"""

import warnings
from importlib.util import find_spec

from polyest.errors import NotRegistered, PolyestError
from polyest.integrations.verl.callback import HistoryCallback
from polyest.integrations.verl.estimator import estimate, estimators
from polyest.integrations.verl.plugin import register
from polyest.integrations.verl.score import compute_score

__all__ = ["HistoryCallback", "compute_score", "estimate", "estimators", "register"]

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

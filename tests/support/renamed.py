"""What is called otherwise than before, as it was and as it is: each form, and a call of it.

The table under "Renamed" in CHANGELOG.md has these rows.
"""

from types import SimpleNamespace

import numpy as np
import torch

from polyest import rewards
from polyest.integrations import verl
from polyest.integrations.groups import GroupReward, rllm, skyrl
from polyest.integrations.scores import answer_class

TEXTS = ["7", "so 7", "3", "7", "no idea"]
IDS = [[7, 7, 3, 7, -1]]


def of_texts(name, **options):
    """What `GroupReward` pays a group, and the name that a trainer logs it by."""
    reward = GroupReward(name, **options)
    return reward.__name__, reward(TEXTS)


def of_trajectories(name):
    """Advantages of rLLM's estimator."""
    more = {"orbits": "none"} if "soft" in name else {}
    estimator = rllm(name, text=lambda one: one.text, **more)
    group = SimpleNamespace(trajectories=[SimpleNamespace(text=text) for text in TEXTS])
    return estimator([[0.0] * 5], traj_groups=[group])[0][0].tolist()


def of_scores(estimator, options=None):
    """Advantages of an estimator that counts scores, verl's or SkyRL's."""
    scores = torch.tensor([[answer_class(text)] for text in TEXTS])
    given = {} if options is None else {"config": {"polyest": options}}
    return estimator(scores, torch.ones(5, 1), index=np.array(["a"] * 5), **given)[0].tolist()


def by_verl(name, **options):
    """Advantages of the estimator that verl has by a name."""
    more = {"orbits": "none"} if "soft" in name else {}
    return of_scores(verl.estimators()[name], {**options, **more})


def estimated(name):
    """Advantages of `verl.estimate`."""
    more = {"orbits": "none"} if "soft" in name else {}
    return of_scores(lambda *given, **named: verl.estimate(name, *given, **named), more)


def by_skyrl(name, **options):
    """Advantages of SkyRL's estimator."""
    more = {"orbits": "none"} if "soft" in name else {}
    return of_scores(skyrl(name, **options, **more))


# Old -> new, and a call of each.
RENAMED = {
    "rewards.diversity(kind=)": (
        "rewards.diversity(measure=)",
        lambda: rewards.diversity(IDS, kind="gini", unanswered="lowest").tolist(),
        lambda: rewards.diversity(IDS, measure="gini", unanswered="lowest").tolist(),
    ),
    'GroupReward("diversity", diversity=)': (
        'GroupReward("diversity", measure=)',
        lambda: of_texts("diversity", diversity="gini"),
        lambda: of_texts("diversity", measure="gini"),
    ),
    'GroupReward("log")': (
        'GroupReward("log_probability")',
        lambda: of_texts("log"),
        lambda: of_texts("log_probability"),
    ),
    'groups.rllm("log")': (
        'groups.rllm("log_probability")',
        lambda: of_trajectories("log"),
        lambda: of_trajectories("log_probability"),
    ),
    'groups.rllm("soft")': (
        'groups.rllm("soft_consistency")',
        lambda: of_trajectories("soft"),
        lambda: of_trajectories("soft_consistency"),
    ),
    'groups.skyrl("log")': (
        'groups.skyrl("log_probability")',
        lambda: by_skyrl("log"),
        lambda: by_skyrl("log_probability"),
    ),
    'groups.skyrl("soft")': (
        'groups.skyrl("soft_consistency")',
        lambda: by_skyrl("soft"),
        lambda: by_skyrl("soft_consistency"),
    ),
    'groups.skyrl("diversity", kind=)': (
        'groups.skyrl("diversity", measure=)',
        lambda: by_skyrl("diversity", kind="gini"),
        lambda: by_skyrl("diversity", measure="gini"),
    ),
    'verl.estimate("log")': (
        'verl.estimate("log_probability")',
        lambda: estimated("log"),
        lambda: estimated("log_probability"),
    ),
    'verl.estimate("soft")': (
        'verl.estimate("soft_consistency")',
        lambda: estimated("soft"),
        lambda: estimated("soft_consistency"),
    ),
    "algorithm.adv_estimator=polyest_log": (
        "algorithm.adv_estimator=polyest_log_probability",
        lambda: by_verl("polyest_log"),
        lambda: by_verl("polyest_log_probability"),
    ),
    "algorithm.adv_estimator=polyest_soft": (
        "algorithm.adv_estimator=polyest_soft_consistency",
        lambda: by_verl("polyest_soft"),
        lambda: by_verl("polyest_soft_consistency"),
    ),
    "algorithm.polyest.kind": (
        "algorithm.polyest.measure",
        lambda: by_verl("polyest_diversity", kind="gini"),
        lambda: by_verl("polyest_diversity", measure="gini"),
    ),
}

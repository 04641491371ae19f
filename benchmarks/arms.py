"""The arms of the experiments: what each pays in place of log nu, nu the probability of an own answer.

An arm pays every completion an entry of a table of sample size K = G - 2, read with the number of others of
its group that have its answer, because all experiments subtract the mean of a group:

    log               log(X/G), the plug-in log of trainers
    schuermann        Schuermann's estimator, the best closed form
    pseudo-count      log((j + .1)/(K + .1)) of j = X - 1 others
    gini              j/K, an unbiased estimate of nu itself; it needs a multiplier
    noise r           the table of least bias with sup p Var at most r times that of the log
    monotone          the table of least bias that pays no answer less for being seen more often
    concave           the same, and concave
    NAME, visit       completions of the last visit of a prompt are counted too, K = W + G - 2
    true log          log nu itself, from the distribution: no estimate

NAME, tuned is the arm with a multiplier, chosen on the tuning seeds among `multipliers`; everything
else has multiplier 1.  MEAN OF NAME is the exact mean of the table at nu, which splits what an arm
loses: it has the bias of the arm and no noise.

    ADVANTAGES        what is made of rewards: less their group's mean, or also divided by its deviation
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache, partial
from typing import Literal

import numpy as np

import polyest
from polyest import advantages, closed_forms, counts
from polyest.arrays import Array, Floats, placed, to_numpy
from polyest.history.history import History
from polyest.problem.bernstein import pmf

ADVANTAGES: dict[str, Callable[[Array], Array]] = {
    "mean": advantages.group_mean,
    "std": advantages.standardised,
}
FACTORS = (1.25, 1.5, 2.0, 3.0, 4.0, 6.0)
COEFFICIENTS = (2.0, 4.0, 8.0, 16.0, 32.0, 64.0)  # of Gini
PSEUDO = 0.1  # pseudo-count


@dataclass(frozen=True)
class Arm:
    """What an arm pays: the entries of its table for a sample size, or what is no table.

    multipliers: the factors among which one is chosen; visits: earlier visits of a prompt that are counted;
    paid: the entry of a count, the exact mean of the table, or log nu.
    """

    entries: Callable[[int], Floats] | None = None
    multipliers: tuple[float, ...] = (1.0,)
    visits: int = 0
    paid: Literal["entry", "mean", "truth"] = "entry"


def log_share(K: int) -> Floats:
    """Entries log(X/G), X = j + 1, G = K + 2."""
    return np.log(np.arange(1, K + 2) / (K + 2))


def pseudo_count(K: int) -> Floats:
    """Entries log((j + .1)/(K + .1)).

    >>> pseudo_count(2).round(3).tolist()
    [-3.045, -0.647, 0.0]
    """
    return np.log((np.arange(K + 1) + PSEUDO) / (K + PSEUDO))


def gini(K: int) -> Floats:
    """Entries j/K, an unbiased estimate of nu."""
    return np.arange(K + 1) / K


def schuermann(K: int) -> Floats:
    return closed_forms.schuermann(K).coefficients


def least_bias(noise: int, K: int) -> Floats:
    return polyest.load(K, noise=noise).coefficients


def shaped(shape: Literal["monotone", "concave"], K: int) -> Floats:
    return polyest.load(K, criterion="minimax", shape=shape).coefficients


TABLES: dict[str, Callable[[int], Floats]] = {
    "log": log_share,
    "schuermann": schuermann,
    "pseudo-count": pseudo_count,
    "gini": gini,
    **{f"noise {noise}": partial(least_bias, noise) for noise in (2, 4, 8, 16)},
    "monotone": partial(shaped, "monotone"),
    "concave": partial(shaped, "concave"),
}
ARMS: dict[str, Arm] = {
    "log": Arm(log_share),
    "log, tuned": Arm(log_share, FACTORS),
    "schuermann": Arm(schuermann),
    "schuermann, tuned": Arm(schuermann, FACTORS),
    "pseudo-count": Arm(pseudo_count),
    "gini, tuned": Arm(gini, COEFFICIENTS),
    **{name: Arm(TABLES[name]) for name in ("noise 2", "noise 4", "noise 8", "noise 16")},
    "noise 8, tuned": Arm(TABLES["noise 8"], FACTORS),
    **{name: Arm(TABLES[name]) for name in ("monotone", "concave")},
    **{f"{name}, visit": Arm(TABLES[name], visits=1) for name in ("noise 4", "monotone")},
    "true log": Arm(paid="truth"),
}
SPLIT = {
    f"mean of {name}": Arm(TABLES[name], paid="mean")
    for name in ("log", "schuermann", "noise 8", "monotone")
}
# What settings beside the core run, with the rates and multipliers of the core.
CARRIED = ("log", "log, tuned", "schuermann", "noise 8", "monotone", "true log")


def estimate(
    arm: Arm,
    answers: Array,
    distributions: Array | None = None,
    history: History | None = None,
    prompts: Sequence[int | str] | None = None,
) -> Array:
    """What the arm pays in place of log nu, float64 (prompts, G) of the library of the answers.

    answers: integers (prompts, G), `counts.NO_ANSWER` for none, which is paid nan; distributions:
    probabilities (prompts, answers), for the arms without noise; history, prompts: for the arms with
    visits, recorded by the caller after the rewards (`polyest.grpo` does).

    >>> estimate(ARMS["log"], np.array([[4, 4, 4, 6]])).round(3).tolist()
    [[-0.288, -0.288, -0.288, -1.386]]
    """
    host = to_numpy(answers)
    earlier = None
    if arm.visits:
        assert history is not None, "this arm needs a history"
        assert prompts is not None, "this arm needs the ids of the prompts"
        earlier = history.counted(host, prompts)
    counted = counts.in_group(host, earlier=earlier)
    if arm.paid == "entry":
        values = _entries_read(arm, counted)
    else:
        assert distributions is not None, "this arm needs the distributions of the answers"
        own = np.take_along_axis(to_numpy(distributions), host.clip(0), 1).astype(float)
        values = np.log(own.clip(1e-300)) if arm.paid == "truth" else _means(arm, counted, own)
    return placed(np.where(counted.answered, values, np.nan), answers)


def _entries_read(arm: Arm, counted: counts.Counts) -> Floats:
    values = np.empty(counted.index.shape)
    for K in counted.distinct:
        mine = np.broadcast_to(counted.draws == K, values.shape)
        values[mine] = entries_of(arm, K)[counted.index[mine]]
    return values


def _means(arm: Arm, counted: counts.Counts, own: Floats) -> Floats:
    (K,) = counted.distinct
    return (pmf(K, own.ravel()) @ entries_of(arm, K)).reshape(own.shape)


@cache
def entries_of(arm: Arm, K: int) -> Floats:
    """The entries of the arm's table of sample size K."""
    assert arm.entries is not None, "this arm has no table"
    return arm.entries(K)

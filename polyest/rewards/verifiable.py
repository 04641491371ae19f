"""Rewards from known right answers (RLVR, SFT), or from any score (standard RL).

If the goal J is a function of the probability nu of the right answer, a completion with that answer earns
an estimate of the derivative J'(nu):

    objective     J(nu)             J'(nu)                        estimate, K draws, X = index
    "accuracy"    nu                1                             1
    "log"         log nu            1/nu, up to K + 1 terms       (K+1)/(X+1)
    "pass@k"      1 - (1-nu)^k      k (1-nu)^(k-1)                k C(K-X, k-1)/C(K, k-1)

Exactly, E (K+1)/(X+1) = (1 - (1-nu)^(K+1))/nu = sum_{j=0..K} (1-nu)^j, the first K + 1 terms of the series
of 1/nu.  No table is unbiased for 1/nu itself; this one is unbiased for the gradient of -sum_{j=1..K+1}
(1-nu)^j/j, the objective of MaxRL (Tajwar et al., arXiv 2602.02710).  The two others are unbiased.  Wrong
answers earn 0: in the game of Mohri et al. (2026) the best response to KL(delta, nu) is exp(1[z
right]/(beta nu)), which needs 1/nu and no logarithm of 0.
"""

from typing import Any, Literal, Unpack

from polyest import counts
from polyest.arrays import Array, doubles, library
from polyest.errors import InvalidReward
from polyest.reals import finite, reals
from polyest.rewards.estimates import counted, filled, group_sizes, summable
from polyest.rewards.options import GATED, LOWEST, TABLES, Options, parse_options
from polyest.values import among, shown, whole

OBJECTIVES = ("accuracy", "log", "pass@k")


def ground_truth(
    answers: Array,
    truth: Array,
    *,
    objective: Literal["accuracy", "log", "pass@k"] = "accuracy",
    k: int | None = None,
    beta: float = 1.0,
    **options: Unpack[Options],
) -> Array:
    """Reward a right answer with an estimate of beta times the derivative of a goal, and others with 0.

        objective     J(nu)             r/beta where right         K draws, X = index
        "accuracy"    nu                1
        "log"         log nu            (K+1)/(X+1)
        "pass@k"      1 - (1-nu)^k      k C(K-X, k-1)/C(K, k-1)

    Each is an estimate of J'(nu), where nu is the probability of the right answer.  "accuracy" and "pass@k"
    are unbiased.  "log" is unbiased for the first K + 1 terms of the series of 1/nu, as in MaxRL.

    Parameters
    ----------
    answers : integer Array, (prompts, G) or (N,)
        The id of each completion's answer: (N,) with groups=.
    truth : integer Array, (prompts,) or in the shape of the answers
        The right answers.
    objective : {"accuracy", "log", "pass@k"}
        The goal J.
    k : int or None
        The number of attempts, from 1 to K + 1; for "pass@k" only.
    beta : float
        The factor of the rewards, a positive number.
    **options : Options
        All of `Options` except those that choose a table, `where` and `bonus`.

    Returns
    -------
    float64 Array
        The rewards, in the shape of the answers.  A completion without an answer counts as wrong and earns
        0, or nan with unanswered="exclude".

    Raises
    ------
    CountOutOfRange
        If answers are not integers, shapes do not match, or a group is too small for its baseline.
    InvalidProblem
        If `baseline` or `counting` is unknown.
    InvalidReward
        If an argument is not valid, `truth` does not have a matching shape, or k is above K + 1.
    UnknownOption
        If a keyword is not one of those options.

    References
    ----------
    Tajwar et al., MaxRL, arXiv 2602.02710, for "log".  Chen et al. (2021), arXiv 2107.03374, for "pass@k".

    Examples
    --------
    >>> ground_truth([[7, 7, 3, 5]], [7], objective="log").tolist()  # K = 2, X = 1: 3/2
    [[1.5, 1.5, 0.0, 0.0]]
    >>> ground_truth([[7, 7, 3, 5]], [7], objective="pass@k", k=2).tolist()  # 2 (1 - 1/2)
    [[1.0, 1.0, 0.0, 0.0]]
    """
    if not among(objective, OBJECTIVES):
        raise InvalidReward(
            f"objective is {shown(objective)}: expected one of {', '.join(OBJECTIVES)}"
        )
    if (objective == "pass@k") != (k is not None):
        raise InvalidReward(
            f"k is {shown(k)} with objective {shown(objective)}: expected k with objective pass@k only; "
            "leave it out"
        )
    if k is not None and not whole(k, 1):
        raise InvalidReward(f"k is {shown(k)}: expected an integer of at least 1")
    wanted: Options = {"unanswered": LOWEST, **options}
    how = parse_options("log", beta, 1, wanted, but=(*TABLES, *GATED))
    seen = counted(answers, wanted)
    answer = counts.integers("answers", answers, answers)
    right = doubles(_right(answer, counts.integers("truth", truth, answer)))
    estimate: Any = 1.0
    most = 1.0
    if objective == "log":
        estimate, most = _inverse(seen), seen.distinct[-1] + 1.0
    elif k is not None:
        estimate, most = _subsets(seen, int(k)), float(k)
    largest = group_sizes(seen, wanted)[-1]
    paid = summable(how.beta * right * estimate, how.beta * most, largest, wanted)
    return filled(paid, seen.answered, 0.0, wanted)


def _right(answer: Array, truth: Array) -> Array:
    """Whether each answer is the right one of its prompt."""
    if truth.ndim == 1 and answer.ndim == 2 and truth.shape == answer.shape[:1]:
        truth = truth[:, None]
    elif truth.shape != answer.shape:
        raise InvalidReward(
            f"truth of shape {tuple(truth.shape)} for answers of shape {tuple(answer.shape)}: expected one "
            "right answer for each prompt or for each completion"
        )
    return answer == truth


def _inverse(seen: counts.Counts) -> Array:
    """(K+1)/(X+1)."""
    ahead = doubles(seen.index) + 1
    return (0 * ahead + seen.draws + 1) / ahead  # torch rounds a number over a tensor twice


def _subsets(seen: counts.Counts, k: int) -> Array:
    """k C(K-X, k-1)/C(K, k-1): k times the share of (k-1)-subsets of the draws without the answer."""
    if seen.distinct[0] < k - 1:
        raise InvalidReward(
            f"k is {k} and K = {seen.distinct[0]}: k (1-nu)^(k-1) has no unbiased estimate from fewer than "
            f"{k - 1} draws; use a smaller k or larger groups"
        )
    others = seen.draws - doubles(seen.index)
    share = 1.0 + 0.0 * others
    for i in range(k - 1):
        share = share * library(others).clip(others - i, 0, None) / (seen.draws - i)
    return k * share


def standard(scores: Array) -> Array:
    """Reward each completion with its score, unchanged.

        r_i = score of completion i

    This is the reward of standard reinforcement learning, here so that all goals of the games have one: the
    best response to the goal R(nu) = -E_nu r is q ~ exp(r/beta), whose reward beta log q is r.

    Parameters
    ----------
    scores : Array
        Finite real numbers, of any shape.

    Returns
    -------
    float64 Array
        The scores, in the same shape.

    Raises
    ------
    InvalidReward
        If a score is not a finite number.

    Examples
    --------
    >>> standard([[1, 0, 0.5]]).tolist()
    [[1.0, 0.0, 0.5]]
    """
    return finite(
        reals("scores", scores, scores),
        "scores hold nan or an infinity: expected finite ones; score a failure with the least there is",
    )

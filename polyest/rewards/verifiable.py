"""Rewards from a verifier: right answers that are known (RLVR, SFT), or any score (standard RL).

Where the goal J is a function of the probability nu of the right answer, a completion with that answer earns
J'(nu):

    objective     J(nu)             J'(nu)                        estimate, K draws, X = index
    "accuracy"    nu                1                             1
    "log"         log nu            1/nu, cut to K + 1 terms      (K+1)/(X+1)
    "pass@k"      1 - (1-nu)^k      k (1-nu)^(k-1)                k C(K-X, k-1)/C(K, k-1)

E (K+1)/(X+1) = (1 - (1-nu)^(K+1))/nu = sum_{j=0..K} (1-nu)^j exactly.  No table is unbiased for 1/nu; this
one is unbiased for the gradient of -sum_{j=1..K+1} (1-nu)^j/j, the objective of MaxRL (Tajwar et al., arXiv
2602.02710).  The two others are unbiased.  Wrong answers earn 0: in the game of Mohri et al. (2026) the
best response to KL(delta, nu) is exp(1[z right]/(beta nu)), which needs 1/nu and no logarithm of 0.
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
    """Reward the right answer with an estimate of beta times the derivative of a goal, and any other with 0.

        objective     J(nu)             r/beta where right         K draws, X = index
        "accuracy"    nu                1
        "log"         log nu            (K+1)/(X+1)
        "pass@k"      1 - (1-nu)^k      k C(K-X, k-1)/C(K, k-1)

    The estimates are of J'(nu), nu the probability of the right answer; the module says what their means are.

    Parameters
    ----------
    answers : integer Array, (prompts, G) or (N,)
        The answer of each completion: (N,) with groups=.
    truth : integer Array, (prompts,) or in the shape of the answers
        The right answers.
    objective : {"accuracy", "log", "pass@k"}
        The goal J.
    k : int or None
        How many completions may try, from 1 to K + 1; for "pass@k" only.
    beta : float
        The factor of the rewards, positive.
    **options : Options
        All but those that say which table, and but `where` and `bonus`.

    Returns
    -------
    float64 Array
        The rewards, in the shape of the answers.  A completion without an answer is wrong and earns 0;
        unanswered="exclude" gives it nan.

    Raises
    ------
    CountOutOfRange
        If answers are not integers, shapes do not fit, or a group is too small for its baseline.
    InvalidProblem
        If `baseline` or `counting` is unknown.
    InvalidReward
        If an argument is not valid, `truth` does not fit the answers, or k is above K + 1.
    UnknownOption
        If a keyword is none of those options.

    References
    ----------
    Tajwar et al., MaxRL, arXiv 2602.02710, for "log".

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
    """Reward each completion with its score, as it is.

        r_i = score of completion i

    The best response to R(nu) = -E_nu r is q ~ exp(r/beta), whose reward beta log q is r.

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

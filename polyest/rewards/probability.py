"""Rewards that estimate a function of nu, the probability of a completion's own answer.

    log_probability     beta log nu            rewards consistency: frequent answers earn more
    tsallis             beta (nu^(q-1) - 1)/(q-1)
    polynomial          beta sum_m a_m nu^m    exactly unbiased up to degree K (U-statistics)
    pass_at             beta (1 - (1 - nu)^k)  exactly unbiased up to k = K

The algorithms are those of Mohri, Schneider and Wu, *Distributional Alignment Games* (2026), who use
the share X/K in place of nu.
"""

from collections.abc import Iterable
from typing import Any, SupportsFloat, Unpack

from polyest.arrays import Array
from polyest.errors import InvalidProblem, InvalidReward
from polyest.rewards.estimates import estimated
from polyest.rewards.options import Options
from polyest.values import real, shown, whole

HIGHEST = 1024  # order of a Tsallis logarithm


def log_probability(answers: Array, *, beta: float = 1.0, **options: Unpack[Options]) -> Array:
    """Estimate beta times the log-probability of each completion's own answer.

        r_i = beta c[index_i],    E[r_i | z_i = z] close to beta log nu(z)

    nu(z) is the probability that the policy gives the answer z, and c a table of the log.  The worst-case
    weighted bias of c, sup_p |p (E c_X - log p)|, is certified (`Table.bias`).

    Parameters
    ----------
    answers : integer Array, (prompts, G) or (N,)
        The id of each completion's answer: (N,) with groups=.
    beta : float
        The factor of the rewards, a positive number.
    **options : Options
        The options that rewards from counts have in common, as in `Options`.

    Returns
    -------
    float64 Array
        The rewards r, in the shape of the answers; nan for a completion without an answer, unless
        unanswered="lowest".

    Raises
    ------
    CountOutOfRange
        If answers are not integers, shapes do not match, or a group is too small for its baseline.
    InvalidProblem
        If baseline or counting is unknown, or criterion and budget do not go together.
    InvalidReward
        If beta or an option is not valid, or table= is given beside the keywords of a released table.
    UnknownOption
        If a keyword is not one of the options.
    Mismatch
        If the Table given as table= has another target or another sample size.
    TableNotFound
        If no such table was released.
    CorruptTable
        If the table's file differs from the released one.

    References
    ----------
    Mohri, Schneider and Zhong (2026), for the minimax and variance-optimal programs.

    Examples
    --------
    >>> log_probability([[7, 7, 7, 7, 3]], table="harmonic").round(3).tolist()  # K = 3
    [[0.0, 0.0, 0.0, 0.0, -1.833]]
    """
    return estimated(answers, "log", beta, options)[0]


def polynomial(
    answers: Array,
    coefficients: Iterable[SupportsFloat],
    *,
    beta: float = 1.0,
    **options: Unpack[Options],
) -> Array:
    """Estimate a polynomial of the probability of each completion's answer without bias (U-statistic).

        r_i = beta sum_m a_m C(X,m)/C(K,m),    X = index_i,    E[r_i | z_i = z] = beta sum_m a_m nu(z)^m

    Parameters
    ----------
    answers : integer Array, (prompts, G) or (N,)
        The id of each completion's answer: (N,) with groups=.
    coefficients : iterable of float
        The finite numbers a_0, a_1, ...; (0, 1) rewards nu, and (1, -1) rewards 1 - nu as Gini's index
        does.
    beta : float
        The factor of the rewards, a positive number.
    **options : Options
        All of `Options` except those that choose a table, because the estimate needs none.

    Returns
    -------
    float64 Array
        The rewards r, in the shape of the answers; nan for a completion without an answer, unless
        unanswered="lowest".

    Raises
    ------
    CountOutOfRange
        If answers are not integers, shapes do not match, or a group is too small for its baseline.
    InvalidProblem
        If the degree is above K, where no unbiased estimate exists, a coefficient is not finite, or
        baseline or counting is unknown.
    InvalidReward
        If the coefficients are not numbers, beta or an option is not valid, or a table is named.
    UnknownOption
        If a keyword is not one of the options.

    References
    ----------
    Hoeffding, A class of statistics with asymptotically normal distribution (1948).

    Examples
    --------
    >>> polynomial([[7, 7, 7, 3, 5]], (0, 0, 1)).tolist()  # two of three others are alike: C(2,2)/C(3,2)
    [[0.3333333333333333, 0.3333333333333333, 0.3333333333333333, 0.0, 0.0]]
    """
    return estimated(answers, of_powers(coefficients), beta, options)[0]


def tsallis(answers: Array, q: float, *, beta: float = 1.0, **options: Unpack[Options]) -> Array:
    """Estimate beta times the Tsallis logarithm of the probability of each completion's own answer.

        E[r_i | z_i = z] close to beta (nu(z)^(q-1) - 1)/(q-1),    the natural logarithm for q = 1

    For q = 2, 3, ... this is a polynomial of degree q - 1 in nu and is estimated without bias.  For other q
    a released table is looked up.

    Parameters
    ----------
    answers : integer Array, (prompts, G) or (N,)
        The id of each completion's answer: (N,) with groups=.
    q : float
        The order, positive and below 1024.
    beta : float
        The factor of the rewards, a positive number.
    **options : Options
        The options of `Options`; if q is 2, 3, ..., without those that choose a table.

    Returns
    -------
    float64 Array
        The rewards r, in the shape of the answers; nan for a completion without an answer, unless
        unanswered="lowest".

    Raises
    ------
    CountOutOfRange
        If answers are not integers, shapes do not match, or a group is too small for its baseline.
    InvalidProblem
        If q - 1 is an integer above K, baseline or counting is unknown, or criterion and budget do not go
        together.
    InvalidReward
        If q, beta or an option is not valid, table= is given beside the keywords of a released table, or a
        table is named although the target is a polynomial.
    UnknownOption
        If a keyword is not one of the options.
    Mismatch
        If the Table given as table= has another target or another sample size.
    TableNotFound
        If no such table was released for q.
    CorruptTable
        If the table's file differs from the released one.

    References
    ----------
    Tsallis, Journal of Statistical Physics 52 (1988).

    Examples
    --------
    >>> tsallis([[7, 7, 7, 3]], 2).tolist()  # nu - 1
    [[0.0, 0.0, 0.0, -1.0]]
    """
    if not 0 < real(q) < HIGHEST:
        raise InvalidReward(f"q is {shown(q)}: expected a positive order below {HIGHEST}")
    q = float(q)
    if q == 1:
        return estimated(answers, "log", beta, options)[0]
    if q == int(q):
        n = int(q) - 1
        return estimated(answers, of_powers([-1 / n, *[0] * (n - 1), 1 / n]), beta, options)[0]
    return estimated(answers, f"tsallis:{q!r}", beta, options)[0]


def pass_at(answers: Array, k: int, *, beta: float = 1.0, **options: Unpack[Options]) -> Array:
    """Estimate beta times the probability that one of k completions has the answer, without bias.

        r_i = beta (1 - C(K-X,k)/C(K,k)),    X = index_i,    E[r_i | z_i = z] = beta (1 - (1 - nu(z))^k)

    Parameters
    ----------
    answers : integer Array, (prompts, G) or (N,)
        The id of each completion's answer: (N,) with groups=.
    k : int
        The number of attempts, from 1 to K.
    beta : float
        The factor of the rewards, a positive number.
    **options : Options
        All of `Options` except those that choose a table, because the estimate needs none.

    Returns
    -------
    float64 Array
        The rewards r, in the shape of the answers; nan for a completion without an answer, unless
        unanswered="lowest".

    Raises
    ------
    CountOutOfRange
        If answers are not integers, shapes do not match, or a group is too small for its baseline.
    InvalidProblem
        If k is not an integer from 1 to K, or baseline or counting is unknown.
    InvalidReward
        If beta or an option is not valid, or a table is named.
    UnknownOption
        If a keyword is not one of the options.

    References
    ----------
    Chen et al. (2021), arXiv 2107.03374.

    Examples
    --------
    >>> pass_at([[7, 7, 3, 5, 5]], 2).round(3).tolist()
    [[0.667, 0.667, 0.0, 0.667, 0.667]]
    """
    return estimated(answers, ("pass_at", parsed_attempts(k)), beta, options)[0]


def parsed_attempts(k: object) -> int:
    """The number of completions that may try; InvalidProblem where it is none."""
    attempts: Any = k
    if not whole(attempts, 1):
        raise InvalidProblem(
            f"k is {shown(k)}: expected the number of attempts of pass@k, an integer of at least 1"
        )
    return int(attempts)


def of_powers(coefficients: Iterable[SupportsFloat]) -> tuple[str, tuple[float, ...]]:
    """The target of a polynomial: its closed form, and what that takes beside K."""
    try:
        return "polynomial", tuple(float(a) for a in coefficients)
    except (TypeError, ValueError, OverflowError):
        raise InvalidReward(
            f"coefficients are {shown(coefficients)}: expected numbers a_0, a_1, ..."
        ) from None

"""Rewards that estimate a function of nu, the probability of a completion's own answer.

    log_probability     beta log nu            KL game: consistency
    tsallis             beta (nu^(q-1) - 1)/(q-1)
    polynomial          beta sum_m a_m nu^m    exactly unbiased up to degree K (U-statistics)
    pass_at             beta (1 - (1 - nu)^k)  exactly unbiased up to k = K

The algorithms are those of Mohri, Schneider, Wu and Zhong, *Distributional Alignment Games* (2026), which
put X/K for nu.
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

    Parameters
    ----------
    answers : integer Array, (prompts, G) or (N,)
        The answer of each completion: (N,) with groups=.
    beta : float
        The factor of the rewards, positive.
    **options : Options
        Those of every reward that is looked up, as in `Options`.

    Returns
    -------
    float64 Array
        The rewards r, in the shape of the answers; nan for a completion without an answer, unless
        unanswered="lowest".

    Raises
    ------
    CountOutOfRange
        If answers are not integers, shapes do not fit, or a group is too small for its baseline.
    InvalidProblem
        If baseline or counting is unknown, or criterion and budget pose no problem.
    InvalidReward
        If beta or an option is not valid, or the table is named in two ways.
    UnknownOption
        If a keyword is none of the options.
    Mismatch
        If the Table of table= has another target or another sample size.
    TableNotFound
        If no such table was released.
    CorruptTable
        If the file of the table is not what was released.

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
    """Estimate without bias a polynomial of the probability of each completion's own answer, by U-statistics.

        r_i = beta sum_m a_m C(X,m)/C(K,m),    X = index_i,    E[r_i | z_i = z] = beta sum_m a_m nu(z)^m

    Parameters
    ----------
    answers : integer Array, (prompts, G) or (N,)
        The answer of each completion: (N,) with groups=.
    coefficients : iterable of float
        Finite a_0, a_1, ...; (0, 1) is nu, as in the Euclidean game, (1, -1) Gini's 1 - nu.
    beta : float
        The factor of the rewards, positive.
    **options : Options
        All but those that say which table, as the estimate needs none.

    Returns
    -------
    float64 Array
        The rewards r, in the shape of the answers; nan for a completion without an answer, unless
        unanswered="lowest".

    Raises
    ------
    CountOutOfRange
        If answers are not integers, shapes do not fit, or a group is too small for its baseline.
    InvalidProblem
        If the degree is above K, which leaves no unbiased estimate, a coefficient is not finite, or baseline
        or counting is unknown.
    InvalidReward
        If coefficients are not numbers, beta or an option is not valid, or a table is named.
    UnknownOption
        If a keyword is none of the options.

    Examples
    --------
    >>> polynomial([[7, 7, 7, 3, 5]], (0, 0, 1)).tolist()  # two of three others are alike: C(2,2)/C(3,2)
    [[0.3333333333333333, 0.3333333333333333, 0.3333333333333333, 0.0, 0.0]]
    """
    return estimated(answers, of_powers(coefficients), beta, options)[0]


def tsallis(answers: Array, q: float, *, beta: float = 1.0, **options: Unpack[Options]) -> Array:
    """Estimate beta times the Tsallis logarithm of the probability of each completion's own answer.

        E[r_i | z_i = z] close to beta (nu(z)^(q-1) - 1)/(q-1),    the natural logarithm for q = 1

    For q = 2, 3, ... this is a polynomial of degree q - 1, estimated without bias; for others a released
    table is looked up.

    Parameters
    ----------
    answers : integer Array, (prompts, G) or (N,)
        The answer of each completion: (N,) with groups=.
    q : float
        The order, positive and below 1024.
    beta : float
        The factor of the rewards, positive.
    **options : Options
        Those of `Options`; where q is 2, 3, ... none that say which table.

    Returns
    -------
    float64 Array
        The rewards r, in the shape of the answers; nan for a completion without an answer, unless
        unanswered="lowest".

    Raises
    ------
    CountOutOfRange
        If answers are not integers, shapes do not fit, or a group is too small for its baseline.
    InvalidProblem
        If q - 1 is an integer above K, baseline or counting is unknown, or criterion and budget pose no
        problem.
    InvalidReward
        If q, beta or an option is not valid, or the table is named in two ways, or for a polynomial.
    UnknownOption
        If a keyword is none of the options.
    Mismatch
        If the Table of table= has another target or another sample size.
    TableNotFound
        If no such table was released for q.
    CorruptTable
        If the file of the table is not what was released.

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
    """Estimate without bias beta times the chance that one of k completions has the answer.

        r_i = beta (1 - C(K-X,k)/C(K,k)),    X = index_i,    E[r_i | z_i = z] = beta (1 - (1 - nu(z))^k)

    Parameters
    ----------
    answers : integer Array, (prompts, G) or (N,)
        The answer of each completion: (N,) with groups=.
    k : int
        How many completions may try, from 1 to K.
    beta : float
        The factor of the rewards, positive.
    **options : Options
        All but those that say which table, as the estimate needs none.

    Returns
    -------
    float64 Array
        The rewards r, in the shape of the answers; nan for a completion without an answer, unless
        unanswered="lowest".

    Raises
    ------
    CountOutOfRange
        If answers are not integers, shapes do not fit, or a group is too small for its baseline.
    InvalidProblem
        If k is not an integer from 1 to K, or baseline or counting is unknown.
    InvalidReward
        If beta or an option is not valid, or a table is named.
    UnknownOption
        If a keyword is none of the options.

    References
    ----------
    Chen et al. (2021).

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

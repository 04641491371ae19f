"""Rewards that estimate a function of nu, the probability of a completion's own answer.

    log_probability     beta log nu            KL game: consistency
    diversity           -beta log nu, beta (1 - nu), beta (log prior - log nu)
    tsallis             beta (nu^(q-1) - 1)/(q-1)
    polynomial          beta sum_m a_m nu^m    exactly unbiased up to degree K (U-statistics)
    pass_at             beta (1 - (1 - nu)^k)  exactly unbiased up to k = K

The algorithms are those of Mohri, Schneider, Wu and Zhong, *Distributional Alignment Games* (2026), which
put X/K for nu.
"""

from collections.abc import Iterable
from typing import Any, Literal, Unpack, cast

from polyest import counts
from polyest.arrays import Array, library
from polyest.errors import InvalidProblem, InvalidReward
from polyest.reals import reals
from polyest.rewards.estimates import estimated, group_sizes, summable
from polyest.rewards.options import Options
from polyest.rewards.renamed import current_options
from polyest.values import among, real, shown, whole

MEASURES = ("entropy", "gini", "exploration")
HIGHEST = 1024  # order of a Tsallis logarithm


def log_probability(answers: Array, *, beta: float = 1.0, **options: Unpack[Options]) -> Array:
    """Estimates of beta log nu(z), z the answer of the completion.

    r_i = beta c[index_i],    E[r_i | z_i = z] close to beta log nu(z)

    answers: integers (prompts, G), or (N,) with groups=.
    options: as in `Options`.

    Returns r, float64 in the shape of the answers; nan for a completion without answer, unless
    unanswered="lowest".  Raises CountOutOfRange, InvalidProblem, InvalidReward, Mismatch, TableNotFound.
    Source: the minimax and variance-optimal programs of Mohri, Schneider and Zhong (2026).

    >>> log_probability([[7, 7, 7, 7, 3]], table="harmonic").round(3).tolist()  # K = 3
    [[0.0, 0.0, 0.0, 0.0, -1.833]]
    """
    return estimated(answers, "log", beta, options)[0]


def polynomial(
    answers: Array, coefficients: Iterable[Any], *, beta: float = 1.0, **options: Unpack[Options]
) -> Array:
    """Unbiased estimates of beta sum_m a_m nu(z)^m, by U-statistics.

    r_i = beta sum_m a_m C(X,m)/C(K,m),    X = index_i

    answers, options and the result: as in `log_probability`.
    coefficients: a_0, a_1, ..., finite; (0, 1) is nu, as in the Euclidean game, (1, -1) Gini's 1 - nu.

    Raises InvalidProblem where the degree is above K, which leaves no unbiased estimate, and as
    `log_probability` does.

    >>> polynomial([[7, 7, 7, 3, 5]], (0, 0, 1)).tolist()  # two of three others are alike: C(2,2)/C(3,2)
    [[0.3333333333333333, 0.3333333333333333, 0.3333333333333333, 0.0, 0.0]]
    """
    return estimated(answers, of_powers(coefficients), beta, options)[0]


def tsallis(answers: Array, q: float, *, beta: float = 1.0, **options: Unpack[Options]) -> Array:
    """Estimates of beta (nu(z)^(q-1) - 1)/(q-1), the Tsallis logarithm; the natural one for q = 1.

    For q = 2, 3, ... this is a polynomial of degree q - 1, estimated without bias; for others a released
    table is looked up.

    answers, options and the result: as in `log_probability`.
    q: the order, positive.

    Raises InvalidReward for another q, TableNotFound where nothing is released for q, and as `polynomial`
    does.

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
    """Unbiased estimates of beta (1 - (1 - nu(z))^k), the chance that one of k completions has the answer.

    r_i = beta (1 - C(K-X,k)/C(K,k)),    X = index_i,    1 <= k <= K

    answers, options and the result: as in `log_probability`.

    Raises InvalidProblem for any other k, and as `log_probability` does.  Source: Chen et al. (2021).

    >>> pass_at([[7, 7, 3, 5, 5]], 2).round(3).tolist()
    [[0.667, 0.667, 0.0, 0.667, 0.667]]
    """
    if not whole(k, 1):
        raise InvalidProblem(
            f"k is {shown(k)}: how many completions may try, an integer of at least 1"
        )
    return estimated(answers, ("pass_at", k), beta, options)[0]


def diversity(
    answers: Array,
    *,
    measure: Literal["entropy", "gini", "exploration"] = "entropy",
    prior: Array | None = None,
    beta: float = 1.0,
    **options: Unpack[Options],
) -> Array:
    """Rewards for rare answers: beta times an estimate of -log nu(z), or of 1 - nu(z) without bias.

    entropy -log nu,   gini 1 - nu,   exploration log Q - log nu

    answers, options and the result: as in `log_probability`; with "exploration" unanswered="lowest" pays the
    least that a count could earn and beta times the least of the priors.
    measure: the functional of diversity, "entropy" (default), "gini" or "exploration".
    prior: log Q of each completion's answer, finite, in the shape of the answers, for "exploration" only.

    Raises as `log_probability` does.  Source: Diversity-GRPO.

    A completion without answer has nan, and 0 times nan is nan.  So right * (1 + diversity(answers)) leaves
    it out, with advantage 0, while a wrong answer earns 0, which is below the mean: saying nothing would be
    better than being wrong.  Use np.where, or ask for unanswered="lowest":

    >>> import numpy as np
    >>> answers = np.array([[7, 7, 3, 5, -1]])
    >>> right, d = answers == 7, diversity(answers, measure="gini")
    >>> d.round(3).tolist()
    [[0.667, 0.667, 1.0, 1.0, nan]]
    >>> np.where(right, 1 + d, 0).round(3).tolist()
    [[1.667, 1.667, 0.0, 0.0, 0.0]]
    >>> (right * (1 + diversity(answers, measure="gini", unanswered="lowest"))).round(3).tolist()
    [[1.667, 1.667, 0.0, 0.0, 0.0]]
    """
    if "kind" in options:  # the name of measure= until 1.0
        both = {} if measure == "entropy" else {"measure": measure}
        given = current_options("diversity", {**options, **both})
        measure = given.pop("measure")
        options = cast(Options, given)
    if not among(measure, MEASURES):
        raise InvalidReward(f"measure is {shown(measure)}: expected one of {', '.join(MEASURES)}")
    if (measure == "exploration") != (prior is not None):
        raise InvalidReward(
            f"measure {shown(measure)} {'needs' if prior is None else 'takes no'} prior=, log Q of each "
            "answer"
        )
    if measure == "gini":
        return estimated(answers, of_powers((1, -1)), beta, options)[0]
    paid, seen = estimated(answers, "log", beta, options, sign=-1)
    if prior is None:
        return paid
    return _explored(paid, seen, prior, float(beta), options)


def _explored(paid: Array, seen: counts.Counts, prior: Any, beta: float, options: Options) -> Array:
    """Rewards of -log nu with beta log Q added.  The host reads the prior, and checks it."""
    xp, answered = library(paid), seen.answered
    believed = reals("prior", prior, paid, "log Q of each answer")
    known = believed[answered] if believed.shape == paid.shape else believed.reshape(-1)[:0]
    if believed.shape != paid.shape or not xp.isfinite(known).all():
        raise InvalidReward(
            f"prior of shape {tuple(believed.shape)}: expected finite log Q in the shape "
            f"{tuple(paid.shape)} of the answers; give what Q does not know a small probability"
        )
    if not len(known):
        return paid
    paid = paid + beta * xp.where(answered, believed, float(known.min()))
    most = float(abs(xp.nan_to_num(paid)).max())
    return summable(paid, most, group_sizes(seen, options)[-1], options)


def of_powers(coefficients: Iterable[Any]) -> tuple[str, tuple[float, ...]]:
    """The target of a polynomial: its closed form, and what that takes beside K."""
    try:
        return "polynomial", tuple(float(a) for a in coefficients)
    except (TypeError, ValueError, OverflowError):
        raise InvalidReward(
            f"coefficients are {shown(coefficients)}: expected numbers a_0, a_1, ..."
        ) from None

"""This module explains a reward that is a function of the count: what it optimises and what it estimates.

A reward f(X) of the in-group count X acts as the table of the entries f(1), f(2), ... (counts.py): in a
group of G under a group mean the table of K = G - 2, without a baseline that of K = G - 1.  With P its
mean, the expected gradient is sum_z P(p_z) grad p_z, up to the factor (G-1)/G under a group mean.  It is
the gradient of

    sum_z F(p_z),   F(p) = int_0^p P = sum_k (c_0 + ... + c_(k-1))/(K+1) B_k,K+1(p).

For a target phi write P = s phi + b + error, with a scale s and an offset b.  The scale only changes the
learning rate, and the offset has no effect if the baseline removes constants (otherwise b = 0).  `explain`
takes the s and b for which (c - b)/s has the least sup|p (P - phi)|, by a linear program on points of [0,
1], and proves the bias and the variance of these entries.  Which target is the best is found by comparison
and not proved.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from math import comb, isfinite
from operator import eq, ge, gt, le, lt, ne
from typing import SupportsIndex

import numpy as np

from polyest.arrays import Floats
from polyest.counts import Baseline, draws
from polyest.errors import InvalidProblem, NotProved, PolyestError
from polyest.make.pipeline import solve
from polyest.problem.bernstein import expectation
from polyest.problem.claims import Bracket, Certificate
from polyest.problem.criteria import DEFAULT
from polyest.problem.expressions.expression import LARGEST, LEAST
from polyest.problem.expressions.fields import Floats as Arithmetic
from polyest.problem.expressions.fields import evaluate
from polyest.problem.expressions.grammar import read
from polyest.problem.expressions.symbol import answered
from polyest.problem.problem import LARGEST_LISTED, pose
from polyest.problem.targets import Target, parse
from polyest.proof.certify import measure, noise_unit
from polyest.solvers.affine import least_affine
from polyest.tables.table import Table
from polyest.values import clipped, plain, real, shown

__all__ = ["Explanation", "Fit", "explain"]

Reward = str | Sequence[float] | Callable[[int], float]

COMPARISONS = {">=": ge, "<=": le, "==": eq, "!=": ne, ">": gt, "<": lt}
HIGHEST_EXACT = 8  # greatest degree of a mean that is named as a polynomial
SAME = 1e-10  # relative difference to a polynomial that is taken for rounding
COARSE = tuple(round(i / 20, 2) for i in range(-19, 81) if i)  # exponents of powers that are tried
FINE = tuple(i / 100 for i in range(-4, 5))  # and those around the best of them
EQUAL = 1e-12  # relative difference of entries that are taken for equal


@dataclass(frozen=True)
class Fit:
    """A target that the reward estimates, with the scale and the offset of the best fit.

        E reward = scale phi(p) + offset + error

    Attributes
    ----------
    target : str
        The name of the target.
    scale : float
        The factor of phi.
    offset : float
        The constant.
    share : float
        The worst-case weighted bias, as a share of that of the best constant: 0 for an exact estimate, 1 if
        the reward is no better than a constant.  It ranks the targets and is not proved.
    certificate : Certificate or None
        The certificate of the entries (reward - offset)/scale as an estimate of phi; None if a proof fails.
    """

    target: str
    scale: float
    offset: float
    share: float
    certificate: Certificate | None

    @property
    def bias(self) -> Bracket | None:
        """Proved bracket of sup|p (P - phi)| of (reward - offset)/scale, or None."""
        return None if self.certificate is None else self.certificate.bias


@dataclass(frozen=True)
class Explanation:
    """The explanation of a reward: what it pays in a group, and what it estimates.

    Attributes
    ----------
    group : int
        The number G of completions of a prompt.
    baseline : str
        What the trainer subtracts.
    coefficients : float64 array (K+1,)
        The entries c_0..c_K: the rewards of the counts 1..K+1.
    fits : tuple of Fit
        The best target of each family, the best first.
    better : Table or None
        A table for the best target with less bias than the reward and at most its variance; None if there
        is none, or none could be proved.
    reason : str
        The reason why there is no better table, or an empty text.
    """

    group: int
    baseline: Baseline
    coefficients: Floats
    fits: tuple[Fit, ...]
    better: Table | None
    reason: str

    @property
    def K(self) -> int:
        """Sample size: G - 2 under a group mean, and G - 1 under the other baselines."""
        return len(self.coefficients) - 1

    @property
    def best(self) -> Fit:
        """The best fit among the targets that were tried."""
        return self.fits[0]

    def mean(self, p: float) -> float:
        """Return P(p), the mean reward of an answer of probability p before the baseline is subtracted.

            P(p) = sum_k c_k B_{k,K}(p)

        Parameters
        ----------
        p : float
            The probability, in [0, 1].

        Returns
        -------
        float
            The mean of the table of these entries.
        """
        return float(expectation(self.coefficients.tolist(), p))

    def functional(self, p: float) -> float:
        """Return F(p), whose sum over all answers the reward maximises.

            F(p) = int_0^p P

        Parameters
        ----------
        p : float
            The probability, in [0, 1].

        Returns
        -------
        float
            The integral.
        """
        sums = np.append(0.0, np.cumsum(self.coefficients)) / (self.K + 1)
        return float(expectation(sums.tolist(), p))


def explain(
    reward: Reward, group: SupportsIndex = 16, *, baseline: Baseline = "group-mean"
) -> Explanation:
    """Explain which functional of the policy a reward optimises, if it is a function of the in-group count.

        E[gradient] = grad sum_z F(p_z),   F(p) = int_0^p P,   P(p) = E f(1 + X),  X ~ Binomial(K, p)

    Parameters
    ----------
    reward : str, sequence or callable
        The reward f(X) of a completion whose answer occurs X times in its group, itself included.  It is an
        expression of X and G such as "1/sqrt(X)" or "X >= 4", a list of the rewards of the counts 1..G or
        1..K+1, or a Python function of X.
    group : int
        The number G of completions of a prompt.
    baseline : {"group-mean", "none", "exact"}
        What the trainer subtracts: K = G - 2 under "group-mean", else G - 1.

    Returns
    -------
    Explanation
        The mean reward, the functional, the targets that the reward estimates, and a better table.

    Raises
    ------
    InvalidProblem
        If the reward is not a function of the count, has the wrong length or is not finite.
    CountOutOfRange
        If the group is too small for its baseline.

    Examples
    --------
    >>> found = explain("1 - X/G", 16)
    >>> found.best.target, round(found.best.scale, 6), round(found.best.offset, 6)
    ('polynomial:0,1', -0.875, 0.9375)
    """
    K = draws(group, baseline)
    if K > LARGEST_LISTED:
        raise InvalidProblem(
            f"group {shown(group)} under baseline {baseline!r} has K = {K}: expected K up to "
            f"{LARGEST_LISTED}; explain the reward in a smaller group"
        )
    G = int(group)
    entries = _entries(reward, G, K)
    free = baseline != "none"  # a baseline removes constants
    fits = sorted(_fits(entries, free), key=lambda fit: fit.share)
    fits = [fit for fit in fits if fit.scale] or fits[:1]
    better, reason = _better(fits[0], entries)
    return Explanation(G, baseline, entries, tuple(fits), better, reason)


def _entries(reward: Reward, G: int, K: int) -> Floats:
    """Return the rewards of the counts 1..K+1; raise InvalidProblem for rewards that are not K+1 numbers."""
    if isinstance(reward, str):
        values: Iterable[object] = _of_expression(reward, G)
    elif callable(reward):
        values = _of_function(reward, G)
    else:
        try:
            values = list(reward)
        except TypeError:
            raise InvalidProblem(
                f"reward {shown(reward)}: expected an expression of X and G, a function of X, or "
                f"the rewards of the counts 1..{G}"
            ) from None
    numbers = [_number(plain(value)) for value in values]
    if len(numbers) not in (K + 1, G):
        raise InvalidProblem(
            f"{len(numbers)} entries for a group of {G}: expected {G}, the rewards of the counts 1..{G}"
            + (
                f", or {K + 1}, those of 1..{K + 1}, because the last has no effect"
                if K + 1 < G
                else ""
            )
        )
    for count, value in enumerate(numbers, 1):
        if not isfinite(value) or abs(value) > LARGEST:
            raise InvalidProblem(
                f"the reward of count {count} is {value!r}: expected a finite number up to {LARGEST:g}"
            )
    entries = np.array(numbers[: K + 1])
    if np.ptp(entries) <= max(LEAST, EQUAL * np.abs(entries).max()):
        raise InvalidProblem(
            f"the rewards of the counts 1..{K + 1} are all {float(entries[0])!r}: expected at "
            "least two different values, because equal rewards have no gradient"
        )
    return entries


def _number(value: object) -> float:
    """Return a double, 1 or 0 for a truth value, and nan for what is no number."""
    return float(value) if isinstance(value, bool) else real(value)


def _of_expression(text: str, G: int) -> list[float]:
    """Return the values of an expression of X and G, or of a comparison of two, for X = 1..G."""
    sides = re.split(r"(>=|<=|==|!=|>|<)", text)
    if len(sides) not in (1, 3):
        raise InvalidProblem(f"expression {shown(text)}: expected at most one comparison")
    parts = [read(side, ("X", "G")) for side in sides[::2]]
    X = np.arange(1.0, G + 1)
    with np.errstate(all="ignore"):
        values = [
            np.broadcast_to(evaluate(part, {"X": X, "G": float(G)}, Arithmetic()), X.shape)
            for part in parts
        ]
    for part, value in zip(parts, values, strict=True):
        if not np.isfinite(value).all():
            count = int(np.flatnonzero(~np.isfinite(value))[0]) + 1
            raise InvalidProblem(
                f"expression {clipped(part.text)} is not finite at X = {count}: expected a number for every "
                f"count 1..{G}"
            )
    if len(values) == 1:
        return [float(x) for x in values[0]]
    return [float(x) for x in COMPARISONS[sides[1]](*values)]


def _of_function(reward: Callable[[int], float], G: int) -> Iterator[object]:
    """Yield the values of a function for X = 1..G."""
    for count in range(1, G + 1):
        yield answered(reward, count, f"the count {count}", f"a number for every count 1..{G}")


def _fits(entries: Floats, free: bool) -> Iterator[Fit]:
    """Yield the best fit of each family: polynomials, log, powers, and Tsallis where they are no powers.

    With a free offset, a Tsallis target is a power.
    """
    exact = _polynomial(entries, free)
    if exact is not None:
        name, scale, offset = exact
        yield Fit(name, scale, offset, 0.0, _certified(name, entries, scale, offset))
    yield _fitted("log", entries, free)
    for word, order in (("power", 0), ("tsallis", 1))[: 1 if free else 2]:
        names = {a: f"{word}:{a + order:g}" for a in COARSE}
        coarse = min(names, key=lambda a: _share(names[a], entries, free))
        near = [round(coarse + step, 2) for step in FINE]
        close = [f"{word}:{a + order:g}" for a in near if a > -1 and a]
        best = min(close, key=lambda name: _share(name, entries, free))
        yield _fitted(best, entries, free)


def _polynomial(entries: Floats, free: bool) -> tuple[str, float, float] | None:
    """Return the target, scale and offset of a mean of low degree, or None."""
    K = len(entries) - 1
    differences, powers = [Fraction(float(c)) for c in entries], list[Fraction]()
    for degree in range(min(HIGHEST_EXACT, K - 1) + 1):
        powers.append(comb(K, degree) * differences[0])
        differences = [b - a for a, b in pairwise(differences)]
        implied = [
            sum((a * Fraction(comb(k, m), comb(K, m)) for m, a in enumerate(powers)), Fraction(0))
            for k in range(K + 1)
        ]
        off = max(abs(float(a) - c) for a, c in zip(implied, entries, strict=True))
        if degree and off <= SAME * np.abs(entries).max():
            break
    else:
        return None
    scale = max(powers[1:], key=abs)
    offset = powers[0] if free else Fraction(0)
    shape = [float((a - (offset if m == 0 else 0)) / scale) for m, a in enumerate(powers)]
    name = parse("polynomial:" + ",".join(repr(_tidy(a)) for a in shape)).name
    return name, float(scale), float(offset)


def _tidy(value: float) -> float:
    """Return the value without what rounding left of it."""
    return round(value, 12) + 0.0


def _share(name: str, entries: Floats, free: bool) -> float:
    """Return the share of the bias for a target, on a few points."""
    return least_affine(entries, parse(name), free, 1).share


def _fitted(name: str, entries: Floats, free: bool) -> Fit:
    """Return the fit of a target, with its certificate."""
    fit = least_affine(entries, parse(name), free)
    if not fit.scale:
        return Fit(name, 0.0, 0.0, 1.0, None)
    certificate = _certified(name, entries, fit.scale, fit.offset)
    return Fit(name, fit.scale, fit.offset, fit.share, certificate)


def _certified(name: str, entries: Floats, scale: float, offset: float) -> Certificate | None:
    """Return what is proved of (entries - offset)/scale, or None."""
    try:
        return measure(parse(name), (entries - offset) / scale)
    except NotProved:
        return None


def _better(fit: Fit, entries: Floats) -> tuple[Table | None, str]:
    """Return a table for the target of a fit, of at most its variance and of less bias; or the reason."""
    K, proved = len(entries) - 1, fit.certificate
    if proved is None:
        return None, "not proved"
    if not fit.share:
        return None, "it is unbiased, up to rounding"
    target: Target = parse(fit.target)
    try:
        noise = proved.gradient_variance / noise_unit(pose(K, target, DEFAULT, noise=1.0))
        table = solve(K, target, noise=noise)
    except PolyestError as error:
        return None, f"not proved: {error}"
    if table.bias.upper < proved.bias.lower:
        return table, ""
    return None, "no table of its variance has less bias"

"""How far the policy moved between the last two visits of its prompts, and how far back `auto` looks.

    D = sum_x [U_G(n) + U_W(m) - 2 n.m/(G W)] / sum_x U_G(n),    U_N(n) = sum_z n_z (n_z - 1)/(N (N - 1))

n are the counts of a visit with G completions and m those of the one before it, with W.  Numerator and
denominator are unbiased for sum_x |p - q|^2 and sum_x |p|^2, if the policy did not learn from m.  It did, and
what it learned from these very draws is of first order in its step, where drift is of second: D is too large
where rare answers are paid more, and too small, even negative, where frequent ones are.

The window.  A window of v visits has n = v + 1 groups of G with its own.  By D and s = |p|^2 its frequencies
have, relative to |p|^2, the squared lag D (v/2)^2 and the noise (1 - s)/(s G n) where p moves straight on.
Lag is alike in all prompts of a step, where noise averages, so that it weighs LAG times as much.  Among the
windows whose feedback is stable (delay.py) `auto` takes the one with the least sum.  For the gain of an
update it takes the greatest that D allows: noise of variance (1 - s) |p|^2/(s G n) alone moves p by the gain
times that, so gain^2 <= D s G n/(1 - s), if rewards act on log nu.  D and s are those of other prompts.
While these are not known yet, as at the first visits, where the policy moves most, it looks at none.
"""

import numpy as np

from polyest import tallies
from polyest.arrays import Bools, Floats, Ints
from polyest.history.delay import stable_gain
from polyest.history.ids import NONE

UNIT = 2**40  # pairs are whole multiples of 1/UNIT, so that sums of them are exact in any order
RECENT = 4096  # prompts, those seen last, whose pairs are read
LEAST = 8  # other prompts, visited twice, by which `auto` decides; where there are fewer at all, one visit
MARGIN = 0.5  # of the gain that is stable
LAG = 2.0  # weight of squared lag beside noise


def pairs_of(now: Ints, G: Ints, then: Ints, W: Ints) -> Ints:
    """Numerators and denominators (prompts, 2) of D, in units of 1/UNIT; -1 where G or W is below 2.

    now, then: answers (prompts, n) and (prompts, m), filled up with `NONE`; G, W: (prompts,).
    """
    enough = (G > 1) & (W > 1)
    G, W = np.maximum(G, 2), np.maximum(W, 2)
    ours = _others(now) / (G * (G - 1))
    both = np.where(now == NONE, 0, tallies.in_pool(np, now, then)).sum(1)
    theirs = _others(then) / (W * (W - 1))
    terms = np.stack([ours + theirs - 2 * both / (G * W), ours], 1)
    return np.where(enough[:, None], np.rint(terms * UNIT).astype(np.int64), -1)


def recent(pairs: Ints, stamps: Ints, clock: int) -> Bools:
    """Whether the pair of each slot is read: there is one, and its prompt is among those seen last."""
    return (pairs[:, 1] >= 0) & (stamps >= clock - RECENT)


def ratio(pairs: Ints) -> float | None:
    """D of pairs, at least 0; None where no answer was drawn twice."""
    above, below = (int(total) for total in pairs.sum(0)) if len(pairs) else (0, 0)
    return max(above, 0) / below if below else None


def windows(pairs: Ints, read: Bools, slots: Ints, group: int, most: int, prompts: int) -> Ints:
    """How many visits `auto` looks back at, for each of these slots: by all other prompts, never its own.

    pairs: (all slots, 2); read: which of them are; group: completions of a visit; prompts: how many are kept.
    """
    own = np.where(read[slots][:, None], pairs[slots], 0)
    above, below = (pairs[read].sum(0) - own).T
    others = read.sum() - read[slots]
    known = (others >= LEAST) & (below > 0)
    s = np.minimum(below / np.maximum(others, 1) / UNIT, 1.0)
    D = np.maximum(above, 0) / np.where(known, below, 1)
    waits = (others < LEAST) & (prompts - (slots >= 0) >= LEAST)
    return np.where(known, best_window(D, s, group, most), np.where(waits, 0, 1))


def best_window(D: Floats, s: Floats, group: int, most: int) -> Ints:
    """The window, 0..most visits, of least squared lag and noise among those that are stable.

    D, s: drift and |p|^2, of one shape.

    >>> best_window(np.array([1.0, 0.1, 0.003, 0.0]), np.full(4, 0.2), 16, most=4).tolist()
    [0, 1, 4, 4]
    """
    v = np.arange(most + 1)
    D, s = D[..., None], np.clip(s, 1e-12, 1.0)[..., None]
    noise = (1 - s) / (s * group * (v + 1))  # of the frequencies, relative to |p|^2
    limits = np.array([stable_gain(int(n)) for n in v])
    stable = (MARGIN * limits) ** 2 * noise >= D
    stable[..., 0] = True
    return np.asarray(np.argmin(np.where(stable, LAG * D * (v / 2) ** 2 + noise, np.inf), axis=-1))


def _others(answers: Ints) -> Ints:
    """How many ordered pairs of completions of each row have equal answers."""
    if not answers.shape[1]:
        return np.zeros(len(answers), np.int64)
    times = tallies.in_rows(np, answers)
    return np.asarray(np.where(answers == NONE, 0, times - 1).sum(1))

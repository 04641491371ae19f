"""What a moved policy costs: the bias of c[M + X] where M are counts of an earlier policy.

    f(p, q) = p (E c[M + X] - log p),    M ~ Binomial(W, q),    X ~ Binomial(K - W, p)

over all p, and all q whose odds are between 1/d and d times those of p.  p E c[M + X] is a polynomial of p
and q, with coefficients c[m + x] in the Bernstein basis.  On a box of p and q it is one in the Bernstein
basis of that box, and lies between the least and the greatest coefficient there: those are the means of c
over draws of which some have the probability of one end and the others that of the other (blossoms).  In
place of p log p the chord through its ends is subtracted, which is above it by a known gap at most.
"""

from math import inf

import numpy as np

from polyest.arrays import Array, Floats
from polyest.errors import InvalidHistory
from polyest.reals import finite, on_host
from polyest.values import real, shown, whole

CELLS = 128  # of p at first, narrow near 0 and 1
PARTS = 8  # of the q of a cell
ROUNDS = 16  # in which cells that may hold the greatest bias are halved
LARGEST = 256  # sample size K of which there are polynomials
WIDTH = 1e-2  # relative width of the bracket at which that ends
BLOCK = 2**22  # numbers of the polynomials of some boxes


def bias_after_move(table: Array, *, earlier: int, odds: float) -> tuple[float, float]:
    """Enclose the worst-case weighted bias of a table of the log whose earlier draws are of a moved policy.

        sup |p (E c[M + X] - log p)|,  M ~ Binomial(W, q), X ~ Binomial(K - W, p), 1/d <= odds q/odds p <= d

    The bracket is computed in doubles: on every box of p and q a bound that holds for all of it, up to
    rounding, which is not bounded.  It is no certificate; d = 1 is what the certificate of the table says.

    Parameters
    ----------
    table : Table or float Array (K + 1,)
        The entries.
    earlier : int
        The number W of earlier draws, 1 to K.
    odds : float
        The drift d, at least 1: how many times the odds of an answer may be larger or smaller than they were.

    Returns
    -------
    lower : float
        A value that is attained.
    upper : float
        A bound, some 1 % above it.

    Raises
    ------
    InvalidHistory
        If `earlier` or `odds` is out of range, or K is above 256.
    InvalidReward
        If the entries are not finite numbers.

    Examples
    --------
    >>> import polyest
    >>> t = polyest.load(14, noise=2)  # groups of 8, one visit of 8
    >>> lower, upper = bias_after_move(t, earlier=8, odds=1.25)
    >>> round(lower, 3), round(upper, 3), round(t.bias.upper, 3)
    (0.042, 0.042, 0.01)
    """
    c = finite(on_host("table", table), "table holds nan or an infinity: expected numbers")
    if c.ndim != 1 or not 1 < c.size <= LARGEST + 1:
        raise InvalidHistory(
            f"table of shape {c.shape}: expected the entries c_0..c_K, K from 1 to {LARGEST}"
        )
    K, d = c.size - 1, real(odds)
    if not whole(earlier, 1, K):
        raise InvalidHistory(
            f"earlier is {shown(earlier)}: expected the number of earlier draws, 1 to K = {K}"
        )
    if not 1 <= d < inf:
        raise InvalidHistory(f"odds is {shown(odds)}: expected a finite ratio of at least 1")
    W, n = int(earlier), K - int(earlier)
    x = np.arange(n + 2)
    # p times the table, of degree n + 1 in p: the coefficient j is j/(n+1) c[j-1+m]
    weighted = (x / (n + 1))[:, None] * c[np.maximum(x[:, None] - 1, 0) + np.arange(W + 1)]
    angles = np.linspace(0, np.pi / 2, CELLS + 1)
    left, right = angles[:-1], angles[1:]
    step = max(1, BLOCK // (PARTS * (W + 1) * (n + W + 3)))
    lower = upper = 0.0
    for _ in range(ROUNDS):
        each = [
            _bounds(
                weighted, np.sin(left[i : i + step]) ** 2, np.sin(right[i : i + step]) ** 2, W, d
            )
            for i in range(0, len(left), step)
        ]
        corners, most = (np.concatenate(column) for column in zip(*each, strict=True))
        lower, upper = max(lower, float(corners.max())), float(most.max())
        if upper <= lower * (1 + WIDTH):
            break
        middle = (left + right) / 2
        split = most > lower * (1 + WIDTH / 2)
        left, right = (
            np.concatenate(pair)
            for pair in ((left[split], middle[split]), (middle[split], right[split]))
        )
    return lower, max(upper, lower * (1 + WIDTH / 2))


def _bounds(weighted: Floats, low: Floats, high: Floats, W: int, d: float) -> tuple[Floats, Floats]:
    """The greatest |f| at corners, and an upper bound of |f|, over each cell of p, (cells,)."""
    left, right = _entropies(low), _entropies(high)
    slope = (right - left) / (high - low)
    touch = np.exp(slope - 1)  # where p log p is farthest below its chord
    gap = left + slope * (touch - low) - touch * (slope - 1)
    ends = np.stack([_moved(low, 1 / d), _moved(high, d)])
    angles = np.arcsin(np.sqrt(ends))
    q = np.sin(np.linspace(angles[0], angles[1], PARTS + 1)) ** 2  # (parts + 1, cells)
    q[0], q[-1] = ends
    q_low, q_high = q[:-1].T, q[1:].T
    of_p = _blossoms(len(weighted) - 1, low, high)
    of_q = _blossoms(W, q_low, q_high)
    # Bernstein coefficients, (cells, parts, n + 2, W + 1)
    coefficients = (of_p @ weighted)[:, None] @ np.swapaxes(of_q, -1, -2)
    chord = left[:, None] + (right - left)[:, None] * np.linspace(0, 1, len(weighted))
    coefficients = coefficients - chord[:, None, :, None]
    # Of a part the corners with both lower and with both upper ends are attained, if q is one for p there.
    lower = np.where(q_low <= _moved(low, d)[:, None], coefficients[:, :, 0, 0], 0.0)
    upper = np.where(q_high >= _moved(high, 1 / d)[:, None], coefficients[:, :, -1, -1], 0.0)
    corners = np.maximum(np.abs(lower).max(1), np.abs(upper).max(1))
    return corners, np.maximum(-coefficients.min((1, 2, 3)), coefficients.max((1, 2, 3)) + gap)


def _moved(p: Floats, odds: float) -> Floats:
    """The probability whose odds are so many times those of p."""
    return np.asarray(odds * p / (1 - p + odds * p))


def _entropies(p: Floats) -> Floats:
    """The values p log p."""
    return np.asarray(p * np.log(np.where(p > 0, p, 1.0)))


def _blossoms(n: int, low: Floats, high: Floats) -> Floats:
    """The law (..., n + 1, n + 1) of a count in n draws, i of them of probability high and n - i of low.

    It takes Bernstein coefficients of [0, 1] to those of [low, high].
    """
    rows = np.zeros((*low.shape, n + 1, n + 1))
    rows[..., 0] = 1.0
    for draw in range(n):  # in row i the last i draws are of `high`
        p = np.where(draw >= n - np.arange(n + 1), high[..., None], low[..., None])[..., None]
        seen = p * rows
        rows -= seen
        rows[..., 1:] += seen[..., :-1]
    return rows

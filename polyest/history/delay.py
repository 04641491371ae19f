"""Old counts are a delayed feedback: how large an update may be before the policy swings, then collapses.

Let d_t be how far the probabilities are from where the rewards push them, small, along a direction in which
an update with rewards of the current policy takes the share g of it away, d_(t+1) = (1 - g) d_t: g is the
gain.  Rewards that look v visits back see the mean of n = v + 1 policies in place of the last one,

    d_(t+1) = d_t - (g/n) (d_t + d_(t-1) + .. + d_(t-v)),

one update for each visit.  With d_t = z^t this is (z - 1) z^(n-1) = -(g/n) (1 + z + .. + z^(n-1)), or

    (z - 1)^2 z^(n-1) = -(g/n) (z^n - 1).

For small g > 0 one root is near 1 - g and the others near 0: it is stable.  It ceases to be where a root
meets the circle z = e^(i w).  There (z - 1)^2 = -4 sin(w/2)^2 e^(iw) and z^n - 1 = 2i sin(nw/2) e^(inw/2), so
that 4 sin(w/2)^2 e^(inw/2) = (2g/n) i sin(nw/2): e^(inw/2) is i or -i, w is an odd multiple of pi/n, and
the least g is at w = pi/n:

    stable  <=>  0 < g < 2 n sin(pi/(2n))^2 = 2, 2, 1.5, 1.17, .95, ...    for v = 0, 1, 2, 3, 4, ...

One earlier visit costs nothing; for many the limit is pi^2/(2n), and the swing has a period of 2n visits.
Where a prompt is visited at every k-th update, g is the gain of k updates.  A group weighs a little less than
an earlier visit (G - 2 draws of it count, beside G), which this leaves out.
"""

from math import pi, sin

from polyest.errors import InvalidHistory
from polyest.values import shown, whole


def stable_gain(visits: int) -> float:
    """Give the gain of an update, from one visit to the next, below which a history is stable.

        2 n sin(pi/(2n))^2,    n = visits + 1

    The gain is the share of a small deviation that an update takes away when rewards see the current policy
    alone.  The formula is that of a linear analysis, and of visits of one size.

    Parameters
    ----------
    visits : int
        How many visits the rewards look back, at least 0.

    Returns
    -------
    float
        The gain, from 2 downwards.

    Raises
    ------
    InvalidHistory
        If `visits` is no integer of at least 0.

    Examples
    --------
    >>> [round(stable_gain(visits), 3) for visits in (0, 1, 2, 4, 8)]
    [2.0, 2.0, 1.5, 0.955, 0.543]
    """
    if not whole(visits, 0):
        raise InvalidHistory(f"visits is {shown(visits)}: expected an integer of at least 0")
    n = visits + 1
    return 2 * n * sin(pi / (2 * n)) ** 2

"""The sample size K of a table, as it is given or as that of a group."""

from typing import Any

from polyest.counts import Baseline, draws
from polyest.errors import InvalidProblem
from polyest.values import shown

LEAST = 3  # completions of a group that has a table under every baseline


def draws_of(K: Any, group: Any, baseline: Baseline = "group-mean") -> Any:
    """K as it is, or that of a group: exactly one of the two is given.

    Raises InvalidProblem for both or none, and for a baseline beside K; as `draws` for the group.

    >>> draws_of(None, 16), draws_of(14, None)
    (14, 14)
    """
    if (K is None) == (group is None):
        given = "neither K nor group" if K is None else f"K {shown(K)} and group {shown(group)}"
        raise InvalidProblem(
            f"{given}: expected exactly one of K, the draws of a table, and group, the completions of a "
            "prompt"
        )
    if group is not None:
        return draws(group, baseline)
    if baseline != "group-mean":
        draws(LEAST, baseline)  # knows the word, or says which there are
        raise InvalidProblem(
            f"baseline {shown(baseline)} beside K {shown(K)}: it says which K a group has; give group"
        )
    return K

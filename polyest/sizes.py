"""This module finds the sample size K of a table, which is given directly or by the size of a group."""

from typing import SupportsIndex, TypeVar

from polyest.counts import Baseline, draws
from polyest.errors import InvalidProblem
from polyest.values import shown

LEAST = 3  # the least number of completions of a group that has a table under every baseline

Given = TypeVar("Given")


def draws_of(
    K: Given | None, group: SupportsIndex | None, baseline: Baseline = "group-mean"
) -> Given | int:
    """Return K, or the sample size of a group; exactly one of K and group has to be given.

    Raise InvalidProblem for both or none, and for a baseline beside K; raise as `draws` does for the group.

    >>> draws_of(None, 16), draws_of(14, None)
    (14, 14)
    """
    if (K is None) == (group is None):
        given = "neither K nor group" if K is None else f"K {shown(K)} and group {shown(group)}"
        raise InvalidProblem(
            f"{given} given: expected exactly one of K, the sample size of a table, and group, the "
            "number of completions of a prompt"
        )
    if group is not None:
        return draws(group, baseline)
    if baseline != "group-mean":
        draws(LEAST, baseline)  # raises an error that lists the baselines where this one is unknown
        raise InvalidProblem(
            f"baseline is {shown(baseline)} beside K {shown(K)}, but it only determines the K of "
            "a group: give "
            "group in place of K, or leave baseline out"
        )
    assert K is not None
    return K


def sized(
    K: Given | None, grid: str | None, group: int | None, baseline: Baseline
) -> tuple[Given | int, str | None, int | None]:
    """Return K, the grid, and the group for which a dyadic grid is made.

    A group without K determines both: K = counts.draws(group, baseline), and the dyadic grid on which the
    sums of that group are exact.
    """
    if K is not None and baseline == "group-mean":
        return K, grid, group
    draws, grid = draws_of(K, group, baseline), grid or "dyadic"
    return draws, grid, group if grid == "dyadic" else None

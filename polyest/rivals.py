"""This module makes the estimators in common use as tables of one K, for comparison with solved tables."""

from collections.abc import Callable, Iterator
from functools import partial

from polyest import closed_forms
from polyest.make.pipeline import solve
from polyest.problem.claims import Bracket
from polyest.problem.problem import LARGEST_MINIMAX, Problem
from polyest.problem.targets import Target
from polyest.proof.certify import plug_in
from polyest.tables.table import Table

XIS = (1.0, 0.9, 0.8, 0.7, 0.65, 0.6, 0.58, 0.56, 0.55, 0.54, 0.53, 0.52, 0.51, 0.5)
# Bias budgets of the second-moment program, relative to E*(K).
RATIOS = (1.25, 1.5, 2.0, 3.0, 5.0, 10.0, 20.0)

Maker = Callable[[], Table]


def rivals(posed: Problem, least: Bracket) -> Iterator[tuple[str, str, Maker]]:
    """Yield series, label and maker of the closed forms and of the means of smaller minimax tables."""
    K, target = posed.K, posed.target
    forms = closed_forms.FORMS.get(target.name, ())
    for form in forms:
        yield form.__name__, form.__name__, partial(form, K)
    if not forms:
        yield "plug_in", "plug_in", partial(plug_in_table, target, K)
    if not least.lower:
        return  # K is at least the degree of phi: all these means are the one unbiased table
    for k in range(1, min(K - 1, LARGEST_MINIMAX) + 1):
        whole = K % k == 0
        label = f"{K // k} blocks of {k}" if whole else f"subsets of {k}"
        yield "blocks" if whole else "subsets", label, partial(_averaged, k, K, target)


def others(posed: Problem, least: Bracket) -> Iterator[tuple[str, str, Maker]]:
    """Yield series, label and maker of the other marks."""
    K, target = posed.K, posed.target
    if K <= LARGEST_MINIMAX:
        yield "minimax", "minimax", partial(solve, K, target, criterion="minimax")
    if closed_forms.schuermann in closed_forms.FORMS.get(target.name, ()):
        for xi in XIS:
            yield "schuermann-xi", f"xi {xi:g}", partial(closed_forms.schuermann, K, xi)
    if least.lower:
        yield "squared-error", "squared-error", partial(solve, K, target, criterion="squared-error")
    for ratio in RATIOS if least.lower else ():
        make = partial(solve, K, target, criterion="second-moment", bias_ratio=ratio)
        yield "second-moment", f"second-moment at {ratio:g} E*", make


def plug_in_table(target: Target, K: int) -> Table:
    """Return the plug-in table phi((X+1)/(K+1)) of a target, which is the unit of noise."""
    return Table(Problem(K, target, "plug_in"), plug_in(target, K), None, None, "closed_form")


def _averaged(k: int, K: int, target: Target) -> Table:
    return closed_forms.subsets(solve(k, target, criterion="minimax"), K)

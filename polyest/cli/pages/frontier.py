"""This module formats the page of a curve of least bias, and of estimators that are compared with it."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import ROUND_FLOOR, ROUND_HALF_EVEN
from math import inf
from typing import TYPE_CHECKING

from polyest.cli.pages.layout import aligned, bold, entry, number, ratio, span, wrapped
from polyest.cli.pages.words import bias_meaning, noise_meaning, plug_in_name

if TYPE_CHECKING:
    from polyest.frontier import Frontier, Versus
    from polyest.tables.table import Table


@dataclass(frozen=True)
class FrontierReport:
    """A curve, and estimators that are compared with the best table at their own noise.

    rivals: the comparison of each estimator by name, or the reason why there is none.
    """

    curve: "Frontier"
    rivals: Mapping[str, "Versus | str"]

    @property
    def title(self) -> str:
        """The heading of the page."""
        curve = self.curve
        of = f" of {curve.shape} tables" if curve.shape else ""
        return f"{curve.target}, sample size K = {curve.K}: the least bias{of} at each noise"

    def times_below(self, table: "Table") -> float:
        """Return a certified factor by which the plug-in table has more bias than this table."""
        bias = table.bias.upper
        return self.curve.plug_in.bias.lower / bias if bias else inf


def frontier_page(report: FrontierReport) -> list[str]:
    """Return the ends of the curve, a row for each of its points, and a row for each rival."""
    curve = report.curve
    plug_in, K = curve.plug_in, curve.K
    lines = [bold(report.title), "", *bias_meaning(curve.target)]
    unit = number(plug_in.criterion(curve.criterion))
    above, below = noise_meaning(curve.target, curve.criterion, "r")
    lines += entry("noise r", above, f"{below}, which is {unit}")
    tables = "at any noise" if curve.shape is None else "of any table, of whatever shape"
    lines += entry(f"E*({K})", f"{span(curve.least)}, proved", f"the least sup|bias| {tables}")
    lines += entry("noise 0", f"{number(curve.noiseless)}, the least sup|bias| without noise")
    lines += entry("ends", *wrapped(curve.ended))
    rows = [
        ["", "", "", plug_in_name(curve.target), "width of"],
        ["noise", "sup|bias|", "in E*", "times as much", "its bracket"],
    ]
    for point in curve.points:
        bias, optimum = point.table.bias, point.table.optimum
        assert optimum is not None
        rows.append(
            [
                number(point.noise, ROUND_HALF_EVEN),
                number(bias.upper),
                ratio(bias.upper, curve.least),
                number(report.times_below(point.table), ROUND_FLOOR),
                number(optimum.width, digits=2) if optimum.lower else "-",
            ]
        )
    shown = aligned(rows)
    lines += ["", *map(bold, shown[:2]), *shown[2:], ""]
    lines += ["times as much: sup|bias| of the plug-in table over that of the row"]
    return lines + _beside(report.rivals, "" if curve.shape is None else ", of whatever shape")


def _beside(rivals: Mapping[str, "Versus | str"], of: str) -> list[str]:
    """Return a row for each rival, and a remark on each rival without a comparison; of: which tables."""
    rows = [["", "noise", "sup|bias|", "least at this noise", "times"]]
    remarks = []
    for name, versus in rivals.items():
        if isinstance(versus, str):
            rows.append([name, "-", "-", "-", "-"])
            remarks += wrapped(f"{name}: {versus}")
            continue
        rows.append(
            [
                name,
                number(versus.noise, ROUND_HALF_EVEN),
                number(versus.rival.bias.upper),
                number(versus.best.bias.upper),
                number(versus.ratio.lower, ROUND_FLOOR),
            ]
        )
    shown = aligned(rows)
    lines = ["", bold(shown[0]), *shown[1:], ""]
    lines += [f"least at this noise: sup|bias| of the best table{of}"]
    lines += ["times: how many times as much a row has"]
    lines += ["proved bounds: sup|bias| rounded up, times rounded down; noise is rounded"]
    if any("blocks" in name for name in rivals):
        lines += ["blocks of k: sample splitting, the minimax table of K = k averaged over blocks"]
    return lines + remarks

"""A table beside what it replaces, as the commands show it."""

from typing import TYPE_CHECKING

from polyest.cli.terminal import progress, say
from polyest.errors import TableNotFound

if TYPE_CHECKING:
    from polyest.problem.claims import Bracket, Certificate
    from polyest.tables.table import Table


def page(
    table: "Table", lowest: "Bracket | None", out: str | None = None, group: int | None = None
) -> list[str]:
    """Page of a table; lowest: E*(K) or what is known of it; out, group: as `pages.code` has them."""
    from polyest.cli import pages

    proved, remarks = rivals(table)
    return pages.one(table, lowest, proved, remarks, pages.code(table, out, group))


def least(table: "Table") -> "Bracket | None":
    """Bracket of the least sup|bias| of any table of as many draws."""
    if table.criterion == "minimax":
        return table.optimum
    from polyest.make.pipeline import solve

    return solve(table.K, table.target, criterion="minimax").optimum


def released_least(table: "Table") -> "Bracket | None":
    """The same without solving, as far as it is released."""
    from polyest.tables import release

    try:
        return release.load(table.K, table.target, "minimax").optimum
    except TableNotFound:
        return release.listed_least_bias(table.K) if table.target == "log" else None


def rivals(table: "Table") -> tuple[dict[str, "Certificate"], list[str]]:
    """What the table replaces and, for log, the best closed form; with a remark on each."""
    if table.target != "log":
        from polyest.proof.certify import measure, plug_in

        target = table.problem.target
        with progress("plug_in"):
            plain = measure(target, plug_in(target, table.K))
        return {"plug_in": plain}, ["plug_in: phi((X+1)/(K+1)), X+1 of K+1 traces alike"]
    from polyest.closed_forms import LOGS

    proved: dict[str, Certificate] = {}
    with progress("closed forms") as tell:
        for done, form in enumerate(LOGS):
            tell(done, len(LOGS))
            proved[form.__name__] = form(table.K).certificate
    best = min(proved, key=lambda name: proved[name].bias.upper)
    return {name: proved[name] for name in dict.fromkeys(("log_count", best))}, [
        "log_count: the log that trainers use, of an in-group share",
        f"{best}: the least sup|bias| among the closed forms of the log",
    ]


def warn(table: "Table") -> None:
    """Say what rounding to float64 costs a minimax table that cannot be stored."""
    from polyest.problem.problem import LARGEST_MINIMAX

    if table.criterion == "minimax" and table.K > LARGEST_MINIMAX and table.optimum is not None:
        cost = table.bias.upper / table.optimum.lower
        say(
            f"warning: K = {table.K} is too large for a minimax table in float64: coefficients "
            f"grow like 2^K, and rounding them makes the bias {cost:.3g} times the least; use "
            "criterion gradient-variance"
        )

"""This module formats the page of `polyest recommend`: which table to use, and why."""

from decimal import ROUND_HALF_EVEN
from textwrap import wrap

from polyest.cli.pages.layout import WIDTH, aligned, bold, entry, number, wrapped
from polyest.cli.pages.words import plug_in_name
from polyest.problem.problem import DEFAULT_NOISE
from polyest.problem.shapes import SHAPES
from polyest.recommendation import ANSWERS, MOVED, Candidate, Deviation, Recommendation

TRAINERS = {
    "group-mean": "where the trainer subtracts the group mean, as most do",
    "none": "where the trainer subtracts nothing, or what is independent of the completion",
}
HEADS = ("", "bias", "std. error", "RMSE", "times the least")


def recommendation_page(recommendation: Recommendation) -> list[str]:
    """Return the table to use, the line that loads it, the reason, and the errors of all candidates."""
    best, second, *_ = recommendation.ranked
    table, baseline = best.table, recommendation.baseline
    counted = recommendation.group + recommendation.history
    errors = _errors(recommendation)
    rows = [
        (name, *_numbers(error), f"{error.total / best.error.total:.2f}")
        for name, error in errors.items()
    ]
    lines = aligned([HEADS, *rows])
    use = 1 + list(errors).index(best.name)
    lines[0], lines[use] = bold(lines[0]), f"{lines[use]}  <- use this"
    bias, deviation, total = _numbers(best.error)
    plain = recommendation.plain
    return [
        *map(bold, wrap(f"sample size K = {table.K}, {TRAINERS[baseline]}", WIDTH)),
        "",
        *entry("use", *_code(recommendation)),
        *entry(
            "why",
            *wrapped(
                f"the RMSE of its gradient, where {_number(recommendation.averaged)} groups average their "
                f"noise, is {total}: bias {bias} and standard error {deviation}"
            ),
            *wrapped(
                f"its |p (E c_X - log p)|, X ~ Binomial(K, p), is at most {number(table.bias.upper)}"
            ),
        ),
        *entry(
            "next",
            *wrapped(
                f"the runner-up, {second.name}, has {second.error.total / best.error.total:.3f} times the "
                "RMSE"
            ),
        ),
        *_moved(recommendation),
        *entry(
            "plug-in",
            *wrapped(
                f"the RMSE of log(X/{counted}), the log of an answer's share in "
                f"{'all that is counted' if recommendation.history else 'its group'}, is "
                f"{_number(plain.total)}, {plain.total / best.error.total:.2f} times as much: bias "
                f"{_number(plain.bias)}, which no averaging removes, and standard error "
                f"{_number(plain.noise)}"
            ),
        ),
        "",
        *lines,
        "",
        *wrapped(
            f"root mean squares over five shapes of answers ({', '.join(ANSWERS)}), in logits; noise r: the "
            "table of least bias whose gradient-variance, sup p Var c_X, is at most r times that of "
            f"{plug_in_name(table.target)}; how many groups average their noise was measured, for "
            f"{recommendation.steps} steps of "
            f"{'groups of one prompt' if recommendation.one_prompt else 'different prompts'} whose rewards "
            f"are {'' if recommendation.standardised else 'not '}divided by the standard deviation of their "
            "group (benchmarks/default.py)"
        ),
        *wrapped(
            "monotone, concave: minimax tables that never pay an answer less for being seen more often; "
            "schuermann: a closed form"
        ),
        "",
    ]


def _code(recommendation: Recommendation) -> list[str]:
    """Return the lines that look rewards up in the table."""
    best, baseline = recommendation.chosen, recommendation.baseline
    argument = "" if baseline == "group-mean" else f', baseline="{baseline}"'
    K, closed = best.table.K, best.name == "schuermann"
    if recommendation.history and not closed:
        more = f"{_keyword(best)}{argument}".removeprefix(", ")
        return [
            "r = polyest.rewards.log_probability(",
            f"    answers, history=past, prompts=ids{',' if more else ')'}",
            *[f"    {more})"] * bool(more),
            "past.record(answers, prompts=ids)",
        ]
    loaded = f"closed_forms.schuermann({K})" if closed else f"load({K}{_keyword(best)})"
    if not recommendation.history:
        return [
            f"t = polyest.{loaded}",
            f"t[polyest.counts.in_group(answers{argument}).index]",
        ]
    return [
        f"t = polyest.{loaded}",
        "M = past.counted(answers, ids)",
        f"t[polyest.counts.in_group(answers, earlier=M{argument}).index]",
        "past.record(answers, prompts=ids)",
    ]


def _keyword(candidate: Candidate) -> str:
    """Return the options of rewards, and of `load`, that name the table; nothing for the default."""
    if candidate.name in SHAPES:
        return f', criterion="minimax", shape="{candidate.name}"'
    noise = candidate.name.removeprefix("noise ")
    return "" if noise == f"{DEFAULT_NOISE:g}" else f", noise={noise}"


def _moved(recommendation: Recommendation) -> list[str]:
    """Return what a policy costs that has moved since the earlier completions; nothing without any."""
    W = recommendation.history
    if not W:
        return []
    costs = {odds: number(upper) for odds, (_, upper) in recommendation.moved.items()}
    return entry(
        "moved",
        *wrapped(
            f"all this is for a policy that has not moved since the {W} completions were drawn, and so is "
            "the certificate of the table"
        ),
        *wrapped(
            f"where the odds of an answer were up to {' or '.join(map(str, costs))} times larger or smaller "
            f"then, that bias is at most {' or '.join(costs.values())} (not certified)"
            if costs
            else f"above K = {MOVED} ask polyest.history.bias_after_move what a move costs; it takes minutes"
        ),
        *wrapped(
            "at the first visit of a prompt nothing is earlier, and K is that of the group alone"
        ),
    )


def recommendation_record(recommendation: Recommendation) -> dict[str, object]:
    """Return a recommendation as one JSON object."""
    best, second, *_ = recommendation.ranked
    return {
        "group": recommendation.group,
        "prompts": recommendation.prompts,
        "baseline": recommendation.baseline,
        "history": recommendation.history,
        "steps": recommendation.steps,
        "standardised": recommendation.standardised,
        "one_prompt": recommendation.one_prompt,
        "table": best.name,
        "runner_up": second.name,
        "K": best.table.K,
        "averaged": recommendation.averaged,
        "moved": {
            str(odds): {"lower": lower, "upper": upper}
            for odds, (lower, upper) in recommendation.moved.items()
        },
        "errors": {
            name: {"bias": error.bias, "noise": error.noise, "error": error.total}
            for name, error in _errors(recommendation).items()
        },
    }


def _errors(recommendation: Recommendation) -> dict[str, Deviation]:
    """Return the errors of the plug-in log and of each candidate, by the names of their rows."""
    counted = recommendation.group + recommendation.history
    plain = {f"log(X/{counted})": recommendation.plain}
    return plain | {one.name: one.error for one in recommendation.candidates}


def _numbers(error: Deviation) -> tuple[str, str, str]:
    """Format bias, noise and total error."""
    return _number(error.bias), _number(error.noise), _number(error.total)


def _number(value: float) -> str:
    return number(value, ROUND_HALF_EVEN, 3)

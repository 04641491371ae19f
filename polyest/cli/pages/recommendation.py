"""This module formats the page of `polyest recommend`: which table to use, and why."""

from decimal import ROUND_HALF_EVEN
from textwrap import wrap

from polyest.cli.pages.layout import WIDTH, aligned, bold, entry, number, wrapped
from polyest.cli.pages.words import plug_in_name
from polyest.problem.problem import DEFAULT_NOISE
from polyest.recommendation import ANSWERS, MOVED, STEPS, Deviation, Recommendation

TRAINERS = {
    "group-mean": "where the trainer subtracts the group mean, as most do",
    "none": "where the trainer subtracts nothing, or what is independent of the completion",
}
HEADS = ("", "bias", "std. error", "RMSE", "times the least")


def recommendation_page(recommendation: Recommendation) -> list[str]:
    """Return the table to use, the line that loads it, the reason, and the errors of the plug-in log."""
    noise, table, best = recommendation.chosen
    group, baseline = recommendation.group, recommendation.baseline
    keyword = "" if noise == DEFAULT_NOISE else f", noise={noise}"
    counted = group + recommendation.history
    argument = "" if baseline == "group-mean" else f', baseline="{baseline}"'
    errors = _errors(recommendation)
    rows = [
        (name, *_numbers(error), f"{error.total / best.total:.2f}")
        for name, error in errors.items()
    ]
    lines = aligned([HEADS, *rows])
    use = 1 + list(errors).index(f"noise {noise}")
    lines[0], lines[use] = bold(lines[0]), f"{lines[use]}  <- use this"
    bias, deviation, total = _numbers(best)
    plain = recommendation.plain
    plug_in = plug_in_name(table.target)
    return [
        *map(bold, wrap(f"sample size K = {table.K}, {TRAINERS[baseline]}", WIDTH)),
        "",
        *entry("use", *_code(recommendation, keyword, argument)),
        *entry(
            "why",
            *wrapped(
                f"the RMSE of its gradient, averaged over {recommendation.prompts} prompts a step and "
                f"{STEPS} steps, is {total}: bias {bias} and standard error {deviation}"
            ),
            *wrapped(
                f"its |p (E c_X - log p)|, X ~ Binomial(K, p), is at most {number(table.bias.upper)}"
            ),
        ),
        *_moved(recommendation),
        *entry(
            "plug-in",
            *wrapped(
                f"the RMSE of log(X/{counted}), the log of an answer's share in "
                f"{'all that is counted' if recommendation.history else 'its group'}, is "
                f"{_number(plain.total)}, {plain.total / best.total:.2f} times as much: bias "
                f"{_number(plain.bias)}, which no averaging removes, and standard error "
                f"{_number(plain.noise)}"
            ),
        ),
        "",
        *lines,
        "",
        *wrapped(
            f"root mean squares over five shapes of answers ({', '.join(ANSWERS)}), in logits; "
            f"noise r: the table of least bias whose {table.criterion}, sup p Var c_X, is at most r times "
            f"that of {plug_in}; benchmarks/noise.py has more"
        ),
        *wrapped(
            "monotone, concave: minimax tables that never pay an answer less for being seen more often, "
            f'polyest.load({table.K}, criterion="minimax", shape="monotone")'
        ),
        "",
    ]


def _code(recommendation: Recommendation, keyword: str, argument: str) -> list[str]:
    """Return the lines that look rewards up in the table."""
    if recommendation.history:
        return [
            "r = polyest.rewards.log_probability(",
            f"    answers, history=past, prompts=ids{keyword}{argument})",
            "past.record(answers, prompts=ids)",
        ]
    _, table, _ = recommendation.chosen
    return [
        f"t = polyest.load({table.K}{keyword})",
        f"t[polyest.counts.in_group(answers{argument}).index]",
    ]


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
    noise, table, _ = recommendation.chosen
    return {
        "group": recommendation.group,
        "prompts": recommendation.prompts,
        "baseline": recommendation.baseline,
        "history": recommendation.history,
        "K": table.K,
        "criterion": table.criterion,
        "noise": noise,
        "averaged": recommendation.prompts * STEPS,
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
    """Return the errors of the plug-in log and of each table, by the names of their rows."""
    counted = recommendation.group + recommendation.history
    plain = {f"log(X/{counted})": recommendation.plain}
    noises = {f"noise {noise}": error for noise, _, error in recommendation.tables}
    return plain | noises | {shape: error for shape, _, error in recommendation.shapes}


def _numbers(error: Deviation) -> tuple[str, str, str]:
    """Format bias, noise and total error."""
    return _number(error.bias), _number(error.noise), _number(error.total)


def _number(value: float) -> str:
    return number(value, ROUND_HALF_EVEN, 3)

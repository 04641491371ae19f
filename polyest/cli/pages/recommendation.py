"""The page of `polyest recommend` says in words and numbers which table to use."""

from decimal import ROUND_HALF_EVEN

from polyest.cli.pages.layout import aligned, bold, entry, number, wrapped
from polyest.problem.problem import DEFAULT_NOISE
from polyest.recommendation import ANSWERS, STEPS, Deviation, Recommendation

TRAINERS = {
    "group-mean": "where the trainer subtracts the group mean, as most do",
    "none": "where it subtracts nothing, or what knows nothing of the trace",
}
HEADS = ("", "bias", "noise", "error", "of the least")


def recommendation_page(recommendation: Recommendation) -> list[str]:
    """Return the table to use, the line that loads it, the reason, and the errors of the plug-in log."""
    noise, table, best = recommendation.chosen
    group, baseline = recommendation.group, recommendation.baseline
    keyword = "" if noise == DEFAULT_NOISE else f", noise={noise}"
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
    draws = "1 draw" if table.K == 1 else f"{table.K} draws"
    return [
        bold(f"{TRAINERS[baseline]}: K = {draws}"),
        "",
        *entry(
            "use",
            f"t = polyest.load({table.K}{keyword})",
            f"t[polyest.counts.in_group(answers{argument}).index]",
        ),
        *entry(
            "why",
            *wrapped(
                f"averaged over {recommendation.prompts} prompts a step and {STEPS} steps, its gradient is "
                f"off by {total}: {bias} of bias, {deviation} of noise "
                f"(sup|bias| <= {number(table.bias.upper)})"
            ),
        ),
        *entry(
            "the log",
            *wrapped(
                f"log(X/{group}) would be off by {_number(plain.total)}, "
                f"{plain.total / best.total:.2f} times as much: {_number(plain.bias)} of bias, that no "
                f"averaging takes off, and {_number(plain.noise)} of noise"
            ),
        ),
        "",
        *lines,
        "",
        *wrapped(
            f"root mean squares over five shapes of answers ({', '.join(ANSWERS)}), in logits; "
            "noise 1 to 16: the tables of gradient-variance; benchmarks/noise.py has more"
        ),
        "",
    ]


def recommendation_record(recommendation: Recommendation) -> dict[str, object]:
    """Return a recommendation as one JSON object."""
    noise, table, _ = recommendation.chosen
    return {
        "group": recommendation.group,
        "prompts": recommendation.prompts,
        "baseline": recommendation.baseline,
        "K": table.K,
        "criterion": table.criterion,
        "noise": noise,
        "averaged": recommendation.prompts * STEPS,
        "errors": {
            name: {"bias": error.bias, "noise": error.noise, "error": error.total}
            for name, error in _errors(recommendation).items()
        },
    }


def _errors(recommendation: Recommendation) -> dict[str, Deviation]:
    """Return the errors of the plug-in log and of each table, by the names of their rows."""
    plain = {f"log(X/{recommendation.group})": recommendation.plain}
    return plain | {f"noise {noise}": error for noise, _, error in recommendation.tables}


def _numbers(error: Deviation) -> tuple[str, str, str]:
    """Format bias, noise and total error."""
    return _number(error.bias), _number(error.noise), _number(error.total)


def _number(value: float) -> str:
    return number(value, ROUND_HALF_EVEN, 3)

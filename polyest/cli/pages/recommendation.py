"""What `polyest recommend` says: a recommendation in words and numbers, at most 80 columns."""

from decimal import ROUND_HALF_EVEN
from typing import Any

from polyest.cli.pages.layout import aligned, bold, entry, number, wrapped
from polyest.problem.problem import DEFAULT_NOISE
from polyest.recommendation import ANSWERS, STEPS, Deviation, Recommendation

TRAINERS = {
    "group-mean": "where the trainer subtracts the group mean, as most do",
    "none": "where it subtracts nothing, or what knows nothing of the trace",
}
HEADS = ("", "bias", "noise", "error", "of the least")


def recommendation_page(found: Recommendation) -> list[str]:
    """Which table, the line that loads it, why, and what the log would have cost."""
    noise, table, best = found.chosen
    keyword = "" if noise == DEFAULT_NOISE else f", noise={noise}"
    baseline = "" if found.baseline == "group-mean" else f', baseline="{found.baseline}"'
    errors = _errors(found)
    rows = [
        (name, *_numbers(error), f"{error.total / best.total:.2f}")
        for name, error in errors.items()
    ]
    lines = aligned([HEADS, *rows])
    chosen = 1 + list(errors).index(f"noise {noise}")
    lines[0], lines[chosen] = bold(lines[0]), f"{lines[chosen]}  <- use this"
    bias, shaken, off = _numbers(best)
    plain = found.plain
    return [
        bold(f"{TRAINERS[found.baseline]}: K = {table.K} draw{'s'[: table.K != 1]}"),
        "",
        *entry(
            "use",
            f"t = polyest.load({table.K}{keyword})",
            f"t[polyest.counts.in_group(answers{baseline}).index]",
        ),
        *entry(
            "why",
            *wrapped(
                f"averaged over {found.prompts} prompts a step and {STEPS} steps, its gradient is off by "
                f"{off}: {bias} of bias, {shaken} of noise (sup|bias| <= {number(table.bias.upper)})"
            ),
        ),
        *entry(
            "the log",
            *wrapped(
                f"log(X/{found.group}) would be off by {_number(plain.total)}, "
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


def recommendation_record(found: Recommendation) -> dict[str, Any]:
    """The same as one JSON object."""
    noise, table, _ = found.chosen
    return {
        "group": found.group,
        "prompts": found.prompts,
        "baseline": found.baseline,
        "K": table.K,
        "criterion": table.criterion,
        "noise": noise,
        "averaged": found.prompts * STEPS,
        "errors": {
            name: {"bias": error.bias, "noise": error.noise, "error": error.total}
            for name, error in _errors(found).items()
        },
    }


def _errors(found: Recommendation) -> dict[str, Deviation]:
    plain = {f"log(X/{found.group})": found.plain}
    return plain | {f"noise {noise}": error for noise, _, error in found.tables}


def _numbers(error: Deviation) -> tuple[str, str, str]:
    return _number(error.bias), _number(error.noise), _number(error.total)


def _number(value: float) -> str:
    return number(value, ROUND_HALF_EVEN, 3)

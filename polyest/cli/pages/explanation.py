"""This module formats the page of `polyest explain`: what a reward pays, optimises and estimates."""

from decimal import ROUND_HALF_EVEN

from polyest.cli.pages.layout import aligned, bold, entry, number, wrapped
from polyest.explanation import Explanation, Fit

PLACES = (0.01, 0.1, 0.5, 0.9)  # probabilities of rare and of common answers
MOST_SHOWN = 6  # entries on a line
HEADS = ("target", "scale", "offset", "sup|bias|", "sup p Var", "share")
NOT_PROVED = "not proved"


def explanation_page(explanation: Explanation) -> list[str]:
    """Return the entries, what they pay, the functional, the targets and a better table."""
    entries = [f"{c:.4g}" for c in explanation.coefficients]
    listed = (
        entries if len(entries) <= MOST_SHOWN else [*entries[: MOST_SHOWN - 1], "...", entries[-1]]
    )
    paid = [
        ("answer of probability", *(f"{p:g}" for p in PLACES)),
        ("earns on average", *(f"{explanation.mean(p):.4g}" for p in PLACES)),
        ("adds F(p)", *(f"{explanation.functional(p):.4g}" for p in PLACES)),
    ]
    paid_lines, fits = aligned(paid), aligned([HEADS, *map(_row, explanation.fits)])
    return [
        bold(
            f"reward as a function of the count, in groups of {explanation.group}: sample size "
            f"K = {explanation.K}"
        ),
        "",
        *entry("rewards", *wrapped(f"of the counts 1..{explanation.K + 1}: {', '.join(listed)}")),
        *entry(
            "pays",
            "P(p) = E c_X, X ~ Binomial(K, p), c_0 the reward of count 1",
        ),
        *entry(
            "optimises",
            "the sum over answers of F(p), the integral of P from 0 to p",
        ),
        *entry(
            "estimates",
            *wrapped(
                f"{explanation.best.target}, the best of the targets that were tried: the reward is about "
                "scale phi(p) + offset"
            ),
        ),
        *entry("better", *wrapped(_better(explanation))),
        "",
        bold(paid_lines[0]),
        *paid_lines[1:],
        "",
        bold(fits[0]),
        *fits[1:],
        "",
        *wrapped(
            "sup|bias| and sup p Var of (reward - offset)/scale are proved; share: the bias in units of that "
            "of the best constant, which ranks the targets and is not proved"
        ),
        "",
    ]


def explanation_record(explanation: Explanation) -> dict[str, object]:
    """Return an explanation as one JSON object."""
    better = explanation.better
    return {
        "group": explanation.group,
        "baseline": explanation.baseline,
        "K": explanation.K,
        "entries": explanation.coefficients.tolist(),
        "paid": [
            {"p": p, "mean": explanation.mean(p), "functional": explanation.functional(p)}
            for p in PLACES
        ],
        "fits": [
            {
                "target": fit.target,
                "scale": fit.scale,
                "offset": fit.offset,
                "share": fit.share,
                "bias": None
                if fit.bias is None
                else {"lower": fit.bias.lower, "upper": fit.bias.upper},
                "gradient_variance": None
                if fit.certificate is None
                else fit.certificate.gradient_variance,
            }
            for fit in explanation.fits
        ],
        "better": None
        if better is None
        else {
            "bias": {"lower": better.bias.lower, "upper": better.bias.upper},
            "gradient_variance": better.gradient_variance,
            "entries": better.coefficients.tolist(),
        },
        "reason": explanation.reason,
    }


def _row(fit: Fit) -> tuple[str, ...]:
    """Return the row of a target."""
    bias, noise = NOT_PROVED, NOT_PROVED
    if fit.certificate is not None:
        bias = number(fit.certificate.bias.upper)
        noise = number(fit.certificate.gradient_variance)
    share = number(fit.share, ROUND_HALF_EVEN)
    return fit.target, f"{fit.scale:.4g}", f"{fit.offset:.4g}", bias, noise, share


def _better(explanation: Explanation) -> str:
    """Return the sentence about a better table."""
    table, proved = explanation.better, explanation.best.certificate
    if table is None or proved is None:
        return f"none: {explanation.reason}"
    assert table.budget is not None
    return (
        f'polyest.solve({explanation.K}, "{explanation.best.target}", noise={table.budget.value!r}) '
        f"estimates it with sup|bias| at most {number(table.bias.upper)}, "
        f"{number(proved.bias.lower / table.bias.upper, digits=3)} times less, at no more variance"
    )

"""The figures of the paper, each drawn from files that benchmarks/ wrote: `polyest figures`.

A module for each, named as the figure, whose `figure(folder)` reads the CSV files it needs in `folder`
and returns a matplotlib figure.  What a benchmark has not computed is not computed here either, but for
what drawing needs: quotients, means and limits of axes.
"""

FIGURES = (
    "bias_curves",
    "bias_rates",
    "coefficients",
    "convergence",
    "limit",
    "online_cost",
    "pareto",
    "self_improvement",
    "trl_run",
    "variance_reduction",
)

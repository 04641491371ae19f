"""The figures of the paper, drawn by `polyest figures` from the files that benchmarks/ wrote.

Each figure has a module of its name, whose `figure(folder)` reads the CSV files that it needs in `folder`
and returns a matplotlib figure.  The modules compute only quotients, means and limits of axes, which drawing
needs; the benchmarks compute everything else.
"""

FIGURES = (
    "bias_curves",
    "bias_rates",
    "calibration",
    "calibration_smollm",
    "coefficients",
    "consensus",
    "convergence",
    "coverage_smollm",
    "history",
    "limit",
    "online_cost",
    "pareto",
    "pareto_grid",
    "self_improvement",
    "shaped_frontier",
    "shapes",
    "trained",
    "trl_run",
    "variance_reduction",
)

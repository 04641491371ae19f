"""The committed files of measurements, in a folder of their own, and figures drawn from them."""

import csv
from importlib import import_module
from itertools import product
from pathlib import Path
from shutil import copy

from polyest.cli import figures, plot

ROOT = Path(__file__).parents[2]
FIGURES = figures.known()
LOOKS = (0, 10, 25, 50, 75, 100)
# The files of each figure, and a column of numbers in each.
FILES = {
    "bias_curves": {"bias_curves": "minimax"},
    "bias_rates": {"bias_rates": "bias_upper"},
    "calibration": {"calibration": "kl_pm"},
    "calibration_smollm": {"calibration_smollm": "J_pm", "calibration_smollm_answers": "nu"},
    "coefficients": {"coefficients": "entry"},
    "consensus": {"consensus": "greedy"},
    "convergence": {"convergence": "loss"},
    "coverage_smollm": {"coverage_smollm": "coverage"},
    "history": {"history": "loss_pm"},
    "limit": {"limit": "K"},
    "online_cost": {"online_cost": "milliseconds"},
    "pareto": {"pareto": "bias_upper", "peers": "gradient_variance"},
    "pareto_grid": {"pareto": "bias_upper", "peers": "gradient_variance"},
    "self_improvement": {"self_improvement": "after_pm", "self_improvement_runs": "early"},
    "shaped_frontier": {"shaped_frontier": "bias_upper"},
    "shapes": {"shapes": "value"},
    "trained": {"calibration": "kl_pm"},
    "trl_run": {"trl_run_runs": "after 50"},
    "variance_reduction": {"variance_reduction": "worst_std"},
}


def runs_of_trl():
    """Runs as benchmarks/trl_run.py writes them: two rates on two seeds, the better one on two others."""
    tuning = [("trl", rate, seed) for rate in (0.1, 0.2) for seed in (8, 9)]
    reported = [(way, 0.2, seed) for way in ("trl", "trl, 2", "loop") for seed in (0, 1)]
    for (way, rate, seed), reward in product(tuning + reported, ("geometric, log", "majority")):
        if reward == "majority" and way != "trl":
            continue
        start = len(way) + 10 * rate + seed
        curve = {f"after {n}": (start + n) / 200 for n in LOOKS}
        yield {"way": way, "reward": reward, "rate": rate, "seed": seed, **curve}


def gathered(folder):
    """A copy of the committed files, with runs of TRL made up."""
    for stem in {stem for files in FILES.values() for stem in files} - {"trl_run_runs"}:
        copy(ROOT / "benchmarks" / "results" / f"{stem}.csv", folder)
    with (folder / "trl_run_runs.csv").open("w", newline="") as stream:
        writer = csv.DictWriter(stream, [*next(runs_of_trl())])
        writer.writeheader()
        writer.writerows(runs_of_trl())
    return folder


def drawn(folder, name):
    with plot.styled():
        return import_module(f"paper_figures.{name}").figure(folder)

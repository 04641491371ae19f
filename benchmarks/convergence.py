"""Policies trained on exact games with estimated rewards, each estimator at its own best learning rate.

    python benchmarks/convergence.py             # results/convergence.csv, half an hour on two cores
    python benchmarks/convergence.py --quick     # one small cell, to standard output

The rewards of the games are mixtures of log nu.  The loss is 0 at the optimum or fixed point, which is known
exactly:

    diversity     reward -log nu; loss J - J* of R = -entropy, 100 answers of 10 completions
    exploration   reward log Q - log nu; loss J - J* of R = KL(nu, Q), 50 answers of 10 completions
    coherence     reward: mean over an orbit of three prompts of log nu_j, a geometric-mean consensus; 30
                  answers of 10 completions; loss: mean KL of the answers from those of the fixed point

There are two updates.  "mirror" is the exact step of mirror descent, with every answer's reward estimated
from G independent draws.  "gradient" is the policy gradient of trainers: G completions are counted in their
own group and the group mean is subtracted (tables of sample size G - 2, and the log as trainers use it).
Both average `prompts` groups in a step, and learning rates fall to 0.

The rate of each estimator is the best of RATES on TUNING seeds.  The rows are measured on 8 other seeds,
with 95 % intervals (Student's t):

    loss, loss_pm       final loss
    gap, gap_pm         final loss minus that of the true log at its own best rate, seed by seed
    steps, steps_pm     steps until the loss reaches the final loss of the log, over the seeds that get
                        there, whose number is `reached`

The estimator "log" is the plug-in log of the count, and "noise r" is the table of least bias with sup p Var
at most r times that of log((X+1)/(K+1)).
"U-statistic" is the Euclidean game.  Its reward is -nu times the number of answers (the slope of the log at
the uniform distribution) in place of -log nu; it has no bias, and another optimum.
"""

import argparse
import sys
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from itertools import product
from pathlib import Path

import numpy as np
import origin

import polyest
from polyest import closed_forms
from polyest.errors import TableNotFound
from polyest.games import alft, goals
from polyest.games.descent import Mixture, gradient_policies, mirror_policies
from polyest.games.game import Game
from polyest.games.geometry import negative_entropy
from polyest.games.solution import equilibrium
from polyest.problem.targets import parse

FILE = Path(__file__).parent / "results" / "convergence.csv"
PACKAGES = ("polyest", "numpy")
SEEDS, TUNING = 8, 8
COPIES = SEEDS + TUNING
STEPS, EVERY = 400, 10
RATES = {
    "mirror": (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0),
    "gradient": (0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0, 300.0),
}
GAMES = ("diversity", "exploration", "coherence")
GROUPS, PROMPTS = (4, 8, 16, 32), (2, 8, 32)
NOISES = (1, 2, 4, 8, 16)
STUDENT = 2.3646  # 97.5 % quantile of Student's t with 7 degrees of freedom

Losses = Callable[[np.ndarray], np.ndarray]  # policies of all copies -> one loss for each copy
Row = dict[str, str | float | int]


def pose(game: str) -> tuple[alft.Alft, Mixture, Losses]:
    """The problem with COPIES copies of its prompts, the reward, and the loss of each copy."""
    orbit, number = {"diversity": (1, 100), "exploration": (1, 50), "coherence": (3, 30)}[game]
    rng = np.random.default_rng(GAMES.index(game))
    answers = np.arange(10 * number) % number
    zipf = (1 / np.arange(1.0, number + 1))[answers]
    start = zipf * rng.dirichlet(np.ones(answers.size), size=orbit)
    start /= start.sum(1, keepdims=True)
    beta = 2.0 if game == "coherence" else 0.1
    prior = rng.dirichlet(np.full(number, 2.0)) if game == "exploration" else np.ones(number)
    goal = goals.Custom(
        lambda nu: float((nu * np.log(np.maximum(nu, 1e-300) / prior)).sum(1).mean()),
        lambda nu: np.log(nu / prior),
    )
    one = alft.pose(start, answers, goal, beta)
    every = alft.pose(np.tile(start, (COPIES, 1)), answers, goal, beta)
    prompts = COPIES * orbit
    if game == "coherence":
        mixing = np.kron(np.eye(COPIES), np.full((orbit, orbit), 1 / orbit))
        offset = np.zeros((prompts, number))
    else:
        mixing, offset = -np.eye(prompts), np.tile(np.log(prior), (prompts, 1))
    reward = Mixture(mixing, offset)
    if game == "coherence":
        # nu ~ nu_0 exp(m/beta) with m = mean log nu gives m = m_0/(1 - 1/beta), up to constants.
        nu = one.distributions(one.reference)
        logs = np.log(nu) + np.log(nu).mean(0) / (beta - 1)
        fixed = np.tile(goals.normalised(logs), (COPIES, 1))

        def away(policy: np.ndarray) -> np.ndarray:
            each = negative_entropy().divergence(every.distributions(policy), fixed)
            return each.reshape(COPIES, orbit).mean(1)

        return every, reward, away
    best = one.J(equilibrium(Game(one)).policy)

    def above(policy: np.ndarray) -> np.ndarray:
        nu = every.distributions(policy)
        value = (nu * np.log(np.maximum(nu, 1e-300) / prior)).sum(1)
        return value + beta * every.geometry.divergence(policy, every.reference) - best

    return every, reward, above


def estimators(group: int) -> dict[str, tuple[polyest.Table, polyest.Table] | None]:
    """Two tables of each estimator; None stands for the true log.

    The first is for a completion's own group, the second for a count of `group` independent draws.
    """
    K = polyest.counts.draws(group)
    pairs: dict[str, tuple[polyest.Table, polyest.Table] | None] = {
        "true log": None,
        "log": (closed_forms.log_count(group - 1), closed_forms.log_smoothed(group)),
        "U-statistic": tuple(closed_forms.polynomial(k, [0, 1]) for k in (K, group)),
    }
    for name in ("miller_madow", "harmonic", "jackknife", "schuermann"):
        pairs[name] = tuple(getattr(closed_forms, name)(k) for k in (K, group))
    named = {"minimax": {"criterion": "minimax"}} | {f"noise {r}": {"noise": r} for r in NOISES}
    for name, keywords in named.items():
        try:
            pairs[name] = tuple(polyest.load(k, **keywords) for k in (K, group))
        except TableNotFound as error:
            raise SystemExit(f"{name}: {error}") from None
    return pairs


def trained(
    posed: tuple[alft.Alft, Mixture, Losses],
    tables: tuple[polyest.Table, polyest.Table] | None,
    update: str,
    group: int,
    prompts: int,
    rate: float,
    linear: bool,
    steps: int,
) -> np.ndarray:
    """Losses (records, copies) of a training, with one record every EVERY steps."""
    problem, reward, loss = posed
    if linear:
        number = float(problem.number)
        reward = Mixture(number * reward.mixing, reward.offset, parse("polynomial:0,1"))
    rates = rate * (1 - np.arange(steps) / steps)
    own, others = tables or (None, None)
    if update == "mirror":
        play = mirror_policies(problem, reward, others, rates, groups=prompts, rng=group)
    else:
        play = gradient_policies(
            problem, reward, own, others, rates, group=group, groups=prompts, rng=group
        )
    return np.array([loss(pi) for step, pi in enumerate(play, 1) if step % EVERY == 0])


def cell(where: tuple[str, str, int, int], steps: int = STEPS) -> list[Row]:
    game, update, group, prompts = where
    posed = pose(game)
    best: dict[str, tuple[float, np.ndarray]] = {}
    for name, tables in estimators(group).items():
        runs = {
            rate: trained(posed, tables, update, group, prompts, rate, name == "U-statistic", steps)
            for rate in RATES[update]
        }
        rate = min(runs, key=lambda rate: runs[rate][-1, SEEDS:].mean())
        best[name] = rate, runs[rate][:, :SEEDS]
    true, level = best["true log"][1][-1], best["log"][1][-1].mean()
    lines: list[Row] = []
    for name, (rate, losses) in best.items():
        row: Row = {"game": game, "update": update, "group": group, "prompts": prompts}
        row |= {"estimator": name, "rate": rate}
        below = losses <= level
        reached = below.any(0)
        first = (below.argmax(0) + 1.0)[reached] * EVERY
        for column, values in (("loss", losses[-1]), ("gap", losses[-1] - true), ("steps", first)):
            row[column] = float(values.mean()) if values.size else ""
            spread = STUDENT * values.std(ddof=1) / SEEDS**0.5 if values.size == SEEDS else ""
            row[f"{column}_pm"] = spread if spread == "" else float(spread)
        lines.append({**row, "reached": int(reached.sum())})
    return lines


def rows() -> list[Row]:
    cells = sorted(product(GAMES, RATES, GROUPS, PROMPTS), key=lambda c: -c[2] * c[3])
    lines: list[Row] = []
    with ProcessPoolExecutor() as pool:
        for done, some in enumerate(pool.map(cell, cells), 1):
            lines += some
            print(f"{done} of {len(cells)}", file=sys.stderr)
    return sorted(lines, key=lambda r: tuple(r[k] for k in ("game", "update", "group", "prompts")))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="one small cell, to standard output")
    if parser.parse_args().quick:
        origin.write(cell(("coherence", "gradient", 4, 2), steps=20), PACKAGES, None)
    else:
        origin.write(rows(), PACKAGES, FILE)


if __name__ == "__main__":
    main()

"""Policies trained on games with known optima, with the switches of trainers, each arm at its best rate.

    python benchmarks/convergence.py             # every cell not yet in results/convergence.csv, 36 minutes
    python benchmarks/convergence.py --quick     # one small cell, to standard output

The rewards of the games are made of log nu.  The loss is 0 at the optimum or fixed point, which is known
exactly:

    diversity     reward -log nu; loss J - J* of R = -entropy, 100 answers of 10 completions
    exploration   reward log Q - log nu; loss J - J* of R = KL(nu, Q), 50 answers of 10 completions
    coherence     reward: mean over an orbit of three prompts of log nu_j, a geometric-mean consensus; 30
                  answers of 10 completions; loss: mean KL of the answers from those of the fixed point
    network       reward log Q - log nu of 128 prompts; a network with more weights than there are numbers to
                  learn, and too few steps to learn them; loss: mean KL(nu, Q)

J has beta KL(pi, start) beside R, and so has the fixed point; beta is .1, and 2 for coherence.  Updates:

    gradient      a step of the policy gradient for every batch, as in benchmarks/training.py
    clipped       four passes over every batch, with ratios clipped at 1 +- .2 (PPO)
    adam          a step of Adam for every batch, of the network (benchmarks/revisits.py)

The group's mean is subtracted from rewards, and they are divided by the standard deviation or not.  Arms are
those of arms.py, chosen and measured by contest.py.  Multipliers multiply the estimate.  Where rewards are
divided, their size is lost, so that the weight beta of the pull in the update is chosen too, of every arm;
multipliers of all of the reward cancel there and are left out.  The loss has always the same beta.  The arms
with a visit count the same group of the step before too.

    loss, loss_pm       final loss, half its 95 % interval
    gap, gap_pm         final loss less that of the true log, seed by seed
"""

import argparse
from collections.abc import Sequence
from functools import cache, partial
from itertools import product
from pathlib import Path

import arms
import contest
import numpy as np
import origin
import revisits
from runs import Row
from training import Plan, Settings, Task, train
from tuning import Values

from polyest.arrays import Floats
from polyest.games import alft, goals
from polyest.games.game import Game
from polyest.games.solution import equilibrium

FILE = Path(__file__).parent / "results" / "convergence.csv"
PACKAGES = ("polyest", "numpy", "numba")
STEPS = 400
GAMES = ("diversity", "exploration", "coherence")
GROUPS, PROMPTS = (4, 8, 16, 32, 64), (2, 8, 32)
CLIPPED = (8, 16)  # groups whose batches are passed four times
EPOCHS = (5, 20)  # of the network
RATES = {"gradient": (-1, 9), "clipped": (-3, 7), "adam": (-10, -2)}  # exponents of 2
PULLS = (0.25, 0.5, 1.0, 2.0, 4.0, 8.0)  # times beta
NETWORK = "wide network"
CELL = ("game", "update", "divided", "group", "prompts", "steps")


@cache
def posed(game: str) -> Task:
    """A game, its start and the loss of a policy."""
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
    problem = alft.pose(start, answers, goal, beta)
    if game == "coherence":
        # nu ~ nu_0 exp(m/beta) with m = mean log nu gives m = m_0/(1 - 1/beta), up to constants.
        logs = np.log(problem.distributions(start))
        fixed = goals.normalised(logs + logs.mean(0) / (beta - 1))

        def loss(policy: Floats) -> float:
            return _divergence(problem.distributions(policy), fixed)

    else:
        best = problem.J(equilibrium(Game(problem)).policy)

        def loss(policy: Floats) -> float:
            return problem.J(policy / policy.sum(1, keepdims=True)) - best

    weight = 1 / 3 if game == "coherence" else -1.0
    crossed = weight if game == "coherence" else 0.0
    return Task(np.log(start), answers, np.log(prior), weight, crossed, beta, loss)


def _divergence(nu: Floats, aim: Floats) -> float:
    return float((nu * np.log(np.maximum(nu, 1e-300) / aim)).sum(1).mean())


def losses(cell: Row) -> dict[str, contest.Losses]:
    """The loss of every arm in a cell, from settings and a seed."""
    game, divided, group = str(cell["game"]), bool(cell["divided"]), int(cell["group"])
    if game == "network":
        epochs = int(cell["steps"]) * revisits.BATCH // revisits.PROMPTS
        return {
            arm: _of_network(arm, group, epochs, divided)
            for arm, its in arms.ARMS.items()
            if not its.visits
        }
    passes = 4 if cell["update"] == "clipped" else 1
    plan = Plan(group, int(cell["prompts"]), int(cell["steps"]), divided, passes)

    def of(arm: str) -> contest.Losses:
        return partial(train, lambda _: posed(game), plan, arms.ARMS[arm])

    return {arm: of(arm) for arm in arms.ARMS}


def _of_network(arm: str, group: int, epochs: int, divided: bool) -> contest.Losses:
    its = arms.ARMS[arm]
    entries = its.entries and np.append(arms.entries_of(its, group - 2), [0.0, 0.0])

    def loss(chosen: Settings, seeds: Sequence[int]) -> Floats:
        def estimate(prompts: np.ndarray, counts: np.ndarray, nu: Floats) -> Floats:
            logs = np.log(nu) if entries is None else entries[np.maximum(counts - 1, 0)]
            return chosen.multiplier * logs

        rates = np.full(len(seeds), chosen.rate)
        with np.errstate(over="ignore", invalid="ignore"):  # a rate that is too high ends with inf
            ended = revisits.train(
                NETWORK, group, epochs, estimate, rates, np.array(seeds), divided=divided
            )
        return ended.loss

    return loss


def cell(where: Row) -> list[Row]:
    """Rows of every arm."""
    game, divided = str(where["game"]), bool(where["divided"])
    beta = 0.0 if game == "network" else posed(game).beta
    pulls: Values = tuple(beta * times for times in PULLS) if divided and beta else (beta,)
    # Where the whole reward is the estimate, division takes a multiplier off again.
    cancels = divided and game in ("diversity", "coherence")
    multipliers = {} if cancels else contest.MULTIPLIERS
    doubled = contest.MULTIPLIERS.keys() - {"gini, tuned"} if cancels else ()
    left = {arm: loss for arm, loss in losses(where).items() if arm not in doubled}
    return contest.rows(where, left, *RATES[str(where["update"])], pulls, multipliers)


def cells() -> list[Row]:
    """All cells, the cheapest first."""
    games = [
        (game, update, divided, group, prompts, STEPS)
        for update, groups in (("gradient", GROUPS), ("clipped", CLIPPED))
        for game, group, prompts, divided in product(GAMES, groups, PROMPTS, (0, 1))
    ]
    steps = [epochs * revisits.PROMPTS // revisits.BATCH for epochs in EPOCHS]
    games += [
        ("network", "adam", divided, group, revisits.BATCH, n)
        for n, group, divided in product(steps, GROUPS, (0, 1))
    ]
    listed: list[Row] = [dict(zip(CELL, each, strict=True)) for each in games]
    return sorted(listed, key=lambda c: int(c["group"]) * int(c["prompts"]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="one small cell, to standard output")
    if parser.parse_args().quick:
        small = dict(zip(CELL, ("coherence", "gradient", 1, 4, 2, 20), strict=True))
        origin.write(cell(small), PACKAGES, None)
    else:
        contest.measured(FILE, PACKAGES, cells(), cell)


if __name__ == "__main__":
    main()

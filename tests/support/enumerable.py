"""Answer-level problems small enough to enumerate: geometries, goals, random problems, named ones."""

import numpy as np
from hypothesis import strategies as st

from polyest.games import alft, geometry, goals
from polyest.games.coherence import Coherence
from polyest.games.safety import Safety

KL, EUCLID, GINI = geometry.negative_entropy(), geometry.euclidean(), geometry.tsallis(2)
GEOMETRIES = {
    "negative entropy": KL,
    "Euclidean": EUCLID,
    "Tsallis 0.5": geometry.tsallis(0.5),
    "Tsallis 1.5": geometry.tsallis(1.5),
    "Tsallis 3": geometry.tsallis(3),
    "polynomial": geometry.polynomial([0, 0, 0.5, -0.2, 0.1]),
}
FLAT = {"flat at 0": geometry.polynomial([0, 0, 0, 0, 0.25])}  # equilibria take long to settle


def squares(weights):
    """A goal of one's own: the mean square of the answers' probabilities, pulled to the first."""

    def value(nu):
        return float(np.array(weights) @ ((nu - np.eye(nu.shape[1])[0]) ** 2).sum(1))

    return goals.Custom(value, lambda nu: 2 * (nu - np.eye(nu.shape[1])[0]))


# What each goal needs: a random generator, prompts, answers and the weights of the prompts.
GOALS = {
    "standard RL": lambda rng, x, z, w: goals.StandardRL(tuple(rng.normal(size=z))),
    "RL of each prompt": lambda rng, x, z, w: goals.StandardRL(tuple(rng.normal(size=(x, z)))),
    "ground truth": lambda rng, x, z, w: goals.GroundTruth(tuple(rng.integers(0, z, x).tolist())),
    "entropy": lambda rng, x, z, w: goals.Diversity(KL),
    "entropy, scaled": lambda rng, x, z, w: goals.Diversity(KL, 0.3),
    "Gini": lambda rng, x, z, w: goals.Diversity(GINI),
    "Tsallis 0.5": lambda rng, x, z, w: goals.Diversity(geometry.tsallis(0.5)),
    "safety": lambda rng, x, z, w: safety(rng, 1, z),
    "two budgets": lambda rng, x, z, w: safety(rng, 2, z),
    "penalty": lambda rng, x, z, w: safety(rng, 1, z, bound=2.0),
    "coherence": lambda rng, x, z, w: Coherence(),
    "own": lambda rng, x, z, w: squares(w),
}
SMOOTH = [name for name in GOALS if name not in ("safety", "two budgets", "penalty")]


def safety(rng, constraints, answers, bound=np.inf):
    """Costs within budgets that the first answer keeps and the mean of all does not."""
    cost = rng.random((constraints, answers))
    cost[:, 0] = 0.0
    return Safety(tuple(map(tuple, cost)), tuple(0.6 * cost.mean(1)), bound)


def random_problem(seed, goal, geometry, beta, traces=6, answers=3, prompts=3):
    """A problem in which every prompt reaches every answer, orbits {0, 1}, {2} and uneven weights."""
    rng = np.random.default_rng(seed)
    weights = rng.dirichlet(np.full(prompts, 5.0))
    extracted = [
        np.concatenate([np.arange(answers), rng.integers(0, answers, traces - answers)])
        for _ in range(prompts)
    ]
    reference = 0.9 * rng.dirichlet(np.full(traces, 2.0), size=prompts) + 0.1 / traces
    orbits = [list(range(prompts - 1)), [prompts - 1]] if prompts > 1 else None
    return alft.pose(
        reference,
        np.stack(extracted),
        GOALS[goal](rng, prompts, answers, weights),
        beta,
        weights=weights,
        orbits=orbits,
        geometry=GEOMETRIES[geometry],
    )


seeds = st.integers(0, 2**32 - 1)
betas = st.sampled_from([0.2, 0.5, 1.0, 3.0])


def distributions(seed, rows, columns):
    """Distributions without zeros, (rows, columns)."""
    return np.random.default_rng(seed).dirichlet(np.ones(columns), size=rows)


def coin(goal, beta, up=0.9, **keywords):
    """One prompt and two completions, each its own answer."""
    return alft.pose([[up, 1 - up]], [0, 1], goal, beta, **keywords)

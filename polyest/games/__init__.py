"""Answer-level fine-tuning as a game between a policy and a target, solved exactly on small problems.

problem = games.pose(reference, answers, games.Diversity(games.negative_entropy()), beta=0.5)
game = games.Game(problem)
games.equilibrium(game).policy      # = games.by_descent(problem), which does not use the game
"""

from polyest.games.alft import Alft, pose
from polyest.games.coherence import (
    Coherence,
    arithmetic_mean,
    geometric_mean,
    mode,
    squared_hellinger,
)
from polyest.games.descent import (
    gradient_policies,
    mirror_descent,
    mirror_policies,
    policy_gradient,
)
from polyest.games.dynamics import Step, alternating, no_regret, recorded
from polyest.games.game import Game
from polyest.games.geometry import Geometry, euclidean, negative_entropy, polynomial, tsallis
from polyest.games.goal import Goal
from polyest.games.goals import Custom, Diversity, GroundTruth, StandardRL
from polyest.games.mixture import Mixture
from polyest.games.payoff import rewards, table
from polyest.games.referee import by_cones, by_descent
from polyest.games.safety import Safety
from polyest.games.solution import Equilibrium, equilibrium

__all__ = [
    "Alft",
    "Coherence",
    "Custom",
    "Diversity",
    "Equilibrium",
    "Game",
    "Geometry",
    "Goal",
    "GroundTruth",
    "Mixture",
    "Safety",
    "StandardRL",
    "Step",
    "alternating",
    "arithmetic_mean",
    "by_cones",
    "by_descent",
    "equilibrium",
    "euclidean",
    "geometric_mean",
    "gradient_policies",
    "mirror_descent",
    "mirror_policies",
    "mode",
    "negative_entropy",
    "no_regret",
    "policy_gradient",
    "polynomial",
    "pose",
    "recorded",
    "rewards",
    "squared_hellinger",
    "table",
    "tsallis",
]

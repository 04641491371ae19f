"""The rewards of sampled completions: log-probability, diversity, ground truth, consensus, safety and
others.

    from polyest import rewards
    r = rewards.log_probability(answers, beta=0.1)      # answers: integer ids (prompts, G)

All are called in the same way: first the answers, an integer array of numpy, torch or any library of the
array API standard, then keywords, which include those of `Options`.  Rewards are arrays of that library,
float64 (or its longest floats) in the shape of the answers, and finite for every completion that has an
answer.  In a graph of JAX, where no error can be raised, nan marks a reward that is not a number.  Flat
batches, with groups=, are counted in numpy and torch only.  The functions are plain and can be pickled; if
a trainer passes no keywords, fix them with functools.partial.
"""

from polyest.rewards.agreement import pairwise
from polyest.rewards.consensus import coherence, soft_consistency
from polyest.rewards.custom import of_counts, of_group
from polyest.rewards.multiplier import Multiplier, safety
from polyest.rewards.options import Options
from polyest.rewards.probability import log_probability, pass_at, polynomial, tsallis
from polyest.rewards.rarity import diversity
from polyest.rewards.verifiable import ground_truth, standard

__all__ = [
    "Multiplier",
    "Options",
    "coherence",
    "diversity",
    "ground_truth",
    "log_probability",
    "of_counts",
    "of_group",
    "pairwise",
    "pass_at",
    "polynomial",
    "safety",
    "soft_consistency",
    "standard",
    "tsallis",
]

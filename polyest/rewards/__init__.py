"""Counts -> rewards: log-probability, polynomial, diversity, ground truth, consensus, agreement, safety, ...

    from polyest import rewards
    r = rewards.log_probability(answers, beta=0.1)      # integers (prompts, G): K = G - 2 draws

All are called alike: answers first, integers of numpy, torch or any library of the array API standard, then
keywords, `Options` among them.  Rewards are arrays of that library, float64 (or its longest floats) in the
shape of the answers, and finite for every completion that has an answer; in a graph of JAX, where nothing can
be raised, nan stands for what is no number.  Flat batches, with groups=, are counted in numpy and torch only.
The functions are plain and can be pickled; functools.partial fixes keywords where a trainer passes none.
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

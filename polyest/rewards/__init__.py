"""Counts -> rewards: log-probability, polynomial, diversity, ground truth, consensus, agreement, safety.

    from polyest import rewards
    r = rewards.log_probability(answers, beta=0.1)      # integers (prompts, G): K = G - 2 draws

All are called alike: answers first, integers in numpy or torch, then keywords, `Options` among them.
Rewards are float64 in the shape of the answers, and finite for every completion that has an answer.  The
functions are plain and can be pickled; functools.partial fixes keywords where a trainer passes none.
"""

from polyest.rewards.agreement import pairwise
from polyest.rewards.consensus import coherence, soft_consistency
from polyest.rewards.multiplier import Multiplier, safety
from polyest.rewards.options import Options
from polyest.rewards.probability import diversity, log_probability, pass_at, polynomial, tsallis
from polyest.rewards.verifiable import ground_truth, standard

__all__ = [
    "Multiplier",
    "Options",
    "coherence",
    "diversity",
    "ground_truth",
    "log_probability",
    "pairwise",
    "pass_at",
    "polynomial",
    "safety",
    "soft_consistency",
    "standard",
    "tsallis",
]

"""A table as an array of JAX, looked up in a compiled function, beside what polyest.rewards makes of it.

    python examples/jax_lookup.py

Everything that polyest does at training time is the three lines of `advantages` below: count each answer
among the others of its group, look the count up, subtract the group's mean.  As the mean holds the same
counts once more, a group of G needs the table of K = G - 2.

Whole multiples of 2^-16 have exact sums in float32, so that a group of equal rewards has advantages of
exactly 0; polyest.rewards rounds to them too, with dyadic=True.  It takes some seconds, most of them imports.
"""

import jax
import jax.numpy as jnp
import numpy as np

from polyest import load, rewards
from polyest.advantages import group_mean

GROUP = 16
WHICH = {
    "criterion": "minimax",
    "shape": "monotone",
}  # never pays an answer less for being frequent
STEP = 2.0**-16
ENTRIES = load(group=GROUP, **WHICH).coefficients  # K + 1 = 15, float64
TABLE = jnp.asarray(np.round(ENTRIES / STEP) * STEP)  # float32


@jax.jit
def advantages(answers):
    """Advantages (prompts, G) of answers as integers (prompts, G), -1 for no answer.

    A completion without an answer earns the least that a count can earn.  In a group that agrees there are
    G - 1 others with the answer, one more than the table counts; all advantages are 0 there, so that any
    entry will do, and the last is taken.
    """
    others = (answers[:, :, None] == answers[:, None, :]).sum(axis=2) - 1
    paid = jnp.where(answers >= 0, TABLE[jnp.minimum(others, GROUP - 2)], TABLE.min())
    return paid - paid.mean(axis=1, keepdims=True)


def main():
    """Compare with the library on random answers, some of them missing."""
    answers = np.random.default_rng(0).integers(-1, 6, (1024, GROUP))
    answers[1:3] = 3  # a group that agrees,
    answers[2, 0] = 5  # and one that nearly does
    ours = np.asarray(advantages(jnp.asarray(answers)))
    theirs = group_mean(rewards.log_probability(answers, **WHICH, unanswered="lowest", dyadic=True))
    apart = np.abs(ours - theirs).max()
    print(
        f"{TABLE.shape[0]} entries in {TABLE.dtype}, least {TABLE.min():.3f}, largest {TABLE.max():.3f}"
    )
    print("answers   ", *(f"{answer:6}" for answer in answers[0, :8]))
    print("advantages", *(f"{advantage:6.2f}" for advantage in ours[0, :8]))
    print(f"{answers.size} advantages, at most {apart:.1e} from those of polyest.rewards")
    assert apart < 1e-6, "more than float32 explains"


if __name__ == "__main__":
    main()

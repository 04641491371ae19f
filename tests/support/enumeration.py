"""Every outcome of small samples with its probability: expectations as finite sums."""

from itertools import product

import numpy as np

from polyest.problem.bernstein import expectation


def groups(nu, G):
    """All answers (outcomes, G) of G draws from nu, and their probabilities; answer -1 is drawn by nu[-1]."""
    answers = np.array([*product(range(len(nu)), repeat=G)])
    chance = np.prod(np.asarray(nu)[answers], axis=1)
    return np.where(answers == len(nu) - 1, -1, answers), chance


def orbits(nus, G):
    """All answers (outcomes, m, G) of G draws from each of m prompts, and their probabilities."""
    number, m = len(nus[0]), len(nus)
    answers = np.array([*product(range(number), repeat=m * G)]).reshape(-1, m, G)
    chance = np.prod(
        [np.prod(np.asarray(nu)[answers[:, k]], axis=1) for k, nu in enumerate(nus)], axis=0
    )
    return answers, chance


def gradient(answers, chance, advantages, number):
    """E[(1/G) sum_i A_i 1[z_i = z]] for every answer z: the policy gradient in units of grad log nu_z."""
    rows = advantages.reshape(len(chance), -1)
    flat = answers.reshape(len(chance), -1)
    return np.array(
        [(chance[:, None] * rows * (flat == z)).sum() / rows.shape[1] for z in range(number)]
    )


def mean(table, p):
    """The polynomial P(p) of a table, from its doubles."""
    return float(expectation(table.coefficients, p))

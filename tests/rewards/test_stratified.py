"""Stratified tables against their definition in exact fractions, and their two ways to compute."""

from fractions import Fraction
from itertools import product
from math import comb, factorial

import numpy as np
import pytest
import torch

import polyest
from polyest.errors import CountOutOfRange, InvalidReward
from polyest.problem.bernstein import expectation
from polyest.rewards import stratified
from polyest.rewards.stratified import stratify

ENTRIES = np.array([-3.0, 1.0, -0.5, 0.25])


def plain(entries, draws, X):
    """E[c_Y] over multinomial labels and hypergeometric counts, as the module defines it."""
    n, m, total = len(entries) - 1, len(draws), Fraction(0)
    for labels in product(range(n + 1), repeat=m):
        if sum(labels) != n:
            continue
        chance = Fraction(factorial(n), m**n)
        for label in labels:
            chance /= factorial(label)
        for kept in product(*(range(label + 1) for label in labels)):
            weight = chance
            for K, x, label, y in zip(draws, X, labels, kept, strict=True):
                weight *= Fraction(comb(x, y) * comb(K - x, label - y), comb(K, label))
            total += weight * Fraction(float(entries[sum(kept)]))
    return float(total)


@pytest.mark.parametrize("draws", [(3,), (5,), (3, 3), (3, 5), (4, 3, 3), (3, 4, 5)])
def test_every_entry_is_the_mean_over_thinnings(draws):
    entries = stratify(ENTRIES, draws)
    grid = np.array([*product(*(range(K + 1) for K in draws))])
    expected = [plain(ENTRIES, draws, X) for X in grid]
    assert entries[grid] == pytest.approx(expected, abs=1e-13)
    assert len(entries.factors) == 1


def test_written_out_or_summed_it_is_the_same(monkeypatch):
    draws, grid = (6, 8, 7), np.array([*product(range(7), range(9), range(8))])
    entries = stratify(polyest.load(6).coefficients, draws)
    monkeypatch.setattr(stratified, "WRITTEN_OUT", 0)
    stratified._stratified.cache_clear()
    summed = stratify(polyest.load(6).coefficients, draws)
    stratified._stratified.cache_clear()
    assert (len(entries.factors), len(summed.factors)) == (1, 4)
    assert summed[grid] == pytest.approx(entries[grid], abs=1e-12)


def test_its_mean_is_the_polynomial_of_the_mean_probability():
    table = polyest.load(6)
    draws, nus = (6, 8, 7), (0.9, 0.2, 0.0)
    entries = stratify(table.coefficients, draws)
    grid = np.array([*product(*(range(K + 1) for K in draws))])
    chance = np.ones(len(grid))
    for K, nu, x in zip(draws, nus, grid.T, strict=True):
        chance *= [comb(K, k) * nu**k * (1 - nu) ** (K - k) for k in x]
    assert (chance * entries[grid]).sum() == pytest.approx(
        float(expectation(table.coefficients, np.mean(nus))), abs=1e-12
    )


def test_a_large_orbit_is_summed_in_blocks_and_torch_agrees():
    draws = (14, *[16] * 7)
    entries = stratify(polyest.load(14).coefficients, draws)
    assert len(entries.factors) == 9
    counts = np.random.default_rng(0).integers(0, 15, (700, 8))
    expected = entries[counts]
    assert np.asarray(entries.moved("cpu")[torch.tensor(counts)]) == pytest.approx(
        expected, abs=1e-13
    )
    assert entries[counts[:, ::1].reshape(70, 10, 8)].reshape(-1) == pytest.approx(
        expected, abs=1e-13
    )
    others = np.concatenate([counts[:, :1], counts[:, :0:-1]], axis=1)  # alike in the other prompts
    assert entries[others] == pytest.approx(expected, abs=1e-12)
    assert entries[np.zeros((1, 8), int)][0] == pytest.approx(polyest.load(14)[0], abs=1e-12)
    full = np.array([draws])
    assert entries[full][0] == pytest.approx(polyest.load(14)[14], abs=1e-12)


def test_what_does_not_fit_is_refused():
    with pytest.raises(InvalidReward, match="expected at least 3 of every prompt"):
        stratify(ENTRIES, (3, 2))
    with pytest.raises(InvalidReward, match="smaller groups or orbits"):
        stratify(np.zeros(511), (510, 512, 512))
    with pytest.raises(CountOutOfRange, match=r"\(\.\.\., 2\)"):
        stratify(ENTRIES, (3, 3))[np.zeros((4, 3), int)]

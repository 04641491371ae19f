"""When old counts make the policy swing: the roots of the recursion, and a game that is played."""

import numpy as np
import pytest

from polyest.errors import InvalidHistory
from polyest.history import stable_gain


def radius(gain, weights):
    """The greatest |z| of d_(t+1) = d_t - gain sum_i weights_i d_(t-i)."""
    polynomial = np.zeros(len(weights) + 1)
    polynomial[:2] = 1, -1
    polynomial[1:] += gain * np.asarray(weights)
    return np.abs(np.roots(polynomial)).max()


@pytest.mark.parametrize("visits", range(13))
def test_the_limit_is_where_a_root_meets_the_circle(visits):
    n = visits + 1
    limit, weights = stable_gain(visits), np.full(n, 1 / n)
    assert all(radius(gain, weights) < 1 for gain in np.linspace(0.01, 0.999, 40) * limit)
    assert radius(limit, weights) == pytest.approx(1, abs=1e-9)
    assert all(radius(gain, weights) > 1 for gain in np.linspace(1.001, 2, 20) * limit)


def test_its_values_and_their_limit():
    assert [stable_gain(v) for v in (0, 1, 2)] == pytest.approx([2, 2, 1.5])
    assert stable_gain(10**4) * (10**4 + 1) == pytest.approx(np.pi**2 / 2, rel=1e-6)
    limits = [stable_gain(v) for v in range(1, 64)]
    assert limits == sorted(limits, reverse=True)


@pytest.mark.parametrize("G", [4, 8, 16])
@pytest.mark.parametrize("visits", [1, 2, 4, 8])
def test_a_group_weighs_a_little_less_than_a_visit(G, visits):
    weights = np.array([G - 2, *[G] * visits]) / (visits * G + G - 2)
    gains = np.linspace(0.01, 2.5, 2000)
    limit = gains[np.argmax([radius(gain, weights) >= 1 for gain in gains])]
    # the limit is lower by less than the group is lighter
    assert 1 - 2 / G < limit / stable_gain(visits) <= 1.001


def played(gain, visits, updates=3000):
    """How far a policy of three answers is from its target in the last 40 updates of a game.

    Rewards are log Q - log nu, nu the mean of the last visits + 1 policies: no noise, groups without end.
    """
    target = np.array([0.5, 0.3, 0.2])
    steep = np.linalg.eigvalsh(np.diag(target) - np.outer(target, target))[-1]
    logits = np.log(target) + 1e-3 * np.array([1.0, -2.0, 1.0])
    seen, away = [], []
    for _ in range(updates):
        p = np.exp(logits - logits.max())
        p /= p.sum()
        seen = [p, *seen][: visits + 1]
        away.append(np.abs(p - target).max())
        paid = np.log(target) - np.log(np.mean(seen, axis=0))
        logits = logits + gain / steep * p * (paid - p @ paid)
    return max(away[-40:])


@pytest.mark.parametrize("visits", [0, 1, 2, 4, 8])
def test_a_log_linear_game_settles_below_the_limit_and_swings_above_it(visits):
    assert played(0.97 * stable_gain(visits), visits) < 1e-6
    assert played(1.03 * stable_gain(visits), visits) > 1e-3


def test_at_one_gain_one_visit_is_stable_and_four_are_not():
    assert played(1.2, 0) < 1e-6
    assert played(1.2, 1) < 1e-6
    assert played(1.2, 4) > 1e-2


@pytest.mark.parametrize("visits", [-1, 0.5, None, True, "auto"])
def test_visits_are_a_number(visits):
    with pytest.raises(InvalidHistory, match="integer of at least 0"):
        stable_gain(visits)

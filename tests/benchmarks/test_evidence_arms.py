"""benchmarks/arms.py: what every arm pays is what the library pays, or what its formula says."""

from math import log

import numpy as np
import pytest
import torch
from arms import ADVANTAGES, ARMS, CARRIED, SPLIT, Arm, entries_of, estimate
from hypothesis import given, settings
from hypothesis import strategies as st

import polyest
from polyest import rewards
from polyest.history.history import History

NOISES = [name for name in ARMS if name.startswith("noise") and ARMS[name].multipliers == (1.0,)]


def answers_of(seed, prompts=7, group=16, kinds=5):
    return np.random.default_rng(seed).integers(0, kinds, (prompts, group))


def test_tables_are_those_of_the_library():
    answers = answers_of(0)
    paid = {
        "log": rewards.log_probability(answers, table="log_count", baseline="none"),
        "schuermann": rewards.log_probability(answers, table="schuermann"),
        "noise 8": rewards.log_probability(answers, noise=8),
    }
    for shape in ("monotone", "concave"):
        table = polyest.load(14, criterion="minimax", shape=shape)
        paid[shape] = rewards.log_probability(answers, table=table)
    for noise in (2, 4, 16):
        paid[f"noise {noise}"] = rewards.log_probability(answers, noise=noise)
    for name, wanted in paid.items():
        # Where all agree the last entry is read, which under a group mean is immaterial.
        mixed = (answers != answers[:, :1]).any(1)
        assert np.array_equal(estimate(ARMS[name], answers)[mixed], wanted[mixed]), name
        base = estimate(ARMS.get(f"{name}, tuned", ARMS[name]), answers)
        assert np.array_equal(base[mixed], wanted[mixed]), name


def test_formulas_by_hand():
    answers = np.array([[4, 4, 4, 6], [1, 2, 3, -1]])  # K = 2
    assert estimate(ARMS["log"], answers)[0] == pytest.approx([log(3 / 4)] * 3 + [log(1 / 4)])
    pseudo = estimate(ARMS["pseudo-count"], answers)
    assert pseudo[0] == pytest.approx([0] * 3 + [log(0.1 / 2.1)])
    assert estimate(ARMS["gini, tuned"], answers)[0].tolist() == [1.0, 1.0, 1.0, 0.0]
    assert np.isnan(pseudo[1]).tolist() == [False, False, False, True]


def test_noiseless_arms_are_functions_of_the_distribution():
    answers, nu = np.array([[0, 1, 1, 2]]), np.array([[0.5, 0.3, 0.2]])
    own = nu[0][answers[0]]
    assert estimate(ARMS["true log"], answers, nu)[0] == pytest.approx(np.log(own))
    # The mean of a table of K = 2 at p, from the binomial formula.
    c = entries_of(SPLIT["mean of log"], 2)
    mean = c[0] * (1 - own) ** 2 + 2 * c[1] * own * (1 - own) + c[2] * own**2
    assert estimate(SPLIT["mean of log"], answers, nu)[0] == pytest.approx(mean)
    with pytest.raises(AssertionError, match="distributions"):
        estimate(ARMS["true log"], answers)


def test_the_exact_mean_is_what_the_entry_pays_in_expectation_under_the_group_mean():
    """Gradients of one group of 3 over two answers, enumerated: the theorem of polyest.counts."""
    p = 0.3
    gradient = {"noise 2": 0.0, "mean of noise 2": 0.0}
    arms = {
        "noise 2": ARMS["noise 2"],
        "mean of noise 2": Arm(ARMS["noise 2"].entries, paid="mean"),
    }
    for group in np.ndindex(2, 2, 2):
        chance = p ** group.count(0) * (1 - p) ** group.count(1)
        scores = np.array([(1 - p) if z == 0 else -p for z in group])  # of the logit of answer 0
        for name, arm in arms.items():
            paid = estimate(arm, np.array([group]), np.array([[p, 1 - p]]))
            centred = ADVANTAGES["mean"](paid)[0] * 3 / 2
            gradient[name] += chance * float((centred * scores).mean())
    assert gradient["noise 2"] == pytest.approx(gradient["mean of noise 2"], abs=1e-12)
    assert abs(gradient["noise 2"]) > 0.01


def test_a_visit_is_counted_too():
    past, answers = History(stable_ids=True), np.array([[4, 4, 4, 6]])
    arm = ARMS["noise 4, visit"]
    first = estimate(arm, answers, history=past, prompts=[9])
    assert first.tolist() == estimate(ARMS["noise 4"], answers).tolist()
    past.record(answers, prompts=[9])
    table = polyest.load(6, noise=4)
    second = estimate(arm, np.array([[4, 6, 5, 5]]), history=past, prompts=[9])
    assert second[0].tolist() == [float(table[i]) for i in (3, 1, 1, 1)]
    both = estimate(arm, np.array([[4, 6, 5, 5]] * 2), history=past, prompts=[9, 8])
    assert both[0].tolist() == second[0].tolist()
    assert both[1].tolist() == estimate(ARMS["noise 4"], np.array([[4, 6, 5, 5]]))[0].tolist()


@given(st.integers(0, 2**32 - 1), st.sampled_from([*ARMS, *SPLIT]), st.sampled_from([4, 8, 16]))
@settings(max_examples=40, deadline=None)
def test_numpy_and_torch_are_paid_the_same_and_finitely(seed, name, group):
    answers = answers_of(seed, group=group)
    nu = np.random.default_rng(seed).dirichlet(np.ones(5), size=len(answers))
    arm = {**ARMS, **SPLIT}[name]
    ids = [*range(len(answers))]
    paid = estimate(arm, answers, nu, History(stable_ids=True), ids)
    other = estimate(arm, torch.tensor(answers), torch.tensor(nu), History(stable_ids=True), ids)
    assert other.dtype == torch.float64
    assert np.array_equal(paid, other.numpy())
    assert np.isfinite(paid).all()
    for made in ADVANTAGES.values():
        assert np.isfinite(made(paid)).all()
        assert np.abs(made(paid).sum(1)).max() < 1e-6


def test_settings_beside_the_core_run_arms_that_there_are():
    assert set(CARRIED) <= set(ARMS)
    assert {name.removeprefix("mean of ") for name in SPLIT} <= set(ARMS)
    tuned = [name for name in ARMS if name.endswith("tuned")]
    assert all(len(ARMS[name].multipliers) > 4 for name in tuned)
    assert len(NOISES) == 4 + 1

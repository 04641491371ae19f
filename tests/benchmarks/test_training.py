"""benchmarks/training.py: the compiled training does what the library's functions do step by step."""

import arms
import numpy as np
import pytest
import training
from training import Plan, Settings, Task, draws, train

from polyest import advantages, counts
from polyest.history.history import History

NUMBER, EACH = 7, 2  # answers, completions of each


def task(orbit: int, crossed: float) -> Task:
    """A task whose loss says everything of the policy in one number."""
    rng = np.random.default_rng(orbit)
    start = rng.normal(size=(orbit, NUMBER * EACH))
    offset = rng.normal(size=NUMBER)
    weights = rng.normal(size=start.shape)
    answers = np.arange(NUMBER * EACH) % NUMBER
    return Task(
        start, answers, offset, -0.7, crossed, 0.0, lambda policy: float((weights * policy).sum())
    )


def distribution(logits):
    powers = np.exp(logits - logits.max(-1, keepdims=True))
    return powers / powers.sum(-1, keepdims=True)


def plainly(task: Task, plan: Plan, name: str, chosen: Settings, seed: int) -> float:
    """The same training with polyest's counts, histories, estimates and advantages."""
    arm, orbit = arms.ARMS[name], len(task.start)
    uniform, groups = draws(seed, plan.steps, orbit, plan.prompts, plan.group)
    logits = task.start.copy()
    past = [History(stable_ids=True) for _ in range(orbit)]
    ids = [*range(plan.prompts)]
    before = np.zeros((orbit, plan.prompts, NUMBER), int)
    for step in range(plan.steps):
        old = distribution(logits)
        completions, tables = [], np.zeros((orbit, plan.prompts, NUMBER), int)
        for o in range(orbit):
            drawn = np.searchsorted(old[o].cumsum(), uniform[step, o]).clip(0, NUMBER * EACH - 1)
            order = np.argsort(groups[step, o], kind="stable")
            completions.append(drawn[order].reshape(plan.prompts, plan.group))
            for g in range(plan.prompts):
                tables[o, g] = np.bincount(task.answers[completions[o][g]], minlength=NUMBER)
        nu = np.stack([np.bincount(task.answers, pi, NUMBER) for pi in old])
        advantage = []
        for o in range(orbit):
            answers = task.answers[completions[o]]
            own = arms.estimate(
                arm, answers, np.repeat(nu[o : o + 1], plan.prompts, 0), past[o], ids
            )
            if arm.visits:
                past[o].record(answers, prompts=ids)
            paid = task.offset[answers] + chosen.multiplier * task.own * own
            for p in set(range(orbit)) - {o}:
                if arm.entries is None:
                    other = np.log(nu[p])[answers]
                else:
                    seen = tables[p] + before[p] * bool(arm.visits)
                    K = plan.group * (1 + bool(arm.visits and step))
                    listed = (
                        np.log(np.maximum(np.arange(K + 1), 0.5) / K)
                        if name == "log"
                        else arms.entries_of(arm, K)
                    )
                    other = np.take_along_axis(listed[seen], answers, 1)
                paid = paid + chosen.multiplier * task.crossed * other
            advantage.append(
                advantages.standardised(paid, epsilon=training.EPSILON)
                if plan.divided
                else advantages.group_mean(paid)
            )
        before = tables
        for turn in range(plan.passes):
            pi, rate = distribution(logits), chosen.rate * (1 - step / plan.steps)
            moved = np.zeros_like(logits)
            for o in range(orbit):
                y = completions[o].ravel()
                ratio = pi[o, y] / old[o, y]
                A = advantage[o].ravel()
                clipped = np.clip(ratio, 1 - plan.clip, 1 + plan.clip)
                # The gradient of min(ratio A, clipped A), which is 0 where the clipped one is less.
                counts_ = (ratio * A <= clipped * A) if turn else np.full(A.shape, True)
                for i in np.flatnonzero(counts_):
                    moved[o] += ratio[i] * A[i] / y.size * (np.eye(NUMBER * EACH)[y[i]] - pi[o])
            away = logits - task.start
            away = pi * (away - (pi * away).sum(1, keepdims=True))
            logits = logits + rate * (moved - chosen.pull * away)
    return task.loss(distribution(logits))


@pytest.mark.parametrize("name", ["log", "schuermann", "noise 8", "gini, tuned", "true log"])
@pytest.mark.parametrize("divided", [False, True])
@pytest.mark.parametrize(("orbit", "crossed"), [(1, 0.0), (3, 0.4)])
def test_a_training_is_that_of_the_library(name, divided, orbit, crossed):
    posed, plan = task(orbit, crossed), Plan(6, 3, 4, divided)
    chosen = Settings(2.0, 0.3, 1.7)
    (loss,) = train(lambda seed: posed, plan, arms.ARMS[name], chosen, [5])
    assert loss == pytest.approx(plainly(posed, plan, name, chosen, 5), rel=1e-9)


@pytest.mark.parametrize("name", ["noise 4, visit", "monotone, visit"])
@pytest.mark.parametrize(("orbit", "crossed"), [(1, 0.0), (3, 0.4)])
def test_the_visit_before_is_counted_as_a_history_counts_it(name, orbit, crossed):
    posed, plan, chosen = task(orbit, crossed), Plan(8, 2, 5), Settings(1.0, 0.1)
    (loss,) = train(lambda seed: posed, plan, arms.ARMS[name], chosen, [3])
    assert loss == pytest.approx(plainly(posed, plan, name, chosen, 3), rel=1e-9)
    alone = arms.ARMS[name.removesuffix(", visit")]
    assert loss != train(lambda seed: posed, plan, alone, chosen, [3])[0]


@pytest.mark.parametrize("divided", [False, True])
def test_later_passes_are_clipped(divided):
    posed, chosen = task(1, 0.0), Settings(20.0, 0.1)
    losses = []
    for clip in (0.2, 1e9):
        plan = Plan(8, 4, 3, divided, passes=4, clip=clip)
        (loss,) = train(lambda seed: posed, plan, arms.ARMS["noise 8"], chosen, [1])
        assert loss == pytest.approx(plainly(posed, plan, "noise 8", chosen, 1), rel=1e-9)
        losses.append(loss)
    assert losses[0] != losses[1]  # so that clips did something


def test_groups_are_filled_evenly_and_seeds_differ():
    uniform, groups = draws(0, 3, 2, 4, 5)
    assert uniform.shape == groups.shape == (3, 2, 20)
    assert (np.diff(uniform, axis=-1) >= 0).all()
    for each in groups.reshape(-1, 20):
        assert np.bincount(each).tolist() == [5] * 4
    assert draws(0, 3, 2, 4, 5)[0] is uniform  # the same for every arm
    assert not np.array_equal(draws(1, 3, 2, 4, 5)[0], uniform)


def test_a_training_that_diverges_has_an_infinite_loss():
    posed = task(1, 0.0)
    losses = train(
        lambda seed: posed, Plan(8, 2, 5), arms.ARMS["noise 8"], Settings(1e308, 1e308), [0, 1]
    )
    assert losses.tolist() == [np.inf, np.inf]


def test_the_entries_of_an_arm_are_those_of_its_sample_size():
    truth, visits, own, other, *_ = training.of_arm(arms.ARMS["noise 8"], 16)
    assert (truth, visits, own.size, other.size) == (False, False, 17, 17)
    K = counts.draws(16)
    assert own[: K + 1] == pytest.approx(arms.entries_of(arms.ARMS["noise 8"], K))
    _, visits, _, _, own, other = training.of_arm(arms.ARMS["noise 4, visit"], 16)
    assert (visits, own.size, other.size) == (True, 33, 33)

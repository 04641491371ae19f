"""benchmarks/history.py: what is trained is what the library rewards, and what the pages say of its file."""

import history
import numpy as np
import pytest
import revisits

import polyest
from polyest import History, counts, rewards
from polyest.errors import DelayedFeedback

GROUP, COPIES = 8, 2


def paid(table, group, options):
    """The rewards of the library, less their group mean; those of monotone tables have no keyword."""
    if table == "noise 8":
        given = rewards.log_probability(group, noise=8, **options)
    else:
        earlier = options["history"].counted(group, options["prompts"]) if options else None
        seen = counts.in_group(group, earlier=earlier)
        draws = np.broadcast_to(seen.draws, seen.index.shape)
        tables = {K: polyest.load(K, **revisits.TABLES[table]) for K in seen.distinct}
        given = np.vectorize(lambda K, X: tables[K][X])(draws, seen.index)
    return given - given.mean(1)[:, None]


def completions(times):
    """Groups of completions (prompts, G) that have these counts (prompts, answers)."""
    return np.stack([np.repeat(np.arange(row.size), row) for row in times])


@pytest.mark.filterwarnings(f"ignore::{DelayedFeedback.__module__}.{DelayedFeedback.__name__}")
@pytest.mark.parametrize("table", revisits.TABLES)
@pytest.mark.parametrize("visits", [0, *history.VISITS])
def test_a_table_is_looked_up_as_the_library_does(table, visits):
    """Counts of real policies that hardly move at first and then do, so that "auto" takes several windows."""
    made = revisits.Remembered(table, GROUP, visits)
    pasts = [History(visits or 1, stable_ids=True) for _ in range(COPIES)]
    rng, nu = np.random.default_rng(3), revisits.policy("calibration", COPIES).nu(np.arange(128))
    windows = set()
    for epoch in range(6):
        if epoch > 3:
            nu = rng.dirichlet(np.full(revisits.ANSWERS, 0.2), nu.shape[:2])
        for prompts in rng.permutation(revisits.PROMPTS).reshape(-1, revisits.BATCH):
            drawn = rng.multinomial(GROUP, nu[:, prompts])
            looked = made(prompts, drawn, nu[:, prompts])
            for copy, past in enumerate(pasts):
                group = completions(drawn[copy])
                options = {"history": past, "prompts": prompts} if visits else {}
                ours = np.take_along_axis(looked[copy], group, 1)
                ours -= ours.mean(1)[:, None]
                assert paid(table, group, options) == pytest.approx(ours, abs=1e-12)
                if visits:
                    windows |= {*np.ravel(past.counted(group, prompts)[1]).tolist()}
                past.record(group, prompts=prompts)
    if visits == "auto":
        assert len(windows) > 3


def test_estimates_of_an_arm_by_hand():
    prompts, times = np.arange(2), np.zeros((1, 2, revisits.ANSWERS), int)
    times[0, 0, :2], times[0, 1, 2] = (3, 1), 4
    nu = np.full(times.shape, 1 / revisits.ANSWERS)
    assert revisits.PlugIn(2.0)(prompts, times, nu)[0, 0, 0] == pytest.approx(2 * np.log(3 / 4))
    assert revisits.Truth()(prompts, times, nu)[0, 1, 5] == -np.log(revisits.ANSWERS)
    averaged = revisits.Averaged(0.25)
    assert averaged(prompts, times, nu)[0, 0, 1] == pytest.approx(np.log(1 / 4))
    again = averaged(prompts, times[:, ::-1], nu)
    assert again[0, 0, 2] == pytest.approx(np.log(0.25))
    assert again[0, 1, 0] == pytest.approx(np.log(0.25 * 3 / 4))


@pytest.mark.parametrize("game", history.GAMES)
def test_the_true_log_trains_to_the_end_and_the_gradient_is_exact(game):
    rates = history.RATES[game][[4]]
    ended = revisits.train(game, 16, 60, revisits.Truth(), rates, np.array([0]))
    start = revisits.train(game, 16, 2, revisits.Truth(), 0 * rates, np.array([0]))
    assert ended.loss < 0.1 * start.loss
    assert start.drift == 0
    assert abs(start.estimate) < 0.05
    # the mean of the steps of a policy is the slope of its log-probabilities
    policy, rng = revisits.policy(game, 1), np.random.default_rng(0)
    prompts, push = np.arange(3), rng.normal(size=(1, 3, revisits.ANSWERS))
    push -= push.mean(-1, keepdims=True)
    before = (push * np.log(policy.nu(prompts))).sum()
    policy.step(prompts, push, np.array([1e-6]))
    assert (push * np.log(policy.nu(prompts))).sum() > before


def test_draws_are_those_of_the_policy():
    nu = np.array([[[0.5, 0.3, 0.2, 0.0]]])
    uniform = np.array([[[0.1, 0.49, 0.6, 0.79, 0.81, 0.999999]]])
    assert revisits.drawn(nu, uniform).tolist() == [[[2, 2, 2, 0]]]
    mine, others = (next(revisits.batches(np.array(s), 8, 2))[1] for s in ([0, 1], [1, 2]))
    assert (mine[1] == others[0]).all()
    assert (mine[0] != mine[1]).all()


def test_the_rate_is_chosen_on_other_seeds_and_the_grid_extended_once(monkeypatch):
    tried = []

    def trained(where, arm, setting, rates, seeds):
        tried.append((setting, tuple(np.round(rates, 6)), tuple(seeds)))
        loss = np.repeat([abs(np.log2(rate / best)) for rate in rates], len(seeds)) + setting
        return revisits.Result(loss, loss, loss), None

    monkeypatch.setattr(history, "trained", trained)
    monkeypatch.setattr(history, "FACTORS", (2.0, 1.0))
    grid = history.FINE ** np.arange(-2, 3)
    for best, edge in ((1.0, False), (4.0, False), (8.0, True), (0.25, False), (0.125, True)):
        setting, rate, at_edge = history.best(("calibration", 8, 2), "log, multiplier", grid)
        assert (setting, at_edge) == (1.0, edge)
        assert rate == pytest.approx(np.clip(best, 2**-3, 2**3) if not edge else rate)
    assert {seeds for *_, seeds in tried} == {tuple(history.TUNING)}
    assert not {*history.TUNING} & {*history.SEEDS}
    assert max(len(rates) for _, rates, _ in tried) == grid.size


def test_a_cell_has_every_arm_and_goes_on_where_it_was(tmp_path, monkeypatch):
    monkeypatch.setattr(history, "GAMES", ("calibration",))
    monkeypatch.setattr(history, "GROUPS", (8,))
    monkeypatch.setattr(history, "EPOCHS", (2, 3))
    monkeypatch.setattr(history, "RATES", {"calibration": np.array([2.0, 4.0, 8.0])})
    monkeypatch.setattr(history, "arms", lambda: {"monotone": (0,), **ends})
    ends = {"monotone, history 1": (1,), "true log": (1.0,)}
    file = tmp_path / "history.csv"
    rows = history.measured(file)
    assert [(r["epochs"], r["arm"]) for r in rows] == [
        (epochs, arm) for epochs in (2, 3) for arm in history.arms()
    ]
    assert {row["gap"] for row in rows if row["arm"] == "true log"} == {0.0}
    for row in rows:
        assert np.isfinite(row["loss"])
        assert (row["times"] != "") == ("history" in row["arm"])
    whole = file.read_text()
    monkeypatch.setattr(history, "EPOCHS", (2,))
    file.unlink()
    history.measured(file)
    monkeypatch.setattr(history, "EPOCHS", (2, 3))
    history.measured(file)
    assert file.read_text() == whole
    monkeypatch.setattr(history, "cell", None)
    history.measured(file)

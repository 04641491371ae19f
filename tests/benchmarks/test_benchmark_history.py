"""benchmarks/history.py: what is trained is what the library rewards, and what the pages say of its file."""

import history
import numpy as np
import origin
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


@pytest.fixture(scope="module")
def rows():
    return origin.read(history.FILE)


def page(name):
    return " ".join((history.FILE.parents[2] / "docs" / name).read_text().split())


def geometric(values):
    return np.exp(np.mean(np.log(values)))


def times(rows, arm, epochs, games=history.GAMES):
    """Loss over that without history, a geometric mean over games and both groups."""
    mine = [r for r in rows if (r["arm"], r["epochs"]) == (arm, str(epochs)) and r["game"] in games]
    assert len(mine) == 2 * len(games)
    return geometric([float(row["times"]) for row in mine])


def judged(rows, visits):
    """In how many cells a history is worse and better than none beyond its interval, and of how many."""
    mine = [row for row in rows if row["arm"].endswith(f"history {visits}")]
    worse = sum(float(row["times_low"]) > 1 for row in mine)
    return worse, sum(float(row["times_high"]) < 1 for row in mine), len(mine)


def test_the_file_has_every_cell_and_no_best_rate_at_an_edge(rows):
    cells = {(r["game"], int(r["group"]), int(r["epochs"])) for r in rows}
    assert cells == {*history.cells()}
    assert len(rows) == len(cells) * len(history.arms())
    assert all(np.isfinite(float(row["loss"])) for row in rows)
    assert {row["edge"] for row in rows} == {"0"}
    assert {row["arm"] for row in rows} == {*history.arms()}


def test_auto_is_no_worse_than_the_group_alone(rows):
    """Beyond the intervals of the cells in none of them."""
    worse, better, cells = judged(rows, "auto")
    assert worse == 0
    assert better > cells / 2
    most = max(float(row["times"]) for row in rows if row["arm"].endswith("history auto"))
    assert most < 1.05
    assert judged(rows, 4)[0] > 5 * worse  # what looks back whatever happens does harm


def test_what_the_page_says_of_the_history(rows):
    text = page("experiments.md")
    for table in revisits.TABLES:
        for game in history.GAMES:
            cells = [
                " / ".join(
                    f"{times(rows, f'{table}, history {visits}', epochs, (game,)):.2f}"
                    for visits in (1, 4, "auto")
                )
                for epochs in history.EPOCHS
            ]
            assert f"| {table}: {game} | {' | '.join(cells)} |" in text
    for visits, words in ((1, "One visit"), (4, "four"), ("auto", "`auto`")):
        worse, better, cells = judged(rows, visits)
        assert f"{words} is worse in {worse} of {cells} cells and better in {better}" in text or (
            f"{words} are worse in {worse} and better in {better}" in text
        )
    most = max(float(row["times"]) for row in rows if row["arm"].endswith("history auto"))
    assert f"by at most {100 * (most - 1):.1f} %" in text
    loss = {(r["game"], r["group"], r["epochs"], r["arm"]): float(r["loss"]) for r in rows}
    cells = {key[:3] for key in loss}

    def below(one, other):
        return sum(loss[(*cell, one)] < loss[(*cell, other)] for cell in cells)

    tuned = "log, multiplier"
    counted = [below(tuned, arm) for arm in ("noise 8", "monotone", "monotone, history 1")]
    words = "below noise 8 in {} of 36 cells, below the monotone table in {}, below it with one visit in {}"
    assert words.format(*counted) in text
    said = f"the log itself is {geometric([loss[(*c, 'log')] / loss[(*c, 'noise 8')] for c in cells]):.1f}"
    assert said in text
    shares = {
        game: [
            float(r["estimate"]) / float(r["drift"])
            for r in rows
            if r["game"] == game and "history" in r["arm"]
        ]
        for game in history.GAMES
    }
    low, middle, high = np.quantile(shares["calibration"] + shares["network"], (0, 0.5, 1))
    assert f"{low:.2f} to {high:.2f} times the true drift, {middle:.2f} in the median" in text
    assert f"consensus {np.median(shares['consensus']):.2f} in the median" in text


def test_what_the_guide_says_of_when_it_helps(rows):
    text = page("howto/history.md")
    for epochs, words in ((10, "after ten epochs"), (40, "after 40")):
        games = [times(rows, f"{t}, history 1", epochs, history.GAMES[:2]) for t in revisits.TABLES]
        network = [
            times(rows, f"{t}, history 1", epochs, history.GAMES[2:]) for t in revisits.TABLES
        ]
        assert f"{words} {games[0]:.2f} and {games[1]:.2f} in games" in text
        assert f"{network[0]:.2f} and {network[1]:.2f} in a network" in text
    harm = max(
        (row for row in rows if row["arm"].endswith("history 4")),
        key=lambda row: float(row["times"]),
    )
    assert f"{float(harm['times']):.2f} times the loss at {harm['epochs']} epochs" in text
    worse, _, cells = judged(rows, "auto")
    assert f"beyond the 95 % interval, in {worse} of {cells} cells" in text
    ratios = [float(row["times"]) for row in rows if row["arm"].endswith("history auto")]
    above, most = sum(ratio > 1 for ratio in ratios), 100 * (max(ratios) - 1)
    assert f"its mean is above 1 in {above} of them, by at most {most:.1f} %" in text

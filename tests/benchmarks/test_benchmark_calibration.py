"""benchmarks/calibration.py: its rewards by hand, a small run, going on where it was, its files."""

import csv
import doctest
from math import exp, log
from pathlib import Path

import arms
import calibration
import pytest
import runs
import stack
import torch
import tuning
from arms import ADVANTAGES, ARMS, CARRIED, SPLIT
from calibration import CORE, LAWS, SEEDS, SETTINGS, TUNING, Benchmark, Copies, Scale, measure
from runs import Runs

SMALL = Scale(width=8, layers=1, teaching=3, steps=2)


def key(**changed):
    cell = {**CORE.cell("log", "mean", SMALL), "rate": 1e-3, "multiplier": 1.0, "seed": 0}
    return cell | changed


def test_the_examples_of_what_experiments_share():
    for module in (arms, runs, stack, tuning):
        assert doctest.testmod(module).failed == 0


@pytest.mark.parametrize("variant", LAWS)
def test_rewards_are_log_q_less_what_the_arm_pays(variant):
    copies = Copies(
        [key(variant=variant, multiplier=m, seed=s) for m, s in ((1.0, 0), (3.0, 1))], SMALL
    )
    batch = copies.sample(0)
    assert batch.answers.shape == (2 * 16, 16)
    paid = copies.rewards(batch)
    for row in (0, 16, 31):
        law = copies.trained[row // 16].tolist()
        answers = batch.answers[row]
        # The law of a row is known by its prompt.
        letters = batch.drawn[0].flatten(0, 1)[row].tolist()
        place = copies.laws.prompts.tolist().index(letters)
        assert place in law
        for answer, given in zip(answers.tolist(), paid[row].tolist(), strict=True):
            times = (answers == answer).sum().item()
            wanted = log(copies.laws.Q[place, answer]) - (1, 3)[row // 16] * log(times / 16)
            if times < 16:
                assert given == pytest.approx(wanted, abs=1e-5)


def test_the_true_log_and_the_completion_are_those_of_the_policy():
    copies = Copies([key(variant="product", arm="true log")], SMALL)
    batch = copies.sample(0)
    targets = batch.extra.targets.gather(1, batch.answers).double()
    nu = batch.extra.distributions.gather(1, batch.answers).double()
    assert torch.allclose(copies.rewards(batch), targets - nu.log(), atol=1e-6)
    other = Copies([key(variant="product", arm="log pi")], SMALL)
    pi = torch.exp(batch.extra.completions)
    assert (pi <= nu + 1e-6).all()
    assert (pi < nu / 2).any()
    assert torch.allclose(other.rewards(batch), targets - batch.extra.completions, atol=1e-6)


def test_the_step_that_the_true_log_gives_is_that_of_the_exact_kl():
    """A policy at the law itself is where rewards are 0, and the measures say so."""
    laws = LAWS["number"]
    at_law = calibration.measured(laws, laws.Q.double(), 0)
    assert at_law["kl"] == pytest.approx(0, abs=1e-9)
    assert at_law["tv"] == at_law["starved"] == 0
    assert at_law["alive"] == 1
    half = laws.Q.double().clone()
    half[:, 0] = 0  # the first answer is driven out
    half /= half.sum(1, keepdim=True)
    away = calibration.measured(laws, half, 0)
    first = laws.Q.double()[laws.trained(0), 0]
    assert away["kl"] == pytest.approx(float(-(1 - first).log().mean()))
    assert away["tv"] == pytest.approx(float(first.mean()))
    assert away["starved"] == pytest.approx(float(first.mean()))
    sizes = torch.tensor([n for n, _ in laws.names])[laws.trained(0)]
    assert away["alive"] == pytest.approx(float(1 - len(sizes) / sizes.sum()))


def test_the_measures_of_a_support_and_of_what_is_held_out():
    laws = LAWS["number"]
    sizes = torch.tensor([n for n, _ in laws.names])
    nu = laws.Q.double().clone()
    nu[sizes == 17] = (laws.Q[sizes == 17] > 0).double() / 17
    row = calibration.measured(laws, nu, 3)
    assert row["kl_2"] > 0.1
    assert row["kl_0"] == pytest.approx(0, abs=1e-9)
    held = sorted(set(range(len(sizes))) - set(laws.trained(3).tolist()))
    only, one = laws.Q.double().clone(), held[-1]
    inside = laws.Q[one] > 0
    only[one] = inside.double() / sizes[one]
    row = calibration.measured(laws, only, 3)
    assert row["kl"] == pytest.approx(0, abs=1e-9)
    away = float((only[one] / laws.Q[one].double())[inside].log().sum() / sizes[one])
    assert row["held_out"] == pytest.approx(away / len(held))


@pytest.mark.parametrize("arm", ["noise 8", "noise 4, visit", "true log", "mean of log"])
def test_a_run_repeats_and_trains_what_it_measures(arm):
    row, again = (measure([key(arm=arm, rate=1e-2)], SMALL)[0] for _ in range(2))
    assert {**row, "seconds": 0} == {**again, "seconds": 0}
    assert row["kl"] != row["before"]
    assert measure([key(arm=arm, rate=1e-9)], SMALL)[0]["kl"] == pytest.approx(
        row["before"], abs=1e-4
    )


def test_visits_are_recorded():
    longer = Scale(width=8, layers=1, teaching=3, steps=4)
    plain, visit = (
        measure([key(arm=arm, rate=1e-2, prompts=64)], longer)[0]["kl"]
        for arm in ("noise 4", "noise 4, visit")
    )
    assert plain != visit


def test_a_run_is_the_same_whatever_runs_beside_it():
    row = measure([key(seed=1)], SMALL)[0]
    _, beside, _ = measure([key(seed=0), key(seed=1), key(seed=1, rate=1e-2)], SMALL)
    for name in ("kl", "held_out", "before"):
        assert beside[name] == pytest.approx(row[name], abs=1e-4)


def test_every_setting_runs_what_it_says(monkeypatch):
    """With measures made up: least KL at multiplier 2 and rate 3e-4, of products at 1e-4."""

    def made_up(keys):
        best = {"number": 3e-4, "product": 1e-4}
        return [
            {**k, "before": 0.1, "tv": 0.1, "starved": 0.0, "held_out": 0.2, "alive": 1.0, "seconds": 1.0,
             "kl": abs(k["rate"] - best[k["variant"]]) + abs(k["multiplier"] - 2)}
            for k in keys
        ]  # fmt: skip

    runs = Runs(None, calibration.COLUMNS, made_up, ())
    benchmark = Benchmark(runs, Scale())
    lines = [line for setting in SETTINGS for line in benchmark.rows(setting)]
    core = [line for line in lines if line["chosen"] in ("here", "its arm")][: 2 * len(CORE.arms)]
    assert {line["arm"] for line in core} == {*ARMS, *SPLIT}
    assert {line["advantage"] for line in core} == {*ADVANTAGES}
    for line in lines:
        assert line["rate"] == (3e-4 if line["variant"] == "number" else 1e-4)
    multipliers = {line["arm"]: line["multiplier"] for line in core}
    assert multipliers["log, tuned"] == multipliers["gini, tuned"] == 2
    assert multipliers["log"] == multipliers["mean of log"] == 1
    carried = [line for line in lines if line["chosen"] == "core"]
    assert {line["arm"] for line in carried} == set(CARRIED)
    assert len(carried) == 3 * len(CARRIED) * 2
    assert {int(line["seeds"]) for line in lines} == {len(SEEDS)}
    tuning_seeds = {k[-1] for k, row in runs.rows.items() if float(row["rate"]) > 3e-4}
    assert tuning_seeds == {str(seed) for seed in TUNING}
    assert not set(SEEDS) & set(TUNING)


PAGE = Path(calibration.__file__).parents[1] / "docs" / "experiments.md"
SETTING = ("variant", "group", "prompts")


def committed():
    with calibration.FILE.open() as stream:
        return list(csv.DictReader(stream))


def by_arm(variant="number", group="16", prompts="16"):
    """The rows of a setting, by arm and advantage."""
    return {
        (row["arm"], row["advantage"]): row
        for row in committed()
        if tuple(row[name] for name in SETTING) == (variant, group, prompts)
    }


def bare(value, digits=3):
    """A number below 1 as the page writes it, without its 0."""
    return f"{float(value):.{digits}f}".removeprefix("0")


def page_rows():
    """The table of the page as the file has it."""
    core = by_arm()
    for name, arm in {**ARMS, **SPLIT}.items():
        both = [core[name, advantage] for advantage in ("mean", "std")]
        kls = [f"{bare(r['kl'])} +- {bare(r['kl_pm'])}{' *' * bool(r['edge'])}" for r in both]
        factors = " and ".join(dict.fromkeys(f"{float(r['multiplier']):g}" for r in both))
        estimates_log = arm.paid == "entry" and name != "gini, tuned"
        floor = f"{100 * exp(arms.entries_of(arm, 14)[0]):.2g} %" if estimates_log else "-"
        tuned = factors if len(arm.multipliers) > 1 else "-"
        yield [name, floor, tuned, kls[0], bare(both[0]["held_out"]), kls[1]]


def other_settings():
    """The second table: KL under the group mean, and divided by the standard deviation."""
    names = {"number": "", "product": "products, "}
    for one in SETTINGS[1:]:
        here = by_arm(one.variant, str(one.group), str(one.prompts))
        setting = f"{names[one.variant]}groups of {one.group}, {one.prompts} prompts"
        yield [
            setting,
            *(f"{bare(here[a, 'mean']['kl'])}, {bare(here[a, 'std']['kl'])}" for a in CARRIED),
        ]


def test_the_tables_of_the_page_are_the_file():
    section = PAGE.read_text().split("\n## Calibrated draws\n")[1].split("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("| ")]
    written = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    (second,) = [i for i, cells in enumerate(written) if cells[0] == "setting"]
    assert written[1:second] == [*page_rows()]
    assert written[second][1:] == [*CARRIED]
    assert written[second + 1 :] == [*other_settings()]


def test_the_core_takes_what_the_page_says():
    kept = Runs(calibration.RUNS, calibration.COLUMNS, measure, ()).rows.values()
    core = [
        row
        for row in kept
        if (row["variant"], row["group"], row["prompts"]) == ("number", "16", "16")
    ]
    whole, half = (sum(float(row["seconds"]) for row in rows) / 60 for rows in (kept, core))
    assert 40 < whole < 50
    assert 20 < half < 40
    assert "three quarters of an hour on a busy core, half an hour for its core" in PAGE.read_text()
    rules = (PAGE.parents[1] / "benchmarks" / "README.md").read_text()
    assert "three quarters of an hour on a busy core; half an hour with `--core`" in rules


def test_what_the_page_says_of_products():
    words, here = " ".join(PAGE.read_text().split()), by_arm("product")

    def kl(arm, column="kl"):
        return bare(here[arm, "mean"][column])

    said = (
        f"Its KL is {kl('log', 'before')} before; -log pi of the completion leads to {kl('log pi')}"
    )
    assert said in words
    assert f"times 1.5 comes to {kl('schuermann, tuned')}" in words
    assert here["schuermann, tuned", "mean"]["multiplier"] == "1.5"


def test_what_the_page_says_of_settings_with_more_noise():
    def ends(setting, arm):
        row = by_arm(*setting)[arm, "mean"]
        return float(row["kl"]) - float(row["kl_pm"]), float(row["kl"]) + float(row["kl_pm"])

    for setting in (("number", "8", "16"), ("number", "16", "2")):
        assert ends(setting, "noise 8")[1] > ends(setting, "log, tuned")[0]
        assert ends(setting, "log, tuned")[1] > ends(setting, "noise 8")[0]
    many = ("number", "16", "64")
    assert ends(many, "noise 8")[1] < ends(many, "log, tuned")[0]


def test_what_the_page_says_of_calibrated_draws():
    words, core = " ".join(PAGE.read_text().split()), by_arm()

    def kl(arm, advantage="mean", column="kl", digits=3):
        return bare(core[arm, advantage][column], digits)

    for said in (
        f"its KL from the law is {bare(core['log', 'mean']['before'])} before",
        f"leads away from the law, to {kl('log')} ({kl('log', 'std')} divided by the standard deviation)",
        f"Times 3 the log comes to {kl('log, tuned')}, Schuermann's estimator to {kl('schuermann')} and "
        f"times 2 to {kl('schuermann, tuned')}, the pseudo-count to {kl('pseudo-count')}, a tuned Gini to "
        f"{kl('gini, tuned')}:",
        f"noise 4 comes to {kl('noise 4')}, the monotone table to {kl('monotone')}, noise 8 to "
        f"{kl('noise 8')} and noise 16 to {kl('noise 16')}; one earlier visit counted too to "
        f"{kl('noise 4, visit')}",
        f"true log to {kl('true log')}",
        f"the exact mean of noise 8 would come to {kl('mean of noise 8')}",
        f"Noise 2, {kl('noise 2')}, is worse than every tuned rival",
        f"concave table, {kl('concave')}, is no better than the pseudo-count",
        f"noise 8 ends at {kl('noise 8', column='kl_0', digits=4)}, Schuermann's estimator at "
        f"{kl('schuermann', column='kl_0', digits=4)} and the monotone table at "
        f"{kl('monotone', column='kl_0', digits=4)}",
    ):
        assert said in words, said
    rivals = ("log, tuned", "schuermann, tuned", "pseudo-count", "gini, tuned")

    def apart(low, high):
        """Whether intervals do not touch."""
        low, high = core[low, "mean"], core[high, "mean"]
        return float(low["kl"]) + float(low["kl_pm"]) < float(high["kl"]) - float(high["kl_pm"])

    assert all(apart("noise 8", rival) for rival in rivals)
    assert all(apart(rival, "noise 2") for rival in rivals)
    assert not apart("concave", "pseudo-count")
    assert all(
        apart("noise 4, visit", name) for name in ARMS if "visit" not in name and name != "true log"
    )
    for name in ("log", "schuermann"):
        assert float(core[f"mean of {name}", "mean"]["kl"]) >= float(core[name, "mean"]["kl"])
    for name in ARMS:
        one, other = (float(core[name, advantage]["kl"]) for advantage in ("mean", "std"))
        assert abs(one - other) <= 0.0051


def test_the_file_has_the_runs_of_every_row():
    lines = committed()
    kept = Runs(calibration.RUNS, calibration.COLUMNS, measure, ()).rows
    for line in lines:
        values = []
        for seed in SEEDS:
            name = tuple(str({**line, "seed": seed}[column]) for column in calibration.COLUMNS)
            values.append(float(kept[name]["kl"]))
        assert float(line["kl"]) == pytest.approx(sum(values) / len(values), rel=1e-4)

"""TRL's own trainers with every reward, on one process and on two; what a batch can do to the loss."""

import json
import os
import subprocess
import sys
import warnings
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

if find_spec("trl") is None:
    pytest.skip("TRL is not installed: pip install 'polyest[trl]'", allow_module_level=True)
if metadata.version("trl").startswith("1.15."):
    pytest.skip("TRL 1.15 does not train without triton", allow_module_level=True)

import torch
import trl_processes
from trl_processes import PAIRS, SAID, rows, same_pair, trl_apart
from trl_training import STEPS, Recorded, advantages, cost, dataset, rewarded, trainer

from polyest.errors import BrokenOrbit, MissingColumn, RuinedByRounding, TableNotFound
from polyest.integrations import trl
from polyest.rewards import Multiplier, dyadic
from polyest.rewards.registry import offered
from polyest.tables import release

pytestmark = pytest.mark.filterwarnings("ignore")  # those of other people's modules
SCRIPT = Path(trl_processes.__file__)
KINDS = ("GRPO", "RLOO")
each_kind = pytest.mark.parametrize("kind", KINDS)
each_reward = pytest.mark.parametrize("name", rewarded())


def losses(loop):
    return [
        entry[key]
        for entry in loop.state.log_history
        for key in ("loss", "grad_norm")
        if key in entry
    ]


def finite(loop):
    assert len(losses(loop)) == 2 * STEPS
    assert np.isfinite(losses(loop)).all()
    assert all(bool(torch.isfinite(p).all()) for p in loop.model.parameters())


# Five steps.


@each_kind
@each_reward
def test_five_steps(tmp_path, name, kind):
    reward = Recorded(rewarded()[name])
    loop = trainer(tmp_path, [reward], kind)
    loop.train()
    finite(loop)
    assert len(reward.calls) == STEPS
    assert f"rewards/{name}/mean" in loop.state.log_history[0]
    last = reward.calls[-1]
    assert {type(r) for r in last["paid"]} <= {float, type(None)}
    assert rewarded()[name](**{k: v for k, v in last.items() if k != "paid"}) == last["paid"]
    assert list(loop._logs["rewards"][name])[-24:] == pytest.approx(
        [np.nan if r is None else r for r in last["paid"]], abs=1e-6, nan_ok=True
    )
    advantage = advantages(last["paid"], 8, kind)
    assert list(loop._logs["advantages"])[-24:] == advantage.tolist()


@each_kind
def test_five_steps_of_a_chat(tmp_path, kind):
    reward = Recorded(trl.log_probability())
    loop = trainer(tmp_path, [reward], kind, data=dataset(chat=True))
    loop.train()
    finite(loop)
    assert reward.calls[0]["completions"][0][0]["role"] == "assistant"
    assert any(r is not None for r in reward.calls[0]["paid"])


def test_groups_of_two_need_a_reward_without_a_table(tmp_path):
    loop = trainer(tmp_path, [trl.coherence(orbit_size=1)], num_generations=2)
    loop.train()
    finite(loop)


def test_every_reward_of_the_registry_is_trained_with():
    assert {name.partition("-")[0] for name in rewarded()} == {*offered("trl")}


# Two processes.


@pytest.fixture(scope="module")
def ran(tmp_path_factory):
    folder = tmp_path_factory.mktemp("torchrun")
    start = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "GLOO_SOCKET_IFNAME": "lo"}
    done = subprocess.run(
        [*start, str(SCRIPT), str(folder)], env=environment, capture_output=True, timeout=300
    )
    assert done.returncode == 0, done.stderr.decode()[-4000:]
    return [json.loads((folder / f"{rank}.json").read_text()) for rank in range(2)]


@each_kind
@each_reward
def test_two_processes_reward_as_one(ran, name, kind):
    parts = [part[kind]["calls"][name] for part in ran]
    price = Multiplier(0.5, rate=0.25, start=0.125)
    assert len(parts[0]) == len(parts[1]) == STEPS
    for first, second in zip(*parts, strict=True):
        assert set(first["group_id"]) & set(second["group_id"])  # a group is cut
        whole = {key: first[key] + second[key] for key in first}
        paid = whole.pop("paid")
        alone = rewarded()[name]
        if isinstance(alone, trl.SafetyReward):
            alone = trl.safety(cost, price)
            assert alone(**whole) == paid
            price.update([cost(text) for text in whole["completions"]])
        assert alone(**whole) == paid or name.startswith("safety")
    if name.startswith("safety"):
        assert ran[0][kind]["price"] == ran[1][kind]["price"] == float(price.value)


def test_each_process_by_itself_would_have_been_wrong(ran):
    alone = trl.log_probability(beta=0.5, gather=False)
    for part in ran:
        call = dict(part["GRPO"]["calls"][next(iter(rewarded()))][0])
        paid = call.pop("paid")
        assert alone(**call) != paid


@each_kind
def test_losses_of_two_processes_are_finite(ran, kind):
    assert all(np.isfinite(part[kind]["losses"]).all() for part in ran)
    assert ran[0][kind]["losses"] == ran[1][kind]["losses"]


@each_kind
def test_two_processes_log_the_metrics_of_the_whole_batch(ran, kind):
    """Of a group that is cut too; no_signal, a share of rows, is the mean of both."""
    for name, reward in rewarded().items():
        if name.startswith("safety"):
            continue
        for first, second, *parts in zip(
            *(part[kind]["logged"] for part in ran),
            *(part[kind]["calls"][name] for part in ran),
            strict=True,
        ):
            whole = {key: parts[0][key] + parts[1][key] for key in parts[0]}
            whole.pop("paid")
            alone = {}
            reward(**whole, log_metric=alone.__setitem__)
            assert len(alone) == 1 if name.startswith("pairwise") and "apart" in name else 7
            for metric, value in alone.items():
                assert first[metric] == second[metric] == pytest.approx(value, rel=1e-4, abs=1e-6)


def test_an_id_drawn_twice_is_two_groups_wherever_it_is_cut(ran):
    alone = trl.log_probability(num_generations=4)(**rows(0, 12))
    assert ran[0]["twice"] + ran[1]["twice"] == alone
    separate = rows(0, 12, names="aaaabbbbcccc")
    assert alone == trl.log_probability()(**separate)
    assert alone != trl.log_probability()(**rows(0, 12))
    silent = {"distance": trl_apart, "unanswered": "exclude"}
    texts = trl.pairwise(orbit_size=1, num_generations=4, **silent)(**rows(0, 12))
    assert ran[0]["texts"] + ran[1]["texts"] == texts
    # The empty text is an answer; None is none.
    assert [i for i, r in enumerate(texts) if r is None] == [11]


def test_a_process_pays_the_orbits_that_it_has_rows_of_and_compares_the_texts_of_all(ran):
    alone = trl.pairwise(orbit_size=2, distance=trl_apart, num_generations=3)(**rows(0, 12, *PAIRS))
    assert ran[0]["pairs"] + ran[1]["pairs"] == alone
    groups = [[*"1211"], [*"334", ""], [*"555"]]
    orbits = [[*"121133"], [*"4", "", *"555"]]
    for part in ran:
        assert part["compared"] == [*groups, *orbits]
    assert ran[0]["kept"] == [True] * 6 + [False] * 6
    assert ran[1]["kept"] == [True] * 12


def test_texts_arrive_as_they_were_said(ran):
    assert ran[0]["agreeing"] + ran[1]["agreeing"] == [0.25, 0.25, None, 0.25]
    for part in ran:
        assert part["said"] == [[text for text in SAID if text is not None]]


def test_a_process_without_rows_takes_part(ran):
    assert ran[0]["empty"] == []
    assert ran[1]["empty"] == trl.log_probability(num_generations=4)(**rows(0, 12))
    assert ran[0]["none"] == ran[1]["none"] == []


def test_answers_are_joined_across_a_cut_by_one_process_alone(ran):
    joined = {"kind": "string", "equivalence": same_pair, "num_generations": 4}
    alone = trl.log_probability(**joined)(**rows(0, 12))
    assert ran[0]["joined"] + ran[1]["joined"] == alone
    assert alone != trl.log_probability(kind="string", num_generations=4)(**rows(0, 12))
    over = trl.coherence(orbit_size=2, **{**joined, "num_generations": 3})(**rows(0, 12, *PAIRS))
    assert ran[0]["orbits joined"] + ran[1]["orbits joined"] == over
    right = trl.ground_truth(**joined)(**rows(0, 12), answer=["4"] * 12)
    assert ran[0]["right"] + ran[1]["right"] == right
    assert right == [float(text in ("3", "4")) for text in rows(0, 12)["completions"]]
    first, second = (part["asked"] for part in ran)
    assert ["1", "2"] in first
    assert ["3", "4"] in first  # the group that is cut, where its first rows are
    assert ["3", "4"] not in second


@each_kind
def test_rows_that_pad_an_evaluation_are_a_group_of_their_own(ran, kind):
    """Three prompts, four completions each, on two processes: accelerate fills up with a prompt again."""
    parts = [part["evaluated"][kind] for part in ran]
    (first,), (second,) = (part["calls"] for part in parts)
    whole = {key: first[key] + second[key] for key in first}
    paid = whole.pop("paid")
    ids = whole["group_id"]
    assert len(ids) == 16
    assert sorted(map(ids.count, set(ids))) == [4, 4, 8]
    apart = {**whole, "group_id": [i // 4 for i in range(16)]}
    assert paid == trl.log_probability()(**apart)
    assert paid != trl.log_probability()(**whole)
    for part in parts:
        assert part["mean"] == pytest.approx(np.mean(paid), abs=1e-6)


def test_what_is_wrong_with_the_batch_is_raised_by_all(ran):
    for part in ran:
        cut, orbit, prompts = part["errors"][:3]
        assert "of 2 under baseline" in part["errors"][4]
        assert 'gather="auto"' in cut
        assert "arrived with 2 of 3 prompts" in orbit
        assert "order_by_orbit" in orbit
        assert "belongs to different prompts" in prompts
    own, told = (part["errors"][5] for part in ran)
    assert own in ("'1'", "'2'")
    assert told == "another process could not compare its answers: its own error says why"
    (other, missing), (odd, another) = ([part["errors"][3], part["errors"][-1]] for part in ran)
    assert "holds 0.5" in odd
    assert "no column 'group_id' in the dataset: it has orbit_id" in missing
    assert other == another == "another process could not read its rows: its own error says why"


# Numbers.


FAMILIES = [
    {"criterion": "minimax"},
    {"criterion": "squared-error"},
    *({"noise": noise} for noise in (1, 2, 4, 8, 16)),
    *({"criterion": "variance", "noise": noise} for noise in (1, 8)),
    {"target": "tsallis:0.5", "noise": 8},
]


@pytest.mark.parametrize("family", FAMILIES, ids=str)
def test_equal_rewards_have_advantage_zero(family):
    """Every reward of every released table for a group of 2 to 64, for several beta.

    K is G - 2, as behind a reward here, and G - 1.
    """
    for G, K in ((K + d, K) for K in range(1, 64) for d in (1, 2) if K + d <= 64):
        try:
            table = release.load(K, **family)
        except TableNotFound:
            assert family == {"criterion": "minimax"}
            assert K > 40
            continue
        for beta in (0.001, 0.1, 0.3, 1.0, 7.0):
            # The entries of minimax tables may be too large for a fine grid.
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", RuinedByRounding)
                paid = np.repeat(dyadic.of_table(table, beta * table.coefficients, beta, G), G)
            for kind, scale in (("GRPO", "none"), ("GRPO", "group"), ("RLOO", "none")):
                assert not advantages(paid.tolist(), G, kind, scale).any(), (G, beta, kind, scale)


def test_without_the_grid_they_have_not():
    c = release.load(9).coefficients
    assert advantages(np.repeat(0.1 * c, 11).tolist(), 11).any()


@pytest.mark.parametrize("name", ["log", "coherence", "pairwise"])
def test_groups_that_earn_alike_have_advantage_zero(name):
    """The rewards themselves: all answers of a group occur as often as each other."""
    made = {
        "log": lambda beta: trl.log_probability(beta=beta),
        "coherence": lambda beta: trl.coherence(orbit_size=1, beta=beta),
        "pairwise": lambda beta: trl.pairwise(orbit_size=1, beta=beta),
    }[name]
    # A group of 2 leaves the log no draw.
    for G in (3, 7, 12, 24, 49, 64) if name == "log" else (2, 3, 7, 12, 24, 49, 64):
        times = [X for X in range(1, G + 1) if G % X == 0]
        texts = [str(i // X) for X in times for i in range(G)]
        ids = [X for X in times for _ in range(G)]
        for beta in (0.1, 0.3, 1.0) if G < 24 else (0.1,):
            paid = made(beta)(ids, texts, group_id=ids)
            for kind, scale in (("GRPO", "none"), ("GRPO", "group"), ("RLOO", "none")):
                assert not advantages(paid, G, kind, scale).any(), (G, beta, kind, scale)


class Provoking:
    """A reward whose completions are replaced by those that might break it."""

    def __init__(self, reward):
        self.reward, self.__name__, self.step = reward, reward.__name__, 0

    def __call__(self, prompts, completions, **columns):
        said = [
            [None] * 8,
            [str(i) for i in range(8)],
            ["1", *[None] * 7],
            ["1"] * 8,
            ["1", "2", "2", "3", "", "no", None, "2"],
        ][self.step % 5]
        self.step += 1
        return self.reward(prompts, said * (len(prompts) // 8), **columns)


@pytest.mark.parametrize("unanswered", ["exclude", "lowest"])
@pytest.mark.parametrize(
    ("kind", "scale"), [("GRPO", "none"), ("GRPO", "group"), ("RLOO", False), ("RLOO", True)]
)
def test_no_batch_makes_the_loss_infinite(tmp_path, kind, scale, unanswered):
    scaling = {"scale_rewards": scale} if kind == "GRPO" else {"normalize_advantages": scale}
    tried = [trl.log_probability(unanswered=unanswered)]
    if unanswered == "exclude":
        tried.append(trl.soft_consistency(orbit_size=3))
        tried.append(trl.pairwise(orbit_size=3, distance=trl_apart))
    for reward in tried:
        loop = trainer(tmp_path, [Provoking(reward)], kind, **scaling)
        loop.train()
        finite(loop)


def test_beside_another_reward_none_counts_as_zero(tmp_path):
    """Why `check` asks for unanswered="lowest": the sum is nan only where every reward is."""

    def nothing(completions, **columns):
        return [None] * len(completions)

    def one(completions, **columns):
        return [1.0] * len(completions)

    loop = trainer(tmp_path, [nothing, one], max_steps=1)
    loop.train()
    assert loop.state.log_history[0]["reward"] == 1


# Bad input that only a trainer brings about.


def test_a_data_set_without_the_column(tmp_path):
    rows = dataset().remove_columns("orbit_id")
    loop = trainer(tmp_path, [trl.coherence(orbit_size=3)], data=rows)
    with pytest.raises(MissingColumn, match="it has answer, group_id; add"):
        loop.train()


def test_shuffled_orbits_are_broken(tmp_path):
    loop = trainer(tmp_path, [trl.coherence(orbit_size=3)], shuffle_dataset=True)
    with pytest.raises(BrokenOrbit, match=r"of 3 prompts.*shuffle_dataset=False"):
        loop.train()


def test_orbits_in_evaluation_are_cut_unless_its_batch_is_all_there_is(tmp_path):
    def evaluated(size, **more):
        reward = Recorded(trl.coherence(orbit_size=3, **more))
        rows = {"evaluated": dataset(6), "per_device_eval_batch_size": size}
        trainer(tmp_path, [reward], **rows).evaluate()
        return [r for call in reward.calls for r in call["paid"]]

    with pytest.raises(BrokenOrbit, match='broken="exclude" leaves them out'):
        evaluated(8)
    assert evaluated(8, broken="exclude") == [None] * 48
    assert {0.0, 1.0} <= set(evaluated(48))

"""The pages on trainers: every Python block runs, in order, and does what the page says.

A trainer that is not installed is a stand-in (standins.py), and what a page leaves to its reader (a
tokenizer, an environment) is given here.
"""

import asyncio
import importlib
import re
import sys
from importlib import metadata
from pathlib import Path
from types import SimpleNamespace

import pages
import pytest
import standins
import torch
import trl_shaped
from pages import TRAINERS, blocks

from polyest.errors import BrokenBatch, NotInstalled
from polyest.integrations import trinity, trl
from polyest.integrations.estimators import parse_options
from polyest.integrations.groups import GroupReward
from polyest.integrations.scores import answer_class
from polyest.integrations.verl import estimators
from polyest.rewards.registry import offered

REWARDS = offered("estimators")
PAGES = Path(__file__).resolve().parents[2] / "docs"
BOXED = [r"\boxed{7}", r"so \boxed{7}", r"\boxed{3}", "no idea"]


def text_of(name):
    return (PAGES / f"{name}.md").read_text()


def run(name, **given):
    """The namespace after all Python blocks of a trainer's page."""
    examples = [block for block in blocks(text_of(name)) if block[0] == "python"]
    return pages.run(examples, f"{name}.md", **given)


def paid(centred=False, kind="boxed"):
    return GroupReward("log_probability", kind=kind, beta=0.1, noise=8, centred=centred)(BOXED)


def test_every_trainer_has_a_page_with_what_goes_wrong():
    for name in TRAINERS:
        text = text_of(name)
        assert "## Required settings" in text
        assert sum(kind == "python" for kind, *_ in blocks(text)) >= 1
        assert max(map(len, text.splitlines())) < 260


def test_every_trainer_is_named_where_one_looks_for_it():
    assert {"verl", "skyrl"} < {*TRAINERS}
    readme, index = (PAGES.parent / "README.md").read_text(), (PAGES / "index.md").read_text()
    for name in (*TRAINERS, "trl"):
        assert f"(docs/{name}.md)" in readme
        assert f"({name}.md)" in index


def test_verl():
    namespace = run("verl")
    result = namespace["compute_score"]("gsm8k", "so it is\n#### 7", "7", {})
    assert result == {"score": answer_class("7", right=True), "acc": 1.0}
    result = namespace["compute_score"]("gsm8k", "so it is\n#### 8", "7", {})
    assert result == {"score": answer_class("8", right=False), "acc": 0.0}


def test_every_option_on_the_page_of_verl_is_one_and_the_reverse():
    table = (PAGES / "verl.md").read_text().split("## Options")[1].split("## Orbits")[0]
    rows = [line.split("|")[1:3] for line in table.splitlines() if line.startswith("| `")]
    page = {
        (name, option)
        for options, whose in rows
        for option in re.findall(r"`(\w+)`", options)
        for name in (REWARDS if whose.strip() == "all" else whose.strip().split(", "))
    }
    real = set()
    for name in REWARDS:
        with pytest.raises(Exception, match="expected some of") as refused:
            parse_options(name, {"unheard": 1}, scored=True)
        known = str(refused.value).split("expected some of ")[1].split(", ")
        real |= {(name, option) for option in known}
        real |= {(name, "prompt")} if "history" in known else set()  # of verl, beside it
    assert page == real


def test_slime():
    namespace = run("slime")
    samples = [standins.Sample(text) for text in BOXED]
    assert asyncio.run(namespace["rm"](None, samples)) == paid()


def test_art(monkeypatch):
    art = standins.art(monkeypatch)
    namespace = run("art")

    async def rollout(model, text):
        said = [{"role": "assistant", "content": text}]
        return art.Trajectory(messages_and_choices=said)

    kept = asyncio.run(namespace["step"](rollout, ["7", "so 3"], None))
    assert [len(group.trajectories) for group in kept] == [16, 16]
    group = art.TrajectoryGroup(
        [art.Trajectory(messages_and_choices=[{"role": "assistant", "content": t}]) for t in BOXED]
    )
    asyncio.run(namespace["after_each"](group))
    assert [one.reward for one in group.trajectories] == paid(kind="number")


def test_tinker(monkeypatch):
    standins.tinker(monkeypatch)
    namespace = run("tinker", tokenizer=SimpleNamespace(decode=lambda tokens: BOXED[tokens[0]]))
    turns = [[SimpleNamespace(ac=SimpleNamespace(tokens=[i]))] for i in range(4)]
    trajectories = [SimpleNamespace(transitions=turn) for turn in turns]
    got = asyncio.run(namespace["Counted"]().compute_group_rewards(trajectories, [None] * 4))
    assert got == [(value, {}) for value in paid()]


def test_rllm(monkeypatch):
    registry = standins.rllm(monkeypatch)
    by_role = run("rllm")["by_role"]
    assert set(by_role.values()) <= set(registry)
    attempts = [standins.Attempt([standins.Turn(text)]) for text in BOXED]
    group = standins.Attempts(attempts, metadata=[{"orbit": "o"}])
    standins.rllm_collect(registry, [group], "solver", by_role=by_role)
    assert [one.steps[0].advantage for one in attempts] == paid(centred=True)
    over = {"solver": "polyest_coherence"}
    standins.rllm_collect(registry, [group, group], "solver", by_role=over)
    assert attempts[0].steps[0].advantage == attempts[1].steps[0].advantage
    assert attempts[3].steps[0].advantage == min(one.steps[0].advantage for one in attempts)
    standins.rllm_collect(registry, [group], "judge", by_role=by_role)  # rLLM's own, of the rewards
    assert not any(one.steps[0].advantage for one in attempts)
    with pytest.raises(ValueError, match="Unknown advantage estimator other"):
        standins.rllm_collect(registry, [group], "solver", adv_estimator="polyest_log_probability")


def test_skyrl(monkeypatch):
    registry = standins.skyrl(monkeypatch)
    reward_of = run("skyrl")["reward_of"]
    scores = torch.tensor([[0.0, reward_of(text)] for text in BOXED])
    advantage, _ = standins.skyrl_compute(
        registry, "polyest_log_probability", scores, torch.ones(4, 2), ["u"] * 4, pad=3
    )
    assert advantage[:4, 0].tolist() == pytest.approx(paid(centred=True), rel=1e-6)


def test_prime_rl(monkeypatch):
    classes = standins.prime_rl(monkeypatch)
    run("prime-rl")
    traces = [standins.Trace(text) for text in BOXED]
    hidden = standins.Trace("9", trainable=False)
    episodes = [standins.Episode([trace]) for trace in traces] + [standins.Episode([hidden])]
    asyncio.run(classes["grpo"]().score_group(episodes))
    assert [trace.advantages for trace in traces] == paid(centred=True)
    assert hidden.advantages is None


@pytest.mark.parametrize("last", [True, False])
def test_prime_rl_imports_the_page_at_the_end_of_its_package_only(monkeypatch, tmp_path, last):
    """The package as it is on disk, whose __init__ has the line that the page gives it."""
    package = tmp_path / "prime_rl" / "orchestrator" / "algo"
    package.mkdir(parents=True)
    members = "class Algorithm: ...\ndef iter_trainable_traces(episodes): ...\n"
    (package / "base.py").write_text(members)
    (package / "routing.py").write_text("def assign_advantages(trace, advantages): ...\n")
    (package / "polyest.py").write_text(
        next(body for kind, body, *_ in blocks(text_of("prime-rl")) if kind == "python")
    )
    page = (PAGES / "prime-rl.md").read_text()
    line = re.search(r"make\s+`(import [\w.]+)` the last line", page)[1]
    classes = 'ALGORITHM_CLASSES = {"grpo": Algorithm}'
    lines = ["from prime_rl.orchestrator.algo.base import Algorithm", classes]
    lines.insert(2 if last else 1, line)
    (package / "__init__.py").write_text("\n".join(lines) + "\n")
    monkeypatch.syspath_prepend(tmp_path)
    for name in [name for name in sys.modules if name.split(".")[0] == "prime_rl"]:
        monkeypatch.delitem(sys.modules, name)
    try:
        if last:
            made = importlib.import_module("prime_rl.orchestrator.algo").ALGORITHM_CLASSES["grpo"]
            assert made.__name__ == "PolyestAlgorithm"
        else:
            with pytest.raises(ImportError, match=r"circular import"):
                importlib.import_module("prime_rl.orchestrator.algo")
    finally:
        for name in [name for name in sys.modules if name.split(".")[0] == "prime_rl"]:
            del sys.modules[name]


def test_openrlhf():
    namespace = run("openrlhf")

    async def batch(texts):
        return await asyncio.gather(*(namespace["paid"]("q", text, len(texts)) for text in texts))

    assert asyncio.run(batch(BOXED)) == paid()
    assert not namespace["waiting"]
    with pytest.raises(Exception, match="a group has 2 completions"):
        asyncio.run(batch(BOXED[:2]))


# Pages of trainers whose rewards have the shape of TRL's: more of them in test_trl_shaped.py.


def test_unsloth(monkeypatch):
    monkeypatch.setattr(metadata, "version", lambda name: "1.14.2")
    reward = run("unsloth")["reward"]
    config = {"loss_type": "dr_grpo", "scale_rewards": "none"}
    trainer = trl_shaped.UnslothTrainer([reward], num_generations=4, **config)
    (rewards,) = trainer.calculate_rewards(["q"] * 4, BOXED)
    expected = trl.log_probability(kind="boxed", beta=0.1, num_generations=4)(["q"] * 4, BOXED)
    assert rewards == expected
    assert f"{reward.__name__}/answer_entropy" in trainer.logged


def test_ms_swift(monkeypatch):
    swift = standins.module(monkeypatch, "swift.rewards", orms={})
    run("ms-swift")
    args = SimpleNamespace(scale_rewards="none", num_generations=4)
    made, name = trl_shaped.swift_instance(swift.orms, "counted", args)
    assert name.startswith("log_probability")
    samples = trl_shaped.swift_samples(["q"] * 4, BOXED)
    assert trl_shaped.swift_rewards(samples, [made])[:, 0].tolist() == pytest.approx(paid())


def test_trinity(monkeypatch):
    standins.trinity(monkeypatch)
    importlib.reload(trinity)
    try:
        made = run("trinity")["advantage"]
        config = (PAGES / "trinity.md").read_text().split("```yaml\n")[1].split("```")[0]
        path = re.search(r"advantage_fn: (\S+)", config)[1]
        home, _, name = path.rpartition(".")
        given = dict(re.findall(r"^    (\w+): (\S+)$", config, re.MULTILINE))
        given |= {option: float(given[option]) for option in ("beta", "noise")}
        same = getattr(importlib.import_module(home), name)(**given)
        for advantage in (made, same):
            exps = [standins.experience(text, run=i) for i, text in enumerate(BOXED)]
            found, metrics = advantage(exps)
            assert [float(one.advantages[0]) for one in found] == pytest.approx(paid(centred=True))
            assert metrics["group_advantages/majority_share/mean"] == 0.5
        cut = {"truncate_status": "response_truncated"}
        exps = [standins.experience(text, run=i) for i, text in enumerate(BOXED[:3])]
        exps.append(standins.experience(r"\boxed{7}", run=3, **cut))  # and so no answer
        found, metrics = made(exps)
        assert [float(one.advantages[0]) for one in found] == pytest.approx(paid(centred=True))
        said = [{"role": "user", "content": "2+5?"}, {"role": "assistant", "content": BOXED[0]}]
        exps[0] = standins.experience(None, run=0, messages=said)
        assert [float(one.advantages[0]) for one in made(exps)[0]] == pytest.approx(
            paid(centred=True)
        )
        with pytest.raises(BrokenBatch, match="several experiences of one run"):
            made([standins.experience("7", run=0) for _ in range(4)])
    finally:
        monkeypatch.undo()
        importlib.reload(trinity)
    if not standins.installed("trinity"):
        with pytest.raises(NotInstalled, match="pip install trinity-rft"):
            trinity.CountedAdvantage()


def test_axolotl(monkeypatch, tmp_path):
    page = text_of("axolotl")
    body = next(body for kind, body, *_ in blocks(page) if kind == "python")
    (tmp_path / "counted.py").write_text(body)
    monkeypatch.syspath_prepend(tmp_path)
    path = re.search(r'reward_funcs: \["(.*)"\]', page)[1]
    try:
        reward = trl_shaped.axolotl_reward(path)
    finally:
        sys.modules.pop("counted", None)
    assert reward.reading.num_generations == int(re.search(r"num_generations: (\d+)", page)[1])
    assert reward(["q"] * 8, BOXED * 2) == trl.log_probability(kind="boxed", beta=0.1)(
        ["q"] * 8, BOXED * 2, group_id=[0] * 8
    )


def test_tunix():
    reward = run("tunix")["reward"]
    config = trl_shaped.TunixConfig(num_generations=8)
    rewards = trl_shaped.tunix_rewards([reward], config, ["q"] * 8, BOXED * 2)
    assert rewards.tolist() == reward(["q"] * 8, BOXED * 2)
    centred = trl_shaped.tunix_drgrpo(rewards, 8)
    assert centred.tolist() == pytest.approx((rewards - rewards.mean()).tolist())


def test_agent_lightning():
    namespace = run("agent-lightning")
    estimator = estimators()["polyest_log_probability"]
    options = dict(re.findall(r"algorithm\.polyest\.(\w+)=(\S+)", text_of("agent-lightning")))
    config = {"polyest": {**options, "beta": float(options["beta"])}}
    said = [namespace["answer_class"](text, kind="boxed") for text in BOXED[:3]] + [0.0]
    rollouts = [0, 0, 1, 2, 2, 3]  # several calls of the model in a rollout
    rows = [said[rollout] for rollout in rollouts]
    uids = ["u"] * 6
    stored = standins.lightning_scores(rows)
    with pytest.raises(BrokenBatch, match=r"bfloat16: expected float32"):
        standins.lightning_advantages(estimator, stored, rollouts, uids, config)
    assert (stored.float()[:, -1] != torch.tensor(rows)).any()  # other classes
    kept = standins.lightning_scores(rows, dtype=torch.float32)
    found = standins.lightning_advantages(estimator, kept, rollouts, uids, config).tolist()
    expected = GroupReward("log_probability", kind="boxed", beta=0.1, centred=True)(BOXED)
    assert found == pytest.approx([expected[rollout] for rollout in rollouts], rel=1e-6)

"""The waist holds: no reward and no integration reaches a solver or a proof, when it is called either."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
OFFLINE = (
    "polyest.make", "polyest.proof", "polyest.exact", "polyest.solvers", "polyest.precision",
    "flint", "scipy", "highspy", "cvxpy", "clarabel",
)  # fmt: skip
LOOK = f"""
import sys
offline = {OFFLINE!r}
found = [name for name in sys.modules for room in offline if name == room or name.startswith(room + ".")]
print(",".join(found))
"""
ANSWERS = """
import numpy as np
from polyest import rewards
from polyest.rewards.registry import REWARDS
from samples import data, required
ids = np.array([[1, 1, 2, 3, -1, 1], [4, 5, 4, 4, 4, 4]])
orbit = ids[None]
"""
EVERY = "[row.function(**data(name), **required(name)) for name, row in REWARDS.items()]"
# What more there is to choose, in one of three ways.
CALLS = (
    "[row.function(**data(name), **required(name){}) for name, row in REWARDS.items() if row.unanswered]",
    "rewards.diversity(ids, measure='gini'{})",
    "rewards.diversity(ids, measure='exploration', prior=-1.0 * np.ones((2, 6)){})",
    "[rewards.tsallis(ids, q{}) for q in (0.5, 1, 2, 3)]",
    "[rewards.ground_truth(ids, [1, 4], objective=o{}) for o in ('accuracy', 'log')]",
    "rewards.ground_truth(ids, [1, 4], objective='pass@k', k=2{})",
    "rewards.soft_consistency(orbit, mean='geometric'{})",
)
WAYS = {
    "plain": "",
    "dyadic": ", dyadic=True",
    "a small beta": ", dyadic=True, beta=0.05",
}
OTHERS = {
    "closed forms": ANSWERS
    + """
from polyest import closed_forms
for form in closed_forms.LOGS:
    rewards.log_probability(ids, table=form.__name__, dyadic=True)
    form(9)[[0, 4]], form(9) == form(9), repr(form(9)), hash(form(9))
closed_forms.split(closed_forms.harmonic(4), 2), closed_forms.subsets(closed_forms.harmonic(2), 4)
""",
    "the universal table": "import polyest; polyest.load(5000)[[0, 3]]",
    "tables by name": ANSWERS
    + "rewards.log_probability(ids, noise=2, dyadic=True), rewards.log_probability(ids, criterion='minimax')",
    "torch": ANSWERS
    + "import torch\nrewards.log_probability(torch.tensor(ids), dyadic=True, groups=None)",
    "advantages": ANSWERS
    + """
from polyest import advantages, pairing
advantages.group_mean(rewards.log_probability(ids)), pairing.pair(6)
""",
    "games": ANSWERS + "from polyest import games\ngames.rewards(games.negative_entropy(), ids)",
    "whole groups": """
from polyest.integrations.groups import GroupReward
from polyest.rewards.registry import offered
from samples import required, truth
for name in offered("groups"):
    for kind in ("auto", "number", "boxed"):
        said = ["7", r"\\boxed{1/2}", "x = 3", "no", "7", None]
        GroupReward(name, kind=kind, **required(name))(said, **truth(name))
""",
    "rllm": """
from types import SimpleNamespace as Bag
from polyest.integrations.groups import rllm
traj = [Bag(said=text) for text in ("7", "8", "7", "3")]
rllm(text=lambda t: t.said)([[0.0] * 4], traj_groups=[Bag(trajectories=traj)])
""",
    "skyrl": """
import torch
from polyest.integrations.groups import skyrl
from polyest.integrations.scores import answer_class
scores = torch.zeros(4, 3)
scores[:, -1] = torch.tensor([answer_class(text) for text in ("7", "8", "7", "3")])
skyrl(beta=0.1)(scores, torch.ones(4, 3), index=["a"] * 4)
""",
    "trl": """
from polyest.integrations import trl
said = ["7", "8", "7", "3"] * 2
ways = dict(prompts=["p"] * 4 + ["q"] * 4, completions=said)
for reward in (trl.log_probability(), trl.diversity(measure='gini'), trl.polynomial((0, 1)),
               trl.ground_truth(objective="log")):
    reward(**ways, answer=["7"] * 8, group_id=[0] * 4 + [1] * 4)
""",
}


def reached(program):
    """What of the rooms offline is loaded after a program, in a fresh process."""
    result = subprocess.run(
        [sys.executable, "-c", program + LOOK],
        capture_output=True,
        text=True,
        env={
            **os.environ,
            "PYTHONPATH": os.pathsep.join(map(str, (ROOT, ROOT / "tests" / "support"))),
        },
        check=False,
    )
    assert result.returncode == 0, result.stderr
    return [name for name in result.stdout.strip().split(",") if name]


@pytest.mark.parametrize("way", WAYS)
def test_no_reward_reaches_a_solver_or_a_proof(way):
    calls = [EVERY, *(call.replace("{}", WAYS[way]) for call in CALLS)]
    assert reached(ANSWERS + "\n".join(calls)) == []


@pytest.mark.parametrize("name", OTHERS)
def test_nor_does_anything_else_that_a_trainer_calls(name):
    assert reached(OTHERS[name]) == []


@pytest.mark.parametrize(
    "asks",
    [
        "import polyest; polyest.load(4).rounded('float32')",
        "from polyest import closed_forms; closed_forms.harmonic(3).bias",
        "import polyest; polyest.verify(polyest.load(3))",
    ],
)
def test_the_look_sees_who_does(asks):
    assert {"flint", "polyest.proof.certify"} <= {*reached(asks)}

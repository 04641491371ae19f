"""One process of two under torchrun: TRL trains with every reward, its groups cut between the processes.

    torchrun --nproc_per_node 2 tests/support/trl_processes.py FOLDER

Batches of 24 rows, 12 a process, in groups of 8: the second group is cut, and every orbit of three is.
FOLDER/RANK.json has what the rewards were called with and what they returned.
"""

import json
import os
import sys
from pathlib import Path

from trl_training import Recorded, dataset, rewarded, trainer

from polyest.errors import BrokenBatch, BrokenOrbit, CountOutOfRange, MissingColumn
from polyest.integrations import trl
from polyest.integrations.trl.batch import read

SMALL = "aaaabbbbccdd"  # groups of two have no table
PAIRS = ("aaabbbcccddd", "oooooopppppp")
SAID = ["na\u00efve \U0001f642 text\0", "a naive text", None, "\ud800 eight bytes"]
COMPARED, ASKED = [], []  # what trl_apart and same_pair were called with


def rows(start, stop, names="aaaabbbbaaaa", orbits="oooooooooooo"):
    """Rows of a batch of three groups of four; two of them are one prompt, drawn twice."""
    texts = [*"1211334", "", *"555", None]
    cut = slice(start, stop)
    return {
        "prompts": list(names[cut]),
        "completions": texts[cut],
        "group_id": list(names[cut]),
        "orbit_id": list(orbits[cut]),
    }


def trained(folder, kind):
    functions = rewarded()
    recorded = [Recorded(reward) for reward in functions.values()]
    price = next(r for r in functions.values() if isinstance(r, trl.SafetyReward))
    loop = trainer(
        folder,
        recorded,
        kind,
        callbacks=[trl.MultiplierCallback(price)],
        per_device_train_batch_size=4,
    )
    loop.train()
    return {
        "calls": {reward.__name__: reward.calls for reward in recorded},
        "losses": [entry["loss"] for entry in loop.state.log_history if "loss" in entry],
        "price": price.multiplier.state_dict()["value"],
        "logged": [entry for entry in loop.state.log_history if "loss" in entry],
    }


def evaluated(folder, kind, data, size, **changes):
    """What a reward pays in an evaluation, and its mean as TRL logs it."""
    reward = Recorded(trl.log_probability(**changes.pop("reward", {})))
    rows = {"evaluated": data, "per_device_eval_batch_size": size}
    loop = trainer(folder, [reward], kind, **rows, **changes)
    logged = loop.evaluate()
    return {"calls": reward.calls, "mean": logged["eval_reward"]}


def raised(reward, error, **batch):
    try:
        reward(**{name: values for name, values in batch.items() if values is not None})
    except (error, BrokenBatch) as refused:
        return str(refused)
    return "nothing"


def main():
    folder, rank = Path(sys.argv[1]), int(os.environ["RANK"])
    results = {kind: trained(folder, kind) for kind in ("GRPO", "RLOO")}
    results["evaluated"] = {
        kind: evaluated(folder, kind, dataset(3), 8, num_generations_eval=4)
        for kind in ("GRPO", "RLOO")
    }
    blocks = trl.log_probability(num_generations=4)
    own = rows(0, 6) if rank == 0 else rows(6, 12)
    results["twice"] = blocks(**own)
    empty = {"prompts": [], "completions": []}
    results["empty"] = blocks(**(empty if rank == 0 else rows(0, 12)))
    results["none"] = blocks(**empty)
    silent = {"distance": trl_apart, "unanswered": "exclude"}
    results["texts"] = trl.pairwise(orbit_size=1, num_generations=4, **silent)(**own)
    pairs = trl.pairwise(orbit_size=2, distance=trl_apart, num_generations=3)
    results["pairs"] = pairs(**(rows(0, 5, *PAIRS) if rank == 0 else rows(5, 12, *PAIRS)))
    results["compared"] = [*COMPARED]
    COMPARED.clear()
    modes = trl.coherence(orbit_size=2, num_generations=3).reading
    part = rows(0, 5, *PAIRS) if rank == 0 else rows(5, 12, *PAIRS)
    results["kept"] = read(modes, part.pop("prompts"), part.pop("completions"), part).kept.tolist()
    said = {**rows(0, 4), "completions": SAID}
    cut = {name: values[:1] if rank == 0 else values[1:] for name, values in said.items()}
    results["agreeing"] = trl.pairwise(orbit_size=1, **silent)(**cut)
    results["said"] = [*COMPARED]
    ASKED.clear()
    joined = {"kind": "string", "equivalence": same_pair, "num_generations": 4}
    results["joined"] = trl.log_probability(**joined)(**own)
    results["asked"] = [*ASKED]
    results["orbits joined"] = trl.coherence(orbit_size=2, **{**joined, "num_generations": 3})(
        **(rows(0, 5, *PAIRS) if rank == 0 else rows(5, 12, *PAIRS))
    )
    answer = {"answer": ["4"] * len(own["prompts"])}
    results["right"] = trl.ground_truth(**joined)(**own, **answer)
    alone = trl.coherence(orbit_size=3)
    named = trl.log_probability(num_generations=4, group="group_id")
    results["errors"] = [
        raised(trl.log_probability(gather=False, num_generations=4), BrokenBatch, **own),
        raised(alone, BrokenOrbit, **own),
        raised(blocks, BrokenBatch, **{**own, "prompts": [f"{rank}"] * 6}),
        raised(blocks, BrokenBatch, **(own if rank == 0 else {**own, "group_id": [0.5] * 6})),
        raised(
            trl.log_probability(), CountOutOfRange, **(own if rank == 0 else rows(6, 12, SMALL))
        ),
        raised(
            trl.log_probability(**{**joined, "equivalence": fails_on_the_first}), KeyError, **own
        ),
        raised(named, MissingColumn, **(own if rank == 1 else {**own, "group_id": None})),
    ]
    (folder / f"{rank}.json").write_text(json.dumps(results))


def same_pair(left, right):
    ASKED.append(sorted([left, right]))
    return (
        left[:1].isdigit() and right[:1].isdigit() and (int(left) + 1) // 2 == (int(right) + 1) // 2
    )


def fails_on_the_first(left, right):
    if os.environ.get("RANK", "0") == "0":
        raise KeyError(left)
    return False


def trl_apart(texts):
    COMPARED.append(texts)
    return [[float(a != b) for b in texts] for a in texts]


if __name__ == "__main__":
    main()

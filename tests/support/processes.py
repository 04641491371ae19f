"""One process of a run of two: rewards of a batch whose groups are split between them.

    python tests/support/processes.py RANK FILE OUT [3]

Rank 0 holds all but the last completions of every group, or none at all; OUT has what each rank computed.  Of
three processes the last two are a group of their own.
"""

import json
import sys
from contextlib import contextmanager
from datetime import timedelta

import numpy as np
import torch
import torch.distributed as dist

from polyest import gathering, rewards
from polyest.errors import CountOutOfRange, InvalidReward
from polyest.rewards import Multiplier


def batch():
    rng = np.random.default_rng(0)
    ids = np.repeat([3, 1, 7, 4], 6)
    return rng.integers(-1, 4, 24), ids, np.repeat([0, 0, 1, 1], 6), rng.random(24)


def computed(answers, ids, orbits):
    return {
        "log": rewards.log_probability(answers, groups=ids),
        "coherence": rewards.coherence(answers, groups=ids, orbits=orbits),
        "soft": rewards.soft_consistency(answers, groups=ids, orbits=orbits),
        "pairwise": rewards.pairwise(answers, groups=ids, orbits=orbits),
    }


@contextmanager
def counted_messages():
    """The arguments of every all_gather that is called in the block."""
    sent, send = [], dist.all_gather
    dist.all_gather = lambda *given, **named: (sent.append(given), send(*given, **named))[1]
    try:
        yield sent
    finally:
        dist.all_gather = send


def main():
    rank, file, out, *size = sys.argv[1:]
    dist.init_process_group(
        "gloo",
        init_method=f"file://{file}",
        rank=int(rank),
        world_size=int(*size or (2,)),
        timeout=timedelta(seconds=60),
    )
    results = of_three(int(rank)) if size else of_two(int(rank))
    with open(f"{out}.{rank}", "w") as stream:
        json.dump(results, stream)
    dist.destroy_process_group()


def of_three(rank):
    pair = dist.new_group([1, 2])
    if rank == 0:
        return "not among them"
    own = np.arange(gathering.FIRST + 1) * rank
    (both,), rows = gathering.whole(own, process_group=pair)
    right = np.array_equal(both, np.outer([1, 2], np.arange(gathering.FIRST + 1)).reshape(-1))
    return [right, np.array_equal(both[rows], own)]


def of_two(rank):
    answers, ids, orbits, costs = batch()
    results = {}
    for name, first in (("split", np.arange(24) % 6 < 4), ("empty", np.zeros(24, bool))):
        mine = first if rank == 0 else ~first
        for array in (np.asarray, torch.as_tensor):
            own = [array(x[mine]) for x in (answers, ids, orbits)]
            whole, rows = gathering.whole(*own)
            assert all(type(a) is type(b) for a, b in zip(own, whole, strict=True))
            for key, paid in computed(*whole).items():
                results[f"{name} {key} {array.__name__}"] = paid[rows].tolist()
        price = Multiplier(0.1, rate=1.0)
        price.update(costs[mine])
        results[f"{name} price"] = price.state_dict()["value"]
    wide = np.arange(6).reshape(3, 2) if rank else np.empty((0, 2), np.int64)
    (pairs, flags), _ = gathering.whole(
        wide, np.zeros(len(wide), bool) if rank else np.array([], bool)
    )
    results["wide"] = [pairs.tolist(), flags.tolist(), str(flags.dtype)]
    (_, small), _ = gathering.whole(ids[:2], np.arange(2, dtype=[np.int32, np.int64][rank]))
    results["kinds"] = [small.tolist(), str(small.dtype)]
    reals = costs.reshape(12, 2)[: 5 + 7 * rank].astype([np.float32, np.float64][rank])
    (both, marks), _ = gathering.whole(reals, np.arange(len(reals)) % 2 == 0)
    results["reals"] = [both.tolist(), str(both.dtype), marks.tolist()]
    halves = torch.arange(3, dtype=torch.bfloat16) / 2
    waves = torch.tensor([1 + 2j, 3 - 1j], dtype=torch.complex128)
    negated = waves.conj().imag  # which torch has not written down yet
    learned = torch.tensor([0.25], requires_grad=True)
    for name, reals in (("halves", halves), ("negated", negated), ("learned", learned)):
        results[name] = gathering.whole(reals)[0][0].tolist()
    results["bytes"] = gathering.whole(torch.tensor([rank, 255], dtype=torch.uint8))[0][0].tolist()
    for name, n in (("fits", gathering.FIRST // 2), ("follows", gathering.FIRST // 2 + 1)):
        own = np.arange(2 * n).reshape(n, 2) if rank else np.array([[-1, -2]])
        with counted_messages() as sent:
            (both,), rows = gathering.whole(own)
        right = np.array_equal(both, [[-1, -2], *np.arange(2 * n).reshape(n, 2)])
        results[name] = [right and np.array_equal(both[rows], own), len(sent)]
    for call, error in (
        (lambda: gathering.whole(ids.astype(float) if rank else ids), CountOutOfRange),
        (lambda: gathering.whole(ids[:, None] if rank else ids), CountOutOfRange),
        (lambda: gathering.whole(*[ids] * (1 + rank)), CountOutOfRange),
        (lambda: gathering.whole(ids.astype(str) if rank else ids), CountOutOfRange),
        (lambda: gathering.whole(answers[: 5 + rank], ids[:4]), CountOutOfRange),
        (lambda: gathering.whole(answers[: 5 + rank], ids[:5]), CountOutOfRange),
        (lambda: Multiplier(0.1, rate=1.0).update([np.nan] if rank else [1.0]), InvalidReward),
        (lambda: Multiplier(0.1, rate=1.0).update([]), InvalidReward),
    ):
        try:
            call()
            results.setdefault("errors", []).append("none")
        except error as raised:
            results.setdefault("errors", []).append(str(raised))
    return results


if __name__ == "__main__":
    main()

"""TRL trains by a reward with a history: by itself, or as one process of two under torchrun.

torchrun --nproc_per_node 2 tests/support/trl_history.py FOLDER        # writes FOLDER/RANK.json
"""

import json
import os
import sys
from pathlib import Path

from trl_training import dataset, trainer

from polyest import History, answers
from polyest.integrations import trl
from polyest.integrations.trl.rows import numbers

NOISE = 4


class Watched:
    """A reward, and at each call: the step, whether it trains, what it was called with, and what it paid."""

    def __init__(self, reward):
        self.reward, self.__name__ = reward, reward.__name__
        self.calls, self.paid, self.loop = [], [], None

    def __call__(self, prompts, completions, trainer_state, **columns):
        paid = self.reward(prompts, completions, **columns)
        call = {"prompts": prompts, "completions": completions, "group_id": columns["group_id"]}
        self.calls.append((trainer_state.global_step, self.loop.model.training, call))
        self.paid.append({"paid": paid})
        return paid


def kept_apart(call):
    """Ids of the answers and of the prompts of a call, as a history takes them."""
    return answers.from_texts(call["completions"]), numbers("group_id", call["group_id"])


def watched(folder, kind="GRPO", resume=None, past=None, reader="auto", **changes):
    """A run over three prompts, all of them at every step."""
    past = past or History()
    reward = trl.log_probability(noise=NOISE, history=past, kind=reader)
    watch = Watched(reward)
    changes = {"data": dataset(3), **changes}
    loop = trainer(folder, [watch], kind, callbacks=[trl.HistoryCallback(reward)], **changes)
    watch.loop = loop
    loop.train(resume_from_checkpoint=resume)
    return watch, past, loop


def main():
    folder = Path(sys.argv[1])
    watch, past, loop = watched(
        folder, per_device_train_batch_size=4, save_strategy="steps", save_steps=5
    )
    losses = [entry["loss"] for entry in loop.state.log_history if "loss" in entry]
    results = {
        "calls": watch.calls,
        "paid": watch.paid,
        "state": past.state_dict(),
        "loss": losses,
    }
    (folder / f"{os.environ['RANK']}.json").write_text(json.dumps(results))


if __name__ == "__main__":
    main()

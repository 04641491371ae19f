"""The calibration of calibration_smollm.py for some steps of TRL's own GRPOTrainer: is it the same reward?

    python benchmarks/trl_smollm.py --model FOLDER     # results/trl_smollm.csv; extra trl

The first PROMPTS prompts of the core, a group of 16 of each in a step, arm noise 8.  The model of Hugging
Face writes one token of the closed list (logits of all others are masked, as constrained decoding does), and
two reward functions are added up: log Q of the answer, and `diversity` of polyest.integrations.trl, -log nu.
The weights of the upper four layers are trained, at a constant rate.

    apart        greatest difference between TRL's advantages and those of calibration_smollm for the same
                 completions
    kl           KL(nu, Q) of the model before the step, exact
"""

import argparse
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import calibration_smollm
import closed_prompts
import origin
import smollm
import torch
from adapters import MASKED
from datasets import Dataset
from torch import Tensor
from transformers import AutoTokenizer, LlamaForCausalLM
from trl import GRPOConfig, GRPOTrainer

from polyest import advantages
from polyest.integrations import trl as paid

FILE = Path(__file__).parent / "results" / "trl_smollm.csv"
PACKAGES = ("polyest", "numpy", "torch", "trl", "transformers")
PROMPTS, STEPS, GROUP, RATE, UPPER = 2, 3, 16, 3e-5, 4

Row = dict[str, str | float | int]


class Closed(LlamaForCausalLM):
    """A model that answers each prompt with one token of its list; a prompt it does not know is an error."""

    lists: dict[tuple[int, ...], list[int]]  # tokens of a prompt -> tokens of its answers

    def forward(
        self, input_ids: Tensor, attention_mask: Tensor | None = None, **keywords: Any
    ) -> Any:
        output = super().forward(input_ids=input_ids, attention_mask=attention_mask, **keywords)
        closed = torch.full_like(output.logits, MASKED)
        there = torch.ones_like(input_ids) if attention_mask is None else attention_mask
        for row, (ids, mask) in enumerate(zip(input_ids, there, strict=True)):
            prompt = tuple(ids[mask.bool()].tolist())  # with its answer, where that is scored
            answers = self.lists[prompt if prompt in self.lists else prompt[:-1]]
            closed[row][:, answers] = output.logits[row][:, answers]
        output.logits = closed
        return output

    def distributions(self) -> list[Tensor]:
        """log nu of each prompt's answers."""
        with torch.no_grad():
            return [
                self(torch.tensor([prompt])).logits[0, -1, answers].log_softmax(0)
                for prompt, answers in self.lists.items()
            ]


class Compared(GRPOTrainer):
    """The trainer, which notes how far its advantages are from those of calibration_smollm."""

    rows: list[Row]
    targets: list[Tensor]  # log Q of each prompt's answers

    def _generate_and_score_completions(self, inputs: Sequence[Mapping[str, Any]]) -> Any:
        pairs = zip(self.model.distributions(), self.targets, strict=True)
        kls = [float((nu.exp() * (nu - Q)).sum()) for nu, Q in pairs]
        output = super()._generate_and_score_completions(inputs)
        lists, which = [*self.model.lists.values()], [one["which"] for one in inputs]
        places = [
            lists[i].index(int(ids[0]))
            for i, ids in zip(which, output["completion_ids"], strict=True)
        ]
        answers = torch.tensor(places).reshape(1, -1, 1, GROUP)
        target = torch.nn.utils.rnn.pad_sequence(
            [self.targets[i] for i in which[::GROUP]], batch_first=True, padding_value=MASKED
        )
        ours = calibration_smollm.rewards("noise 8", (1.0,), target)
        rewards = ours(answers, target[None], torch.arange(len(target)), 0).flatten(0, 2)
        apart = output["advantages"].double() - advantages.group_mean(rewards).flatten()
        row: Row = {"step": len(self.rows), "apart": float(apart.abs().max())}
        self.rows.append(row | {"kl": sum(kls) / len(kls)})
        return output


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--model", type=Path, required=True, help="folder of smollm.py")
    folder = parser.parse_args().model
    tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
    asked = closed_prompts.split(closed_prompts.FAMILIES, 4, 8)[0][2 : 2 + PROMPTS]
    prompts = smollm.tokens(folder, [one.text for one in asked], [one.answers for one in asked])
    model = Closed.from_pretrained(folder, local_files_only=True)
    model.lists = {tuple(p.tokens): [token for (token,) in p.answers] for p in prompts}
    model.requires_grad_(False)
    model.model.layers[-UPPER:].requires_grad_(True)
    targets = [torch.tensor(closed_prompts.law(one)).log() for one in asked]

    def number(text: str) -> int:
        """The id of an answer, which is its token."""
        (token,) = tokenizer(text, add_special_tokens=False).input_ids
        return token

    def prior(completions: Sequence[str], which: Sequence[int], **_: object) -> list[float]:
        """log Q of each answer."""
        lists = [*model.lists.values()]
        pairs = zip(which, map(number, completions), strict=True)
        return [float(targets[i][lists[i].index(token)]) for i, token in pairs]

    config = GRPOConfig(
        output_dir=tempfile.mkdtemp(), max_steps=STEPS, learning_rate=RATE, lr_scheduler_type="constant",
        per_device_train_batch_size=PROMPTS * GROUP, num_generations=GROUP, max_completion_length=1,
        temperature=1.0, top_k=0, beta=0.0, scale_rewards="none", loss_type="dr_grpo", report_to=[],
        save_strategy="no", logging_strategy="no", use_cpu=True, bf16=False, fp16=False,
        gradient_checkpointing=False, seed=0, disable_tqdm=True, shuffle_dataset=False,
    )  # fmt: skip
    data = [{"prompt": tokenizer.decode(p.tokens), "which": i} for i, p in enumerate(prompts)]
    trainer = Compared(
        model,
        [prior, paid.diversity(noise=8, kind=number, num_generations=GROUP, dyadic=False)],
        args=config,
        train_dataset=Dataset.from_list(data * STEPS),
        processing_class=tokenizer,
    )
    trainer.rows, trainer.targets = [], targets
    trainer.train()
    origin.write(trainer.rows, PACKAGES, FILE)


if __name__ == "__main__":
    main()

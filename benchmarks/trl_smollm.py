"""The calibration of calibration_smollm.py for some steps of TRL's own GRPOTrainer: is it the same reward?

    python benchmarks/trl_smollm.py --model FOLDER     # results/trl_smollm.csv; extra trl

The first PROMPTS prompts of the core, a group of 16 of each in a step, arm noise 8.  The model of Hugging Face
writes one token of the closed list (logits of all others are masked, as constrained decoding does), and two reward
functions are added up: log Q of the answer, and `diversity` of polyest.integrations.trl, -log nu.  The weights of the
upper four layers are trained, at a constant rate.

    apart        greatest difference between what TRL paid and what calibration_smollm pays for the same completions
    advantage    the same between TRL's advantages and rewards minus the group's mean
    J            of the model before the step, exact
"""

import argparse
import tempfile
from pathlib import Path
from typing import Any

import calibration_smollm
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
PROMPTS, STEPS, GROUP, RATE, UPPER = 4, 8, 16, 1e-5, 4

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
            prompt = tuple(ids[mask.bool()].tolist())
            answers = self.lists[prompt if prompt in self.lists else prompt[:-1]]
            closed[row][:, answers] = output.logits[row][:, answers]
        output.logits = closed
        return output


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--model", type=Path, required=True, help="folder of smollm.py")
    folder = parser.parse_args().model
    tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
    asked, _ = calibration_smollm.closed_prompts.split(calibration_smollm.CORE.families, 4, 8)
    asked = asked[:PROMPTS]
    prompts = smollm.tokens(folder, [one.text for one in asked], [one.answers for one in asked])
    model = Closed.from_pretrained(folder, local_files_only=True)
    model.lists = {tuple(p.tokens): [token for (token,) in p.answers] for p in prompts}
    model.requires_grad_(False)
    model.model.layers[-UPPER:].requires_grad_(True)
    targets = [torch.tensor(calibration_smollm.closed_prompts.law(one)) for one in asked]
    base: list[Tensor] = []
    rows: list[Row] = []

    def number(text: str) -> int:
        """The id of an answer's text, which is its token."""
        (token,) = tokenizer(text, add_special_tokens=False).input_ids
        return token

    def distributions() -> list[Tensor]:
        """log nu of each prompt's answers."""
        with torch.no_grad():
            return [
                model(torch.tensor([p.tokens])).logits[0, -1, answers].log_softmax(0)
                for p, answers in zip(prompts, model.lists.values(), strict=True)
            ]

    def prior(completions: list[str], which: list[int], **_: Any) -> list[float]:
        """log Q of each answer; the last of the two rewards, which looks at what both of them paid."""
        lists = [*model.lists.values()]
        places = [lists[i].index(number(text)) for i, text in zip(which, completions, strict=True)]
        believed = [float(targets[i][z].log()) for i, z in zip(which, places, strict=True)]
        logs = distributions()
        base.extend(logs if not base else [])
        J = [
            (nu.exp() * (nu - Q.log() + 0.01 * (nu - start))).sum()
            for nu, Q, start in zip(logs, targets, base, strict=True)
        ]
        answers = torch.tensor(places).reshape(PROMPTS, GROUP)
        target = torch.full((PROMPTS, max(map(len, targets))), MASKED)
        order = which[::GROUP]
        for row, i in zip(target, order, strict=True):
            row[: len(targets[i])] = targets[i].log()
        ours = calibration_smollm.rewards("noise 8", (1.0,), target)
        wanted = ours(answers[None, :, None], target[None], torch.arange(PROMPTS), 0)[0, :, 0]
        pair = dict(wanted=wanted, J=float(sum(J)) / PROMPTS, believed=torch.tensor(believed))
        seen.append(pair)
        return believed

    seen: list[dict[str, Any]] = []
    counted = paid.diversity(noise=8, kind=number, num_generations=GROUP, dyadic=False)

    class Watched(GRPOTrainer):
        """The trainer, which notes how far its rewards and advantages are from ours."""

        def _generate_and_score_completions(self, inputs: Any) -> Any:
            output = super()._generate_and_score_completions(inputs)
            last = seen[-1]
            texts = tokenizer.batch_decode(output["completion_ids"])
            prompts_of = [inputs[i]["prompt"] for i in range(len(texts))]
            mine = counted(prompts_of, texts, group_id=[one["which"] for one in inputs])
            theirs = torch.tensor(mine) + last["believed"]
            centred = advantages.group_mean(last["wanted"]).flatten()
            off = (output["advantages"].double() - centred).abs().max()
            apart = (theirs.double() - last["wanted"].flatten()).abs().max()
            step = {"step": len(rows), "apart": float(apart), "advantage": float(off)}
            rows.append({**step, "J": last["J"]})
            return output

    config = GRPOConfig(
        output_dir=tempfile.mkdtemp(), max_steps=STEPS, learning_rate=RATE, lr_scheduler_type="constant",
        per_device_train_batch_size=PROMPTS * GROUP, num_generations=GROUP, max_completion_length=1,
        temperature=1.0, top_k=0, beta=0.0, scale_rewards="none", loss_type="dr_grpo", report_to=[],
        save_strategy="no", logging_strategy="no", use_cpu=True, bf16=False, fp16=False,
        gradient_checkpointing=False, seed=0, disable_tqdm=True, shuffle_dataset=False,
    )  # fmt: skip
    data = [{"prompt": tokenizer.decode(p.tokens), "which": i} for i, p in enumerate(prompts)]
    trainer = Watched(
        model, [prior, counted], args=config, train_dataset=Dataset.from_list(data * STEPS),
        processing_class=tokenizer,
    )  # fmt: skip
    trainer.train()
    origin.write(rows, PACKAGES, FILE)


if __name__ == "__main__":
    main()

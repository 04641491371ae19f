"""A language model learns to draw letters with given probabilities, with TRL's GRPOTrainer.

    python examples/trl_calibration.py                 # a tiny model, made here, on a processor
    python examples/trl_calibration.py --paid log      # the same, paid with the log of the count
    python examples/trl_calibration.py --model HuggingFaceTB/SmolLM2-135M-Instruct --rate 1e-5 --urns 16

A prompt asks for a letter out of an urn, and each urn has its own law Q.  The reward is log Q(z) - log nu(z),
nu(z) the probability that the model answers z, which a table estimates from the count of z in the group of
16; its mean is -KL(nu, Q).  Nothing is downloaded unless --model names a model of a hub.

What the logs show, every 20 steps:

    rewards/calibration/mean      an estimate of -KL(nu, Q): it rises towards 0, from -.28 to about -.07
    calibration/answer_entropy    of the letters: 1.26 if they are drawn as the laws say; the log reads .98
    calibration/no_answer         near 0; if it is not, `letter` does not read what the model writes
    calibration/no_signal         near 0; near 1 all groups agree, and nothing is left to learn from

The last line is KL(nu, Q) from 256 draws a prompt: .48 before, .01 after with the monotone table, .04 with
the log (one seed; docs/experiments.md has many).  200 steps need 20 seconds of one core.  SmolLM2-135M
from a folder was run for two steps with one urn on a processor; no named model has been run on a GPU.
"""

import argparse
import math
import tempfile

import torch
from datasets import Dataset
from transformers import AutoModelForCausalLM, AutoTokenizer
from trl import GRPOConfig, GRPOTrainer
from urns import letter, rows, tiny

from polyest.integrations import trl as rewards

PAID = {
    "monotone": {"criterion": "minimax", "shape": "monotone"},  # right for few prompts a step
    "noise8": {"noise": 8},
    "log": {"table": "log_count"},
}


def log_chance(prompts, completions, law, **_):
    """log Q of each completion; without an answer the number is not used."""
    drawn = [letter(completion[0]["content"]) for completion in completions]
    return [math.log(Q[z]) if z else 0.0 for Q, z in zip(law, drawn, strict=True)]


@torch.no_grad()
def divergence(model, tokenizer, data, length, draws=256):
    """The mean of KL(nu, Q) over the urns, nu the shares of the letters among this many draws."""
    total = 0.0
    for row in data:
        prompt = tokenizer.apply_chat_template(
            row["prompt"], add_generation_prompt=True, return_tensors="pt", return_dict=True
        ).to(model.device)
        written = model.generate(
            **prompt, do_sample=True, top_k=0, top_p=1.0, temperature=1.0, max_new_tokens=length,
            num_return_sequences=draws,
        )[:, prompt["input_ids"].shape[1] :]  # fmt: skip
        read = [*map(letter, tokenizer.batch_decode(written, skip_special_tokens=True))]
        answered = max(sum(z is not None for z in read), 1)
        pairs = [(read.count(z) / answered, Q) for z, Q in row["law"].items()]
        total += sum(nu * math.log(nu / Q) for nu, Q in pairs if nu)
    return total / len(data)


def main():
    """Train, and print KL(nu, Q) before and after."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--model", help="a name or folder; without it a tiny one is made")
    parser.add_argument("--paid", choices=PAID, default="monotone", help="what a count is paid")
    parser.add_argument("--urns", type=int, default=4, help="the prompts, all in each step")
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--rate", type=float, default=3e-3, help="the learning rate")
    options = parser.parse_args()
    gpu, data = torch.cuda.is_available(), rows(options.urns)
    if options.model:
        model = AutoModelForCausalLM.from_pretrained(options.model, dtype=torch.float32)
        tokenizer, length = AutoTokenizer.from_pretrained(options.model), 8
    else:
        (model, tokenizer), length = tiny(data), 1
    reward = rewards.diversity(
        measure="exploration",
        prior=log_chance,
        kind=letter,
        name="calibration",
        **PAID[options.paid],
    )
    config = GRPOConfig(
        output_dir=tempfile.mkdtemp(), max_steps=options.steps, learning_rate=options.rate,
        num_generations=16, per_device_train_batch_size=16 * options.urns, max_completion_length=length,
        scale_rewards="none",  # else each group is divided by its standard deviation
        loss_type="dr_grpo",  # else each completion is divided by its own length
        logging_steps=20, report_to=[], save_strategy="no", use_cpu=not gpu, bf16=gpu, seed=0,
    )  # fmt: skip
    trainer = GRPOTrainer(
        model, reward, args=config, train_dataset=Dataset.from_list(data), processing_class=tokenizer,
        callbacks=[rewards.Check(reward)],
    )  # fmt: skip
    before = divergence(trainer.model, tokenizer, data, length)
    trainer.train()
    after = divergence(trainer.model, tokenizer, data, length)
    print(f"KL(nu, Q) {before:.3f} before, {after:.3f} after {options.steps} steps")


if __name__ == "__main__":
    main()

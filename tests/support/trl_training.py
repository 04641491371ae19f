"""A small transformer, a data set of sums, and a few steps of TRL on a processor, without a network."""

import logging
import math
import os
import warnings

OFFLINE = {
    "HF_HUB_OFFLINE": "1",
    "TRANSFORMERS_OFFLINE": "1",
    "HF_DATASETS_OFFLINE": "1",
    "WANDB_DISABLED": "true",
    "TRL_EXPERIMENTAL_SILENCE": "1",
    "TOKENIZERS_PARALLELISM": "false",
}
os.environ.update(OFFLINE)

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # those of other people's modules
    import numpy as np
    import torch
    import transformers
    import trl as library
    from datasets import Dataset
    from tokenizers import Tokenizer, models, pre_tokenizers
    from trl.trainer.utils import nanstd

    from polyest import rewards
    from polyest.integrations import trl

logging.getLogger("trl").setLevel(logging.ERROR)

WORDS = [
    "<pad>",
    "<bos>",
    "<eos>",
    "<unk>",
    *map(str, range(10)),
    *"+-=?:",
    *("what", "is", "the", "sum", "of"),
]
CHAT = "{% for m in messages %}{{ m['content'] }} {% endfor %}"
STEPS = 5


def cost(text):
    """The cost of a completion: its length, at most 4."""
    return min(len(text), 16) / 4


def rewarded():
    """One reward of each kind, by name."""
    price = rewards.Multiplier(0.5, rate=0.25, start=0.125)
    made = [
        trl.log_probability(beta=0.5, num_generations=8),
        trl.log_probability(noise=1, unanswered="lowest", kind=last_word),
        trl.polynomial((0, 1, -0.5)),
        trl.diversity(),
        trl.diversity(measure="gini"),
        trl.diversity(measure="exploration", prior=guessed),
        trl.diversity(measure="conditional", where="answer", bonus=2),
        trl.diversity(where=large, bonus=1),
        trl.log_probability(where="answer", bonus=4),
        trl.tsallis(2),
        trl.pass_at(2),
        trl.of_counts(inverse),
        trl.of_group(share, where=large),
        trl.ground_truth(),
        trl.ground_truth(objective="log"),
        trl.ground_truth(objective="pass@k", k=3),
        trl.coherence(orbit_size=3),
        trl.coherence(orbit_size=1, ties="least"),
        trl.soft_consistency(orbit_size=3, num_generations=8),
        trl.soft_consistency(orbit_size=3, mean="geometric"),
        trl.pairwise(orbit_size=3),
        trl.pairwise(orbit_size=3, distance=apart, include_self=False),
        trl.safety(cost, price),
    ]
    return {reward.__name__: reward for reward in made}


def last_word(text):
    return text.split()[-1] if text.split() else None


def large(completions, **columns):
    """A verifier: a completion whose last digit is 5 or more is right."""
    digits = [[c for c in text if c.isdigit()] for text in completions]
    return [None if not read else float(read[-1] >= "5") for read in digits]


def guessed(completions, **columns):
    """log Q of each completion."""
    return [-len(text) / 8 for text in completions]


def inverse(X, K):
    return 1 / (X + 1)


def share(times, right):
    return times / len(times) * right.mean()


def apart(texts):
    """Share of characters in which two texts differ in number, as a matrix."""
    sizes = np.array([len(text) for text in texts])
    return np.abs(sizes[:, None] - sizes) / np.maximum(np.maximum(sizes[:, None], sizes), 1)


class Recorded:
    """A reward that keeps what it was called with, and what it returned."""

    def __init__(self, reward):
        self.reward, self.__name__, self.calls = reward, reward.__name__, []

    def __call__(self, prompts, completions, **columns):
        paid = self.reward(prompts=prompts, completions=completions, **columns)
        kept = {
            name: columns[name] for name in ("group_id", "orbit_id", "answer") if name in columns
        }
        self.calls.append({"prompts": prompts, "completions": completions, **kept, "paid": paid})
        return paid


def tokenizer():
    inner = Tokenizer(models.WordLevel({w: i for i, w in enumerate(WORDS)}, unk_token="<unk>"))
    inner.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    return transformers.PreTrainedTokenizerFast(
        tokenizer_object=inner,
        pad_token="<pad>",
        bos_token="<bos>",
        eos_token="<eos>",
        unk_token="<unk>",
        padding_side="left",
        chat_template=CHAT,
        model_input_names=["input_ids", "attention_mask"],
    )


def model():
    torch.manual_seed(0)
    return transformers.Qwen2ForCausalLM(
        transformers.Qwen2Config(
            vocab_size=len(WORDS),
            hidden_size=16,
            intermediate_size=32,
            num_hidden_layers=1,
            num_attention_heads=2,
            num_key_value_heads=1,
            max_position_embeddings=64,
            tie_word_embeddings=True,
            pad_token_id=0,
            bos_token_id=1,
            eos_token_id=2,
        )
    )


def dataset(n=18, chat=False):
    """Sums, each in three wordings that are neighbours: an orbit."""
    rows = []
    for i in range(n):
        a, b = i // 3 % 10, (3 * (i // 3) + 1) % 10
        text = (f"what is {a} + {b} ?", f"the sum of {a} + {b} =", f"{a} + {b} =")[i % 3]
        prompt = [{"role": "user", "content": text}] if chat else text
        row = {"prompt": prompt, "group_id": i, "orbit_id": f"orbit {i // 3}", "answer": str(a + b)}
        rows.append(row)
    return Dataset.from_list(rows)


def config(folder, kind="GRPO", **changes):
    """GRPOConfig or RLOOConfig: groups of 8, batches of 3 prompts, no scaling."""
    own = {"GRPO": {"scale_rewards": "none", "loss_type": "dr_grpo"}, "RLOO": {}}[kind]
    usual = {
        "output_dir": str(folder),
        "max_steps": STEPS,
        "learning_rate": 1e-2,
        "per_device_train_batch_size": 8,
        "gradient_accumulation_steps": 3,
        "num_generations": 8,
        "max_completion_length": 4,
        "beta": 0.0,
        "logging_steps": 1,
        "report_to": [],
        "save_strategy": "no",
        "use_cpu": True,
        "bf16": False,
        "disable_tqdm": True,
        "shuffle_dataset": False,
        "seed": 0,
    }
    return getattr(library, f"{kind}Config")(**{**usual, **own, **changes})


def trainer(folder, functions, kind="GRPO", data=None, callbacks=(), evaluated=None, **changes):
    return getattr(library, f"{kind}Trainer")(
        model=model(),
        reward_funcs=functions,
        args=config(folder, kind, **changes),
        train_dataset=dataset() if data is None else data,
        eval_dataset=evaluated,
        processing_class=tokenizer(),
        callbacks=list(callbacks),
    )


def advantages(paid, G, kind="GRPO", scale="none"):
    """What TRL makes of the rewards (N,) of one function, in its words and in float32."""
    rewards = torch.tensor([math.nan if r is None else r for r in paid], dtype=torch.float32)
    grouped = rewards.view(-1, G)
    if kind == "RLOO":
        scorable_counts = (~torch.isnan(grouped)).sum(dim=1, keepdim=True)
        grouped_sum = torch.nansum(grouped, dim=1, keepdim=True)
        baselines = (grouped_sum - grouped) / (scorable_counts - 1)
        return torch.nan_to_num(rewards - baselines.view(-1), nan=0.0)
    mean = torch.nanmean(grouped, dim=1).repeat_interleave(G, dim=0)
    std = nanstd(grouped, dim=1).repeat_interleave(G, dim=0)
    centred = rewards - mean
    if scale != "none":
        centred = centred / (std + 1e-4)
    return torch.nan_to_num(centred, nan=0.0)

"""Prompts that ask for a letter out of an urn, and a tiny model to answer them; for trl_calibration.py."""

import random
import re

import torch
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

LETTERS, LAW = "ABCDE", (0.5, 0.25, 0.15, 0.08, 0.02)


def rows(urns):
    """A prompt for each urn, and its law: the same probabilities in another order."""
    chance, made = random.Random(0), []
    for urn in range(urns):
        text = f"Draw a letter from A to E out of urn {urn} , and write it alone ."
        law = dict(zip(LETTERS, chance.sample(LAW, len(LAW)), strict=True))
        made.append({"prompt": [{"role": "user", "content": text}], "law": law})
    return made


def letter(text):
    """The first letter that stands alone in a completion, or None."""
    read = re.search(rf"\b[{LETTERS}]\b", text)
    return read[0] if read else None


def tiny(data):
    """A model of two layers with the habit of drawing from another urn, and its tokenizer."""
    texts = [row["prompt"][0]["content"] for row in data]
    tokenizer = words_of(texts)
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=len(tokenizer), hidden_size=32, intermediate_size=64, num_hidden_layers=2,
        num_attention_heads=2, pad_token_id=0, bos_token_id=None, eos_token_id=1,
    )  # fmt: skip
    model = LlamaForCausalLM(config)
    prompts = torch.tensor(tokenizer(texts).input_ids)
    letters = torch.tensor(tokenizer.convert_tokens_to_ids([*LETTERS]))
    habits = torch.tensor([[row["law"][z] for z in LETTERS] for row in data]).roll(1, 0)
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    for _ in range(300):
        drawn = letters[torch.multinomial(habits, 1)[:, 0]]
        scores = model(input_ids=prompts).logits[:, -1]
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(scores, drawn).backward()
        optimizer.step()
    return model, tokenizer


def words_of(texts):
    """A tokenizer with a token for each word of these texts and for each letter."""
    words = ["<pad>", "<eos>", *sorted({*" ".join(texts).split(), *LETTERS})]
    inner = Tokenizer(models.WordLevel({word: token for token, word in enumerate(words)}))
    inner.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=inner, pad_token="<pad>", eos_token="<eos>", padding_side="left"
    )
    tokenizer.chat_template = "{% for message in messages %}{{ message['content'] }}{% endfor %}"
    return tokenizer

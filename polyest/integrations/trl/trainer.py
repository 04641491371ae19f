"""The trainer that calls a reward.  TRL passes no configuration, but `log_metric`, a method of the trainer.

The trainer is not found where the reward was pickled into another process, or is wrapped in a function that
does not pass `log_metric` on.
"""

from collections.abc import Iterable, Mapping, Sized
from dataclasses import replace
from typing import Any, Protocol

from polyest.integrations.trl.rows import Reading


class Model(Protocol):
    """What is read of a trainer's model."""

    training: bool


class Trainer(Protocol):
    """What is read of GRPOTrainer and RLOOTrainer."""

    accelerator: Any
    args: object
    model: Model
    num_generations: int
    processing_class: Any
    reward_funcs: Sized


# Attributes of GRPOTrainer and RLOOTrainer, from 1.8 on.
KNOWN = ("args", "model", "num_generations")


def trainer_of(columns: Mapping[str, object]) -> "Trainer | None":
    """The trainer whose method `log_metric` is, or None."""
    owner = getattr(columns.get("log_metric"), "__self__", None)
    return owner if all(hasattr(owner, name) for name in KNOWN) else None


def read_as(how: Reading, trainer: "Trainer") -> Reading:
    """How this batch is read by the settings of the trainer, of which evaluation may have its own."""
    G = trainer.num_generations
    if not trainer.model.training:
        G = getattr(trainer, "num_generations_eval", None) or G
    ends = how.end_token
    if ends is None and getattr(trainer.args, "mask_truncated_completions", False):
        ends = end_tokens(trainer)
    return replace(how, num_generations=int(G), end_token=ends)


def end_tokens(trainer: "Trainer") -> tuple[int, ...]:
    """The tokens that end a completion for the trainer when it masks what was cut; padding is one of them."""
    tokenizer = trainer.processing_class
    tokenizer = getattr(tokenizer, "tokenizer", tokenizer)  # a processor has one
    ends = getattr(trainer, "eos_token_ids", None) or [
        tokenizer.eos_token_id
    ]  # the first is of 1.16
    return tuple(end for end in (*ends, tokenizer.pad_token_id) if end is not None)


def evaluated(trainer: object) -> int:
    """How many prompts the largest data set of evaluation has, 0 where that is not known."""
    data: Any = getattr(trainer, "eval_dataset", None)
    each: Any = data.values() if isinstance(data, dict) else (data,)
    return max((len(one) for one in each if hasattr(one, "__len__")), default=0)


def values_of(trainer: object, name: str) -> Iterable[object]:
    """The values of a column of the training data, none where they are not at hand."""
    data: Any = getattr(trainer, "train_dataset", None)
    if not hasattr(data, "__len__") or name not in (getattr(data, "column_names", None) or ()):
        return ()
    return (row[name] for row in data.select_columns([name]))

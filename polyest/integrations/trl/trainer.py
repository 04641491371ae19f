"""The trainer behind a call: TRL hands a reward no configuration, but `log_metric`, a method of its own.

Where the reward was pickled into another process, or wrapped in a function that keeps `log_metric` to
itself, there is none to be found.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from polyest.integrations.trl.rows import Reading

KNOWN = ("args", "model", "num_generations")  # of GRPOTrainer and RLOOTrainer, from 1.8 on


def trainer_of(columns: Mapping[str, Any]) -> Any | None:
    """The trainer whose method `log_metric` is, or None."""
    owner = getattr(columns.get("log_metric"), "__self__", None)
    return owner if all(hasattr(owner, name) for name in KNOWN) else None


def read_as(how: Reading, trainer: Any) -> Reading:
    """How the batch at hand is read: evaluation has a number of generations of its own."""
    G = trainer.num_generations
    if not trainer.model.training:
        G = getattr(trainer, "num_generations_eval", None) or G
    ends = how.end_token
    if ends is None and getattr(trainer.args, "mask_truncated_completions", False):
        ends = end_tokens(trainer)
    return replace(how, num_generations=int(G), end_token=ends)


def end_tokens(trainer: Any) -> tuple[int, ...]:
    """The tokens that end a completion for the trainer, padding among them, as it masks what was cut."""
    tokenizer = trainer.processing_class
    tokenizer = getattr(tokenizer, "tokenizer", tokenizer)  # a processor has one
    ends = getattr(trainer, "eos_token_ids", None) or [
        tokenizer.eos_token_id
    ]  # the first is of 1.16
    return tuple(end for end in (*ends, tokenizer.pad_token_id) if end is not None)


def evaluated(trainer: Any) -> int:
    """Prompts of the largest data set of evaluation, 0 where it is not known."""
    data: Any = getattr(trainer, "eval_dataset", None)
    each: Any = data.values() if isinstance(data, dict) else (data,)
    return max((len(one) for one in each if hasattr(one, "__len__")), default=0)


def values_of(trainer: Any, name: str) -> Iterable[Any]:
    """The values of a column of the data set that is trained on, none where they cannot be had."""
    data: Any = getattr(trainer, "train_dataset", None)
    if not hasattr(data, "__len__") or name not in (getattr(data, "column_names", None) or ()):
        return ()
    return (row[name] for row in data.select_columns([name]))

"""Vote among all N completions of a group, and train on n of them.

TRL counts and centres the rewards of all num_generations = N, so that the table is that of K = N - 2.  Then
the rows of the others are taken out of the batch that is trained on.  Rows of a group are sampled alike, so
that the first n are a blind choice (`polyest.selection`).
"""

from collections.abc import Callable
from typing import Any

from polyest.arrays import Array
from polyest.errors import BrokenBatch, UnsupportedVersion
from polyest.integrations.trl.trainer import Trainer
from polyest.values import shown, whole

METHOD = "_generate_and_score_completions"  # of GRPOTrainer and RLOOTrainer, from 1.8 on
IMAGES = ("pixel_values", "num_images")
Batch = dict[str, Array]  # what the trainer makes of a generation batch


def train_on(trainer: Trainer, number: int) -> None:
    """Let a trainer train on some completions of each group, with advantages from all of them.

    Evaluation and logs have all of them.

    Parameters
    ----------
    trainer : GRPOTrainer or RLOOTrainer
        The trainer, which is changed.
    number : int
        How many completions of each group are trained on, at most `num_generations`.

    Raises
    ------
    BrokenBatch
        If `number` is no such integer, groups are cut between processes, or what is left of a batch is no
        multiple of `steps_per_generation`; in training, for batches with images.
    UnsupportedVersion
        If the trainer has no method to be changed.

    Examples
    --------
    >>> from types import SimpleNamespace as Trainer
    >>> args = Trainer(per_device_train_batch_size=8, steps_per_generation=2)
    >>> trainer = Trainer(args=args, num_generations=8, _generate_and_score_completions=lambda rows: rows)
    >>> train_on(trainer, 4)
    """
    args: Any = trainer.args
    N = trainer.num_generations
    if not whole(number, 1, N):
        raise BrokenBatch(
            f"number is {shown(number)}: expected an integer from 1 to num_generations, {N}"
        )
    made: Callable[[object], Batch] | None = getattr(trainer, METHOD, None)
    if made is None:
        raise UnsupportedVersion(
            f"{type(trainer).__name__} has no {METHOD}: expected TRL 1.8 or later"
        )
    rows = args.per_device_train_batch_size * args.steps_per_generation
    if rows % N:
        raise BrokenBatch(
            f"{rows} rows a process (per_device_train_batch_size * steps_per_generation) with {N} "
            f"generations: groups would be cut; use a multiple of {N}"
        )
    if rows // N * number % args.steps_per_generation:
        raise BrokenBatch(
            f"{rows // N} groups of {number} in {args.steps_per_generation} steps_per_generation: expected a "
            "multiple; more groups, or another number"
        )
    if number == N:
        return

    def part(inputs: object) -> Batch:
        whole_batch = made(inputs)
        return _cut(trainer, whole_batch, int(number)) if trainer.model.training else whole_batch

    setattr(trainer, METHOD, part)


def _cut(trainer: Trainer, batch: Batch, number: int) -> Batch:
    """The batch with the first rows of every group."""
    if odd := [name for name in IMAGES if batch.get(name) is not None]:
        raise BrokenBatch(
            f"{odd[0]} in a batch of which a part is trained on: expected texts alone"
        )
    rows = len(batch["completion_ids"])
    kept = [i for i in range(rows) if i % trainer.num_generations < number]
    left = {
        name: values[kept] if getattr(values, "ndim", 0) and len(values) == rows else values
        for name, values in batch.items()
    }
    if left.get("num_items_in_batch") is not None:
        mask = left["completion_mask"]
        tools = left.get("tool_mask")
        tokens = (mask if tools is None else mask * tools).sum()
        left["num_items_in_batch"] = trainer.accelerator.gather(tokens).sum()
    return left

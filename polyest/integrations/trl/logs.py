"""What a reward tells its trainer of a batch: metrics, and the answers as a column of the completions.

TRL hands `log_metric` and `log_extra` to reward functions.  What is logged is in `polyest.metrics`, here
below the name of the reward: log_probability/answer_entropy.  Counts are those of all processes, the same on
each; shares of rewards and of labels are those of this process, and TRL takes the mean over processes.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from polyest import metrics
from polyest.arrays import Floats
from polyest.history.history import History
from polyest.integrations.trl.batch import Batch
from polyest.integrations.trl.rows import Reading
from polyest.rewards.options import TABLES
from polyest.selection import silent
from polyest.tables.lookup import Lookup

LABEL = "answer"  # the column of right answers, where a reward names none


def tell(
    name: str,
    how: Reading,
    batch: Batch,
    paid: Floats,
    columns: Mapping[str, object],
    tables: Mapping[str, object],
    past: History | None,
) -> None:
    """Log what is known of a batch, where the trainer takes it.

    name: of the reward; paid: the rewards (N,), nan for None; columns: what TRL passed; tables: the keywords
    that say which table estimates the entropy; past: the history that was looked at.
    """
    log: Any = columns.get("log_metric")
    extra: Any = columns.get("log_extra")
    if extra is not None and not how.texts:
        extra(f"{name}/answer", list(batch.said))
    if log is None or not len(paid[batch.mine]):
        return
    told = {"no_signal": float(silent(paid, groups=batch.groups)[batch.mine].mean())}
    if not how.texts:
        given: dict[str, Any] = {"truth": batch.truth, **tables}
        told |= metrics.of_batch(batch.answers, groups=batch.groups, history=past, **given)
        if batch.truth is None:
            told |= _accuracy(how, batch, columns)
    for metric, value in told.items():
        log(f"{name}/{metric}", value)


def tables_of(
    form: str, options: Mapping[str, object], num_generations: int | None
) -> dict[str, object]:
    """The keywords that say which table of the log a reward uses; none where it uses another.

    A Table that is not of K = G - 2 draws, as beside a history, is not one either.
    """
    if form == "tsallis":
        return {}
    given = {name: options[name] for name in TABLES if options.get(name) is not None}
    chosen = given.get("table")
    other = isinstance(chosen, Lookup) and (
        num_generations is None or num_generations != chosen.K + 2
    )
    return {} if other else given


def _accuracy(how: Reading, batch: Batch, columns: Mapping[str, object]) -> Mapping[str, float]:
    """The share of right answers of this process, where the data set has a column of them."""
    values: Any = columns.get(LABEL)
    if values is None or how.reader.equivalence is not None or len(values) != len(batch.said):
        return {}
    labels = how.reader.labels(values)
    right = [
        said == label for said, label in zip(batch.said, labels, strict=True) if label is not None
    ]
    return {"accuracy": float(np.mean(right))} if right else {}

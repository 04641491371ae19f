"""rLLM: an advantage estimator on the texts of trajectories, by groups or by orbits of them."""

from collections.abc import Callable, Iterable, Sequence
from typing import Protocol

import numpy as np

from polyest.arrays import Floats
from polyest.errors import BrokenBatch, InvalidReward
from polyest.history.ids import Name
from polyest.integrations.correctness import Labels, read
from polyest.integrations.earlier import history_of
from polyest.integrations.estimators import parse_options, recorded
from polyest.integrations.group_reward import check_truth
from polyest.integrations.judge import right_texts
from polyest.integrations.messages import Text
from polyest.integrations.reader import pop_reader


class Trajectories(Protocol):
    """What is read of one of rLLM's groups of trajectories."""

    @property
    def trajectories(self) -> Iterable[object]:
        """The trajectories of one prompt."""


def rllm(
    name: str = "log_probability",
    *,
    text: Callable[[object], Text],
    orbit: Callable[[object], object] | None = None,
    prompt: Callable[[object], Name] | None = None,
    truth: Callable[[object], object] | None = None,
    **options: object,
) -> Callable[..., tuple[list[Floats], list[Floats]]]:
    """Make the estimator that rLLM's register_rllm_adv_estimator takes.

    The estimator is f(rewards, algorithm_config, traj_groups) -> advantages, twice.  It does not read the
    rewards of the trajectories.

    Parameters
    ----------
    name : str
        A reward that the registry offers to estimators.
    text : callable
        A function of a trajectory that gives the text with the answer, or None.
    orbit : callable or None
        A function of a group that gives what its orbit is called, for rewards over orbits; the number of
        prompts of an orbit is the option `orbit_size`.
    prompt : callable or None
        A function of a group that gives the id of its prompt, for a history; each call is recorded, as the
        next step.
    truth : callable or None
        A function of a group that gives its right answer, for `where`, `bonus` and "ground_truth"; None where
        `where` is a function, as in `GroupReward`.
    **options : object
        As in `reader.Answering`, where an equivalence joins the answers of an orbit, and as in
        `estimators.parse_options`.

    Returns
    -------
    callable
        The estimator, whose result is two equal lists of float64 arrays, an array for each group.

    Raises
    ------
    BrokenBatch
        When the estimator is called without `traj_groups`, or with another number of them than of rewards,
        and for groups that do not fit.
    BrokenOrbit
        If nothing says which prompts are an orbit; when the estimator is called, for orbits that are not
        whole.
    InvalidAnswer
        If an option of the reader is unknown or no valid value.
    InvalidHistory
        If answers of the history are read in another way.
    InvalidReward
        If the name, an option or a value is unknown, or one of history and prompt is given alone, or
        one of `truth` and what asks for it.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> estimator = rllm("log_probability", text=str, table="harmonic")
    >>> groups = [SimpleNamespace(trajectories=["7", "so 7", "7.0", "3"])]
    >>> advantages, returns = estimator([[0.0] * 4], traj_groups=groups)
    >>> [found.tolist() for found in advantages]
    [[0.375, 0.375, 0.375, -1.125]]
    """
    reader = pop_reader(options)
    if orbit is not None:
        options = {"orbits": "uid", **options}
    how = parse_options(name, options)
    if (how.history is None) != (prompt is None):
        raise InvalidReward(
            "one of history and prompt is given: expected both, prompt a function of a group"
        )
    if how.history is not None:
        history_of(how.history, reader)
    check_truth(how.asks, truth)

    def estimator(
        rewards: Sequence[object],
        algorithm_config: object = None,
        *,
        traj_groups: Sequence[Trajectories] | None = None,
        **_: object,
    ) -> tuple[list[Floats], list[Floats]]:
        if traj_groups is None or len(traj_groups) != len(rewards):
            raise BrokenBatch(
                "traj_groups missing: expected them beside the rewards, rLLM 0.3 gives them"
            )
        said = [[text(trajectory) for trajectory in group.trajectories] for group in traj_groups]
        group = [i for i, row in enumerate(said) for _ in row]
        named = [orbit(one) for one in traj_groups] if orbit else list(range(len(said)))
        whose = [named[i] for i in group]
        flat = [one for row in said for one in row]
        wanted = [truth(one) for one in traj_groups] if truth else [None] * len(said)
        ids = np.zeros(len(flat), np.int64)
        labels = Labels(np.zeros(len(flat), bool), np.zeros(len(flat), bool))
        for one in dict.fromkeys(whose):  # an equivalence joins the answers of an orbit
            rows = [i for i, name in enumerate(whose) if name == one]
            truths = [wanted[group[i]] for i in rows]
            ids[rows], (labels.right[rows], labels.labelled[rows]) = read(
                reader, [flat[i] for i in rows], truths
            )
        if how.judge is not None:
            right = np.concatenate([right_texts(how.judge, row) for row in said])
            labels = Labels(right & (ids >= 0), np.ones(len(flat), bool))
        visited = None
        if prompt is not None:
            ids_of = [prompt(one) for one in traj_groups]
            visited = [ids_of[i] for i in group]
        by_row = recorded(how, ids, group, whose, visited, labels=labels)
        ends = np.cumsum([len(row) for row in said])[:-1]
        parts = [np.asarray(part) for part in np.split(by_row, ends)]
        return parts, parts

    return estimator

"""The keywords of TRL's rewards: how answers are read and grouped, which table there is, what is right."""

from collections.abc import Callable, Iterable
from typing import Any, Literal

from polyest.history.history import History
from polyest.integrations.reader import Answering
from polyest.problem.criteria import Name
from polyest.problem.shapes import Shape

# A reward function as TRL calls it: prompts=, completions= and the columns, each (N,), to numbers or None.
RewardFunction = Callable[..., Iterable[float | None]]


class Keywords(Answering, total=False):
    """Keywords that the rewards have in common, beside those of `reader.Answering`.

    Attributes
    ----------
    group : str
        The column with the id of a row's prompt, whole numbers or texts; "group_id" by default.  It is not
        needed where the number of generations is known: then rows that follow each other are a group.
    num_generations : int or None
        The number G, where the trainer cannot be found, or to have it compared with the trainer's.  Every G
        rows that follow each other are a group of their own, so that an id that is drawn twice makes two
        groups, and any other size is an error.  In evaluation it is the trainer's `num_generations_eval`.
    end_token : int, iterable of int or None
        The token that ends a completion, or several.  A completion that ends in none of them was cut, and is
        no answer.  By default those of the trainer, where it masks completions that were cut; () reads all.
    gather : {"auto", True, False}
        Whether groups are counted over all processes: "auto" (default) does so if there is a process group,
        True insists on one, and False counts the rows of this process.
    name : str
        The reward's `__name__`, under which TRL logs it; made from the other keywords by default.
    criterion : str
        As in `rewards.Options`.
    bias : float
        As in `rewards.Options`.
    bias_ratio : float
        As in `rewards.Options`.
    noise : float
        As in `rewards.Options`.
    shape : {"monotone", "concave"}
        As in `rewards.Options`.
    table : Table or str
        As in `rewards.Options`.
    history : History
        Earlier completions of each prompt, counted too in training; `HistoryCallback` records them.  Prompts
        are told apart by the column of groups, or else by their text.
    dyadic : bool
        As in `rewards.Options`, but True by default.
    unanswered : {"exclude", "lowest"}
        As in `rewards.Options`, but "lowest" by default; "exclude" pays None.
    """

    group: str
    num_generations: int | None
    end_token: int | Iterable[int] | None
    gather: str | bool
    name: str
    criterion: Name
    bias: float
    bias_ratio: float
    noise: float
    shape: Shape
    table: Any
    history: History | None
    dyadic: bool
    unanswered: Literal["exclude", "lowest"]


class GatedKeywords(Keywords, total=False):
    """Keywords of rewards that may be paid to right completions alone, beside those of `Keywords`.

    Attributes
    ----------
    where : str, callable or None
        What is right: the column of the dataset with right answers, such as "answer", read by `kind` as the
        answers are; or another reward function, as TRL calls it, above 1/2 for a right completion (None is
        none).  Right completions earn the bonus and their reward, all others 0.
    bonus : float
        As in `rewards.Options`, 0 by default.
    """

    where: str | RewardFunction | None
    bonus: float


class OrbitKeywords(Keywords, total=False):
    """Keywords of rewards over an orbit of prompts, beside those of `Keywords`.

    Attributes
    ----------
    orbit : str
        The column with the id of a row's orbit, "orbit_id" by default; not read if `orbit_size` is 1.
    broken : {"raise", "exclude"}
        What to do with an orbit that arrives without all its prompts: "raise" (default), or "exclude", which
        pays None.  Evaluation cuts orbits if its batch is not the whole data set.
    """

    orbit: str
    broken: Literal["raise", "exclude"]

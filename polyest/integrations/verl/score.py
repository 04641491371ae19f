"""The score of a completion: the class of its answer, and whether it is right, by a label or by a scorer."""

from collections.abc import Iterable, Mapping
from typing import Any

from polyest.answers import CHOICES, REASONING, Kind, Tag, canonical, stated
from polyest.errors import BrokenOrbit
from polyest.integrations.judge import Judge
from polyest.integrations.scores import answer_class
from polyest.integrations.verl.scorer import judged
from polyest.values import shown


def compute_score(
    data_source: str,
    solution_str: str,
    ground_truth: str | None,
    extra_info: Mapping[str, object] | None = None,
    *,
    kind: Kind = "auto",
    choices: str = CHOICES,
    cues: Iterable[str] = (),
    reasoning: Iterable[Tag] = REASONING,
    orbit: str | None = None,
    scorer: Judge | str | None = None,
    **_: object,
) -> dict[str, object]:
    """Score a completion for verl: the class of its answer as `score`, and whether it is right as `acc`.

    verl's validation reports `acc`, which is 0 or 1.  It is also in the score (scores.py), if a scorer says
    so or the ground truth can be read.

    Parameters
    ----------
    data_source : str
        What verl passes; it is not read.
    solution_str : str
        The completion.
    ground_truth : str or None
        The right answer, which needs no box; None where there is none.
    extra_info : mapping or None
        What verl passes of the row, in which `orbit` is looked up.
    kind : {"auto", "number", "fraction", "choice", "boxed", "string"}
        The way to read an answer, as in `answers.canonical`.
    choices : str
        As in `answers.canonical`.
    cues : iterable of str
        As in `answers.canonical`.
    reasoning : iterable of Tag
        As in `answers.canonical`.
    orbit : str or None
        The entry of `extra_info` that numbers the orbits, where the estimator has orbits="score".
    scorer : callable or str, or None
        What says which answers are right in place of the ground truth: a function of the first four
        arguments, or where one is, "package.module.function".  It gives a number, or a mapping with `acc` or
        `score`; above 1/2 is right, and partial credit, a number between 0 and 1, is rounded so.  What else
        is in the mapping is passed on.
    **_ : object
        What else verl passes; it is not read.

    Returns
    -------
    dict
        The entries `score` and `acc`, and those of the scorer.

    Raises
    ------
    BrokenOrbit
        If `extra_info` has no such entry, or one that is no integer of at least 0.
    InvalidAnswer
        If a text or the kind is none.
    InvalidReward
        If the scorer cannot be found, raises an error, or gives something else.

    Warns
    -----
    PartialCredit
        If the scorer gives a number between 0 and 1, once.

    Examples
    --------
    >>> scored = compute_score("", "so 0.50", "1/2", kind="fraction")
    >>> scored["acc"], scored["score"] == answer_class("1/2", "fraction", right=True)
    (1.0, True)
    >>> compute_score("", "3.14", "pi", scorer=lambda source, text, truth, info: 1)["acc"]
    1.0
    >>> compute_score("", "so 3", "2")["score"] == answer_class("3", right=False)
    True
    """
    number: Any = None
    if orbit is not None:
        number = (extra_info or {}).get(orbit)
        if number is None:
            raise BrokenOrbit(
                f"extra_info without {shown(orbit)}: expected the number of the row's orbit; it has "
                f"{', '.join(map(str, extra_info or ())) or 'nothing'}"
            )
    how: dict[str, Any] = {"choices": choices, "cues": cues, "reasoning": reasoning}
    more: dict[str, object] = {}
    if scorer is None:
        label = None if ground_truth is None else stated(str(ground_truth), kind)
        said, truth = canonical([solution_str, label], kind, **how)
        right = None if truth is None else said == truth
    else:
        right, more = judged(scorer, data_source, solution_str, ground_truth, extra_info)
    score = answer_class(solution_str, kind, orbit=number, right=right, **how)
    return {**more, "score": score, "acc": float(bool(right))}

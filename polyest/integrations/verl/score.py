"""The score of a completion: the class of its answer, and whether it is right."""

from collections.abc import Iterable, Mapping
from typing import Any

from polyest.answers import CHOICES, REASONING, Kind, Tag, canonical, stated
from polyest.errors import BrokenOrbit
from polyest.integrations.scores import answer_class
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
    **_: object,
) -> dict[str, float]:
    """Score a completion for verl: the class of its answer as `score`, and whether it is right as `acc`.

    verl's validation reports `acc`, which is 0 or 1.  It is also the sign of the score (scores.py), if the
    ground truth can be read.

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
    **_ : object
        What else verl passes; it is not read.

    Returns
    -------
    dict of str to float
        The entries `score` and `acc`.

    Raises
    ------
    BrokenOrbit
        If `extra_info` has no such entry, or one that is no integer of at least 0.
    InvalidAnswer
        If a text or the kind is none.

    Examples
    --------
    >>> found = compute_score("", "so 0.50", "1/2", kind="fraction")
    >>> found["acc"], found["score"] == answer_class("1/2", "fraction")
    (1.0, True)
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
    label = None if ground_truth is None else stated(str(ground_truth), kind)
    how: dict[str, Any] = {"choices": choices, "cues": cues, "reasoning": reasoning}
    said, truth = canonical([solution_str, label], kind, **how)
    right = None if truth is None else said == truth
    return {
        "score": answer_class(solution_str, kind, orbit=number, right=right, **how),
        "acc": float(bool(right)),
    }

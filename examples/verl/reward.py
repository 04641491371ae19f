"""The score of a completion for verl: the class of the number that it names, and whether that is right."""

from polyest.answers import canonical
from polyest.integrations.scores import answer_class

LARGEST = 100


def is_right(text, divisor):
    """Whether a text names a multiple of the divisor from 1 to LARGEST."""
    number = canonical([text], kind="number")[0]
    whole = number is not None and number.isdecimal()
    return whole and 0 < int(number) <= LARGEST and int(number) % divisor == 0


def compute_score(data_source, solution_str, ground_truth, extra_info=None, **_):
    """What verl calls for each completion; `ground_truth` is the divisor."""
    right = is_right(solution_str, int(ground_truth))
    return {"score": answer_class(solution_str, kind="number", right=right), "acc": float(right)}

"""The docstrings of public names are in the house style, and their examples are run."""

from doctest import DocTestFinder
from importlib import import_module
from inspect import cleandoc
from types import FunctionType

import public_api
import pytest
from docstrings import faults, items, sections

from polyest.errors import InvalidProblem
from polyest.record import Record


def written(name):
    """Public functions and classes of a module, by name."""
    module = import_module(name)
    values = {public: getattr(module, public) for public in public_api.names(module)}
    kinds = FunctionType | type
    return {public: value for public, value in values.items() if isinstance(value, kinds)}


def of_module(name):
    return [
        line
        for public, value in written(name).items()
        for line in faults(f"{name}.{public}", value)
    ]


@pytest.mark.parametrize("name", sorted(public_api.MODULES))
def test_docstrings_are_in_the_house_style(name):
    assert of_module(name) == []


# What the look would see.


def doubled(count: int, *more: int, **options: int) -> list[int]:
    """Double some numbers.

        d = 2 n

    Parameters
    ----------
    count : int
        The first number,

        and a second paragraph of it.
    *more : int
        The others.
    **options : int
        Those that have names.

    Returns
    -------
    list of int
        The numbers times 2.

    Raises
    ------
    InvalidProblem
        If there is none.

    Examples
    --------
    >>> doubled(1)
    [2]
    """
    if not count:
        raise InvalidProblem("no number")
    return [2 * n for n in (count, *more, *options.values())]


def with_docstring(text):
    """Faults of `doubled` with another docstring."""
    good = doubled.__doc__
    try:
        doubled.__doc__ = text
        return faults("made", doubled)
    finally:
        doubled.__doc__ = good


def spoiled(old, new):
    """Faults of `doubled` with other words in its docstring."""
    good = cleandoc(doubled.__doc__)
    assert old in good
    return with_docstring(good.replace(old, new))


def test_a_good_docstring_has_no_fault_and_is_read_in_parts():
    assert faults("made", doubled) == []
    parts = sections(doubled.__doc__)
    assert list(parts) == ["", "Parameters", "Returns", "Raises", "Examples"]
    assert list(items(parts["Parameters"])) == ["count : int", "*more : int", "**options : int"]
    assert (
        items(parts["Parameters"])["count : int"]
        == "The first number,\n\nand a second paragraph of it."
    )


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ("Double some numbers.", "Double some numbers", "not one sentence"),
        ("Double some numbers.", "doubles some numbers.", "not one sentence"),
        ("Double some numbers.", "Double some numbers.  It is quick.", "not one sentence"),
        ("Double some numbers.", "Double some numbers, d = 2 n.", "has a formula"),
        ("count : int", "counts : int", "has ['counts', '*more', '**options']"),
        ("*more : int\n    The others.\n", "", "has ['count', '**options']"),
        ("**options : int", "options : int", "has ['count', '*more', 'options']"),
        ("count : int", "count", "count has no type"),
        ("The others.", "", "*more : int: no sentence"),
        (
            "Returns\n-------\nlist of int\n    The numbers times 2.\n",
            "",
            "no Returns",
        ),
        ("InvalidProblem", "InvalidTroubles", "names InvalidTroubles"),
        ("InvalidProblem", "RuinedByRounding", "it raises InvalidProblem"),
        (
            "Raises\n------\nInvalidProblem\n    If there is none.\n",
            "",
            "it raises InvalidProblem",
        ),
        (">>> doubled(1)", "doubled(1)", "no example"),
        ("Examples\n--------", "Sights\n------", "an unknown section Sights"),
    ],
)
def test_a_spoiled_docstring_is_found_out(old, new, fault):
    messages = spoiled(old, new)
    assert any(fault in line for line in messages), messages


def test_sections_have_one_order():
    by_title = sections(doubled.__doc__)
    order = ["Examples", "Parameters", "Returns", "Raises"]
    parts = [f"{title}\n{'-' * len(title)}\n{by_title[title]}" for title in order]
    turned = with_docstring("\n\n".join([by_title[""], *parts]))
    assert any("another order" in line for line in turned)


def test_fields_of_a_class_are_its_attributes_or_parameters():
    class Pair(Record):
        """A pair.

        Attributes
        ----------
        left : int
            The left one.
        """

        left: int
        right: int

        def total(self) -> int:
            """Add both."""
            return self.left + self.right

    messages = faults("Pair", Pair)
    assert any("has ['left'], the signature has ['left', 'right']" in line for line in messages)
    assert "Pair.total: no Returns" in messages


def test_every_example_of_a_public_name_is_run():
    """Pytest runs what doctest finds in the modules of polyest."""
    for name in public_api.MODULES:
        for public, value in written(name).items():
            if ">>> " in (value.__doc__ or ""):
                home = import_module(value.__module__)
                run = {test.name for test in DocTestFinder().find(home) if test.examples}
                assert f"{home.__name__}.{public}" in run

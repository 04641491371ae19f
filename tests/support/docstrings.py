"""What is wrong with the docstring of a public name, in words: the house style is that of numpydoc.

One plain sentence, then what explains it, then sections.  `Parameters` (of a class also `Attributes`) has the
names of the signature, in its order, each with a type and a sentence; `Returns` is there where something is
returned; `Raises` and `Warns` name what polyest or Python has, and every error that a function raises itself.
"""

import ast
import builtins
import dataclasses
import doctest
import inspect
import re
import textwrap
from typing import is_typeddict

import public_api

import polyest.errors
from polyest.record import Record

TITLE = re.compile(r"^([A-Z][A-Za-z ]*)\n-{3,}$", re.MULTILINE)
KNOWN = (
    "Parameters",
    "Attributes",
    "Returns",
    "Yields",
    "Raises",
    "Warns",
    "References",
    "Examples",
)


def sections(text):
    """Parts of a docstring by title, in their order; what stands before them has none."""
    before, *rest = TITLE.split(inspect.cleandoc(text or ""))
    return {
        "": before.strip(),
        **dict(zip(rest[::2], (part.strip("\n") for part in rest[1::2]), strict=True)),
    }


def items(section):
    """What is said of each line of a section that is a list, by that line."""
    parts = re.split(r"^(\S.*)\n?", section, flags=re.MULTILINE)[1:]
    return {
        head: inspect.cleandoc("\n" + said)
        for head, said in zip(parts[::2], parts[1::2], strict=True)
    }


def faults(path, value, owner=None):
    """What is wrong with one name, and with the names in it where it is a class."""
    if isinstance(value, property) or hasattr(value, "func"):  # of functools.cached_property
        return [f"{path}: {fault}" for fault in _summary(sections(value.__doc__))]
    if inspect.isclass(value):
        return _of_class(path, value)
    if not callable(value):
        return []
    if _inherited(value, owner):
        return [f"{path}: {fault}" for fault in _summary(sections(value.__doc__))]
    parts = sections(value.__doc__)
    function = inspect.unwrap(value)
    wrong = [*_summary(parts), *_titles(parts)]
    names = _names(inspect.signature(function))
    wrong += _listed(parts, ("Parameters",), names[1:] if owner else names)
    wrong += _returned(parts, inspect.signature(function).return_annotation)
    wrong += _raised(parts, function)
    if owner is None and not doctest.DocTestParser().get_examples(parts.get("Examples", "")):
        wrong.append("no example")
    return [f"{path}: {fault}" for fault in wrong]


def _of_class(path, kind):
    parts = sections(kind.__doc__)
    wrong = [*_summary(parts), *_titles(parts)]
    wrong += _listed(parts, ("Parameters", "Attributes"), fields(kind))
    wrong = [f"{path}: {fault}" for fault in wrong]
    for name, member in list(vars(kind).items()):
        called = name in public_api.CALLED and name != "__init__"
        if (called or not name.startswith("_")) and name not in getattr(
            kind, "__annotations__", {}
        ):
            wrong += faults(f"{path}.{name}", member, kind)
    return wrong


def fields(kind):
    """What an instance is made of: the fields of a record, or what its own __init__ takes."""
    if dataclasses.is_dataclass(kind):
        return [field.name for field in dataclasses.fields(kind)]
    if issubclass(kind, tuple | Record):
        return list(kind._fields)
    if issubclass(kind, Exception) or kind.__init__ is object.__init__ or is_typeddict(kind):
        return list(vars(kind).get("__annotations__", ()))
    return _names(inspect.signature(kind.__init__))[1:]


def _names(signature):
    marks = {inspect.Parameter.VAR_POSITIONAL: "*", inspect.Parameter.VAR_KEYWORD: "**"}
    return [marks.get(p.kind, "") + p.name for p in signature.parameters.values()]


def _inherited(method, owner):
    """Whether a class above says already what a method takes and gives."""
    above = owner.__mro__[1:] if owner else ()
    same = [vars(kind)[method.__name__] for kind in above if method.__name__ in vars(kind)]
    return any(len(sections(one.__doc__)) > 1 for one in same)


def _summary(parts):
    first = " ".join(parts[""].partition("\n\n")[0].split())
    if not first:
        return ["no docstring"]
    wrong = []
    if not first[0].isupper() or not first.endswith(".") or re.search(r"[.!?]\s+[A-Z]", first):
        wrong.append(f"its summary is not one sentence: {first}")
    if " = " in first:
        wrong.append(f"its summary has a formula: {first}")
    return wrong


def _titles(parts):
    titles = [title for title in parts if title]
    wrong = [f"an unknown section {title}" for title in titles if title not in KNOWN]
    if not wrong and titles != sorted(titles, key=KNOWN.index):
        wrong.append(f"sections in another order than {', '.join(KNOWN)}: {titles}")
    return wrong


def _listed(parts, titles, names):
    listed = {head: said for title in titles for head, said in items(parts.get(title, "")).items()}
    wrong = []
    heads = [name for head in listed for name in head.partition(" : ")[0].split(", ")]
    if heads != names:
        wrong.append(f"{' or '.join(titles)} has {heads}, the signature has {names}")
    wrong += [f"{head} has no type" for head in listed if not head.partition(" : ")[2]]
    return wrong + [
        f"{head}: no sentence" for head, said in listed.items() if not said.endswith((".", "`."))
    ]


def _returned(parts, annotation):
    nothing = annotation in (None, "None", inspect.Signature.empty)
    if nothing == bool({"Returns", "Yields"} & {*parts}):
        return ["Returns though it returns nothing" if nothing else "no Returns"]
    return []


def _raised(parts, function):
    wrong, named = [], set()
    for title, base in (("Raises", Exception), ("Warns", Warning)):
        for head in items(parts.get(title, "")):
            kind = getattr(polyest.errors, head, getattr(builtins, head, None))
            if not (inspect.isclass(kind) and issubclass(kind, base)):
                wrong.append(f"{title} names {head}, which is none of polyest or Python")
            else:
                named.add(kind)
    for name in _raises_itself(function):
        kind = getattr(polyest.errors, name)
        if not any(issubclass(kind, each) for each in named):
            wrong.append(f"it raises {name}, and Raises does not say so")
    return wrong


def _raises_itself(function):
    """Errors of polyest that the source of a function raises, not those of what it calls."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
    calls = [node.exc for node in ast.walk(tree) if isinstance(node, ast.Raise)]
    named = {
        call.func.id
        for call in calls
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Name)
    }
    return sorted(name for name in named if hasattr(polyest.errors, name))

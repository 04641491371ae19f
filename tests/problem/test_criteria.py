"""The table of criteria: each row is its formula, and no code asks by name which one it has."""

import ast
import re
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from programs import exact_pmf

import polyest
from polyest.cli.pages.rows import COLUMNS
from polyest.problem.claims import STATED, Certificate, claimed, stated
from polyest.problem.criteria import BUDGETED, CRITERIA, DEFAULT, MINIMAX
from polyest.problem.problem import Problem, pose
from polyest.problem.targets import LOG, WRITTEN
from polyest.proof.certify import measure, stating

PACKAGE = Path(polyest.__file__).parent
NOISES = [name for name, row in CRITERIA.items() if row.centre]
RATIONALS = st.fractions(-3, 3, max_denominator=20)


@pytest.mark.parametrize("name", NOISES)
@given(
    st.lists(RATIONALS, min_size=2, max_size=7), st.fractions(0, 1, max_denominator=9), RATIONALS
)
def test_a_row_is_its_formula(name, c, p, phi):
    row, B = CRITERIA[name], exact_pmf(len(c) - 1, p)
    mean = sum(b * x for b, x in zip(B, c, strict=True))
    t = {"mean": mean, "zero": Fraction(0), "phi": phi}[row.centre]
    right = (p if row.by_p else 1) * sum(b * (x - t) ** 2 for b, x in zip(B, c, strict=True))
    moment = sum(b * x * x for b, x in zip(B, c, strict=True))
    assert row.part(p, moment, mean, phi) == right


def test_the_names_are_those_that_users_know():
    assert list(CRITERIA) == [
        "minimax", "gradient-variance", "variance", "second-moment", "squared-error",
    ]  # fmt: skip
    assert BUDGETED == ("gradient-variance", "variance", "second-moment")
    assert pose(3).criterion == DEFAULT
    assert MINIMAX in CRITERIA
    assert all(row.name == name for name, row in CRITERIA.items())
    assert all(row.by_p for row in CRITERIA.values() if row.fitted)  # phi is unbounded at 0
    assert {name: (CRITERIA[name].by_p, CRITERIA[name].centre) for name in NOISES} == {
        "gradient-variance": (True, "mean"),
        "variance": (False, "mean"),
        "second-moment": (False, "zero"),
        "squared-error": (True, "phi"),
    }


def test_every_table_states_the_four_and_a_lookup_has_a_property_of_each():
    assert STATED == ("second-moment", "variance", "gradient-variance", "squared-error")
    assert sorted(COLUMNS) == sorted(STATED) == sorted(NOISES)
    table = polyest.load(5)
    for name in STATED:
        bound = table.certificate.criterion(name)
        assert bound == getattr(table, CRITERIA[name].attribute)
        assert table.certificate.states(name)
    assert stated("log_count") == stated("minimax") == stated("variance") == STATED


def test_a_criterion_that_not_every_table_states_is_stated_by_its_own(monkeypatch):
    """As of a new row: it is proved, written, read and compared where a table is of it, and only there."""
    new = CRITERIA["second-moment"].__replace__(
        name="weighted-second-moment", by_p=True, formula="p E c_X^2"
    )
    monkeypatch.setitem(CRITERIA, new.name, new)
    table = polyest.solve(4, criterion=new.name, noise=2)
    assert stated(new.name) == (*STATED, new.name)
    bound = table.certificate.criterion(new.name)
    assert bound < table.second_moment
    line = polyest.dumps(table)
    assert f'"weighted_second_moment": "{bound!r}"' in line
    back = polyest.loads(line)
    assert (back.certificate, polyest.dumps(back)) == (table.certificate, line)
    polyest.verify(table)
    lower = {name: table.certificate.criterion(name) for name in stated(new.name)}
    lower[new.name] *= 1 - 1e-12
    claims = table.certificate
    wrong = table.__replace__(claims=claimed(claims.bias, claims.optimum, lower))
    with pytest.raises(polyest.errors.NotProved, match="weighted_second_moment is claimed to be"):
        polyest.verify(wrong)

    other = polyest.load(4)
    assert "weighted" not in polyest.dumps(other)
    assert not other.certificate.states(new.name)
    with pytest.raises(KeyError, match=new.name):
        other.certificate.criterion(new.name)
    more = stating(other.certificate, LOG, other.coefficients, new.name)
    assert more == measure(LOG, other.coefficients, new.name) != other.certificate
    assert more.criterion(new.name) > bound  # which was made least... under its own budget
    assert stating(more, LOG, other.coefficients, new.name) is more


def test_the_page_on_theory_has_the_table():
    text = (PACKAGE.parent / "docs" / "theory.md").read_text()
    for name in NOISES:
        row = CRITERIA[name]
        assert f"| `{name}` | {row.formula.format(phi='phi(p)')} | {row.meaning} |" in text


@pytest.mark.parametrize("name", CRITERIA)
def test_every_criterion_is_in_the_docstring_of_solve(name):
    assert re.search(rf"\b{name}\b", polyest.solve.__doc__)


def test_where_a_criterion_is_none_of_the_table_nothing_is_minimised():
    closed = polyest.closed_forms.log_count(4).problem
    assert not closed.is_minimax
    assert not closed.minimises_bias
    assert Problem(4, LOG, "minimax").minimises_bias


# No question by name, and no second list.

ASKED = {  # facts of one alone, with what they are of
    ("tables/release.py", "log"),  # whose least biases are listed in the release
}
WORDS = {*CRITERIA, *WRITTEN}
OTHERS = ("answers", "rewards", "integrations")  # whose words are answers and rewards


def files():
    return {
        str(path.relative_to(PACKAGE)): ast.parse(path.read_text())
        for path in PACKAGE.rglob("*.py")
        if path.relative_to(PACKAGE).parts[0] not in OTHERS
    }


def texts(node):
    return {
        x.value for x in ast.walk(node) if isinstance(x, ast.Constant) and isinstance(x.value, str)
    }


def is_asked(side):
    """Whether an expression is a target, a criterion, or the name or kind of one."""
    parts = ast.unparse(side).replace("()", "").split(".")
    whose = parts[-2] if parts[-1] in ("name", "kind") and len(parts) > 1 else parts[-1]
    return whose in ("target", "phi", "criterion", "posed", "problem") or parts == ["name"]


def questions(tree):
    """Words of a target or a criterion that one is compared with."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Compare):
            sides = [node.left, *node.comparators]
            if any(map(is_asked, sides)):
                yield from set().union(*map(texts, sides)) & WORDS
        if isinstance(node, ast.Match) and is_asked(node.subject):
            yield from texts(node) & WORDS


def lists(tree):
    """Tuples, lists, sets and mappings with two names of criteria, or of their attributes."""
    names = {*NOISES, *(CRITERIA[name].attribute for name in NOISES)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Tuple | ast.List | ast.Set | ast.Dict):
            parts = node.keys if isinstance(node, ast.Dict) else node.elts
            seen = {x.value for x in parts if isinstance(x, ast.Constant)} & names
            if len(seen) > 1:
                yield sorted(seen)


def test_no_code_asks_which_target_or_criterion_it_has():
    asked = {(file, word) for file, tree in files().items() for word in questions(tree)}
    assert asked == ASKED


def test_there_is_no_second_list_of_criteria():
    listed = {file: seen for file, tree in files().items() if (seen := list(lists(tree)))}
    # Its literals are for type checkers, and another test compares them with the rows.
    del listed["problem/criteria.py"]
    # These are series of marks in a figure, with the look of each.
    assert listed == {"cli/plot.py": [["second-moment", "squared-error"]]}


@pytest.mark.parametrize(
    "text",
    [
        'if target.kind == "power": pass',
        'x = self.target.name != "tsallis"',
        'if problem.criterion in ("variance", "minimax"): pass',
        'match target.name:\n    case "log": pass',
    ],
)
def test_a_question_is_seen(text):
    assert list(questions(ast.parse(text)))


def test_a_list_is_seen():
    assert list(lists(ast.parse('A = ("variance", "second-moment")')))
    assert list(lists(ast.parse('A = {"variance": 1, "squared_error": 2}')))
    assert not list(lists(ast.parse('A = ("variance", "bias")')))


def test_certificates_have_a_field_of_each_that_is_stated():
    fields = [name for name in Certificate._fields if name not in ("bias", "optimum", "further")]
    assert [CRITERIA[name].attribute for name in STATED] == fields

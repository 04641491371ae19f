"""Answers from text: keys are exact, classes do not depend on the order, reading is linear in time."""

import json
import os
import subprocess
import sys
from fractions import Fraction
from pathlib import Path
from time import process_time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import polyest
from polyest import answers, counts
from polyest.answers import canonical, equivalent, from_texts, identify
from polyest.errors import InvalidAnswer

ROOT = str(Path(polyest.__file__).parents[1])
SAYING = {"number": "so it is {}.", "fraction": "so it is {}!", "boxed": r"so $\boxed{{{}}}$"}
many = settings(max_examples=150, deadline=None)
rationals = st.fractions(max_denominator=10**6)
letters = st.sampled_from("\\{}()[]boxedfracAathe1250.,/^-+$%E½² \n\ud800") | st.characters()
each_kind = pytest.mark.parametrize("kind", answers.KINDS)


def key(text, kind="number", **options):
    (answer,) = canonical([text], kind, **options)
    return answer


# Every way to write a number is one key.


@st.composite
def decimals(draw):
    value, places = draw(st.integers(-(10**9), 10**9)), draw(st.integers(0, 8))
    shift = draw(st.integers(-12, 12))
    whole, part = divmod(abs(value), 10**places)
    comma = draw(st.sampled_from([",", "\u202f", r"{,}", r"\,"]))
    digits = draw(st.sampled_from([f"{whole}", f"00{whole}", f"{whole:,}".replace(",", comma)]))
    digits += f".{part:0{places}}" if places else ""
    signs = ["-", "\u2212", "\u2013", "-$", "$-"] if value < 0 else ["", "+", "$", "€"]
    tails = [f"e{shift}", f"E{shift:+}", rf" \times 10^{{{shift}}}", f" \u00d7 10^{shift}"]
    written = draw(st.sampled_from(signs)) + digits
    if draw(st.booleans()):
        return Fraction(value, 10**places), written + draw(st.sampled_from(["", "%"]))
    return value * Fraction(10) ** (shift - places), written + draw(st.sampled_from(tails))


@st.composite
def fractions(draw):
    value, times = draw(rationals), draw(st.integers(1, 9))
    p, q = abs(value.numerator) * times, value.denominator * times
    frac = draw(st.sampled_from([r"\frac", r"\dfrac", r"\tfrac"]))
    forms = [f"{p}/{q}", f"{p} / {q}", f"{frac}{{{p}}}{{{q}}}", f"{frac} {{ {p} }} {{{q}}}"]
    if p % q:
        forms += [f"{p // q} {p % q}/{q}", f"{p // q}{frac}{{{p % q}}}{{{q}}}"]
    if max(p, q) < 10:
        forms += [f"{frac}{p}{q}", f"{frac}{p}{{{q}}}", f"{frac}{{{p}}}{q}"]
    sign = "-" if value < 0 else ""
    return value, sign + draw(st.sampled_from(forms))


@pytest.mark.parametrize("kind", SAYING)
@given(pair=decimals())
@many
def test_a_decimal_is_its_exact_rational_however_it_is_written(kind, pair):
    assert key(SAYING[kind].format(pair[1]), kind) == str(pair[0])


@pytest.mark.parametrize("kind", ["fraction", "boxed"])
@given(pair=fractions())
@many
def test_a_fraction_is_its_exact_rational_however_it_is_written(kind, pair):
    assert key(SAYING[kind].format(pair[1]), kind) == str(pair[0])


@given(left=rationals, right=rationals)
@many
def test_keys_are_equal_exactly_where_numbers_are(left, right):
    answers = canonical([str(left), str(right)], "fraction")
    assert (answers[0] == answers[1]) == (left == right)
    assert key("0.3333333333333333333333") != key("1/3", "fraction")  # equal as floats


# What is read, by the rules of the docstring.

READ = {
    "number": {
        "The answer is 1,234.50": "2469/2", "#### 42": "42", "5 and 7": "7", "x=-5": "-5",
        "3-5": None, "x-5": None, "(3)-2": None, "- 5": "5", "\\approx-3": "-3", "-0": "0", "+1": "1",
        "1e0": "1", ".5": "1/2", "5.": "5", "1,2345": None, "12,34": None, "10^5": "100000",
        "10⁵": "100000", "2^{-1}": "1/2", "5 m^2": "5", "12 cm2": "12", "7 m²": "7", "H2O": None,
        "答案是-42。": "-42", "\uff14\uff12": "42", "**5** 3": "3", "50%": "50", "x_1 = 3": "3",
        "0^{-1}": None, "no idea": None, "2 x 10^3": "2000", "2 x 3": None, "1.5e": "3/2",
    },
    "fraction": {
        "3 1/2": "7/2", "3½": "7/2", "-½": "-1/2", "1\u20442": "1/2", "12 24/7": None, "1/0": None,
        "5 or 0/0": None, "see 1/2/24": None, "7 on 12/25/2024": "7", "-1 1/2": "-3/2",
        "1/-2": "-1/2", r"\frac{-1}{2}": "-1/2", "10,000/3": "10000/3", "3-1/2": None,
        "0.5": "1/2", "1/2 then 4": "4", "50%": "50",
    },
    "choice": {
        "(B)": "B", "answer: b": "B", "B.": "B", "b)": "B", "a": "A", "**C**": "C", "**c.**": "C",
        "The answer is **B**.": "B", r"\boxed{D}": "D", r"\boxed{\text{(E)}}": "E", "[d]": "D",
        "\uff08B\uff09": "B", "Option A is right, not B": "A", "Answer: A": "A", "I choose C": "C",
        "A) 5\nB) 6\nso (A)": "A", "Answer:\n\nB": "B", "The answer is A because": "A",
        "answer is a.": "A", "The answer is a prime": None, "Answer: A prime": None, "f(a)": None,
        "a cat sat": None, "Answer: a prime": None, "P(A)": None, "(F)": None, "(e.g. this)": None,
        "optional b": None, "the answers are better": None, r"\(A\)": None, "(B) or (C)": "C",
    },
    "boxed": {
        r"\boxed{\boxed{5}}": "5", r"\boxed{5": None, "5}": None, "7": None, r"\fbox{7}": "7",
        r"\boxed{3} and \boxed{5": "3", r"\boxed{3} and \boxed{5}": "3, 5", "\\boxed {\n4\n}": "4",
    },
    "string": {
        "The  Cat!": "cat", "“Hello, World.”": "hello world", "(\u22125)": "-5", ".5": ".5",
        "A": "a", "a the": "a the", "...": None, "don't": "don't", "ﬁn": "fin", "Straße": "strasse",
        "STRASSE": "strasse", "50%": "50", "3.5": "3.5", "then": "then", "-5": "-5",
    },
}  # fmt: skip
BOXES = {
    "0.5": "1/2", r"\frac12": "1/2", r" \dfrac{1}{2} ": "1/2", r"\{1, 2\}": r"\{1,2\}", "": None,
    "x = 5": "5", r"5\text{ cm}": "5", r"5\,\mathrm{cm}^2": "5", r"45^\circ": "45", r"50\%": "50",
    r"45^{\circ}": "45", r"\$1,234.50": "2469/2", r"1\,000": "1000", r"\text{(B)}": "(B)",
    r"\left(1,\! 2\right)": "(1,2)", "2^{10}": "1024", "2^{2024}": "2^{2024}", "-5.": "-5",
    r"\frac{1}{0}": None, r"x \in A": r"x\in A", "2 x": "2x", "1 1/2": "3/2", "12 3": "12 3",
    "x^{2}": "x^2", "x²": "x^2", "$7$": "7", r"\text{5}": "5", r"\leftarrow": r"\leftarrow",
    r"x \leq 5": r"x\le5", r"a\\": r"a\\", r"\frac{\sqrt3}2": r"\frac{\sqrt{3}}{2}", "X": "X",
    "x==5": "x==5", "1/2/3": "1/2/3", r"\}": r"\}", r"2\frac{3}{2}": None,
}  # fmt: skip
READ["boxed"] |= {rf"\boxed{{{content}}}": answer for content, answer in BOXES.items()}


@pytest.mark.parametrize("kind", READ)
def test_answers_are_read_by_the_rules(kind):
    answered = dict(zip(READ[kind], canonical(list(READ[kind]), kind), strict=True))
    assert answered == READ[kind]
    assert canonical([None, "", " ", "\n"], kind) == [None] * 4
    assert canonical([], kind) == []


def test_letters_and_kinds_are_keywords():
    assert key("(F)", "choice", choices="abcdef") == "F"
    assert key("(E)", "choice", choices="ABCD") is None
    assert key("The answer is I think", "choice", choices="GHI") == "I"
    assert key("Answer: I think", "choice", choices="GHI") is None
    for bad in ("", "aA", "A-C", "12", None, ["A"]):
        with pytest.raises(InvalidAnswer, match="different letters"):
            canonical(["(B)"], "choice", choices=bad)
    for bad in ("numbers", None, ["number"]):
        with pytest.raises(InvalidAnswer, match="number, fraction, choice, boxed, string"):
            canonical(["1"], bad)


@each_kind
@given(text=st.text(letters))
@many
def test_any_text_has_a_key_or_none(kind, text):
    answer = key(text, kind)
    assert answer is None or (isinstance(answer, str) and answer)
    assert (identify([answer])[0] == -1) == (answer is None)
    assert kind != "string" or key(answer, kind) == answer


def test_a_number_of_too_many_digits_is_no_answer_and_not_worked_out():
    most = answers.MOST
    assert key("9" * most) == "9" * most
    assert key(f"1e{most - 1}") == "1" + "0" * (most - 1)
    assert key(f"1e-{most - 1} x 10^-{most}") == "1/1" + "0" * (2 * most - 1)
    widest = key("9" * most + "/." + "0" * (most - 2) + "7", "fraction")
    assert Fraction(widest) == Fraction("9" * most) / (7 / Fraction(10) ** (most - 1))
    nines = "9" * 10**5
    for text in (f"{'9' * (most + 1)}", f"1e{most}", "1e-999999999", "2^1001", "2^-9999999", nines):
        assert key("3 " + text) is None, text  # not 3 either: the last number is the answer
    for text in ("1e999999999^0", "1e" + nines, "10^" + nines, "5 x 10^99999999", "0." + nines):
        assert key(text) is None, text[:30]
    assert key("1/." + nines, "fraction") is None
    assert key(r"\boxed{9^{999999999}}", "boxed") == "9^{999999999}"


N = 10**5
LONG = {
    "digits": "1" * N, "groups": "1" + ",234" * N + "5", "spaces": "5" + " " * N + "x",
    "words": "a" * N, "hyphens": "-" * N, "numbers": "1 " * N, "bars": "1/" * N, "points": "." * N,
    "marks": "!" * N + "x" + "!" * N, "open": "{" * N, "boxes": r"\boxed{" * N,
    "closed": r"\boxed{" * N + "}" * N, "nested": r"\boxed{" + "{" * N + "x" + "}" * N + "}",
    "fracs": r"\boxed{" + r"\frac{" * N + "}" * (N + 1), "short": r"\boxed{" + r"\frac1" * N + "}",
    "texts": r"\boxed{" + r"\text{" * N + "}" * (N + 1), "slashes": r"\boxed{" + "\\" * N + "}",
    "gap": r"\boxed{1" + " " * N + "2}", "circles": r"\boxed{" + "^ { " * N + "}", "stars": "*" * N,
    "exponents": "^{" * N, "cues": "answer " * N, "lines": "\n\t\t" * N, "powers": "1 x 10^" * N,
    "accents": "a" + "\u0301\u0323" * N, "ligatures": "\ufdfa" * (N // 10),
}  # fmt: skip


@pytest.mark.parametrize("text", LONG.values(), ids=list(LONG))
def test_long_texts_take_linear_time(text):
    begun = process_time()
    by_kind = [key(text, kind) for kind in answers.KINDS]
    assert process_time() - begun < 10  # a tenth of that as it is; were it quadratic, minutes
    assert by_kind[3] is None or "\\boxed{" in text
    assert text != LONG["nested"] or by_kind[3] == "x"


@given(st.lists(st.one_of(st.none(), st.text(max_size=3)), max_size=20))
@many
def test_ids_are_equal_exactly_where_keys_are(keys):
    ids = identify(keys)
    assert ids.dtype == np.int64
    for a, left in zip(ids, keys, strict=True):
        assert a == -1 if left is None else a >= 0
        assert [bool(a == b) for b in ids] == [left == right for right in keys]
    assert identify([keys, keys[::-1]]).tolist() == [ids.tolist(), ids.tolist()[::-1]]


def test_ids_are_the_same_in_every_process_and_spread_over_63_bits():
    keys = ["1/2", "42", "", "é", "\ud800"]
    program = f"from polyest.answers import identify; print(identify({keys[::-1]!r}).tolist())"
    for seed in ("1", "2"):
        places = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": ROOT}
        printed = subprocess.check_output([sys.executable, "-c", program], env=places)
        assert json.loads(printed)[::-1] == identify(keys).tolist()
    assert identify(["42"])[0] == 0x57B43CF02666687A >> 1  # as `b2sum -l 64` has it
    ids = identify([str(i) for i in range(20_000)])
    assert len(np.unique(ids)) == 20_000 < ids.max() / 2**48


def test_no_answer_is_no_id():
    taken = int(identify(["42"])[0])
    ids = identify([None, "42"], no_answer=taken)
    assert ids[0] == taken != ids[1]
    assert identify([None, "42"], no_answer=-(2**63)).tolist() == [-(2**63), taken]
    for bad in (True, 1.0, None, "-1", 2**63):
        with pytest.raises(InvalidAnswer, match="no_answer"):
            identify(["42"], no_answer=bad)


names = st.sampled_from(["b", "c", "d", "aa", "cc", "aaa"])
relations = st.sets(st.tuples(names, names))
samples = st.lists(st.one_of(st.none(), names), max_size=10)


def plain(keys, relation):
    """The twin of `equivalent`: each class takes in what it is linked to, until nothing is left."""
    links, least = relation | {(b, a) for a, b in relation}, {None: None}
    for name in set(keys) - {None}:
        reached, before = {name}, set()
        while reached != before:
            before = reached
            reached = reached | {b for a, b in links if a in reached and b in keys}
        least[name] = min(reached, key=lambda k: (len(k), k))
    return [least[k] for k in keys]


@given(keys=samples, relation=relations, data=st.data())
@many
def test_classes_are_the_least_equivalence_relation_in_any_order(keys, relation, data):
    asked = []

    def same(left, right):
        asked.append((left, right))
        return (left, right) in relation

    moved = data.draw(st.permutations(keys))
    assert equivalent(keys, same) == plain(keys, relation)
    assert len(asked) == len(set(asked))
    assert all(left and right and left != right for left, right in asked)
    assert equivalent([keys, moved], same) == [plain(keys, relation), plain(moved, relation)]


def test_without_the_closure_classes_depend_on_the_order():
    def same(left, right):
        return (left, right) in {("a", "b"), ("b", "c")}

    def first_match(keys):
        firsts = []
        for new in keys:
            firsts += [] if any(same(old, new) for old in firsts) else [new]
        return len(firsts)

    orders = [["a", "b", "c"], ["b", "a", "c"], ["c", "b", "a"]]
    assert [first_match(keys) for keys in orders] == [2, 2, 3]
    assert [equivalent(keys, same) for keys in orders] == [["a"] * 3] * 3
    assert equivalent(["a", "c"], same) == ["a", "c"]  # a chain needs its links among the keys
    assert equivalent([["a", "b"], ["a", "c"]], same) == [["a", "a"], ["a", "c"]]
    assert equivalent(["a", "b"], lambda a, b: np.bool_(True)) == ["a", "a"]
    with pytest.raises(InvalidAnswer, match=r"is 0\.3: expected True or False"):
        equivalent(["a", "b"], lambda a, b: 0.3)
    with pytest.raises(ZeroDivisionError):
        equivalent(["a", "b"], lambda a, b: 1 / 0)


said = st.sampled_from(["1/2", "0.5", "is 3", "3.0", "½", "?", None, "7"])


@given(texts=st.lists(said, min_size=1, max_size=8), data=st.data())
@many
def test_the_whole_path_does_not_depend_on_the_order(texts, data):
    order = data.draw(st.permutations(range(len(texts))))
    moved = [texts[i] for i in order]
    for equivalence in (None, lambda a, b: (a, b) == ("7", "3")):
        ids = from_texts(texts, "fraction", equivalence)
        both = from_texts([texts, moved], "fraction", equivalence)
        assert both.tolist() == [ids.tolist(), ids[order].tolist()]


def test_texts_are_counted():
    group = [[r"\boxed{\frac12}", r"\boxed{.5}", r"\boxed{x}", r"\boxed{y}", "?", None]]
    counted = counts.in_group(from_texts(group, "boxed"), baseline="none")
    assert counted.index.tolist() == [[1, 1, 0, 0, 0, 0]]
    assert counted.answered.tolist() == [[True] * 4 + [False] * 2]
    merged = from_texts(group, "boxed", lambda a, b: (a, b) == ("y", "x"))
    assert counts.in_group(merged, baseline="none").index.tolist() == [[1, 1, 1, 1, 0, 0]]
    assert from_texts(["(F)"], "choice", choices="EF")[0] == identify(["F"])[0]


@pytest.mark.parametrize("read", [canonical, identify, from_texts, lambda v: equivalent(v, id)])
def test_what_is_no_list_of_texts_is_named(read):
    for bad, match in {
        "12": "'12': expected a list", 5: "5: expected a list", None: "None: expected a list",
        (5,): r"\[0\] is 5: expected text", ("a", 0.5): r"\[1\] is 0\.5", (b"a",): "b'a'",
        (("a",), "b"): "expected", (("a",), ("b", "c")): "expected",
    }.items():  # fmt: skip
        with pytest.raises(InvalidAnswer, match=match):
            read(bad)
    with pytest.raises(InvalidAnswer, match="expected a list"):
        read(np.array("a"))
    assert len(read(np.array(["1", None]))) == 2

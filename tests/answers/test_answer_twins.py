r"""Fast ways to read common texts: each finds what the plain way finds, for all texts.

The plain way is a function of the package, or is written here as simply as it can be.
"""

import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from polyest.answers import (
    KINDS,
    REASONING,
    boxes,
    canonical,
    choices,
    formulas,
    from_texts,
    identify,
    identity,
    keys,
    marks,
    memory,
    numerals,
    reasoning,
)
from polyest.answers.characters import plain
from polyest.answers.memory import Memory
from polyest.answers.tex import flattened

many = settings(max_examples=1000, deadline=None)
NUMBERS = [
    "42", "-7", "0", "-0", "007", "-05", "12", "3.5", "1,234", "\uff15", "\u0663", "4\uff15",
    "9" * 16, "1e5",
]  # fmt: skip
SPACES = [" ", "  ", "\n", "\t", "\r\n", "\u00a0", "\u2009", "\u2028", "\x0b", "\x1c"]
SIGNS = [*".,;:!?()[]{}$*=#>-+&%", "\\", "\u00b2", "\u0301"]


def texts(*pieces, most=12):
    """Texts of these pieces in any order."""
    return st.lists(st.sampled_from(pieces), max_size=most).map("".join)


def made(*choices, most=1):
    """Texts of up to so many rounds, each with a piece of every kind: near the common case, and in it."""
    return st.lists(st.tuples(*map(st.sampled_from, choices)), min_size=1, max_size=most).map(
        lambda rounds: "".join(piece for each in rounds for piece in each)
    )


# Boxes.

JOINING = [
    "answer", "result", "to", "sand", "and", "or", "so", "o", "is", "x", "x =", "=", "\\,",
    "\\;", "\\quad", "\\text{and}", "\uff0c", "\u548c",
]  # fmt: skip
BOXES = [
    "\\boxed{", "\\boxed{4}", "\\boxed{\\frac{1}{2}}", "\\fbox{3}", "\\boxed 5", "box",
    "\\boxed", "{", "}",
]  # fmt: skip
GAPS = ["", " ", " ", "$", " $", "\\(", "\n\\[", ":** $", "\\,", "\\quad ", "\u3000", " " * 7]
FINISHED = [
    "\\boxed{4}", "\\boxed{4}", "\\boxed{\\frac{1}{2}}", "\\boxed{{a}{{b}}", "\\boxed{\\}}",
    "\\fbox{3}",
]  # fmt: skip
boxed_texts = texts(
    *BOXES, *JOINING, *SIGNS, *SPACES[:4], "\\\\", *GAPS, "7", ", ", " and "
) | made([*JOINING, *JOINING, "", "7", ".", ", "], GAPS, ["", "", "\\", "\\\\"], FINISHED, most=3)


@given(boxed_texts)
@many
def test_an_easy_box_is_what_a_search_finds(text):
    assert boxes.boxed(text) == boxes._searched(text)


@pytest.mark.parametrize(
    "gap", ["", " ", " $", "\\(", "\n\\[", "\n\n\\[ ", ":** $", " " * 60, "\u3000"]
)
@pytest.mark.parametrize(
    "joint",
    [
        *"is!1",
        "answer",
        "result",
        ",",
        ";",
        "&",
        "and",
        "or",
        "o",
        "\uff0c",
        "\\text{and}",
        "x =",
        "\\quad",
    ],
)
def test_boxes_are_joined_over_every_gap_as_a_search_joins_them(joint, gap):
    text = f"a box: \\boxed{{1}} {joint}{gap}\\boxed{{2}}."
    assert boxes.boxed(text) == boxes._searched(text)
    if joint in ("answer", "result", *"is!1"):
        assert boxes.boxed(text) == ["2"]


def test_the_usual_box_is_easy():
    for before in ("so it is ", "Thus $", "is:\n\\[", "**Answer:** $", "result is \\("):
        for content in ("42", "-3", "\\frac{1}{2}", "x=\\sqrt{2}", "\\text{no}"):
            text = f"{before}\\boxed{{{content}}}$."
            assert boxes._EASY.match(text, len(before))[1] == content


# Numbers.


def last_of_lines(text):
    """The last number, each line read by the tokenizer."""
    for line in reversed(text.split("\n")):
        if numerals._DIGIT.search(line) and (keys := numerals._of_line(flattened(plain(line)))):
            return True, keys[0]
    return False, None


WORDS = [
    "is", "mod", "minus", "inus", "negative", "tive", "x", "a", "so", "the answer is ", "= ",
    "#### ", "> ",
]  # fmt: skip


TEX = [
    "\\sqrt", "\\sqrt ", "\\pm ", "\\text{", "\\frac", "\\\\", "\\ ", "^", "_", "<sup>",
    "\u221a", "\u221a_", "m\u200bod ",
]  # fmt: skip


BETWEEN = [" ", " ", " ", ": ", ", ", "", "\n", "  "]
AFTER = ["", "", ".", "!", "\n", " ", "\u00a0", "\n\n", "?", " m"]


@given(
    texts(*NUMBERS, *NUMBERS, *WORDS, *SIGNS, *SPACES, "\n", " ", ": ", ", ")
    | made(["", "", "\u221a", "\n", "a "], WORDS, BETWEEN, NUMBERS, AFTER, most=2)
)
@many
def test_an_easy_number_is_what_the_tokenizer_reads(text):
    assert numerals.last_number(text) == last_of_lines(text)


@given(
    texts(*NUMBERS[:4], *WORDS, *TEX, *TEX, *SIGNS, *SPACES, most=6),
    made(["", "", " "], TEX, ["", "", " "], WORDS, BETWEEN, NUMBERS, AFTER)
    | made(TEX, BETWEEN, ["", "= ", "> ", "#", " = "], NUMBERS, AFTER),
)
@many
def test_an_easy_number_after_tex_is_what_the_tokenizer_reads(head, ending):
    text = head + ending
    assert numerals.last_number(text) == last_of_lines(text)


@given(texts(*NUMBERS, *SIGNS, *SPACES, "-", "*", "0", "0" * 500, "5" * 500, most=5))
@many
def test_a_whole_number_alone_is_what_its_pattern_reads(content):
    assert numerals.number_alone(content) == numerals._alone(content)


def test_the_usual_line_is_easy():
    for line in (
        "The answer is 42.",
        "#### 42",
        "x = 42",
        "x=42",
        "so: 42",
        "42",
        "> 42!",
        "in all, 42\n\n",
    ):
        assert numerals._easy("First 3.\n" + line) == "42"
    assert numerals._easy("As $\\frac{1}{2} < \u03c0$, the answer is 42.") == "42"
    assert numerals._easy("a" * 10**6 + "42") is None


# Marked answers.


def marked(text):
    """What is marked, each mark looked for by itself."""
    if (tagged := marks._tagged(text)) is not None:
        return True, marks._key_of(tagged)
    for part in text.split("####")[:0:-1]:
        number = numerals.number_alone(plain(part.partition("\n")[0]))
        if number[0]:
            return number
    end = max(marks._after_cue(text, word, 0) for word in ("nswer", "NSWER"))
    return marks._clause(text, end) if end else (False, None)


CUES = [
    "answer", "Answer", "ANSWER", " is ", ": ", ":", " = ", " to the question is ", " are ",
    "not ", "**", "####",
]  # fmt: skip
STOPS = [
    ". ", "!", "; ", ", because ", " since ", " (", " so ", ".5", "<answer>", "</answer>",
    "<ANSWER>", "#", "apples",
]  # fmt: skip


@given(
    texts(*CUES, *CUES, *NUMBERS, *NUMBERS, *STOPS, *SIGNS[:6], *SPACES)
    | made(["answer", "Answer", "ANSWER"], [" is ", ": ", " = ", ":\n"], NUMBERS, STOPS, most=3)
    | made(["\n", "#", "x", ""], ["####", "########"], ["", " ", "\n", "#"], NUMBERS, STOPS, most=3)
)
@many
def test_an_easy_mark_is_what_a_search_finds(text):
    assert marks.marked_reader(())(text) == marked(text)


def test_the_usual_clause_is_easy():
    for said in (
        "The answer is 42.",
        "Answer: 42",
        "final answer = 42, as 40 + 2 is",
        "**Answer:** 42\nok",
    ):
        assert marks._easy("The answer is not 5. " + said) == "42"


# Reasoning.

TAGS = (*REASONING, ("[", "]["), ("aa", "ab"), ["{{", "}}"])
REASONED = [
    "<think>", "</think>", "<THINK >", "</Think >", "<think a='b'>", "<think", "[THINK]",
    "[/THINK]", "\u25c1think\u25b7",
]  # fmt: skip
REASONED += [
    "\u25c1/think\u25b7",
    "<|channel|>analysis",
    "<|channel|>final<|message|>",
    "<",
    ">",
    "[",
    "][",
    "aa",
    "ab",
    "a",
    "{{",
    "}}",
]


@given(texts(*REASONED, "x", " "), st.sets(st.sampled_from(range(len(TAGS))), min_size=1))
@many
def test_the_last_mark_from_the_end_is_the_last_one_from_the_start(text, chosen):
    tags = [TAGS[i] for i in sorted(chosen)]
    pairs = [reasoning._pair(tag) for tag in tags]
    mark = re.compile("|".join(f"{opens.pattern}|({closes.pattern})" for opens, closes in pairs))
    last = None
    for start in range(len(text)):
        last = mark.match(text, start) or last
    right = (
        text
        if last is None
        else text[last.end() :]
        if last[last.lastindex or 0] and last.lastindex
        else None
    )
    assert reasoning.final_part(tags)(text) == right


# Choices.


@given(
    texts("A", "b", "(B)", "word", "a", " ", "\n", ".", "B1", "\u00e9", "x" * 15, "y" * 40, most=30)
)
@many
def test_letters_from_the_end_are_those_from_the_start(text):
    alone = re.compile(r"[ABab](?<![A-Za-z0-9].)(?![A-Za-z0-9])")
    spans = [mark.span() for mark in choices._backwards(alone, text)]
    assert spans == [mark.span() for mark in alone.finditer(text)][::-1]


# Memory.


@given(boxed_texts | texts(*NUMBERS, *WORDS, *SIGNS, *SPACES))
@many
def test_what_is_remembered_is_what_is_found(text):
    for kept, function in (
        (formulas._keys, formulas._one),
        (numerals._lines, lambda line: numerals._of_line(flattened(plain(line)))),
        (marks._lines, lambda line: numerals.number_alone(plain(line))),
        (marks._contents, marks._key_of),
        (identity._ids, identity._id),
        (keys._is_rational, lambda key: keys.RATIONAL.fullmatch(key) is not None),
    ):
        assert kept[text] == kept[text] == function(text)


def test_memory_is_bounded():
    asked = []
    sizes = Memory(lambda text: asked.append(text) or len(text))
    for i in range(3 * memory.KEPT):
        assert sizes[f"{i}"] == sizes[f"{i}"] == len(f"{i}")
        assert len(sizes) <= memory.KEPT
    assert len(asked) == 3 * memory.KEPT
    long = "x" * (memory.SHORT + 1)
    assert sizes[long] == sizes[long] == len(long)
    assert asked[-2:] == [long, long]
    assert long not in sizes
    assert sizes[long[1:]] == sizes[long[1:]] == memory.SHORT
    assert asked[-2:] == [long, long[1:]]


# The whole path.

everything = texts(
    *BOXES, *JOINING, *NUMBERS, *WORDS, *CUES, *STOPS, *REASONED[:7], "(B)", "A", *SPACES, most=16
)


@pytest.mark.parametrize("kind", KINDS)
@given(
    rows=st.lists(st.lists(everything | st.none(), min_size=3, max_size=3), min_size=1, max_size=3)
)
@settings(max_examples=100, deadline=None)
def test_ids_of_texts_are_those_of_their_keys_one_by_one(kind, rows):
    read = [[canonical([text], kind)[0] for text in row] for row in rows]
    ids = from_texts(rows, kind)
    assert ids.dtype == np.int64
    assert np.array_equal(ids, identify(read))
    assert np.array_equal(ids, from_texts(rows, kind, lambda left, right: left == right))
    assert np.array_equal(ids.ravel(), from_texts([text for row in rows for text in row], kind))


def test_shapes_of_few_or_no_texts_are_kept():
    assert from_texts([]).shape == identify([]).shape == (0,)
    for rows in ([[]], [[], []], [["1"]], [["1"], ["2"]], [[None, "1"]]):
        for ids in (
            from_texts(rows),
            from_texts(rows, equivalence=lambda a, b: False),
            identify(rows),
        ):
            assert ids.shape == (len(rows), len(rows[0]))
            assert ids.dtype == np.int64
